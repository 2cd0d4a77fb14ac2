//===- Expr.h - Map expressions as values -----------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A rewrite asks of a map expression what it depends on, replaces parts of it
// and writes it elsewhere. Regions are clumsy for that, so expressions are
// taken out of them as immutable trees:
//
//   SN[m,p] = exp(QK[m,p] - GM[p])     math.exp(arith.subf(read, read))
//
// Nodes are unique within an ExprContext: equal expressions are the same
// pointer, hence common subexpressions are found for nothing. A read names its
// tensor and carries its indices as affine expressions over *named* ranks (one
// numbering for the whole cascade, see CascadeEditor), so that an expression
// keeps its meaning when it moves from one Einsum into another.
//
// User-defined functions are expanded when they are read in: algebra sees what
// they compute. Any pure op with one result can stand in an expression; laws
// are attached to the few that have some, all others are opaque.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TRANSFORMS_ALGEBRA_EXPR_H
#define LIB_TRANSFORMS_ALGEBRA_EXPR_H

#include "dialects/Einsum/Einsum.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <deque>
#include <unordered_map>

namespace einsum::algebra {

struct ExprNode;
using Expr = const ExprNode *;
using Indices = llvm::SmallVector<mlir::AffineExpr, 4>;

struct ExprNode {
  enum class Kind { constant, index, param, read, slot, op };

  Kind kind;
  mlir::Type type;
  /// The value of a constant; the name of a rank, parameter or operation.
  mlir::Attribute data;
  mlir::Value tensor;              ///< of a read
  Indices indices;                 ///< of a read
  unsigned slot = 0;               ///< number of a place to be filled in later
  mlir::DictionaryAttr attributes; ///< of an operation
  llvm::SmallVector<Expr, 3> operands;
  unsigned id = 0; ///< in order of creation: ties are broken by it

  llvm::StringRef name() const {
    return llvm::cast<mlir::StringAttr>(data).getValue();
  }
  bool isOp(llvm::StringRef op) const {
    return kind == Kind::op && name() == op;
  }
  bool isRead() const { return kind == Kind::read; }
};

class ExprContext {
public:
  explicit ExprContext(mlir::MLIRContext *context) : context(context) {}

  Expr constant(mlir::TypedAttr value);
  /// A float constant; `type` is a float type.
  Expr number(double value, mlir::Type type);
  Expr index(mlir::StringAttr rank, mlir::Type type);
  Expr param(mlir::StringAttr name, mlir::Type type);
  Expr read(mlir::Value tensor, llvm::ArrayRef<mlir::AffineExpr> indices);
  Expr slot(unsigned number, mlir::Type type);
  /// An operation; folds what is certain to give the same value (x * 1, x + 0,
  /// 0 - x, constants are left alone).
  Expr op(llvm::StringRef name, llvm::ArrayRef<Expr> operands, mlir::Type type,
          mlir::DictionaryAttr attributes = {});

  // Arithmetic in the type of the first operand.
  /// Extends the narrower of two floats to the type of the other.
  void widen(Expr &a, Expr &b);
  /// The same number, of an integer or a float of another width, as f32.
  Expr toF32(Expr value);
  Expr add(Expr a, Expr b) { return op("arith.addf", {a, b}, a->type); }
  Expr sub(Expr a, Expr b) { return op("arith.subf", {a, b}, a->type); }
  Expr mul(Expr a, Expr b) { return op("arith.mulf", {a, b}, a->type); }
  Expr div(Expr a, Expr b) { return op("arith.divf", {a, b}, a->type); }
  Expr neg(Expr a) { return op("arith.negf", {a}, a->type); }
  Expr max(Expr a, Expr b) { return op("arith.maximumf", {a, b}, a->type); }
  Expr min(Expr a, Expr b) { return op("arith.minimumf", {a, b}, a->type); }
  Expr equal(Expr a, Expr b);
  Expr select(Expr condition, Expr a, Expr b) {
    return op("arith.select", {condition, a, b}, a->type);
  }

  /// Rebuilds `expr` from the leaves up: `replace` gives the new form of a node
  /// whose operands have been replaced already, or null to keep it.
  Expr rewrite(Expr expr, llvm::function_ref<Expr(Expr)> replace);

  mlir::MLIRContext *getContext() const { return context; }

private:
  Expr unique(ExprNode node);

  mlir::MLIRContext *context;
  std::deque<ExprNode> nodes;
  std::unordered_multimap<size_t, Expr> table;
};

/// Visits every distinct node of `expr`, operands first.
void walk(Expr expr, llvm::function_ref<void(Expr)> visit);
/// True if some node satisfies `predicate`.
bool anyOf(Expr expr, llvm::function_ref<bool(Expr)> predicate);

/// The value of a float or integer constant, or nullopt.
std::optional<double> getNumber(Expr expr);
bool isNumber(Expr expr, double value);

} // namespace einsum::algebra

#endif // LIB_TRANSFORMS_ALGEBRA_EXPR_H
