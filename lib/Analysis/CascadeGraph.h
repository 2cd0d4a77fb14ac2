//===- CascadeGraph.h - A cascade with its exact accesses -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What analyses of dependences ask of a cascade again and again: Einsums in an
// order in which they can run, accesses as affine expressions, and the points
// that exist at all. For causal scores
//
//   QK[m,p] = Q[p,e] * K[m,e] where m <= p
//   GM[p]   = max(m) QK[m,p]
//
// QK has the condition p - m >= 0 on its points; both ranks are kept, so that
// the tensor QK has it on its elements, and GM, which reads them, on its
// points.
//
// Parameters with values stand as numbers, the others as symbols, the same for
// all Einsums. Nothing here needs a parameter to be bound. Einsums that form a
// cycle stand together as one recurrence, in the order of one step.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_CASCADEGRAPH_H
#define LIB_ANALYSIS_CASCADEGRAPH_H

#include "dialects/Einsum/Einsum.h"

#include <string>

namespace einsum {

/// `expr >= 0`, or `expr == 0`.
struct Condition {
  mlir::AffineExpr expr;
  bool isEq = false;
  /// The ragged last tile of a split.
  bool isRagged = false;

  bool operator==(const Condition &other) const {
    return expr == other.expr && isEq == other.isEq;
  }
};

struct GraphTensor {
  mlir::Value value;
  std::string name;
  llvm::SmallVector<mlir::StringAttr, 4> ranks;
  llvm::SmallVector<mlir::AffineExpr, 4> extents;
  /// Which elements exist; dimensions are the positions of its ranks.
  llvm::SmallVector<Condition, 1> domain;
  /// Positions along which some Einsum reads it at a coordinate that is data.
  llvm::SmallVector<int, 1> opaque;
  int producer = -1; ///< Einsum, or -1 for an input
  /// Some Einsum of its recurrence reads what an earlier step left of it: along
  /// the recurrence's outermost rank, and along one inside.
  bool isCarried = false, isCarriedInside = false;
  llvm::SmallVector<int, 4> readers; ///< Einsums, ascending
};

struct GraphRead {
  int tensor = -1;
  /// One expression per rank of the tensor, over the Einsum's ranks.
  llvm::SmallVector<mlir::AffineExpr, 4> index;
  /// Reads what an earlier step of the recurrence left.
  bool isCarried = false;
  /// The rank of the Einsum along which it may read an initial value, or -1.
  int initialDim = -1;
  int initialDirection = 0; ///< of the steps along it
};

struct GraphEinsum {
  EinsumInterface op;
  llvm::SmallVector<mlir::StringAttr, 6> dims;
  llvm::SmallVector<mlir::AffineExpr, 6> extents;
  llvm::SmallVector<GraphRead, 3> reads;
  /// Reads of which some coordinate is data: null in `index`. Which elements
  /// they use is not known, so that they force nothing.
  llvm::SmallVector<GraphRead, 0> gathers;
  llvm::SmallVector<int, 1> results;   ///< tensors
  llvm::SmallVector<int, 6> positions; ///< of a rank in the results, or -1
  llvm::SmallVector<Condition, 1> domain;
  int recurrence = -1;
};

/// A rank along which a recurrence steps.
struct StepRank {
  mlir::StringAttr rank;
  int direction; ///< 1 ascends, -1 descends
};

struct Recurrence {
  int begin, end; ///< Einsums
  llvm::SmallVector<StepRank, 1> ranks;
  /// Every Einsum has the outermost rank and keeps it, reads of the others what
  /// this step of it made or an earlier one left, and no condition tells steps
  /// apart. So all steps do alike with what is theirs alone.
  bool isStepwise = false;

  bool contains(int einsum) const { return begin <= einsum && einsum < end; }
};

struct SplitRank {
  mlir::StringAttr whole;
  llvm::SmallVector<mlir::StringAttr, 2> parts; ///< outermost first
};

struct CascadeGraph {
  CascadeOp cascade;
  std::vector<GraphTensor> tensors; ///< inputs, then results as computed
  std::vector<GraphEinsum> einsums; ///< producers before consumers
  std::vector<Recurrence> recurrences;
  std::vector<SplitRank> splits;
  std::vector<mlir::StringAttr> symbols; ///< parameters without value

  /// Extent of a declared rank.
  mlir::AffineExpr getExtent(mlir::StringAttr rank) const;

  llvm::DenseMap<mlir::StringAttr, mlir::AffineExpr> extents;
};

/// The number, if the expression is one.
std::optional<int64_t> getNumber(mlir::AffineExpr expr);
/// `expr` with its dimensions replaced, simplified.
mlir::AffineExpr substitute(mlir::AffineExpr expr,
                            llvm::ArrayRef<mlir::AffineExpr> dims);
/// Simplified sum a + factor * b.
mlir::AffineExpr combine(mlir::AffineExpr a, int64_t factor,
                         mlir::AffineExpr b);
/// Simplification that numbers dimensions and symbols generously.
mlir::AffineExpr simplify(mlir::AffineExpr expr);
/// The dimension, if the expression is one; -1 otherwise.
int getDim(mlir::AffineExpr expr);
bool usesAnyDim(mlir::AffineExpr expr);

/// Of a verified cascade.
CascadeGraph buildCascadeGraph(CascadeOp cascade);

} // namespace einsum

#endif // LIB_ANALYSIS_CASCADEGRAPH_H
