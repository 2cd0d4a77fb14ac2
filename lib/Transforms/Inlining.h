//===- Inlining.h - When a tensor may be its map expression -----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reading a pointwise tensor and computing its element in place is the same,
// if both leave out the same points. A tensor is absent where its filter fails
// or where it reads outside of a tensor or something absent; a reader then
// skips the point. Written in place, those conditions become the reader's own:
//
//   T[m,p] = X[m] * Y[p-1]     absent for p = 0
//   Z[p]   = T[m,p]            skips every m for p = 0: Z[0] is the empty sum,
//   0 Z[p]   = X[m] * Y[p-1]     the condition speaks of p alone: Z[0] is
//   absent
//
// The last line shows the one case in which they differ, which is refused: a
// condition without reduced ranks, from a read with some.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TRANSFORMS_INLINING_H
#define LIB_TRANSFORMS_INLINING_H

#include "lib/Transforms/EinsumBuilder.h"

#include "llvm/ADT/SetVector.h"

namespace einsum {

using RankSet = llvm::SetVector<mlir::StringAttr>;

/// The Einsums of a cascade, producers first; empty if it has no such order.
std::vector<mlir::Operation *> listProducersFirst(CascadeOp cascade);

/// Ranks that an index or a map expression depends on, in order of appearance.
void collectRanks(CascadeEditor &editor, mlir::AffineExpr expr, RankSet &ranks);
RankSet collectRanks(CascadeEditor &editor, algebra::Expr expr);

/// Distinct reads of an expression, in order of appearance.
llvm::SetVector<algebra::Expr> collectReads(algebra::Expr expr);
llvm::SetVector<algebra::Expr> collectReads(const Statement &statement);

/// True if `index` is within `rank` wherever the iteration space reaches: it is
/// that rank, one of the same extent, or the flattened parts of it.
bool isPlainlyInside(CascadeEditor &editor, mlir::AffineExpr index,
                     mlir::StringAttr rank);

/// True if some element of the tensor may be absent.
bool mayBeAbsent(CascadeEditor &editor, mlir::Value tensor);

/// Why the element that `read` names cannot be computed in place within
/// `consumer`; empty if it can.
std::string findInlineObstacle(CascadeEditor &editor, const Statement &consumer,
                               algebra::Expr read);

/// Computes the elements that `read` names in place. Requires no obstacle.
void inlineInto(CascadeEditor &editor, Statement &consumer, algebra::Expr read);

} // namespace einsum

#endif // LIB_TRANSFORMS_INLINING_H
