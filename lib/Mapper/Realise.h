//===- Realise.h - From plans to schedules and their true costs -*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The search compares plans by costs that are exact in most spaces and never
// too high in any. What counts in the end is the cost model's word for the
// schedule, so plans are built in the order of what they cost at least, until
// the next one cannot be better than the best one built:
//
//   plan    at least    evaluated
//   1       70          74           best so far
//   2       72          73           best
//   3       73                       cannot be better
//
// The result is optimal if it costs as little as the first plan promised; else
// that promise is a lower bound. A schedule that costs less than its plan
// promised is a defect, and reported as an internal error; but for nests that
// latch an operand further in than their schedule does, which promise too much.
// What drops them is the nest that latches where it can (`Dropped`).
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_REALISE_H
#define LIB_MAPPER_REALISE_H

#include "lib/Mapper/Join/Plan.h"

#include <functional>

namespace einsum::mapper {

/// A plan and, per metric of the objective, what it costs at least.
struct PromisedPlan {
  std::vector<double> values;
  double energy = 0, cycles = 0; ///< of equal ones the first is the best
  const PlanStep *plan = nullptr;
};

/// What plans were dropped for, which says when one may promise too much.
enum class Dropped {
  forOthers, ///< than better ones: always, as what is better may be dropped
  forBetter, ///< never
  never      ///< where another one promises what the schedule costs
};

struct Realised {
  /// Points that no other one beats, by the first metric.
  std::vector<MappedPoint> points;
  double least = INFINITY; ///< promised, of the first metric
  bool isExact = true;     ///< every point costs what was promised
  /// The least promise of a schedule that only the backing level cannot hold.
  double leastOver = INFINITY;
  uint64_t evaluated = 0;
  std::string refused; ///< why the first one that was refused was
};

/// Leaves the points that no other one matches or beats, in order; of equal
/// ones the first.
void keepBest(std::vector<MappedPoint> &points);

class PlanRealiser {
public:
  PlanRealiser(CascadeOp cascade, const CascadeFacts &facts,
               const arch::ArchSpec &arch, const Objective &objective)
      : cascade(cascade), facts(facts), arch(arch), objective(objective) {}

  /// Null if the schedule is not legal, does not fit, or is not covered by the
  /// cost model.
  std::optional<MappedPoint>
  build(const PlanStep &plan, const std::function<bool()> &shouldStop = {});

  /// Fails after an internal error.
  mlir::FailureOr<Realised> realise(std::vector<PromisedPlan> plans,
                                    Dropped dropped,
                                    const std::function<bool()> &shouldStop);

private:
  double valueOf(Metric metric, const cost::Evaluation &cost) const;
  bool tryPlan(const PromisedPlan &promised, llvm::ArrayRef<PromisedPlan> plans,
               Dropped dropped, const std::function<bool()> &shouldStop,
               Realised &result);

  CascadeOp cascade;
  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  const Objective &objective;
  std::string refused;      ///< why the last one was
  bool overBacking = false; ///< that was all
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_REALISE_H
