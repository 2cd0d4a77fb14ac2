//===- RewriteWorkload.cpp - Rewrites asked for by name -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/RewriteWorkload.h"

#include "lib/Analysis/RankPasses.h"
#include "lib/Support/Diagnostics.h"
#include "lib/Transforms/GathersAside.h"
#include "lib/Transforms/ReducePasses.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einsum;

static bool fail(const llvm::Twine &message) {
  llvm::errs() << "--rewrite: error: " << message << "\n";
  return false;
}

//===----------------------------------------------------------------------===//
// The list
//===----------------------------------------------------------------------===//

namespace {
struct Rewrite {
  std::string name, options; ///< options without the braces
};
} // namespace

/// The rewrites that are there, by their short names.
/// The passes of lib/Transforms, without `einsum-`; rewrite-names.test compares
/// them with the .td files.
static std::vector<std::string> getRewriteNames() {
  return {"cse",           "defer",       "drop-max",        "erase-dead",
          "follow-splits", "fuse-maps",   "interchange",     "local-reductions",
          "online",        "raw-moments", "reassociate",     "recompute",
          "reduce-passes", "split-rank",  "split-reduction", "unfuse-maps",
          "unified-max"};
}

/// Splits at commas outside braces; nullopt if braces do not match.
static std::optional<std::vector<Rewrite>> parseList(StringRef list) {
  std::vector<Rewrite> rewrites;
  while (!list.empty()) {
    size_t end = list.find_first_of(",{");
    Rewrite rewrite{list.take_front(end).trim().str(), ""};
    list = end == StringRef::npos ? StringRef() : list.drop_front(end);
    if (list.consume_front("{")) {
      size_t close = list.find('}');
      if (close == StringRef::npos)
        return std::nullopt;
      rewrite.options = list.take_front(close).str();
      list = list.drop_front(close + 1);
      if (!list.empty() && !list.starts_with(","))
        return std::nullopt;
    }
    bool hasNext = list.consume_front(",");
    rewrites.push_back(std::move(rewrite));
    if (hasNext && list.empty())
      rewrites.push_back({"", ""});
  }
  return rewrites;
}

bool einsum::checkRewriteList(StringRef list) {
  if (list == "none" || list == "auto")
    return true;
  std::optional<std::vector<Rewrite>> rewrites = parseList(list);
  if (!rewrites)
    return fail("the braces around the options of a rewrite do not match in '" +
                list + "'");
  std::vector<std::string> names = getRewriteNames();
  if (rewrites->empty())
    return fail("takes auto, none or a list of " + llvm::join(names, ", "));
  for (const Rewrite &rewrite : *rewrites)
    if (!llvm::is_contained(names, rewrite.name))
      return fail("there is no rewrite '" + rewrite.name +
                  "'; there are auto, none, " + llvm::join(names, ", ") +
                  didYouMean(rewrite.name, names));
  return true;
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

static void addToReport(const Derivation &derivation,
                        exporting::RewriteReport &report) {
  for (const DerivationStep &step : derivation.steps)
    report.steps.push_back({step.law, step.tensor, step.rank, step.identity,
                            step.conditions, step.before, step.after});
  for (const Refusal &refusal : derivation.refusals)
    report.refusals.push_back(
        {refusal.tensor, refusal.rank, refusal.obstacle, refusal.certificate});
  for (const RankSummary &summary : derivation.ranks) {
    exporting::RewriteReport::Rank rank{
        summary.rank, summary.before, summary.after, {}};
    for (const Place &reason : summary.reasons)
      rank.reasons.push_back(reason.message);
    report.ranks.push_back(std::move(rank));
  }
}

/// Pass reduction reports its derivation; other rewrites run as passes.
static bool runOne(CascadeOp cascade, const Rewrite &rewrite, bool countsPasses,
                   Derivation &derivation) {
  auto reportError = [&](const llvm::Twine &message) {
    return success(fail("'" + rewrite.name + "' " + message));
  };
  if (std::optional<RewriteOptions> options = getRewriteOptions(rewrite.name)) {
    if (failed(parseRewriteOptions(rewrite.options, *options, reportError)) ||
        failed(checkOptions(cascade, *options)))
      return false;
    options->countsPasses = countsPasses;
    reducePasses(cascade, *options, derivation);
    return succeeded(verify(cascade));
  }
  PassManager passes(cascade->getContext(), CascadeOp::getOperationName());
  const PassInfo *info = PassInfo::lookup("einsum-" + rewrite.name);
  return succeeded(info->addToPipeline(passes, rewrite.options, reportError)) &&
         succeeded(passes.run(cascade));
}

FailureOr<exporting::RewriteReport>
einsum::rewriteCascade(CascadeOp cascade, StringRef list,
                       llvm::raw_ostream *explain, bool countsPasses) {
  exporting::RewriteReport report;
  report.requested = list.str();
  if (list == "none")
    return report;
  Derivation derivation;
  std::vector<Rewrite> rewrites =
      list == "auto" ? std::vector<Rewrite>{{"reduce-passes", ""}}
                     : *parseList(list);
  for (const Rewrite &rewrite : rewrites)
    if (!runOne(cascade, rewrite, countsPasses || list != "auto", derivation))
      return failure();
  addToReport(derivation, report);
  if (explain)
    printDerivation(derivation, *explain);
  return report;
}

/// As pass reduction counts them, which leaves aside what gathers.
static RankPasses countPasses(CascadeOp cascade) {
  OwningOpRef<ModuleOp> copy(
      cast<ModuleOp>(cascade->getParentOfType<ModuleOp>()->clone()));
  auto own = copy->lookupSymbol<CascadeOp>(cascade.getSymNameAttr());
  GathersAside aside(own);
  RankPasses passes = computeRankPasses(own);
  passes.fibers.clear(); // they name Einsums of the copy
  return passes;
}

void einsum::addPasses(exporting::RewriteReport &report, CascadeOp before,
                       CascadeOp after) {
  if (report.ranks.empty())
    return;
  RankPasses was = countPasses(before), is = countPasses(after);
  for (exporting::RewriteReport::Rank &rank : report.ranks) {
    rank.before = was.get(rank.rank);
    rank.after = is.get(rank.rank);
  }
}
