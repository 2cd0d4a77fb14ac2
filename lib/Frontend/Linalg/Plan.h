//===- Plan.h - The Einsums that a function becomes -------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A dimension of an argument is named by whatever walks it, which may come
// last, and types hold ranks. So a function is planned first, and emitted when
// all ranks are known.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_LINALG_PLAN_H
#define LIB_FRONTEND_LINALG_PLAN_H

#include "dialects/Einsum/Einsum.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/IntegerSet.h"

#include <functional>

namespace einsum::frontend {

struct PlannedRank {
  std::string name;
  int64_t extent; ///< or kDynamic
};

/// An argument, or the result of an Einsum.
struct PlannedTensor {
  std::string name;
  bool isWeight = false;
  mlir::RankedTensorType type;
  llvm::SmallVector<int> ranks; ///< indices; -1: nobody named it yet
  mlir::Location loc;
};

/// A read: a tensor, at coordinates over the loops.
struct PlannedRead {
  int tensor;
  mlir::AffineMap map;
};

struct PlannedEinsum {
  explicit PlannedEinsum(mlir::Location loc) : loc(loc) {}

  mlir::Location loc;
  llvm::SmallVector<int> loops; ///< ranks: those of the results come first
  std::vector<PlannedRead> reads;
  std::vector<int> results; ///< tensors
  mlir::StringAttr monoid;  ///< of the loops that are no rank of the results
  std::optional<mlir::IntegerSet>
      where; ///< of the loops: which points there are
  /// Of products of one narrower type that are summed: that type.
  mlir::Type computesIn;
  /// Fills the block, whose arguments are the elements read; yields last.
  std::function<void(mlir::OpBuilder &, mlir::Block &,
                     llvm::ArrayRef<mlir::StringAttr> loops)>
      emitMap;
};

struct FunctionPlan {
  std::vector<PlannedRank> ranks;
  std::vector<PlannedTensor> tensors;
  std::vector<int> inputs, outputs; ///< tensors
  std::vector<PlannedEinsum> einsums;
};

/// Nullopt after errors.
std::optional<FunctionPlan> planFunction(mlir::func::FuncOp function);

CascadeOp emitCascade(mlir::func::FuncOp function, const FunctionPlan &plan,
                      mlir::OpBuilder &builder);

} // namespace einsum::frontend

#endif // LIB_FRONTEND_LINALG_PLAN_H
