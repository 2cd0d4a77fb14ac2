//===- RunningValues.h - Steps of a recurrence that are kept ----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A running value needs the room of its last steps only. How many these are
// depends on who reads how far back, and when in a step of the loop that
// carries it:
//
//   RM[m1,p]  = max(RM[m1-1,p], LM[m1,p])     takes the place of what it reads
//   PRM[m1,p] = exp(RM[m1-1,p] - RM[m1,p])    afterwards: both have to be there
//
// so that the loop over m1 around both holds two steps, and one if PRM were
// not. In general, of a loop with tile t and a read d steps back:
//
//   t + d - 1      by the producer, or by who is done before it begins its
//                  step: each new element takes the place of the oldest
//   t + d          by who comes after it in the step
//   t (1 + l) + d  by another stage of a pipeline, l iterations behind; stages
//                  of one slot are held together
//   t              by who reads the very last step, when all are over
//
// and of all reads the most. The page of the schedule dialect (section 6) says
// the same of moves; the simulator finds it by itself.
//
// Not told: reads that skip steps (`R[2*m]`), or want a certain one but the
// last (`R[0]`): then everything is kept.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_RUNNINGVALUES_H
#define LIB_ANALYSIS_RUNNINGVALUES_H

#include "lib/Analysis/CascadeFacts.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace einsum {

/// Which way the steps of a recurrence go: 1 up, -1 down its iterative rank; 0
/// if it is none. Before the first one are initial values.
int stepDirection(const CascadeFacts &facts, int tensor);

/// Whether the coordinate, of a read along the iterative rank of a recurrence,
/// may be before the first step.
inline bool mayBeInitial(const Coordinate &coordinate) {
  return coordinate.constant != 0 || coordinate.terms.size() > 1;
}

/// Where a read is along the iterative rank of its tensor.
struct StepsBack {
  enum Kind : uint8_t {
    near, ///< up to `steps` before the step that the reader is in
    last, ///< the last step of all
    any   ///< it cannot be told
  } kind = any;
  int64_t steps = 0;
};

/// Of a read of a recurrence.
StepsBack findStepsBack(const CascadeFacts &facts, const AccessFact &read);

/// When the reader comes, within a step of the loop that carries the value.
enum class ReadTurn : uint8_t {
  before, ///< or it is the producer itself
  after,
  stage ///< of a pipeline in which the producer is another one
};

/// Steps that the read keeps there; `lag` iterations behind the producer's
/// stage. Nullopt: all.
std::optional<int64_t> countStepsKept(const StepsBack &read, ReadTurn turn,
                                      int64_t tile, int64_t lag = 0);

/// The same for all who read the tensor; `isBefore` says of an Einsum that it
/// comes before the producer in a step (or is the producer).
std::optional<int64_t>
countStepsInSequence(const CascadeFacts &facts, int tensor, int64_t tile,
                     llvm::function_ref<bool(int einsum)> isBefore);

} // namespace einsum

#endif // LIB_ANALYSIS_RUNNINGVALUES_H
