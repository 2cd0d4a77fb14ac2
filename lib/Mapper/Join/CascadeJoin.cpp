//===- CascadeJoin.cpp - Nests of all Einsums, put together ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Join/CascadeJoin.h"

#include "lib/Mapper/Join/PlacementChoices.h"
#include "lib/Support/Log.h"

using namespace einsum;
using namespace einsum::mapper;

namespace {

class CascadeJoin : private JoinProblem {
public:
  explicit CascadeJoin(const JoinProblem &problem)
      : JoinProblem(problem), states(problem), bounds(states),
        progress{problem.limits}, pruner(states, bounds, progress),
        extender(states, bounds, progress, pruner),
        placements(states, bounds, progress, extender) {}

  JoinResult run();

private:
  void logDeadEnd(size_t placed) const;

  StateFacts states;
  PlanBounds bounds;
  JoinProgress progress;
  LayerPruner pruner;
  PlanExtender extender;
  PlacementChoices placements;
};

} // namespace

/// Why no plan of so many Einsums goes on.
void CascadeJoin::logDeadEnd(size_t placed) const {
  std::string over;
  for (auto [level, count] : progress.overAt)
    over += (over.empty() ? " (" : ", ") + arch.levels[level].name + " " +
            std::to_string(count);
  logDebug("join: no plan goes on after " + llvm::Twine(placed) + " of " +
           llvm::Twine(facts.einsums.size()) + " Einsums; so far " +
           llvm::Twine(progress.counts.overCapacity) + " over capacity" + over +
           (over.empty() ? ", " : "), ") +
           llvm::Twine(progress.counts.overBound) + " over the bound, " +
           llvm::Twine(progress.counts.illegal) + " illegal, " +
           llvm::Twine(progress.counts.ruledOut) + " ruled out");
}

JoinResult CascadeJoin::run() {
  JoinLayer layer;
  JoinState start;
  start.done.assign((facts.einsums.size() + 63) / 64, 0);
  JoinEntry nothing;
  nothing.costs.assign(states.layoutOf(start).size(), 0);
  layer[start.key()] = {start, {nothing}};
  JoinResult result;
  for (size_t i = 0; i < facts.einsums.size(); ++i) {
    JoinLayer next;
    for (auto &[key, bucket] : layer)
      for (int einsum : states.listReady(bucket.state))
        if (!progress.isStopped())
          placements.place(bucket, einsum, next);
    bool isLast = i + 1 == facts.einsums.size();
    if (progress.isStopped()) {
      for (auto &[key, bucket] : layer)
        pruner.leaveOut(bucket);
      if (!isLast)
        next.clear();
    }
    pruner.prune(next);
    progress.counts.states += next.size();
    if (next.empty() && !layer.empty())
      logDeadEnd(i);
    layer = std::move(next);
  }
  // What may be legal after all was not looked at.
  result.complete = progress.complete && !rules.wasUnsure();
  result.leastLeft = rules.wasUnsure() ? 0 : progress.leastLeft;
  for (auto &[key, bucket] : layer) {
    result.layout = states.layoutOf(bucket.state);
    for (JoinEntry &entry : bucket.entries) {
      // Whatever overlaps, all has to pass.
      entry.costs[result.layout.time(0)] =
          bounds.leastTime(entry.costs, result.layout);
      result.plans.push_back(std::move(entry));
    }
  }
  result.counts = progress.counts;
  return result;
}

JoinCounts &JoinCounts::operator+=(const JoinCounts &other) {
  states += other.states;
  entries += other.entries;
  dominated += other.dominated;
  overCapacity += other.overCapacity;
  overBound += other.overBound;
  illegal += other.illegal;
  ruledOut += other.ruledOut;
  unlikeHalos += other.unlikeHalos;
  return *this;
}

JoinResult
mapper::joinCascade(const CascadeFacts &facts, const arch::ArchSpec &arch,
                    const Axes &axes, std::vector<EinsumChoices> &choices,
                    const std::vector<EinsumConstraints> &constraints,
                    FollowerNests &followers, const JoinLimits &limits) {
  JoinRules rules(facts);
  return CascadeJoin({facts, arch, axes, choices, constraints, limits, rules,
                      followers})
      .run();
}
