//===- TileCodec.cpp - Tile vectors as numbers ----------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/TileCodec.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::mapper;

TileCodec::TileCodec(llvm::ArrayRef<LocalRank> ranks) : ranks(ranks) {
  for (const LocalRank &rank : ranks) {
    strides.push_back(static_cast<uint32_t>(total));
    sizes.push_back(rank.tiles.size());
    total *= rank.tiles.size();
  }
}

uint32_t TileCodec::pack(llvm::ArrayRef<int> indices) const {
  uint32_t code = 0;
  for (auto [i, index] : llvm::enumerate(indices))
    code += index * strides[i];
  return code;
}

void TileCodec::unpack(uint32_t code,
                       llvm::MutableArrayRef<int> indices) const {
  for (size_t i = 0; i < indices.size(); ++i)
    indices[i] = index(code, i);
}

void TileCodec::tiles(uint32_t code,
                      llvm::SmallVectorImpl<int64_t> &tiles) const {
  tiles.resize(ranks.size());
  for (size_t i = 0; i < ranks.size(); ++i)
    tiles[i] = ranks[i].tiles[index(code, i)];
}

uint32_t TileCodec::with(uint32_t code, int rank, int to) const {
  return code + (to - index(code, rank)) * strides[rank];
}
