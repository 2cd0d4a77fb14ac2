//===- SlopeVariants.cpp - Algebraic variants of a cascade ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/SlopeVariants.h"

#include "lib/Analysis/IoBounds/IoBounds.h"
#include "lib/Analysis/RankPasses.h"
#include "lib/Init/RewriteWorkload.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <set>

using namespace mlir;
using namespace einsum;

/// The lists between semicolons outside of braces, `none` first.
static std::vector<std::string> splitRewrites(StringRef rewrites) {
  if (rewrites == "variants")
    rewrites = "defer;online;auto";
  std::vector<std::string> lists = {"none"};
  size_t start = 0;
  bool inBraces = false;
  for (size_t i = 0; i <= rewrites.size(); ++i) {
    if (i < rewrites.size() && rewrites[i] != ';') {
      inBraces = rewrites[i] == '{' || (inBraces && rewrites[i] != '}');
      continue;
    }
    if (inBraces && i < rewrites.size())
      continue;
    std::string list = rewrites.slice(start, i).trim().str();
    if (!llvm::is_contained(lists, list))
      lists.push_back(list);
    start = i + 1;
  }
  return lists;
}

bool einsum::checkSlopeRewrites(StringRef rewrites) {
  return llvm::all_of(splitRewrites(rewrites), [](const std::string &list) {
    return checkRewriteList(list);
  });
}

/// "3 passes over m, 2 over n": ranks that `asWritten` takes several over.
static std::string describePasses(const RankPasses &passes,
                                  const RankPasses &asWritten) {
  std::string text;
  for (const RankHeadline &rank : asWritten.ranks) {
    if (rank.passes < 2)
      continue;
    uint64_t count = passes.get(rank.rank);
    text += text.empty() ? std::to_string(count) +
                               (count == 1 ? " pass over " : " passes over ")
                         : ", " + std::to_string(count) + " over ";
    text += rank.rank;
  }
  return text.empty() ? "1 pass" : text;
}

static std::string printCascade(CascadeOp cascade) {
  std::string text;
  llvm::raw_string_ostream os(text);
  cascade.print(os);
  return text;
}

/// Binds what the form has; `used` receives the names.
static LogicalResult bindOwn(CascadeOp cascade, const Bindings &bindings,
                             std::set<std::string> &used) {
  Bindings own;
  for (const auto &binding : bindings) {
    auto name = StringAttr::get(cascade.getContext(), binding.first);
    if (!llvm::is_contained(cascade.getParamNames(), name))
      continue;
    own.push_back(binding);
    used.insert(binding.first);
  }
  return bindParameters(cascade, own);
}

//===----------------------------------------------------------------------===//
// Products that are computed anew
//===----------------------------------------------------------------------===//

/// Of products with several rank passes and what is made of them point by
/// point, the last with several readers; -1 if there is none.
static int findSharedValue(const CascadeFacts &facts) {
  std::vector<llvm::SmallVector<int, 2>> readers(facts.tensors.size());
  for (auto [id, einsum] : llvm::enumerate(facts.einsums))
    for (const AccessFact &read : einsum.reads)
      if (!llvm::is_contained(readers[read.tensor], static_cast<int>(id)))
        readers[read.tensor].push_back(id);
  int last = -1;
  auto consider = [&](int tensor) {
    const TensorFact &fact = facts.tensors[tensor];
    if (readers[tensor].size() > 1 && fact.producer >= 0 && !fact.isOutput &&
        fact.iterativeRank < 0)
      last = std::max(last, tensor);
  };
  for (const bounds::PassFact &pass : bounds::collectPassFacts(facts)) {
    if (facts.tensors[pass.tensor].producer < 0)
      continue;
    consider(pass.tensor);
    llvm::for_each(pass.aligned, consider);
  }
  return last;
}

static bool hasSplit(CascadeOp cascade) {
  return !cascade.getBodyBlock()->getOps<SplitOp>().empty();
}

/// Every reader gets products of its own, from the last to the first, as what a
/// copy reads has a reader more. Null if there is nothing to do.
static OwningOpRef<CascadeOp> computeAnew(CascadeOp cascade,
                                          CascadeFacts &facts) {
  constexpr unsigned kMostTensors = 16;
  ScopedDiagnosticHandler silence(cascade.getContext(),
                                  [](mlir::Diagnostic &) {});
  OwningOpRef<CascadeOp> anew;
  FailureOr<CascadeFacts> current = computeCascadeFacts(cascade);
  for (unsigned i = 0; i < kMostTensors && succeeded(current); ++i) {
    int tensor = findSharedValue(*current);
    if (tensor < 0)
      break;
    if (!anew)
      anew = cast<CascadeOp>(cascade->clone());
    if (failed(rewriteCascade(
            *anew, "recompute{tensor=" + current->tensors[tensor].name + "}",
            nullptr)))
      return nullptr;
    current = computeCascadeFacts(*anew);
  }
  if (failed(current))
    return nullptr;
  // Products of one reader that walks tiles are made tile by tile.
  if (hasSplit(cascade)) {
    if (!anew)
      anew = cast<CascadeOp>(cascade->clone());
    if (failed(rewriteCascade(*anew, "follow-splits", nullptr)))
      return nullptr;
    current = computeCascadeFacts(*anew);
  }
  if (!anew || failed(current))
    return nullptr;
  facts = std::move(*current);
  return anew;
}

FailureOr<std::vector<std::unique_ptr<SlopeVariant>>>
einsum::deriveVariants(CascadeOp cascade, StringRef rewrites,
                       const Bindings &bindings, llvm::raw_ostream *explain) {
  std::vector<std::unique_ptr<SlopeVariant>> variants;
  std::vector<std::string> texts;
  std::set<std::string> used;
  RankPasses asWritten;
  for (const std::string &list : splitRewrites(rewrites)) {
    auto variant = std::make_unique<SlopeVariant>();
    variant->cascade = cast<CascadeOp>(cascade->clone());
    if (failed(bindOwn(*variant->cascade, bindings, used)) ||
        failed(rewriteCascade(*variant->cascade, list, explain)) ||
        failed(bindOwn(*variant->cascade, bindings, used)))
      return failure();
    std::string text = printCascade(*variant->cascade);
    if (llvm::is_contained(texts, text))
      continue;
    texts.push_back(std::move(text));
    FailureOr<CascadeFacts> facts = computeCascadeFacts(*variant->cascade);
    if (failed(facts))
      return failure();
    variant->facts = std::move(*facts);
    variant->anew = computeAnew(*variant->cascade, variant->anewFacts);
    RankPasses passes = computeRankPasses(*variant->cascade);
    if (variants.empty())
      asWritten = passes;
    variant->name = (list == "none" ? "as written" : list) + ": " +
                    describePasses(passes, asWritten);
    variants.push_back(std::move(variant));
  }
  for (const auto &binding : bindings)
    if (!used.count(binding.first)) // says what there is
      return bindParameters(*variants.back()->cascade, {binding});
  return std::move(variants);
}
