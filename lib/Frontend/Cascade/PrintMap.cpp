//===- PrintMap.cpp - Map expressions as text -----------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The inverse of LowerMap.cpp. Each value becomes a text, its precedence and
// the type that the parser gives it by itself: none for numbers, coordinates
// and parameters, which take that of what they meet (T3). Conversions are
// written with `as`, unless T1, T2 or T4 make the same one unasked.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Print.h"
#include "lib/Frontend/Cascade/Scalars.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::frontend;

namespace {

/// How tightly a text holds together.
enum Precedence { Comparison, Sum, Product, Unary, Postfix, Primary };

struct Printed {
  std::string text;
  int precedence = Primary;
  /// The type that the parser finds in the text; null if it takes one.
  Type own;
  /// Widened afterwards: its operators may not join those around it.
  bool isWidened = false;
};

class MapPrinter {
public:
  MapPrinter(const ArgumentNames &arguments, Type compute)
      : arguments(arguments), compute(compute) {}

  FailureOr<std::string> printTop(Value value, Type result);

private:
  FailureOr<Printed> print(Value value);
  FailureOr<Printed> printOp(Operation *op);
  FailureOr<Printed> printArgument(BlockArgument argument);
  FailureOr<Printed> printConversion(Value value);
  FailureOr<Printed> printChain(Operation *op, StringRef spelling);
  FailureOr<Printed> printCall(Operation *op, StringRef function,
                               Type operandType);
  FailureOr<Printed> printApply(ApplyOp apply);
  FailureOr<Printed> printCompare(Operation *op);
  FailureOr<Printed> printNegation(Operation *op, Value operand);
  FailureOr<SmallVector<Printed>> printOperands(ValueRange operands, Type type);
  FailureOr<Printed> refuse(Operation *op, const Twine &why);

  const ArgumentNames &arguments;
  Type compute;
  /// Characters written so far: shared subexpressions are written out each
  /// time.
  size_t length = 0;
};

} // namespace

/// Beyond this a text is of no use to a reader.
static constexpr size_t kMostCharacters = 1 << 16;

FailureOr<Printed> MapPrinter::refuse(Operation *op, const Twine &why) {
  emitError(op->getLoc()) << "the text notation cannot say this: " << why;
  return failure();
}

//===----------------------------------------------------------------------===//
// Texts
//===----------------------------------------------------------------------===//

static std::string typeName(Type type) {
  std::string text;
  llvm::raw_string_ostream os(text);
  type.print(os);
  return text;
}

static std::string parenthesize(const Printed &printed, int atLeast) {
  return printed.precedence < atLeast ? "(" + printed.text + ")" : printed.text;
}

static Printed castTo(const Printed &printed, Type type) {
  return {parenthesize(printed, Postfix) + " as " + typeName(type), Postfix,
          type};
}

/// A text whose type does not depend on where it stands.
static Printed withOwnType(const Printed &printed, Type type) {
  return printed.own ? printed : castTo(printed, type);
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

static bool isConversion(Operation *op) {
  return op && op->getNumOperands() == 1 && op->getNumResults() == 1 &&
         op->getName().getStringRef() ==
             getConversionName(op->getOperand(0).getType(),
                               op->getResult(0).getType());
}

/// True if the conversions from `from` up to `to` are those that one `as`
/// makes.
static bool isOneCast(Value from, Value to) {
  SmallVector<Type> types;
  for (Value value = to; value != from;
       value = value.getDefiningOp()->getOperand(0)) {
    if (!isConversion(value.getDefiningOp()))
      return false;
    types.push_back(value.getType());
  }
  return llvm::to_vector(llvm::reverse(types)) ==
         getConversionSteps(from.getType(), to.getType());
}

/// The value that `value` is converted from by conversions that go together;
/// `value` itself if it is no conversion.
static Value conversionSource(Value value) {
  Value source = value;
  for (Value at = value; isConversion(at.getDefiningOp());) {
    at = at.getDefiningOp()->getOperand(0);
    if (isOneCast(at, value))
      source = at;
  }
  return source;
}

FailureOr<Printed> MapPrinter::printArgument(BlockArgument argument) {
  Printed printed{arguments.texts[argument.getArgNumber()], Primary,
                  argument.getType()};
  if (arguments.areAccesses && argument.getType() != compute)
    return castTo(printed, argument.getType());
  return printed;
}

FailureOr<Printed> MapPrinter::printConversion(Value value) {
  Value source = conversionSource(value);
  auto argument = dyn_cast<BlockArgument>(source);
  if (argument && arguments.areAccesses) {
    Printed read{arguments.texts[argument.getArgNumber()], Primary,
                 value.getType()};
    return value.getType() == compute ? read
                                      : castTo(read, value.getType()); // T1
  }
  FailureOr<Printed> inner = print(source);
  if (failed(inner))
    return failure();
  return castTo(withOwnType(*inner, source.getType()), value.getType());
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

/// Operands of an operation that computes in `type`. A widening is left out
/// where another operand shows the type (T2).
FailureOr<SmallVector<Printed>> MapPrinter::printOperands(ValueRange operands,
                                                          Type type) {
  SmallVector<Printed> plain, stripped;
  bool isTypeShown = false;
  for (Value operand : operands) {
    FailureOr<Printed> printed = print(operand);
    if (failed(printed))
      return failure();
    plain.push_back(*printed);
    Value source = conversionSource(operand);
    bool isRead = isa<BlockArgument>(source) && arguments.areAccesses;
    bool canStrip = source != operand && !isRead &&
                    getWidest(source.getType(), type) == type;
    FailureOr<Printed> inner = canStrip ? print(source) : printed;
    if (failed(inner))
      return failure();
    canStrip &= inner->own != nullptr;
    isTypeShown |= !canStrip && printed->own == type;
    inner->isWidened = canStrip;
    stripped.push_back(canStrip ? *inner : *printed);
  }
  return isTypeShown ? stripped : plain;
}

/// The type that an operation over `operands` has by itself.
static Type ownType(ArrayRef<Printed> operands, Type type) {
  return llvm::any_of(operands,
                      [](const Printed &p) { return p.own != nullptr; })
             ? type
             : Type();
}

FailureOr<Printed> MapPrinter::printChain(Operation *op, StringRef spelling) {
  Type type = op->getResult(0).getType();
  FailureOr<SmallVector<Printed>> operands =
      printOperands(op->getOperands(), type);
  if (failed(operands))
    return failure();
  int precedence = spelling == "+" || spelling == "-" ? Sum : Product;
  for (Printed &operand : *operands) // `(x as f16) + y` is clearer than without
    if (operand.precedence == Postfix ||
        (operand.isWidened && operand.precedence == precedence))
      operand = {"(" + operand.text + ")", Primary, operand.own};
  Printed &lhs = (*operands)[0], &rhs = (*operands)[1];
  std::string text = parenthesize(lhs, precedence) + " " + spelling.str() +
                     " " + parenthesize(rhs, precedence + 1);
  return Printed{text, precedence, ownType(*operands, type)};
}

FailureOr<Printed> MapPrinter::printCall(Operation *op, StringRef function,
                                         Type operandType) {
  FailureOr<SmallVector<Printed>> operands =
      printOperands(op->getOperands(), operandType);
  if (failed(operands))
    return failure();
  auto texts =
      llvm::map_range(*operands, [](const Printed &p) { return p.text; });
  return Printed{function.str() + "(" + llvm::join(texts, ", ") + ")", Primary,
                 ownType(*operands, operandType)};
}

/// A function converts its arguments by itself.
FailureOr<Printed> MapPrinter::printApply(ApplyOp apply) {
  SmallVector<std::string> texts;
  for (Value operand : apply.getArgs()) {
    Value source = conversionSource(operand);
    FailureOr<Printed> inner = print(source), whole = print(operand);
    if (failed(inner) || failed(whole))
      return failure();
    bool isImplied = inner->own && inner->own == source.getType() &&
                     inner->text.size() < whole->text.size();
    texts.push_back(isImplied ? inner->text : whole->text);
  }
  return Printed{apply.getCallee().str() + "(" + llvm::join(texts, ", ") + ")",
                 Primary, apply.getType()};
}

FailureOr<Printed> MapPrinter::printNegation(Operation *op, Value operand) {
  FailureOr<Printed> printed = print(operand);
  if (failed(printed))
    return failure();
  if (operand.getDefiningOp<arith::ConstantOp>())
    return refuse(op, "the negation of a number is a number");
  return Printed{"-" + parenthesize(*printed, Unary), Unary, printed->own};
}

/// True if the parser takes `value` for an exact integer expression of
/// coordinates, parameters and whole numbers (`isIntegral` in LowerMap.cpp).
static bool looksIntegral(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (isa<IndexOp, ParamOp>(op))
    return true;
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    std::string text = printNumber(cast<TypedAttr>(constant.getValue()));
    return StringRef(text).find_first_not_of("-0123456789") == StringRef::npos;
  }
  const Operator *entry = findOperatorByOp(op->getName().getStringRef());
  static const StringRef integral[] = {
      "+", "-", "*", "mod", "floordiv", "ceildiv", "max", "min", "abs"};
  return entry && llvm::is_contained(integral, entry->spelling) &&
         llvm::all_of(op->getOperands(), looksIntegral);
}

FailureOr<Printed> MapPrinter::printCompare(Operation *op) {
  Type type = op->getOperand(0).getType();
  auto predicate = op->getAttrOfType<IntegerAttr>("predicate");
  StringRef spelling = getPredicateSpelling(predicate.getValue().getSExtValue(),
                                            isa<FloatType>(type));
  if (spelling.empty())
    return refuse(
        op,
        "it compares with <, <=, >, >=, == and !=, and NaN makes all but != "
        "false");
  FailureOr<SmallVector<Printed>> operands =
      printOperands(op->getOperands(), type);
  if (failed(operands))
    return failure();
  if (!ownType(*operands, type)) {
    bool isExact = llvm::all_of(op->getOperands(), looksIntegral);
    Type assumed = isExact ? Type(IndexType::get(op->getContext())) : compute;
    if (assumed != type)
      operands->front() = castTo(operands->front(), type);
  }
  std::string text = parenthesize((*operands)[0], Sum) + " " + spelling.str() +
                     " " + parenthesize((*operands)[1], Sum);
  return Printed{text, Comparison, op->getResult(0).getType()};
}

static bool isZero(Value value) {
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  auto integer =
      constant ? dyn_cast<IntegerAttr>(constant.getValue()) : IntegerAttr();
  return integer && integer.getValue().isZero();
}

/// True if an attribute changes how an operator rounds or overflows.
static bool hasUnspokenAttributes(Operation *op) {
  for (NamedAttribute attr : op->getAttrs()) {
    if (auto flags = dyn_cast<arith::FastMathFlagsAttr>(attr.getValue()))
      if (flags.getValue() == arith::FastMathFlags::none)
        continue;
    if (auto flags = dyn_cast<arith::IntegerOverflowFlagsAttr>(attr.getValue()))
      if (flags.getValue() == arith::IntegerOverflowFlags::none)
        continue;
    if (attr.getName() != "predicate" && attr.getName() != "value" &&
        attr.getName() != "callee" && attr.getName() != "rank" &&
        attr.getName() != "param")
      return true;
  }
  return false;
}

FailureOr<Printed> MapPrinter::printOp(Operation *op) {
  Type type = op->getResult(0).getType();
  StringRef name = op->getName().getStringRef();
  if (hasUnspokenAttributes(op))
    return refuse(op, "it has no attributes of '" + name + "'");
  if (auto index = dyn_cast<IndexOp>(op))
    return Printed{index.getRank().str(), Primary, Type()};
  if (auto param = dyn_cast<ParamOp>(op))
    return Printed{param.getParam().str(), Primary, Type()};
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    std::string text = printNumber(cast<TypedAttr>(constant.getValue()));
    return Printed{text, text[0] == '-' ? Unary : Primary, Type()};
  }
  if (isConversion(op))
    return printConversion(op->getResult(0));
  if (isa<arith::CmpFOp, arith::CmpIOp>(op))
    return printCompare(op);
  if (isa<arith::NegFOp>(op))
    return printNegation(op, op->getOperand(0));
  if (isa<arith::SubIOp>(op) && isZero(op->getOperand(0)))
    return printNegation(op, op->getOperand(1));
  if (auto apply = dyn_cast<ApplyOp>(op))
    return printApply(apply);
  if (isa<arith::SelectOp>(op)) {
    FailureOr<Printed> condition = print(op->getOperand(0));
    FailureOr<SmallVector<Printed>> values =
        printOperands(op->getOperands().drop_front(), type);
    if (failed(condition) || failed(values))
      return failure();
    return Printed{"select(" + condition->text + ", " + (*values)[0].text +
                       ", " + (*values)[1].text + ")",
                   Primary, ownType(*values, type)};
  }
  const Operator *entry = findOperatorByOp(name);
  if (!entry)
    return refuse(op, "it has no operator for '" + name + "'");
  bool isInfix =
      entry->arity == 2 && findOperator(entry->spelling) &&
      (!llvm::isAlpha(entry->spelling.front()) || entry->floatOp.empty());
  return isInfix ? printChain(op, entry->spelling)
                 : printCall(op, entry->spelling, type);
}

FailureOr<Printed> MapPrinter::print(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return printArgument(argument);
  Operation *op = value.getDefiningOp();
  FailureOr<Printed> printed = printOp(op);
  if (succeeded(printed) &&
      (length += printed->text.size()) > kMostCharacters * 16)
    return refuse(op,
                  "written out, its expression has more than 65536 characters");
  if (succeeded(printed) && printed->text.size() > kMostCharacters)
    return refuse(op,
                  "written out, its expression has more than 65536 characters");
  return printed;
}

FailureOr<std::string> MapPrinter::printTop(Value value, Type result) {
  Value source = conversionSource(value);
  if (source != value) { // T4
    FailureOr<Printed> inner = print(source);
    if (failed(inner))
      return failure();
    if (inner->own ? inner->own == source.getType()
                   : compute == source.getType())
      return inner->text;
  }
  FailureOr<Printed> printed = print(value);
  if (failed(printed))
    return failure();
  bool isTyped = printed->own || result == compute;
  return isTyped ? printed->text : castTo(*printed, result).text;
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

static Value yieldedAt(Region &region, unsigned position) {
  return region.front().getTerminator()->getOperand(position);
}

FailureOr<std::string>
einsum::frontend::printMapValue(Region &region, unsigned position,
                                const ArgumentNames &arguments, Type compute,
                                Type result) {
  return MapPrinter(arguments, compute)
      .printTop(yieldedAt(region, position), result);
}

Type einsum::frontend::computeTypeOf(Region &region, unsigned position,
                                     Type result) {
  llvm::SetVector<Value> reached;
  reached.insert(yieldedAt(region, position));
  Type widest = result;
  for (size_t i = 0; i < reached.size(); ++i) {
    if (isa<BlockArgument>(reached[i]))
      widest = getWidest(widest, reached[i].getType());
    else
      reached.insert(reached[i].getDefiningOp()->operand_begin(),
                     reached[i].getDefiningOp()->operand_end());
  }
  return widest;
}

SmallVector<std::string>
einsum::frontend::defaultFunctionArguments(unsigned count) {
  SmallVector<std::string> names;
  for (unsigned i = 0; i < count; ++i)
    names.push_back(count <= 3 ? std::string(1, "xyz"[i])
                               : "x" + std::to_string(i));
  return names;
}

SmallVector<std::string>
einsum::frontend::defaultMonoidArguments(unsigned arity) {
  if (arity == 1)
    return {"a", "b"};
  if (arity == 2)
    return {"a", "i", "b", "j"};
  SmallVector<std::string> names;
  for (StringRef side : {"a", "b"})
    for (unsigned i = 0; i < arity; ++i)
      names.push_back(side.str() + std::to_string(i));
  return names;
}
