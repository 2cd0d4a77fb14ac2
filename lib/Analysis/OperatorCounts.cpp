//===- OperatorCounts.cpp - What one point of an Einsum computes ----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/CascadeFacts.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace einsum;

using OperatorCounts = std::map<std::string, uint64_t>;

/// The operator's name in architecture specifications; empty for ops that cost
/// nothing (constants, coordinates, the terminator).
static std::string operatorName(Operation *op) {
  StringRef name = op->getName().getStringRef();
  StringRef known =
      llvm::StringSwitch<StringRef>(name)
          .Cases("arith.addf", "arith.addi", "add")
          .Cases("arith.subf", "arith.subi", "sub")
          .Cases("arith.mulf", "arith.muli", "mul")
          .Cases("arith.divf", "arith.divsi", "arith.divui", "div")
          .Cases("arith.remf", "arith.remsi", "arith.remui", "rem")
          .Cases("arith.maximumf", "arith.maxnumf", "arith.maxsi",
                 "arith.maxui", "max")
          .Cases("arith.minimumf", "arith.minnumf", "arith.minsi",
                 "arith.minui", "min")
          .Case("arith.negf", "neg")
          .Cases("arith.cmpf", "arith.cmpi", "compare")
          .Case("arith.select", "select")
          .Cases("arith.andi", "arith.ori", "arith.xori", "logic")
          .Cases("arith.extf", "arith.truncf", "arith.sitofp", "arith.uitofp",
                 "convert")
          .Cases("arith.fptosi", "arith.fptoui", "arith.extsi", "arith.extui",
                 "arith.trunci", "convert")
          .Cases("math.absf", "math.absi", "abs")
          .Cases("math.powf", "math.ipowi", "math.fpowi", "pow")
          .Cases("math.round", "math.roundeven", "round")
          .Default("");
  if (!known.empty())
    return known.str();
  if (isa<IndexOp, ParamOp, YieldOp, ApplyOp, arith::ConstantOp,
          arith::IndexCastOp>(op))
    return "";
  // math.exp -> exp, einsum.sigmoid -> sigmoid, math.tanh -> tanh, ...
  return name.rsplit('.').second.str();
}

static void countBlock(Block &block, OperatorCounts &counts) {
  for (Operation &op : block) {
    std::string name = operatorName(&op);
    if (!name.empty())
      ++counts[name];
    if (auto apply = dyn_cast<ApplyOp>(op))
      if (auto callee = SymbolTable::lookupNearestSymbolFrom<FunctionOp>(
              &op, apply.getCalleeAttr()))
        countBlock(callee.getBody().front(), counts);
  }
}

/// True if the map's value is a product that nothing else uses, so that product
/// and sum are one multiply-accumulate.
static bool yieldsProduct(Block &map) {
  auto yield = cast<YieldOp>(map.getTerminator());
  if (yield.getNumOperands() != 1)
    return false;
  Operation *product = yield.getOperand(0).getDefiningOp();
  return isa_and_nonnull<arith::MulFOp, arith::MulIOp>(product) &&
         product->hasOneUse();
}

static void countReduction(const Reduction &reduction, OperatorCounts &counts) {
  if (auto monoid = dyn_cast_or_null<MonoidOp>(reduction.definition)) {
    countBlock(monoid.getBody().front(), counts);
    return;
  }
  StringRef name = reduction.monoid.getValue();
  if (name == "argmax" || name == "argmin") {
    ++counts["compare"];
    counts["select"] += 2;
  } else if (name == "and" || name == "or") {
    ++counts["logic"];
  } else {
    ++counts[name.str()];
  }
}

/// Of an element that is read: the products of two thin matrices that are added
/// to its code (GEAR), none in other formats.
static uint64_t countDecodingProducts(Value tensor) {
  auto stored = dyn_cast<QuantizedType>(
      cast<NamedTensorType>(tensor.getType()).getElementType());
  if (!stored)
    return 0;
  formats::Format format = stored.getStorage().format;
  return format.rule == formats::ScaleRule::lowRank
             ? static_cast<uint64_t>(format.lowRank.rank)
             : 0;
}

/// A read of a stored tensor decodes; a result that is made point by point is
/// encoded there.
static uint64_t countConverts(EinsumInterface einsum) {
  auto isStored = [](Value tensor) {
    auto type = cast<NamedTensorType>(tensor.getType());
    return isa<QuantizedType>(type.getElementType());
  };
  uint64_t count = 0;
  for (const Access &access : einsum.getInputAccesses())
    count += isStored(access.tensor);
  if (einsum.getReductionList().empty())
    count += llvm::count_if(einsum->getResults(), isStored);
  return count;
}

/// Conversions of what is read to the type in which it is multiplied, where the
/// product itself takes its operands as they are.
static uint64_t countAbsorbed(EinsumInterface einsum, Block &map) {
  if (!einsum->hasAttr(kComputesIn))
    return 0;
  Operation *product = map.getTerminator()->getOperand(0).getDefiningOp();
  uint64_t count = 0;
  for (Value operand : product->getOperands()) {
    Operation *conversion = operand.getDefiningOp();
    if (conversion && operatorName(conversion) == "convert" &&
        isa<BlockArgument>(conversion->getOperand(0)) &&
        conversion->hasOneUse())
      ++count;
    Value read = conversion && conversion->getNumOperands() == 1
                     ? conversion->getOperand(0)
                     : operand;
    auto argument = dyn_cast<BlockArgument>(read);
    if (!argument)
      continue;
    Value tensor = einsum.getInputAccesses()[argument.getArgNumber()].tensor;
    count += isa<QuantizedType>(
        cast<NamedTensorType>(tensor.getType()).getElementType());
  }
  return count;
}

std::map<std::string, uint64_t> einsum::countOperators(EinsumInterface einsum) {
  OperatorCounts counts;
  Block &map = einsum.getMapRegion().front();
  countBlock(map, counts);
  SmallVector<Reduction> reductions = einsum.getReductionList();
  if (uint64_t converts = countConverts(einsum))
    counts["convert"] += converts;
  for (const Access &access : einsum.getInputAccesses())
    if (uint64_t products = countDecodingProducts(access.tensor))
      counts["mac"] += products;
  if (reductions.empty())
    return counts;
  // Points are combined once each, however many ranks one monoid reduces.
  SmallVector<Reduction> operators;
  for (const Reduction &reduction : reductions)
    if (llvm::none_of(operators, [&](const Reduction &seen) {
          return seen.monoid == reduction.monoid;
        }))
      operators.push_back(reduction);
  for (const Reduction &reduction : operators)
    countReduction(reduction, counts);
  if (operators.size() == 1 && operators[0].monoid == "add" &&
      yieldsProduct(map)) {
    uint64_t absorbed = countAbsorbed(einsum, map);
    if (absorbed > 0 && (counts["convert"] -= absorbed) == 0)
      counts.erase("convert");
    ++counts["mac"];
    for (const char *part : {"mul", "add"})
      if (--counts[part] == 0)
        counts.erase(part);
  }
  return counts;
}
