//===- Expr.cpp - Map expressions as values -------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Algebra/Expr.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/Hashing.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

static size_t hash(const ExprNode &node) {
  return llvm::hash_combine(
      static_cast<int>(node.kind), node.type.getAsOpaquePointer(),
      node.data ? node.data.getAsOpaquePointer() : nullptr,
      node.tensor.getAsOpaquePointer(), node.slot,
      node.attributes ? node.attributes.getAsOpaquePointer() : nullptr,
      llvm::hash_combine_range(node.indices.begin(), node.indices.end()),
      llvm::hash_combine_range(node.operands.begin(), node.operands.end()));
}

static bool areEqual(const ExprNode &a, const ExprNode &b) {
  return a.kind == b.kind && a.type == b.type && a.data == b.data &&
         a.tensor == b.tensor && a.slot == b.slot &&
         a.attributes == b.attributes && a.indices == b.indices &&
         a.operands == b.operands;
}

Expr ExprContext::unique(ExprNode node) {
  size_t key = hash(node);
  auto [begin, end] = table.equal_range(key);
  for (auto it = begin; it != end; ++it)
    if (areEqual(*it->second, node))
      return it->second;
  node.id = nodes.size();
  nodes.push_back(std::move(node));
  table.emplace(key, &nodes.back());
  return &nodes.back();
}

//===----------------------------------------------------------------------===//
// Leaves
//===----------------------------------------------------------------------===//

Expr ExprContext::constant(TypedAttr value) {
  ExprNode node{
      ExprNode::Kind::constant, value.getType(), value, {}, {}, 0, {}, {}, 0};
  return unique(std::move(node));
}

Expr ExprContext::toF32(Expr value) {
  Type f32 = Float32Type::get(context);
  if (value->type == f32)
    return value;
  if (isa<IntegerType>(value->type))
    return op("arith.sitofp", {value}, f32);
  bool isWider = value->type.getIntOrFloatBitWidth() > 32;
  return op(isWider ? "arith.truncf" : "arith.extf", {value}, f32);
}

void ExprContext::widen(Expr &a, Expr &b) {
  unsigned widthA = a->type.getIntOrFloatBitWidth(),
           widthB = b->type.getIntOrFloatBitWidth();
  if (widthA < widthB)
    a = op("arith.extf", {a}, b->type);
  else if (widthB < widthA)
    b = op("arith.extf", {b}, a->type);
}

Expr ExprContext::number(double value, Type type) {
  return constant(FloatAttr::get(cast<FloatType>(type), value));
}

Expr ExprContext::index(StringAttr rank, Type type) {
  return unique({ExprNode::Kind::index, type, rank, {}, {}, 0, {}, {}, 0});
}

Expr ExprContext::param(StringAttr name, Type type) {
  return unique({ExprNode::Kind::param, type, name, {}, {}, 0, {}, {}, 0});
}

Expr ExprContext::read(Value tensor, ArrayRef<AffineExpr> indices) {
  Type scalar =
      getScalarType(cast<NamedTensorType>(tensor.getType()).getElementType());
  return unique({ExprNode::Kind::read,
                 scalar,
                 {},
                 tensor,
                 Indices(indices),
                 0,
                 {},
                 {},
                 0});
}

Expr ExprContext::slot(unsigned number, Type type) {
  return unique({ExprNode::Kind::slot, type, {}, {}, {}, number, {}, {}, 0});
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

std::optional<double> algebra::getNumber(Expr expr) {
  if (expr->kind != ExprNode::Kind::constant)
    return std::nullopt;
  if (auto value = dyn_cast<FloatAttr>(expr->data))
    return value.getValueAsDouble();
  auto value = cast<IntegerAttr>(expr->data);
  if (value.getValue().getBitWidth() > 64)
    return std::nullopt;
  return static_cast<double>(value.getValue().getSExtValue());
}

bool algebra::isNumber(Expr expr, double value) {
  std::optional<double> number = getNumber(expr);
  return number && *number == value;
}

/// `x` for operations with a neutral operand; null if there is none.
static Expr foldNeutral(StringRef name, ArrayRef<Expr> operands) {
  if (name == "arith.mulf") {
    if (isNumber(operands[1], 1))
      return operands[0];
    return isNumber(operands[0], 1) ? operands[1] : nullptr;
  }
  if (name == "arith.divf")
    return isNumber(operands[1], 1) ? operands[0] : nullptr;
  if (name == "arith.addf" && isNumber(operands[0], 0))
    return operands[1];
  if (name == "arith.addf" || name == "arith.subf")
    return isNumber(operands[1], 0) ? operands[0] : nullptr;
  if (name == "arith.negf" && operands[0]->isOp("arith.negf"))
    return operands[0]->operands[0];
  return nullptr;
}

Expr ExprContext::op(StringRef name, ArrayRef<Expr> operands, Type type,
                     DictionaryAttr attributes) {
  if (Expr folded = foldNeutral(name, operands))
    return folded;
  if (name == "arith.subf" && isNumber(operands[0], 0))
    return neg(operands[1]);
  if (!attributes)
    attributes = DictionaryAttr::get(context);
  return unique({ExprNode::Kind::op,
                 type,
                 StringAttr::get(context, name),
                 {},
                 {},
                 0,
                 attributes,
                 llvm::SmallVector<Expr, 3>(operands),
                 0});
}

Expr ExprContext::equal(Expr a, Expr b) {
  Builder builder(context);
  auto predicate = builder.getI64IntegerAttr(
      static_cast<int64_t>(arith::CmpFPredicate::OEQ));
  return op(
      "arith.cmpf", {a, b}, builder.getI1Type(),
      builder.getDictionaryAttr(builder.getNamedAttr("predicate", predicate)));
}

//===----------------------------------------------------------------------===//
// Traversal
//===----------------------------------------------------------------------===//

static Expr rewriteOnce(ExprContext &exprs, Expr expr,
                        llvm::function_ref<Expr(Expr)> replace,
                        llvm::DenseMap<Expr, Expr> &done) {
  if (Expr known = done.lookup(expr))
    return known;
  Expr result = expr;
  if (expr->kind == ExprNode::Kind::op) {
    llvm::SmallVector<Expr, 3> operands;
    for (Expr operand : expr->operands)
      operands.push_back(rewriteOnce(exprs, operand, replace, done));
    if (operands != expr->operands)
      result = exprs.op(expr->name(), operands, expr->type, expr->attributes);
  }
  if (Expr replaced = replace(result))
    result = replaced;
  return done[expr] = result;
}

Expr ExprContext::rewrite(Expr expr, llvm::function_ref<Expr(Expr)> replace) {
  llvm::DenseMap<Expr, Expr> done;
  return rewriteOnce(*this, expr, replace, done);
}

static void walkOnce(Expr expr, llvm::function_ref<void(Expr)> visit,
                     llvm::DenseSet<Expr> &seen) {
  if (!seen.insert(expr).second)
    return;
  for (Expr operand : expr->operands)
    walkOnce(operand, visit, seen);
  visit(expr);
}

void algebra::walk(Expr expr, llvm::function_ref<void(Expr)> visit) {
  llvm::DenseSet<Expr> seen;
  walkOnce(expr, visit, seen);
}

bool algebra::anyOf(Expr expr, llvm::function_ref<bool(Expr)> predicate) {
  bool found = false;
  walk(expr, [&](Expr node) { found = found || predicate(node); });
  return found;
}
