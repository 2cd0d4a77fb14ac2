//===- ThreePass.h - Attention in three passes, piece by piece --*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What FLAT and the unfused baseline share: the Einsums they expect, the tiles
// that the arrays dictate, and the three nests of a group of queries.
//
//   scores    QK on the 2D array, output stationary: queries across the
//   columns,
//             keys down the rows, e in time
//   softmax   GM, SN, SD, A on the 1D array, row by row, keys across its units;
//             subtraction and exponential are chained, so that every Einsum
//             takes one cycle per 256 points
//   values    AV on the 2D array, output stationary: queries across the
//   columns,
//             f down the rows, keys in time
//
//===----------------------------------------------------------------------===//

#ifndef MAPPINGS_THREEPASS_H
#define MAPPINGS_THREEPASS_H

#include "mappings/Tiles.h"

namespace einsum::mappings {

struct ThreePassShape {
  int64_t queries = 0, keys = 0, e = 0, f = 0;
  int64_t rows = 0;      ///< of the 2D array
  int64_t queryTile = 0; ///< one query per column
  int64_t keyTile = 0;   ///< one key per row
  int64_t laneTile = 0;  ///< keys side by side on the 1D array

  /// Refuses, saying why, cascades and architectures that do not match.
  static mlir::FailureOr<ThreePassShape> read(MappingContext &context);
};

class ThreePassNests {
public:
  ThreePassNests(LoopTreeBuilder &tree, const ThreePassShape &shape)
      : tree(tree), shape(shape) {}

  /// One tile of scores; one tile of values summed over `keyTile` keys.
  void scoresOfTile();
  void valuesOfTile();
  /// All rows of the group of queries, from wherever QK is to wherever A is.
  void softmax();

  /// For whole groups of queries with the scores off chip: Q, or AV, of the
  /// group is held and keys, or values, stream by once. Softmax holds one row.
  void streamKeys();
  void softmaxByRow();
  void streamValues();

private:
  void softmaxOfRow();

  LoopTreeBuilder &tree;
  const ThreePassShape &shape;
};

} // namespace einsum::mappings

#endif // MAPPINGS_THREEPASS_H
