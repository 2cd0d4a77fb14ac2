//===- TileSizes.cpp - What an element is to a visit, counted -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Elements by the sets that they are in, and blocks by those of their elements,
// become what is fetched, written, drained.
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/TileQuery.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::cost;

TileLoad einsum::cost::largerOf(const TensorFact &tensor, const TileLoad &a,
                                const TileLoad &b) {
  auto size = [&](const TileLoad &load) {
    return std::pair(
        tensor.isShared ? tensor.wholeBytes(load.words, load.blocks) : 0,
        load.words);
  };
  return size(a) < size(b) ? b : a;
}

void einsum::cost::addToBlocks(BlockSignature &blocks,
                               llvm::SmallVector<SetMask, 2> masks,
                               uint64_t count, bool &overflowed) {
  llvm::sort(masks);
  masks.erase(std::unique(masks.begin(), masks.end()), masks.end());
  auto place = llvm::lower_bound(
      blocks, masks,
      [](const auto &known, const auto &added) { return known.first < added; });
  if (place != blocks.end() && place->first == masks)
    overflowed |= __builtin_add_overflow(place->second, count, &place->second);
  else
    blocks.insert(place, {std::move(masks), count});
}

/// What an element of these sets is to a visit.
struct TileQuery::Kinds {
  bool fetched = false, written = false, partial = false, own = false,
       drained = false, all = false;
};

TileQuery::Kinds TileQuery::kindsOf(SetMask mask) const {
  SetMask allReads = (SetMask(1) << reads.size()) - 1;
  auto has = [&](unsigned bit) { return mask >> bit & 1; };
  Kinds kinds;
  kinds.written = write && has(bits.write);
  bool read = mask & allReads;
  bool held = asked.halo == Halo::retained && (mask >> bits.held & allReads);
  kinds.all = kinds.written || read;
  kinds.fetched = read && !kinds.written && !held;
  if (!kinds.written)
    return kinds;
  bool isFirst = has(bits.earlier), isLast = has(bits.later);
  // Of units that share sums only the first gets the partial value; the others
  // continue what they began in this visit of the home.
  if (!has(bits.sharingUnit))
    isFirst = has(bits.earlierHere);
  kinds.partial = !isFirst;
  kinds.own = kinds.partial && has(bits.unit);
  bool later = false;
  for (size_t n = 0; n < laterReads.size(); ++n)
    later |= has(bits.laterReads + n);
  kinds.drained = neededOutside || !isLast || later;
  return kinds;
}

TileSizes TileQuery::measure(const Signature &signature,
                             const BlockSignature &blocks,
                             Counter &counter) const {
  TileSizes sizes;
  for (auto [mask, points] : signature) {
    Kinds kinds = kindsOf(mask);
    auto add = [&, points = points](bool counts, uint64_t &size) {
      if (counts)
        counter.add(size, points);
    };
    add(kinds.all, sizes.all);
    add(kinds.fetched, sizes.fetched);
    add(kinds.written, sizes.written);
    add(kinds.partial, sizes.partial);
    add(kinds.own, sizes.ownPartial);
    add(kinds.drained, sizes.drained);
  }
  for (const auto &[masks, count] : blocks) {
    auto add = [&, count = count, &masks = masks](
                   uint64_t &size, llvm::function_ref<bool(const Kinds &)> is) {
      if (llvm::any_of(masks, [&](SetMask mask) { return is(kindsOf(mask)); }))
        counter.add(size, count);
    };
    TileSizes::Blocks &touched = sizes.blocks;
    add(touched.all, [](const Kinds &of) { return of.all; });
    add(touched.fetched, [](const Kinds &of) { return of.fetched; });
    add(touched.brought,
        [](const Kinds &of) { return of.fetched || of.partial; });
    add(touched.received, [](const Kinds &of) { return of.fetched || of.own; });
    add(touched.drained, [](const Kinds &of) { return of.drained; });
    add(touched.begun,
        [](const Kinds &of) { return of.drained && of.partial; });
  }
  return sizes;
}
