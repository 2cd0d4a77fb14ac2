//===- PlanBounds.h - What a partial plan costs at least --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Its own costs, and what each Einsum that is not placed costs by itself at
// least. Inputs of several readers are counted once for all, or by one of them:
//
//   Q = X W    K = X V        alone: X + W, X + V     together: X + W + V
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_JOIN_PLANBOUNDS_H
#define LIB_MAPPER_JOIN_PLANBOUNDS_H

#include "lib/Mapper/Join/StateFacts.h"

namespace einsum::mapper {

class PlanBounds : private JoinProblem {
public:
  explicit PlanBounds(const StateFacts &states)
      : JoinProblem(states), states(states) {
    listFetches();
  }

  /// What Einsums that are not placed cost at least.
  struct Rest {
    double energy = 0, traffic = 0, cycles = 0;
  };
  /// Of those besides `einsum`.
  Rest restOf(const JoinState &state, int einsum) const;
  double leastTime(const std::vector<double> &costs, const JoinLayout &open,
                   double later = 0) const;
  bool isHopeless(const Rest &rest, const std::vector<double> &costs,
                  const JoinLayout &open) const;
  double scoreOf(const JoinState &state, const Rest &rest,
                 const JoinEntry &entry) const;

private:
  void listFetches();
  /// What a plan costs at least: what remains, no less than its Einsums alone.
  template <typename Fn>
  auto boundPlan(const Rest &rest, const std::vector<double> &costs,
                 const JoinLayout &open, const Fn &fn) const {
    // Stages of a pipeline may run beside one another.
    double cycles = leastTime(costs, open, limits.overlaps ? 0 : rest.cycles);
    return fn(costs[open.energy()] + rest.energy, cycles,
              costs[open.traffic()] + rest.traffic);
  }

  const StateFacts &states;
  std::vector<EinsumChoices::Fetch> fetchedOnce;
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_JOIN_PLANBOUNDS_H
