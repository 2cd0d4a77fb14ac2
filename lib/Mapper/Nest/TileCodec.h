//===- TileCodec.h - Tile vectors as numbers --------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_NEST_TILECODEC_H
#define LIB_MAPPER_NEST_TILECODEC_H

#include "lib/Mapper/Nest/EinsumOnArray.h"

namespace einsum::mapper {

/// Tile vectors as numbers.
class TileCodec {
public:
  explicit TileCodec(llvm::ArrayRef<LocalRank> ranks);
  uint32_t pack(llvm::ArrayRef<int> indices) const;
  void unpack(uint32_t code, llvm::MutableArrayRef<int> indices) const;
  void tiles(uint32_t code, llvm::SmallVectorImpl<int64_t> &tiles) const;
  uint32_t with(uint32_t code, int rank, int index) const;
  int index(uint32_t code, int rank) const {
    return code / strides[rank] % sizes[rank];
  }
  uint64_t count() const { return total; }

private:
  llvm::ArrayRef<LocalRank> ranks;
  llvm::SmallVector<uint32_t, 8> strides, sizes;
  uint64_t total = 1;
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_NEST_TILECODEC_H
