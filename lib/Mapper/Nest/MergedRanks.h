//===- MergedRanks.h - Ranks that always come together ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Ranks that every tensor of an Einsum has, or has not, together are like one
// rank whose extent is their product, as long as all tiles divide:
//
//   V[m,h,e] = I[m,d] * W[h,e,d]    h 96, e 128 with 12 and 8 tiles
//   V[m,he]  = I[m,d] * W[he,d]     he 12288 with 26
//
// What a nest costs depends only on the product of their tiles and on the units
// that they are dealt to together. And whatever falling chain of divisors `he`
// has, h and e have one with these products: let h take the greatest common
// divisor of each step and its own tile, e the rest. So nests are searched with
// one rank, and its steps and deals are taken apart again in the one that is
// built (`split`).
//
// Ranks stay apart where filters or windows cut tiles, where demand is
// followed, where a format's blocks lie along them, where the user bounds tiles
// or orders loops, and where fans take one of them and not the other. A unit of
// an array has one point of a rank that is dealt there: so they do, too, where
// two dimensions of the array could take one each, or where one could be dealt
// and the other walked by the units, because these have room for more than one
// element of what both select. Summed ranks stay apart where another array may
// wait for the sum: that takes as many steps as the loops of each rank have,
// 4 + 2, not 8.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_NEST_MERGEDRANKS_H
#define LIB_MAPPER_NEST_MERGEDRANKS_H

#include "lib/Mapper/Nest/NestCounts.h"

namespace einsum::mapper {

class MergedRanks {
public:
  MergedRanks(const EinsumOnArray &nest, const arch::ArchSpec &arch);

  /// The nest with one rank for each group.
  const EinsumOnArray &getNest() const { return merged ? *merged : apart; }
  bool isEmpty() const { return !merged; }

  /// The first of the Einsum's own ranks in a merged one.
  int ownRank(int merged) const {
    return isEmpty()
               ? merged
               : static_cast<int>(llvm::find(into, merged) - into.begin());
  }

  /// Tiles of the merged ranks, of those of the Einsum's own.
  void merge(llvm::ArrayRef<int64_t> tiles,
             llvm::SmallVectorImpl<int64_t> &products) const;
  /// A way to deal ranks, of one to deal the Einsum's own.
  Deals merge(const Deals &deals) const;

  /// Own tiles `at` of a place, and those of the next place, further in, of
  /// which the products are known.
  void split(llvm::ArrayRef<int64_t> products,
             llvm::MutableArrayRef<int64_t> at) const;
  /// Deals of fans of one stage, at the place with the tiles `at`.
  Deals split(const Deals &deals, int stage, llvm::ArrayRef<int64_t> at) const;

private:
  const EinsumOnArray &apart;
  std::optional<EinsumOnArray> merged;
  llvm::SmallVector<int, 8> into; ///< by own rank
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_NEST_MERGEDRANKS_H
