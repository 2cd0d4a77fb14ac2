//===- Derivative.h - Derivatives of map expressions ------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// d expr / d read, by the rules of calculus:
//
//   exp(QK[m,p] - GM[p])  by  QK[m,p]   is   exp(QK[m,p] - GM[p])
//
// Where a function has a corner (max, abs, select), the side that computed the
// value is differentiated. A comparison has no derivative, and what only
// decides is no dependence. Rounding has the derivative 0 almost everywhere,
// which no one who differentiates means: it is refused.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TRANSFORMS_ALGEBRA_DERIVATIVE_H
#define LIB_TRANSFORMS_ALGEBRA_DERIVATIVE_H

#include "lib/Transforms/Algebra/Expr.h"

namespace einsum::algebra {

struct Derivative {
  Expr expr = nullptr; ///< null if it is 0
  std::string
      obstacle; ///< the operation without a rule; empty if there is none
};

Derivative differentiate(ExprContext &exprs, Expr expr, Expr read);

} // namespace einsum::algebra

#endif // LIB_TRANSFORMS_ALGEBRA_DERIVATIVE_H
