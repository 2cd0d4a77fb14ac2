//===- PremiseText.cpp - Premises and constraints in words ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/PremiseText.h"

#include "lib/Mapper/ConstraintMeaning.h"
#include "lib/Support/Format.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace einsum;
using namespace einsum::mapper;
using Kind = Premise::Kind;

static std::string quote(const std::string &name) { return "'" + name + "'"; }

/// "'a', 'b' and 'c'"
static std::string joinQuoted(const std::vector<std::string> &names) {
  std::string text;
  for (auto [i, name] : llvm::enumerate(names))
    text += (i == 0                  ? ""
             : i + 1 == names.size() ? " and "
                                     : ", ") +
            quote(name);
  return text;
}

static std::vector<std::string>
namesOf(const std::vector<arch::WorkloadName> &names) {
  std::vector<std::string> texts;
  for (const arch::WorkloadName &name : names)
    texts.push_back(name.name);
  return texts;
}

std::string einsum::mapper::describeTensors(const arch::TensorSet &set,
                                            const arch::ArchSpec &arch) {
  using TermKind = arch::TensorTerm::Kind;
  std::vector<std::string> parts;
  for (const arch::TensorTerm &term : set) {
    std::string word;
    switch (term.kind) {
    case TermKind::All:
      word = "all";
      break;
    case TermKind::Inputs:
      word = "inputs";
      break;
    case TermKind::Outputs:
      word = "outputs";
      break;
    case TermKind::Weights:
      word = "weights";
      break;
    case TermKind::Intermediates:
      word = "intermediates";
      break;
    case TermKind::KeptAt:
      word = "what '" + arch.levels[term.level].name + "' keeps";
      break;
    case TermKind::Tensor:
      word = quote(term.name.name);
      break;
    }
    parts.push_back((term.negated ? "not " : "") + word);
  }
  return parts.empty() ? "nothing" : llvm::join(parts, ", ");
}

//===----------------------------------------------------------------------===//
// What is said
//===----------------------------------------------------------------------===//

std::string
PremiseText::listOperators(const std::vector<std::string> &operators,
                           const EinsumFact &einsum) const {
  return joinQuoted(operators) +
         (einsum.datatype.empty() ? "" : " in " + einsum.datatype);
}

/// What is computed, and which arrays cannot.
std::string PremiseText::describeOperators(const EinsumFact &einsum) const {
  std::string subject = "Einsum " + quote(einsum.name) + " computes ";
  std::vector<std::string> lacking, everywhere, all;
  bool isFirst = true;
  for (const arch::Array &array : arch.arrays) {
    std::vector<std::string> missing =
        listMissingOperators(arch, array, einsum);
    if (!missing.empty())
      lacking.push_back(array.name);
    for (const std::string &name : missing)
      if (!llvm::is_contained(all, name))
        all.push_back(name);
    if (isFirst)
      everywhere = missing;
    isFirst = false;
    llvm::erase_if(everywhere, [&](const std::string &name) {
      return !llvm::is_contained(missing, name);
    });
  }
  if (!everywhere.empty())
    return subject + listOperators(everywhere, einsum) + ", which no array has";
  if (lacking.size() == arch.arrays.size())
    return subject + listOperators(all, einsum) +
           ", which no array has together";
  return subject + listOperators(all, einsum) + ", which " +
         joinQuoted(lacking) + (lacking.size() == 1 ? " lacks" : " lack");
}

std::string
PremiseText::describeDimension(const arch::DimensionConstraint &c) const {
  const arch::Array &array = arch.arrays[c.array];
  std::vector<std::string> parts;
  if (!c.reuse.empty())
    parts.push_back("only ranks that " + describeTensors(c.reuse, arch) +
                    " lack are dealt to units");
  if (c.ranks)
    parts.push_back("only " + joinQuoted(namesOf(*c.ranks)) +
                    " may be dealt to units");
  if (c.minUtilization > 0)
    parts.push_back("at least " + formatPercent(c.minUtilization) + " of " +
                    std::to_string(array.dims[c.dim].size) +
                    " units are in use");
  return "along " + quote(array.dims[c.dim].name) + " of " + quote(array.name) +
         " " + llvm::join(parts, ", ");
}

std::string PremiseText::describeTile(const arch::LevelConstraint &c,
                                      int part) const {
  const arch::TileBound &bound = c.tile[part];
  const arch::Bounds &extent = bound.extent;
  bool isBoundedAbove = extent.max != arch::Bounds().max;
  std::vector<std::string> parts;
  if (extent.min == extent.max)
    parts.push_back(std::to_string(extent.min));
  else if (isBoundedAbove && extent.min > 0)
    parts.push_back(std::to_string(extent.min) + " to " +
                    std::to_string(extent.max));
  else if (isBoundedAbove)
    parts.push_back("at most " + std::to_string(extent.max));
  else if (extent.min > 0)
    parts.push_back("at least " + std::to_string(extent.min));
  if (bound.multipleOf > 1)
    parts.push_back("a multiple of " + std::to_string(bound.multipleOf));
  return "tiles at " + quote(arch.levels[c.level].name) + " span " +
         llvm::join(parts, ", ") + " along " + quote(bound.rank.name);
}

std::string PremiseText::describe(const Premise &premise, int einsum) const {
  const arch::Constraints &constraints = arch.constraints;
  std::string subject =
      einsum < 0 ? "Einsums" : "Einsum " + quote(facts.einsums[einsum].name);
  switch (premise.kind) {
  case Kind::operators:
    return describeOperators(facts.einsums[einsum]);
  case Kind::arrayChoice: {
    std::vector<std::string> names;
    for (int array : constraints.arrays[premise.index].arrays)
      names.push_back(arch.arrays[array].name);
    return subject + (einsum < 0 ? " run on " : " runs on ") +
           (names.size() > 1 ? "one of " : "") + joinQuoted(names);
  }
  case Kind::dimension:
    return describeDimension(constraints.dimensions[premise.index]);
  case Kind::mustKeep: {
    const arch::LevelConstraint &c = constraints.levels[premise.index];
    return quote(arch.levels[c.level].name) + " must keep " +
           describeTensors(*c.mustKeep, arch);
  }
  case Kind::mayKeep: {
    const arch::LevelConstraint &c = constraints.levels[premise.index];
    std::string kept = describeTensors(*c.mayKeep, arch);
    llvm::StringRef ruledOut = kept;
    bool isOne = c.mayKeep->size() == 1 && ruledOut.consume_front("not ");
    return quote(arch.levels[c.level].name) +
           (isOne ? " may not keep " + ruledOut.str()
                  : " may keep only " + kept);
  }
  case Kind::tile:
    return describeTile(constraints.levels[premise.index], premise.part);
  case Kind::capacity: {
    const arch::Level &level = arch.levels[premise.index];
    return "level " + quote(level.name) + " holds " +
           std::to_string(*level.capacityBytes) + " B" +
           (level.perArray >= 0
                ? " for each unit of " + quote(arch.arrays[level.perArray].name)
            : arch.instances(level) > 1 ? " in each instance"
                                        : "");
  }
  case Kind::perfect:
    return "tiles divide their extents";
  case Kind::unfused:
    return "no tensor stays on chip between Einsums";
  }
  return "";
}

std::string PremiseText::getWayOut(const Premise &premise) const {
  switch (premise.kind) {
  case Kind::perfect:
    return "tiles of any extent";
  case Kind::unfused:
    return "fusion";
  default:
    return "leaving this out";
  }
}

//===----------------------------------------------------------------------===//
// Where it is said
//===----------------------------------------------------------------------===//

static SourceLocation toPlace(mlir::Location loc) {
  if (auto place = loc->findInstanceOf<mlir::FileLineColLoc>())
    return {place.getFilename().str(), place.getLine(), place.getColumn()};
  return {};
}

SourceLocation PremiseText::findPlace(const Premise &premise,
                                      int einsum) const {
  const arch::Constraints &constraints = arch.constraints;
  switch (premise.kind) {
  case Kind::operators:
    return toPlace(facts.einsums[einsum].op->getLoc());
  case Kind::arrayChoice:
    return constraints.arrays[premise.index].loc;
  case Kind::dimension:
    return constraints.dimensions[premise.index].loc;
  case Kind::mustKeep:
  case Kind::mayKeep:
    return constraints.levels[premise.index].loc;
  case Kind::tile:
    return constraints.levels[premise.index].tile[premise.part].rank.loc;
  case Kind::capacity:
    return arch.levels[premise.index].loc;
  case Kind::perfect:
    return {"--space=perfect-tiles", 0, 0};
  case Kind::unfused:
    return {"--space=no-fusion", 0, 0};
  }
  return {};
}
