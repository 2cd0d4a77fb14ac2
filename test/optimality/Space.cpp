//===- Space.cpp - Every frame of the space, one by one -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/optimality/Space.h"

#include "llvm/ADT/STLExtras.h"

#include <limits>
#include <set>

using namespace einsum;
using namespace einsum::optimality;

Space::Space(const CascadeFacts &facts, const arch::ArchSpec &arch,
             const Limits &limits)
    : facts(facts), arch(arch), limits(limits),
      ordersLoops(llvm::any_of(arch.constraints.levels,
                               [](const arch::LevelConstraint &one) {
                                 return one.order.size() > 1;
                               })) {}

//===----------------------------------------------------------------------===//
// Facts
//===----------------------------------------------------------------------===//

bool Space::touches(int einsum, int tensor) const {
  const EinsumFact &fact = facts.einsums[einsum];
  auto isMeant = [&](const AccessFact &a) { return a.tensor == tensor; };
  return llvm::any_of(fact.reads, isMeant) ||
         llvm::any_of(fact.writes, isMeant);
}

bool Space::depends(int reader, int producer) const {
  return llvm::any_of(facts.einsums[reader].reads, [&](const AccessFact &a) {
    return facts.tensors[a.tensor].producer == producer;
  });
}

/// Einsums that need one another, through any number of others.
bool Space::sameRecurrence(int a, int b) const {
  auto reaches = [&](int from, int to) {
    std::vector<bool> seen(facts.einsums.size());
    std::vector<int> open = {from};
    while (!open.empty()) {
      int at = open.back();
      open.pop_back();
      for (int producer = 0; producer < static_cast<int>(seen.size());
           ++producer) {
        if (seen[producer] || !depends(at, producer))
          continue;
        if (producer == to)
          return true;
        seen[producer] = true;
        open.push_back(producer);
      }
    }
    return false;
  };
  return a == b || (reaches(a, b) && reaches(b, a));
}

bool Space::canRun(int einsum, int array) const {
  const EinsumFact &fact = facts.einsums[einsum];
  const arch::Array &unit = arch.arrays[array];
  if (arch.accounting.onePerPoint)
    return unit.findOp("compute", fact.datatype);
  auto has = [&](llvm::StringRef op) {
    return unit.findOp(op, fact.datatype) != nullptr;
  };
  return llvm::all_of(fact.operators, [&](const auto &op) {
    return has(op.first) || (op.first == "mac" && has("mul") && has("add"));
  });
}

/// The levels from below the backing one to the array's, outermost first.
std::vector<int> Space::path(int unit) const {
  std::vector<int> levels;
  for (int l = arch.arrays[unit].level; arch.levels[l].parent >= 0;
       l = arch.levels[l].parent)
    levels.insert(levels.begin(), l);
  return levels;
}

bool Space::isOne(int level) const {
  return arch.levels[level].perArray < 0 && arch.levels[level].dims.empty();
}

/// One instance, or the registers of an array of one unit.
bool Space::isOneOf(int level, int unit) const {
  return isOne(level) || (arch.levels[level].perArray == unit &&
                          arch.arrays[unit].dims.empty());
}

bool Space::mayBeFused(int tensor) const {
  const TensorFact &fact = facts.tensors[tensor];
  if (fact.isInput || fact.isOutput || fact.producer < 0)
    return false;
  for (int e = 0; e < static_cast<int>(facts.einsums.size()); ++e)
    if (e != fact.producer && touches(e, tensor))
      return limits.fusion;
  return false;
}

/// Where a fused tensor may live: levels of which there is one, on a path of an
/// array that its producer or a reader can run on.
std::vector<int> Space::levelsFor(int tensor) const {
  std::vector<int> levels;
  for (int e = 0; e < static_cast<int>(facts.einsums.size()); ++e)
    if (touches(e, tensor))
      for (size_t a = 0; a < arch.arrays.size(); ++a)
        if (canRun(e, a))
          for (int level : path(a))
            if (isOne(level) && !llvm::is_contained(levels, level))
              levels.push_back(level);
  llvm::sort(levels);
  return levels;
}

/// Somebody touches a part only, or what is no product of ranks.
bool Space::hasCutReader(int tensor) const {
  for (const EinsumFact &einsum : facts.einsums)
    for (const auto &access : einsum.reads) {
      if (access.tensor != tensor)
        continue;
      std::vector<int> seen;
      bool isPlain = einsum.domain.empty();
      for (size_t k = 0; k < access.coordinates.size(); ++k) {
        const Coordinate &coordinate = access.coordinates[k];
        if (coordinate.terms.size() != 1 || coordinate.constant != 0 ||
            coordinate.terms[0].coefficient != 1 ||
            llvm::is_contained(seen, coordinate.terms[0].rank) ||
            facts.ranks[coordinate.terms[0].rank].extent !=
                facts.ranks[facts.tensors[tensor].ranks[k]].extent)
          isPlain = false;
        for (const auto &term : coordinate.terms)
          seen.push_back(term.rank);
      }
      if (!isPlain)
        return true;
    }
  return false;
}

/// Tiles that a loop over `rank` may have: more than one step; whatever divides
/// what is around, or anything for the outermost.
std::vector<int64_t> Space::tilesBelow(int rank, const Above &above) const {
  std::vector<int64_t> tiles;
  // How much is asked for is not known yet where frames are made.
  bool isOpen = above.isBelowWindowLoop() && above.follows.empty();
  for (int64_t tile = 1; tile < above.tile[rank]; ++tile)
    if (((limits.imperfect || isOpen) && !above.looped[rank]) ||
        above.tile[rank] % tile == 0)
      tiles.push_back(tile);
  return tiles;
}

//===----------------------------------------------------------------------===//
// Execution: an order, an array for each Einsum, fused tensors
//===----------------------------------------------------------------------===//

void Space::forEachSkeleton(
    const std::function<bool(const Skeleton &)> &visit) {
  visitSkeleton = &visit;
  stopped = false;
  array.assign(facts.einsums.size(), -1);
  home.assign(facts.tensors.size(), 0);
  std::vector<int> none;
  chooseOrder(none);
}

/// Producers come first; members of one recurrence stay together, as written.
void Space::chooseOrder(std::vector<int> &sofar) {
  int count = static_cast<int>(facts.einsums.size());
  if (static_cast<int>(sofar.size()) == count) {
    order = sofar;
    chooseArrays(0);
    return;
  }
  auto isDone = [&](int e) { return llvm::is_contained(sofar, e); };
  for (int e = 0; e < count && !stopped; ++e) {
    if (isDone(e))
      continue;
    std::vector<int> group;
    for (int other = 0; other < count; ++other)
      if (sameRecurrence(e, other))
        group.push_back(other);
    bool isReady = group.front() == e;
    for (int member : group)
      for (int producer = 0; producer < count; ++producer)
        if (depends(member, producer) && !isDone(producer) &&
            !llvm::is_contained(group, producer))
          isReady = false;
    if (!isReady)
      continue;
    std::vector<int> more = sofar;
    more.insert(more.end(), group.begin(), group.end());
    chooseOrder(more);
    if (!limits.reorder)
      return;
  }
}

void Space::chooseArrays(unsigned einsum) {
  if (einsum == facts.einsums.size())
    return chooseHomes(0);
  for (size_t a = 0; a < arch.arrays.size() && !stopped; ++a)
    if (canRun(einsum, a)) {
      array[einsum] = static_cast<int>(a);
      chooseArrays(einsum + 1);
    }
}

/// The home of a tensor that lives at the backing level, below shared loops.
static constexpr int kStepped = std::numeric_limits<int>::max();

/// With every scale of its blocks.
uint64_t Space::wholeBytes(const TensorFact &tensor) const {
  uint64_t blocks = 1;
  for (size_t k = 0; k < tensor.grid.size(); ++k)
    if (int64_t side = tensor.grid[k])
      blocks *= (facts.ranks[tensor.ranks[k]].extent + side - 1) / side;
  return tensor.wholeBytes(tensor.elements, blocks);
}

/// The backing level cannot hold all tensors at once.
bool Space::isRoomShort() const {
  uint64_t all = 0;
  for (const TensorFact &tensor : facts.tensors)
    all += wholeBytes(tensor);
  return arch.levels[0].capacityBytes && all > *arch.levels[0].capacityBytes;
}

/// 4. A tensor between Einsums lives at the backing level, or on chip.
void Space::chooseHomes(unsigned tensor) {
  if (stopped)
    return;
  if (tensor == facts.tensors.size())
    return startFrame();
  home[tensor] = 0;
  chooseHomes(tensor + 1);
  if (!mayBeFused(tensor))
    return;
  for (int level : levelsFor(tensor)) {
    home[tensor] = level;
    chooseHomes(tensor + 1);
  }
  if (isRoomShort()) {
    home[tensor] = kStepped;
    chooseHomes(tensor + 1);
  }
  home[tensor] = 0;
}

void Space::startFrame() {
  skeleton = Skeleton();
  skeleton.above.resize(facts.einsums.size());
  skeleton.tree.array = array;
  skeleton.tree.nest.resize(facts.einsums.size());
  Above above;
  for (const RankFact &rank : facts.ranks)
    above.tile.push_back(rank.extent);
  above.looped.assign(facts.ranks.size(), false);
  above.sharedPerRank.assign(facts.ranks.size(), 0);
  above.homeDepth.assign(facts.tensors.size(), -1);
  above.holderDepth.assign(facts.tensors.size(), -1);
  for (int t = 0; t < static_cast<int>(facts.tensors.size()); ++t) {
    bool isTouched = false;
    for (int e : order)
      isTouched |= touches(e, t);
    above.heldAt.push_back(isTouched && home[t] == 0 ? 0 : -1);
    if (above.heldAt.back() == 0)
      skeleton.tree.backing.push_back(t);
  }
  above.halo.assign(facts.tensors.size(), "");
  Run all{0, static_cast<unsigned>(order.size()), 0, true};
  addRun(all, skeleton.tree.frame, above, [&] {
    Skeleton settled = skeleton;
    if (!stopped && settleHalos(settled))
      stopped = !(*visitSkeleton)(settled);
  });
}

//===----------------------------------------------------------------------===//
// Frames
//===----------------------------------------------------------------------===//

/// From its producer to its last reader, a tensor is inside a run.
bool Space::isInside(const Run &run, int tensor) const {
  for (size_t i = 0; i < order.size(); ++i)
    if (touches(order[i], tensor) && (i < run.first || i >= run.last))
      return false;
  return true;
}

/// Its producer is: a loop of the run can carry it.
bool Space::isMadeIn(const Run &run, int tensor) const {
  for (unsigned i = run.first; i < run.last; ++i)
    if (facts.tensors[tensor].producer == order[i])
      return true;
  return false;
}

/// A tensor is needed on both sides of the boundary before order[boundary].
bool Space::crosses(int tensor, unsigned boundary) const {
  bool before = false, after = false;
  for (unsigned i = 0; i < order.size(); ++i)
    if (touches(order[i], tensor))
      (i < boundary ? before : after) = true;
  return before && after;
}

std::vector<int> Space::usersIn(const Run &run, int tensor) const {
  std::vector<int> users;
  for (unsigned i = run.first; i < run.last; ++i)
    if (touches(order[i], tensor))
      users.push_back(order[i]);
  return users;
}

/// Einsums of the run use it on both sides of the boundary.
bool Space::isUsedAround(const Run &run, int tensor, unsigned boundary) const {
  return !usersIn({run.first, boundary, 0, false}, tensor).empty() &&
         !usersIn({boundary, run.last, 0, false}, tensor).empty();
}

/// 8. What lives at the backing level may have one holder for all Einsums of a
/// run that touch it.
bool Space::mayShareHolder(const Run &run, int tensor) const {
  const TensorFact &fact = facts.tensors[tensor];
  std::vector<int> users = usersIn(run, tensor);
  if (!limits.fusion || !limits.sharedHolders || home[tensor] != 0 ||
      fact.iterativeRank >= 0 || users.size() < 2)
    return false;
  bool isMade = llvm::is_contained(users, fact.producer);
  if (!isMade || fact.isOutput)
    return true;
  // Delivered for others, who read all of it; with nobody else, it is a home.
  return !isInside(run, tensor) && !hasCutReader(tensor);
}

/// Each user has the rank, and all are at the same coordinate where it occurs.
bool Space::isReadAlike(const std::vector<int> &users, int tensor,
                        int rank) const {
  std::vector<const AccessFact *> accesses;
  for (int user : users) {
    const EinsumFact &einsum = facts.einsums[user];
    if (!einsum.iterates(rank))
      return false;
    for (const AccessFact &access : einsum.reads)
      if (access.tensor == tensor)
        accesses.push_back(&access);
    for (const AccessFact &access : einsum.writes) {
      if (access.tensor != tensor)
        continue;
      accesses.push_back(&access);
      // A step makes what it uses.
      bool isStepped = false;
      for (const Coordinate &c : access.coordinates)
        isStepped |= c.terms.size() == 1 && c.terms[0].rank == rank &&
                     c.terms[0].coefficient == 1 && c.constant == 0;
      if (!isStepped)
        return false;
    }
  }
  for (size_t k = 0; k < accesses.front()->coordinates.size(); ++k) {
    std::set<std::string> texts;
    bool isUsed = false;
    for (const AccessFact *access : accesses) {
      const Coordinate &c = access->coordinates[k];
      isUsed |= c.uses(rank);
      std::string text = std::to_string(c.constant);
      for (const auto &term : c.terms)
        text += " " + std::to_string(term.coefficient) + "*" +
                std::to_string(term.rank);
      texts.insert(text);
    }
    if (isUsed && texts.size() > 1)
      return false;
  }
  return true;
}

/// Only its last steps take space where the loop that carries it encloses all
/// that touch it.
bool Space::isCarried(int tensor) const {
  return facts.tensors[tensor].iterativeRank >= 0 &&
         facts.tensors[tensor].hasInitialValue;
}

/// A running value on chip may be carried by shared loops; one that several
/// Einsums compute must be, wherever it lives.
bool Space::mayCarry(int tensor) const {
  if (!isCarried(tensor))
    return false;
  if (home[tensor] > 0)
    return true;
  int producer = facts.tensors[tensor].producer;
  for (int e = 0; e < static_cast<int>(facts.einsums.size()); ++e)
    if (e != producer && sameRecurrence(e, producer))
      return true;
  return false;
}

void Space::addRun(Run run, Frame &frame, Above above, const Next &next) {
  if (stopped)
    return;
  if (run.last - run.first > 1)
    return addHolders(run, frame, std::move(above), false, next);
  // A tensor that only this Einsum touches is no matter of frames.
  frame.einsum = order[run.first];
  skeleton.above[frame.einsum] = std::move(above);
  next();
}

/// Holders below the last shared loop, in one order; then a loop, or the split.
void Space::addHolders(Run run, Frame &frame, Above above, bool owesLoop,
                       const Next &next) {
  stopped |= ++work > mostWork;
  if (stopped)
    return;
  addSharedLoop(run, frame, above, next);
  if (!owesLoop)
    split(run, frame, above, next);
  // Those that stand here already are the steps since the last loop.
  std::pair<int, int> last(-1, -1);
  if (!frame.steps.empty() && frame.steps.back().kind == Step::holder)
    last = {frame.steps.back().tensor, frame.steps.back().level};
  auto add = [&](int tensor, int level, bool owes, const char *halo = "") {
    if (std::make_pair(tensor, level) <= last || stopped)
      return;
    Above below = above;
    below.heldAt[tensor] = level;
    if (above.heldAt[tensor] < 0)
      below.homeDepth[tensor] = static_cast<int>(above.sharedLoops);
    below.halo[tensor] = halo;
    frame.steps.push_back(Step::hold(tensor, level));
    frame.steps.back().halo = halo;
    addHolders(run, frame, std::move(below), owesLoop || owes, next);
    frame.steps.pop_back();
  };
  // 8. A holder for several Einsums, directly below the loops above: where a
  // branch begins it would stand above the branching.
  bool isBelowLoop = run.isWhole || above.sharedLoops > run.entryDepth;
  for (int t = 0; t < static_cast<int>(facts.tensors.size()); ++t) {
    if (!isBelowLoop || above.heldAt[t] != 0 || !mayShareHolder(run, t))
      continue;
    bool isAlike = true;
    for (int rank : above.sharedRanks)
      isAlike &= isReadAlike(usersIn(run, t), t, rank);
    if (!isAlike)
      continue;
    Above held = above;
    held.holderDepth[t] = static_cast<int>(above.sharedLoops);
    std::swap(above, held);
    for (int level : levelsFor(t))
      add(t, level, false);
    std::swap(above, held);
  }
  for (int t = 0; t < static_cast<int>(facts.tensors.size()); ++t) {
    // 4. The home of a fused tensor, above everyone who touches it.
    if (home[t] > 0 && above.heldAt[t] < 0) {
      // No loop above it guards its producer.
      const EinsumFact &maker = facts.einsums[facts.tensors[t].producer];
      if (!isInside(run, t) ||
          llvm::any_of(above.loops, [&](const SharedLoop &loop) {
            return !loop.isWindow && !maker.iterates(loop.rank);
          }))
        continue;
      bool isStepped = home[t] == kStepped;
      if (isStepped && (above.sharedLoops == 0 ||
                        llvm::any_of(above.loops, [&](const SharedLoop &loop) {
                          return !maker.iterates(loop.rank);
                        })))
        continue;
      add(t, isStepped ? 0 : home[t], false);
      if (isStepped)
        continue;
      // 9. What is made of it follows what is asked for.
      const char *halo = nullptr;
      for (const SharedLoop &loop : above.loops)
        if (loop.isWindow &&
            !facts.einsums[facts.tensors[t].producer].iterates(loop.rank))
          halo = loop.retains ? "retained" : "recomputed";
      if (halo)
        add(t, home[t], false, halo);
      continue;
    }
    // 6. A holder for one Einsum, above a loop that it shares.
    std::vector<int> users = usersIn(run, t);
    if (users.size() != 1)
      continue;
    std::vector<int> levels = path(array[users.front()]);
    size_t from = llvm::find(levels, above.heldAt[t]) - levels.begin();
    if (from == levels.size() && above.heldAt[t] != 0)
      continue; // its home is on another path
    for (size_t l = above.heldAt[t] == 0 ? 0 : from + 1; l < levels.size(); ++l)
      if (isOneOf(levels[l], array[users.front()]))
        add(t, levels[l], true);
  }
}

/// 5. A loop for all Einsums of a run, over a rank that the first of them has.
void Space::addSharedLoop(Run run, Frame &frame, const Above &above,
                          const Next &next) {
  if (above.sharedLoops == limits.sharedLoops)
    return;
  // What they share must be for the sake of tensors held further in.
  for (unsigned i = run.first + 1; i < run.last; ++i) {
    bool hasReason = false;
    for (size_t t = 0; t < facts.tensors.size(); ++t)
      hasReason |= (crosses(t, i) && ((home[t] > 0 && above.heldAt[t] < 0) ||
                                      (mayCarry(t) && isMadeIn(run, t)))) ||
                   (above.heldAt[t] == 0 && isUsedAround(run, t, i) &&
                    limits.fusion && limits.sharedHolders);
    if (!hasReason)
      return;
  }
  for (int r = 0; r < static_cast<int>(facts.ranks.size()); ++r) {
    if (above.sharedPerRank[r] == limits.sharedLoopsPerRank)
      continue;
    bool isWindow = !facts.einsums[order[run.first]].iterates(r);
    if (isWindow && !isWalkedByWindows(order[run.first], r))
      continue;
    for (int64_t tile : tilesBelow(r, above)) {
      if (!isWindow)
        addLoop(run, frame, above, {r, tile}, next);
      // 9. One loop over its rank, none below one that retains.
      bool isBelowRetaining = llvm::any_of(
          above.loops, [](const SharedLoop &loop) { return loop.retains; });
      if (!isWindow || above.looped[r] || isBelowRetaining)
        continue;
      if (limits.recompute)
        addLoop(run, frame, above, {r, tile, true}, next);
      // Below another one, steps would be made again.
      if (limits.retain && (limits.recompute || !above.isBelowWindowLoop()))
        addLoop(run, frame, above, {r, tile, true, true}, next);
    }
  }
}

void Space::addLoop(Run run, Frame &frame, const Above &above, SharedLoop loop,
                    const Next &next) {
  if (stopped)
    return;
  Above below = above;
  below.tile[loop.rank] = loop.tile;
  below.looped[loop.rank] = true;
  below.lastShared = loop.rank;
  below.sharedRanks.push_back(loop.rank);
  below.loops.push_back(loop);
  ++below.sharedLoops;
  ++below.sharedPerRank[loop.rank];
  frame.steps.push_back(Step::loop(loop.rank, loop.tile));
  addHolders(run, frame, std::move(below), false, next);
  frame.steps.pop_back();
}

/// Where neighbours part. They have as many loops in common as the deepest
/// tensor that both need has above it, or as it takes for a running value that
/// both need to be carried by the last of them; who shares more goes on
/// together.
void Space::split(Run run, Frame &frame, const Above &above, const Next &next) {
  unsigned depth = above.sharedLoops;
  if (depth == run.entryDepth && !run.isWhole)
    return; // they would have parted where the run began
  unsigned boundaries = run.last - run.first - 1;
  for (unsigned chosen = 1; chosen < (1u << boundaries) && !stopped; ++chosen) {
    std::vector<unsigned> cuts = {run.first};
    for (unsigned b = 0; b < boundaries; ++b)
      if (chosen >> b & 1)
        cuts.push_back(run.first + b + 1);
    cuts.push_back(run.last);
    bool isLegal = true;
    for (size_t t = 0; t < facts.tensors.size(); ++t) {
      if (home[t] == 0)
        continue;
      bool isCut = false;
      for (size_t c = 1; c + 1 < cuts.size(); ++c)
        isCut |= crosses(t, cuts[c]);
      // A home stands above those who part, and no further out than needed.
      if (above.heldAt[t] < 0 && isCut)
        isLegal = false;
      if (above.homeDepth[t] == static_cast<int>(depth) && !isCut)
        isLegal = false;
    }
    for (size_t c = 1; c + 1 < cuts.size() && depth > 0; ++c) {
      bool hasReason = false;
      for (size_t t = 0; t < facts.tensors.size(); ++t)
        hasReason |=
            (crosses(t, cuts[c]) &&
             ((home[t] > 0 && above.homeDepth[t] == static_cast<int>(depth)) ||
              (mayCarry(t) && isMadeIn(run, t) &&
               above.lastShared == facts.tensors[t].iterativeRank))) ||
            (above.holderDepth[t] == static_cast<int>(depth) &&
             isUsedAround(run, t, cuts[c]));
      isLegal &= hasReason;
    }
    if (!isLegal)
      continue;
    frame.isPipeline = false;
    frame.children.assign(cuts.size() - 1, Frame());
    addChildren(cuts, 0, frame, above, next);
    // 7. Einsums under shared loops may overlap.
    if (limits.pipelines && depth > 0 && chosen + 1 == (1u << boundaries) &&
        !above.isBelowWindowLoop()) {
      frame.isPipeline = true;
      frame.lags =
          leastLags({order.begin() + run.first, order.begin() + run.last});
      frame.children.assign(cuts.size() - 1, Frame());
      addChildren(cuts, 0, frame, above, next);
    }
    frame.isPipeline = false;
    frame.children.clear();
  }
}

void Space::addChildren(const std::vector<unsigned> &cuts, size_t child,
                        Frame &frame, const Above &above, const Next &next) {
  if (child + 1 == cuts.size())
    return next();
  frame.children[child] = Frame();
  addRun({cuts[child], cuts[child + 1], above.sharedLoops, false},
         frame.children[child], above,
         [&, child] { addChildren(cuts, child + 1, frame, above, next); });
}

/// One more than the producer's if the arrays differ, else the same; one for
/// all of a recurrence.
std::vector<int64_t> Space::leastLags(const std::vector<int> &stages) const {
  std::vector<int64_t> lags(stages.size(), 0);
  for (size_t i = 0; i < stages.size(); ++i) {
    for (size_t p = 0; p < stages.size(); ++p)
      for (size_t member = 0; member < stages.size(); ++member)
        if (sameRecurrence(stages[i], stages[member]) &&
            !sameRecurrence(stages[i], stages[p]) &&
            depends(stages[member], stages[p]))
          lags[i] = std::max(
              lags[i], lags[p] + (array[stages[p]] != array[stages[member]]));
  }
  return lags;
}

//===----------------------------------------------------------------------===//
// Trees
//===----------------------------------------------------------------------===//

void Space::forEachTree(const Skeleton &given,
                        const std::function<void(const Tree &)> &visit) {
  std::vector<std::vector<Nest>> all;
  for (size_t e = 0; e < facts.einsums.size(); ++e)
    all.push_back(nests(e, given.tree.array[e], given.above[e]));
  Tree tree = given.tree;
  std::function<void(size_t)> complete = [&](size_t e) {
    if (e == all.size())
      return visit(tree);
    for (const Nest &nest : all[e]) {
      tree.nest[e] = nest;
      complete(e + 1);
    }
  };
  complete(0);
}

uint64_t Space::size(uint64_t most) {
  uint64_t total = 0;
  // Of many inputs there are many frames in the making that never come to be.
  constexpr uint64_t kMostWork = 1 << 21;
  work = 0;
  mostWork = kMostWork;
  forEachSkeleton([&](const Skeleton &given) {
    uint64_t product = 1;
    for (size_t e = 0; e < facts.einsums.size() && product <= most; ++e)
      product *= nests(e, given.tree.array[e], given.above[e], most).size();
    total += product;
    return total <= most;
  });
  bool isCut = work > mostWork;
  mostWork = ~uint64_t(0);
  return isCut ? most + 1 : total;
}
