//===- PlanBounds.cpp - What a partial plan costs at least ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Join/PlanBounds.h"

#include "lib/Mapper/Join/PipelineCycles.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace einsum;
using namespace einsum::mapper;

/// What the open loops take at least: their own time, or that of what they move
/// (closeLoop). What is `later` may be in the innermost of them, beside moves.
double PlanBounds::leastTime(const std::vector<double> &costs,
                             const JoinLayout &open, double later) const {
  double cycles = later + (open.pipelined ? busiestArray(costs, open) : 0);
  llvm::SmallVector<double, 8> moved(open.resources, 0);
  for (int d = open.depth; d >= 0; --d) {
    cycles += costs[open.time(d)];
    for (int r = 0; r < open.resources; ++r) {
      moved[r] += costs[open.moved(d) + r];
      cycles = std::max(cycles, moved[r]);
    }
  }
  return cycles;
}

/// Inputs of several readers, and what it takes to fetch them once.
void PlanBounds::listFetches() {
  std::vector<double> bytes(facts.tensors.size(), INFINITY);
  for (const EinsumChoices &choice : choices)
    for (const EinsumChoices::Fetch &fetch : choice.fetches) {
      const EinsumOnArray &nest = *choice.nests.front();
      bytes[fetch.tensor] =
          std::min(bytes[fetch.tensor],
                   static_cast<double>(choice.searches.front()->heldBytes(
                       nest.findOperand(fetch.tensor), 0, /*tile=*/0)));
    }
  const arch::Level &backing = arch.levels[0];
  for (int t = 0; t < static_cast<int>(bytes.size()); ++t)
    if (std::isfinite(bytes[t]))
      fetchedOnce.push_back({t,
                             axes.energy < 0
                                 ? 0
                                 : bytes[t] * backing.readPj /
                                       static_cast<double>(backing.accessBytes),
                             axes.trafficLevel == 0 ? bytes[t] : 0});
}

/// Each Einsum alone, and what several of them read: once for all, or by one
/// of them.
PlanBounds::Rest PlanBounds::restOf(const JoinState &state, int einsum) const {
  Rest rest;
  auto remains = [&](int e) { return e != einsum && !state.isDone(e); };
  for (size_t e = 0; e < choices.size(); ++e)
    if (remains(static_cast<int>(e))) {
      rest.energy += choices[e].leastEnergy;
      rest.traffic += choices[e].leastTraffic;
      rest.cycles += choices[e].leastCycles;
    }
  for (EinsumChoices::Fetch fetch : fetchedOnce) {
    bool isHeld = llvm::any_of(state.pending, [&](const Pending &one) {
      return one.tensor == fetch.tensor && one.isHolder();
    });
    bool isRead = false;
    for (int e : rules.touchers(fetch.tensor)) {
      if (isHeld || !remains(e))
        continue;
      isRead = true;
      for (const EinsumChoices::Fetch &own : choices[e].fetches)
        if (own.tensor == fetch.tensor) {
          fetch.energy = std::min(fetch.energy, own.energy);
          fetch.traffic = std::min(fetch.traffic, own.traffic);
        }
    }
    rest.energy += isRead ? fetch.energy : 0;
    rest.traffic += isRead ? fetch.traffic : 0;
  }
  return rest;
}

bool PlanBounds::isHopeless(const Rest &rest, const std::vector<double> &costs,
                            const JoinLayout &open) const {
  return limits.isHopeless && boundPlan(rest, costs, open, limits.isHopeless);
}

double PlanBounds::scoreOf(const JoinState &state, const Rest &rest,
                           const JoinEntry &entry) const {
  return boundPlan(rest, entry.costs, states.layoutOf(state), limits.score);
}
