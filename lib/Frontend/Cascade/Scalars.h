//===- Scalars.h - Types and operators of maps ------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the notation and MLIR call the same scalar things, as tables read in
// both directions: the parser goes from `exp` to `math.exp`, the printer back.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_CASCADE_SCALARS_H
#define LIB_FRONTEND_CASCADE_SCALARS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

namespace einsum::frontend {

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

/// `f16` -> f16, `index` -> index; null for other words.
mlir::Type getTypeByName(mlir::MLIRContext *context, llvm::StringRef name);

/// The type that holds values of both: floats before integers, then the wider;
/// f32 for f16 with bf16.
mlir::Type getWidest(mlir::Type a, mlir::Type b);

/// Name of the one operation that converts `from` to `to`; empty if it takes
/// two steps or none.
llvm::StringRef getConversionName(mlir::Type from, mlir::Type to);

/// The types to go through from `from` to `to`, the last one included.
llvm::SmallVector<mlir::Type> getConversionSteps(mlir::Type from,
                                                 mlir::Type to);

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

/// `text` (possibly `-inf`) as a constant; null if the type has no such value.
mlir::TypedAttr parseNumber(llvm::StringRef text, mlir::Type type);

/// The shortest text that reads back as the same value.
std::string printNumber(mlir::TypedAttr number);

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

/// `spelling` is a symbol (`+`) or a function name. An empty op name says that
/// the operator has no meaning for such types.
struct Operator {
  llvm::StringRef spelling;
  unsigned arity;
  llvm::StringRef floatOp, integerOp;
};

/// By spelling; null if there is none.
const Operator *findOperator(llvm::StringRef spelling);
/// By the name of its operation; null if there is none.
const Operator *findOperatorByOp(llvm::StringRef opName);
/// Every function name, for messages; `select` included.
llvm::ArrayRef<llvm::StringRef> getFunctionNames();

/// `<` as a predicate of arith.cmpf or arith.cmpi, and back.
std::optional<int64_t> getPredicate(llvm::StringRef spelling, bool isFloat);
llvm::StringRef getPredicateSpelling(int64_t predicate, bool isFloat);

} // namespace einsum::frontend

#endif // LIB_FRONTEND_CASCADE_SCALARS_H
