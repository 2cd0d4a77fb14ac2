//===- Timeline.h - Who works when, as bars ---------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A profile (lib/CostModel/ScheduleProfile.h) laid out on an axis of cycles. A
// run has more visits than a picture or a trace can hold, so that what would
// give too many bars is summarised: one bar per Einsum over all of it, with the
// cycles that its array is busy within.
//
//   2 x sequence { QK 4 cycles; LM 1 cycle }       most bars 4:
//
//     array2d  |QK  |-|QK  |-|
//     array1d  |----|L|----|L|
//                                                  most bars 3:
//     array2d  |QK, busy 8 of 10 |
//     array1d  |LM, busy 2 of 10 |
//
// Stages of a pipeline stand in the slot in which they run, so that neighbours
// on two arrays work for different iterations. What a child of a sequence, or
// the whole, waits for memories is spread evenly over its bars.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_EXPORT_TIMELINE_H
#define LIB_EXPORT_TIMELINE_H

#include "lib/CostModel/ScheduleProfile.h"

namespace einsum::exporting {

struct Bar {
  double start = 0, end = 0; ///< cycles
  int node = -1;             ///< leaf or transfer
  int resource = -1;         ///< array, or arrays + DMA engine
  double busy = 0;           ///< cycles of work within the bar
  double visits = 1;         ///< of the loop nest that the bar stands for
  int64_t iteration = 0;     ///< of the pipeline around, counted from the first
  bool isStage = false;      ///< stands in a slot of a pipeline
};

struct Timeline {
  std::vector<Bar> bars; ///< by start
  double cycles = 0;
  bool isComplete = true; ///< nothing is summarised
};

/// The whole run.
Timeline drawRun(const cost::ScheduleProfile &profile,
                 const arch::ArchSpec &arch, size_t mostBars);

/// One visit of the innermost sequence that takes most of the time, or some
/// slots of such a pipeline, all full.
struct Epoch {
  int node = -1;     ///< sequence, pipeline, or leaf of the only nest
  double times = 0;  ///< how often there is such a visit, or slot
  double cycles = 0; ///< of one
  int64_t slots = 0; ///< shown, of a pipeline; 0 for others
  Timeline timeline;
};

Epoch drawEpoch(const cost::ScheduleProfile &profile,
                const arch::ArchSpec &arch, size_t mostBars);

} // namespace einsum::exporting

#endif // LIB_EXPORT_TIMELINE_H
