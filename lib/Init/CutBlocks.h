//===- CutBlocks.h - Tiles that cut blocks of a format ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A tile brings every scale of the blocks that it touches. Where tiles are
// parts of blocks, scales are moved more than once, which tiles of another size
// would save; the user is told how often:
//
//   K[m,e] : mxfp4 block e, tiles of 24 along e, E = 96
//
//   0..23 24..47 48..71 72..95     blocks 0, 0 1, 1 2, 2: 6 scales instead of 3
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_CUTBLOCKS_H
#define LIB_INIT_CUTBLOCKS_H

#include "dialects/Schedule/Schedule.h"
#include "lib/Analysis/CascadeFacts.h"

namespace einsum {

/// One remark per tensor, at the outermost node whose tiles cut its blocks.
void remarkOnCutBlocks(schedule::MappingOp mapping, const CascadeFacts &facts);

} // namespace einsum

#endif // LIB_INIT_CUTBLOCKS_H
