//===- ModuloSchedule.h - Pipelines as constraints for Z3 -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Two questions about a PipelineGroup (lib/Mapper/PipelineGroup.h), answered by
// Z3 without the search:
//
// `provePlan`: which plan is best? The same choices, lags, slots, bytes and
// channels, as linear constraints; a plan is improved until none is better. A
// judge of the search, slow for more than about six stages.
//
// `findInterval`: how often could an iteration begin if there were no slots? A
// slot ends for all arrays at once, and what another array computed can be read
// in the next one only. Without slots stages have start times, every
// `interval` cycles anew (modulo scheduling):
//
//   A 2D 5 cycles, B 1D 5 cycles, A reads what B computed an iteration before
//
//   in slots      both on one array: 10 cycles, or no plan
//   start times   A at 0, B at 5, every 10 cycles; 5 if A reads two before
//
// so that the difference is what the `pipeline` op cannot express. Iterations
// are taken to be equal: every stage runs in each.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_Z3_MODULOSCHEDULE_H
#define LIB_MAPPER_Z3_MODULOSCHEDULE_H

#include "lib/Mapper/PipelineGroup.h"

namespace einsum::mapper::z3 {

struct ProvenPlan {
  std::optional<PipelinePlan> plan; ///< none exists, or none found in time
  bool proven = false;              ///< Z3 found that no other is better
  unsigned queries = 0;
};

/// Costs that differ by less than a billionth are the same.
ProvenPlan provePlan(const PipelineGroup &group, PipelineGoal goal,
                     unsigned timeLimitMs = 10'000);

struct StartTimes {
  /// Cycles from one iteration to the next; no smaller one works.
  uint64_t interval = 0;
  /// Smaller ones down to here were refused by Z3, those below by counting.
  uint64_t lowerBound = 0;
  std::vector<int> choices;
  std::vector<uint64_t> starts; ///< of the first iteration, per stage
  /// From the first start to the last end of one iteration: the least for
  /// `interval` if `isLeastSpan`.
  uint64_t span = 0;
  bool isLeastSpan = false;
  bool proven = false;

  /// Cycles of `iterations` of them.
  uint64_t latency(uint64_t iterations) const {
    return iterations == 0 ? 0 : (iterations - 1) * interval + span;
  }
};

/// The least interval over all choices, or over `choices` if not empty. None if
/// stages wait for one another, or time is over before one is found.
std::optional<StartTimes> findInterval(const PipelineGroup &group,
                                       const std::vector<int> &choices = {},
                                       unsigned timeLimitMs = 10'000);

} // namespace einsum::mapper::z3

#endif // LIB_MAPPER_Z3_MODULOSCHEDULE_H
