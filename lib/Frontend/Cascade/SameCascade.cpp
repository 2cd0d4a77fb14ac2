//===- SameCascade.cpp - Whether two cascades are the same program --------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each operation is described by a string that leaves out what has no meaning:
// the order of iteration ranks and of operands, names of arguments, places. Map
// expressions are numbered by structure, so equal subexpressions, shared or
// not, have one number. Two cascades are the same if their descriptions are.
//
//===----------------------------------------------------------------------===//

#include "dialects/Einsum/Gathers.h"
#include "dialects/Einsum/Rearranged.h"
#include "lib/Frontend/Cascade/Print.h"

#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <map>

using namespace mlir;
using namespace einsum;
using namespace einsum::frontend;

namespace {

/// Facts of an operation by the name of what they are about.
using Facts = std::map<std::string, std::string>;

class Describer {
public:
  Facts describe(Operation *op);

private:
  void describeCompute(EinsumInterface einsum, Facts &facts);
  unsigned number(Value value, ArrayRef<std::string> arguments);
  std::string yields(Region &region, ArrayRef<std::string> arguments);

  /// Structures of map expressions met so far.
  std::map<std::string, unsigned> numbers;
  llvm::DenseMap<Value, unsigned> known;
};

} // namespace

template <typename T> static std::string toText(const T &value) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << value;
  return text;
}

//===----------------------------------------------------------------------===//
// Map expressions
//===----------------------------------------------------------------------===//

unsigned Describer::number(Value value, ArrayRef<std::string> arguments) {
  if (auto it = known.find(value); it != known.end())
    return it->second;
  std::string structure;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    structure = "argument " + arguments[argument.getArgNumber()];
  } else {
    Operation *op = value.getDefiningOp();
    structure =
        (op->getName().getStringRef() + toText(op->getAttrDictionary())).str();
    for (Value operand : op->getOperands())
      structure += " " + std::to_string(number(operand, arguments));
  }
  structure += " : " + toText(value.getType());
  unsigned result =
      numbers.try_emplace(structure, numbers.size()).first->second;
  return known[value] = result;
}

std::string Describer::yields(Region &region, ArrayRef<std::string> arguments) {
  known.clear();
  std::string text;
  for (Value value : region.front().getTerminator()->getOperands())
    text += " " + std::to_string(number(value, arguments));
  return text;
}

static SmallVector<std::string> numberedArguments(Region &region) {
  SmallVector<std::string> names;
  for (BlockArgument argument : region.front().getArguments())
    names.push_back(std::to_string(argument.getArgNumber()));
  return names;
}

//===----------------------------------------------------------------------===//
// Einsums
//===----------------------------------------------------------------------===//

static std::string tensorName(Value tensor) {
  Operation *op = tensor.getDefiningOp();
  if (auto input = dyn_cast<InputOp>(op))
    return input.getTensor().str();
  auto einsum = dyn_cast<EinsumInterface>(op);
  return einsum
             ? einsum.getTensorNames()[cast<OpResult>(tensor).getResultNumber()]
                   .str()
             : "";
}

/// With operands of sums in the order of their text.
static std::string indexText(AffineExpr expr, unsigned numDims,
                             unsigned numSymbols, AffineNames names) {
  AffineExpr simple = simplifyAffineExpr(expr, numDims, numSymbols);
  SmallVector<std::string> terms;
  SmallVector<AffineExpr> rest{simple};
  while (!rest.empty()) {
    AffineExpr term = rest.pop_back_val();
    if (auto sum = dyn_cast<AffineBinaryOpExpr>(term);
        sum && sum.getKind() == AffineExprKind::Add)
      rest.append({sum.getLHS(), sum.getRHS()});
    else
      terms.push_back(printIndex(term, names));
  }
  llvm::sort(terms);
  return llvm::join(terms, " + ");
}

void Describer::describeCompute(EinsumInterface einsum, Facts &facts) {
  SmallVector<StringAttr> ranks = einsum.getIterationRanks();
  SmallVector<StringAttr> symbols = getAccessSymbols(einsum);
  AffineNames names{ranks, symbols};
  auto index = [&](AffineExpr e) {
    return indexText(e, ranks.size(), symbols.size(), names);
  };

  SmallVector<std::string> reads;
  for (const Access &access : einsum.getInputAccesses()) {
    auto indices = llvm::map_to_vector(access.map.getResults(), index);
    reads.push_back(tensorName(access.tensor) + "[" + llvm::join(indices, ",") +
                    "]");
  }
  facts["value"] = yields(einsum.getMapRegion(), reads);
  llvm::sort(reads);
  reads.erase(llvm::unique(reads), reads.end());
  facts["set of tensors read"] = llvm::join(reads, " ");

  SmallVector<std::string> space =
      llvm::map_to_vector(ranks, [](StringAttr r) { return r.str(); });
  llvm::sort(space);
  facts["iteration space"] = llvm::join(space, " ");
  auto written =
      llvm::map_to_vector(einsum.getOutputAccess().getResults(), index);
  facts["left side"] = llvm::join(written, ",");
  for (const Reduction &reduction : einsum.getReductionList())
    facts["reductions"] +=
        reduction.monoid.str() + "(" + reduction.rank.str() + ") ";

  if (std::optional<IntegerSet> filter = einsum.getFilterSet()) {
    SmallVector<std::string> constraints;
    for (auto [expr, isEq] :
         llvm::zip(filter->getConstraints(), filter->getEqFlags()))
      constraints.push_back(index(expr) + (isEq ? " == 0" : " >= 0"));
    llvm::sort(constraints);
    facts["filter"] = llvm::join(constraints, ", ");
  }
  for (TypedAttr init : einsum.getInitialValues())
    facts["initial value"] += toText(init) + " ";
  if (auto datatype = einsum->getAttrOfType<StringAttr>(kComputesIn))
    facts["datatype"] = datatype.str();
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

static std::string extentText(RankOp rank) {
  auto params = llvm::map_to_vector(
      rank.getParams(), [](Attribute a) { return cast<StringAttr>(a); });
  return indexText(rank.getExtent().getResult(0), 0, params.size(),
                   {{}, params});
}

static void describeOrder(RankOp rank, Facts &facts) {
  for (StringRef mark : kRearrangedMarks)
    if (Attribute value = rank->getAttr(mark))
      facts["order"] += mark.str() + " " + toText(value) + " ";
}

Facts Describer::describe(Operation *op) {
  Facts facts;
  for (Value result : op->getResults())
    facts["type"] += tensorName(result) + " " + toText(result.getType()) + " ";
  if (auto input = dyn_cast<InputOp>(op))
    facts["role"] = input.getWeight() ? "weight" : "input";
  else if (auto rank = dyn_cast<RankOp>(op))
    facts["extent"] = extentText(rank), describeOrder(rank, facts);
  else if (auto split = dyn_cast<SplitOp>(op))
    facts["parts"] = toText(split.getParts());
  else if (auto output = dyn_cast<OutputOp>(op))
    for (Value tensor : output.getTensors())
      facts["outputs"] += tensorName(tensor) + " ";
  else if (auto einsum = dyn_cast<EinsumInterface>(op))
    describeCompute(einsum, facts);
  else if (auto function = dyn_cast<FunctionOp>(op))
    facts["body"] =
        yields(function.getBody(), numberedArguments(function.getBody()));
  else if (auto monoid = dyn_cast<MonoidOp>(op)) {
    facts["body"] =
        yields(monoid.getBody(), numberedArguments(monoid.getBody()));
    facts["identity"] =
        toText(monoid.getIdentity()) + (monoid.getIdempotent() ? "i" : "");
  }
  return facts;
}

/// What makes an operation the counterpart of another.
static std::string keyOf(Operation *op) {
  std::string name;
  if (auto symbol = op->getAttrOfType<StringAttr>("sym_name"))
    name = symbol.str();
  else if (auto split = dyn_cast<SplitOp>(op))
    name = split.getRank().str();
  for (Value result : op->getResults())
    name += " " + tensorName(result);
  return op->getName().getStringRef().str() + name;
}

static Facts describeHeader(CascadeOp cascade) {
  return {{"name", cascade.getSymName().str()},
          {"parameters", toText(cascade.getParamNames())},
          {"values of parameters", toText(cascade.getParamValuesAttr())},
          {"element type", toText(cascade.getElementType())}};
}

static std::optional<std::string> firstDifference(const Facts &facts,
                                                  const Facts &others) {
  for (const auto &[what, fact] : facts) {
    auto it = others.find(what);
    if (it == others.end() || it->second != fact)
      return what;
  }
  for (const auto &[what, fact] : others)
    if (!facts.count(what))
      return what;
  return std::nullopt;
}

std::optional<Difference> einsum::frontend::findDifference(CascadeOp cascade,
                                                           CascadeOp other) {
  if (auto what =
          firstDifference(describeHeader(cascade), describeHeader(other)))
    return Difference{cascade, *what};
  std::multimap<std::string, Operation *> counterparts;
  for (Operation &op : *other.getBodyBlock())
    counterparts.emplace(keyOf(&op), &op);
  Describer describer;
  for (Operation &op : *cascade.getBodyBlock()) {
    auto it = counterparts.find(keyOf(&op));
    if (it == counterparts.end())
      return Difference{&op, "operation"};
    if (auto what = firstDifference(describer.describe(&op),
                                    describer.describe(it->second)))
      return Difference{&op, *what};
    counterparts.erase(it);
  }
  if (!counterparts.empty())
    return Difference{cascade, "number of operations"};
  return std::nullopt;
}
