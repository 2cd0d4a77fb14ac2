//===- Print.h - Pieces of the cascade printer ------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The printer works without knowing everything about the parser, because it is
// checked: what it wrote is parsed again, and both programs are compared in a
// form (`describeCascade`) that has every type and every operation, but no order
// that means nothing. What does not come back the same is refused.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_CASCADE_PRINT_H
#define LIB_FRONTEND_CASCADE_PRINT_H

#include "dialects/Einsum/Einsum.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace einsum::frontend {

/// `m1*4+m0`, or with spaces where an operator is a word: `M ceildiv 4 - 1`.
std::string printIndex(mlir::AffineExpr expr,
                       llvm::ArrayRef<mlir::StringAttr> dims,
                       llvm::ArrayRef<mlir::StringAttr> symbols);
/// The filter of an Einsum: `m <= p, p < m + W`.
std::string printFilter(mlir::IntegerSet filter,
                        llvm::ArrayRef<mlir::StringAttr> dims,
                        llvm::ArrayRef<mlir::StringAttr> symbols);
/// `QK[b,h,m,p]`
std::string printAccess(const Access &access, EinsumInterface einsum);
/// Name of an input or of a result; empty for an unnamed result.
llvm::StringRef tensorName(mlir::Value tensor);
/// `f16`; empty for a type that the notation has no word for.
llvm::StringRef typeName(mlir::Type type);

/// Text of a scalar as the right side of a statement: `argument` gives the text
/// of a block argument and says in which type it is read. Reports, at the
/// operation concerned, what the notation cannot say.
struct Argument {
  std::string text;
  bool isAccess = false;
};
mlir::FailureOr<std::string>
printValue(mlir::Value value, mlir::Type compute,
           llvm::function_ref<Argument(mlir::BlockArgument)> argument);

/// Everything that a cascade means, one line per fact, sorted.
std::string describeCascade(CascadeOp cascade);

} // namespace einsum::frontend

#endif // LIB_FRONTEND_CASCADE_PRINT_H
