//===- LoopCloser.h - How costs combine when a loop ends --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An Einsum is done: loops that nobody needs any more end, innermost first.
// What was kept per loop (JoinState.h) becomes one child of the loop around:
//
//   time     the longer of its children, one after another, and of what they
//   move space    the largest child and what lived around it; what is still
//   needed
//            stays, beside later children
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_JOIN_LOOPCLOSER_H
#define LIB_MAPPER_JOIN_LOOPCLOSER_H

#include "lib/Mapper/Join/StateFacts.h"

namespace einsum::mapper {

class LoopCloser : private JoinProblem {
public:
  explicit LoopCloser(const StateFacts &states)
      : JoinProblem(states), states(states) {}

  /// Ends what ends with `einsum`, in the state and in all of its plans.
  void close(JoinState &state, std::vector<JoinEntry> &entries, int einsum);

private:
  void closeLoop(const JoinState &state, std::vector<double> &costs,
                 const JoinLayout &open) const;
  void forgetAtRoot(std::vector<double> &costs, const JoinLayout &open,
                    bool movesWithOthers) const;

  const StateFacts &states;
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_JOIN_LOOPCLOSER_H
