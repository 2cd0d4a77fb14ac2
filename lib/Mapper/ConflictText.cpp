//===- ConflictText.cpp - What a search says to a person ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/ConflictText.h"

#include "lib/Mapper/Infeasibility.h"
#include "lib/Mapper/MapRequest.h"
#include "lib/Mapper/RelaxedSearch.h"
#include "lib/Support/Format.h"

#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::mapper;

std::string einsum::mapper::describeOutcome(const Certificate &certificate,
                                            const Objective &objective,
                                            const arch::ArchSpec &arch,
                                            size_t points) {
  bool isOptimal = certificate.status == Status::optimal;
  std::string proof = " (" + certificate.boundName + ")";
  std::string what = describeObjective(objective, arch);
  if (objective.metrics.size() > 1)
    return what + ": " + std::to_string(points) +
           (points == 1 ? " point" : " points") +
           (isOptimal ? ", no other is better" + proof : "");
  Metric metric = objective.metrics.front();
  what += " " + formatValue(metric, certificate.best);
  if (isOptimal)
    return what + ", none is better" + proof;
  if (certificate.lowerBound <= 0)
    return what + ", no lower bound yet";
  return what + ", none is below " +
         formatValue(metric, certificate.lowerBound) + proof + ", gap " +
         formatNumber(certificate.gap());
}

std::vector<std::vector<Conflict>>
einsum::mapper::explainFully(CascadeOp cascade, const CascadeFacts &facts,
                             const arch::ArchSpec &arch,
                             const MapOptions &how) {
  RelaxedSearch relaxed(cascade, facts, arch, how);
  std::vector<std::vector<Conflict>> sets =
      explainAllConflicts(facts, arch, how.limits, [&](int level) {
        return relaxed.findLeastCapacity(level);
      });
  if (sets.empty())
    sets.push_back(relaxed.explain());
  return sets;
}

static SourceLocation toPlace(Location loc) {
  if (auto place = loc->findInstanceOf<FileLineColLoc>())
    return {place.getFilename().str(), place.getLine(), place.getColumn()};
  return {};
}

/// Premises that rule every mapping out alone are told together.
static std::vector<std::pair<std::string, std::vector<Conflict>>>
groupConflicts(const std::vector<std::vector<Conflict>> &sets) {
  std::vector<std::pair<std::string, std::vector<Conflict>>> groups;
  std::vector<Conflict> alone;
  for (const std::vector<Conflict> &set : sets)
    if (set.size() == 1)
      alone.push_back(set.front());
  if (alone.size() == 1)
    groups.push_back({"meets this premise", alone});
  else if (!alone.empty())
    groups.push_back(
        {"meets any of these " + std::to_string(alone.size()) + " premises",
         alone});
  for (const std::vector<Conflict> &set : sets) {
    if (set.empty())
      groups.push_back({"exists, whatever is left out of the constraints and "
                        "capacities",
                        set});
    else if (set.size() > 1)
      groups.push_back(
          {"meets these " + std::to_string(set.size()) + " premises", set});
  }
  return groups;
}

void einsum::mapper::printConflicts(
    const std::vector<std::vector<Conflict>> &sets, CascadeOp cascade,
    const arch::ArchSpec &arch) {
  Diagnostics diagnostics;
  SourceLocation place = toPlace(cascade.getLoc());
  auto show = [&](const SourceLocation &loc) {
    if (auto file = llvm::MemoryBuffer::getFile(loc.file); loc.line && file)
      diagnostics.addSource(loc.file, (*file)->getBuffer());
  };
  std::string subject = "no mapping of '" + cascade.getSymName().str() +
                        "' onto '" + arch.name + "' ";
  show(place);
  for (const auto &[what, conflicts] : groupConflicts(sets)) {
    einsum::Diagnostic &error = diagnostics.error(place, subject + what);
    for (const Conflict &conflict : conflicts) {
      show(conflict.loc);
      std::string remedy =
          conflict.remedy.empty() ? "" : "; " + conflict.remedy;
      error.note(conflict.loc, conflict.constraint + remedy);
    }
  }
  diagnostics.print(llvm::errs());
}
