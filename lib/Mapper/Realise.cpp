//===- Realise.cpp - From plans to schedules and their true costs ---------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Realise.h"

#include "lib/CostModel/CostModel.h"
#include "lib/Support/Log.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/STLExtras.h"

#include <numeric>

using namespace mlir;
using namespace einsum;
using namespace einsum::mapper;

/// Schedules that are built, beyond which the promises of the others stand.
static constexpr uint64_t kMostBuilt = 300;
/// Relative difference of costs that are the same.
static constexpr double kSame = 1e-9;

double PlanRealiser::valueOf(Metric metric,
                             const cost::Evaluation &cost) const {
  int level = objective.level;
  switch (metric) {
  case Metric::latency:
    return cost.latencySeconds;
  case Metric::energy:
    return cost.energyJoules();
  case Metric::edp:
    return cost.latencySeconds * cost.energyJoules();
  case Metric::traffic:
    return static_cast<double>(cost.levels[std::max(0, level)].traffic.bytes());
  case Metric::capacity:
    return static_cast<double>(
        cost.levels[level >= 0 ? level
                               : std::min<int>(1, cost.levels.size() - 1)]
            .peakBytes);
  }
  return 0;
}

std::optional<MappedPoint>
PlanRealiser::build(const PlanStep &plan,
                    const std::function<bool()> &shouldStop) {
  overBacking = false;
  refused.clear();
  ScopedDiagnosticHandler listener(cascade.getContext(),
                                   [&](mlir::Diagnostic &diagnostic) {
                                     if (refused.empty())
                                       refused = diagnostic.str();
                                     return success();
                                   });
  MappedPoint point;
  point.mapping = buildSchedule(cascade, facts, arch, plan, "mapped");
  auto refuse = [&] {
    point.mapping.erase();
    return std::nullopt;
  };
  if (failed(verify(point.mapping)))
    return refuse();
  auto evaluator = cost::Evaluator::create(point.mapping, facts, arch);
  if (!evaluator)
    return refuse();
  if (shouldStop)
    evaluator->stopWhen(shouldStop);
  if (!evaluator->evaluate(point.cost)) {
    evaluator->emitViolations();
    overBacking = !evaluator->violations().empty() &&
                  llvm::all_of(evaluator->violations(),
                               [&](const cost::CapacityViolation &violation) {
                                 return violation.level == arch.levels[0].name;
                               });
    return refuse();
  }
  // Last, as it takes longest; what the search holds for legal should be.
  if (failed(schedule::verifyAgainstCascade(point.mapping, cascade))) {
    logInfo("a plan makes no legal schedule: " + refused);
    return refuse();
  }
  for (Metric metric : objective.metrics)
    point.values.push_back(valueOf(metric, point.cost));
  return point;
}

static bool isAtMost(llvm::ArrayRef<double> a, llvm::ArrayRef<double> b) {
  return llvm::all_of(llvm::zip(a, b), [](const auto &pair) {
    return std::get<0>(pair) <= std::get<1>(pair);
  });
}

static bool isBelow(double real, double promised) {
  return real < promised * (1 - kSame) - 1e-30;
}

/// Whether a plan promised to cost no more than this.
static bool isPromised(const PromisedPlan &plan, llvm::ArrayRef<double> real) {
  return llvm::all_of(llvm::zip(real, plan.values), [](const auto &pair) {
    return !isBelow(std::get<0>(pair), std::get<1>(pair));
  });
}

/// False after an internal error.
bool PlanRealiser::tryPlan(const PromisedPlan &promised,
                           llvm::ArrayRef<PromisedPlan> plans, Dropped dropped,
                           const std::function<bool()> &shouldStop,
                           Realised &result) {
  ++result.evaluated;
  std::optional<MappedPoint> point = build(*promised.plan, shouldStop);
  if (!point) {
    result.isExact = false;
    logDebug("a plan is refused: " + refused);
    if (overBacking)
      result.leastOver = std::min(result.leastOver, promised.values.front());
    else if (result.refused.empty())
      result.refused = refused;
    return true;
  }
  bool isLate = dropped == Dropped::never &&
                llvm::any_of(plans, [&](const PromisedPlan &other) {
                  return isPromised(other, point->values);
                });
  for (auto [real, least] : llvm::zip(point->values, promised.values)) {
    bool isLess = isBelow(real, least);
    if (isLess && isLate)
      continue;
    if (isLess && dropped != Dropped::forOthers) {
      point->mapping.emitError("internal error: the search promised at least ")
          << std::to_string(least * 1e9) << "e-9, the cost model says "
          << std::to_string(real * 1e9) << "e-9";
      return false;
    }
    if (isLess)
      logDebug("a plan promised too much: it costs " +
               std::to_string(real / least) + " of that");
    result.isExact &= !isLess && real <= least * (1 + kSame) + 1e-30;
  }
  result.points.push_back(std::move(*point));
  return true;
}

void mapper::keepBest(std::vector<MappedPoint> &points) {
  std::vector<size_t> order(points.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::tie(points[a].values, a) < std::tie(points[b].values, b);
  });
  std::vector<MappedPoint> kept;
  for (size_t i : order)
    if (llvm::any_of(kept, [&](const MappedPoint &other) {
          return isAtMost(other.values, points[i].values);
        }))
      points[i].mapping.erase();
    else
      kept.push_back(std::move(points[i]));
  points = std::move(kept);
}

FailureOr<Realised>
PlanRealiser::realise(std::vector<PromisedPlan> plans, Dropped dropped,
                      const std::function<bool()> &shouldStop) {
  Realised result;
  std::vector<size_t> order(plans.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::tie(plans[a].values, plans[a].energy, plans[a].cycles, a) <
           std::tie(plans[b].values, plans[b].energy, plans[b].cycles, b);
  });
  for (size_t i : order) {
    const PromisedPlan &promised = plans[i];
    result.least = std::min(result.least, promised.values.front());
    if (llvm::any_of(result.points, [&](const MappedPoint &point) {
          return isAtMost(point.values, promised.values);
        }))
      continue;
    bool enough = result.evaluated >= kMostBuilt ||
                  (result.evaluated > 0 && shouldStop && shouldStop());
    if (enough) {
      result.isExact = false;
      break;
    }
    if (!tryPlan(promised, plans, dropped, shouldStop, result))
      return failure();
  }
  keepBest(result.points);
  return std::move(result);
}
