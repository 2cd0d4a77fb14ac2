//===- Variants.cpp - The cascades that a search chooses from -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/Variants.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/STLExtras.h"

#include <set>

using namespace mlir;
using namespace einsum;

std::string Variant::describe() const {
  std::string text = name;
  for (const auto &[parameter, value] : extents)
    text += ", " + parameter + "=" + std::to_string(value);
  return text;
}

//===----------------------------------------------------------------------===//
// Rewrites
//===----------------------------------------------------------------------===//

static bool hasParameter(CascadeOp cascade, StringRef name) {
  return llvm::is_contained(cascade.getParamNames(),
                            StringAttr::get(cascade.getContext(), name));
}

/// The cascade in a copy of its module.
static Variant copy(CascadeOp cascade, StringRef name) {
  Variant variant;
  variant.name = name.str();
  auto module = cascade->getParentOfType<ModuleOp>();
  variant.module = cast<ModuleOp>(module->clone());
  variant.cascade =
      variant.module->lookupSymbol<CascadeOp>(cascade.getSymNameAttr());
  return variant;
}

Variant einsum::copyWritten(CascadeOp cascade) {
  return copy(cascade, "as written");
}

static FailureOr<Variant> rewrite(CascadeOp cascade, StringRef list,
                                  StringRef name, bool countsPasses = true) {
  Variant variant = copy(cascade, name);
  llvm::raw_string_ostream derivation(variant.derivation);
  FailureOr<exporting::RewriteReport> report =
      rewriteCascade(variant.cascade, list, &derivation, countsPasses);
  if (failed(report))
    return failure();
  variant.rewrite = std::move(*report);
  if (!countsPasses)
    variant.unbound = std::make_shared<OwningOpRef<ModuleOp>>(
        cast<ModuleOp>(variant.module->clone()));
  return variant;
}

static bool hasEinsums(CascadeOp cascade) {
  return !cascade.getBodyBlock()->getOps<EinsumInterface>().empty();
}

static size_t countEinsums(CascadeOp cascade) {
  return llvm::range_size(cascade.getBodyBlock()->getOps<EinsumInterface>());
}

/// Whether operands have the roles that they had (lib/Arch/Constraints.h), if
/// what an Einsum makes of an input alone is read from that input: what others
/// make is an input beside what comes from outside, else the first operand is.
static bool keepsRoles(CascadeOp cascade) {
  auto isMade = [](Value tensor) {
    return isa_and_nonnull<EinsumInterface>(tensor.getDefiningOp());
  };
  auto isMadeThen = [&](Value tensor) {
    Operation *maker = tensor.getDefiningOp();
    return isMade(tensor) &&
           (maker->getNumOperands() != 1 || isMade(maker->getOperand(0)));
  };
  auto listInputs = [](Operation *reader, auto isMade) {
    bool isMixed = llvm::any_of(reader->getOperands(), isMade) &&
                   !llvm::all_of(reader->getOperands(), isMade);
    SmallVector<bool> inputs;
    for (auto [i, operand] : llvm::enumerate(reader->getOperands()))
      inputs.push_back(isMixed ? isMade(operand) : i == 0);
    return inputs;
  };
  return llvm::all_of(cascade.getBodyBlock()->getOps<EinsumInterface>(),
                      [&](Operation *reader) {
                        return listInputs(reader, isMade) ==
                               listInputs(reader, isMadeThen);
                      });
}

/// The cascade without Einsums that only copy, if there are some.
static FailureOr<std::optional<Variant>> leaveOutCopies(CascadeOp cascade) {
  if (!keepsRoles(cascade))
    return std::optional<Variant>();
  // Nobody asked for it, so nothing is said of it.
  ScopedDiagnosticHandler quiet(
      cascade.getContext(), [](mlir::Diagnostic &diagnostic) {
        return success(diagnostic.getSeverity() == DiagnosticSeverity::Remark);
      });
  FailureOr<Variant> without =
      rewrite(cascade, "fuse-maps{copies}", "without copies");
  if (failed(without))
    return failure();
  if (countEinsums(without->cascade) == countEinsums(cascade))
    return std::optional<Variant>();
  return std::make_optional(std::move(*without));
}

FailureOr<std::vector<Variant>> einsum::makeVariants(CascadeOp cascade,
                                                     StringRef list,
                                                     const Bindings &added,
                                                     bool countsPasses) {
  std::vector<Variant> variants;
  if (list == "auto" || list == "none")
    variants.push_back(copyWritten(cascade));
  if (list == "auto") {
    FailureOr<std::optional<Variant>> without = leaveOutCopies(cascade);
    if (failed(without))
      return failure();
    if (*without)
      variants.push_back(std::move(**without));
  }
  if (list != "none") {
    FailureOr<Variant> rewritten =
        rewrite(cascade, list, list == "auto" ? "fewer passes" : "rewritten",
                countsPasses || list != "auto");
    if (failed(rewritten))
      return failure();
    // What changed nothing is no alternative, and neither is what is left of a
    // cascade without outputs.
    if (list != "auto" ||
        (!rewritten->rewrite->steps.empty() && hasEinsums(rewritten->cascade)))
      variants.push_back(std::move(*rewritten));
  }
  for (Variant &variant : variants) {
    Bindings own;
    llvm::copy_if(added, std::back_inserter(own), [&](const auto &binding) {
      return hasParameter(variant.cascade, binding.first);
    });
    if (failed(bindParameters(variant.cascade, own)))
      return failure();
  }
  for (const auto &binding : added)
    if (llvm::none_of(variants, [&](const Variant &variant) {
          return hasParameter(variant.cascade, binding.first);
        }))
      return LogicalResult(bindParameters(variants.back().cascade, {binding}));
  return std::move(variants);
}

//===----------------------------------------------------------------------===//
// Free extents
//===----------------------------------------------------------------------===//

/// Down to a divisor, unless none is near.
static int64_t towardsDivisor(int64_t tile, int64_t whole) {
  for (int64_t smaller = tile; smaller > tile / 2; --smaller)
    if (whole % smaller == 0)
      return smaller;
  return tile;
}

/// Words that the smallest level which is not private to units holds.
static std::optional<int64_t> countSharedWords(const arch::ArchSpec &arch,
                                               unsigned bits) {
  std::optional<int64_t> words;
  for (const arch::Level &level : arch.levels)
    if (level.parent >= 0 && level.perArray < 0 && level.capacityBytes) {
      auto held = static_cast<int64_t>(
          std::min<uint64_t>(*level.capacityBytes, INT64_MAX / 8) * 8 / bits);
      words = std::min(words.value_or(held), held);
    }
  return words;
}

std::vector<int64_t> einsum::listTileCandidates(const arch::ArchSpec &arch,
                                                int64_t whole, unsigned bits) {
  std::set<int64_t> candidates;
  auto add = [&](uint64_t tile) {
    int64_t cut = std::min<uint64_t>(whole, std::max<uint64_t>(tile, 1));
    candidates.insert(towardsDivisor(cut, whole));
  };
  for (const arch::Array &array : arch.arrays)
    for (const arch::ArrayDim &dim : array.dims)
      for (uint64_t times : {1, 2, 4})
        if (dim.size > 1)
          add(dim.size * times);
  if (candidates.empty())
    for (uint64_t tile : {16, 64, 256})
      add(tile);
  std::optional<int64_t> words = countSharedWords(arch, std::max(1u, bits));
  if (words && *words / 4 < *candidates.begin())
    add(*words / 4);
  // One element, or all of them, are no tile; but something has to be chosen.
  std::vector<int64_t> proper;
  for (int64_t tile : candidates)
    if (tile > 1 && tile < whole)
      proper.push_back(tile);
  return proper.empty() ? std::vector<int64_t>{whole} : proper;
}

namespace {
/// A parameter that the search gives its value.
struct FreeExtent {
  std::string parameter;
  std::vector<int64_t> candidates;
};
} // namespace

/// The extent of the rank that is split into the one with this parameter.
static std::optional<int64_t> findWhole(CascadeOp cascade,
                                        StringRef parameter) {
  for (SplitOp split : cascade.getBodyBlock()->getOps<SplitOp>())
    for (auto part : split.getParts().getAsRange<StringAttr>()) {
      auto rank = cascade.lookupSymbol<RankOp>(part);
      auto whole = cascade.lookupSymbol<RankOp>(split.getRankAttr().getAttr());
      if (!rank || !whole || rank.getParams().size() != 1 ||
          cast<StringAttr>(rank.getParams()[0]) != parameter ||
          rank.getExtent().getResult(0).getKind() != AffineExprKind::SymbolId)
        continue;
      return whole.getBoundExtent();
    }
  return std::nullopt;
}

static std::vector<FreeExtent> listFreeExtents(const Variant &variant,
                                               CascadeOp written,
                                               const Bindings &added,
                                               const arch::ArchSpec &arch) {
  std::vector<FreeExtent> free;
  CascadeOp cascade = variant.cascade;
  for (auto name : cascade.getParamNames().getAsRange<StringAttr>()) {
    bool isBound = llvm::any_of(added, [&](const auto &binding) {
      return binding.first == name.str();
    });
    std::optional<int64_t> whole = findWhole(cascade, name);
    if (hasParameter(written, name) || isBound || !whole)
      continue;
    free.push_back(
        {name.str(), listTileCandidates(arch, *whole, arch.wordBits)});
  }
  return free;
}

static void addCombinations(const Variant &variant,
                            llvm::ArrayRef<FreeExtent> free,
                            const Bindings &chosen,
                            std::vector<Variant> &combinations) {
  if (!free.empty()) {
    for (int64_t value : free.front().candidates) {
      Bindings more = chosen;
      more.push_back({free.front().parameter, value});
      addCombinations(variant, free.drop_front(), more, combinations);
    }
    return;
  }
  Variant bound = copy(variant.cascade, variant.name);
  bound.extents = chosen;
  bound.rewrite = variant.rewrite;
  bound.derivation = variant.derivation;
  bound.unbound = variant.unbound;
  for (const auto &[name, value] : chosen)
    bound.cascade.setParam(name, value);
  ScopedDiagnosticHandler quiet(bound.cascade.getContext(),
                                [](mlir::Diagnostic &) { return success(); });
  if (succeeded(verify(bound.cascade)))
    combinations.push_back(std::move(bound));
}

std::vector<Variant> einsum::chooseTiles(std::vector<Variant> variants,
                                         CascadeOp written,
                                         const Bindings &added,
                                         const arch::ArchSpec &arch) {
  std::vector<Variant> chosen;
  for (Variant &variant : variants) {
    std::vector<FreeExtent> free =
        listFreeExtents(variant, written, added, arch);
    size_t combinations = 1;
    for (FreeExtent &extent : free)
      combinations *= extent.candidates.size();
    // Several split ranks: the middle one of the candidates for each.
    constexpr size_t limit = 16;
    if (combinations > limit)
      for (FreeExtent &extent : free)
        extent.candidates = {extent.candidates[extent.candidates.size() / 2]};
    if (free.empty())
      chosen.push_back(std::move(variant));
    else
      addCombinations(variant, free, {}, chosen);
  }
  return chosen;
}
