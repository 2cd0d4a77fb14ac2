//===- PipelineCycles.cpp - How long an open pipeline takes ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Join/PipelineCycles.h"

#include "lib/Mapper/SlotWindows.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::mapper;

/// Of a pipeline, all in all.
double mapper::busiestArray(const std::vector<double> &costs,
                            const JoinLayout &open) {
  double busiest = 0;
  for (int array = 0; array < open.arrays; ++array) {
    double busy = 0;
    for (int pattern = 0; pattern < open.patterns; ++pattern)
      for (int lag = 0; lag <= kMaxLag; ++lag)
        busy += costs[open.busy(pattern, array, lag)];
    busiest = std::max(busiest, busy);
  }
  return busiest;
}

namespace {

/// Stages that run at the same time or not at all, and what is known of them.
struct PipelineStages {
  struct Stage {
    StagePattern pattern;
    int array = 0, lag = 0;
    double cycles = 0; ///< of an iteration
  };
  std::vector<Stage> stages;
  std::vector<uint64_t> steps; ///< per loop
  int longest = 0;

  StageSet all() const { return (StageSet{1} << stages.size()) - 1; }
  /// Those that do not run in other steps of the loop than the first, the last.
  StageSet runningIn(bool isFirst, bool isLast, size_t loop) const {
    StageSet set = 0;
    for (auto [i, stage] : llvm::enumerate(stages))
      if ((isFirst || !(stage.pattern.firstStep >> loop & 1)) &&
          (isLast || !(stage.pattern.lastStep >> loop & 1)))
        set |= StageSet{1} << i;
    return set;
  }
  /// Calls `fn(times, set)` for the first, the inner and the last steps.
  template <typename Fn> void forEachStep(size_t loop, Fn fn) const {
    if (steps[loop] == 1)
      return fn(1, runningIn(true, true, loop));
    fn(1, runningIn(true, false, loop));
    if (steps[loop] > 2)
      fn(steps[loop] - 2, runningIn(false, false, loop));
    fn(1, runningIn(false, true, loop));
  }
  Iterations iterations(size_t loop, StageSet active) const {
    Iterations result;
    result.active = active;
    if (loop == steps.size())
      return result;
    forEachStep(loop, [&](uint64_t times, StageSet set) {
      Iterations &some = result.parts.emplace_back();
      some.times = times;
      some.parts = {iterations(loop + 1, active & set)};
    });
    return result;
  }
  double slots(size_t loop, StageSet active, int arrays) const {
    double cycles = 0;
    for (const SlotWindow &window :
         countWindows(iterations(loop, active), all(), longest).windows) {
      double busiest = 0;
      for (int array = 0; array < arrays; ++array) {
        double busy = 0;
        for (auto [i, stage] : llvm::enumerate(stages))
          if (stage.array == array && (window.active[stage.lag] >> i & 1))
            busy += stage.cycles;
        busiest = std::max(busiest, busy);
      }
      cycles += busiest * static_cast<double>(window.count);
    }
    return cycles;
  }
};

} // namespace

/// Cycles of all visits of a pipeline: the slots of PipelineSlots.h if all
/// iterations are alike; else no less than the busiest array needs.
double mapper::pipelineCycles(const StateFacts &states, const JoinState &state,
                              const std::vector<double> &costs,
                              const JoinLayout &open) {
  double least = busiestArray(costs, open);
  if (!states.isEven(state))
    return least;
  PipelineStages pipeline;
  for (int d = 0; d < open.depth; ++d)
    pipeline.steps.push_back(static_cast<uint64_t>(states.steps(state, d + 1) /
                                                   states.steps(state, d)));
  for (int pattern = 0; pattern < open.patterns; ++pattern)
    for (int array = 0; array < open.arrays; ++array)
      for (int lag = 0; lag <= kMaxLag; ++lag) {
        double busy = costs[open.busy(pattern, array, lag)];
        if (busy == 0)
          continue;
        const StagePattern &when = state.patterns[pattern];
        for (int d = 0; d < open.depth; ++d)
          if (!((when.firstStep | when.lastStep) >> d & 1))
            busy /= static_cast<double>(pipeline.steps[d]);
        pipeline.stages.push_back({when, array, lag, busy});
        pipeline.longest = std::max(pipeline.longest, lag);
      }
  if (pipeline.stages.size() >= maxStages)
    return least;
  // Each visit of the loops around fills and drains anew.
  double total = 0;
  auto visit = [&](auto &self, int loop, StageSet active,
                   double times) -> void {
    if (active == 0)
      return;
    if (loop == state.openedAt) {
      total += times * (pipeline.slots(loop, active, open.arrays) +
                        costs[open.startUp()]);
      return;
    }
    pipeline.forEachStep(loop, [&](uint64_t some, StageSet set) {
      self(self, loop + 1, active & set, times * static_cast<double>(some));
    });
  };
  visit(visit, 0, pipeline.all(), 1);
  return total;
}
