//===- Compare.h - The mapper against the judge -----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For one problem and every goal: what the mapper returns is a legal mapping
// whose cost is what it says; nothing in the space is better, and it is not
// better than everything in the space; its certificate says so.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_OPTIMALITY_COMPARE_H
#define TEST_OPTIMALITY_COMPARE_H

#include "test/optimality/Judge.h"
#include "test/optimality/Problem.h"

namespace einsum::optimality {

/// Latency, energy, EDP, traffic at every level, the capacity of a buffer, and
/// Pareto sets of two and three of them.
std::vector<Goal> goalsFor(const arch::ArchSpec &arch);

/// What differs, in words; empty if nothing does. `covered`: false if the
/// mapper says that it does not support the problem.
std::string compareWithMapper(LoadedProblem &problem, const Limits &limits,
                              const std::vector<Goal> &goals,
                              const Findings &findings, bool &covered);

} // namespace einsum::optimality

#endif // TEST_OPTIMALITY_COMPARE_H
