//===- StateFacts.cpp - What follows from a state of a join ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Join/StateFacts.h"

#include "lib/Analysis/RunningValues.h"
#include "lib/Mapper/TouchedElements.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cassert>

using namespace einsum;
using namespace einsum::mapper;

StateFacts::StateFacts(const JoinProblem &problem) : JoinProblem(problem) {
  layout.resources = axes.resources.size();
  layout.levels = axes.levels.size();
  layout.arrays = arch.arrays.size();
  for (const EinsumChoices &one : choices)
    for (const auto &nest : one.nests)
      isCut |= nest->cut != nullptr;
  listTilesOfAll();
  listAroundAll();
  listWaits();
  listBacked();
}

void StateFacts::listTilesOfAll() {
  tilesOfAll.resize(facts.ranks.size());
  std::vector<bool> isListed(facts.ranks.size(), false);
  for (const EinsumChoices &one : choices)
    for (const auto &nest : one.nests)
      for (const LocalRank &rank : nest->ranks) {
        std::vector<int64_t> &all = tilesOfAll[rank.rank];
        if (!isListed[rank.rank])
          all = rank.tiles;
        else if (all != rank.tiles)
          llvm::erase_if(all, [&](int64_t tile) {
            return !llvm::is_contained(rank.tiles, tile);
          });
        isListed[rank.rank] = true;
      }
}

/// Shared loops have tiles that all Einsums below them have (isTileOfAll).
llvm::SmallVector<uint32_t, 8> mapper::tilesBelow(const JoinState &state,
                                                  const EinsumOnArray &nest,
                                                  const NestSearch &search,
                                                  int depth) {
  const TileCodec &codec = search.getCodec();
  llvm::SmallVector<uint32_t, 8> codes = {0};
  for (int d = 0; d < depth; ++d) {
    const SharedLoop &loop = state.loops[d];
    uint32_t code = codes.back();
    if (loop.halo != Halo::none)
      for (int r = 0; r < static_cast<int>(nest.ranks.size()); ++r)
        if (nest.ranks[r].movedBy == loop.rank)
          code = codec.with(code, r, 1);
    if (int rank = nest.findRank(loop.rank); rank >= 0) {
      auto found = llvm::find(nest.ranks[rank].tiles, loop.tile);
      assert(found != nest.ranks[rank].tiles.end() && "the same for all");
      code = codec.with(code, rank, found - nest.ranks[rank].tiles.begin());
    }
    codes.push_back(code);
  }
  return codes;
}

/// What each Einsum waits for: members of its recurrence that come earlier, and
/// whoever writes what it reads, or, in order, the one before.
void StateFacts::listWaits() {
  int count = static_cast<int>(facts.einsums.size());
  waitsFor.resize(count);
  if (!limits.space.reorder) {
    std::vector<int> order = rules.listTogether();
    for (auto [before, einsum] : llvm::zip(order, llvm::drop_begin(order)))
      waitsFor[einsum].push_back(before);
  }
  for (int e = 0; e < count; ++e) {
    for (const AccessFact &access : facts.einsums[e].reads) {
      int producer = facts.tensors[access.tensor].producer;
      if (producer >= 0 && rules.recurrence(producer) != rules.recurrence(e))
        waitsFor[e].push_back(producer);
    }
    int &last = lastMember[rules.recurrence(e)];
    if (last > 0)
      waitsFor[e].push_back(last - 1);
    last = e + 1;
  }
}

bool StateFacts::isReady(const JoinState &state, int einsum) const {
  return !state.isDone(einsum) &&
         (state.unfinished < 0 ||
          rules.recurrence(einsum) == state.unfinished) &&
         llvm::all_of(waitsFor[einsum],
                      [&](int other) { return state.isDone(other); });
}

std::vector<int> StateFacts::listReady(const JoinState &state) const {
  std::vector<int> ready;
  for (int e = 0; e < static_cast<int>(facts.einsums.size()); ++e)
    if (isReady(state, e)) {
      ready.push_back(e);
      if (!limits.space.reorder)
        break; // the others wait for it
    }
  return ready;
}

Pending *StateFacts::findPending(JoinState &state, int tensor) const {
  for (Pending &one : state.pending)
    if (one.tensor == tensor)
      return &one;
  return nullptr;
}

/// Steps of the loops down to `depth`, all in all, but for those of `guarded`
/// loops. Inner tiles divide, so loops over one rank make as many as the
/// innermost tile of it.
double StateFacts::steps(const JoinState &state, int depth,
                         uint32_t guarded) const {
  double count = 1;
  for (int d = 0; d < depth; ++d) {
    auto isSame = [&](const SharedLoop &loop) {
      return loop.rank == state.loops[d].rank;
    };
    auto begin = state.loops.begin();
    if (!(guarded >> d & 1) &&
        std::none_of(begin + d + 1, begin + depth, isSame))
      count *= static_cast<double>(llvm::divideCeil(
          facts.ranks[state.loops[d].rank].extent, state.loops[d].tile));
  }
  return count;
}

/// Steps of its iterative rank that a running value needs at its home, at most
/// `whole`; `whole` if it is none, or all of it is kept.
int64_t StateFacts::stepsAt(const JoinState &state, const Pending &home,
                            int64_t whole) const {
  const TensorFact &tensor = facts.tensors[home.tensor];
  if (home.need <= home.depth || home.whole)
    return whole;
  int64_t tile = whole;
  for (int d = home.depth; d < home.need; ++d)
    if (state.loops[d].rank == tensor.iterativeRank)
      tile = state.loops[d].tile;
  std::optional<int64_t> steps =
      countStepsInSequence(facts, home.tensor, tile, [&](int einsum) {
        return einsum <= tensor.producer &&
               rules.recurrence(einsum) == rules.recurrence(tensor.producer);
      });
  return std::min(whole, std::max(steps.value_or(whole), home.waits));
}

/// The most that a step of the loops around its home produces of a tensor.
uint64_t StateFacts::cutWords(const JoinState &state,
                              const Pending &home) const {
  const TensorFact &tensor = facts.tensors[home.tensor];
  const EinsumOnArray &nest = *choices[tensor.producer].nests.front();
  llvm::SmallVector<int64_t, 8> tiles;
  for (const LocalRank &rank : nest.ranks) {
    tiles.push_back(rank.extent);
    for (int d = 0; d < home.depth; ++d)
      if (state.loops[d].rank == rank.rank)
        tiles.back() = state.loops[d].tile;
    if (rank.rank == tensor.iterativeRank)
      tiles.back() = stepsAt(state, home, tiles.back());
  }
  return nest.cut->largest(nest.findOperand(home.tensor), tiles);
}

/// The same where every step produces a box.
uint64_t StateFacts::boxWords(const JoinState &state,
                              const Pending &home) const {
  const TensorFact &tensor = facts.tensors[home.tensor];
  uint64_t words = 1;
  for (const Coordinate &coordinate : rules.write(home.tensor).coordinates)
    for (const Coordinate::Term &term : coordinate.terms) {
      int64_t tile = facts.ranks[term.rank].extent;
      for (int d = 0; d < home.depth; ++d)
        if (state.loops[d].rank == term.rank)
          tile = state.loops[d].tile;
      if (term.rank == tensor.iterativeRank)
        tile = stepsAt(state, home, tile);
      words *= tile;
    }
  return words;
}

/// Bytes of a fused tensor at its home.
uint64_t StateFacts::homeBytes(const JoinState &state,
                               const Pending &home) const {
  const TensorFact &tensor = facts.tensors[home.tensor];
  uint64_t bytes = 0;
  if (home.isHolder()) {
    bytes = holderBytes(state, home);
  } else if (home.asked) {
    bytes = leastBytes(facts, home.tensor, home.asked);
  } else {
    uint64_t words = boxWords(state, home);
    if (choices[tensor.producer].nests.front()->cut)
      words = std::min(words, cutWords(state, home));
    bytes = leastBytes(facts, home.tensor, words);
  }
  uint64_t slots = 1;
  if (state.pipelined && home.depth == static_cast<int>(state.loops.size()) &&
      !arch.accounting.singleBuffers && home.firstLag >= 0)
    slots += home.lastLag - home.firstLag;
  return bytes * slots;
}

/// The most that one of its users needs of it.
uint64_t StateFacts::holderBytes(const JoinState &state,
                                 const Pending &holder) const {
  uint64_t bytes = 0;
  for (int user : holder.users) {
    const NestSearch &search = *choices[user].searches.front();
    const EinsumOnArray &nest = *choices[user].nests.front();
    bytes = std::max(
        bytes, search.heldBytes(nest.findOperand(holder.tensor), holder.level,
                                tileBelow(state, nest, search, holder.depth)));
  }
  return bytes;
}

uint64_t StateFacts::askedWords(const JoinState &state, int tensor, int depth,
                                const Following &following) const {
  uint64_t words = 1;
  for (const Coordinate &coordinate : rules.write(tensor).coordinates) {
    int rank = coordinate.terms[0].rank;
    const FollowedRank *followed = following.find(rank);
    int64_t tile = followed ? followed->mostHeld : facts.ranks[rank].extent;
    for (int d = 0; d < depth; ++d)
      if (state.loops[d].rank == rank)
        tile = std::min(tile, state.loops[d].tile);
    words *= tile;
  }
  return words;
}

/// What passes between a holder and the backing level: no less than one of its
/// users alone asks for, the same for all where they read alike.
Costs StateFacts::fillsOf(const JoinState &state, const Pending &holder,
                          llvm::ArrayRef<int> users) const {
  Costs most{};
  for (int user : users) {
    bool makes = facts.tensors[holder.tensor].producer == user;
    if (makes != (holder.hold == Hold::stored))
      continue;
    const NestSearch &search = *choices[user].searches.front();
    const EinsumOnArray &nest = *choices[user].nests.front();
    Costs costs{};
    search.addHolder(costs, nest.findOperand(holder.tensor), holder.level,
                     tileBelow(state, nest, search, holder.depth));
    for (size_t i = 0; i < costs.size(); ++i)
      most[i] = std::max(most[i], costs[i]);
  }
  return most;
}

double StateFacts::liveBytes(const JoinState &state, int depth,
                             int level) const {
  double bytes = 0;
  for (const Pending &one : state.pending)
    if (one.level == level && one.depth == depth)
      bytes += static_cast<double>(homeBytes(state, one));
  return bytes;
}

bool StateFacts::fits(double bytes, int axis) const {
  const arch::Level &level = arch.levels[axes.levels[axis]];
  return !level.capacityBytes ||
         bytes <=
             static_cast<double>(*level.capacityBytes * arch.instances(level));
}

/// A level of one instance that somebody who touches the tensor can reach.
bool StateFacts::isOnPath(int tensor, int level) const {
  const arch::Level &fact = arch.levels[level];
  if (level == 0 || fact.perArray >= 0 || !fact.dims.empty())
    return false;
  return llvm::any_of(rules.touchers(tensor), [&](int einsum) {
    return llvm::any_of(choices[einsum].nests, [&](const auto &nest) {
      return llvm::is_contained(nest->path, level);
    });
  });
}

void StateFacts::listBacked() {
  double all = 0;
  for (int t = 0; t < static_cast<int>(facts.tensors.size()); ++t)
    all += static_cast<double>(allBytes(facts, t));
  roomIsShort = arch.levels[0].capacityBytes &&
                all > static_cast<double>(*arch.levels[0].capacityBytes);
  bool isWatched = llvm::any_of(
      axes.levels, [&](int level) { return arch.levels[level].parent < 0; });
  if (!isWatched)
    return;
  for (int t = 0; t < static_cast<int>(facts.tensors.size()); ++t)
    backed.push_back(
        {static_cast<double>(leastBytes(facts, t, countTouched(facts, t))),
         static_cast<double>(leastHomeBytes(facts, t))});
}

/// Whether some loop over its rank encloses all that touch a running value, so
/// that only steps of it take space where it lives: one around this Einsum,
/// that stays open for others.
bool StateFacts::mayBeCarried(const JoinState &state, int einsum,
                              int tensor) const {
  bool isOnly = true, isLast = true;
  for (int other : rules.touchers(tensor)) {
    isOnly &= other == einsum;
    isLast &= other == einsum || state.isDone(other);
  }
  int need = 0; // loops that stay open
  for (const Pending &one : state.pending)
    need = std::max(need, one.need);
  for (int d = 0; d < static_cast<int>(state.loops.size()); ++d)
    isOnly |= state.loops[d].rank == facts.tensors[tensor].iterativeRank &&
              (isLast || d < need);
  return isOnly;
}

double StateFacts::backedBytes(const JoinState &state, int einsum,
                               bool isFirst) const {
  double bytes = 0;
  for (int t = 0; t < static_cast<int>(backed.size()); ++t) {
    bool isBegun = llvm::any_of(rules.touchers(t), [&](int other) {
      return other != einsum && state.isDone(other);
    });
    bool isLeft = llvm::any_of(rules.touchers(t),
                               [&](int other) { return !state.isDone(other); });
    bool isOwn = rules.touches(einsum, t);
    if (isFirst ? !isOwn && !(isBegun && isLeft) : !isOwn || isBegun)
      continue;
    bool isOnChip = llvm::any_of(state.pending, [&](const Pending &one) {
      return one.tensor == t && one.level >= 0 && !one.isHolder();
    });
    bool isCarried = isOwn && !isBegun && mayBeCarried(state, einsum, t);
    bytes += isOnChip ? 0 : isCarried ? backed[t].step : backed[t].whole;
  }
  return bytes;
}

bool StateFacts::mayLiveAt(int tensor, int level) const {
  return isOnPath(tensor, level) &&
         llvm::all_of(rules.touchers(tensor), [&](int einsum) {
           // Or it runs where the level is not on its way.
           return constraints[einsum].mayKeep(level, {tensor, false}) ||
                  llvm::any_of(choices[einsum].nests, [&](const auto &nest) {
                    return !llvm::is_contained(nest->path, level);
                  });
         });
}

bool StateFacts::mustLiveAtBacking(int tensor) const {
  return facts.tensors[tensor].isOutput || rules.touchers(tensor).size() < 2 ||
         llvm::any_of(
             rules.touchers(tensor),
             [&](int einsum) {
               return constraints[einsum].mustKeep(0, {tensor, true});
             });
}

void StateFacts::listAroundAll() {
  if (!limits.space.fusion || !limits.space.sharedHolders)
    return;
  for (int t = 0; t < static_cast<int>(facts.tensors.size()); ++t) {
    const TensorFact &fact = facts.tensors[t];
    // What is made and read only would be a home.
    if (rules.touchers(t).size() > 1 && fact.iterativeRank < 0 &&
        (fact.isInput || fact.isOutput))
      aroundAll.push_back(t);
  }
}

/// Whether what children of the root move matters not to them alone: there are
/// holders around all that move beside them, or may be, of what nobody has
/// touched until `einsum`.
bool StateFacts::movesWithOthers(const JoinState &state, int einsum) const {
  return state.holdsAroundAll || llvm::any_of(aroundAll, [&](int tensor) {
           return llvm::none_of(rules.touchers(tensor), [&](int other) {
             return other == einsum || state.isDone(other);
           });
         });
}

/// Whether all steps of all open loops are alike.
bool StateFacts::isEven(const JoinState &state) const {
  for (size_t d = 0; d < state.loops.size(); ++d)
    if (facts.ranks[state.loops[d].rank].extent % state.loops[d].tile != 0)
      return false; // inner tiles divide
  return !isCut;
}
