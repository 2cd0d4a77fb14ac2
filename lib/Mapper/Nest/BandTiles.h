//===- BandTiles.h - Tiles of a triangle or a band, counted -----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Filters over the difference of two ranks, causal or sliding, leave a band
//
//   lo <= y - x <= hi          m <= s: x = m, y = s, lo = 0, no hi
//
// What a tile of a by b points touches of it depends on where it stands across
// the band alone, d = y - x of its corner, and how many tiles of a grid stand
// at one d follows from a congruence. So all tiles are counted in (a + b) /
// gcd(a, b) steps at most, however many there are: 4096 in tiles of 64 by 16,
// with 16 384 tiles, take 5.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_NEST_BANDTILES_H
#define LIB_MAPPER_NEST_BANDTILES_H

#include "lib/Analysis/AffineForm.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <array>
#include <limits>

namespace einsum::mapper {

/// So many tiles touch so many elements. Where sizes are many, some that are
/// near to one another may be one entry: then `words` is the least of them.
struct CutSize {
  uint64_t words = 0, count = 0;
  uint64_t most = 0;  ///< words of the largest
  uint64_t total = 0; ///< words of all
  static CutSize of(uint64_t words, uint64_t count) {
    return {words, count, words, words * count};
  }
};
using CutSizes = std::vector<CutSize>;

/// Counts equal ones together, and near ones where there are too many; sorted.
void mergeSizes(CutSizes &sizes);

/// `count` intervals of `size` coordinates, from `lo` on.
struct BandSide {
  int64_t lo = 0, size = 1, count = 1;
};

class BandTiles {
public:
  /// Nullopt if the conditions are not about `y - x` of two ranks alone.
  static std::optional<BandTiles> make(llvm::ArrayRef<Constraint> conditions);

  /// A tile that has some of it has it from its first x on.
  bool isFromStart() const { return hi >= kNone; }

  /// What is counted of a tile: whether it has a point, distinct x, distinct y,
  /// or points.
  enum Kind : uint8_t { any, ofX, ofY, points };

  /// Adds sizes of all tiles of a grid that have a point; false if these would
  /// be too many.
  bool count(Kind kind, const BandSide &x, const BandSide &y,
             CutSizes &sizes) const;

private:
  static constexpr int64_t kNone = std::numeric_limits<int64_t>::max() / 4;
  uint64_t wordsAt(Kind kind, int64_t a, int64_t b, int64_t d) const;

  int64_t lo = -kNone, hi = kNone;
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_NEST_BANDTILES_H
