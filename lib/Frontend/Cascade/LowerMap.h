//===- LowerMap.h - Map expressions to scalar operations --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The rule of types, in one place. Every expression is lowered in a *compute
// type* C, the widest of the result's type and those of the tensors read:
//
//   T1  a tensor that is read is converted to C; with a cast directly behind it
//       (`X[m] as bf16`) it is converted to that type instead
//   T2  `as` rounds to its type; meeting a wider operand, the value is widened
//   T3  numbers, rank variables and parameters take the type of what they meet,
//       or C; between themselves, comparisons of them are exact, in `index`
//   T4  the whole is converted to the type of the result
//
// Equal subexpressions are computed once, so that the number of operations is
// that of the mathematics and not of its spelling.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_CASCADE_LOWERMAP_H
#define LIB_FRONTEND_CASCADE_LOWERMAP_H

#include "lib/Frontend/Cascade/Report.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"

#include <unordered_map>

namespace einsum::frontend {

/// Argument and result types of a user-defined function.
struct Signature {
  Place place;
  llvm::SmallVector<mlir::Type> arguments;
  mlir::Type result;
};

/// What the names in an expression mean; depends on where it stands.
struct NameMeaning {
  /// Lowers `name` in the type asked for; null after reporting an error.
  llvm::function_ref<mlir::Value(const Expr &name, mlir::Type type)> resolve;
  /// Reads a tensor: a value of its element type; null after an error.
  llvm::function_ref<mlir::Value(const Expr &access)> read;
  /// Type that a name has by itself (an argument of a function), or null.
  llvm::function_ref<mlir::Type(llvm::StringRef name)> typeOf;
};

class MapLowering {
public:
  MapLowering(Report &report, const llvm::StringMap<Signature> &functions,
              mlir::Block *block, NameMeaning names)
      : report(report), functions(functions), names(names),
        builder(report.getContext()) {
    builder.setInsertionPointToEnd(block); // which has no parent yet
  }

  /// Lowers `expr` with compute type `compute` and converts it to `result`.
  mlir::Value lower(const Expr &expr, mlir::Type compute, mlir::Type result);

  /// Creates an operation with one result, or finds an equal one.
  mlir::Value create(Place place, llvm::StringRef op, mlir::ValueRange operands,
                     mlir::Type type,
                     llvm::ArrayRef<mlir::NamedAttribute> attrs = {});

private:
  mlir::Type typeOf(const Expr &expr);
  mlir::Value lowerIn(const Expr &expr, mlir::Type type);
  mlir::Value lowerNumber(const Expr &expr, mlir::Type type);
  mlir::Value lowerOperand(const Expr &expr, mlir::Type type);
  mlir::Value lowerNegation(const Expr &expr, mlir::Type type);
  mlir::Value lowerChain(const Expr &expr, mlir::Type type);
  mlir::Value lowerCompare(const Expr &expr);
  mlir::Value lowerCall(const Expr &expr, mlir::Type type);
  mlir::Value lowerSelect(const Expr &expr, mlir::Type type);
  mlir::Value lowerApply(const Expr &expr, const Signature &signature);
  mlir::Value lowerCast(const Expr &expr);
  mlir::Value convert(Place place, mlir::Value value, mlir::Type type);
  mlir::Type widestOperand(const Expr &expr, size_t first);
  bool checkArity(const Expr &expr, size_t arity);
  mlir::Value reportUnknownFunction(const Expr &expr);

  Report &report;
  const llvm::StringMap<Signature> &functions;
  NameMeaning names;
  mlir::OpBuilder builder;
  mlir::Type compute;
  /// Operations by hash, to find equal ones.
  std::unordered_map<size_t, std::vector<mlir::Operation *>> created;
  /// Types worked out before; deep expressions ask again at each level.
  llvm::DenseMap<const Expr *, mlir::Type> types;
};

} // namespace einsum::frontend

#endif // LIB_FRONTEND_CASCADE_LOWERMAP_H
