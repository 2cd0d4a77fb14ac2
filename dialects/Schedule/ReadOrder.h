//===- ReadOrder.h - Reads come after what they read ------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to the verifier of schedules: constraint C4 of a mapping, and the
// part of C5 that speaks of time.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_SCHEDULE_READORDER_H
#define DIALECTS_SCHEDULE_READORDER_H

#include "dialects/Schedule/Schedule.h"

namespace einsum::schedule {

/// One read of a tensor that a leaf of the same mapping produces.
struct Dependence {
  const Leaf *producer, *reader;
  Access access;
  unsigned shared;      ///< nodes that both paths have in common
  unsigned sharedLoops; ///< loops among them
};

/// All reads of tensors that are not inputs, in the order of the leaves.
std::vector<Dependence> findDependences(llvm::ArrayRef<Leaf> leaves);

/// C4: what is read is complete.
mlir::LogicalResult verifyReadOrder(const Dependence &dependence,
                                    llvm::ArrayRef<Leaf> leaves,
                                    CascadeOp cascade);

/// C4 of a transfer: what it fetches of a tensor produced below its storage
/// node, earlier visits of that have delivered by then.
mlir::LogicalResult verifyFetch(TransferOp transfer, llvm::StringRef tensor,
                                llvm::ArrayRef<Leaf> leaves, CascadeOp cascade);

/// C5: `home`, the outermost storage node of the tensor, is not entered anew
/// between production and use.
mlir::LogicalResult verifyKept(const Dependence &dependence, StorageOp home,
                               CascadeOp cascade);

} // namespace einsum::schedule

#endif // DIALECTS_SCHEDULE_READORDER_H
