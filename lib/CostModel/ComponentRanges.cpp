//===- ComponentRanges.cpp - Ranges of steps that are alike ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/ComponentWalk.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace einsum;
using namespace einsum::cost;

using Component = TileQuery::Component;

/// Steps between which nothing but the position changes, or that are shifted.
llvm::SmallVector<ComponentWalk::Range, 8>
ComponentWalk::splitSteps(size_t index, const RankState &reached) {
  const Loop &loop = component.loops[index];
  int64_t tile = tree.nodes[loop.node].tile, steps = stepsOf(loop, reached);
  llvm::SmallVector<int64_t, 8> cuts = {0, steps};
  for (auto [count, size] : reached.units) {
    cuts.push_back(size / tile);
    cuts.push_back(llvm::divideCeil(size, tile));
  }
  if (reached.reach) { // the last unit may have fewer steps
    int64_t last =
        std::max<int64_t>(0, reached.end - reached.lo - reached.reach);
    cuts.push_back(std::min(steps, last / tile));
    cuts.push_back(std::min<int64_t>(steps, llvm::divideCeil(last, tile)));
  }
  bool special = loop.inFirst || loop.inLast || loop.retained || loop.reduced ||
                 !query.laterReads.empty() || hasRetainedDemand();
  if (special) {
    int64_t edge = loop.retained && hasRetainedDemand() ? 2 : 1;
    if (!query.laterReads.empty())
      edge += llvm::divideCeil(component.farthest, tile);
    for (int64_t i = 1; i <= edge; ++i) {
      cuts.push_back(std::min(i, steps));
      cuts.push_back(std::max<int64_t>(steps - i, 0));
    }
  }
  llvm::sort(cuts);
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  llvm::SmallVector<Range, 8> ranges;
  for (size_t i = 0; i + 1 < cuts.size(); ++i)
    if (cuts[i + 1] <= steps)
      splitByConstraints(index, reached, cuts[i], cuts[i + 1], ranges);
  return ranges;
}

void ComponentWalk::splitByConstraints(size_t index, const RankState &reached,
                                       int64_t first, int64_t end,
                                       llvm::SmallVectorImpl<Range> &ranges) {
  if (first == end || isSpent())
    return;
  bool alike = !component.constrained || isDecided(index, reached, first, end);
  if (end - first == 1 || (alike && staysApart(index, reached, first, end))) {
    ranges.push_back({first, end});
    return;
  }
  if (isShifted(index, reached, first, end)) {
    ranges.push_back({first, end, true});
    return;
  }
  int64_t middle = first + (end - first) / 2;
  splitByConstraints(index, reached, first, middle, ranges);
  splitByConstraints(index, reached, middle, end, ranges);
}

/// Whether it is plain from the start that too many ranges will be looked at:
/// a constraint cuts every one of many steps, and again loops further in.
bool ComponentWalk::isTooMuch(size_t index, const RankState &reached) {
  constexpr int64_t kMany = 1 << 16, kSamples = 64;
  const Loop &loop = component.loops[index];
  int64_t steps = stepsOf(loop, reached), inner = 1;
  if (!component.constrained || loop.spatial || steps < kMany)
    return false;
  for (size_t i = index + 1; i < component.loops.size(); ++i)
    if (const Loop &other = component.loops[i];
        other.local >= 0 && query.isEntered(other.node))
      inner = std::max(inner, tree.nodes[other.node].steps);
  if (4 * static_cast<uint64_t>(steps) * llvm::Log2_64_Ceil(inner + 1) <=
      kRanges)
    return false;
  for (int64_t i = 0; i < kSamples; ++i) {
    int64_t step = steps / kSamples * i;
    if (isDecided(index, reached, step, step + 1))
      return false;
  }
  return !isShifted(index, reached, steps / 4, steps / 4 * 3);
}

/// Whether a constraint cuts the steps into too many ranges to go on; what is
/// counted is then not used.
bool ComponentWalk::isSpent() {
  if (++looked % kAskEvery == 0 && counter.isStopped())
    looked = kRanges + 1;
  supported &= looked <= kRanges;
  return looked > kRanges;
}

/// True if over all these steps every piece satisfies all of its constraints,
/// or violates one.
bool ComponentWalk::isDecided(size_t index, const RankState &reached,
                              int64_t first, int64_t end) {
  const Loop &loop = component.loops[index];
  int64_t tile = tree.nodes[loop.node].tile;
  Interval all = reached.interval();
  Interval region{all.lo + first * tile,
                  std::min(all.lo + end * tile + reached.reach, all.hi)};
  llvm::SmallVector<Interval, 4> base = intervals();
  base[loop.local] = region;
  applyDemands(index + 1, base);
  if (isEmpty(base))
    return true;
  for (const Component::Piece &piece : component.pieces) {
    if (piece.constraints.empty())
      continue;
    llvm::SmallVector<Interval, 4> box = base;
    switch (piece.box) {
    case Box::current:
      break;
    case Box::previous:
      if (loop.retained) {
        Interval &side = box[loop.local];
        side = {std::max(all.lo, side.lo - tile),
                std::min(all.hi, side.hi + tile)};
        applyDemands(index + 1, box);
      } else if (loop.node > query.retainedLoop && !setPrevious(box)) {
        continue; // there is none
      }
      break;
    case Box::earlier:
    case Box::later:
    case Box::earlierUnit:
      box = regionOf(piece, index, box, region, all);
      // Loops further out stand still; of this one the end moves with its step.
      if (static_cast<size_t>(piece.loop) < index
              ? decideProjected(piece, box).has_value()
              : isProjectedAlike(piece, index, box, region, all))
        continue;
      break;
    case Box::afterwards:
      // What has been left to a loop further out is known by now.
      if (loop.node < piece.loop)
        break;
      box = whole;
      break;
    }
    for (auto [node, demand] : piece.demands)
      box[component.localOf[demand->rank]] = demanded(*demand, box);
    if (!isDecidedFor(piece, box))
      return false;
  }
  return true;
}

/// True if no visit in the box reads or makes anything, so that it does not
/// matter what others do.
bool ComponentWalk::isEmpty(llvm::ArrayRef<Interval> base) const {
  return !repeated &&
         llvm::all_of(component.pieces, [&](const Component::Piece &piece) {
           if (piece.box != Box::current)
             return true;
           llvm::SmallVector<Interval, 4> box(base.begin(), base.end());
           for (auto [node, demand] : piece.demands)
             box[component.localOf[demand->rank]] = demanded(*demand, box);
           return llvm::any_of(piece.constraints,
                               [&](const Constraint &constraint) {
                                 return constraint.decide(box) == false;
                               });
         });
}

/// True if over all these steps no two pieces meet that move by different
/// amounts.
bool ComponentWalk::staysApart(size_t index, const RankState &reached,
                               int64_t first, int64_t end) const {
  const Loop &loop = component.loops[index];
  if (!(component.apartRanks >> loop.local & 1))
    return true;
  int64_t tile = tree.nodes[loop.node].tile;
  Interval all = reached.interval();
  llvm::SmallVector<Interval, 4> current = intervals();
  current[loop.local] = {all.lo + first * tile,
                         std::min(all.lo + end * tile, all.hi)};
  applyDemands(index + 1, current);
  auto hullOf = [&](size_t i, size_t k) {
    llvm::SmallVector<Interval, 4> box =
        component.pieces[i].box == Box::current ? current : whole;
    for (auto [node, demand] : component.pieces[i].demands)
      box[component.localOf[demand->rank]] = demanded(*demand, box);
    for (const Interval &side : box)
      if (side.size() == 0)
        return std::pair<int64_t, int64_t>(INT64_MAX, INT64_MIN);
    return component.imagePieces[i].coordinates[k].bounds(box);
  };
  // Within a window both may count, apart as they are; and elements that are
  // apart may lie in one block.
  auto areDisjoint = [&](size_t i, size_t j) {
    for (size_t k = 0; k < component.coordinates.size(); ++k) {
      std::pair<int64_t, int64_t> own = hullOf(i, k), other = hullOf(j, k);
      int64_t apart = 1, size = component.grid.empty() ? 1 : component.grid[k];
      if (size == 0)
        continue;
      for (int64_t *bound :
           {&own.first, &own.second, &other.first, &other.second})
        *bound = llvm::divideFloorSigned(*bound, size);
      for (const Window &window : component.windows)
        if (window.coordinate == k)
          apart = std::max(apart, window.width);
      if (own.second <= other.first - apart ||
          other.second <= own.first - apart)
        return true;
    }
    return false;
  };
  const std::vector<ImagePiece> &images = component.imagePieces;
  for (size_t i = 0; i < images.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (movesApart(images[i], images[j], loop.local) && !areDisjoint(i, j))
        return false;
  return true;
}

bool ComponentWalk::isDecidedFor(const Component::Piece &piece,
                                 llvm::ArrayRef<Interval> box) const {
  bool open = false;
  for (const Interval &side : box)
    if (side.size() == 0)
      return true;
  for (const Constraint &constraint : piece.constraints) {
    std::optional<bool> truth = constraint.decide(box);
    if (truth == false)
      return !repeated; // it may hold further on
    open |= !truth;
  }
  return !open;
}

/// Whether all coordinates in the box are touched, or none, where ranks that are
/// in none run over all of theirs; nullopt if some are, or it is not known.
std::optional<bool>
ComponentWalk::decideProjected(const Component::Piece &piece,
                               llvm::ArrayRef<Interval> box) const {
  llvm::SmallVector<Interval, 8> ends;
  for (const Interval &side : box) {
    if (side.size() == 0)
      return false;
    ends.push_back({side.lo, side.lo + 1});
    ends.push_back({side.hi - 1, side.hi});
  }
  return decideProjected(piece, box, ends);
}

/// The same where the first and last coordinates of each rank lie somewhere in
/// `ends`.
std::optional<bool>
ComponentWalk::decideProjected(const Component::Piece &piece,
                               llvm::ArrayRef<Interval> box,
                               llvm::ArrayRef<Interval> ends) const {
  if (piece.projected.empty() || repeated || apart)
    return std::nullopt;
  llvm::SmallVector<Interval, 12> all(box.begin(), box.end());
  all.append(ends.begin(), ends.end());
  bool isOpen = false;
  for (const Constraint &constraint : piece.projected) {
    std::optional<bool> truth = constraint.decide(all);
    if (truth == false)
      return false;
    isOpen |= !truth;
  }
  return isOpen ? std::nullopt : std::optional(true);
}

/// True if what earlier (or later) steps of loop `index` contribute is all or
/// nothing for each of its steps in `region`, the first (last) of all left out.
bool ComponentWalk::isProjectedAlike(const Component::Piece &piece,
                                     size_t index, llvm::ArrayRef<Interval> box,
                                     Interval region, Interval all) const {
  const Loop &loop = component.loops[index];
  const Node &node = tree.nodes[loop.node];
  bool isUp = (piece.box == Box::later) == node.descends;
  if (static_cast<size_t>(piece.loop) != index || loop.spatial ||
      piece.box == Box::earlierUnit ||
      (component.keptRanks >> loop.local & 1) ||
      current[loop.local].reach != 0 || current[loop.local].units.size() != 1 ||
      current[loop.local].units.front().first != 1 ||
      (isUp ? region.lo <= all.lo : region.hi >= all.hi))
    return false;
  llvm::SmallVector<Interval, 8> ends;
  for (auto [rank, side] : llvm::enumerate(box)) {
    if (side.size() == 0)
      return false;
    Interval first{side.lo, side.lo + 1}, last{side.hi - 1, side.hi};
    // The part is [all.lo, x) or [x, all.hi) for the x of each step.
    if (static_cast<int>(rank) == loop.local && isUp)
      last = {region.lo - 1, region.hi};
    else if (static_cast<int>(rank) == loop.local)
      first = {region.lo, region.hi + 1};
    ends.push_back(first);
    ends.push_back(last);
  }
  return decideProjected(piece, box, ends).has_value();
}

/// Over which ranks earlier or later parts of a loop run, for any of the
/// steps in `region` of loop `index`.
llvm::SmallVector<Interval, 4>
ComponentWalk::regionOf(const Component::Piece &piece, size_t index,
                        llvm::SmallVector<Interval, 4> box, Interval region,
                        Interval all) const {
  size_t own = piece.loop;
  int rank = component.loops[own].local;
  bool up = (piece.box == Box::later) ==
            tree.nodes[component.loops[own].node].descends;
  if (own < index) {
    for (auto [r, side] : llvm::enumerate(parts[own].box))
      if (!(component.keptRanks >> r & 1))
        box[r] = side;
    box[rank] = piece.box == Box::later ? parts[own].later : parts[own].earlier;
  } else if (own == index) {
    box[rank] = up ? Interval{all.lo, region.hi} : Interval{region.lo, all.hi};
  }
  if (piece.box != Box::earlierUnit)
    uniteUnits(piece, box);
  return box;
}
