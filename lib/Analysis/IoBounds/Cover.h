//===- Cover.h - How many points a few elements can serve -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A set E of points of a loop nest touches phi_j(E) elements of operand j,
// where phi_j is affine. Exponents (s, t) *cover* the nest if for every finite
// E
//
//   |E| <= prod_j |phi_j(E)|^s_j * prod_i L_i^t_i       L_i: extent of rank i
//
// (Finner 1992 for projections, with Loomis & Whitney 1949 as the best known
// case; Christ, Demmel, Knight, Scanlon & Yelick 2013, Theorem 3.2, for affine
// maps: it suffices that rank(H) <= sum_j s_j rank(phi_j(H)) + sum_i t_i
// rank(e_i(H)) for every subgroup H, and to check those H generated from the
// kernels by + and intersection. The constant is 1.) Example:
//
//   Z[m,n] += A[m,k] * B[k,n]    rows m: s_A + s_Z + t_m >= 1, and so on;
//   vertices (1/2, 1/2, 1/2 | 0), (1, 1, 0 | 0), (1, 0, 0 | t_n = 1), ...
//   O[p] += I[p+r] * F[r]        rows p, r, p - r, and {p, r}: sum >= 2
//
// Every vertex of the polytope gives a valid inequality, and so does every mean
// of vertices. Exponents are found in exact rational arithmetic.
//
// Ranks that no coordinate couples are checked by themselves (the inequality
// holds for products of groups when it holds for the factors). Where the
// lattice of subgroups or the number of vertices exceeds its limit, coupled
// ranks are fixed one after the other instead: a rank counts as covered by
// operand j if j has a coordinate in which it is the only rank not yet fixed
// (Hoelder's inequality, slice by slice). That is weaker, and as valid.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_IOBOUNDS_COVER_H
#define LIB_ANALYSIS_IOBOUNDS_COVER_H

#include "lib/Analysis/CascadeFacts.h"

namespace einsum::bounds {

/// An exact fraction in lowest terms, with a positive denominator.
struct Rational {
  int64_t num = 0, den = 1;

  Rational() = default;
  Rational(int64_t num, int64_t den = 1);
  bool isZero() const { return num == 0; }
  double value() const {
    return static_cast<double>(num) / static_cast<double>(den);
  }
};

Rational operator+(Rational a, Rational b);
Rational operator-(Rational a, Rational b);
Rational operator*(Rational a, Rational b);
Rational operator/(Rational a, Rational b);
bool operator<(Rational a, Rational b);
bool operator==(Rational a, Rational b);

/// One valid choice of exponents.
struct Exponents {
  llvm::SmallVector<Rational, 4> operands; ///< s_j
  llvm::SmallVector<Rational, 8> ranks;    ///< t_i
};

/// The accesses of some operands over a common set of ranks.
struct Nest {
  llvm::SmallVector<int64_t, 8> extents;
  /// Per operand, its coordinates; ranks are indices into `extents`.
  std::vector<llvm::SmallVector<Coordinate, 4>> operands;
};

struct Cover {
  std::vector<Exponents> vertices;
  /// "Loomis-Whitney", "Hoelder-Brascamp-Lieb" or "fixed offsets".
  const char *method = "";
};

/// Vertices of the cover polytope.
Cover computeCover(const Nest &nest);

} // namespace einsum::bounds

#endif // LIB_ANALYSIS_IOBOUNDS_COVER_H
