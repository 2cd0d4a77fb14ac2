//===- LowerMap.cpp - Map expressions to scalar operations ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/LowerMap.h"

#include "lib/Frontend/Cascade/Scalars.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/OperationSupport.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum::frontend;

Value MapLowering::lower(const Expr &expr, Type computeType, Type result) {
  compute = computeType;
  types.clear();
  Type type = typeOf(expr);
  Value value = lowerIn(expr, type ? type : compute);
  return value ? convert(expr.place, value, result) : value;
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

Value MapLowering::create(Place place, StringRef op, ValueRange operands,
                          Type type, ArrayRef<NamedAttribute> attrs) {
  OperationState state(report.at(place), op);
  state.addOperands(operands);
  state.addTypes(type);
  state.addAttributes(attrs);
  Operation *made = builder.create(state);
  auto flags = OperationEquivalence::Flags::IgnoreLocations;
  size_t hash = OperationEquivalence::computeHash(
      made, OperationEquivalence::directHashValue,
      OperationEquivalence::ignoreHashValue, flags);
  for (Operation *other : created[hash])
    if (OperationEquivalence::isEquivalentTo(
            made, other, OperationEquivalence::exactValueMatch,
            /*markEquivalent=*/nullptr, flags)) {
      made->erase();
      return other->getResult(0);
    }
  created[hash].push_back(made);
  return made->getResult(0);
}

Value MapLowering::convert(Place place, Value value, Type type) {
  for (Type step : getConversionSteps(value.getType(), type))
    value =
        create(place, getConversionName(value.getType(), step), value, step);
  return value;
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

/// Widest type among the operands from `first` on; null if none has one.
Type MapLowering::widestOperand(const Expr &expr, size_t first) {
  Type widest;
  for (const ExprPtr &operand : llvm::drop_begin(expr.operands, first))
    widest = getWidest(widest, typeOf(*operand));
  return widest;
}

/// Type that `expr` has by itself; null if it takes that of its surroundings
/// (T3).
Type MapLowering::typeOf(const Expr &expr) {
  if (auto it = types.find(&expr); it != types.end())
    return it->second;
  Type type;
  switch (expr.kind) {
  case Expr::Kind::number:
    break;
  case Expr::Kind::name:
    type = names.typeOf(expr.text);
    break;
  case Expr::Kind::access:
    type = compute;
    break;
  case Expr::Kind::negation:
  case Expr::Kind::chain:
    type = widestOperand(expr, 0);
    break;
  case Expr::Kind::compare:
    type = builder.getI1Type();
    break;
  case Expr::Kind::cast:
    type = getTypeByName(report.getContext(), expr.text);
    break;
  case Expr::Kind::call:
    if (auto it = functions.find(expr.text); it != functions.end())
      type = it->second.result;
    else
      type = widestOperand(expr, expr.text == "select" ? 1 : 0);
    break;
  }
  return types[&expr] = type;
}

/// True if `expr` is an exact integer expression of coordinates and parameters.
static bool isIntegral(const Expr &expr) {
  bool integral = true;
  walk(expr, [&](const Expr &part) {
    if (part.kind == Expr::Kind::number)
      integral &= StringRef(part.text).find_first_not_of("-0123456789") ==
                  StringRef::npos;
    else if (part.kind == Expr::Kind::call)
      integral &=
          part.text == "max" || part.text == "min" || part.text == "abs";
    else if (part.kind == Expr::Kind::chain)
      integral &= llvm::none_of(part.operators,
                                [](const Name &op) { return op.text == "/"; });
  });
  return integral;
}

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

/// Lowers `expr` as an operand of an operation in `type`.
Value MapLowering::lowerOperand(const Expr &expr, Type type) {
  Type own = typeOf(expr);
  Value value = lowerIn(expr, own ? own : type);
  return value ? convert(expr.place, value, type) : value;
}

/// Lowers `expr`, whose type is `type` or which has none by itself.
Value MapLowering::lowerIn(const Expr &expr, Type type) {
  switch (expr.kind) {
  case Expr::Kind::number:
    return lowerNumber(expr, type);
  case Expr::Kind::name:
    return names.resolve(expr, type);
  case Expr::Kind::access: {
    Value read = names.read(expr);
    return read ? convert(expr.place, read, compute) : read;
  }
  case Expr::Kind::negation:
    return lowerNegation(expr, type);
  case Expr::Kind::chain:
    return lowerChain(expr, type);
  case Expr::Kind::compare:
    return lowerCompare(expr);
  case Expr::Kind::cast:
    return lowerCast(expr);
  case Expr::Kind::call:
    return lowerCall(expr, type);
  }
  return {};
}

Value MapLowering::lowerNumber(const Expr &expr, Type type) {
  TypedAttr value = parseNumber(expr.text, type);
  if (!value) {
    report.error(expr.place) << expr.text << " is no value of type " << type;
    return {};
  }
  return create(expr.place, "arith.constant", {}, type,
                builder.getNamedAttr("value", value));
}

Value MapLowering::lowerNegation(const Expr &expr, Type type) {
  Value operand = lowerOperand(*expr.operands[0], type);
  if (!operand)
    return {};
  if (isa<FloatType>(type))
    return create(expr.place, "arith.negf", operand, type);
  Value zero = create(expr.place, "arith.constant", {}, type,
                      builder.getNamedAttr("value", IntegerAttr::get(type, 0)));
  return create(expr.place, "arith.subi", {zero, operand}, type);
}

Value MapLowering::lowerChain(const Expr &expr, Type type) {
  Value result = lowerOperand(*expr.operands[0], type);
  for (size_t i = 1; result && i < expr.operands.size(); ++i) {
    const Name &op = expr.operators[i - 1];
    Value operand = lowerOperand(*expr.operands[i], type);
    if (!operand)
      return {};
    const Operator *entry = findOperator(op.text);
    StringRef opName = isa<FloatType>(type) ? entry->floatOp : entry->integerOp;
    if (opName.empty()) {
      report.error(op.place)
          << "'" << op.text << "' divides integers, and this is computed in "
          << type;
      return {};
    }
    result = create(op.place, opName, {result, operand}, type);
  }
  return result;
}

Value MapLowering::lowerCompare(const Expr &expr) {
  Type type = widestOperand(expr, 0);
  if (!type)
    type = isIntegral(expr) ? Type(builder.getIndexType()) : compute;
  Value lhs = lowerOperand(*expr.operands[0], type);
  Value rhs = lhs ? lowerOperand(*expr.operands[1], type) : lhs;
  if (!rhs)
    return {};
  bool isFloat = isa<FloatType>(type);
  const Name &op = expr.operators[0];
  Attribute predicate =
      builder.getI64IntegerAttr(*getPredicate(op.text, isFloat));
  return create(op.place, isFloat ? "arith.cmpf" : "arith.cmpi", {lhs, rhs},
                builder.getI1Type(),
                builder.getNamedAttr("predicate", predicate));
}

Value MapLowering::lowerCast(const Expr &expr) {
  const Expr &operand = *expr.operands[0];
  Type type = getTypeByName(report.getContext(), expr.text);
  Value value;
  if (operand.kind == Expr::Kind::access)
    value = names.read(operand);
  else
    value = lowerOperand(operand, typeOf(operand) ? typeOf(operand) : type);
  return value ? convert(expr.operators[0].place, value, type) : value;
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

bool MapLowering::checkArity(const Expr &expr, size_t arity) {
  if (expr.operands.size() == arity)
    return true;
  InFlightDiagnostic diag = report.error(expr.place);
  diag << "'" << expr.text << "' takes " << arity
       << (arity == 1 ? " value" : " values") << ", found "
       << expr.operands.size();
  if (auto it = functions.find(expr.text); it != functions.end())
    diag.attachNote(report.at(it->second.place)) << "defined here";
  return false;
}

Value MapLowering::lowerCall(const Expr &expr, Type type) {
  if (auto it = functions.find(expr.text); it != functions.end())
    return lowerApply(expr, it->second);
  if (expr.text == "select")
    return lowerSelect(expr, type);
  const Operator *op = findOperator(expr.text);
  if (!op)
    return reportUnknownFunction(expr);
  if (!checkArity(expr, op->arity))
    return {};
  StringRef opName = isa<FloatType>(type) ? op->floatOp : op->integerOp;
  if (opName.empty()) {
    InFlightDiagnostic diag = report.error(expr.place);
    diag << "'" << expr.text << "' takes floats, and this is computed in "
         << type;
    diag.attachNote() << "convert the operand, as in '" << expr.text
                      << "(... as f32)'";
    return {};
  }
  SmallVector<Value> operands;
  for (const ExprPtr &operand : expr.operands)
    if (!operands.emplace_back(lowerOperand(*operand, type)))
      return {};
  return create(expr.place, opName, operands, type);
}

Value MapLowering::lowerSelect(const Expr &expr, Type type) {
  if (!checkArity(expr, 3))
    return {};
  const Expr &condition = *expr.operands[0];
  Type conditionType = typeOf(condition);
  if (!conditionType || !conditionType.isInteger(1)) {
    report.error(condition.place)
        << "the condition of 'select' is a comparison, such as "
           "'m <= p'";
    return {};
  }
  Value chosen = lowerIn(condition, conditionType);
  Value yes = chosen ? lowerOperand(*expr.operands[1], type) : chosen;
  Value no = yes ? lowerOperand(*expr.operands[2], type) : yes;
  return no ? create(expr.place, "arith.select", {chosen, yes, no}, type) : no;
}

Value MapLowering::lowerApply(const Expr &expr, const Signature &signature) {
  if (!checkArity(expr, signature.arguments.size()))
    return {};
  SmallVector<Value> operands;
  for (auto [operand, type] : llvm::zip(expr.operands, signature.arguments))
    if (!operands.emplace_back(lowerOperand(*operand, type)))
      return {};
  auto callee = FlatSymbolRefAttr::get(report.getContext(), expr.text);
  return create(expr.place, "einsum.apply", operands, signature.result,
                builder.getNamedAttr("callee", callee));
}

Value MapLowering::reportUnknownFunction(const Expr &expr) {
  InFlightDiagnostic diag = report.error(expr.place);
  diag << "there is no function '" << expr.text << "'";
  SmallVector<StringRef> known(getFunctionNames());
  for (const auto &entry : functions)
    known.push_back(entry.first());
  llvm::sort(known);
  suggestNearest(diag, expr.text, known);
  return {};
}
