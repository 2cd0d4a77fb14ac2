//===- PlacementChoices.cpp - All ways to place one more Einsum -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Join/PlacementChoices.h"

#include "lib/Analysis/RunningValues.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::mapper;

void PlacementChoices::place(const JoinBucket &bucket, int einsum,
                             JoinLayer &next) {
  for (size_t i = 0; i < choices[einsum].searches.size(); ++i)
    placeOn(bucket, einsum, i, next);
}

void PlacementChoices::placeOn(const JoinBucket &bucket, int einsum,
                               size_t choice, JoinLayer &next) {
  Placement p;
  p.from = &bucket;
  p.einsum = einsum;
  p.fact = choices[einsum].nests[choice].get();
  p.search = choices[einsum].searches[choice];
  p.state = bucket.state;
  p.rest = bounds.restOf(bucket.state, einsum);
  p.floor = bucket.entries.front().costs;
  for (const JoinEntry &entry : bucket.entries)
    for (auto [least, cost] : llvm::zip(p.floor, entry.costs))
      least = std::min(least, cost);
  const EinsumChoices &own = choices[einsum];
  p.least = {own.leastEnergy, own.leastTraffic, own.leastCycles};
  if (isHopeless(p))
    return;
  p.keep = p.state.loops.size();
  p.roles = rules.roles(p.state, einsum, p.keep);
  // A loop goes one way for all recurrences below.
  if (!rules.turnLoops(p.state, einsum)) {
    ++progress.counts.illegal;
    return;
  }
  if (!rules.mayRead(p.state, einsum, p.roles)) {
    ++progress.counts.illegal;
    return;
  }
  for (size_t inner = 0; inner < p.state.loops.size(); ++inner)
    for (size_t outer = 0; outer < inner; ++outer)
      if (!JoinRules::mayStandInside(*p.fact, p.state.loops[outer].rank,
                                     p.state.loops[inner].rank)) {
        ++progress.counts.ruledOut;
        return;
      }
  chooseEnds(p, 0, next);
}

/// Whether no plan with the Einsum placed so, as far as that is chosen, is of
/// interest: what holders move is certain, and all else is at least what the
/// Einsum and those after it cost alone.
bool PlacementChoices::isHopeless(const Placement &p) const {
  if (!limits.isHopeless)
    return false;
  auto sum = [](const std::vector<Costs> &costs, int axis) {
    double all = 0;
    for (const Costs &some : costs)
      all += axis < 0 ? 0 : some[axis];
    return all;
  };
  PlanBounds::Rest rest = p.rest;
  rest.energy += sum(p.filled, axes.energy) +
                 std::max(p.least.energy, sum(p.above, axes.energy));
  rest.traffic += sum(p.filled, axes.traffic) +
                  std::max(p.least.traffic, sum(p.above, axes.traffic));
  rest.cycles += p.least.cycles;
  bool isOver =
      bounds.isHopeless(rest, p.floor, states.layoutOf(p.from->state));
  progress.counts.overBound += isOver;
  return isOver;
}

/// Joins the open holders of what it touches; each may be for others to come,
/// or for nobody else.
void PlacementChoices::chooseEnds(Placement &p, size_t at, JoinLayer &next) {
  if (at == p.state.pending.size())
    return chooseHomes(p, 0, next);
  Pending &one = p.state.pending[at];
  int tensor = one.tensor;
  if (!one.isHolder() || !rules.touches(p.einsum, tensor))
    return chooseEnds(p, at + 1, next);
  bool isLast = !rules.hasLaterToucher(p.state, tensor, p.einsum);
  // With everybody inside it would be a home.
  bool isHome =
      isLast && one.hold == Hold::stored && !facts.tensors[tensor].isOutput;
  if (isHome || !rules.mayUse(p.state, one, p.einsum, p.keep) ||
      !mayKeep(p, one.level, {tensor, true})) {
    ++progress.counts.illegal;
    return;
  }
  one.users.push_back(p.einsum);
  if (isLast || rules.mayHaveMoreUsers(p.state, one))
    chooseEnds(p, at + 1, next);
  if (!isLast && p.state.pending[at].depth > 0) {
    p.state.pending[at].ends = true;
    chooseEnds(p, at + 1, next);
    p.state.pending[at].ends = false;
  }
  p.state.pending[at].users.pop_back();
}

/// Constraints on a level are about Einsums on arrays inside it.
bool PlacementChoices::mayKeep(const Placement &p, int level,
                               KeptTensor tensor) const {
  return !llvm::is_contained(p.fact->path, level) ||
         p.fact->constraints->mayKeep(level, tensor);
}

/// Whether the tile of a fused tensor where it lives is one that the user
/// allows there.
bool PlacementChoices::mayHoldHome(const Placement &p,
                                   const Pending &home) const {
  const EinsumOnArray &nest = *p.fact;
  if (!nest.constraints->boundsTiles(home.level))
    return true;
  for (auto [r, rank] : llvm::enumerate(nest.ranks)) {
    int64_t tile = rank.extent;
    for (int d = 0; d < home.depth; ++d)
      if (p.state.loops[d].rank == rank.rank)
        tile = p.state.loops[d].tile;
    if (nest.constraints->isBounded(home.tensor, rank.rank) &&
        !nest.constraints->mayHoldTile(home.level, rank.rank, tile,
                                       rank.extent))
      return false;
  }
  return true;
}

/// Of a sketch, where room at the backing level is short: a tensor of which
/// each step of the recurrences' loops has its own lives there, below these
/// loops, of which there are so many; there is nothing to lose. One of which
/// even a step takes much may also live below further ones.
std::vector<int> PlacementChoices::backedSteps(const Placement &p,
                                               int tensor) const {
  constexpr double kMuch = 0.125;
  if (!limits.plainLoops || !states.isRoomShort() ||
      states.mustLiveAtBacking(tensor) || rules.goesRound(tensor))
    return {};
  const std::vector<SharedLoop> &loops = p.state.loops;
  const TensorFact &fact = facts.tensors[tensor];
  double bytes = static_cast<double>(fact.bytes(fact.elements));
  int depth = 0;
  for (; depth < static_cast<int>(loops.size()); ++depth) {
    int rank = loops[depth].rank;
    if (!llvm::is_contained(limits.carriedRanks, rank) ||
        !rules.sharesRank(tensor, rank))
      break;
    bytes /= static_cast<double>(facts.ranks[rank].extent);
  }
  bool isInside = llvm::all_of(rules.touchers(tensor), [&](int einsum) {
    return rules.recurrence(einsum) == rules.recurrence(fact.producer);
  });
  // Below no loop it is the home that everything has.
  if (depth == 0 || !isInside)
    return {};
  int most = depth;
  if (bytes > kMuch * static_cast<double>(*arch.levels[0].capacityBytes))
    most += static_cast<int>(*limits.plainLoops);
  std::vector<int> depths;
  for (int d = depth; d <= most; ++d)
    depths.push_back(d);
  return depths;
}

/// Where tensors that are touched here for the first time live: all at the
/// backing level, or fused below any number of loops.
void PlacementChoices::chooseHomes(Placement &p, size_t at, JoinLayer &next) {
  std::vector<int> fresh = rules.firstTouched(p.state, p.einsum);
  if (at == fresh.size()) {
    chooseHolders(p, 0, next);
    return;
  }
  int tensor = fresh[at];
  const TensorFact &fact = facts.tensors[tensor];
  bool mayBack = llvm::all_of(rules.touchers(tensor), [&](int einsum) {
    return constraints[einsum].mayLiveAtBacking(tensor);
  });
  bool mustBack = states.mustLiveAtBacking(tensor);
  Pending one;
  one.tensor = tensor;
  one.produced = fact.producer == p.einsum;
  auto chooseNext = [&](const Pending &pending) {
    p.state.pending.push_back(pending);
    chooseHomes(p, at + 1, next);
    p.state.pending.pop_back();
  };
  // With the loops up to `need` open until the tensor is dead, or, where it
  // goes round in them, until it has.
  auto chooseLoops = [&](Pending pending) {
    if (p.state.pipelined && pending.need > p.keep)
      return;
    chooseNext(pending);
    pending.whole = true;
    if (rules.mayEndEarly(tensor))
      chooseNext(pending);
  };
  std::vector<int> steps =
      mayBack ? backedSteps(p, tensor) : std::vector<int>();
  for (int depth : steps) {
    if (p.state.pipelined && depth > p.keep)
      break;
    one.level = 0;
    one.depth = one.need = depth;
    p.homes.push_back({tensor, 0, depth});
    chooseNext(one);
    p.homes.pop_back();
    one.level = -1;
    one.depth = one.need = 0;
  }
  if (steps.empty() && (mayBack || fact.isOutput)) {
    // Members of a recurrence share the loop that carries it.
    if (!rules.goesRound(tensor))
      chooseNext(one);
    if (rules.mayGoRound(tensor))
      for (one.need = 1; one.need <= static_cast<int>(limits.space.sharedLoops);
           ++one.need)
        chooseLoops(one);
    one.need = 0;
  }
  if (mustBack || !limits.space.fusion)
    return;
  for (int level = 0; level < static_cast<int>(arch.levels.size()); ++level) {
    bool isBacking = level == 0;
    if (isBacking ? !mayBack || !states.isRoomShort() || limits.plainLoops
                  : !states.mayLiveAt(tensor, level))
      continue;
    for (int depth = isBacking;
         depth <= static_cast<int>(limits.space.sharedLoops); ++depth) {
      one.level = level;
      one.depth = one.need = depth;
      if (p.state.pipelined && depth > p.keep)
        break;
      p.homes.push_back({tensor, level, depth});
      chooseNext(one);
      // A running value: only its last steps are kept, if the loop that carries
      // it goes on until nobody needs it.
      if (fact.iterativeRank >= 0 && fact.hasInitialValue)
        for (one.need = depth + 1;
             one.need <= static_cast<int>(limits.space.sharedLoops); ++one.need)
          chooseLoops(one);
      p.homes.pop_back();
    }
  }
}

/// Whether the placed Einsum may begin a holder of the tensor that others will
/// use as well.
bool PlacementChoices::mayHaveHolder(const Placement &p, int tensor) const {
  const TensorFact &fact = facts.tensors[tensor];
  if (!rules.touches(p.einsum, tensor) || fact.iterativeRank >= 0 ||
      !rules.hasLaterToucher(p.state, tensor, p.einsum))
    return false;
  for (const Pending &one : p.state.pending)
    if (one.tensor == tensor && (one.level >= 0 || one.need > 0))
      return false;
  // What it makes is delivered if somebody else needs it: all of it?
  return fact.producer != p.einsum || fact.isOutput ||
         rules.isReadWhole(tensor);
}

/// Calls `fn(level, depth)` for each place.
template <typename Fn>
void PlacementChoices::forEachHolder(const Placement &p, int tensor,
                                     Fn fn) const {
  int most =
      p.state.pipelined ? p.keep : static_cast<int>(limits.space.sharedLoops);
  for (int level = 1; level < static_cast<int>(arch.levels.size()); ++level) {
    if (!states.isOnPath(tensor, level) || !mayKeep(p, level, {tensor, true}))
      continue;
    // Not for everybody: it would be a home.
    bool isSome = facts.tensors[tensor].producer == p.einsum &&
                  !facts.tensors[tensor].isOutput;
    if (isSome && rules.touchers(tensor).size() == 2)
      continue;
    for (int depth = isSome; depth <= most; ++depth)
      if (rules.isFirstBelow(p.state, tensor, depth))
        fn(level, depth);
  }
}

/// Holders that begin here, of what lives at the backing level.
void PlacementChoices::chooseHolders(Placement &p, size_t at, JoinLayer &next) {
  if (at == p.fact->operands.size()) {
    int need = p.keep;
    for (const Pending &one : p.state.pending)
      need = std::max(need, one.need);
    return openLoops(p, need, next);
  }
  chooseHolders(p, at + 1, next);
  int tensor = p.fact->operands[at].tensor;
  if (!limits.space.fusion || !limits.space.sharedHolders ||
      !mayHaveHolder(p, tensor))
    return;
  std::vector<Pending> before = p.state.pending;
  bool heldAroundAll = p.state.holdsAroundAll;
  if (!states.findPending(p.state, tensor))
    p.state.pending.emplace_back().tensor = tensor;
  Pending begun = *states.findPending(p.state, tensor);
  bool makes = facts.tensors[tensor].producer == p.einsum;
  begun.hold = makes ? Hold::stored : Hold::fetched;
  begun.users = {p.einsum};
  forEachHolder(p, tensor, [&](int level, int depth) {
    begun.level = level;
    begun.depth = begun.need = depth;
    if (!rules.mayUse(p.state, begun, p.einsum, p.keep))
      return;
    *states.findPending(p.state, tensor) = begun;
    p.state.holdsAroundAll = heldAroundAll || depth == 0;
    p.homes.push_back({tensor, level, depth, /*isHolder=*/true});
    chooseHolders(p, at + 1, next);
    p.homes.pop_back();
  });
  p.state.pending = std::move(before);
  p.state.holdsAroundAll = heldAroundAll;
}

static std::vector<WindowLoop> windowLoopsOf(const JoinState &state) {
  std::vector<WindowLoop> loops;
  for (const SharedLoop &loop : state.loops)
    if (loop.halo != Halo::none)
      loops.push_back({loop.rank, loop.tile, loop.halo});
  return loops;
}

unsigned PlacementChoices::countPlainLoops(const JoinState &state) const {
  return llvm::count_if(state.loops, [&](const SharedLoop &loop) {
    return !llvm::is_contained(limits.carriedRanks, loop.rank);
  });
}

/// New shared loops until there are `need`.
void PlacementChoices::openLoops(Placement &p, int need, JoinLayer &next) {
  if (progress.isStopped())
    return;
  int depth = p.state.loops.size();
  for (const Pending &one : p.state.pending)
    if (one.isHolder() && one.users.size() == 1 &&
        one.users.front() == p.einsum && !rules.mayHaveMoreUsers(p.state, one))
      return;
  if (depth == need)
    return finishLoops(p, next);
  if (p.state.pipelined)
    return; // its stages are single Einsums
  openWindowLoops(p, need, next);
  const EinsumOnArray &nest = *p.fact;
  std::vector<WindowLoop> windows = windowLoopsOf(p.state);
  const Following *following =
      windows.empty() ? nullptr : followers.follow(p.einsum, windows);
  for (size_t r = 0; r < nest.ranks.size(); ++r) {
    const LocalRank &rank = nest.ranks[r];
    unsigned same = 0;
    int64_t around = rank.extent;
    // Of what follows demand, loops divide what is asked for.
    const FollowedRank *followed =
        following ? following->find(rank.rank) : nullptr;
    const LocalRank *own = &rank;
    if (followed) {
      const FollowerNests::Nest &made = followers.find(nest, *following);
      own = &made.fact->ranks[r];
      around = own->tiles[1];
    }
    int64_t whole = around;
    for (const SharedLoop &loop : p.state.loops)
      if (loop.rank == rank.rank) {
        ++same;
        around = loop.tile;
      }
    bool isCarried = llvm::is_contained(limits.carriedRanks, rank.rank);
    if (same >= limits.space.sharedLoopsPerRank ||
        !rules.mayOpen(p.state, p.einsum, rank.rank, depth) ||
        (limits.plainLoops && !isCarried &&
         countPlainLoops(p.state) >= *limits.plainLoops))
      continue;
    if (llvm::any_of(p.state.loops, [&](const SharedLoop &loop) {
          return !JoinRules::mayStandInside(nest, loop.rank, rank.rank);
        })) {
      ++progress.counts.ruledOut;
      continue;
    }
    for (int64_t tile : own->tiles)
      if (tile < around && (around % tile == 0 || around == whole) &&
          (tile == 1 || !isCarried || !limits.plainLoops) &&
          (followed || states.isTileOfAll(rank.rank, tile)))
        openEitherWay(p, need, rank.rank, tile, next);
  }
}

/// A loop that goes the way of the Einsum's recurrence; or, where one that goes
/// down may come below, up without it or down.
void PlacementChoices::openEitherWay(Placement &p, int need, int rank,
                                     int64_t tile, JoinLayer &next) {
  SharedLoop loop{rank, tile, rules.directionOf(p.einsum, rank)};
  if (loop.direction == 0 && rules.mayTurn(p.state, p.einsum, rank)) {
    loop.direction = -1;
    loop.owed = true;
    openLoop(p, need, loop, next);
    loop.direction = 1;
    loop.owed = false;
  }
  openLoop(p, need, loop, next);
}

void PlacementChoices::openLoop(Placement &p, int need, const SharedLoop &loop,
                                JoinLayer &next) {
  p.state.loops.push_back(loop);
  p.roles.push_back(Role::everyStep);
  openLoops(p, need, next);
  p.roles.pop_back();
  p.state.loops.pop_back();
}

/// Loops over ranks that the Einsum lacks, around the home of its result.
void PlacementChoices::openWindowLoops(Placement &p, int need,
                                       JoinLayer &next) {
  if (!limits.windows)
    return;
  bool isFirst = true;
  for (const SharedLoop &loop : p.state.loops) {
    if (loop.halo == Halo::retained)
      return;
    isFirst &= loop.halo == Halo::none;
  }
  int depth = p.state.loops.size();
  bool hasHomeInside = llvm::any_of(p.state.pending, [&](const Pending &one) {
    return one.level > 0 && !one.isHolder() && one.depth > depth &&
           facts.tensors[one.tensor].producer == p.einsum;
  });
  if (!hasHomeInside)
    return;
  for (int rank : followers.ranksAround(p.einsum)) {
    if (llvm::any_of(p.state.loops,
                     [&](const SharedLoop &loop) { return loop.rank == rank; }))
      continue;
    const LocalRank *owned = nullptr;
    for (const EinsumChoices &choice : choices)
      if (int at = choice.nests.front()->findRank(rank); at >= 0)
        owned = &choice.nests.front()->ranks[at];
    for (int64_t tile : owned->tiles) {
      if (tile >= owned->extent)
        continue;
      if (limits.space.recompute)
        openLoop(p, need, {rank, tile, 0, false, Halo::recomputed}, next);
      if (limits.space.retain && (limits.space.recompute || isFirst))
        openLoop(p, need, {rank, tile, 0, false, Halo::retained}, next);
    }
  }
}

/// Whether everything about window loops is as README.md, 9, says; then the
/// Einsum has the nests of what is asked for.
bool PlacementChoices::followLoops(Placement &p) {
  std::vector<WindowLoop> windows = {};
  int last = -1;
  for (int d = 0; d < static_cast<int>(p.state.loops.size()); ++d) {
    const SharedLoop &loop = p.state.loops[d];
    if (loop.halo != Halo::none)
      windows.push_back({loop.rank, loop.tile, loop.halo});
    if (windows.empty() || facts.einsums[p.einsum].iterates(loop.rank))
      continue;
    if (loop.halo == Halo::none)
      return false; // nobody is guarded below a window loop
    last = d;
  }
  if (last < 0)
    return true;
  const Following *following = followers.follow(p.einsum, windows);
  if (!following)
    return false;
  int tensor = facts.einsums[p.einsum].writes[0].tensor;
  Pending *home = states.findPending(p.state, tensor);
  if (!home || home->level <= 0 || home->isHolder() || home->depth <= last)
    return false;
  bool retains =
      following->hasHalo && p.state.loops[last].halo == Halo::retained;
  if (retains && home->depth != last + 1)
    return false;
  for (int d = 0; d < static_cast<int>(p.state.loops.size()); ++d)
    if (following->find(p.state.loops[d].rank) &&
        (d < last || (following->hasHalo && d < home->depth)))
      return false;
  // What is read point by point is made inside the home that asks for it.
  home->inside = home->depth;
  for (const Pending &other : p.state.pending)
    if (other.asked > 0 && other.tensor != tensor &&
        rules.touches(p.einsum, other.tensor) &&
        !isMadeApart(p.einsum, other.tensor))
      home->inside = std::min(home->inside, other.inside);
  if (following->hasHalo && home->inside < home->depth)
    return false;
  home->asked = states.askedWords(p.state, tensor, home->depth, *following);
  home->retained = retains;
  for (Home &one : p.homes)
    if (one.tensor == tensor)
      one.halo = !following->hasHalo ? Halo::none
                 : retains           ? Halo::retained
                                     : Halo::recomputed;
  const FollowerNests::Nest &made = followers.find(*p.fact, *following);
  if (!made.search)
    return false;
  for (const SharedLoop &loop : p.state.loops)
    if (int r = made.fact->findRank(loop.rank);
        r >= 0 && !llvm::is_contained(made.fact->ranks[r].tiles, loop.tile))
      return false;
  p.fact = made.fact.get();
  p.search = made.search;
  return true;
}

/// Whether the Einsum reads the tensor elsewhere than point by point.
bool PlacementChoices::isMadeApart(int einsum, int tensor) const {
  const AccessFact &write = rules.write(tensor);
  return llvm::any_of(facts.einsums[einsum].reads, [&](const AccessFact &read) {
    return read.tensor == tensor &&
           llvm::any_of(llvm::zip(read.coordinates, write.coordinates),
                        [](const auto &pair) {
                          const auto &[r, w] = pair;
                          return r.terms.size() != 1 || r.constant != 0 ||
                                 r.terms[0].rank != w.terms[0].rank;
                        });
  });
}

void PlacementChoices::finishLoops(Placement &p, JoinLayer &next) {
  int depth = p.state.loops.size();
  bool isNewRun = depth > p.keep;
  Placement followed = p;
  if (!followLoops(followed)) {
    ++progress.counts.unlikeHalos;
    return;
  }
  for (const Pending &one : followed.state.pending) {
    bool isLate = one.whole && !one.again &&
                  rules.isLastTouch(followed.state, one.tensor, p.einsum);
    if (isLate || ((one.level >= 0 || one.need > 0) &&
                   !rules.mayLive(followed.state, one, p.einsum, p.keep))) {
      ++progress.counts.illegal;
      return;
    }
  }
  chooseSplit(followed, isNewRun, next);
}

/// What holders move more now that the placed Einsum is one of their users.
void PlacementChoices::addFills(Placement &p) const {
  p.filled.assign(p.state.loops.size() + 1, Costs{});
  for (const Pending &one : p.state.pending) {
    if (!one.isHolder() || one.users.back() != p.einsum)
      continue;
    llvm::ArrayRef<int> users = one.users;
    Costs before = states.fillsOf(p.state, one, users.drop_back()),
          now = states.fillsOf(p.state, one, users);
    for (size_t i = 0; i < now.size(); ++i)
      p.filled[one.depth][i] += now[i] - before[i];
  }
}

/// A new run of Einsums becomes a sequence or a pipeline.
void PlacementChoices::chooseSplit(Placement &p, bool isNewRun,
                                   JoinLayer &next) {
  bool wasPipelined = p.state.pipelined;
  int openedAt = p.state.openedAt;
  auto go = [&] {
    Placement stage = p;
    if (stage.state.pipelined && !enterPipeline(stage))
      return;
    stage.above.assign(stage.state.loops.size() + 1, Costs{});
    stage.tiles = tilesBelow(stage.state, *stage.fact, *stage.search,
                             static_cast<int>(stage.state.loops.size()));
    const EinsumOnArray &nest = *stage.fact;
    for (size_t o = 0; o < nest.operands.size(); ++o) {
      Pending *home = states.findPending(stage.state, nest.operands[o].tensor);
      if (!home || home->level <= 0)
        continue;
      bool isHolder = home->isHolder();
      auto found = llvm::find(nest.path, home->level);
      bool isOff = found == nest.path.end();
      int index = found - nest.path.begin();
      KeptTensor kept{home->tensor, isHolder};
      for (int i = isHolder; i < index; ++i)
        if (nest.constraints->mustKeep(nest.path[i], kept)) {
          ++progress.counts.illegal;
          return;
        }
      if (!mayKeep(stage, home->level, kept) ||
          (!isOff && !mayHoldHome(stage, *home))) {
        ++progress.counts.illegal;
        return;
      }
      stage.holdings[o] = isOff      ? stage.search->codeOffPath(home->level)
                          : isHolder ? index
                                     : Holding::kOutside + index;
    }
    addFills(stage);
    stage.rest = bounds.restOf(stage.state, stage.einsum);
    for (const SharedLoop &loop : stage.state.loops)
      stage.loopRanks.push_back(nest.findRank(loop.rank));
    if (!isHopeless(stage))
      chooseHolds(stage, 0, 0, next);
  };
  std::vector<StagePattern> patterns = p.state.patterns;
  if (isNewRun) {
    p.state.pipelined = false;
    p.state.openedAt = p.keep;
    p.state.patterns.clear();
  }
  go();
  bool followsDemand = llvm::any_of(p.state.loops, [](const SharedLoop &loop) {
    return loop.halo != Halo::none;
  });
  if (isNewRun && limits.space.pipelines && axes.cycles >= 0 &&
      !arch.accounting.sequential && !followsDemand) {
    p.state.pipelined = true;
    go();
  }
  p.state.pipelined = wasPipelined;
  p.state.openedAt = openedAt;
  p.state.patterns = std::move(patterns);
}

/// Steps of a running value that stages of a pipeline keep: these are held
/// together. Whether slots reach over several steps of the loop that carries it
/// is certain where nothing else stands between.
void PlacementChoices::addWaiting(const Placement &p, Pending &one) const {
  const TensorFact &tensor = facts.tensors[one.tensor];
  int depth = static_cast<int>(p.state.loops.size());
  if (one.isHolder() || one.need <= one.depth || one.whole || one.need > depth)
    return;
  int64_t tile = p.state.loops[one.need - 1].tile;
  bool lags = one.need == depth && !arch.accounting.singleBuffers;
  auto wait = [&](const StepsBack &back, int64_t lag) {
    if (auto steps =
            countStepsKept(back, ReadTurn::stage, tile, lags ? lag : 0))
      one.waits = std::max(one.waits, *steps);
  };
  if (tensor.producer == p.einsum) {
    if (one.reach >= 0)
      wait({StepsBack::near, one.reach}, 0);
    return;
  }
  for (const AccessFact &read : facts.einsums[p.einsum].reads) {
    if (read.tensor != one.tensor)
      continue;
    StepsBack back = findStepsBack(facts, read);
    if (one.lag >= 0)
      wait(back, p.lag - one.lag);
    else if (!one.produced && back.kind == StepsBack::near)
      one.reach = std::max(one.reach, back.steps);
  }
}

/// The lag of a new stage: behind what it reads, one more on another array.
bool PlacementChoices::enterPipeline(Placement &p) {
  int depth = p.state.loops.size(), array = p.fact->array;
  p.lag = 0;
  for (const Pending &one : p.state.pending)
    if (one.born >= depth && one.lag >= 0 &&
        rules.touches(p.einsum, one.tensor))
      p.lag = std::max(p.lag, one.lag + (one.array != array));
  if (p.lag > kMaxLag)
    return false;
  StagePattern pattern;
  for (int d = 0; d < depth; ++d) {
    pattern.firstStep |= (p.roles[d] == Role::firstStep) << d;
    pattern.lastStep |= (p.roles[d] == Role::lastStep) << d;
  }
  auto found = llvm::find(p.state.patterns, pattern);
  p.pattern = static_cast<int>(found - p.state.patterns.begin());
  if (found == p.state.patterns.end())
    p.state.patterns.push_back(pattern);
  for (Pending &one : p.state.pending) {
    if (!rules.touches(p.einsum, one.tensor))
      continue;
    if (one.firstLag < 0)
      one.firstLag = one.lastLag = p.lag;
    one.firstLag = std::min(one.firstLag, p.lag);
    one.lastLag = std::max(one.lastLag, p.lag);
    if (facts.tensors[one.tensor].producer == p.einsum) {
      one.lag = p.lag;
      one.array = array;
    }
    addWaiting(p, one);
  }
  // Members of one recurrence work on the same iteration.
  for (const Pending &one : p.state.pending)
    if (facts.tensors[one.tensor].iterativeRank >= 0 && one.firstLag >= 0 &&
        rules.recurrence(p.einsum) ==
            rules.recurrence(facts.tensors[one.tensor].producer) &&
        rules.touches(p.einsum, one.tensor) && one.firstLag != one.lastLag)
      return false;
  return true;
}

/// Operands held between the shared loops.
void PlacementChoices::chooseHolds(Placement &p, int depth, size_t operand,
                                   JoinLayer &next) {
  const EinsumOnArray &nest = *p.fact;
  int last = p.state.loops.size();
  if (depth == last)
    return extender.addNests(p, next);
  if (operand == nest.operands.size())
    return chooseHolds(p, depth + 1, 0, next);
  chooseHolds(p, depth, operand + 1, next);
  const Operand &fact = nest.operands[operand];
  // Others could not use it there: of the few plans of a sketch, all may have
  // such a holder, and end here.
  if (limits.plainLoops &&
      rules.hasLaterToucher(p.state, fact.tensor, p.einsum))
    return;
  uint8_t from = p.holdings[operand];
  if (from >= Holding::kOffPath ||
      !rules.mayHoldAbove(p.state, fact.tensor, depth, p.keep))
    return;
  if (const Pending *home = states.findPending(p.state, fact.tensor);
      home && home->level >= 0 && home->depth > depth)
    return;
  for (int i = from % Holding::kOutside + 1;
       i < static_cast<int>(nest.path.size()) && nest.stages[i] == 0; ++i) {
    Costs before = p.above[depth], leafBefore = p.atLeaf;
    if (auto held = p.search->hold(p.above[depth], p.atLeaf, operand, from, i,
                                   p.tileAt(depth))) {
      p.holds.push_back({static_cast<int>(operand), nest.path[i], depth});
      p.holdings[operand] = *held;
      // Further in at the same place, or go on.
      if (!isHopeless(p))
        chooseHolds(p, depth, operand, next);
      p.holdings[operand] = from;
      p.holds.pop_back();
    }
    p.above[depth] = before;
    p.atLeaf = leafBefore;
  }
}
