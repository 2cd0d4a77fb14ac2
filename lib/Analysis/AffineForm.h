//===- AffineForm.h - Affine expressions of ranks ---------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An AffineForm is what MLIR calls an affine expression, over numbered
// variables and in a shape that can be bounded over boxes quickly:
//
//   m1*256 + m0 - p            terms {m1:256, m0:1, p:-1}
//   p floordiv 4 - m floordiv 4  two floors, each a form over a divisor
//
// Over m1 in [0,2), m0 in [0,256), p in [300,301) the first lies in [-300,
// 211]. Bounds are exact for a form whose variables occur once, and never too
// narrow.
//
// A Constraint says that a form is >= 0, or == 0. Trusts that values fit into
// 63 bits; the extents of a cascade whose points can be counted ensure it.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_AFFINEFORM_H
#define LIB_ANALYSIS_AFFINEFORM_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace einsum {

/// Coordinates [lo, hi).
struct Interval {
  int64_t lo = 0, hi = 0;

  int64_t size() const { return hi > lo ? hi - lo : 0; }
  bool operator==(const Interval &other) const {
    return lo == other.lo && hi == other.hi;
  }
};

struct AffineForm {
  struct Term {
    int variable;
    int64_t coefficient;
  };
  struct Floor; ///< factor * floor(inner / divisor)

  llvm::SmallVector<Term, 3> terms; ///< distinct variables, no zeros
  std::vector<Floor> floors;
  int64_t constant = 0;

  void add(int variable, int64_t coefficient);
  void add(const AffineForm &other, int64_t factor = 1);

  int64_t coefficientOf(int variable) const;
  bool uses(int variable) const;
  bool isConstant() const { return terms.empty() && floors.empty(); }
  bool isLinear() const { return floors.empty(); }

  int64_t evaluate(llvm::ArrayRef<int64_t> point) const;
  /// Least and greatest value, both inclusive, over a box without empty sides.
  std::pair<int64_t, int64_t> bounds(llvm::ArrayRef<Interval> box) const;
  /// Replaces every variable v by `form(v)`.
  AffineForm
  substitute(llvm::function_ref<AffineForm(int variable)> form) const;

  static AffineForm variable(int variable, int64_t coefficient = 1);
  static AffineForm number(int64_t value);
};

struct AffineForm::Floor {
  int64_t factor;
  AffineForm inner;
  int64_t divisor;
};

struct Constraint {
  AffineForm form;
  bool isEquality = false;

  bool holds(llvm::ArrayRef<int64_t> point) const;
  /// Whether it holds at all points of the box, at none, or neither is known.
  std::optional<bool> decide(llvm::ArrayRef<Interval> box) const;
  /// Divides by the greatest common divisor of the coefficients, rounding the
  /// constant towards fewer rational points and the same integer ones.
  void normalise();
  bool operator==(const Constraint &other) const;
};

} // namespace einsum

#endif // LIB_ANALYSIS_AFFINEFORM_H
