//===- IndexFunction.h - An affine index over bound extents -----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An index such as `m1 * 4 + m0` or `e floordiv 2` with all parameters bound,
// as a function of the coordinates of an iteration space. Sums of multiples are
// kept as such; where a division or remainder occurs, the expression is walked.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INTERPRETER_INDEXFUNCTION_H
#define LIB_INTERPRETER_INDEXFUNCTION_H

#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>

namespace einsum::interp {

/// The values that an index takes over a box, both ends included.
struct Interval {
  int64_t low = 0, high = 0;
};

class IndexFunction {
public:
  /// `expr` has no symbols. Nullopt if it divides by something other than a
  /// positive constant.
  static std::optional<IndexFunction> create(mlir::AffineExpr expr,
                                             unsigned numDims);

  int64_t evaluate(const int64_t *coordinates) const;
  /// A bound on the values while dim d runs from 0 to `extents[d]` - 1; exact
  /// for sums of multiples. Nullopt if 64 bits do not hold it.
  std::optional<Interval> getRange(llvm::ArrayRef<int64_t> extents) const;

  /// Bit d is set if the value depends on dim d.
  uint64_t getDimSet() const { return dimSet; }

  bool isLinear() const { return linear; }
  /// Of a linear one.
  int64_t getConstant() const { return constant; }
  int64_t getCoefficient(unsigned dim) const { return coefficients[dim]; }

private:
  mlir::AffineExpr expr;
  bool linear = true;
  int64_t constant = 0;
  llvm::SmallVector<int64_t, 6> coefficients;
  llvm::SmallVector<unsigned, 3> dims; ///< with a coefficient other than 0
  uint64_t dimSet = 0;
};

} // namespace einsum::interp

#endif // LIB_INTERPRETER_INDEXFUNCTION_H
