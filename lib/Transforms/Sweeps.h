//===- Sweeps.h - Which reductions can share a traversal --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A sweep along a rank is one traversal that computes several reductions over
// it together. In the cascade as written, a reduction that uses an earlier one
// starts a new sweep:
//
//   GM[p]   = max(m) QK[m,p]             sweep 0
//   SD[p]   = exp(QK[m,p] - GM[p])       uses GM: sweep 1
//   AV[p,f] = ... / SD[p] * V[m,f]       uses SD: sweep 2
//
// planSweeps goes through the reductions in order and lets each one join the
// sweep of those that it uses, if Separation finds a law that carries it along
// (theorem: with s' = T(s) + F(x, d') and T a homomorphism of the reduction
// that carries F from d to d', the recurrence ends in the reduction whatever
// the frames d are, as long as the last one is the true d). A refused reduction
// starts a new sweep, and planning goes on behind it. The plan says for each
// reduction what is summed up, which statistics are frames, what is multiplied
// in afterwards.
//
// applySweeps writes the plan into the cascade: tiles of the rank, a local
// reduction for each accumulator, its correction, its running value, and the
// final value under the old name. Sweeps without frames need no tiles.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TRANSFORMS_SWEEPS_H
#define LIB_TRANSFORMS_SWEEPS_H

#include "lib/Transforms/Algebra/Separation.h"
#include "lib/Transforms/Derivation.h"

namespace einsum {

/// Whether running extrema are guarded against minus infinity.
enum class Guard {
  automatic, ///< where a filter or a literal makes it possible
  always,    ///< inputs may hold minus infinity too
  never
};

struct SweepOptions {
  bool allowDeferral = true;
  bool allowCorrection = true;
  /// Accept exponentials without proof that they stay bounded, and products of
  /// sums multiplied out.
  bool acceptUnsafe = false;
  Guard guard = Guard::automatic;
  /// Parameter that holds the tile, made if the cascade lacks it; empty: recur
  /// along the rank itself, one element at a time.
  std::string tileName = "";
  int64_t tileSize = 256;
};

/// One reduction over the rank.
struct SweepMember {
  mlir::Operation *op = nullptr;
  Statement statement;
  unsigned sweep = 0;
  /// Uses an earlier reduction of its sweep.
  bool isDependent = false;
  /// Used while incomplete by others.
  bool isFrame = false;

  // Of dependent members:
  llvm::SmallVector<algebra::Term, 2> terms;
  llvm::SmallVector<FilterTerm, 2> filter; ///< of the tensors looked through
  /// Under max and min: added to the result.
  llvm::SmallVector<algebra::Part, 2> addends;
  /// Under max and min: the result is base^result.
  llvm::StringRef base;
  std::vector<algebra::Separator::Kept> kept;
  llvm::SmallVector<mlir::Value> seenThrough;
  std::string conditions;

  explicit SweepMember(Statement statement) : statement(std::move(statement)) {}
  bool needsRunning() const;
};

struct SweepPlan {
  std::string rank;                             ///< as the user knows it
  llvm::SmallVector<mlir::StringAttr, 2> names; ///< the rank, or its parts
  std::vector<SweepMember> members;             ///< in order of evaluation
  /// Sweeps that a tensor needs complete before it can be read.
  llvm::DenseMap<mlir::Value, unsigned> stages;
  algebra::Slots slots;
  llvm::DenseMap<mlir::Operation *, unsigned> positions; ///< in `members`
  std::vector<bool> changed; ///< by sweep: some reduction joined it

  bool changesAnything() const;
  bool isChanged(unsigned sweep) const;
  SweepMember *find(mlir::Value tensor);
};

/// Plans the sweeps along one rank of the cascade: a rank that is not a part,
/// or a split rank by its parts. Adds what was refused to `derivation`.
SweepPlan planSweeps(CascadeEditor &editor, algebra::Facts &facts,
                     llvm::StringRef rank, const SweepOptions &options,
                     Derivation &derivation);

/// Rewrites the cascade. Adds what was done to `derivation`.
void applySweeps(CascadeEditor &editor, algebra::Facts &facts, SweepPlan &plan,
                 const SweepOptions &options, Derivation &derivation);

/// Ranks with at least two reductions of which one uses the other, in order of
/// declaration: where planning may find something.
std::vector<std::string> findChainedRanks(CascadeOp cascade);

/// Moves Einsums, as little as possible, so that each one stands below what it
/// reads within a step.
void sortByDependence(CascadeOp cascade);

} // namespace einsum

#endif // LIB_TRANSFORMS_SWEEPS_H
