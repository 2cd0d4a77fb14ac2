//===- ComponentBlocks.cpp - Blocks of a format, windows ------------------===//
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

/// Whether blocks are not simply elements, or one.
bool ComponentWalk::isOfBlocks() const {
  return component.hasBlocks || (llvm::is_contained(component.grid, 0) &&
                                 llvm::is_contained(component.grid, 1));
}

/// If each element is a block, or all are one; of others nothing is known.
BlockSignature ComponentWalk::plainBlocks(const Signature &signature) {
  BlockSignature blocks;
  if (query.grid.empty())
    return blocks;
  if (isOfBlocks()) {
    supported &= !apart;
    return blocks;
  }
  if (!llvm::is_contained(component.grid, 0)) {
    for (auto [mask, points] : signature)
      addToBlocks(blocks, {mask}, points, counter.overflowed);
    return blocks;
  }
  llvm::SmallVector<SetMask, 2> masks;
  for (auto [mask, points] : signature)
    masks.push_back(mask);
  if (!masks.empty())
    addToBlocks(blocks, std::move(masks), 1, counter.overflowed);
  return blocks;
}

/// Of coordinates that share no rank.
uint64_t ComponentWalk::blocksOfAll(size_t reference) {
  uint64_t blocks = 1;
  for (auto [form, size] :
       llvm::zip(component.imagePieces[reference].coordinates, component.grid))
    if (size != 0)
      blocks = counter.mul(blocks, blocksAlong(form, size, reference));
  return blocks;
}

uint64_t ComponentWalk::blocksAlong(const AffineForm &form, int64_t size,
                                    size_t reference) {
  llvm::ArrayRef<Interval> box =
      llvm::ArrayRef(scratchBoxes)
          .slice(reference * component.ranks.size(), component.ranks.size());
  if (form.terms.empty())
    return 1;
  Coordinate coordinate;
  llvm::SmallVector<int64_t, 4> sizes;
  for (const AffineForm::Term &term : form.terms)
    coordinate.terms.push_back({term.variable, term.coefficient});
  for (const Interval &side : box)
    sizes.push_back(side.size());
  uint64_t span = spanOf(coordinate, sizes);
  if (size == 1)
    return span;
  auto [low, high] = form.bounds(box);
  int local = form.terms[0].variable;
  bool areApart = llvm::any_of(form.terms, [&](const auto &term) {
    return current[term.variable].parts.size() > 1;
  });
  if (areApart) {
    // Only what units have now is known; it lies in order.
    const RankState &state = current[local];
    supported &= form.terms.size() == 1 && box[local] == state.interval();
    int64_t blocks = 0, last = -1;
    supported &= form.terms[0].coefficient == 1;
    for (auto [at, count] : state.parts) {
      int64_t begin = (state.lo + at + form.constant) / size,
              end = (state.lo + at + count - 1 + form.constant) / size;
      blocks += end - std::max(begin, last + 1) + 1;
      last = end;
    }
    return blocks;
  }
  if (span == static_cast<uint64_t>(high - low + 1))
    return high / size - low / size + 1;
  return countValues(form, size, box);
}

/// Of a coordinate with gaps, value by value.
uint64_t ComponentWalk::countValues(const AffineForm &form, int64_t size,
                                    llvm::ArrayRef<Interval> box) {
  std::set<int64_t> blocks;
  llvm::SmallVector<int64_t, 4> point;
  for (const Interval &side : box)
    point.push_back(side.lo);
  for (bool more = true; more;) {
    if (++visited > kVisits) {
      supported = false;
      break;
    }
    blocks.insert(llvm::divideFloorSigned(form.evaluate(point), size));
    more = false;
    for (const AffineForm::Term &term : form.terms) {
      int64_t &value = point[term.variable];
      more = ++value < box[term.variable].hi;
      if (more)
        break;
      value = box[term.variable].lo;
    }
  }
  return blocks.size();
}

/// Of any pieces: where all elements are in the same sets, or only read, it
/// is enough to know the blocks of each; else elements are looked at.
BlockSignature ComponentWalk::countBlocks(const Signature &signature) {
  BlockSignature blocks;
  supported &= llvm::none_of(
      current, [](const RankState &state) { return state.parts.size() > 1; });
  bool onlyReads = !query.write && query.asked.halo != Halo::retained;
  if (signature.size() == 1 || onlyReads) {
    Signature touched = countBlockImages();
    uint64_t all = 0;
    for (auto [mask, count] : touched)
      counter.add(all, count);
    if (signature.size() == 1)
      return {{{signature[0].first}, all}};
    for (auto [mask, count] : touched)
      addToBlocks(blocks, {mask}, count, counter.overflowed);
    return blocks;
  }
  std::map<std::vector<int64_t>, llvm::SmallVector<SetMask, 2>> masks;
  component.images->forEachElement(
      scratchBoxes, [&](llvm::ArrayRef<int64_t> element, SetMask mask) {
        std::vector<int64_t> block;
        for (auto [coordinate, size] : llvm::zip(element, component.grid))
          block.push_back(
              size == 0 ? 0 : llvm::divideFloorSigned(coordinate, size));
        llvm::SmallVector<SetMask, 2> &known = masks[block];
        if (!llvm::is_contained(known, mask))
          known.push_back(mask);
      });
  for (auto &[block, known] : masks)
    addToBlocks(blocks, std::move(known), 1, counter.overflowed);
  return blocks;
}

Signature ComponentWalk::countBlockImages() {
  component.prepareBlocks();
  size_t ranks = component.ranks.size();
  llvm::SmallVector<Interval, 32> boxes;
  for (auto [i, piece] : llvm::enumerate(component.imagePieces)) {
    llvm::ArrayRef<Interval> box =
        llvm::ArrayRef(scratchBoxes).slice(i * ranks, ranks);
    bool isThere = llvm::none_of(
        box, [](const Interval &side) { return side.size() == 0; });
    boxes.append(box.begin(), box.end());
    for (auto [form, size] : llvm::zip(piece.coordinates, component.grid)) {
      if (size <= 1)
        continue;
      auto [low, high] =
          isThere ? form.bounds(box) : std::pair<int64_t, int64_t>(0, -1);
      boxes.push_back(isThere
                          ? Interval{llvm::divideFloorSigned(low, size),
                                     llvm::divideFloorSigned(high, size) + 1}
                          : Interval{0, 0});
    }
  }
  Signature signature = countImages(*component.blockImages, boxes);
  counter.overflowed |= component.blockImages->overflowed;
  supported &= !component.blockImages->exhausted;
  return signature;
}

/// Boxes that an image falls into are looked at as well.
Signature ComponentWalk::countImages(ImageCounter &images,
                                     llvm::ArrayRef<Interval> boxes) {
  images.mostBoxes = kMostBoxes;
  uint64_t before = images.work;
  Signature signature = images.count(boxes);
  uint64_t more = images.work - before;
  bool asks = more >= kAskEvery && counter.isStopped();
  looked = asks ? kRanges + 1 : looked + more;
  supported &= looked <= kRanges;
  return signature;
}

/// A class for every place that the windows can take.
void ComponentWalk::measureWindows(SetMask present, uint64_t times,
                                   uint64_t sharing, uint64_t reducing) {
  size_t ranks = component.ranks.size();
  llvm::SmallVector<Interval, 4> hulls(component.coordinates.size(),
                                       {INT64_MAX, INT64_MIN});
  SetMask sets = 0;
  for (auto [i, piece] : llvm::enumerate(component.imagePieces)) {
    if (!(present >> i & 1) || !query.isOfTile(piece.set))
      continue;
    llvm::ArrayRef<Interval> box =
        llvm::ArrayRef(scratchBoxes).slice(i * ranks, ranks);
    for (auto [coordinate, hull] : llvm::zip(piece.coordinates, hulls)) {
      auto [low, high] = coordinate.bounds(box);
      hull = {std::min(hull.lo, low), std::max(hull.hi, high + 1)};
    }
    sets |= SetMask(1) << piece.set;
  }
  if (sets == 0)
    return;
  llvm::SmallVector<Interval, 2> places;
  for (const Window &window : component.windows) {
    Interval &hull = hulls[window.coordinate];
    int64_t last = std::max(hull.lo, hull.hi - window.width);
    places.push_back({hull.lo, last + 1});
    hull.hi = std::min(hull.hi, hull.lo + window.width);
  }
  // Nowhere is there more than all of a window in all of the sets.
  uint64_t most = 1;
  for (const Interval &hull : hulls)
    most = counter.mul(most, hull.size());
  llvm::SmallVector<int64_t, 2> starts(places.size(), 0);
  supported &= !isOfBlocks(); // which of them a window touches is not told
  placeWindows(present, places, starts, [&](const Signature &signature) {
    addClass(signature, plainBlocks(signature), times, sharing, reducing);
    return signature.size() != 1 || signature[0].first != sets ||
           signature[0].second != most;
  });
}

/// Calls `visit` with what lies within the windows, until that says false.
bool ComponentWalk::placeWindows(
    SetMask present, llvm::ArrayRef<Interval> places,
    llvm::SmallVectorImpl<int64_t> &starts,
    llvm::function_ref<bool(const Signature &)> visit, size_t next) {
  if (next < places.size()) {
    for (int64_t start = places[next].lo; start < places[next].hi; ++start) {
      starts[next] = start;
      if (!placeWindows(present, places, starts, visit, next + 1))
        return false;
    }
    return true;
  }
  if (++visited > kVisits) {
    supported = false;
    return false;
  }
  size_t ranks = component.ranks.size();
  llvm::SmallVector<Interval, 32> boxes;
  for (size_t i = 0; i < component.pieces.size(); ++i) {
    bool counts =
        present >> i & 1 && query.isOfTile(component.imagePieces[i].set);
    for (size_t rank = 0; rank < ranks; ++rank)
      boxes.push_back(counts ? scratchBoxes[i * ranks + rank] : Interval{0, 0});
    for (auto [window, start] : llvm::zip(component.windows, starts)) {
      boxes.push_back({start, start + counts});
      boxes.push_back({window.width, window.width + counts});
    }
  }
  return visit(countImages(*component.windowImages, boxes));
}
