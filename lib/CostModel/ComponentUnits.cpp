//===- ComponentUnits.cpp - Units of spatial loops ------------------------===//
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

/// False if a loop further out over the same rank is not entered, so that its
/// steps meet the same units.
bool ComponentWalk::isReachedInSteps(size_t index) const {
  return current[component.loops[index].local].largest() <= aroundAt(index);
}

/// Coordinates with which a loop is reached in one of the steps that are not
/// entered, at most. Of what follows demand, those of this step's readers.
int64_t ComponentWalk::aroundAt(size_t index) const {
  const Loop &loop = component.loops[index];
  const Node &node = tree.nodes[loop.node];
  int64_t demandedHere = demandedAtOnce[loop.local];
  return demandedHere < 0 ? node.around : std::min(node.around, demandedHere);
}

/// True if all steps of loops that are not entered meet as many units.
bool ComponentWalk::isReachedEvenly(size_t index) const {
  int local = component.loops[index].local;
  llvm::SmallVector<int64_t, 2> sizes;
  for (auto [count, size] : current[local].units)
    sizes.push_back(size);
  for (size_t i = 0; i < index; ++i) {
    const Loop &outer = component.loops[i];
    if (outer.local != local || query.isEntered(outer.node))
      continue;
    int64_t tile = tree.nodes[outer.node].tile;
    for (int64_t size : sizes)
      if (size % tile != 0)
        return false;
    sizes = {tile};
  }
  return true;
}

/// Whether what a unit has in all steps that are not entered is as many
/// coordinates as its parts of these have together.
bool ComponentWalk::maySumShifts(size_t index) const {
  int local = component.loops[index].local;
  if (!shifts[local] || component.constrained || !component.separable)
    return false;
  for (size_t i = index + 1; i < component.loops.size(); ++i)
    if (component.loops[i].local == local &&
        query.isEntered(component.loops[i].node))
      return false;
  return llvm::all_of(component.imagePieces, [&](const ImagePiece &piece) {
    return llvm::all_of(piece.coordinates, [&](const AffineForm &coordinate) {
      return !coordinate.uses(local) || coordinate.terms.size() == 1;
    });
  });
}

/// Units by their place: each has the parts of all those steps, of which
/// there is one at least in the first.
void ComponentWalk::walkUnits(size_t index, uint64_t times, uint64_t sharing,
                              uint64_t reducing) {
  const Loop &loop = component.loops[index];
  RankState reached = current[loop.local];
  bool repeats = component.constrained;
  if (repeats) {
    supported &= !repeated;
    repeated = &repeatOf(index, reached);
  }
  supported &= !current[loop.local].reach;
  bool isShifted = query.asked.countsEach && demandedAtOnce[loop.local] >= 0;
  supported &= !isShifted || maySumShifts(index);
  if (isShifted && supported)
    unitsInAll = index;
  current[loop.local].units = {{1, aroundAt(index)}};
  walkSteps(index, times, sharing, reducing);
  unitsInAll.reset();
  current[loop.local] = reached;
  if (repeats)
    repeated = nullptr;
}

/// What the component touches, its ranks as `place` has them, where `inside`
/// holds as well.
std::vector<ImagePiece>
ComponentWalk::placedPieces(llvm::function_ref<AffineForm(int)> place,
                            const std::vector<Constraint> &inside) const {
  std::vector<ImagePiece> pieces = component.imagePieces;
  for (ImagePiece &piece : pieces) {
    for (AffineForm &form : piece.coordinates)
      form = form.substitute(place);
    for (Constraint &constraint : piece.constraints)
      constraint.form = constraint.form.substitute(place);
    llvm::append_range(piece.constraints, inside);
  }
  return pieces;
}

/// Ranks added to those of the component: the step of each loop not entered,
/// then both ends of what they were reached with.
ComponentWalk::Repeat &ComponentWalk::repeatOf(size_t index,
                                               const RankState &reached) {
  int local = component.loops[index].local;
  auto [found, isNew] = repeats.try_emplace(index);
  Repeat &repeat = found->second;
  repeat.around = reached.interval();
  if (!isNew)
    return repeat;
  llvm::SmallVector<int64_t, 2> tiles;
  for (size_t i = 0; i < index; ++i) {
    const Loop &outer = component.loops[i];
    if (outer.local != local)
      continue;
    if (query.isEntered(outer.node)) {
      tiles.clear();
      repeat.steps.clear();
      continue;
    }
    tiles.push_back(tree.nodes[outer.node].tile);
    repeat.steps.push_back({0, tree.nodes[outer.node].steps});
  }
  int first = component.ranks.size(), ends = first + tiles.size();
  std::vector<Constraint> inside;
  AffineForm offset = AffineForm::variable(local); // in the innermost tile
  offset.add(AffineForm::variable(ends), -1);
  for (size_t i = tiles.size(); i-- > 0;) {
    offset.add(first + i, tiles[i]);
    AffineForm room =
        i > 0 ? AffineForm::number(tiles[i - 1] - 1) : AffineForm::number(-1);
    if (i == 0) {
      room.add(AffineForm::variable(ends + 1), 1);
      room.add(AffineForm::variable(ends), -1);
    }
    room.add(offset, -1);
    inside.push_back({std::move(room)});
  }
  auto place = [&](int rank) {
    AffineForm form = AffineForm::variable(rank);
    for (size_t i = 0; rank == local && i < tiles.size(); ++i)
      form.add(first + i, tiles[i]);
    return form;
  };
  std::vector<ImagePiece> pieces = placedPieces(place, inside);
  repeat.images.emplace(ends + 2, std::move(pieces));
  return repeat;
}

Signature ComponentWalk::countRepeated() {
  size_t ranks = component.ranks.size();
  llvm::SmallVector<Interval, 32> boxes;
  for (size_t i = 0; i < component.pieces.size(); ++i) {
    llvm::ArrayRef<Interval> box =
        llvm::ArrayRef(scratchBoxes).slice(i * ranks, ranks);
    boxes.append(box.begin(), box.end());
    boxes.append(repeated->steps.begin(), repeated->steps.end());
    boxes.push_back({repeated->around.lo, repeated->around.lo + 1});
    boxes.push_back({repeated->around.hi, repeated->around.hi + 1});
  }
  Signature signature = repeated->images->count(boxes);
  counter.overflowed |= repeated->images->overflowed;
  supported &= !repeated->images->exhausted;
  return signature;
}

/// Units along a dimension together: their tiles are one.
void ComponentWalk::unite(size_t index, uint64_t times, uint64_t sharing,
                          uint64_t reducing) {
  const Loop &loop = component.loops[index];
  int64_t tile = tree.nodes[loop.node].tile;
  RankState reached = current[loop.local], &state = current[loop.local];
  // Of each unit of the loops further out, which have been counted.
  uint64_t units = 0;
  llvm::SmallVector<std::pair<int64_t, int64_t>, 2> dealt;
  for (auto [count, size] : reached.units) {
    units = std::max<uint64_t>(
        units,
        llvm::divideCeil(std::min(size, tree.nodes[loop.node].around), tile));
    if (size / tile > 0)
      dealt.push_back({count * (size / tile), tile});
    if (size % tile > 0)
      dealt.push_back({count, size % tile});
  }
  // Of several steps of loops not entered, some may have fewer units, and
  // only those with points count.
  supported &= !component.constrained || !query.countsUnits() ||
               isReachedInSteps(index) || isReachedEvenly(index);
  if (loop.dealsOut && units > 1) {
    // The tiles of different units then lie apart, which only their number
    // shows.
    if (component.ranks.size() == 1 && !component.constrained &&
        component.separable)
      dealOut(state, std::move(dealt), tile);
    else
      spread(index, reached);
  }
  bool used = llvm::any_of(component.imagePieces, [&](const ImagePiece &piece) {
    return llvm::any_of(piece.coordinates, [&](const AffineForm &coordinate) {
      return coordinate.uses(loop.local);
    });
  });
  if (loop.reduced)
    reducing = counter.mul(reducing, units);
  else if (!used)
    sharing = counter.mul(sharing, units);
  walk(index + 1, times, sharing, reducing);
  current[loop.local] = reached;
  if (apart && apart->index == index)
    apart = nullptr;
}

void ComponentWalk::dealOut(
    RankState &state, llvm::SmallVector<std::pair<int64_t, int64_t>, 2> dealt,
    int64_t tile) {
  constexpr size_t kMostParts = 1 << 14;
  state.units = std::move(dealt);
  llvm::SmallVector<std::pair<int64_t, int64_t>, 0> parts;
  for (auto [at, size] : state.parts)
    for (int64_t done = 0; done < size && parts.size() <= kMostParts;
         done += tile)
      parts.push_back({at + done, std::min(tile, size - done)});
  supported &= parts.size() <= kMostParts;
  state.parts = std::move(parts);
}

/// Tiles of united units that lie apart: the unit is one rank more, and where
/// the last one ends another. Of sets that depend on other visits, or where
/// such units meet, nothing is known here.
void ComponentWalk::spread(size_t index, const RankState &reached) {
  const Loop &loop = component.loops[index];
  int64_t tile = tree.nodes[loop.node].tile;
  bool isKnown = component.isLocal && component.apartRanks == 0 && !apart &&
                 !repeated && component.windows.empty() &&
                 !query.countsUnits() && isReachedInSteps(index) &&
                 reached.units.size() == 1 &&
                 reached.units.front().first == 1 && !reached.reach;
  supported &= isKnown;
  if (!isKnown)
    return;
  RankState &state = current[loop.local];
  int64_t size = reached.largest(), units = llvm::divideCeil(size, tile);
  state.units = {{1, tile}};
  state.reach = (units - 1) * tile;
  state.end = reached.lo + size;
  Spread &made = spreads[index];
  made.index = index;
  made.local = loop.local;
  made.units = units;
  apart = &made;
  if (made.images)
    return;
  int unit = static_cast<int>(component.ranks.size());
  auto place = [&](int rank) {
    AffineForm form = AffineForm::variable(rank);
    if (rank == loop.local)
      form.add(unit, tile);
    return form;
  };
  AffineForm room = AffineForm::variable(unit + 1);
  room.add(place(loop.local), -1);
  std::vector<ImagePiece> pieces = placedPieces(place, {Constraint{room}});
  made.images.emplace(unit + 2, std::move(pieces));
}

void ComponentWalk::measureSpread(uint64_t times, uint64_t sharing,
                                  uint64_t reducing) {
  llvm::SmallVector<Interval, 32> boxes;
  bool isAny = false;
  for (size_t i = 0; i < component.pieces.size(); ++i) {
    bool isThere = !(absent >> i & 1);
    isAny |= isThere;
    for (auto [local, state] : llvm::enumerate(current)) {
      Interval side = static_cast<int>(local) == apart->local
                          ? state.ofFirst()
                          : state.interval();
      boxes.push_back(isThere ? side : Interval{0, 0});
    }
    int64_t last = current[apart->local].end - 1;
    boxes.push_back({0, isThere ? apart->units : 0});
    boxes.push_back({last, isThere ? last + 1 : last});
  }
  if (!isAny)
    return;
  Signature signature = apart->images->count(boxes);
  counter.overflowed |= apart->images->overflowed;
  supported &= !apart->images->exhausted;
  addClass(signature, plainBlocks(signature), times, sharing, reducing);
}
