//===- PrintMap.cpp - Map expressions as text -----------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The rules T1 to T4 of LowerMap.h, backwards: a conversion that the parser would
// add by itself is left out, any other is written `as`. For that, every piece of
// text carries the type that it has by itself, as the parser will find it; a
// number or a rank variable has none.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Print.h"
#include "lib/Frontend/Cascade/Scalars.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::frontend;

StringRef einsum::frontend::typeName(Type type) {
  for (StringRef name :
       {"f16", "bf16", "f32", "f64", "index", "i1", "i8", "i16", "i32", "i64"})
    if (getTypeByName(type.getContext(), name) == type)
      return name;
  return {};
}

namespace {

/// How tightly a text binds; an operand of a looser one needs parentheses.
enum Level { comparison, sum, product, prefix, postfix, primary };

struct Text {
  std::string text;
  Level level = primary;
  Type type;             ///< null: takes that of its surroundings
  bool isWhole = true;   ///< of coordinates and whole numbers alone
  bool isAccess = false; ///< reads a tensor, directly
};

class MapPrinter {
public:
  MapPrinter(Type compute, llvm::function_ref<Argument(BlockArgument)> argument)
      : compute(compute), argument(argument) {}

  FailureOr<std::string> printWhole(Value value) {
    Text text = natural(value);
    // T4: the result's conversion is left to the parser.
    if (auto [base, from] = stripConversion(value, /*steps=*/1);
        from && !text.isAccess) {
      Text inner = natural(base);
      if (inner.type == from || (!inner.type && from == compute))
        text = inner;
    } else if (!text.type && value.getType() != compute) {
      text = castTo(text, value.getType());
    }
    return hasFailed ? FailureOr<std::string>(failure()) : text.text;
  }

private:
  /// Longer text than this comes of sharing that the notation cannot express.
  static constexpr size_t kLongestText = 1 << 16;

  Text refuse(Location loc, const Twine &message) {
    if (!hasFailed)
      emitError(loc) << message;
    hasFailed = true;
    return {};
  }

  static std::string enclose(const Text &text, Level level) {
    return text.level < level ? "(" + text.text + ")" : text.text;
  }

  static Text castTo(const Text &text, Type type) {
    return {enclose(text, postfix) + " as " + typeName(type).str(), postfix, type, false,
            false};
  }

  /// The value before a conversion in exactly `steps` operations, and its type;
  /// a null type if `value` is no such conversion.
  std::pair<Value, Type> stripConversion(Value value, size_t steps) {
    Value base = value;
    SmallVector<Operation *> chain;
    while (chain.size() < steps) {
      Operation *op = base.getDefiningOp();
      if (!op || op->getNumOperands() != 1 || op->getNumResults() != 1 ||
          op->getName().getStringRef() !=
              getConversionName(op->getOperand(0).getType(), base.getType()))
        return {};
      chain.push_back(op);
      base = op->getOperand(0);
    }
    SmallVector<Type> expected = getConversionSteps(base.getType(), value.getType());
    if (expected.size() != steps)
      return {};
    for (auto [op, type] : llvm::zip(llvm::reverse(chain), expected))
      if (op->getResult(0).getType() != type)
        return {};
    return {base, base.getType()};
  }

  /// Text that the parser lowers to `value`; its type is null or `value`'s.
  Text natural(Value value) {
    if (auto it = known.find(value); it != known.end())
      return it->second;
    Text text = compose(value);
    if (text.text.size() > kLongestText)
      return refuse(value.getLoc(), "the map expression is too long to be written out");
    return known[value] = text;
  }

  Text compose(Value value) {
    if (hasFailed)
      return {};
    if (auto block = dyn_cast<BlockArgument>(value))
      return composeArgument(block);
    for (size_t steps : {2, 1})
      if (auto [base, from] = stripConversion(value, steps); from)
        if (steps == 1 || isa<BlockArgument>(base))
          return composeCast(value, base);
    return composeOperation(value);
  }

  Text composeArgument(BlockArgument block) {
    Argument read = argument(block);
    Text text{read.text, primary, block.getType(), !read.isAccess, read.isAccess};
    // T1: a tensor is read in the compute type unless a cast says otherwise.
    return read.isAccess && block.getType() != compute ? castTo(text, block.getType())
                                                       : text;
  }

  Text composeCast(Value value, Value base) {
    if (typeName(value.getType()).empty())
      return refuse(value.getLoc(), "the notation has no name for this type");
    if (auto block = dyn_cast<BlockArgument>(base))
      if (Argument read = argument(block); read.isAccess) {
        Text text{read.text, primary, compute, false, true};
        return value.getType() == compute ? text : castTo(text, value.getType());
      }
    Text inner = natural(base);
    if (inner.isAccess) // read in the compute type: convert from there
      inner = castTo(inner, base.getType());
    if (!inner.type)
      inner = castTo(inner, base.getType());
    return castTo(inner, value.getType());
  }

  Text composeOperation(Value value) {
    Operation *op = value.getDefiningOp();
    if (auto constant = dyn_cast<arith::ConstantOp>(op))
      return composeNumber(constant);
    if (auto index = dyn_cast<IndexOp>(op))
      return {index.getRank().str(), primary, {}, true, false};
    if (auto param = dyn_cast<ParamOp>(op))
      return {param.getParam().str(), primary, {}, true, false};
    if (auto negation = dyn_cast<arith::NegFOp>(op))
      return composeNegation(negation.getOperand());
    if (auto sub = dyn_cast<arith::SubIOp>(op))
      if (auto zero = sub.getLhs().getDefiningOp<arith::ConstantOp>())
        if (zero.getValue() == IntegerAttr::get(value.getType(), 0))
          return composeNegation(sub.getRhs());
    if (auto compare = dyn_cast<arith::CmpFOp>(op))
      return composeComparison(op, static_cast<int64_t>(compare.getPredicate()), true);
    if (auto compare = dyn_cast<arith::CmpIOp>(op))
      return composeComparison(op, static_cast<int64_t>(compare.getPredicate()), false);
    if (auto select = dyn_cast<arith::SelectOp>(op))
      return composeSelect(select);
    if (auto apply = dyn_cast<ApplyOp>(op))
      return composeApply(apply);
    if (const Operator *entry = findOperatorByOp(op->getName().getStringRef()))
      return composeOperator(op, *entry);
    return refuse(op->getLoc(), "the notation has no word for '" +
                                    op->getName().getStringRef() + "'");
  }

  Text composeNumber(arith::ConstantOp constant) {
    auto number = dyn_cast<TypedAttr>(constant.getValue());
    if (!number || !isa<FloatAttr, IntegerAttr>(number))
      return refuse(constant.getLoc(), "the notation has no such constant");
    std::string text = printNumber(number);
    bool isWhole = StringRef(text).find_first_not_of("-0123456789") == StringRef::npos;
    return {text, text[0] == '-' ? prefix : primary, {}, isWhole, false};
  }

  Text composeNegation(Value operand) {
    Text inner = natural(operand);
    if (isa_and_nonnull<arith::ConstantOp>(operand.getDefiningOp()))
      inner = castTo(inner, operand.getType()); // else it would be one number
    return {"-" + enclose(inner, prefix), prefix, inner.type, inner.isWhole, false};
  }

  /// Operands of an operation in `type` (T2, T3): conversions to it are left out
  /// where the other operands show the type.
  SmallVector<Text> operandsIn(ValueRange operands, Type type) {
    SmallVector<Text> texts;
    Type widest;
    for (Value operand : operands) {
      Text text = natural(operand);
      if (auto [base, from] = stripConversion(operand, /*steps=*/1);
          from && !isRead(operand))
        if (Text inner = natural(base); inner.type == from)
          text = inner;
      widest = getWidest(widest, text.type);
      texts.push_back(text);
    }
    if (!widest || widest == type)
      return texts;
    for (auto [text, operand] : llvm::zip(texts, operands))
      text = natural(operand);
    return texts;
  }

  /// True for a tensor's element in the compute type.
  bool isRead(Value value) { return natural(value).isAccess; }

  static Type widestOf(ArrayRef<Text> texts) {
    Type widest;
    for (const Text &text : texts)
      widest = getWidest(widest, text.type);
    return widest;
  }

  static bool areWhole(ArrayRef<Text> texts) {
    return llvm::all_of(texts, [](const Text &text) { return text.isWhole; });
  }

  Text composeOperator(Operation *op, const Operator &entry) {
    Type type = op->getResult(0).getType();
    SmallVector<Text> texts = operandsIn(op->getOperands(), type);
    if (hasFailed)
      return {};
    bool isInfix = !llvm::isAlpha(entry.spelling.front()) || entry.spelling == "mod" ||
                   entry.spelling.ends_with("div");
    if (!isInfix) {
      Text call = makeCall(entry.spelling, texts, widestOf(texts));
      call.isWhole &= entry.spelling == "max" || entry.spelling == "min" ||
                      entry.spelling == "abs";
      return call;
    }
    Level level = entry.spelling == "+" || entry.spelling == "-" ? sum : product;
    // A chain is computed in one type, so a left operand of another one is kept
    // apart from it.
    bool joins = texts[0].level != level || texts[0].type == widestOf(texts);
    std::string left = joins ? enclose(texts[0], level) : "(" + texts[0].text + ")";
    return {left + " " + entry.spelling.str() + " " +
                enclose(texts[1], static_cast<Level>(level + 1)),
            level, widestOf(texts), areWhole(texts) && entry.spelling != "/", false};
  }

  static Text makeCall(StringRef name, ArrayRef<Text> operands, Type type) {
    std::string text = name.str() + "(";
    for (auto [i, operand] : llvm::enumerate(operands))
      text += (i ? ", " : "") + operand.text;
    return {text + ")", primary, type, areWhole(operands), false};
  }

  Text composeComparison(Operation *op, int64_t predicate, bool isFloat) {
    StringRef spelling = getPredicateSpelling(predicate, isFloat);
    if (spelling.empty())
      return refuse(op->getLoc(), "the notation has no such comparison");
    Type type = op->getOperand(0).getType();
    SmallVector<Text> texts = operandsIn(op->getOperands(), type);
    if (hasFailed)
      return {};
    Type found = widestOf(texts);
    if (!found)
      found = areWhole(texts) ? Type(IndexType::get(op->getContext())) : compute;
    if (found != type)
      texts[0] = castTo(texts[0], type);
    return {enclose(texts[0], sum) + " " + spelling.str() + " " + enclose(texts[1], sum),
            comparison, IntegerType::get(op->getContext(), 1), false, false};
  }

  Text composeSelect(arith::SelectOp select) {
    Text condition = natural(select.getCondition());
    SmallVector<Text> texts = operandsIn({select.getTrueValue(), select.getFalseValue()},
                                         select.getType());
    if (hasFailed)
      return {};
    return {"select(" + condition.text + ", " + texts[0].text + ", " + texts[1].text + ")",
            primary, widestOf(texts), false, false};
  }

  Text composeApply(ApplyOp apply) {
    SmallVector<Text> texts;
    for (Value operand : apply.getArgs())
      llvm::append_range(texts, operandsIn(operand, operand.getType()));
    Text call = makeCall(apply.getCallee(), texts, apply.getType());
    call.isWhole = false;
    return call;
  }

  Type compute;
  llvm::function_ref<Argument(BlockArgument)> argument;
  llvm::DenseMap<Value, Text> known;
  bool hasFailed = false;
};

} // namespace

FailureOr<std::string>
einsum::frontend::printValue(Value value, Type compute,
                             llvm::function_ref<Argument(BlockArgument)> argument) {
  return MapPrinter(compute, argument).printWhole(value);
}
