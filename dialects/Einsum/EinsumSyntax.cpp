//===- EinsumSyntax.cpp - Custom assembly of the einsum operations --------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Affine expressions are written with names. An op lists the names of its
// dimensions and symbols first (`over [m1, m0, p][M]`), so every expression
// that follows can be parsed in one go.
//
//===----------------------------------------------------------------------===//

#include "dialects/Einsum/Einsum.h"

using namespace mlir;
using namespace einsum;

namespace {

/// Names in scope of the affine expressions of one op.
struct NameScope {
  SmallVector<Attribute> dims, symbols;
  SmallVector<std::pair<StringRef, AffineExpr>> bindings;

  void bind(MLIRContext *context) {
    for (auto [i, name] : llvm::enumerate(dims))
      bindings.emplace_back(cast<StringAttr>(name).getValue(),
                            getAffineDimExpr(i, context));
    for (auto [i, name] : llvm::enumerate(symbols))
      bindings.emplace_back(cast<StringAttr>(name).getValue(),
                            getAffineSymbolExpr(i, context));
  }
};

} // namespace

static ParseResult parseNames(OpAsmParser &parser,
                              SmallVectorImpl<Attribute> &names,
                              bool optional = false) {
  auto parseOne = [&]() -> ParseResult {
    StringRef name;
    if (parser.parseKeyword(&name))
      return failure();
    names.push_back(StringAttr::get(parser.getContext(), name));
    return success();
  };
  auto delimiter = optional ? AsmParser::Delimiter::OptionalSquare
                            : AsmParser::Delimiter::Square;
  return parser.parseCommaSeparatedList(delimiter, parseOne);
}

static void printNames(OpAsmPrinter &printer, ArrayRef<Attribute> names) {
  printer << "[";
  llvm::interleaveComma(names, printer, [&](Attribute name) {
    printer << cast<StringAttr>(name).getValue();
  });
  printer << "]";
}

static SmallVector<StringAttr> asNames(ArrayAttr names) {
  return llvm::map_to_vector(names,
                             [](Attribute a) { return cast<StringAttr>(a); });
}

//===----------------------------------------------------------------------===//
// Affine expressions with names
//===----------------------------------------------------------------------===//

/// Binding strength in the printed form: sums are weakest.
static int precedence(AffineExpr expr) {
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return 1;
  case AffineExprKind::Mul:
  case AffineExprKind::Mod:
  case AffineExprKind::FloorDiv:
  case AffineExprKind::CeilDiv:
    return 2;
  default:
    return 3;
  }
}

/// If `expr` is `-x`, returns x (with a positive constant factor).
static std::optional<AffineExpr> stripMinus(AffineExpr expr) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    if (constant.getValue() < 0 && constant.getValue() != INT64_MIN)
      return getAffineConstantExpr(-constant.getValue(), expr.getContext());
  auto product = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!product || product.getKind() != AffineExprKind::Mul)
    return std::nullopt;
  auto factor = dyn_cast<AffineConstantExpr>(product.getRHS());
  if (!factor || factor.getValue() >= 0 || factor.getValue() == INT64_MIN)
    return std::nullopt;
  return product.getLHS() * -factor.getValue();
}

void einsum::printNamedExpr(raw_ostream &os, AffineExpr expr,
                            ArrayRef<StringAttr> dims,
                            ArrayRef<StringAttr> symbols) {
  auto printOperand = [&](AffineExpr operand, int outer) {
    bool parens = precedence(operand) < outer;
    os << (parens ? "(" : "");
    printNamedExpr(os, operand, dims, symbols);
    os << (parens ? ")" : "");
  };
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    os << dims[dim.getPosition()].getValue();
    return;
  }
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    os << symbols[symbol.getPosition()].getValue();
    return;
  }
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    os << constant.getValue();
    return;
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  AffineExpr lhs = binary.getLHS(), rhs = binary.getRHS();
  if (expr.getKind() == AffineExprKind::Add) {
    // Write differences as such, the positive term first.
    if (stripMinus(lhs) && !stripMinus(rhs))
      std::swap(lhs, rhs);
    printOperand(lhs, 1);
    if (std::optional<AffineExpr> positive = stripMinus(rhs)) {
      os << " - ";
      printOperand(*positive, 2);
    } else {
      os << " + ";
      printOperand(rhs, 1);
    }
    return;
  }
  const char *sign = expr.getKind() == AffineExprKind::Mul        ? " * "
                     : expr.getKind() == AffineExprKind::Mod      ? " mod "
                     : expr.getKind() == AffineExprKind::FloorDiv ? " floordiv "
                                                                  : " ceildiv ";
  printOperand(lhs, 2);
  os << sign;
  printOperand(rhs, 3);
}

/// Splits a sum into terms that keep their sign and terms to negate.
static void collectTerms(AffineExpr expr, SmallVectorImpl<AffineExpr> &positive,
                         SmallVectorImpl<AffineExpr> &negative) {
  if (expr.getKind() == AffineExprKind::Add) {
    auto sum = cast<AffineBinaryOpExpr>(expr);
    collectTerms(sum.getLHS(), positive, negative);
    collectTerms(sum.getRHS(), positive, negative);
  } else if (std::optional<AffineExpr> stripped = stripMinus(expr)) {
    negative.push_back(*stripped);
  } else {
    positive.push_back(expr);
  }
}

static AffineExpr sumOf(ArrayRef<AffineExpr> terms, MLIRContext *context) {
  AffineExpr sum = getAffineConstantExpr(0, context);
  for (AffineExpr term : terms)
    sum = sum + term;
  return sum;
}

void einsum::printNamedConstraint(raw_ostream &os, AffineExpr expr, bool isEq,
                                  ArrayRef<StringAttr> dims,
                                  ArrayRef<StringAttr> symbols) {
  SmallVector<AffineExpr> positive, negative;
  collectTerms(expr, positive, negative);
  // a - b - 1 >= 0 reads better as b < a.
  auto *one = llvm::find(negative, getAffineConstantExpr(1, expr.getContext()));
  bool strict = !isEq && negative.size() > 1 && one != negative.end();
  if (strict)
    negative.erase(one);
  // The parser reads `a <= b` as b - a and `a == b` as a - b.
  MLIRContext *context = expr.getContext();
  printNamedExpr(os, sumOf(isEq ? positive : negative, context), dims, symbols);
  os << (isEq ? " == " : strict ? " < " : " <= ");
  printNamedExpr(os, sumOf(isEq ? negative : positive, context), dims, symbols);
}

static ParseResult parseExprList(OpAsmParser &parser, NameScope &scope,
                                 SmallVectorImpl<AffineExpr> &exprs) {
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&]() {
    return parser.parseAffineExpr(scope.bindings, exprs.emplace_back());
  });
}

static void printExprList(OpAsmPrinter &printer, AffineMap map,
                          ArrayRef<StringAttr> dims,
                          ArrayRef<StringAttr> symbols) {
  printer << "[";
  llvm::interleaveComma(map.getResults(), printer, [&](AffineExpr expr) {
    printNamedExpr(printer.getStream(), expr, dims, symbols);
  });
  printer << "]";
}

//===----------------------------------------------------------------------===//
// einsum.cascade @attention(B = 64, M) : f16 { ... }
//===----------------------------------------------------------------------===//

ParseResult CascadeOp::parse(OpAsmParser &parser, OperationState &result) {
  StringAttr name;
  SmallVector<Attribute> paramNames;
  SmallVector<int64_t> paramValues;
  auto parseParam = [&]() -> ParseResult {
    StringRef param;
    int64_t value = kUnbound;
    if (parser.parseKeyword(&param) ||
        (succeeded(parser.parseOptionalEqual()) && parser.parseInteger(value)))
      return failure();
    paramNames.push_back(parser.getBuilder().getStringAttr(param));
    paramValues.push_back(value);
    return success();
  };
  Type elementType;
  if (parser.parseSymbolName(name, getSymNameAttrName(result.name),
                             result.attributes) ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, parseParam) ||
      parser.parseColonType(elementType) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  Builder &builder = parser.getBuilder();
  result.addAttribute(getParamNamesAttrName(result.name),
                      builder.getArrayAttr(paramNames));
  result.addAttribute(getParamValuesAttrName(result.name),
                      builder.getDenseI64ArrayAttr(paramValues));
  result.addAttribute(getElementTypeAttrName(result.name),
                      TypeAttr::get(elementType));
  Region *body = result.addRegion();
  if (parser.parseRegion(*body))
    return failure();
  if (body->empty())
    body->emplaceBlock();
  return success();
}

void CascadeOp::print(OpAsmPrinter &printer) {
  printer << " ";
  printer.printSymbolName(getSymName());
  printer << "(";
  llvm::interleaveComma(llvm::zip(getParamNames(), getParamValues()), printer,
                        [&](auto param) {
                          auto [name, value] = param;
                          printer << cast<StringAttr>(name).getValue();
                          if (value != kUnbound)
                            printer << " = " << value;
                        });
  printer << ") : " << getElementType();
  printer.printOptionalAttrDictWithKeyword(
      (*this)->getAttrs(),
      {getSymNameAttrName(), getParamNamesAttrName(), getParamValuesAttrName(),
       getElementTypeAttrName()});
  printer << " ";
  printer.printRegion(getBody());
}

//===----------------------------------------------------------------------===//
// einsum.rank @m1 [M] = M ceildiv 256
//===----------------------------------------------------------------------===//

ParseResult RankOp::parse(OpAsmParser &parser, OperationState &result) {
  StringAttr name;
  NameScope scope;
  AffineExpr extent;
  if (parser.parseSymbolName(name, getSymNameAttrName(result.name),
                             result.attributes) ||
      parseNames(parser, scope.symbols, /*optional=*/true) ||
      parser.parseEqual())
    return failure();
  scope.bind(parser.getContext());
  if (parser.parseAffineExpr(scope.bindings, extent) ||
      parser.parseOptionalAttrDict(result.attributes))
    return failure();
  result.addAttribute(getParamsAttrName(result.name),
                      parser.getBuilder().getArrayAttr(scope.symbols));
  result.addAttribute(
      getExtentAttrName(result.name),
      AffineMapAttr::get(AffineMap::get(0, scope.symbols.size(), extent)));
  return success();
}

void RankOp::print(OpAsmPrinter &printer) {
  printer << " ";
  printer.printSymbolName(getSymName());
  if (!getParams().empty()) {
    printer << " ";
    printNames(printer, getParams().getValue());
  }
  printer << " = ";
  printNamedExpr(printer.getStream(), getExtent().getResult(0), {},
                 asNames(getParams()));
  printer.printOptionalAttrDict(
      (*this)->getAttrs(),
      {getSymNameAttrName(), getParamsAttrName(), getExtentAttrName()});
}

//===----------------------------------------------------------------------===//
// einsum.split @m into [m1, m0]
//===----------------------------------------------------------------------===//

ParseResult SplitOp::parse(OpAsmParser &parser, OperationState &result) {
  StringAttr rank;
  SmallVector<Attribute> parts;
  if (parser.parseSymbolName(rank) || parser.parseKeyword("into") ||
      parseNames(parser, parts) ||
      parser.parseOptionalAttrDict(result.attributes))
    return failure();
  result.addAttribute(getRankAttrName(result.name),
                      FlatSymbolRefAttr::get(rank));
  result.addAttribute(getPartsAttrName(result.name),
                      parser.getBuilder().getArrayAttr(parts));
  return success();
}

void SplitOp::print(OpAsmPrinter &printer) {
  printer << " ";
  printer.printSymbolName(getRank());
  printer << " into ";
  printNames(printer, getParts().getValue());
  printer.printOptionalAttrDict((*this)->getAttrs(),
                                {getRankAttrName(), getPartsAttrName()});
}

//===----------------------------------------------------------------------===//
// einsum.compute "QK" over [m, p, e] : [m, p] = (%Q[p, e], %K[m, e])
//     reduce [e by add] where [m <= p] init [...] { map } : (inputs) -> results
//===----------------------------------------------------------------------===//

/// Parses `a <= b`, `a < b`, `a >= b`, `a > b` or `a == b` into `expr >= 0` /
/// `== 0`.
static ParseResult parseConstraint(OpAsmParser &parser, NameScope &scope,
                                   SmallVectorImpl<AffineExpr> &exprs,
                                   SmallVectorImpl<bool> &eqFlags) {
  AffineExpr lhs, rhs;
  if (parser.parseAffineExpr(scope.bindings, lhs))
    return failure();
  bool less = succeeded(parser.parseOptionalLess());
  bool greater = !less && succeeded(parser.parseOptionalGreater());
  bool equal = succeeded(parser.parseOptionalEqual());
  if (!less && !greater && (!equal || parser.parseEqual()))
    return parser.emitError(parser.getCurrentLocation(),
                            "a filter compares with <, <=, >, >= or ==");
  if (parser.parseAffineExpr(scope.bindings, rhs))
    return failure();
  AffineExpr difference = less ? rhs - lhs : lhs - rhs;
  eqFlags.push_back(!less && !greater);
  exprs.push_back((less || greater) && !equal ? difference - 1 : difference);
  return success();
}

/// `[g0 = 1, g1 = 2]`: names for the values of operands.
static ParseResult parseGathers(OpAsmParser &parser, NameScope &scope,
                                SmallVectorImpl<int64_t> &operands) {
  unsigned next = scope.symbols.size();
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&]() {
    StringRef name;
    if (parser.parseKeyword(&name) || parser.parseEqual() ||
        parser.parseInteger(operands.emplace_back()))
      return failure();
    scope.bindings.emplace_back(
        name, getAffineSymbolExpr(next++, parser.getContext()));
    return success();
  });
}

/// `g0`, `g1` and so on, past the names that are taken.
static SmallVector<StringAttr> nameGathers(ComputeOp op,
                                           ArrayRef<StringAttr> dims,
                                           ArrayRef<StringAttr> symbols) {
  SmallVector<StringAttr> names;
  for (size_t i = 0, n = op.getGatheredOperands().size(); i < n; ++i) {
    std::string text = "g" + std::to_string(i);
    StringAttr name = StringAttr::get(op.getContext(), text);
    while (llvm::is_contained(dims, name) || llvm::is_contained(symbols, name))
      name = StringAttr::get(op.getContext(), text += "_");
    names.push_back(name);
  }
  return names;
}

ParseResult ComputeOp::parse(OpAsmParser &parser, OperationState &result) {
  Builder &builder = parser.getBuilder();
  MLIRContext *context = parser.getContext();
  SmallVector<Attribute> tensors, reductions, init;
  NameScope scope;
  SmallVector<AffineExpr> output;
  SmallVector<Attribute> inputMaps;
  SmallVector<OpAsmParser::UnresolvedOperand> inputs;

  do {
    std::string tensor;
    if (parser.parseString(&tensor))
      return failure();
    tensors.push_back(builder.getStringAttr(tensor));
  } while (succeeded(parser.parseOptionalComma()));

  if (parser.parseKeyword("over") || parseNames(parser, scope.dims) ||
      parseNames(parser, scope.symbols, /*optional=*/true))
    return failure();
  scope.bind(context);
  NameScope reads = scope; // accesses may use gathered values too
  SmallVector<int64_t> gathered;
  if (succeeded(parser.parseOptionalKeyword("gather")) &&
      parseGathers(parser, reads, gathered))
    return failure();
  auto makeMap = [&](ArrayRef<AffineExpr> exprs, size_t numGathered = 0) {
    return AffineMapAttr::get(AffineMap::get(
        scope.dims.size(), scope.symbols.size() + numGathered, exprs, context));
  };
  auto parseInput = [&]() -> ParseResult {
    SmallVector<AffineExpr> exprs;
    if (parser.parseOperand(inputs.emplace_back()) ||
        parseExprList(parser, reads, exprs))
      return failure();
    inputMaps.push_back(makeMap(exprs, gathered.size()));
    return success();
  };
  if (parser.parseColon() || parseExprList(parser, scope, output) ||
      parser.parseEqual() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, parseInput))
    return failure();

  if (succeeded(parser.parseOptionalKeyword("reduce"))) {
    auto parseReduction = [&]() -> ParseResult {
      StringRef rank, monoid;
      if (parser.parseKeyword(&rank) || parser.parseKeyword("by") ||
          parser.parseKeyword(&monoid))
        return failure();
      reductions.push_back(ReductionAttr::get(
          context, builder.getStringAttr(rank), builder.getStringAttr(monoid)));
      return success();
    };
    if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                       parseReduction))
      return failure();
  }
  if (succeeded(parser.parseOptionalKeyword("where"))) {
    SmallVector<AffineExpr> exprs;
    SmallVector<bool> eqFlags;
    if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&]() {
          return parseConstraint(parser, scope, exprs, eqFlags);
        }))
      return failure();
    if (exprs.empty())
      return parser.emitError(parser.getCurrentLocation(),
                              "a filter holds at least one comparison");
    auto set = IntegerSet::get(scope.dims.size(), scope.symbols.size(), exprs,
                               eqFlags);
    result.addAttribute(getFilterAttrName(result.name),
                        IntegerSetAttr::get(set));
  }
  if (succeeded(parser.parseOptionalKeyword("init"))) {
    if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&]() {
          return parser.parseAttribute(init.emplace_back());
        }))
      return failure();
    result.addAttribute(getInitAttrName(result.name),
                        builder.getArrayAttr(init));
  }

  Region *map = result.addRegion();
  FunctionType type;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseRegion(*map) ||
      parser.parseOptionalAttrDict(result.attributes) ||
      parser.parseColonType(type))
    return failure();
  if (type.getNumInputs() != inputs.size())
    return parser.emitError(loc)
           << "reads " << inputs.size() << " tensors, but "
           << type.getNumInputs() << " operand types are given";
  if (map->empty())
    map->emplaceBlock();
  ensureTerminator(*map, builder, result.location);
  result.addTypes(type.getResults());
  result.addAttribute(getTensorsAttrName(result.name),
                      builder.getArrayAttr(tensors));
  result.addAttribute(getRanksAttrName(result.name),
                      builder.getArrayAttr(scope.dims));
  result.addAttribute(getParamsAttrName(result.name),
                      builder.getArrayAttr(scope.symbols));
  result.addAttribute(getOutputAttrName(result.name), makeMap(output));
  result.addAttribute(getInputMapsAttrName(result.name),
                      builder.getArrayAttr(inputMaps));
  if (!gathered.empty())
    result.addAttribute(getGatheredAttrName(result.name),
                        builder.getDenseI64ArrayAttr(gathered));
  result.addAttribute(getReductionsAttrName(result.name),
                      builder.getArrayAttr(reductions));
  return parser.resolveOperands(inputs, type.getInputs(), loc, result.operands);
}

void ComputeOp::print(OpAsmPrinter &printer) {
  SmallVector<StringAttr> dims = getIterationRanks(),
                          symbols = getSymbolNames();
  printer << " ";
  llvm::interleaveComma(getTensors(), printer,
                        [&](Attribute name) { printer.printAttribute(name); });
  printer << " over ";
  printNames(printer, getRanks().getValue());
  if (!symbols.empty())
    printNames(printer, getParams().getValue());
  SmallVector<StringAttr> gathers = nameGathers(*this, dims, symbols);
  if (!gathers.empty()) {
    printer << " gather [";
    llvm::interleaveComma(llvm::zip(gathers, getGatheredOperands()), printer,
                          [&](auto gather) {
                            auto [name, operand] = gather;
                            printer << name.getValue() << " = " << operand;
                          });
    printer << "]";
  }
  SmallVector<StringAttr> readSymbols = symbols;
  readSymbols.append(gathers);
  printer << " : ";
  printExprList(printer, getOutput(), dims, symbols);
  printer << " = (";
  llvm::interleaveComma(getInputAccesses(), printer, [&](const Access &access) {
    printer.printOperand(access.tensor);
    printExprList(printer, access.map, dims, readSymbols);
  });
  printer << ")";
  if (!getReductions().empty()) {
    printer << " reduce [";
    llvm::interleaveComma(getReductions().getAsRange<ReductionAttr>(), printer,
                          [&](ReductionAttr r) {
                            printer << r.getRank().getValue() << " by "
                                    << r.getMonoid().getValue();
                          });
    printer << "]";
  }
  if (std::optional<IntegerSet> filter = getFilter()) {
    printer << " where [";
    llvm::interleaveComma(llvm::seq<unsigned>(0, filter->getNumConstraints()),
                          printer, [&](unsigned i) {
                            printNamedConstraint(
                                printer.getStream(), filter->getConstraint(i),
                                filter->isEq(i), dims, symbols);
                          });
    printer << "]";
  }
  if (getInit())
    printer << " init " << *getInit();
  printer << " ";
  printer.printRegion(getMap());
  printer.printOptionalAttrDict(
      (*this)->getAttrs(),
      {getTensorsAttrName(), getRanksAttrName(), getParamsAttrName(),
       getOutputAttrName(), getInputMapsAttrName(), getReductionsAttrName(),
       getFilterAttrName(), getInitAttrName(), getGatheredAttrName()});
  printer << " : ";
  printer.printFunctionalType(getInputs().getTypes(), getResultTypes());
}
