//===- SlopeTouches.h - Who touches a tensor in a group, and how *- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to the space of slopes: uses of a tensor by the Einsums of a group,
// and whether a loop changes what they touch.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_SLOPETOUCHES_H
#define LIB_MAPPER_SLOPETOUCHES_H

#include "lib/Analysis/CascadeFacts.h"

namespace einsum::mapper {

/// One use of a tensor by an Einsum.
struct Touch {
  int einsum;
  const AccessFact *access;
  bool isWrite;
};

llvm::SmallVector<Touch, 4> touchesOf(const CascadeFacts &facts,
                                      llvm::ArrayRef<int> einsums, int tensor);

/// True if steps of the rank touch elements that no other step touches.
bool isRelevant(const CascadeFacts &facts, const Touch &touch, int rank);
bool isRelevant(const CascadeFacts &facts, llvm::ArrayRef<Touch> touches,
                int rank);

bool isSameAccess(const AccessFact &a, const AccessFact &b);

/// Touches whose accesses differ: each adds its tile.
llvm::SmallVector<Touch, 4> distinct(llvm::ArrayRef<Touch> touches);

} // namespace einsum::mapper

#endif // LIB_MAPPER_SLOPETOUCHES_H
