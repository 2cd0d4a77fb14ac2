//===- CountFormulas.cpp - Counts of a cascade that is not bound ----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/CountFormulas.h"

#include "dialects/Einsum/Gathers.h"
#include "lib/Analysis/CascadeFacts.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <numeric>

using namespace mlir;
using namespace einsum;

namespace {

/// Coefficients of products of named extents: fractions, since a scale is
/// shared by several elements.
class Sum {
public:
  struct Coefficient {
    uint64_t numerator = 0, denominator = 1;

    void add(Coefficient other) {
      uint64_t common = std::lcm(denominator, other.denominator);
      numerator = llvm::SaturatingAdd(
          llvm::SaturatingMultiply(numerator, common / denominator),
          llvm::SaturatingMultiply(other.numerator,
                                   common / other.denominator));
      denominator = common;
      reduce();
    }
    void reduce() {
      uint64_t divisor = std::gcd(numerator, denominator);
      numerator /= divisor;
      denominator /= divisor;
    }
  };

  void add(const std::vector<std::string> &factors, uint64_t coefficient) {
    terms[factors].add({coefficient, 1});
  }
  void add(const Sum &other) {
    for (const auto &[factors, coefficient] : other.terms)
      terms[factors].add(coefficient);
    isExact &= other.isExact;
  }
  Sum times(uint64_t factor, uint64_t divisor = 1) const {
    Sum product = *this;
    for (auto &[factors, coefficient] : product.terms) {
      coefficient.numerator =
          llvm::SaturatingMultiply(coefficient.numerator, factor);
      coefficient.denominator =
          llvm::SaturatingMultiply(coefficient.denominator, divisor);
      coefficient.reduce();
    }
    return product;
  }
  /// Bits as bytes. A term of fewer than eight bits is rounded up, one that
  /// extents of whole blocks make whole is not.
  Sum asBytes() const {
    Sum bytes = times(1, 8);
    for (auto &[factors, coefficient] : bytes.terms) {
      if (coefficient.denominator == 1 || terms.at(factors).denominator != 1)
        continue;
      bytes.isExact = false;
      coefficient = {
          llvm::divideCeil(coefficient.numerator, coefficient.denominator), 1};
    }
    return bytes;
  }
  Formula formula() const;

  bool isExact = true;

private:
  std::map<std::vector<std::string>, Coefficient> terms;
};

class FormulaBuilder {
public:
  explicit FormulaBuilder(CascadeOp cascade) : cascade(cascade) {}
  CountFormulas run();

private:
  std::string extentText(RankOp rank);
  Sum box(ArrayRef<StringAttr> ranks);
  Sum bitsOf(Value tensor);
  Sum sharedBitsOf(NamedTensorType type, const formats::Storage &storage);
  void addTensor(Value tensor, StringRef name);
  void addEinsum(EinsumInterface einsum);
  bool isPlain(EinsumInterface einsum);
  bool dependsOnPartial(EinsumInterface einsum);

  CascadeOp cascade;
  CountFormulas formulas;
  Sum parameters;
  std::map<std::string, Sum> operators;
  llvm::DenseSet<Value> partial, outputs; ///< partial: not all elements exist
};

} // namespace

Formula Sum::formula() const {
  std::vector<std::string> parts;
  for (const auto &[factors, coefficient] : terms) {
    std::vector<std::string> product = factors;
    if (coefficient.numerator != 1 || product.empty())
      product.insert(product.begin(), std::to_string(coefficient.numerator));
    std::string text = llvm::join(product, "*");
    if (coefficient.denominator != 1)
      text += "/" + std::to_string(coefficient.denominator);
    if (coefficient.numerator != 0)
      parts.push_back(text);
  }
  return {parts.empty() ? "0" : llvm::join(parts, " + "), isExact};
}

std::string einsum::describe(const Formula &formula) {
  return (formula.isExact ? "" : "<= ") + formula.text;
}

std::string FormulaBuilder::extentText(RankOp rank) {
  if (std::optional<int64_t> extent = rank.getBoundExtent())
    return std::to_string(*extent);
  SmallVector<StringAttr> names(rank.getParams().getAsRange<StringAttr>());
  std::string text;
  llvm::raw_string_ostream os(text);
  printNamedExpr(os, rank.getExtent().getResult(0), {}, names);
  return text;
}

/// Product of the extents of ranks.
Sum FormulaBuilder::box(ArrayRef<StringAttr> ranks) {
  uint64_t coefficient = 1;
  std::vector<std::string> factors;
  for (StringAttr name : ranks) {
    RankOp rank = cascade.findRank(name);
    if (std::optional<int64_t> extent = rank.getBoundExtent()) {
      coefficient = llvm::SaturatingMultiply(coefficient, uint64_t(*extent));
      continue;
    }
    std::string text = extentText(rank);
    bool isName =
        llvm::all_of(text, [](char c) { return llvm::isAlnum(c) || c == '_'; });
    factors.push_back(isName ? text : "(" + text + ")");
  }
  llvm::sort(factors); // M*P and P*M are one term
  Sum sum;
  sum.add(factors, coefficient);
  return sum;
}

Sum FormulaBuilder::bitsOf(Value tensor) {
  auto type = cast<NamedTensorType>(tensor.getType());
  Sum bits = box(type.getRanks()).times(type.getElementBits());
  if (auto quantized = dyn_cast<QuantizedType>(type.getElementType()))
    bits.add(sharedBitsOf(type, quantized.getStorage()));
  bits.isExact &= !partial.contains(tensor);
  return bits;
}

/// Scales and the like: one per coordinate of the ranks that keep elements
/// apart, one per block of those that have blocks.
Sum FormulaBuilder::sharedBitsOf(NamedTensorType type,
                                 const formats::Storage &storage) {
  using formats::Sharing;
  SmallVector<StringAttr> apart;
  uint64_t blockSize = 1;
  for (StringAttr rank : type.getRanks()) {
    auto named = llvm::find(storage.ranks, rank.getValue());
    bool isNamed = named != storage.ranks.end();
    if (storage.sharing == Sharing::tensor ||
        (storage.sharing == Sharing::channel && !isNamed))
      continue;
    apart.push_back(rank);
    if (storage.sharing == Sharing::block && isNamed)
      blockSize = llvm::SaturatingMultiply(
          blockSize,
          static_cast<uint64_t>(storage.sizes[named - storage.ranks.begin()]));
  }
  if (storage.sharing != Sharing::matrix)
    return box(apart).times(storage.getRegionBits(), blockSize);
  // Outliers and thin factors depend on both extents at once; groups do not.
  Sum groups = box(apart).times(32, storage.format.lowRank.group);
  groups.isExact = false;
  return groups;
}

void FormulaBuilder::addTensor(Value tensor, StringRef name) {
  auto type = cast<NamedTensorType>(tensor.getType());
  TensorFormulas facts;
  facts.name = name.str();
  facts.datatype = describeElements(type);
  for (StringAttr rank : type.getRanks())
    facts.ranks.push_back(rank.str());
  auto input = tensor.getDefiningOp<InputOp>();
  facts.isInput = static_cast<bool>(input);
  facts.isWeight = input && input.getWeight();
  facts.isOutput = outputs.contains(tensor);
  Sum elements = box(type.getRanks());
  facts.elements = elements.formula();
  facts.bytes = bitsOf(tensor).asBytes().formula();
  if (facts.isWeight)
    parameters.add(elements);
  formulas.tensors.push_back(std::move(facts));
}

/// True if every index is a rank variable or the part of a split, so that all
/// points of the box exist and every element is touched.
bool FormulaBuilder::isPlain(EinsumInterface einsum) {
  SmallVector<StringAttr> ranks = einsum.getIterationRanks();
  for (const Access &access : einsum.getInputAccesses()) {
    auto type = cast<NamedTensorType>(access.tensor.getType());
    for (auto [index, rank] :
         llvm::zip(access.map.getResults(), type.getRanks())) {
      if (isGathered(index, einsum.getSymbolNames().size()))
        continue; // every point exists
      auto dim = dyn_cast<AffineDimExpr>(index);
      if (!dim)
        return false;
      RankOp iterated = cascade.findRank(ranks[dim.getPosition()]);
      if (extentText(iterated) != extentText(cascade.findRank(rank)))
        return false;
    }
  }
  return llvm::none_of(
      ranks, [&](StringAttr rank) { return cascade.findSplitOf(rank); });
}

/// True if some element that is read may be absent.
bool FormulaBuilder::dependsOnPartial(EinsumInterface einsum) {
  return llvm::any_of(einsum.getInputAccesses(), [&](const Access &access) {
    return partial.contains(access.tensor);
  });
}

void FormulaBuilder::addEinsum(EinsumInterface einsum) {
  EinsumFormulas facts;
  facts.name = einsum.getTensorNames().front().str();
  SmallVector<StringAttr> ranks = einsum.getIterationRanks();
  SmallVector<StringAttr> symbols = einsum.getSymbolNames();
  for (StringAttr rank : ranks)
    facts.ranks.push_back(rank.str());
  for (const Reduction &reduction : einsum.getReductionList())
    facts.reduced.push_back(reduction.rank.str());
  std::optional<IntegerSet> filter = einsum.getFilterSet();
  if (filter)
    for (auto [expr, isEq] :
         llvm::zip(filter->getConstraints(), filter->getEqFlags())) {
      std::string text;
      llvm::raw_string_ostream os(text);
      printNamedConstraint(os, expr, isEq, ranks, symbols);
      facts.conditions.push_back(text);
    }
  bool isWhole = !filter && isPlain(einsum) && !dependsOnPartial(einsum);
  Sum points = box(ranks);
  points.isExact = isWhole;
  facts.points = points.formula();
  for (const auto &[name, perPoint] : countOperators(einsum)) {
    Sum count = points.times(perPoint);
    facts.operators[name] = count.formula();
    operators[name].add(count);
  }
  if (!isWhole)
    partial.insert(einsum->getResults().begin(), einsum->getResults().end());
  Sum in, out;
  llvm::DenseSet<Value> seen(einsum->getResults().begin(),
                             einsum->getResults().end());
  for (const Access &access : einsum.getInputAccesses())
    if (seen.insert(access.tensor).second)
      in.add(bitsOf(access.tensor));
  for (Value result : einsum->getResults())
    out.add(bitsOf(result));
  in.isExact &= isWhole && einsum.getGatheredOperands().empty();
  facts.bytesIn = in.asBytes().formula();
  facts.bytesOut = out.asBytes().formula();
  formulas.einsums.push_back(std::move(facts));
}

CountFormulas FormulaBuilder::run() {
  for (auto [name, value] :
       llvm::zip(cascade.getParamNames().getAsRange<StringAttr>(),
                 cascade.getParamValues()))
    if (value == CascadeOp::kUnbound)
      formulas.unbound.push_back(name.str());
  Block &body = *cascade.getBodyBlock();
  for (RankOp rank : body.getOps<RankOp>())
    formulas.extents.push_back({rank.getSymName().str(), extentText(rank)});
  for (OutputOp output : body.getOps<OutputOp>())
    outputs.insert(output.getTensors().begin(), output.getTensors().end());
  for (InputOp input : body.getOps<InputOp>())
    addTensor(input.getResult(), input.getTensor());
  for (EinsumInterface einsum : body.getOps<EinsumInterface>())
    addEinsum(einsum);
  for (EinsumInterface einsum : body.getOps<EinsumInterface>())
    for (auto [name, result] :
         llvm::zip(einsum.getTensorNames(), einsum->getResults()))
      addTensor(result, name);
  formulas.parameters = parameters.formula();
  for (const auto &[name, sum] : operators)
    formulas.operators[name] = sum.formula();
  return std::move(formulas);
}

bool einsum::hasUnboundExtents(CascadeOp cascade) {
  return llvm::any_of(cascade.getBodyBlock()->getOps<RankOp>(),
                      [](RankOp rank) { return !rank.getBoundExtent(); });
}

CountFormulas einsum::computeCountFormulas(CascadeOp cascade) {
  return FormulaBuilder(cascade).run();
}
