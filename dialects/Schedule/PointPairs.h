//===- PointPairs.h - Which points depend on which --------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to the verifier of schedules. A read makes points of two Einsums
// depend on one another: of
//
//   S[p] = X[m,p]      A[m',p'] = X[m',p'] / S[p']
//
// the pairs ((p, m), (m', p')) with p = p', within the extents and filters of
// both. Whether some pair is run in the wrong order is then a question about an
// integer polyhedron: add "the reader's step is smaller than the producer's"
// and ask for a point. The answer is exact, and the point is the
// counterexample.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_SCHEDULE_POINTPAIRS_H
#define DIALECTS_SCHEDULE_POINTPAIRS_H

#include "dialects/Schedule/Schedule.h"

#include "llvm/ADT/DynamicAPInt.h"

namespace einsum::schedule {

/// A linear expression over the variables of a PointPairs.
struct Linear {
  std::map<unsigned, llvm::DynamicAPInt> terms;
  llvm::DynamicAPInt constant{0};

  Linear &add(const Linear &other, const llvm::DynamicAPInt &factor);
};
Linear operator-(Linear a, const Linear &b);

class PointPairs {
public:
  enum Side { producer, reader };
  using Point = llvm::SmallVector<std::pair<mlir::StringAttr, int64_t>>;

  /// Every extent and parameter involved is bound.
  PointPairs(const Leaf &producer, const Leaf &reader, const Access &access,
             CascadeOp cascade);

  /// The step of the i-th loop above a leaf in which one of its points runs.
  Linear step(Side side, size_t loop);
  /// Keeps pairs with `expr` = 0, or `expr` >= 0.
  void keepZero(Linear expr) { equalities.push_back(std::move(expr)); }
  void keepNonNegative(Linear expr) { inequalities.push_back(std::move(expr)); }

  /// A pair that satisfies everything kept, as (producer's, reader's) point.
  std::optional<std::pair<Point, Point>> findPair() const;

private:
  void addPoints(Side side);
  std::optional<Linear> convert(mlir::AffineExpr expr, Side side);
  Linear floorDiv(const Linear &expr, const llvm::DynamicAPInt &divisor);
  Linear rankOf(Side side, mlir::StringAttr rank) const;

  const Leaf *leaves[2];
  CascadeOp cascade;
  llvm::SmallVector<mlir::StringAttr> ranks[2];
  unsigned firstVariable[2] = {0, 0};
  unsigned variables = 0;
  std::vector<Linear> equalities, inequalities;
};

/// The last step of a loop that guards a leaf, counted in the tile that reaches
/// it: loops over the rank further out guard the leaf too, and the last tile of
/// one may be short.
int64_t lastStep(llvm::ArrayRef<LoopAbove> loops, size_t index, int64_t extent);

/// True if every extent and parameter that a leaf's Einsum names has a value.
bool isBound(const Leaf &leaf, CascadeOp cascade);
/// `expr` of an Einsum's access with the cascade's parameters replaced by their
/// values, simplified. A coordinate that is data keeps its symbol: any element
/// may be read there.
mlir::AffineExpr bindParameters(mlir::AffineExpr expr, EinsumInterface einsum,
                                CascadeOp cascade);

} // namespace einsum::schedule

#endif // DIALECTS_SCHEDULE_POINTPAIRS_H
