//===- Facts.h - What is known of values without running them ---*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Side conditions of rewrites ask three questions of an expression:
//
//   sign      exp(QK[m,p] - GM[p]) > 0, a sum of such is > 0,
//             a parameter is > 0
//   bound     QK[m,p] - GM[p] <= 0, because GM is the maximum of exactly that
//   -inf      select(m <= p, QK[m,p], -inf) may be minus infinity
//
// The answers come from the definitions of the tensors read: pointwise Einsums
// are looked through, reductions are used by what their monoid says. Bounds are
// compared as polynomials over what cannot be looked through, so that the scale
// may stand inside or outside: s * QK - s * GM is s * (QK - GM).
//
// Inputs are trusted to be finite; of their sign nothing is known. "Unknown" is
// always an allowed answer.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TRANSFORMS_ALGEBRA_FACTS_H
#define LIB_TRANSFORMS_ALGEBRA_FACTS_H

#include "lib/Transforms/EinsumBuilder.h"

#include <map>

namespace einsum::algebra {

enum class Sign { unknown, nonNegative, positive, nonPositive, negative };

/// Sum of coefficient * product of atoms to powers; atoms are ordered by id.
struct Polynomial {
  using Monomial = std::vector<std::pair<Expr, int>>;
  struct Less {
    bool operator()(const Monomial &a, const Monomial &b) const;
  };
  std::map<Monomial, double, Less> terms;

  void add(const Polynomial &other, double factor);
};

class Facts {
public:
  explicit Facts(CascadeEditor &editor) : editor(editor) {}

  /// The statement that defines `tensor`; null for an input.
  const Statement *definition(mlir::Value tensor);
  /// Forgets what was read of tensors whose Einsums are about to change.
  void clear();

  /// `expr` with every pointwise Einsum looked through. Their filters are added
  /// to `domain`.
  Expr canonical(Expr expr,
                 llvm::SmallVectorImpl<FilterTerm> *domain = nullptr);
  Polynomial polynomial(Expr canonical);

  Sign sign(Expr expr);
  bool isNonNegative(Expr expr);
  bool mayBeMinusInfinity(Expr expr);

  /// Values that `d` is never below (of `isUpper`) or never above, taken from
  /// the maxima (minima) that it is made of: the maximum over m of QK[m,p]
  /// gives QK[m,p]. Each with the conditions under which the value took part.
  struct Bound {
    Expr value; ///< canonical
    llvm::SmallVector<FilterTerm, 2> domain;
  };
  llvm::SmallVector<Bound, 2> boundedBy(Expr d, bool isUpper);

private:
  Sign computeSign(Expr expr);
  Sign signOfRead(Expr read);
  bool toPolynomial(Expr expr, Polynomial &result);
  void collectBounds(Expr d, bool isUpper,
                     llvm::SmallVectorImpl<Bound> &bounds);

  CascadeEditor &editor;
  llvm::DenseMap<mlir::Operation *, std::unique_ptr<Statement>> statements;
  struct Canonical {
    Expr expr;
    llvm::SmallVector<FilterTerm, 2> domain;
  };
  llvm::DenseMap<Expr, Canonical> canonicals;
  llvm::DenseMap<Expr, Sign> signs;
};

} // namespace einsum::algebra

#endif // LIB_TRANSFORMS_ALGEBRA_FACTS_H
