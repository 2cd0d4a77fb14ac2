//===- Derivative.cpp - Derivatives of map expressions
//---------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Algebra/Derivative.h"

#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

namespace {
class Differentiation {
public:
  Differentiation(ExprContext &exprs, Expr read) : exprs(exprs), read(read) {}

  Expr of(Expr expr);
  std::string obstacle;

private:
  Expr ofOp(Expr expr);
  Expr ofUnary(Expr expr, Expr inner);
  Expr number(double value, Expr like) {
    return exprs.number(value, like->type);
  }
  Expr sum(Expr a, Expr b) { return !a ? b : !b ? a : exprs.add(a, b); }
  Expr product(Expr a, Expr b) { return a && b ? exprs.mul(a, b) : nullptr; }
  Expr negated(Expr a) {
    if (std::optional<double> value = a ? getNumber(a) : std::nullopt)
      return number(-*value, a);
    return a ? exprs.neg(a) : nullptr;
  }
  Expr choose(Expr condition, Expr a, Expr b, Expr like);
  Expr greater(Expr a, Expr b);

  ExprContext &exprs;
  Expr read;
  llvm::DenseMap<Expr, Expr> done;
};
} // namespace

Expr Differentiation::choose(Expr condition, Expr a, Expr b, Expr like) {
  if (!a && !b)
    return nullptr;
  return exprs.select(condition, a ? a : number(0, like),
                      b ? b : number(0, like));
}

Expr Differentiation::greater(Expr a, Expr b) {
  Builder builder(exprs.getContext());
  auto predicate = builder.getI64IntegerAttr(
      static_cast<int64_t>(arith::CmpFPredicate::OGT));
  return exprs.op(
      "arith.cmpf", {a, b}, builder.getI1Type(),
      builder.getDictionaryAttr(builder.getNamedAttr("predicate", predicate)));
}

/// The derivative of a function of one argument, times that of the argument.
Expr Differentiation::ofUnary(Expr expr, Expr inner) {
  StringRef name = expr->name();
  Expr a = expr->operands[0];
  if (name == "arith.negf")
    return negated(inner);
  if (name == "arith.extf" || name == "arith.truncf")
    return exprs.op(name, {inner}, expr->type, expr->attributes);
  if (name == "math.exp")
    return exprs.mul(expr, inner);
  if (name == "math.log")
    return exprs.div(inner, a);
  if (name == "math.sqrt")
    return exprs.div(inner, exprs.mul(number(2, expr), expr));
  if (name == "math.rsqrt")
    return exprs.mul(exprs.mul(number(-0.5, expr), exprs.div(expr, a)), inner);
  if (name == "math.tanh")
    return exprs.mul(exprs.sub(number(1, expr), exprs.mul(expr, expr)), inner);
  if (name == "einsum.sigmoid")
    return exprs.mul(exprs.mul(expr, exprs.sub(number(1, expr), expr)), inner);
  if (name == "math.erf") {
    Expr bell = exprs.op("math.exp", {exprs.neg(exprs.mul(a, a))}, a->type);
    return exprs.mul(exprs.mul(number(2 / std::sqrt(M_PI), expr), bell), inner);
  }
  if (name == "math.absf")
    return choose(greater(a, number(0, a)), inner, negated(inner), expr);
  obstacle = name.rsplit('.').second.str();
  return nullptr;
}

Expr Differentiation::ofOp(Expr expr) {
  StringRef name = expr->name();
  const auto &operands = expr->operands;
  if (name == "arith.select")
    return choose(operands[0], of(operands[1]), of(operands[2]), expr);
  if (!isa<FloatType>(expr->type))
    return nullptr; // comparisons and integers decide, and do not depend
  llvm::SmallVector<Expr, 3> inner;
  for (Expr operand : operands)
    inner.push_back(of(operand));
  if (llvm::all_of(inner, [](Expr part) { return part == nullptr; }))
    return nullptr;
  if (operands.size() == 1)
    return ofUnary(expr, inner[0]);
  Expr a = operands[0], b = operands[1], da = inner[0], db = inner[1];
  if (name == "arith.addf")
    return sum(da, db);
  if (name == "arith.subf")
    return sum(da, negated(db));
  if (name == "arith.mulf")
    return sum(product(da, b), product(a, db));
  if (name == "arith.divf")
    return sum(da ? exprs.div(da, b) : nullptr,
               negated(db ? exprs.div(exprs.mul(expr, db), b) : nullptr));
  if (name == "arith.maximumf" || name == "arith.maxnumf")
    return choose(greater(a, b), da, db, expr);
  if (name == "arith.minimumf" || name == "arith.minnumf")
    return choose(greater(b, a), da, db, expr);
  if (std::optional<double> power = getNumber(b);
      name == "math.powf" && power && !db) {
    Expr less = exprs.op("math.powf", {a, number(*power - 1, b)}, expr->type);
    return exprs.mul(exprs.mul(number(*power, expr), less), da);
  }
  obstacle = name.rsplit('.').second.str();
  return nullptr;
}

Expr Differentiation::of(Expr expr) {
  if (expr == read)
    return number(1, expr);
  if (expr->kind != ExprNode::Kind::op)
    return nullptr;
  auto known = done.find(expr);
  if (known != done.end())
    return known->second;
  Expr result = ofOp(expr);
  return done[expr] = result;
}

Derivative algebra::differentiate(ExprContext &exprs, Expr expr, Expr read) {
  Differentiation differentiation(exprs, read);
  Derivative derivative;
  derivative.expr = differentiation.of(expr);
  derivative.obstacle = differentiation.obstacle;
  return derivative;
}
