//===- LoadBound.cpp - No mapping is faster than its arrays ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Pipelines/LoadBound.h"

#include "lib/Mapper/PipelineGroup.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace einsum;
using namespace einsum::mapper;

/// The most units that fans from `at` on can have at work, each on another of
/// the ranks in `free`, or, of levels further out, on any.
static double mostUnits(const EinsumOnArray &nest, UnitsOf unitsOf, size_t at,
                        uint32_t free) {
  if (at == nest.fans.size())
    return 1;
  const Fan &fan = nest.fans[at];
  bool isLast = fan.stage == nest.lastStage;
  double most = mostUnits(nest, unitsOf, at + 1, free);
  for (size_t rank = 0; rank < nest.ranks.size(); ++rank) {
    if (!(fan.ranks >> rank & 1) || (isLast && !(free >> rank & 1)))
      continue;
    auto units = static_cast<double>(unitsOf(nest.ranks[rank], fan.size));
    uint32_t rest = isLast ? free & ~(1u << rank) : free;
    most = std::max(most, units * mostUnits(nest, unitsOf, at + 1, rest));
  }
  return most;
}

double mapper::leastCycles(const EinsumOnArray &nest, UnitsOf unitsOf) {
  return static_cast<double>(nest.points) * nest.cyclesPerPoint /
         mostUnits(nest, unitsOf, 0, ~0u);
}

double mapper::boundLoad(llvm::ArrayRef<EinsumChoices> choices,
                         UnitsOf unitsOf) {
  // Beyond so many Einsums, each counts for itself.
  constexpr size_t kMost = 24;
  PipelineGroup group;
  double total = 0, alone = 0;
  size_t arrays = 1;
  for (const EinsumChoices &einsum : choices) {
    double least = INFINITY;
    auto &stage = group.stages.emplace_back();
    for (const auto &nest : einsum.nests) {
      StageChoice choice;
      choice.array = nest->array;
      double cycles = std::floor(leastCycles(*nest, unitsOf));
      least = std::min(least, cycles);
      choice.cycles = cycles < 1e16 ? static_cast<uint64_t>(cycles)
                                    : uint64_t{10'000'000'000'000'000};
      stage.push_back(choice);
      arrays = std::max<size_t>(arrays, nest->array + 1);
    }
    if (einsum.nests.empty())
      return 0;
    total += least;
    alone = std::max(alone, least);
  }
  double simple = std::max(alone, total / static_cast<double>(arrays));
  if (choices.size() > kMost)
    return simple;
  PipelineLimits limits;
  limits.leastLags = true; // nothing depends on anything: all in one slot
  PipelineResult result =
      schedulePipeline(group, PipelineGoal::latency, limits);
  if (result.plans.empty() || !result.statistics.complete)
    return simple;
  return std::max(simple, result.plans.front().cycles);
}

static int64_t dealAll(const LocalRank &rank, uint64_t size) {
  return std::min(rank.extent, static_cast<int64_t>(size));
}

double mapper::leastCycles(const EinsumOnArray &nest) {
  return leastCycles(nest, dealAll);
}

double mapper::boundLoad(llvm::ArrayRef<EinsumChoices> choices) {
  return boundLoad(choices, dealAll);
}
