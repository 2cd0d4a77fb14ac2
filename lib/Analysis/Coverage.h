//===- Coverage.h - Whether points reach every coordinate -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One question decides every filter, window and stride: with the other ranks
// held still, does an Einsum have a point for every coordinate of a fiber?
//
//   GM[p] = max(m) QK[m,p]   with m <= p      over the fiber K[0..M-1]
//
//   held still p: no for p < M - 1, yes for the last p   (causal)
//   with p - 2 < m <= p: for no p                        (sliding window)
//
// `Coverer::cover` answers: for all values of the ranks held still; or if some
// are pinned (p = P - 1), which; or not at all. Sets are those of MLIR's
// Presburger library, so that the answer is exact for affine conditions.
// Without conditions on the ranks involved it needs no sets. Equal questions,
// as the layers of a model ask them, are answered once.
//
// An expression that is not affine (`m1 * M0 + m0` with M0 unbound) under a
// condition is answered with no. Where ranks must be pinned, fibers of fewer
// than three elements do not count: of those, every use would be a traversal.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_COVERAGE_H
#define LIB_ANALYSIS_COVERAGE_H

#include "lib/Analysis/CascadeGraph.h"

#include <map>

namespace einsum {

/// A rank of an Einsum (or a position of a tensor) held at one value.
struct Pin {
  int dim;
  mlir::AffineExpr value;

  bool operator==(const Pin &other) const {
    return dim == other.dim && value == other.value;
  }
};
using Pins = llvm::SmallVector<Pin, 1>;

/// A coordinate to be reached for all its values.
struct Target {
  mlir::AffineExpr expr; ///< over the Einsum's ranks and locals
  /// Position in the tensor whose fiber is covered; -1 for the fiber's own
  /// coordinate.
  int position;
};

/// A tensor, and which of its ranks form the fiber.
struct FiberKind {
  int tensor;
  llvm::SmallVector<int, 2> positions;
  /// Coordinate within the fiber, over the tensor's positions.
  mlir::AffineExpr coordinate;
  /// Coordinates that something reads: from `first`, below `end`.
  std::optional<int64_t> first, end;
};

class Coverer {
public:
  explicit Coverer(const CascadeGraph &graph);

  /// Locals are symbols from this number on.
  unsigned firstLocal() const { return graph.symbols.size(); }

  struct Query {
    const GraphEinsum *einsum; ///< null: locals only
    const FiberKind *fiber;
    llvm::SmallVector<Target, 2> targets;
    /// Extents of the locals in `targets`, by number.
    llvm::SmallVector<std::pair<unsigned, mlir::AffineExpr>, 2> locals;
    llvm::SmallVector<int, 4> held; ///< ranks held still
    Pins pins;                      ///< given ones
    /// What the elements covered have in common with the ranks: value of a
    /// position of the tensor, over ranks held still.
    llvm::SmallVector<Target, 2> known;
  };
  /// Further pins under which every value of every target is reached; empty if
  /// none are needed; nullopt if there are none.
  std::optional<Pins> cover(const Query &query);

  /// A query as numbers; expressions are unique in a context.
  using Key = std::vector<uintptr_t>;

private:
  std::optional<Pins> compute(const Query &query);
  bool isObvious(const Query &query) const;
  bool isDense(const Query &query) const;

  const CascadeGraph &graph;
  std::map<Key, std::optional<Pins>> answers;
};

} // namespace einsum

#endif // LIB_ANALYSIS_COVERAGE_H
