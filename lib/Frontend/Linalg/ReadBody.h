//===- ReadBody.h - What the body of a linalg op computes -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The body of an op that accumulates is `out' = out (+) f(ins)`; an Einsum has
// the monoid `(+)` and the map `f` apart.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_LINALG_READBODY_H
#define LIB_FRONTEND_LINALG_READBODY_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

#include <optional>

namespace einsum::frontend {

struct Accumulation {
  llvm::StringRef monoid;
  mlir::Operation *combine; ///< the op that is the monoid
  mlir::Value added;        ///< what it combines with the accumulator
};

/// How `yielded` comes of the accumulator; nullopt if by no monoid, last.
std::optional<Accumulation> findAccumulation(mlir::Value yielded,
                                             mlir::BlockArgument accumulator);

/// The type of both factors where a product of elements is widened before it is
/// summed, as `arith.mulf (arith.extf %a), (arith.extf %b)`; else null.
mlir::Type findNarrowProduct(const Accumulation &accumulation);

/// Whether `value` changes nothing if `combine` meets it.
bool isIdentity(mlir::Operation *combine, mlir::Attribute value);

/// The body of `source` without `skipped`, at the end of the builder's block;
/// `values` says what its arguments are. Coordinates are named by `loops`.
void cloneBody(mlir::OpBuilder &builder, mlir::Block &source,
               mlir::Operation *skipped, mlir::IRMapping &values,
               llvm::ArrayRef<mlir::StringAttr> loops);

/// A scalar op of a body on what its operands are now. Of numbers that may be
/// none (`maxnumf`) Einsums have the maximum that NaN is a result of: where
/// nothing is NaN, both are the same.
void copyScalar(mlir::OpBuilder &builder, mlir::Operation &op,
                mlir::IRMapping &values);

/// What `value` of the body is now; constants from outside come along.
mlir::Value resolve(mlir::OpBuilder &builder, mlir::Value value,
                    mlir::IRMapping &values);

/// The op in the body that no map can hold, or null.
mlir::Operation *findUnsupported(mlir::Block &source);

} // namespace einsum::frontend

#endif // LIB_FRONTEND_LINALG_READBODY_H
