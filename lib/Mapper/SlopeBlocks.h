//===- SlopeBlocks.h - Tiles of tensors in number formats -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A tile of a tensor in a number format comes with the scale of every block
// that it touches, and in whole bytes:
//
//   A[m,k] int4, a scale per 32 k     tile k 48 of 128     blocks
//     k 0..47, 48..95                                      2 each
//     k 96..127                                            1
//
// Along each rank tiles are told apart by how long they are and how many blocks
// they touch; a tensor's tiles are the product of its ranks.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_SLOPEBLOCKS_H
#define LIB_MAPPER_SLOPEBLOCKS_H

#include "lib/Mapper/SlopeSpace.h"
#include "lib/Mapper/SlopeTouches.h"

#include <map>
#include <optional>

namespace einsum::mapper {

class BlockTiles {
public:
  /// Tiles of what the access touches: ranks of `loops` are cut by these,
  /// those in `single` are at one value, others whole. Nullopt if elements
  /// alone say what the tensor weighs, or if a coordinate is no rank, whose
  /// tiles count with their share of scales.
  static std::optional<BlockTiles> create(const CascadeFacts &facts,
                                          const Touch &touch,
                                          llvm::ArrayRef<SlopeLoop> loops,
                                          llvm::ArrayRef<int> single);

  /// Of all tiles, each with all that it touches; `tiles` per loop.
  uint64_t movedBytes(llvm::ArrayRef<int64_t> tiles) const;
  /// Of the largest.
  uint64_t heldBytes(llvm::ArrayRef<int64_t> tiles) const;

private:
  /// Along one rank, so many tiles of this length that touch so many blocks.
  struct Tile {
    uint64_t length = 1, blocks = 1, count = 1;
  };
  using Tiles = llvm::SmallVector<Tile, 4>;
  struct Side {
    int64_t extent = 1, block = 1; ///< 0: all are one block
    int loop = -1;
    bool isSingle = false;
  };

  static Tiles cut(const Side &side, int64_t tile);
  const Tiles &tilesOf(size_t side, llvm::ArrayRef<int64_t> tiles) const;
  void
  forEach(llvm::ArrayRef<int64_t> tiles,
          llvm::function_ref<void(uint64_t bytes, uint64_t count)> fn) const;

  const TensorFact *tensor = nullptr;
  llvm::SmallVector<Side, 4> sides;
  mutable std::map<std::pair<size_t, int64_t>, Tiles> known;
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_SLOPEBLOCKS_H
