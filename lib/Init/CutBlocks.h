//===- CutBlocks.h - Tiles that cut blocks of a format ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The cost model charges an element of a block its share of the block's scale
// (lib/Support/Formats: `Weight::getShare`). That is exact where tiles are made
// of whole blocks, and the least it can be where they are not:
//
//   K[m,e] : mxfp4 block e, tiles of 4 along e: 4 codes and 4/32 of a scale
//
// A machine that cannot read a part of a scale moves more; the user is told.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_CUTBLOCKS_H
#define LIB_INIT_CUTBLOCKS_H

#include "dialects/Schedule/Schedule.h"
#include "lib/Analysis/CascadeFacts.h"

namespace einsum {

/// One warning per tensor, at the outermost node whose tiles cut its blocks.
void warnAboutCutBlocks(schedule::MappingOp mapping, const CascadeFacts &facts);

} // namespace einsum

#endif // LIB_INIT_CUTBLOCKS_H
