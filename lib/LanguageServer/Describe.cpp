//===- Describe.cpp - What an editor shows of a name ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/LanguageServer/Describe.h"

#include "lib/Support/Format.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::language;

static std::string spellExtent(CascadeOp cascade, StringRef rank) {
  RankOp op = cascade.findRank(rank);
  std::optional<int64_t> extent =
      op ? op.getBoundExtent() : std::optional<int64_t>();
  return extent ? std::to_string(*extent) : "unbound";
}

/// Of a rank whose coordinates are data a count is only known from below.
static std::string spellPasses(uint64_t passes, bool isOpaque) {
  return (isOpaque ? "unknown, >= " : "") + std::to_string(passes) +
         (passes == 1 ? " pass" : " passes");
}

const RankPasses &Describer::passesOf(CascadeOp cascade) {
  auto found = passes.find(cascade);
  if (found == passes.end())
    found = passes.emplace(cascade, computeRankPasses(cascade)).first;
  return found->second;
}

std::string Describer::describeCascade(CascadeOp cascade) {
  std::string text = "cascade `" + cascade.getSymName().str() + "`";
  const RankPasses &counts = passesOf(cascade);
  const RankHeadline *headline = counts.getHeadline();
  if (headline)
    text += ", " + std::to_string(headline->passes) + "-pass over " +
            headline->rank;
  for (const RankHeadline &rank : counts.ranks)
    if (rank.fiber >= 0)
      text += "\n- `" + rank.rank + "`, extent " +
              spellExtent(cascade, rank.rank) + ": " +
              spellPasses(rank.passes, counts.fibers[rank.fiber].isOpaque);
  return text;
}

std::string Describer::describeRank(CascadeOp cascade, RankOp rank) {
  StringRef name = rank.getSymName();
  std::string text =
      "rank `" + name.str() + "`, extent " + spellExtent(cascade, name);
  if (SplitOp split = cascade.findSplitOf(name))
    text += ", part of `" + split.getRank().str() + "`";
  const RankPasses &counts = passesOf(cascade);
  for (const RankHeadline &headline : counts.ranks) {
    if (headline.rank != name || headline.fiber < 0)
      continue;
    const FiberPasses &fiber = counts.fibers[headline.fiber];
    text += "\n\n" + spellPasses(headline.passes, fiber.isOpaque) + " over " +
            fiber.tensor;
    if (headline.passes > 1)
      text += ", forced by " + describeWitness(fiber);
  }
  return text;
}

/// "made from Q, K, reducing e by add"
static std::string describeEinsum(EinsumInterface einsum) {
  SmallVector<std::string> reads;
  for (Value operand : einsum->getOperands()) {
    std::string name;
    if (auto input = operand.getDefiningOp<InputOp>())
      name = input.getTensor().str();
    else if (auto other = operand.getDefiningOp<EinsumInterface>())
      name = other.getTensorNames()[cast<OpResult>(operand).getResultNumber()]
                 .str();
    if (!name.empty() && !llvm::is_contained(reads, name))
      reads.push_back(name);
  }
  std::string text = "made from " + llvm::join(reads, ", ");
  SmallVector<std::string> reductions;
  for (const Reduction &reduction : einsum.getReductionList())
    reductions.push_back(reduction.rank.str() + " by " +
                         reduction.monoid.str());
  if (!reductions.empty())
    text += ", reducing " + llvm::join(reductions, ", ");
  return text;
}

/// Elements in bytes; nothing for extents that are unbound or too large.
static std::string spellSize(CascadeOp cascade, NamedTensorType type) {
  double bytes = type.getElementType().isIntOrFloat()
                     ? type.getElementType().getIntOrFloatBitWidth() / 8.0
                     : 0;
  for (StringAttr rank : type.getRanks()) {
    RankOp op = cascade.findRank(rank);
    std::optional<int64_t> extent =
        op ? op.getBoundExtent() : std::optional<int64_t>();
    bytes *= extent ? static_cast<double>(*extent) : 0;
  }
  return bytes >= 1 && bytes < 0x1p62
             ? ", " + formatBytes(static_cast<uint64_t>(bytes))
             : "";
}

std::string Describer::describeTensor(CascadeOp cascade, Value tensor,
                                      StringRef name) {
  auto type = cast<NamedTensorType>(tensor.getType());
  SmallVector<StringRef> ranks;
  std::string extents;
  for (StringAttr rank : type.getRanks()) {
    ranks.push_back(rank);
    extents += " " + rank.str() + "=" + spellExtent(cascade, rank);
  }
  std::string text;
  llvm::raw_string_ostream os(text);
  os << (tensor.getDefiningOp<InputOp>() ? "input" : "tensor") << " `" << name
     << "[" << llvm::join(ranks, ", ") << "]` : " << type.getElementType()
     << (extents.empty() ? "" : ",") << extents << spellSize(cascade, type);
  std::string counts;
  for (const FiberPasses &fiber : passesOf(cascade).fibers)
    if (fiber.tensor == name && fiber.passes > 0)
      counts += (counts.empty() ? "passes over " : ", over ") + fiber.rank +
                (fiber.isOpaque ? ": >= " : ": ") +
                std::to_string(fiber.passes);
  if (!counts.empty())
    os << "\n\n" << counts;
  if (auto einsum = tensor.getDefiningOp<EinsumInterface>())
    os << "\n\n" << describeEinsum(einsum);
  return text;
}

std::string Describer::describe(CascadeOp cascade, StringRef name) {
  if (RankOp rank = cascade.findRank(name))
    return describeRank(cascade, rank);
  for (Operation &op : *cascade.getBodyBlock()) {
    if (auto input = dyn_cast<InputOp>(op))
      if (input.getTensor() == name)
        return describeTensor(cascade, input->getResult(0), name);
    if (auto einsum = dyn_cast<EinsumInterface>(op))
      for (auto [tensor, value] :
           llvm::zip(einsum.getTensorNames(), op.getResults()))
        if (tensor.getValue() == name)
          return describeTensor(cascade, value, name);
  }
  return name == cascade.getSymName() ? describeCascade(cascade) : "";
}
