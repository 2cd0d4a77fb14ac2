//===- ShiftedSteps.cpp - Steps that are cut further and further on -------===//
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

/// True if, over these steps of a loop, a constraint cuts a band out of the
/// steps of a loop further in that moves on by as many of them each time:
///
///   m <= p, tiles of 4 each       p 0..3    # .  .  .     all of #,
///                                 p 4..7    # #  .  .     some of the last
///                                 p 8..11   # #  #  .     one, none of .
///
/// Then steps before and after the band become more and fewer by a constant,
/// and so do the classes of all that lies below: an arithmetic series. Two
/// steps of the loop further in on either side of all bands are decided alike
/// throughout, by constraints on its rank that do not move, too, as where two
/// filters make a chain and the band of m <= n is behind that of n <= p.
bool ComponentWalk::isShifted(size_t index, const RankState &reached,
                              int64_t first, int64_t end) const {
  constexpr int64_t kLeast = 3; // of which two are looked at
  const Loop &loop = component.loops[index];
  int64_t tile = tree.nodes[loop.node].tile;
  if (end - first < kLeast || loop.spatial || component.apartRanks != 0 ||
      stepsToSamePlace(index) != 1 || repeated || apart || reached.reach != 0 ||
      !component.windows.empty() || reached.units.size() != 1 ||
      reached.units.front().first != 1 ||
      end * tile > reached.units.front().second)
    return false;
  std::vector<const Constraint *> open = openConstraints(
      index, {reached.lo + first * tile, reached.lo + end * tile});
  int other = -1;
  for (const Constraint *constraint : open) {
    const AffineForm &form = constraint->form;
    if (!form.uses(loop.local))
      continue;
    if (constraint->isEquality || !form.isLinear() || form.terms.size() != 2)
      return false;
    int rank = form.terms[form.terms[0].variable == loop.local].variable;
    if (other >= 0 && other != rank)
      return false;
    other = rank;
  }
  const Loop *inner = other < 0 ? nullptr : loopWithin(index, other);
  if (!inner || !areShiftedAlike(loop.local, other) ||
      stepsToSamePlace(inner - component.loops.data()) != 1 ||
      current[other].reach != 0 || current[other].units.size() != 1 ||
      current[other].units.front().first != 1)
    return false;
  int64_t innerTile = tree.nodes[inner->node].tile;
  std::optional<int64_t> shift;
  for (const Constraint *constraint : open) {
    if (!constraint->form.uses(loop.local))
      continue;
    int64_t own = constraint->form.coefficientOf(loop.local) * tile,
            step = constraint->form.coefficientOf(other) * innerTile;
    if (own % step != 0 || (shift && *shift != own / step))
      return false;
    shift = own / step;
  }
  return areEndsDecided(index, reached, other, innerTile, open, first, end);
}

/// True if all pieces move with the band. What earlier or later steps of the
/// other rank contribute does, too: at that end of the rank either all
/// contribute or none, and where the first or the last do, any others change
/// nothing.
bool ComponentWalk::areShiftedAlike(int rank, int other) const {
  if (llvm::any_of(component.loops,
                   [](const Loop &loop) { return loop.local < 0; }))
    return false; // what follows demand
  auto isWalked = [&](const Loop &loop) {
    return (loop.local != rank && loop.local != other) || !loop.spatial;
  };
  bool areAllWalked = llvm::all_of(component.loops, isWalked);
  return llvm::all_of(component.pieces, [&](const Component::Piece &piece) {
    if (!piece.demands.empty())
      return false;
    if (piece.box == Box::current)
      return true;
    return areAllWalked &&
           (piece.box == Box::earlier || piece.box == Box::later) &&
           component.loops[piece.loop].local == other;
  });
}

/// Constraints of any piece that are undecided while the loop's rank runs
/// over `region`.
std::vector<const Constraint *>
ComponentWalk::openConstraints(size_t index, Interval region) const {
  llvm::SmallVector<Interval, 4> box = intervals();
  box[component.loops[index].local] = region;
  std::vector<const Constraint *> open;
  for (const Component::Piece &piece : component.pieces)
    for (const Constraint &constraint : piece.constraints)
      if (!constraint.decide(box))
        open.push_back(&constraint);
  return open;
}

/// The first loop further in over a rank, if it is walked in time. Units may
/// share in its tiles, or in those of the loop around, where no other visits
/// are looked at.
const ComponentWalk::Loop *ComponentWalk::loopWithin(size_t index,
                                                     int rank) const {
  const Loop *found = nullptr;
  for (size_t i = index + 1; i < component.loops.size(); ++i) {
    const Loop &loop = component.loops[i];
    if (loop.local != rank && loop.local != component.loops[index].local)
      continue;
    bool isOther = loop.local == rank;
    if (loop.spatial && (!component.isLocal || (isOther && !found)))
      return nullptr;
    if (isOther && !found && query.isEntered(loop.node))
      found = &loop;
  }
  return found;
}

/// The coordinates of `other` at which a constraint on it and one more rank is
/// undecided for some coordinate of that rank in `region`.
static Interval bandOf(const AffineForm &form, int other, Interval region) {
  llvm::SmallVector<Interval, 4> box(
      1 + std::max(form.terms[0].variable, form.terms[1].variable), region);
  box[other] = {0, 1};
  auto [least, most] = form.bounds(box);
  int64_t by = form.coefficientOf(other);
  if (by > 0)
    return {-llvm::divideFloorSigned(most, by),
            -llvm::divideFloorSigned(least, by)};
  return {llvm::divideFloorSigned(least, -by) + 1,
          llvm::divideFloorSigned(most, -by) + 1};
}

/// Two steps at each side of the bands, which lie within the loop, as guards
/// may tell its outermost steps apart.
bool ComponentWalk::areEndsDecided(size_t index, const RankState &reached,
                                   int other, int64_t innerTile,
                                   llvm::ArrayRef<const Constraint *> open,
                                   int64_t first, int64_t end) const {
  int local = component.loops[index].local;
  int64_t tile = tree.nodes[component.loops[index].node].tile;
  Interval all = current[other].interval(),
           region{reached.lo + first * tile, reached.lo + end * tile};
  int64_t low = INT64_MAX, high = INT64_MIN;
  for (const Constraint *constraint : open)
    if (constraint->form.uses(local)) {
      Interval band = bandOf(constraint->form, other, region);
      low = std::min(low, band.lo);
      high = std::max(high, band.hi);
    }
  low = all.lo +
        (llvm::divideFloorSigned(low - all.lo, innerTile) - 2) * innerTile;
  high = all.lo +
         (llvm::divideCeilSigned(high - all.lo, innerTile) + 2) * innerTile;
  int64_t steps = llvm::divideCeil(all.size(), innerTile);
  if (low < all.lo || high > all.lo + steps * innerTile)
    return false;
  llvm::SmallVector<Interval, 4> box = intervals();
  box[local] = region;
  box[other] = {low, std::min(high, all.hi)};
  return llvm::all_of(open, [&](const Constraint *constraint) {
    return constraint->form.uses(local) || constraint->decide(box);
  });
}

/// The classes of all steps of such a range: of step i, so many of each as
/// the first has, and i times the difference to the second.
void ComponentWalk::addShifted(size_t index, const RankState &reached,
                               const Range &range, uint64_t times,
                               uint64_t sharing, uint64_t reducing) {
  std::vector<ComponentClass> first = classesAt(index, reached, range.first),
                              second =
                                  classesAt(index, reached, range.first + 1);
  // n * first + n (n - 1) / 2 * (second - first)
  __int128 count = range.end - range.first, pairs = count * (count - 1) / 2;
  struct Total {
    const ComponentClass *like;
    __int128 times;
  };
  std::vector<Total> totals;
  auto add = [&](const std::vector<ComponentClass> &list, __int128 by) {
    for (const ComponentClass &one : list) {
      auto known = llvm::find_if(totals, [&](const Total &total) {
        return total.like->signature == one.signature &&
               total.like->blocks == one.blocks &&
               total.like->sharing == one.sharing &&
               total.like->reducing == one.reducing;
      });
      if (known == totals.end())
        known = totals.insert(totals.end(), {&one, 0});
      known->times += by * static_cast<__int128>(one.times);
    }
  };
  add(first, count - pairs);
  add(second, pairs);
  for (const Total &total : totals) {
    counter.overflowed |= total.times > static_cast<__int128>(UINT64_MAX);
    if (total.times > 0)
      addInverted(total.like->signature, total.like->blocks,
                  counter.mul(times, static_cast<uint64_t>(total.times)),
                  counter.mul(sharing, total.like->sharing),
                  counter.mul(reducing, total.like->reducing));
  }
}
