//===- SlopeBlocks.cpp - Tiles of tensors in number formats ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/SlopeBlocks.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace einsum;
using namespace einsum::mapper;

std::optional<BlockTiles> BlockTiles::create(const CascadeFacts &facts,
                                             const Touch &touch,
                                             llvm::ArrayRef<SlopeLoop> loops,
                                             llvm::ArrayRef<int> single) {
  const TensorFact &tensor = facts.tensors[touch.access->tensor];
  bool isWhole =
      tensor.weight.denominator == 1 && tensor.weight.numerator % 8 == 0;
  if (!tensor.isShared && isWhole)
    return std::nullopt;
  BlockTiles made;
  made.tensor = &tensor;
  llvm::SmallVector<int, 4> seen;
  for (auto [k, coordinate] : llvm::enumerate(touch.access->coordinates)) {
    if (coordinate.terms.empty()) {
      made.sides.emplace_back();
      continue;
    }
    int rank = coordinate.terms.front().rank;
    if (coordinate.terms.size() > 1 ||
        coordinate.terms.front().coefficient != 1 || coordinate.constant != 0 ||
        llvm::is_contained(seen, rank))
      return std::nullopt;
    seen.push_back(rank);
    Side side;
    side.extent =
        std::min(facts.ranks[rank].extent, facts.ranks[tensor.ranks[k]].extent);
    side.block = tensor.isShared ? tensor.grid[k] : 0;
    side.isSingle = llvm::is_contained(single, rank);
    auto loop = llvm::find_if(
        loops, [&](const SlopeLoop &one) { return one.rank == rank; });
    if (loop != loops.end())
      side.loop = static_cast<int>(loop - loops.begin());
    made.sides.push_back(side);
  }
  return made;
}

/// Where tiles begin in a block repeats; of each beginning all but the last
/// tile are alike.
BlockTiles::Tiles BlockTiles::cut(const Side &side, int64_t tile) {
  int64_t steps = llvm::divideCeil(side.extent, tile), block = side.block;
  int64_t period = block > 1 ? block / std::gcd(block, tile) : 1;
  Tiles tiles;
  auto add = [&](int64_t from, int64_t length, int64_t count) {
    int64_t blocks =
        block > 0 ? (from + length - 1) / block - from / block + 1 : 1;
    Tile made{static_cast<uint64_t>(length), static_cast<uint64_t>(blocks),
              static_cast<uint64_t>(count)};
    for (Tile &one : tiles)
      if (one.length == made.length && one.blocks == made.blocks) {
        one.count += made.count;
        return;
      }
    tiles.push_back(made);
  };
  for (int64_t i = 0; i < std::min(period, steps - 1); ++i)
    add(i * tile, tile, llvm::divideCeil(steps - 1 - i, period));
  add((steps - 1) * tile, side.extent - (steps - 1) * tile, 1);
  return tiles;
}

const BlockTiles::Tiles &
BlockTiles::tilesOf(size_t at, llvm::ArrayRef<int64_t> tiles) const {
  const Side &side = sides[at];
  int64_t tile = side.isSingle   ? 1
                 : side.loop < 0 ? side.extent
                                 : std::min(tiles[side.loop], side.extent);
  auto [entry, isNew] = known.try_emplace({at, tile});
  if (isNew)
    entry->second = cut(side, tile);
  return entry->second;
}

void BlockTiles::forEach(
    llvm::ArrayRef<int64_t> tiles,
    llvm::function_ref<void(uint64_t bytes, uint64_t count)> fn) const {
  auto visit = [&](size_t next, Tile product, auto &&self) -> void {
    if (next == sides.size())
      return fn(tensor->wholeBytes(product.length, product.blocks),
                product.count);
    for (const Tile &tile : tilesOf(next, tiles))
      self(next + 1,
           {llvm::SaturatingMultiply(product.length, tile.length),
            llvm::SaturatingMultiply(product.blocks, tile.blocks),
            llvm::SaturatingMultiply(product.count, tile.count)},
           self);
  };
  visit(0, {}, visit);
}

uint64_t BlockTiles::movedBytes(llvm::ArrayRef<int64_t> tiles) const {
  uint64_t all = 0;
  forEach(tiles, [&](uint64_t bytes, uint64_t count) {
    all = llvm::SaturatingMultiplyAdd(bytes, count, all);
  });
  return all;
}

uint64_t BlockTiles::heldBytes(llvm::ArrayRef<int64_t> tiles) const {
  uint64_t most = 0;
  forEach(tiles,
          [&](uint64_t bytes, uint64_t) { most = std::max(most, bytes); });
  return most;
}
