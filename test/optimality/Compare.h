//===- Compare.h - The mapper against the judge -----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For one problem and every goal: what the mapper returns is a legal mapping
// whose cost is what it says, and not better than everything in the space. Its
// certificate holds: nothing in the space is better than a mapping that is
// called optimal, or lies below the lower bound. Filters, windows and shifts
// aside, and pipelines of unlike iterations, everything has to be optimal.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_OPTIMALITY_COMPARE_H
#define TEST_OPTIMALITY_COMPARE_H

#include "lib/Mapper/Mapper.h"
#include "test/optimality/Judge.h"
#include "test/optimality/Problem.h"

namespace einsum::optimality {

/// Latency, energy, EDP, traffic at every level, the capacity of a buffer, and
/// Pareto sets of two and three of them.
std::vector<Goal> goalsFor(const arch::ArchSpec &arch);

/// What came of the single-metric goals of a problem.
struct Quality {
  bool covered = true; ///< false: the mapper says that it is unsupported
  bool cut = false;    ///< it has filters, windows or shifts
  unsigned goals = 0, proven = 0;
  unsigned reached = 0; ///< as good as the best of the space
  double worst = 1;     ///< times the best
};

/// Leaves out one of the mapper's rules: dominance, bound, incumbent or
/// canonical; false if there is no such rule.
bool leaveOut(mapper::PruningRules &rules, llvm::StringRef name);

/// What differs, in words; empty if nothing does.
std::string compareWithMapper(LoadedProblem &problem, const Limits &limits,
                              const std::vector<Goal> &goals,
                              const Findings &findings,
                              const mapper::PruningRules &rules,
                              Quality &quality);

} // namespace einsum::optimality

#endif // TEST_OPTIMALITY_COMPARE_H
