//===- Print.h - The parts of the cascade printer ---------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to the front end. Printing undoes lowering, rule by rule: it leaves
// out a conversion where T1 to T4 (LowerMap.h) put it back, and a reduction by
// `add` where the notation assumes one. What was printed is then read again and
// compared: a text that would mean something else is refused, never delivered.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_CASCADE_PRINT_H
#define LIB_FRONTEND_CASCADE_PRINT_H

#include "dialects/Einsum/Einsum.h"

namespace einsum::frontend {

/// Names of the dimensions and symbols of an affine expression.
struct AffineNames {
  llvm::ArrayRef<mlir::StringAttr> dims, symbols;
};

/// `m1*M0+m0`, `M ceildiv M0 - 1`: without spaces unless words need them.
std::string printIndex(mlir::AffineExpr expr, AffineNames names);

/// `P + R - 1`
std::string printExtent(mlir::AffineExpr expr, AffineNames names);

/// `m <= p`, without negative terms.
std::string printFilter(mlir::AffineExpr expr, bool isEq, AffineNames names);

/// What the block arguments of a map region are called.
struct ArgumentNames {
  /// Text that stands for argument i, in the argument's type.
  llvm::SmallVector<std::string> texts;
  /// Arguments are reads of tensors, subject to T1; else they have their type.
  bool areAccesses = false;
};

/// Prints what a region yields at `position`, lowered in compute type `compute`
/// and converted to `result`. Emits an error at what has no notation and fails.
mlir::FailureOr<std::string> printMapValue(mlir::Region &region,
                                           unsigned position,
                                           const ArgumentNames &arguments,
                                           mlir::Type compute,
                                           mlir::Type result);

/// The type that the parser computes in: the widest of `result` and the tensors
/// that the value reads.
mlir::Type computeTypeOf(mlir::Region &region, unsigned position,
                         mlir::Type result);

/// Names of arguments that the notation gives by itself: `x, y` for a function,
/// `a, i` and `b, j` for the sides of a monoid.
llvm::SmallVector<std::string> defaultFunctionArguments(unsigned count);
llvm::SmallVector<std::string> defaultMonoidArguments(unsigned arity);

/// Where two cascades differ in meaning: an operation of the first and what is
/// lost; nullopt if they are the same program. The order of iteration ranks,
/// of operands and of equal subexpressions carries no meaning.
struct Difference {
  mlir::Operation *op;
  std::string what;
};
std::optional<Difference> findDifference(CascadeOp cascade, CascadeOp other);

} // namespace einsum::frontend

#endif // LIB_FRONTEND_CASCADE_PRINT_H
