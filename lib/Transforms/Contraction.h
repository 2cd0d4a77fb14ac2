//===- Contraction.h - Products of many tensors, summed once ----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Where the product distributes over the sum, Einsums that feed one another are
// one sum of one product, and any order of evaluating that is as good:
//
//   S[m,p]  = Q[p,e] * K[m,e]
//   AV[p,f] = S[m,p] * V[m,f]
//
//   AV[p,f] = sum over m, e of Q[p,e] * K[m,e] * V[m,f]
//
//   K * V first: KV[e,f] = K[m,e] * V[m,f];  AV[p,f] = Q[p,e] * KV[e,f]
//
// A contraction is the middle line: factors over ranks, some of them summed. A
// factor may be inverted (a divisor, or a subtrahend where the product is +).
// The pairs of operators for which all this holds stand in a table; each is a
// law proved in test/unit/lib/Transforms/Inputs/laws.smt2.
//
// An order is a binary tree of merges. A merge runs over all ranks of its two
// sides and sums those that nothing outside needs; its cost is the number of
// its points. With up to twelve factors the cheapest tree is found exactly,
// over all subsets; a longer chain exactly too, over its intervals (Godbole
// 1973); other large products greedily, merging the cheapest pair first.
//
// Refused: filters, and tensors with absent elements. A filter couples ranks
// (`m <= p`), and a sum over one of them is no longer the same for all the
// other.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TRANSFORMS_CONTRACTION_H
#define LIB_TRANSFORMS_CONTRACTION_H

#include "lib/Transforms/Inlining.h"

namespace einsum {

/// Operators of which the product distributes over the sum.
struct Semiring {
  llvm::StringLiteral monoid, product, inverse; ///< `inverse` may be empty
};
llvm::ArrayRef<Semiring> getSemirings();

struct Factor {
  algebra::Expr value;
  bool isInverse = false;
  uint64_t ranks = 0; ///< bits into Contraction::ranks
};

struct Contraction {
  const Semiring *semiring = nullptr;
  llvm::SmallVector<mlir::StringAttr> ranks;
  std::vector<uint64_t> extents; ///< of the ranks
  std::vector<Factor> factors;
  uint64_t kept = 0;      ///< ranks of the result
  uint64_t ownSummed = 0; ///< ranks that the Einsum itself sums
  /// Einsums that went into it besides its own.
  llvm::SetVector<mlir::Operation *> absorbed;
  /// Their part of `costNow`: shared among the readers of each.
  llvm::DenseMap<mlir::Operation *, uint64_t> shares;
  uint64_t costNow = 0; ///< points of all these Einsums, times their products

  uint64_t pointsOf(uint64_t rankSet) const;
  uint64_t ranksOf(uint64_t factorSet) const;
  /// Ranks of a set of factors that its result still has.
  uint64_t openRanks(uint64_t factorSet) const;
  uint64_t all() const { return (uint64_t(1) << factors.size()) - 1; }
};

/// One merge: of two earlier merges, or of single factors. Without a right side
/// it reads the available tensor for the left one.
struct Merge {
  uint64_t left = 0, right = 0; ///< sets of factors
};
/// A tensor of the cascade that is a merge already, and what reading it costs:
/// nothing, or the share of an absorbed Einsum that would be kept for it.
struct AvailableTensor {
  mlir::Value tensor;
  mlir::StringAttr name;
  llvm::SmallVector<mlir::StringAttr>
      ranks; ///< of the contraction, in its order
  uint64_t cost = 0;
};
using AvailableTensors = llvm::DenseMap<uint64_t, AvailableTensor>;

/// From the leaves to the root.
struct MergeOrder {
  std::vector<Merge> merges;
  uint64_t cost = 0;
  bool isExact = false;
};

/// The Einsum `op` with its producers of the same kind written in place. On
/// failure `obstacle` says what stands in the way; empty if `op` is no sum of
/// products at all. Einsums in `kept` stay whatever happens, and cost nothing.
std::optional<Contraction>
flattenContraction(CascadeEditor &editor, mlir::Operation *op,
                   const llvm::DenseSet<mlir::Operation *> &kept,
                   std::string &obstacle);

/// The cheapest order.
MergeOrder findCheapestOrder(const Contraction &contraction,
                             const AvailableTensors &available);

/// The tensors of the cascade that are the product of some factors of
/// `contraction`, summed over what the others do not need, by set of factors.
/// Only tensors that do not depend on `op`.
AvailableTensors findAvailable(CascadeEditor &editor,
                               const Contraction &contraction,
                               mlir::Operation *op);

/// Puts Einsums that follow `order` in the place of `op`.
void emitContraction(CascadeEditor &editor, mlir::Operation *op,
                     const Contraction &contraction, const MergeOrder &order,
                     const AvailableTensors &available);

/// Names of the cascade's ranks.
llvm::DenseSet<mlir::StringAttr> getRankNames(CascadeOp cascade);
/// Erases ranks that are not in `before` and that nothing names: flattening
/// declares ranks for sums that keep apart.
void eraseUnusedRanks(CascadeOp cascade,
                      const llvm::DenseSet<mlir::StringAttr> &before);

} // namespace einsum

#endif // LIB_TRANSFORMS_CONTRACTION_H
