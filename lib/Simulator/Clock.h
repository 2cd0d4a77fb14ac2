//===- Clock.h - When everything happens ------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The third walk: nothing moves, time passes (section 7 of
// dialects/Schedule/README.md). Every run of a leaf keeps its array busy; a
// child of a sequence begins when the one before has ended, and ends no sooner
// than the levels that serve it; stages of a slot begin together, those on one
// array one after another; a slot ends with its last stage.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_SIMULATOR_CLOCK_H
#define LIB_SIMULATOR_CLOCK_H

#include "lib/Simulator/LaggedWalk.h"
#include "lib/Simulator/Ledger.h"

namespace einsum::sim {

/// Fills in cycles, busy cycles and, if `keepTasks`, the timeline.
void measureTime(const Points &points, const Program &program, const Plan &plan,
                 const Ledger &ledger, const arch::ArchSpec &arch,
                 bool keepTasks, Simulation &result);

/// Cycles of one run of a leaf; emits an error, and fails, if the array lacks
/// an operator.
mlir::FailureOr<uint64_t> cyclesPerRun(const Node &leaf, const Points &points,
                                       const arch::ArchSpec &arch);

} // namespace einsum::sim

#endif // LIB_SIMULATOR_CLOCK_H
