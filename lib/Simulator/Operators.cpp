//===- Operators.cpp - What one executed point computes -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every scalar op of the map expression is one operator, and so is every
// combination of the point with what its reduction has gathered so far:
//
//   exp(a - b)             sub, exp
//   a * b  summed over k   mac: the product has no other use
//   argmax over m          compare, and a select each for value and index
//
// The names are those of architecture specifications.
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/Points.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::sim;

using Operators = std::map<std::string, uint64_t>;

/// Ops by the operator they are; those that are missing go by their own name.
static StringRef operatorOf(StringRef op) {
  static const llvm::StringMap<StringRef> table = {
      {"arith.addf", "add"},       {"arith.addi", "add"},
      {"arith.subf", "sub"},       {"arith.subi", "sub"},
      {"arith.mulf", "mul"},       {"arith.muli", "mul"},
      {"arith.divf", "div"},       {"arith.divsi", "div"},
      {"arith.divui", "div"},      {"arith.remf", "rem"},
      {"arith.remsi", "rem"},      {"arith.remui", "rem"},
      {"arith.maximumf", "max"},   {"arith.maxnumf", "max"},
      {"arith.maxsi", "max"},      {"arith.maxui", "max"},
      {"arith.minimumf", "min"},   {"arith.minnumf", "min"},
      {"arith.minsi", "min"},      {"arith.minui", "min"},
      {"arith.negf", "neg"},       {"arith.cmpf", "compare"},
      {"arith.cmpi", "compare"},   {"arith.select", "select"},
      {"arith.andi", "logic"},     {"arith.ori", "logic"},
      {"arith.xori", "logic"},     {"arith.extf", "convert"},
      {"arith.truncf", "convert"}, {"arith.sitofp", "convert"},
      {"arith.uitofp", "convert"}, {"arith.fptosi", "convert"},
      {"arith.fptoui", "convert"}, {"arith.extsi", "convert"},
      {"arith.extui", "convert"},  {"arith.trunci", "convert"},
      {"math.absf", "abs"},        {"math.absi", "abs"},
      {"math.powf", "pow"},        {"math.ipowi", "pow"},
      {"math.fpowi", "pow"},       {"math.round", "round"},
      {"math.roundeven", "round"}, {"einsum.yield", ""},
      {"einsum.index", ""},        {"einsum.param", ""},
      {"einsum.apply", ""},        {"arith.constant", ""},
      {"arith.index_cast", ""},
  };
  auto entry = table.find(op);
  return entry == table.end() ? op.rsplit('.').second : entry->second;
}

static void addBlock(Block &block, Operators &operators) {
  for (Operation &op : block) {
    StringRef name = operatorOf(op.getName().getStringRef());
    if (!name.empty())
      ++operators[name.str()];
    if (auto apply = dyn_cast<ApplyOp>(op))
      if (auto function = SymbolTable::lookupNearestSymbolFrom<FunctionOp>(
              apply, apply.getCalleeAttr()))
        addBlock(function.getBody().front(), operators);
  }
}

static void addCombination(const Reduction &reduction, Operators &operators) {
  StringRef monoid = reduction.monoid.getValue();
  if (auto own = dyn_cast_or_null<MonoidOp>(reduction.definition)) {
    addBlock(own.getBody().front(), operators);
  } else if (monoid == "argmax" || monoid == "argmin") {
    operators["compare"] += 1;
    operators["select"] += 2;
  } else {
    ++operators[monoid == "and" || monoid == "or" ? "logic" : monoid.str()];
  }
}

/// A product that computes in its operands' own type takes what is read as it
/// is: neither decoding nor widening is an operator then.
static void dropOperandConversions(EinsumInterface einsum, Operation *product,
                                   Operators &operators) {
  auto drop = [&] {
    if (--operators["convert"] == 0)
      operators.erase("convert");
  };
  for (Value factor : product->getOperands()) {
    if (Operation *widening = factor.getDefiningOp();
        widening && widening->getNumOperands() == 1) {
      bool isOwn = isa<BlockArgument>(widening->getOperand(0)) &&
                   widening->hasOneUse() &&
                   operatorOf(widening->getName().getStringRef()) == "convert";
      if (isOwn)
        drop();
      factor = widening->getOperand(0);
    }
    auto read = dyn_cast<BlockArgument>(factor);
    if (read &&
        isa<QuantizedType>(
            cast<NamedTensorType>(
                einsum.getInputAccesses()[read.getArgNumber()].tensor.getType())
                .getElementType()))
      drop();
  }
}

Operators einsum::sim::listOperators(EinsumInterface einsum) {
  Operators operators;
  Block &map = einsum.getMapRegion().front();
  addBlock(map, operators);
  // Decoding what is read; encoding what is made, where one point makes it.
  auto stored = [](Value tensor) {
    return isa<QuantizedType>(
        cast<NamedTensorType>(tensor.getType()).getElementType());
  };
  for (const Access &access : einsum.getInputAccesses())
    if (stored(access.tensor)) {
      ++operators["convert"];
      // What two thin matrices add to a code.
      formats::Format format =
          cast<QuantizedType>(
              cast<NamedTensorType>(access.tensor.getType()).getElementType())
              .getStorage()
              .format;
      if (format.rule == formats::ScaleRule::lowRank)
        operators["mac"] += format.lowRank.rank;
    }
  for (Value result : einsum->getResults())
    if (stored(result) && einsum.getReductionList().empty())
      ++operators["convert"];
  SmallVector<StringAttr> monoids;
  for (const Reduction &reduction : einsum.getReductionList()) {
    if (llvm::is_contained(monoids, reduction.monoid))
      continue; // a point is combined once, however many ranks the monoid has
    monoids.push_back(reduction.monoid);
    addCombination(reduction, operators);
  }
  Operation *yield = map.getTerminator();
  Operation *value = yield->getNumOperands() == 1
                         ? yield->getOperand(0).getDefiningOp()
                         : nullptr;
  bool isMac = monoids.size() == 1 && monoids[0] == "add" && value &&
               operatorOf(value->getName().getStringRef()) == "mul" &&
               value->hasOneUse();
  if (!isMac)
    return operators;
  if (einsum->hasAttr(kComputesIn))
    dropOperandConversions(einsum, value, operators);
  for (const char *part : {"mul", "add"})
    if (--operators[part] == 0)
      operators.erase(part);
  ++operators["mac"];
  return operators;
}
