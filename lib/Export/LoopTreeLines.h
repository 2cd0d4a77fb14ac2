//===- LoopTreeLines.h - Nodes of a schedule in words -----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// "temporal m: 256 steps of 16, the last of 4", "storage buffer: K (buffers
// 2)": one text per node, in preorder, for everything that draws a tree.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_EXPORT_LOOPTREELINES_H
#define LIB_EXPORT_LOOPTREELINES_H

#include "dialects/Schedule/Schedule.h"
#include "lib/Analysis/CascadeFacts.h"

namespace einsum::exporting {

struct TreeLine {
  mlir::Operation *node = nullptr;
  unsigned depth = 0;
  std::string text;
};

std::vector<TreeLine> listTreeLines(schedule::MappingOp mapping,
                                    const CascadeFacts &facts);

/// Breaks at spaces to at most `columns`, the indentation counted; what follows
/// a break is indented four further.
void printWrapped(llvm::StringRef text, unsigned indent, size_t columns,
                  llvm::raw_ostream &os);

} // namespace einsum::exporting

#endif // LIB_EXPORT_LOOPTREELINES_H
