//===- PipelineCycles.h - How long an open pipeline takes -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Stages on different arrays overlap, one lag apart for each change of array;
// in each slot the busiest array counts:
//
//   array 0    S0 S1 S2 S3
//   array 1       T0 T1 T2 T3       5 slots for 4 iterations of 2 stages
//
// Counted exactly where all iterations are alike (SlotWindows.h), else no less
// than the busiest array needs.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_JOIN_PIPELINECYCLES_H
#define LIB_MAPPER_JOIN_PIPELINECYCLES_H

#include "lib/Mapper/Join/StateFacts.h"

namespace einsum::mapper {

/// Cycles that the busiest array of an open pipeline has until now.
double busiestArray(const std::vector<double> &costs, const JoinLayout &open);

/// Cycles of all visits of the open pipeline.
double pipelineCycles(const StateFacts &states, const JoinState &state,
                      const std::vector<double> &costs, const JoinLayout &open);

} // namespace einsum::mapper

#endif // LIB_MAPPER_JOIN_PIPELINECYCLES_H
