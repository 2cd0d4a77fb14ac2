//===- Domain.h - Which points of an Einsum are executed --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A filter, a split whose last tile is ragged, an access that leaves its tensor
// and an absent operand element each take points away from the box of an
// Einsum's ranks. A lower bound must not count those:
//
//   QK[m,p] = Q[p,e] * K[m,e] where m <= p      M = P = 4, E = 2
//   SN[m,p] = exp(QK[m,p])                      inherits m <= p: QK is absent
//
//   QK executes 10 * 2 = 20 points, SN 10; every row of K is still touched.
//
// Counts here are *never above the truth*: boxes of points are split until all
// constraints are decided, and what is undecided when the work limit is reached
// counts as nothing. They are exact below the limit.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_IOBOUNDS_DOMAIN_H
#define LIB_ANALYSIS_IOBOUNDS_DOMAIN_H

#include "lib/Analysis/CascadeFacts.h"

namespace einsum::bounds {

/// `expr >= 0`, or `expr == 0`; dimension i of the expression is rank i of the
/// cascade.
struct AffineCondition {
  mlir::AffineExpr expr;
  bool isEquality = false;
};

/// The points of an Einsum that satisfy all constraints.
struct Domain {
  llvm::SmallVector<AffineCondition, 4> constraints;
  /// False where absent elements travel round a cycle of recurrences: then
  /// nothing is counted.
  bool isKnown = true;

  bool isBox() const { return isKnown && constraints.empty(); }
  bool constrains(int rank) const;
};

/// One domain per Einsum, absent elements propagated from producer to consumer.
std::vector<Domain> computeDomains(const CascadeFacts &facts);

/// Points that the Einsum executes, or fewer.
uint64_t countPoints(const CascadeFacts &facts, const EinsumFact &einsum,
                     const Domain &domain);

/// Elements of its tensor that the access touches over all executed points, or
/// fewer.
uint64_t countTouched(const CascadeFacts &facts, const Domain &domain,
                      const AccessFact &access);

/// Distinct values of a coordinate while rank r runs over extents[r] values, or
/// fewer; exact unless terms with large extents overlap irregularly.
uint64_t countValues(const Coordinate &coordinate,
                     llvm::ArrayRef<int64_t> extents);

/// True if the values of the coordinate tell the values of all its ranks apart,
/// as the digits of a number: m1 * 256 + m0 with m0 < 256.
bool isDecodable(const Coordinate &coordinate, llvm::ArrayRef<int64_t> extents);

} // namespace einsum::bounds

#endif // LIB_ANALYSIS_IOBOUNDS_DOMAIN_H
