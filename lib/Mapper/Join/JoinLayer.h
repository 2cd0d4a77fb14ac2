//===- JoinLayer.h - Partial plans of as many Einsums -----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// All states that so many Einsums lead to, each with the Pareto set of its
// plans. Where there are too many the most promising ones stay, and what the
// others cost at least is remembered, so that the result still has a bound.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_JOIN_JOINLAYER_H
#define LIB_MAPPER_JOIN_JOINLAYER_H

#include "lib/Mapper/Join/PlanBounds.h"

namespace einsum::mapper {

/// Plans that the rest depends on alike.
struct JoinBucket {
  JoinState state;
  std::vector<JoinEntry> entries;
};
using JoinLayer = std::map<std::vector<int32_t>, JoinBucket>;

void addTo(JoinLayer &layer, const JoinState &state,
           std::vector<JoinEntry> entries);

/// How far a join has come.
struct JoinProgress {
  const JoinLimits &limits;
  JoinCounts counts = {};
  bool complete = true;        ///< nothing was left out
  double leastLeft = INFINITY; ///< what was: no less than this score
  size_t addedBytes = 0;       ///< of entries made since a layer was pruned
  bool stopped = false;
  std::map<int, uint64_t> overAt = {}; ///< plans that a level cannot hold

  void noteOver(int level) {
    ++counts.overCapacity;
    ++overAt[level];
  }
  /// Once stopped, it stays so.
  bool isStopped() {
    stopped |= limits.shouldStop && limits.shouldStop();
    return stopped;
  }
};

class LayerPruner : private JoinProblem {
public:
  LayerPruner(const StateFacts &states, const PlanBounds &bounds,
              JoinProgress &progress)
      : JoinProblem(states), states(states), bounds(bounds),
        progress(progress) {}

  void prune(JoinLayer &layer);
  void leaveOut(const JoinBucket &bucket);

private:
  void thin(JoinBucket &bucket);
  void trim(JoinLayer &layer);

  const StateFacts &states;
  const PlanBounds &bounds;
  JoinProgress &progress;
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_JOIN_JOINLAYER_H
