//===- Z3Conflict.h - Premises that cannot all hold, by Z3 ------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A ConflictProblem as a formula, whose premises are assumptions of a solver:
//
//   one skeleton is chosen; of each of its operands one alternative is
//   what is chosen implies that the premises it contradicts do not hold
//   a capacity that holds limits the sum of what is chosen
//
// Answers as isSatisfiable does, which enumerates; where an Einsum has many
// operands and levels, learning from one question helps with the next.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_Z3_Z3CONFLICT_H
#define LIB_MAPPER_Z3_Z3CONFLICT_H

#include "lib/Mapper/ConflictProblem.h"

#include <memory>

namespace einsum::mapper::z3 {

class ConflictSolver {
public:
  explicit ConflictSolver(const ConflictProblem &problem);
  ~ConflictSolver();

  /// Whether there is a choice that contradicts none of `active`.
  bool decide(const PremiseSet &active);

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

} // namespace einsum::mapper::z3

#endif // LIB_MAPPER_Z3_Z3CONFLICT_H
