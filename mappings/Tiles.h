//===- Tiles.h - Tile sizes that fill a memory ------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Most published dataflows keep as large a tile as fits. How much fits is for
// the cost model to say: it counts every tile that the schedule places. So a
// mapping gives its tree as a function of one tile and tries sizes, largest
// first.
//
// Example: 24 steps may be grouped by 24, 12, 8, 6, 4, 3, 2 or 1; the first
// size whose tree fits wins.
//
//===----------------------------------------------------------------------===//

#ifndef MAPPINGS_TILES_H
#define MAPPINGS_TILES_H

#include "lib/Plugin/MappingPass.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace einsum::mappings {

/// All factors of `n`, largest first.
llvm::SmallVector<int64_t> factorsOf(int64_t n);

/// The largest factor of `n` that is at most `limit`.
int64_t largestFactor(int64_t n, int64_t limit);

/// Elements of `tensor` that a level can hold; an error if it has no capacity.
mlir::FailureOr<int64_t> capacityInElements(MappingContext &context,
                                            llvm::StringRef level,
                                            llvm::StringRef tensor);

/// The mapping with the largest tile that fits, of `unit` times a factor of
/// `extent / unit`. If not even `unit` fits, says why and fails.
mlir::FailureOr<schedule::MappingOp> mapLargestTile(
    MappingContext &context, llvm::StringRef name, int64_t extent, int64_t unit,
    llvm::function_ref<void(LoopTreeBuilder &, int64_t tile)> buildTree);

} // namespace einsum::mappings

#endif // MAPPINGS_TILES_H
