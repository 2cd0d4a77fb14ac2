//===- Prove.h - Z3 against the judge ---------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Where lib/Mapper/Z3 covers a problem, it has to prove that nothing costs less
// than the best that was found by trying everything, and to find something that
// costs less than a little more.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_OPTIMALITY_PROVE_H
#define TEST_OPTIMALITY_PROVE_H

#include "test/optimality/Judge.h"
#include "test/optimality/Problem.h"

namespace einsum::optimality {

/// What differs, in words; `proven` counts the optima that Z3 confirms. Where
/// Z3 is not installed nothing is asked.
std::string proveFindings(LoadedProblem &problem, const Limits &limits,
                          const std::vector<Goal> &goals,
                          const Findings &findings, unsigned &proven);

} // namespace einsum::optimality

#endif // TEST_OPTIMALITY_PROVE_H
