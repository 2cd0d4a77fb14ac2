//===- Gathers.h - Coordinates that are data --------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An access may address a rank by the value of another operand of its Einsum:
//
//   Z[k,n] = A[I[k], n]                  rows of a table
//   Y[p,c] = X[p + D[p,j], c] * W[j,c]   taps displaced by data
//
// The map of such an access has, after a symbol for each parameter, one for
// each gathered value: `(k, n)[g] -> (g, n)`, where g is the value of I at [k].
// What can be said without the data is said by two affine accesses:
//
//   reach   what the point might read: every element along the rank. Here a
//           coordinate of its own, which no loop walks, stands for the rank:
//           (k, n)(any) -> (any, n). Space, fills and order go by it.
//   choice  what tells two reads apart: the rest of each coordinate, then where
//           the indices are read: (k, n) -> (0, n, k), and for X[p + D[p,j], c]
//           (p, c, j) -> (p, c, p, j). Leaves go by it: a point reads one
//           element, and two points read the same one only if all of this
//           agrees. That two indices are equal is data, and counts for nothing.
//
// A rank that some access addresses by data is *opaque* to that access. Whoever
// takes affine accesses alone says so with `refuseGathers`: to them a gathered
// value is a symbol that no parameter gives a value.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_EINSUM_GATHERS_H
#define DIALECTS_EINSUM_GATHERS_H

#include "dialects/Einsum/Einsum.h"

namespace einsum {

/// True if `expr` uses a symbol at or beyond `numParams`: a gathered value.
bool isGathered(mlir::AffineExpr expr, unsigned numParams);
/// True if some coordinate of the access is gathered.
bool isGathered(EinsumInterface einsum, const Access &access);
/// The operand whose value is gathered first in `expr`; nullopt if none is.
std::optional<unsigned> getFirstGathered(EinsumInterface einsum,
                                         mlir::AffineExpr expr);

/// True if a gathered value is only added and multiplied by numbers and
/// parameters.
bool isSumOfGathered(mlir::AffineExpr expr, unsigned numParams);

/// `access` with every gathered coordinate replaced by a dimension of its own:
/// from `firstDim` on, one per such coordinate, in order. The symbols of the
/// result are the parameters.
mlir::AffineMap getReach(EinsumInterface einsum, const Access &access,
                         unsigned firstDim);
/// Positions of the coordinates that are gathered.
llvm::SmallVector<unsigned> getOpaquePositions(EinsumInterface einsum,
                                               const Access &access);
/// What tells reads apart: one expression per rank of the tensor, gathered
/// values being 0, then the coordinates of the indices read.
mlir::AffineMap getChoice(EinsumInterface einsum, const Access &access);

/// `m, p` and so on, then `I[k]` for each gathered value: names of the symbols
/// of the input accesses, to print them by.
llvm::SmallVector<mlir::StringAttr> getAccessSymbols(EinsumInterface einsum);

/// The first Einsum of the cascade that gathers; null if none does.
EinsumInterface findGather(CascadeOp cascade);
/// Fails, with an error at the first gather, if there is one: "`who` takes
/// affine accesses only".
mlir::LogicalResult refuseGathers(CascadeOp cascade, llvm::StringRef who);
/// "'Z' reads 'A' at 'I[k]', which is data"
std::string describeGather(EinsumInterface einsum);

} // namespace einsum

#endif // DIALECTS_EINSUM_GATHERS_H
