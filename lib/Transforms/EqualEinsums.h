//===- EqualEinsums.h - When two Einsums compute the same -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Names of ranks are arbitrary, and so is the order of commuting operands:
//
//   S[p,m] = Q[p,e] * K[m,e]
//   T[n,q] = K[n,j] * Q[q,j]        T[n,q] = S[q,n], by m = n, p = q, e = j
//
// Equality is found by matching the two map expressions while a bijection of
// the ranks grows, and by taking back the last choice when it does not work
// out. The search is bounded: expressions with many interchangeable operands
// may be called different although they are equal, never the other way round.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TRANSFORMS_EQUALEINSUMS_H
#define LIB_TRANSFORMS_EQUALEINSUMS_H

#include "lib/Transforms/EinsumBuilder.h"

namespace einsum {

/// Which rank of the other Einsum each rank of the first stands for.
using RankBijection = llvm::DenseMap<mlir::StringAttr, mlir::StringAttr>;

/// Are `first` and `second`, the statements of `firstOp` and `secondOp`, equal?
/// Reads of their own results correspond.
std::optional<RankBijection> matchEinsums(CascadeEditor &editor,
                                          const Statement &first,
                                          mlir::Operation *firstOp,
                                          const Statement &second,
                                          mlir::Operation *secondOp);

/// A number that equal Einsums have in common.
size_t hashEinsum(const Statement &statement, mlir::Operation *op);

} // namespace einsum

#endif // LIB_TRANSFORMS_EQUALEINSUMS_H
