//===- ComponentSets.cpp - What a step touches ----------------------------===//
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

void ComponentWalk::measure(uint64_t times, uint64_t sharing,
                            uint64_t reducing) {
  if (apart)
    return measureSpread(times, sharing, reducing);
  if (component.apartRanks != 0 && ++visited > kVisits) {
    supported = false;
    return;
  }
  llvm::SmallVector<Interval, 32> &boxes = scratchBoxes;
  boxes.clear();
  SetMask present = 0, sets = 0;
  bool alike = component.separable, open = false;
  int reference = -1;
  for (auto [i, piece] : llvm::enumerate(component.pieces)) {
    std::optional<llvm::SmallVector<Interval, 4>> box;
    if (!(absent >> i & 1))
      box = boxOf(piece);
    if (box && (!component.boxLike || repeated)) {
      bool isOpen = false;
      for (const Constraint &constraint : piece.constraints) {
        std::optional<bool> truth = constraint.decide(*box);
        isOpen |= !truth || (repeated && !*truth);
        if (truth == false && !repeated) {
          box.reset();
          break;
        }
      }
      if (box && isOpen)
        if (std::optional<bool> all = decideProjected(piece, *box)) {
          isOpen = false;
          if (!*all)
            box.reset();
        }
      open |= isOpen;
    }
    if (!box) {
      boxes.append(component.ranks.size(), Interval{0, 0});
      continue;
    }
    boxes.append(box->begin(), box->end());
    present |= SetMask(1) << i;
    sets |= SetMask(1) << component.imagePieces[i].set;
    if (reference < 0)
      reference = i;
    alike &= isAlike(i, reference);
  }
  if (component.ranks.empty())
    present = presentWithoutRanks(sets, reference, alike);
  if (present == 0)
    return;
  if (!component.windows.empty())
    return measureWindows(present, times, sharing, reducing);
  Signature signature;
  if (repeated && open)
    signature = countRepeated();
  else if (component.coordinates.empty() && !open)
    signature.push_back({sets, 1});
  else if (alike && !open)
    signature.push_back({sets, spanOfAll(reference)});
  else
    signature = countImages(*component.images, boxes);
  BlockSignature blocks = plainBlocks(signature);
  if (isOfBlocks() && !signature.empty())
    blocks = alike && !open ? BlockSignature{{{sets}, blocksOfAll(reference)}}
                            : countBlocks(signature);
  addClass(signature, blocks, times, sharing, reducing);
}

/// The box of a piece in the current visit; nullopt if the piece is absent.
std::optional<llvm::SmallVector<Interval, 4>>
ComponentWalk::boxOf(const Component::Piece &piece) {
  llvm::SmallVector<Interval, 4> box = intervals();
  switch (piece.box) {
  case Box::current:
    break;
  case Box::previous:
    if (!setPrevious(box))
      return std::nullopt;
    break;
  case Box::earlier:
  case Box::later:
  case Box::earlierUnit: {
    const Parts &part = parts[piece.loop];
    if (part.box.empty())
      return std::nullopt; // the loop is not entered
    for (auto [rank, side] : llvm::enumerate(part.box))
      if (!(component.keptRanks >> rank & 1))
        box[rank] = side;
    box[component.loops[piece.loop].local] =
        piece.box == Box::later ? part.later : part.earlier;
    if (piece.box == Box::earlierUnit)
      supported &= keepStep(piece, box);
    else
      supported &= uniteUnits(piece, box);
    break;
  }
  case Box::afterwards:
    setAfterwards(piece.loop, box);
    break;
  }
  for (auto [node, demand] : piece.demands) {
    Interval asked = demanded(*demand, box);
    if (tree.nodes[node].halo == Halo::retained)
      asked = withoutHeld(node, *demand, asked, box, stepsBefore(piece));
    box[component.localOf[demand->rank]] = asked;
  }
  if (component.boxLike && !repeated)
    for (const Constraint &constraint : piece.constraints)
      tighten(constraint, box);
  if (llvm::any_of(box, [](const Interval &side) { return side.size() == 0; }))
    return std::nullopt;
  return box;
}

/// What a constraint on one rank leaves of its side.
void ComponentWalk::tighten(const Constraint &constraint,
                            llvm::SmallVector<Interval, 4> &box) {
  auto [rank, coefficient] = constraint.form.terms.front();
  Interval &side = box[rank];
  auto above = [&](int64_t a, int64_t c) { // a*x + c >= 0
    if (a > 0)
      side.lo = std::max(side.lo, -llvm::divideFloorSigned(c, a));
    else
      side.hi = std::min(side.hi, llvm::divideFloorSigned(c, -a) + 1);
  };
  above(coefficient, constraint.form.constant);
  if (constraint.isEquality)
    above(-coefficient, -constraint.form.constant);
}

/// Whether a loop further in, up to the `end`-th, walks the same rank.
bool ComponentWalk::isWalkedAgain(size_t index, size_t end) const {
  for (size_t i = index + 1; i < end; ++i)
    if (component.loops[i].local == component.loops[index].local &&
        query.isEntered(component.loops[i].node))
      return true;
  return false;
}

/// In earlier or later steps, any of the units contributes whose sums meet
/// where the piece is counted. Only a filter tells them apart. False if their
/// parts of a rank lie apart, so that they are no box together.
bool ComponentWalk::uniteUnits(const Component::Piece &piece,
                               llvm::SmallVector<Interval, 4> &box) const {
  if (!component.constrained)
    return true;
  for (int i = 0; i < piece.loop; ++i) {
    const Loop &loop = component.loops[i];
    if (!loop.spatial || !loop.reduced || loop.node <= piece.within ||
        parts[i].box.empty())
      continue;
    if (isWalkedAgain(i, piece.loop + 1))
      return false;
    box[loop.local] = parts[i].box[loop.local];
  }
  return true;
}

/// Earlier units are in the same step of the loops below theirs, down to
/// where their sums meet or begin.
bool ComponentWalk::keepStep(const Component::Piece &piece,
                             llvm::SmallVector<Interval, 4> &box) const {
  if (!component.constrained)
    return true;
  for (size_t i = piece.loop + 1; i < component.loops.size(); ++i) {
    const Loop &loop = component.loops[i];
    if (loop.local < 0 || loop.spatial || loop.node > piece.within ||
        !query.isEntered(loop.node))
      continue;
    if (loop.local == component.loops[piece.loop].local)
      return false;
    box[loop.local] = current[loop.local].interval();
    for (size_t inner = i + 1; inner < component.loops.size(); ++inner)
      if (component.loops[inner].local == loop.local &&
          !parts[inner].box.empty()) {
        box[loop.local] = parts[inner].box[loop.local];
        break;
      }
  }
  return true;
}

/// The box of the visit in the previous step of the loop that the tile is
/// retained along. What nodes below that loop ask for was asked for then.
bool ComponentWalk::setPrevious(llvm::SmallVector<Interval, 4> &box) const {
  if (query.retainedLoop < 0)
    return false;
  for (auto [i, loop] : llvm::enumerate(component.loops)) {
    if (loop.retained) {
      if (!before[i])
        return false;
      box[loop.local] = *before[i];
    }
    if (loop.local >= 0 || loop.node < query.retainedLoop)
      continue;
    const Node &node = tree.nodes[loop.node];
    for (const Demand &demand : node.demands) {
      int local = component.localOf[demand.rank];
      if (local < 0)
        continue;
      Interval asked = demanded(demand, box);
      if (node.halo == Halo::retained)
        asked = withoutHeld(loop.node, demand, asked, box, beforeThat);
      box[local] = asked;
    }
  }
  return true;
}

/// What visits in later steps of one loop run over, while those around it
/// stay: of loops below all of what there is when they are reached.
void ComponentWalk::setAfterwards(int laterLoop,
                                  llvm::SmallVector<Interval, 4> &box) {
  for (auto [i, loop] : llvm::enumerate(component.loops)) {
    // Units run together; where one has several tiles, they lie apart.
    if (loop.node < laterLoop && loop.spatial && loop.local >= 0) {
      supported &= !loop.dealsOut || tree.nodes[loop.node].steps == 1;
      if (!parts[i].box.empty())
        box[loop.local] = parts[i].box[loop.local];
    }
    if (loop.node < laterLoop || loop.local < 0 || parts[i].box.empty())
      continue;
    box = parts[i].box;
    if (loop.node == laterLoop)
      box[loop.local] = parts[i].later;
    for (size_t outer = 0; outer < i; ++outer)
      if (component.loops[outer].spatial && !parts[outer].box.empty())
        box[component.loops[outer].local] =
            parts[outer].box[component.loops[outer].local];
    applyDemands(i, box);
    break;
  }
}

/// Coordinates that are numbers have no ranks to be empty along.
SetMask ComponentWalk::presentWithoutRanks(SetMask &sets, int &reference,
                                           bool &alike) {
  SetMask present = 0;
  for (auto [i, piece] : llvm::enumerate(component.pieces)) {
    if (absent >> i & 1)
      continue;
    present |= SetMask(1) << i;
    sets |= SetMask(1) << component.imagePieces[i].set;
    reference = reference < 0 ? i : reference;
    alike &= isAlike(i, reference);
  }
  return present;
}

/// True if two pieces are of the same coordinates over the same values of the
/// ranks in them; of units that repeat, over the same values of all ranks.
bool ComponentWalk::isAlike(size_t i, size_t reference) const {
  size_t ranks = component.ranks.size();
  if (i == reference || component.coordinates.empty())
    return true;
  const ImagePiece &a = component.imagePieces[i],
                   &b = component.imagePieces[reference];
  for (size_t rank = 0; rank < ranks; ++rank) {
    bool matters =
        repeated || llvm::any_of(a.coordinates, [&](const AffineForm &form) {
          return form.uses(static_cast<int>(rank));
        });
    if (matters && !(scratchBoxes[i * ranks + rank] ==
                     scratchBoxes[reference * ranks + rank]))
      return false;
  }
  return llvm::all_of(llvm::zip(a.coordinates, b.coordinates),
                      [](const auto &pair) {
                        Constraint x{std::get<0>(pair)}, y{std::get<1>(pair)};
                        return x == y;
                      });
}

uint64_t ComponentWalk::spanOfAll(size_t reference) {
  uint64_t points = 1;
  for (const AffineForm &form : component.imagePieces[reference].coordinates) {
    Coordinate coordinate;
    llvm::SmallVector<int64_t, 4> sizes;
    for (const AffineForm::Term &term : form.terms)
      coordinate.terms.push_back({term.variable, term.coefficient});
    for (size_t r = 0; r < component.ranks.size(); ++r)
      sizes.push_back(
          scratchBoxes[reference * component.ranks.size() + r].size());
    if (!coordinate.terms.empty())
      points = counter.mul(points, spanOf(coordinate, sizes));
  }
  return points;
}
