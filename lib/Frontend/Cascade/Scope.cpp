//===- Scope.cpp - Parameters, ranks and splits of one cascade ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Scope.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum::frontend;

std::string einsum::frontend::extentName(StringRef rank) {
  return rank.upper();
}

void Scope::declare() {
  declareParams();
  for (const Statement &statement : cascade.statements)
    if (auto *rank = std::get_if<RankStmt>(&statement.body))
      declareRank(*rank);
  for (const Statement &statement : cascade.statements)
    if (auto *split = std::get_if<SplitStmt>(&statement.body))
      declareSplit(*split);
}

void Scope::declareParams() {
  for (auto [position, param] : llvm::enumerate(cascade.params)) {
    auto [it, isNew] = params.try_emplace(param.name.text, position);
    if (!isNew) {
      InFlightDiagnostic diag = report.error(param.name.place);
      diag << "parameter '" << param.name.text << "' is declared twice";
      diag.attachNote(report.at(cascade.params[it->second].name.place))
          << "first declared here";
    }
    if (param.value && *param.value < 1)
      report.error(param.name.place)
          << "parameter '" << param.name.text << "' is at least 1, found "
          << *param.value;
  }
}

std::optional<unsigned> Scope::findParam(StringRef name) const {
  auto it = params.find(name);
  return it == params.end() ? std::nullopt : std::optional(it->second);
}

//===----------------------------------------------------------------------===//
// Ranks
//===----------------------------------------------------------------------===//

RankInfo *Scope::addRank(const Name &name, AffineExpr extent) {
  auto [it, isNew] = ranks.try_emplace(name.text);
  if (!isNew) {
    InFlightDiagnostic diag = report.error(name.place);
    diag << "rank '" << name.text << "' is declared twice";
    diag.attachNote(report.at(it->second->place)) << "first declared here";
    return nullptr;
  }
  it->second = std::make_unique<RankInfo>();
  *it->second = {name.text, name.place, extent, evaluate(extent), {}};
  return it->second.get();
}

const RankInfo *Scope::findRank(StringRef name) {
  auto it = ranks.find(name);
  if (it != ranks.end())
    return it->second.get();
  std::string extent = extentName(name);
  std::optional<unsigned> param = findParam(extent);
  if (!param || extent == name || findParam(name))
    return nullptr;
  return addRank({name, cascade.params[*param].name.place},
                 getAffineSymbolExpr(*param, report.getContext()));
}

const RankInfo *Scope::getRank(const Name &name) {
  const RankInfo *rank = findRank(name.text);
  if (!rank)
    reportUnknown(name);
  return rank;
}

AffineExpr Scope::findExtentNamed(StringRef name) {
  const RankInfo *rank =
      name.lower() == name ? nullptr : findRank(name.lower());
  return rank ? rank->extent : AffineExpr();
}

std::vector<const RankInfo *> Scope::getRanks() const {
  std::vector<const RankInfo *> result;
  for (const Param &param : cascade.params) {
    auto it = ranks.find(param.name.text.lower());
    if (it != ranks.end() &&
        !llvm::is_contained(statementRanks, it->second.get()))
      result.push_back(it->second.get());
  }
  llvm::append_range(result, statementRanks);
  return result;
}

void Scope::reportUnknown(const Name &name) {
  InFlightDiagnostic diag = report.error(name.place);
  std::string extent = extentName(name.text);
  if (extent == name.text) {
    diag << "'" << name.text << "' is no parameter of cascade '"
         << cascade.name.text << "'";
    diag.attachNote(report.at(cascade.name.place))
        << "add '" << name.text << "' to the header";
  } else {
    diag << "rank '" << name.text << "' has no extent: the header of '"
         << cascade.name.text << "' has no parameter '" << extent << "'";
    std::string fix;
    for (const Param &param : cascade.params)
      fix += param.name.text.str() + ", ";
    diag.attachNote(report.at(cascade.name.place))
        << "add " << extent << " to the header: " << cascade.name.text << "("
        << fix << extent << ")";
  }
  SmallVector<StringRef> known;
  for (const auto &entry : ranks)
    known.push_back(entry.second->name);
  llvm::sort(known);
  suggestNearest(diag, name.text, known);
}

AffineExpr Scope::lowerExtent(const Expr &expr) {
  return lowerAffine(expr, report, [&](const Name &name) -> AffineExpr {
    if (std::optional<unsigned> param = findParam(name.text))
      return getAffineSymbolExpr(*param, report.getContext());
    if (AffineExpr extent = findExtentNamed(name.text))
      return extent;
    InFlightDiagnostic diag = report.error(name.place);
    diag << "an extent is made of numbers and parameters, and '" << name.text
         << "' is no parameter";
    diag.attachNote(report.at(cascade.name.place))
        << "add '" << name.text << "' to the header";
    return {};
  });
}

void Scope::declareRank(const RankStmt &stmt) {
  AffineExpr extent = lowerExtent(*stmt.extent);
  RankInfo *rank = extent ? addRank(stmt.rank, extent) : nullptr;
  if (!rank)
    return;
  statementRanks.push_back(rank);
  if (rank->bound && *rank->bound < 1)
    report.error(stmt.extent->place)
        << "the extent of rank '" << stmt.rank.text << "' is at least 1, found "
        << *rank->bound;
}

//===----------------------------------------------------------------------===//
// Splits
//===----------------------------------------------------------------------===//

AffineExpr Scope::productOfInner(const SplitStmt &stmt) {
  AffineExpr product = getAffineConstantExpr(1, report.getContext());
  std::optional<int64_t> bound = 1;
  for (const SplitStmt::Part &part : llvm::drop_begin(stmt.parts)) {
    if (!part.extent) {
      report.error(part.name.place)
          << "part '" << part.name.text << "' needs an extent, as in '"
          << part.name.text << "(256)'; only the first part has one by itself";
      return {};
    }
    AffineExpr extent = lowerExtent(*part.extent);
    if (!extent)
      return {};
    std::optional<int64_t> value = evaluate(extent);
    int64_t next = 0;
    if (value && *value < 1) {
      report.error(part.extent->place)
          << "the extent of rank '" << part.name.text
          << "' is at least 1, found " << *value;
      return {};
    }
    if (bound && value && llvm::MulOverflow(*bound, *value, next)) {
      report.error(part.extent->place) << "the parts of '" << stmt.rank.text
                                       << "' together are larger than 2^63 - 1";
      return {};
    }
    bound = bound && value ? std::optional(next) : std::nullopt;
    if (RankInfo *rank = addRank(part.name, extent))
      statementRanks.push_back(rank);
    product = product * extent;
  }
  return product;
}

void Scope::declareSplit(const SplitStmt &stmt) {
  RankInfo *whole = const_cast<RankInfo *>(getRank(stmt.rank));
  if (!whole)
    return;
  if (stmt.parts.size() < 2) {
    report.error(stmt.rank.place)
        << "a split has at least 2 parts, found " << stmt.parts.size();
    return;
  }
  if (!whole->parts.empty()) {
    report.error(stmt.rank.place)
        << "rank '" << stmt.rank.text << "' is already split";
    return;
  }
  // What is declared already, such as the rank that is split, is refused below;
  // it is no part, or parts would have themselves as parts.
  bool areNew = llvm::none_of(stmt.parts, [&](const SplitStmt::Part &part) {
    return ranks.contains(part.name.text);
  });
  // The outermost part comes first in the IR, so keep its place.
  size_t position = statementRanks.size();
  AffineExpr inner = productOfInner(stmt);
  if (!inner)
    return;
  const SplitStmt::Part &first = stmt.parts.front();
  AffineExpr outer =
      first.extent ? lowerExtent(*first.extent) : whole->extent.ceilDiv(inner);
  if (!outer)
    return;
  if (RankInfo *rank = addRank(first.name, outer))
    statementRanks.insert(statementRanks.begin() + position, rank);
  if (!areNew)
    return;
  for (const SplitStmt::Part &part : stmt.parts)
    whole->parts.push_back(part.name.text);
}

//===----------------------------------------------------------------------===//
// Values of extents
//===----------------------------------------------------------------------===//

std::optional<int64_t> Scope::evaluate(AffineExpr expr) const {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return cascade.params[symbol.getPosition()].value;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return std::nullopt;
  std::optional<int64_t> lhs = evaluate(binary.getLHS()),
                         rhs = evaluate(binary.getRHS());
  int64_t result = 0;
  if (!lhs || !rhs)
    return std::nullopt;
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return llvm::AddOverflow(*lhs, *rhs, result) ? std::nullopt
                                                 : std::optional(result);
  case AffineExprKind::Mul:
    return llvm::MulOverflow(*lhs, *rhs, result) ? std::nullopt
                                                 : std::optional(result);
  case AffineExprKind::Mod:
    return *rhs > 0 ? std::optional(llvm::mod(*lhs, *rhs)) : std::nullopt;
  case AffineExprKind::FloorDiv:
    return *rhs > 0 ? std::optional(llvm::divideFloorSigned(*lhs, *rhs))
                    : std::nullopt;
  case AffineExprKind::CeilDiv:
    return *rhs > 0 ? std::optional(llvm::divideCeilSigned(*lhs, *rhs))
                    : std::nullopt;
  default:
    return std::nullopt;
  }
}
