//===- BoundCascade.h - A cascade with all extents known --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What evaluating needs to know of a cascade as a whole: the extent of every
// rank, the order in which its Einsums run, and along which ranks a tensor's
// elements before the first step are its initial value.
//
//   RM[m1,p] = max(RM[m1-1,p], LM[m1,p]) init -inf      RM is iterative along
//   m1 RNV[..., M1 - 1, ...]                                reads its last step
//
// A tensor with an initial value is iterative along the ranks over which a loop
// unfolds its recurrence, and along those that its recurrence reads one or more
// steps away without needing a loop: `T[i-1,j-1]` unfolds along i and leaves
// the first column of T too.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INTERPRETER_BOUNDCASCADE_H
#define LIB_INTERPRETER_BOUNDCASCADE_H

#include "dialects/Einsum/Einsum.h"

namespace einsum::interp {

/// A rank along which a tensor refers to itself.
struct IterativeRank {
  mlir::StringAttr rank;
  int direction; ///< 1 reads back and starts at 0; -1 starts at the last
};

/// A loop around an Einsum, at one of its steps.
struct LoopStep {
  mlir::StringAttr rank;
  int64_t coordinate;
};

struct BoundCascade {
  mutable CascadeOp cascade; ///< mutable: MLIR ops are handles without const
  llvm::DenseMap<mlir::StringAttr, int64_t> extents;
  std::vector<EvaluationStep> steps;
  /// By the Einsum that defines the tensor, for those with an initial value.
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<IterativeRank, 2>>
      iterative;

  /// Emits an error that names the parameters without value.
  static mlir::FailureOr<BoundCascade> create(CascadeOp cascade);

  /// Extents of a tensor; fails, with an error at `loc`, beyond 2^63 - 1
  /// elements.
  mlir::FailureOr<std::vector<int64_t>> getExtents(NamedTensorType type,
                                                   mlir::Location loc) const;
  /// 0 if the tensor has no initial value along this rank, else the direction.
  int getDirection(mlir::Value tensor, mlir::StringAttr rank) const;
  /// Visits the Einsums in the order of evaluation, those in a loop once per
  /// step. Ends early, and fails, when `visit` does.
  mlir::LogicalResult
  walk(llvm::function_ref<mlir::LogicalResult(mlir::Operation *,
                                              llvm::ArrayRef<LoopStep>)>
           visit) const;
};

} // namespace einsum::interp

#endif // LIB_INTERPRETER_BOUNDCASCADE_H
