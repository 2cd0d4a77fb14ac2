//===- OnePass.h - Attention in one pass, piece by piece --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the mappings of the 1-pass cascade (Nayak et al., MICRO 2024, Cascade 5)
// share: the Einsums they expect, the tiles that the arrays dictate, and leaves
// written in one line. On an array of 256 x 256 units, 256 queries lie across
// the columns and the m0 keys of one tile down the rows.
//
//===----------------------------------------------------------------------===//

#ifndef MAPPINGS_FUSEMAX2024_ONEPASS_H
#define MAPPINGS_FUSEMAX2024_ONEPASS_H

#include "mappings/Tiles.h"

namespace einsum::mappings {

struct OnePassShape {
  int64_t queries = 0;
  int64_t queryTile = 0; ///< queries side by side, one per column

  /// Refuses, saying why, cascades and architectures that do not match.
  static mlir::FailureOr<OnePassShape> read(MappingContext &context);
};

/// Leaves as children of a sequence or pipeline; `innermost`, if not empty, is
/// looped over in time.
class OnePassLeaves {
public:
  using Child = LoopTreeBuilder::Child;

  explicit OnePassLeaves(LoopTreeBuilder &tree) : tree(tree) {}

  /// Queries across the columns of the 2D array, m0 down its rows.
  Child on2d(llvm::StringRef einsum, llvm::StringRef innermost = "");
  /// Queries across the 1D array.
  Child on1d(llvm::StringRef einsum, llvm::StringRef innermost = "");
  /// The running numerator: SPNV never leaves the registers.
  Child numerator();

private:
  LoopTreeBuilder &tree;
};

/// The loops and tiles of FuseMax down to one tile of queries: Q and the
/// running RM, RD and RNV of a super-tile of queries stay on chip while keys
/// and values stream by.
void holdSuperTile(LoopTreeBuilder &tree, const OnePassShape &shape,
                   int64_t superTile);

/// Rows of SLNV, one per f, that the side file of the 2D array has room for.
mlir::FailureOr<int64_t> sideFileRows(MappingContext &context,
                                      const OnePassShape &shape);
/// SLNV passes row by row through the side file.
void holdSideFile(LoopTreeBuilder &tree, int64_t rows);

} // namespace einsum::mappings

#endif // MAPPINGS_FUSEMAX2024_ONEPASS_H
