//===- ReducePasses.cpp - Fewer rank passes -------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/ReducePasses.h"
#include "lib/Transforms/GathersAside.h"

#include "lib/Analysis/RankPasses.h"
#include "lib/Transforms/Passes.h"
#include "lib/Transforms/Sweeps.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

namespace einsum {
#define GEN_PASS_DEF_DEFER
#define GEN_PASS_DEF_ONLINE
#define GEN_PASS_DEF_REDUCEPASSES
#include "lib/Transforms/Passes.h.inc"
} // namespace einsum

using namespace mlir;
using namespace einsum;

static constexpr int64_t kDefaultTile = 256;

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

static std::optional<Guard> parseGuard(StringRef text) {
  if (text == "auto")
    return Guard::automatic;
  if (text == "always")
    return Guard::always;
  return text == "never" ? std::optional(Guard::never) : std::nullopt;
}

/// `M0:128`, `M0`, `128` or `none`; false if it is none of them.
static bool parseTile(CascadeOp cascade, StringRef rank, StringRef text,
                      SweepOptions &options) {
  options.tileName = rank.upper() + "0";
  options.tileSize = kDefaultTile;
  auto [name, size] = text.split(':');
  if (text.empty())
    return true;
  if (text == "none") {
    options.tileName.clear();
    return true;
  }
  if (size.empty() && !name.empty() && llvm::isDigit(name.front()))
    std::swap(name, size);
  if (!name.empty()) {
    auto isWord = [](char c) { return llvm::isAlnum(c) || c == '_'; };
    if (llvm::isDigit(name.front()) || !llvm::all_of(name, isWord))
      return false;
    options.tileName = name.str();
  }
  bool isNumber =
      !size.getAsInteger(10, options.tileSize) && options.tileSize >= 1;
  if (size.empty())
    options.tileSize =
        cascade.getParam(options.tileName).value_or(kDefaultTile);
  return size.empty() || isNumber;
}

std::optional<Tile> einsum::readTile(CascadeOp cascade, StringRef rank,
                                     StringRef text) {
  SweepOptions parsed;
  if (rank.empty() || !parseTile(cascade, rank, text, parsed) ||
      parsed.tileName.empty()) {
    cascade.emitError()
        << (rank.empty() ? "name the rank to split, as in rank=m"
                         : "a tile is a parameter, a number from 1 on or "
                           "NAME:NUMBER");
    return std::nullopt;
  }
  return Tile{parsed.tileName, parsed.tileSize};
}

std::optional<RewriteOptions> einsum::getRewriteOptions(StringRef name) {
  RewriteOptions options;
  options.defer = name != "online";
  options.correct = name != "defer";
  bool isKnown = name == "reduce-passes" || name == "defer" || name == "online";
  return isKnown ? std::optional(options) : std::nullopt;
}

LogicalResult einsum::parseRewriteOptions(
    StringRef text, RewriteOptions &options,
    llvm::function_ref<LogicalResult(const llvm::Twine &)> error) {
  SmallVector<StringRef> words;
  text.split(words, ' ', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef word : words) {
    auto [key, value] = word.split('=');
    std::string *option = key == "rank"     ? &options.rank
                          : key == "tile"   ? &options.tile
                          : key == "policy" ? &options.policy
                          : key == "guard"  ? &options.guard
                                            : nullptr;
    if (!option)
      return error("has no option '" + key +
                   "'; it has rank, tile, policy and guard");
    if (value.empty())
      return error("takes " + key + "=VALUE, found '" + word + "'");
    *option = value.str();
  }
  return success();
}

LogicalResult einsum::checkOptions(CascadeOp cascade,
                                   const RewriteOptions &options) {
  SweepOptions parsed;
  if (!parseGuard(options.guard))
    return cascade.emitError()
           << "a guard is 'auto', 'always' or 'never', found '" << options.guard
           << "'";
  if (options.policy != "bitexact" && options.policy != "safe" &&
      options.policy != "reals")
    return cascade.emitError()
           << "a policy is 'bitexact', 'safe' or 'reals', found '"
           << options.policy << "'";
  if (!parseTile(cascade, "m", options.tile, parsed))
    return cascade.emitError()
           << "a tile is a parameter, a number from 1 on, NAME:NUMBER or "
              "'none', found '"
           << options.tile << "'";
  if (options.rank.empty() || cascade.findRank(options.rank))
    return success();
  InFlightDiagnostic diag = cascade.emitError()
                            << "there is no rank '" << options.rank
                            << "' in cascade '" << cascade.getSymName() << "'";
  SmallVector<StringRef> known;
  for (RankOp rank : cascade.getBodyBlock()->getOps<RankOp>())
    known.push_back(rank.getSymName());
  diag.attachNote() << "ranks: " << llvm::join(known, ", ");
  return diag;
}

//===----------------------------------------------------------------------===//
// The rewrite
//===----------------------------------------------------------------------===//

void einsum::reducePasses(CascadeOp cascade, const RewriteOptions &options,
                          Derivation &derivation) {
  if (options.policy == "bitexact")
    return;
  GathersAside aside(cascade);
  RankPasses before;
  if (options.countsPasses)
    before = computeRankPasses(cascade);
  CascadeEditor editor(cascade);
  algebra::Facts facts(editor);
  for (const std::string &rank : findChainedRanks(cascade)) {
    if (!options.rank.empty() && options.rank != rank)
      continue;
    SweepOptions sweep;
    sweep.allowDeferral = options.defer;
    sweep.allowCorrection = options.correct;
    sweep.acceptUnsafe = options.policy == "reals";
    sweep.guard = parseGuard(options.guard).value_or(Guard::automatic);
    parseTile(cascade, rank, options.tile, sweep);
    SweepPlan plan = planSweeps(editor, facts, rank, sweep, derivation);
    applySweeps(editor, facts, plan, sweep, derivation);
  }
  if (!options.countsPasses)
    return;
  RankPasses after =
      derivation.steps.empty() ? before : computeRankPasses(cascade);
  for (RankSummary &summary : derivation.ranks) {
    summary.before = before.get(summary.rank);
    summary.after = after.get(summary.rank);
  }
}

static LogicalResult run(CascadeOp cascade, const RewriteOptions &options,
                         bool explain) {
  if (failed(checkOptions(cascade, options)))
    return failure();
  Derivation derivation;
  reducePasses(cascade, options, derivation);
  emitRemarks(derivation);
  if (explain)
    printDerivation(derivation, llvm::errs());
  return success();
}

namespace {

struct DeferPass : einsum::impl::DeferBase<DeferPass> {
  using DeferBase::DeferBase;
  void runOnOperation() override {
    RewriteOptions options;
    options.rank = rank;
    options.correct = false;
    if (failed(run(getOperation(), options, false)))
      signalPassFailure();
  }
};

struct OnlinePass : einsum::impl::OnlineBase<OnlinePass> {
  using OnlineBase::OnlineBase;
  void runOnOperation() override {
    RewriteOptions options;
    options.rank = rank;
    options.tile = tile;
    options.guard = guard;
    options.defer = false;
    if (failed(run(getOperation(), options, false)))
      signalPassFailure();
  }
};

struct ReducePassesPass : einsum::impl::ReducePassesBase<ReducePassesPass> {
  using ReducePassesBase::ReducePassesBase;
  void runOnOperation() override {
    RewriteOptions options;
    options.rank = rank;
    options.tile = tile;
    options.policy = policy;
    options.guard = guard;
    if (failed(run(getOperation(), options, explain)))
      signalPassFailure();
  }
};

} // namespace
