//===- CheckAccess.h - Whether an access fits its tensor --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_CASCADE_CHECKACCESS_H
#define LIB_FRONTEND_CASCADE_CHECKACCESS_H

#include "lib/Frontend/Cascade/Lower.h"

namespace einsum::frontend {

/// Smallest and largest value of an index.
struct Range {
  int64_t low, high;
};

/// Compares the indices of an access with the ranks of its tensor: their
/// number, the extent of a plain variable, the range of an expression. The last
/// only warns, and only where no filter may keep the index inside.
struct AccessCheck {
  Scope &scope;
  Report &report;
  llvm::ArrayRef<llvm::StringRef> dims;
  bool isFiltered;

  bool run(const Expr &access, const TensorInfo &tensor,
           llvm::ArrayRef<mlir::AffineExpr> indices);

private:
  bool checkVariable(const Expr &access, const TensorInfo &tensor,
                     size_t position);
  void checkRange(const Expr &access, const TensorInfo &tensor, size_t position,
                  mlir::AffineExpr index);
  std::optional<Range> rangeOf(mlir::AffineExpr expr);
};

/// True if the access reads one or more steps away along one of the tensor's
/// own ranks: `RM[b,h,m1-1,p]`.
bool stepsBack(llvm::ArrayRef<mlir::AffineExpr> indices, NamedTensorType type,
               llvm::ArrayRef<llvm::StringRef> dims);

/// Type of result `position` of an Einsum as far as its left side and its
/// monoid say.
NamedTensorType declaredType(const CascadeState &state, const EinsumStmt &stmt,
                             size_t position);

} // namespace einsum::frontend

#endif // LIB_FRONTEND_CASCADE_CHECKACCESS_H
