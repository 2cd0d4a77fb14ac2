//===- PipelineSlots.h - Iterations of a pipeline, overlapped ---*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to the cost model. Slot s of a pipeline runs a stage of lag l on
// iteration s - l and takes its busiest array:
//
//   lags 0, 1; iterations take (4, 1), (0, 1), (0, 1)
//
//   slot 0: 4   slot 1: max(0, 1)   slot 2: max(0, 1)   slot 3: 1      7 in all
//
// What the visit around an iteration takes at least, because of transfers that
// go on beside it, is a floor: the slot in which the iteration begins takes no
// less. That slot is in the visit; those that run a pipeline dry are not.
//
// The iterations that loops put together are kept as runs of equal ones. Those
// further than the longest lag from both ends meet nothing that is still to
// come, so that what they take is added up and they are dropped; a list stays
// short however many iterations it stands for, and repeating it takes
// logarithmic time. Exact.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_COSTMODEL_PIPELINESLOTS_H
#define LIB_COSTMODEL_PIPELINESLOTS_H

#include "lib/CostModel/LoopTree.h"

namespace einsum::cost {

class PipelineSlots {
public:
  PipelineSlots(int pipeline, const LoopTree &tree)
      : pipeline(pipeline), node(&tree.nodes[pipeline]) {}

  /// One iteration, by the time that each stage takes.
  void addIteration(llvm::ArrayRef<double> times);
  /// The one iteration added so far takes no less. Says how much longer that
  /// makes it if all its stages share a slot.
  double raiseFloor(double floor);
  /// What that iteration takes by itself, with its floor.
  double lastIteration() const;
  /// What follows in later visits of the same pipeline.
  void append(const PipelineSlots &later);
  void repeat(int64_t times);

  /// Cycles beyond those that the iterations would take if all stages of a slot
  /// belonged to one of them.
  double cyclesBeyond() const { return folded + beyondRuns(); }

  /// The busiest array of an iteration.
  double busiest(llvm::ArrayRef<double> times) const;

  int pipeline;

private:
  struct Run {
    llvm::SmallVector<double, 6> times;
    int64_t count;
    double floor = 0;
  };
  using Runs = llvm::SmallVector<Run, 1>;

  double beyond(llvm::ArrayRef<Run> of) const;
  double beyondRuns() const {
    if (!known)
      known = beyond(runs);
    return *known;
  }
  void replaceRuns(Runs other, double beyond) {
    runs = std::move(other);
    known = beyond;
  }
  static void push(Runs &to, const Run &run);
  void fold();

  const Node *node;
  Runs runs;
  mutable std::optional<double> known; ///< beyond(runs), once asked for
  double folded = 0;                   ///< of iterations dropped
};

} // namespace einsum::cost

#endif // LIB_COSTMODEL_PIPELINESLOTS_H
