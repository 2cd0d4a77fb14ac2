//===- Scalars.cpp - Types, numbers and operators of map expressions ------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Scalars.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace einsum::frontend;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

Type einsum::frontend::getTypeByName(MLIRContext *context, StringRef name) {
  Builder builder(context);
  unsigned bits;
  if (name.starts_with("i") && !name.drop_front().getAsInteger(10, bits))
    return bits >= 1 && bits <= 64 ? Type(builder.getIntegerType(bits))
                                   : Type();
  return llvm::StringSwitch<Type>(name)
      .Case("f16", builder.getF16Type())
      .Case("bf16", builder.getBF16Type())
      .Case("tf32", builder.getTF32Type())
      .Case("f32", builder.getF32Type())
      .Case("f64", builder.getF64Type())
      .Case("f8E4M3FN", builder.getFloat8E4M3FNType())
      .Case("f8E5M2", builder.getFloat8E5M2Type())
      .Case("index", builder.getIndexType())
      .Default(Type());
}

static unsigned widthOf(Type type) {
  return isa<IndexType>(type) ? 64 : type.getIntOrFloatBitWidth();
}

Type einsum::frontend::getWidest(Type a, Type b) {
  if (!a || !b || a == b)
    return a ? a : b;
  if (isa<FloatType>(a) != isa<FloatType>(b))
    return isa<FloatType>(a) ? a : b;
  if (widthOf(a) != widthOf(b))
    return widthOf(a) > widthOf(b) ? a : b;
  if (isa<FloatType>(a))
    return Float32Type::get(a.getContext());
  return isa<IndexType>(a) ? b : a;
}

StringRef einsum::frontend::getConversionName(Type from, Type to) {
  if (from == to)
    return {};
  bool fromIndex = isa<IndexType>(from), toIndex = isa<IndexType>(to);
  if (fromIndex || toIndex)
    return isa<IntegerType>(fromIndex ? to : from) ? "arith.index_cast" : "";
  bool fromFloat = isa<FloatType>(from), toFloat = isa<FloatType>(to);
  if (fromFloat != toFloat)
    return toFloat ? (from.isInteger(1) ? "arith.uitofp" : "arith.sitofp")
                   : "arith.fptosi";
  if (widthOf(from) == widthOf(to))
    return {};
  bool extends = widthOf(from) < widthOf(to);
  if (fromFloat)
    return extends ? "arith.extf" : "arith.truncf";
  return !extends            ? "arith.trunci"
         : from.isInteger(1) ? "arith.extui"
                             : "arith.extsi";
}

SmallVector<Type> einsum::frontend::getConversionSteps(Type from, Type to) {
  if (from == to)
    return {};
  if (!getConversionName(from, to).empty())
    return {to};
  // f16 <-> bf16 goes through f32, index <-> float through i64.
  Type middle = isa<IndexType>(from) || isa<IndexType>(to)
                    ? Type(IntegerType::get(from.getContext(), 64))
                    : Type(Float32Type::get(from.getContext()));
  return {middle, to};
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

static std::optional<llvm::APFloat>
parseFloat(StringRef text, const llvm::fltSemantics &semantics) {
  bool isNegative = text.consume_front("-");
  if (text == "inf")
    return llvm::APFloat::getInf(semantics, isNegative);
  if (text == "nan")
    return llvm::APFloat::getNaN(semantics, isNegative);
  llvm::APFloat value(semantics);
  auto status =
      value.convertFromString(text, llvm::APFloat::rmNearestTiesToEven);
  if (!status) {
    llvm::consumeError(status.takeError());
    return std::nullopt;
  }
  if (isNegative)
    value.changeSign();
  return value;
}

static std::optional<llvm::APInt> parseInteger(StringRef text, unsigned width) {
  bool isNegative = text.consume_front("-");
  llvm::APInt value;
  if (text.empty() || !llvm::all_of(text, llvm::isDigit) ||
      text.getAsInteger(10, value))
    return std::nullopt;
  value = value.zext(std::max(value.getBitWidth(), width) + 1);
  if (isNegative)
    value.negate();
  bool fits = width == 1 ? value.isIntN(1) : value.isSignedIntN(width);
  return fits ? std::optional(value.trunc(width)) : std::nullopt;
}

TypedAttr einsum::frontend::parseNumber(StringRef text, Type type) {
  if (auto floatType = dyn_cast<FloatType>(type)) {
    auto value = parseFloat(text, floatType.getFloatSemantics());
    // A number that only overflow turns into infinity is not that number.
    if (!value || (value->isInfinity() && !text.ends_with("inf")))
      return {};
    return FloatAttr::get(type, *value);
  }
  auto value = parseInteger(text, widthOf(type));
  return value ? IntegerAttr::get(type, *value) : TypedAttr();
}

/// `1e-05` -> `1e-5`, `1e+06` -> `1e6`.
static std::string tidyExponent(std::string text) {
  size_t e = text.find('e');
  if (e == std::string::npos)
    return text;
  StringRef exponent = StringRef(text).substr(e + 1);
  std::string sign = exponent.consume_front("-") ? "-" : "";
  exponent.consume_front("+");
  return text.substr(0, e) + "e" + sign + exponent.ltrim('0').str();
}

std::string einsum::frontend::printNumber(TypedAttr number) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (auto integer = dyn_cast<IntegerAttr>(number)) {
    integer.getValue().print(os, /*isSigned=*/!number.getType().isInteger(1));
    return text;
  }
  llvm::APFloat value = cast<FloatAttr>(number).getValue();
  StringRef sign = value.isNegative() ? "-" : "";
  if (value.isInfinity() || value.isNaN())
    return (sign + (value.isNaN() ? "nan" : "inf")).str();
  for (int digits = 1;; ++digits) {
    text.clear();
    os << llvm::format("%.*g", digits, value.convertToDouble());
    text = tidyExponent(text);
    auto readBack = parseFloat(text, value.getSemantics());
    if (digits == 17 || (readBack && readBack->bitwiseIsEqual(value)))
      return text;
  }
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

static const Operator kOperators[] = {
    {"+", 2, "arith.addf", "arith.addi"},
    {"-", 2, "arith.subf", "arith.subi"},
    {"*", 2, "arith.mulf", "arith.muli"},
    {"/", 2, "arith.divf", "arith.divsi"},
    {"floordiv", 2, "", "arith.floordivsi"},
    {"ceildiv", 2, "", "arith.ceildivsi"},
    {"mod", 2, "", "arith.remsi"},
    {"max", 2, "arith.maximumf", "arith.maxsi"},
    {"min", 2, "arith.minimumf", "arith.minsi"},
    {"abs", 1, "math.absf", "math.absi"},
    {"exp", 1, "math.exp", ""},
    {"exp2", 1, "math.exp2", ""},
    {"log", 1, "math.log", ""},
    {"log2", 1, "math.log2", ""},
    {"sqrt", 1, "math.sqrt", ""},
    {"rsqrt", 1, "math.rsqrt", ""},
    {"tanh", 1, "math.tanh", ""},
    {"erf", 1, "math.erf", ""},
    {"sin", 1, "math.sin", ""},
    {"cos", 1, "math.cos", ""},
    {"sigmoid", 1, "einsum.sigmoid", ""},
    {"pow", 2, "math.powf", "math.ipowi"},
    {"floor", 1, "math.floor", ""},
    {"ceil", 1, "math.ceil", ""},
    {"round", 1, "math.roundeven", ""},
};

const Operator *einsum::frontend::findOperator(StringRef spelling) {
  for (const Operator &op : kOperators)
    if (op.spelling == spelling)
      return &op;
  return nullptr;
}

const Operator *einsum::frontend::findOperatorByOp(StringRef opName) {
  for (const Operator &op : kOperators)
    if (op.floatOp == opName || op.integerOp == opName)
      return &op;
  return nullptr;
}

ArrayRef<StringRef> einsum::frontend::getFunctionNames() {
  static const std::vector<StringRef> names = [] {
    std::vector<StringRef> result{"select"};
    for (const Operator &op : kOperators)
      if (llvm::isAlpha(op.spelling.front()) && !op.floatOp.empty())
        result.push_back(op.spelling);
    return result;
  }();
  return names;
}

namespace {
struct Comparison {
  StringRef spelling;
  arith::CmpFPredicate floating;
  arith::CmpIPredicate integer;
};
} // namespace

static const Comparison kComparisons[] = {
    {"<", arith::CmpFPredicate::OLT, arith::CmpIPredicate::slt},
    {"<=", arith::CmpFPredicate::OLE, arith::CmpIPredicate::sle},
    {">", arith::CmpFPredicate::OGT, arith::CmpIPredicate::sgt},
    {">=", arith::CmpFPredicate::OGE, arith::CmpIPredicate::sge},
    {"==", arith::CmpFPredicate::OEQ, arith::CmpIPredicate::eq},
    {"!=", arith::CmpFPredicate::UNE, arith::CmpIPredicate::ne},
};

std::optional<int64_t> einsum::frontend::getPredicate(StringRef spelling,
                                                      bool isFloat) {
  for (const Comparison &c : kComparisons)
    if (c.spelling == spelling)
      return isFloat ? static_cast<int64_t>(c.floating)
                     : static_cast<int64_t>(c.integer);
  return std::nullopt;
}

StringRef einsum::frontend::getPredicateSpelling(int64_t predicate,
                                                 bool isFloat) {
  for (const Comparison &c : kComparisons)
    if (*getPredicate(c.spelling, isFloat) == predicate)
      return c.spelling;
  return {};
}
