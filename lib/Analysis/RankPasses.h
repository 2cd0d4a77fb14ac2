//===- RankPasses.h - How often a rank must be traversed --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A rank pass is one traversal of a fiber (Nayak et al., MICRO 2024, section
// III): softmax needs the maximum of a row before it can add exponentials, and
// their sum before it can divide.
//
//   GM[p]   = max(m) X[m,p]            pass 1 over m
//   SN[m,p] = exp(X[m,p] - GM[p])      pass 2: GM is complete after pass 1
//   SD[p]   = SN[m,p]
//   A[m,p]  = SN[m,p] / SD[p]          pass 3: SD is complete after pass 2
//
//   X  over m: 3 passes, forced by GM -> SN -> A
//
// An element is followed through everything computed from it pointwise: SN[m,p]
// is X[m,p] in another guise, so that reading SN again is a pass over X too. A
// use of an element is a *touch*; its level is one more than the number of full
// traversals that its operands have behind them. The count N of a fiber is the
// level that every element reaches. N is a property of the cascade, not of a
// mapping: any schedule, recomputation included, contains N disjoint intervals
// of time, each with a touch of every element (theorem 1 of README.md).
//
// Counted are the ranks of every tensor, each part of a split rank, and the
// split rank as a whole (`m`, read as `m1 * 256 + m0`). Headline is the largest
// count among tensors that carry the whole rank.
//
// Trusts a verified cascade. Parameters may be unbound; counts then hold for
// extents of at least three, with split ranks that divide. Coverage by filters,
// windows and strides is decided by Presburger arithmetic; where parameters
// that it needs are unbound, it must hold for all their values. Conditions that
// depend on data (select) count as if both sides were used. A read at a
// coordinate that is data forces nothing, and the passes over a rank addressed
// so are "unknown, >= 1". Every simplification lowers the count, so that it
// stays a bound.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_RANKPASSES_H
#define LIB_ANALYSIS_RANKPASSES_H

#include "dialects/Einsum/Einsum.h"

#include <string>

namespace einsum {

/// How a number is known. Only theorems are printed as ">=".
enum class Certainty { Theorem, BestKnown, Asymptotic, Heuristic };
llvm::StringRef stringify(Certainty certainty);

/// The passes over one kind of fiber: those of `tensor` along `rank`.
struct FiberPasses {
  std::string tensor;
  std::string rank;
  /// The rank is split, and the tensor carries all of its parts.
  bool isFlattened = false;
  /// The split rank that `rank` is a part of, or empty.
  std::string whole;
  /// The tensor carries some parts of `whole` only: one element per tile.
  bool isSummary = false;

  uint64_t passes = 0;
  /// Some Einsum reads the tensor along this rank at coordinates that are data
  /// (dialects/Einsum/Gathers.h). Those reads count for nothing, so that the
  /// count is a bound and how far it lies below is unknown.
  bool isOpaque = false;
  /// The count of these fibers alone, not of what is made of them; 0 if no
  /// Einsum reads all of one.
  uint64_t ownPasses = 0;
  Certainty certainty = Certainty::Theorem;
  /// Why: for each pass the Einsum that touches the fiber in it, and the one
  /// that completes what the next pass waits for, where that is another.
  std::vector<mlir::Operation *> witness;
  /// The tensor on whose fibers the count is reached, when not `tensor` itself:
  /// in self-attention the keys are made of X, and traversed three times.
  std::string via;
  /// The last pass is forced by scans in opposite directions.
  bool oppositeScans = false;
  /// Passes that every further `period` steps of an iterative rank add, and
  /// that rank; the count is for its present extent, or for three steps if
  /// unbound.
  uint64_t perStep = 0, period = 1;
  std::string growsWith;
  /// Einsums that come back to some elements, not all, after the last pass.
  std::vector<mlir::Operation *> partial;
  /// Einsums that touch the fiber, with the highest level of their touches: of
  /// two at different levels, a loop over the rank can hold only one.
  std::vector<std::pair<mlir::Operation *, uint64_t>> stages;

  mlir::Operation *definition = nullptr; ///< of the tensor
};

/// The count of a rank: the largest among tensors that carry all of it.
struct RankHeadline {
  std::string rank;
  uint64_t passes = 0;
  /// Index of the fiber that shows it; -1 if no tensor has the rank.
  int fiber = -1;
};

struct RankPasses {
  std::vector<FiberPasses> fibers; ///< tensors in order, their ranks in order
  std::vector<RankHeadline> ranks; ///< whole ranks, then parts, as declared

  const FiberPasses *find(llvm::StringRef tensor, llvm::StringRef rank) const;
  /// Headline of a rank; 0 if the cascade has no tensor along it.
  uint64_t get(llvm::StringRef rank) const;
  /// The rank with the most passes among whole ranks; null without tensors.
  const RankHeadline *getHeadline() const;
};

RankPasses computeRankPasses(CascadeOp cascade);

/// Name of an Einsum: that of its first tensor.
llvm::StringRef getEinsumName(mlir::Operation *einsum);
/// "GM -> SN -> SD -> A"
std::string joinWitness(const FiberPasses &fiber);
/// The witness of a count above one, and what else it rests on.
std::string describeWitness(const FiberPasses &fiber);
/// "1 per step of i", "1 per 2 steps of i"; empty if the count does not grow.
std::string describeGrowth(const FiberPasses &fiber);
/// All counts, one line for each tensor and rank.
void printRankPasses(const RankPasses &passes, llvm::raw_ostream &os);

} // namespace einsum

#endif // LIB_ANALYSIS_RANKPASSES_H
