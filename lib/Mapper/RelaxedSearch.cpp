//===- RelaxedSearch.cpp - Why nothing fits, asked of the search ----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/RelaxedSearch.h"

#include "lib/Mapper/PremiseText.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::mapper;
using Kind = Premise::Kind;

/// Seconds that one question may take.
static constexpr double kQuestionSeconds = 2;

/// What may be left out, as one list for all Einsums.
static std::vector<Premise> listPremises(const arch::ArchSpec &arch,
                                         const SpaceLimits &limits) {
  std::vector<Premise> premises;
  auto add = [&](Kind kind, int index = -1, int part = -1) {
    premises.push_back({kind, index, part});
  };
  const arch::Constraints &constraints = arch.constraints;
  for (size_t i = 0; i < constraints.arrays.size(); ++i)
    add(Kind::arrayChoice, i);
  for (size_t i = 0; i < constraints.dimensions.size(); ++i)
    add(Kind::dimension, i);
  for (auto [i, constraint] : llvm::enumerate(constraints.levels)) {
    if (constraint.mustKeep)
      add(Kind::mustKeep, i);
    if (constraint.mayKeep)
      add(Kind::mayKeep, i);
    for (size_t part = 0; part < constraint.tile.size(); ++part)
      add(Kind::tile, i, part);
  }
  for (auto [i, level] : llvm::enumerate(arch.levels))
    if (level.capacityBytes)
      add(Kind::capacity, i);
  if (!limits.imperfect)
    add(Kind::perfect);
  if (!limits.fusion)
    add(Kind::unfused);
  return premises;
}

/// A constraint that constrains nothing any more selects no Einsum.
static void leaveOut(const Premise &premise, arch::ArchSpec &arch,
                     SpaceLimits &limits) {
  arch::Constraints &constraints = arch.constraints;
  auto selectNothing = [](arch::EinsumSelection &on) { on.operands = {1, 0}; };
  switch (premise.kind) {
  case Kind::operators:
    return;
  case Kind::arrayChoice:
    return selectNothing(constraints.arrays[premise.index].on);
  case Kind::dimension:
    return selectNothing(constraints.dimensions[premise.index].on);
  case Kind::mustKeep: {
    arch::LevelConstraint &constraint = constraints.levels[premise.index];
    // What had to be kept may be kept still. A set that takes away cannot be
    // added to another one; then everything may be.
    bool takesAway =
        llvm::any_of(*constraint.mustKeep,
                     [](const arch::TensorTerm &t) { return t.negated; });
    if (takesAway)
      constraint.mayKeep.reset();
    else if (constraint.mayKeep)
      llvm::copy(*constraint.mustKeep, std::back_inserter(*constraint.mayKeep));
    constraint.mustKeep.reset();
    return;
  }
  case Kind::mayKeep:
    constraints.levels[premise.index].mayKeep.reset();
    return;
  case Kind::tile: {
    arch::TileBound &bound =
        constraints.levels[premise.index].tile[premise.part];
    bound.extent = {};
    bound.multipleOf = 1;
    return;
  }
  case Kind::capacity:
    arch.levels[premise.index].capacityBytes.reset();
    return;
  case Kind::perfect:
    limits.imperfect = true;
    return;
  case Kind::unfused:
    limits.fusion = true;
    return;
  }
}

bool RelaxedSearch::isEmpty(const arch::ArchSpec &relaxed,
                            const SpaceLimits &limits) {
  MapOptions question = options;
  question.limits = limits;
  question.objective = {};
  question.timeLimitSeconds = kQuestionSeconds;
  ScopedDiagnosticHandler quiet(cascade.getContext(),
                                [](mlir::Diagnostic &) { return success(); });
  FailureOr<MapResult> answer = mapCascade(cascade, facts, relaxed, question);
  if (failed(answer))
    return false;
  for (MappedPoint &point : answer->points)
    point.mapping.erase();
  return answer->certificate.status == Status::infeasible;
}

std::vector<Conflict> RelaxedSearch::explain() {
  std::vector<Premise> premises = listPremises(arch, options.limits);
  arch::ArchSpec relaxed = arch;
  SpaceLimits limits = options.limits;
  std::vector<bool> isNeeded(premises.size(), false);
  for (size_t i = premises.size(); i-- > 0;) {
    arch::ArchSpec without = relaxed;
    SpaceLimits withoutLimits = limits;
    leaveOut(premises[i], without, withoutLimits);
    isNeeded[i] = !isEmpty(without, withoutLimits);
    if (!isNeeded[i]) {
      relaxed = std::move(without);
      limits = withoutLimits;
    }
  }
  PremiseText words{facts, arch};
  std::vector<Conflict> conflicts;
  for (auto [i, premise] : llvm::enumerate(premises)) {
    if (!isNeeded[i])
      continue;
    std::string remedy = words.getWayOut(premise) + " would do";
    if (premise.kind == Kind::capacity)
      if (std::optional<uint64_t> bytes = findLeastCapacity(premise.index))
        remedy = std::to_string(*bytes) + " B would do";
    conflicts.push_back(
        {words.describe(premise, -1), remedy, words.findPlace(premise, -1)});
  }
  return conflicts;
}

std::optional<uint64_t> RelaxedSearch::findLeastCapacity(int level) {
  if (arch.levels[level].parent < 0)
    return std::nullopt; // the search does not weigh what lives there
  arch::ArchSpec unlimited = arch;
  unlimited.levels[level].capacityBytes.reset();
  MapOptions question = options;
  question.objective = {{Metric::capacity}, level};
  question.timeLimitSeconds = kQuestionSeconds;
  ScopedDiagnosticHandler quiet(cascade.getContext(),
                                [](mlir::Diagnostic &) { return success(); });
  FailureOr<MapResult> answer = mapCascade(cascade, facts, unlimited, question);
  if (failed(answer) || answer->points.empty())
    return std::nullopt;
  uint64_t bytes = answer->points.front().cost.levels[level].peakBytes;
  for (MappedPoint &point : answer->points)
    point.mapping.erase();
  if (answer->certificate.status != Status::optimal)
    return std::nullopt;
  uint64_t instances = arch.instances(arch.levels[level]);
  return bytes / instances + (bytes % instances != 0);
}
