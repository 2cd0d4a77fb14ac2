//===- RandomPipelines.h - Pipelines to be scheduled, and a judge ---------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Small random groups of stages, and what a plan for one costs, found by going
// through its slots one by one. The judge shares nothing with the library but
// the structs: it asks whether every value read has been computed by then.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_UNIT_LIB_MAPPER_RANDOMPIPELINES_H
#define TEST_UNIT_LIB_MAPPER_RANDOMPIPELINES_H

#include "lib/Mapper/PipelineGroup.h"

#include <algorithm>
#include <numeric>
#include <random>

namespace einsum::test {

using namespace einsum::mapper;

struct GroupShape {
  size_t stages = 4;
  bool guards = true;
  bool recurrences = true;
  bool tightSpace = true;
  bool channels = true;
};

class RandomGroups {
public:
  explicit RandomGroups(unsigned seed) : random(seed) {}

  PipelineGroup make(const GroupShape &shape) {
    PipelineGroup group;
    size_t arrays = pick(1, 3), levels = 2;
    group.leakagePerCycle = pick(0, 1) * 0.5;
    for (size_t c = 0; shape.channels && c < pick(0, 2); ++c)
      group.channels.push_back({0.25 * static_cast<double>(pick(1, 16)),
                                static_cast<uint64_t>(pick(0, 20))});
    for (size_t i = 0; i < shape.stages; ++i) {
      auto &choices = group.stages.emplace_back();
      for (size_t k = 0, count = pick(1, 3); k < count; ++k)
        choices.push_back(makeChoice(group, arrays, levels));
    }
    for (int i = 0; i < static_cast<int>(shape.stages); ++i)
      for (int j = i + 1; j < static_cast<int>(shape.stages); ++j)
        if (pick(0, 9) < 4)
          group.dependences.push_back({i, j, 0, pick(0, 9) == 0});
    if (shape.recurrences)
      addRecurrences(group);
    for (const StageDependence &d : group.dependences)
      if (d.distance == 0 && pick(0, 2) > 0)
        group.tensors.push_back(
            {pick(0, levels - 1), static_cast<uint64_t>(pick(1, 6)),
             StageSet{1} << d.producer | StageSet{1} << d.consumer});
    for (size_t level = 0; level < levels; ++level)
      group.capacities.push_back(shape.tightSpace ? pick(10, 40) : UINT64_MAX);
    group.iterations = makeIterations(shape, 2);
    group.repetitions = pick(1, 2);
    return group;
  }

private:
  size_t pick(size_t low, size_t high) { // the same on every platform
    return low + random() % (high - low + 1);
  }

  StageChoice makeChoice(const PipelineGroup &group, size_t arrays,
                         size_t levels) {
    StageChoice choice;
    choice.array = static_cast<int>(7 + pick(0, arrays - 1));
    choice.cycles = pick(0, 9);
    choice.startUp = pick(0, 2);
    choice.energy = static_cast<double>(pick(1, 12));
    for (size_t c = 0; c < group.channels.size(); ++c)
      choice.moved.push_back(pick(0, 30));
    for (size_t level = 0; level < levels; ++level)
      choice.held.push_back(pick(0, 4));
    return choice;
  }

  void addRecurrences(PipelineGroup &group) {
    size_t count = group.stages.size();
    for (size_t n = pick(0, 2); n > 0; --n)
      group.dependences.push_back({static_cast<int>(pick(0, count - 1)),
                                   static_cast<int>(pick(0, count - 1)),
                                   pick(1, 3), false});
  }

  Iterations makeIterations(const GroupShape &shape, int depth) {
    Iterations iterations;
    iterations.times = pick(1, depth == 0 ? 3 : 5);
    if (!shape.guards) {
      iterations.times = pick(1, 12);
      return iterations;
    }
    if (depth == 0 || pick(0, 1) == 0) {
      // A stage in four is guarded.
      for (size_t i = 0; i < shape.stages; ++i)
        if (pick(0, 3) == 0)
          iterations.active &= ~(StageSet{1} << i);
      return iterations;
    }
    for (size_t n = pick(1, 2); n > 0; --n)
      iterations.parts.push_back(makeIterations(shape, depth - 1));
    return iterations;
  }

  std::mt19937 random;
};

/// Goes through all slots.
class SlotJudge {
public:
  explicit SlotJudge(const PipelineGroup &group) : group(group) {
    unroll(group.iterations);
  }

  size_t countIterations() const { return iterations.size(); }

  const StageChoice &choiceOf(const PipelinePlan &plan, size_t stage) const {
    return group.stages[stage][plan.choices[stage]];
  }

  /// Whether, with children in this order, whatever is read is there.
  bool isLegal(const PipelinePlan &plan, const std::vector<int> &order) const {
    std::vector<size_t> place(order.size());
    for (size_t i = 0; i < order.size(); ++i)
      place[order[i]] = i;
    for (const StageDependence &d : group.dependences) {
      if (d.distance == 0 && place[d.producer] >= place[d.consumer])
        return false; // nor would a sequence be legal
      // Iteration `distance` reads what iteration 0 computes.
      int64_t read = plan.lags[d.consumer] + static_cast<int64_t>(d.distance);
      int64_t computed = plan.lags[d.producer];
      bool sameArray =
          choiceOf(plan, d.producer).array == choiceOf(plan, d.consumer).array;
      bool inTurn = place[d.producer] < place[d.consumer] &&
                    (sameArray || (d.streamed && d.distance == 0)) &&
                    (d.distance == 0 || !reaches(d.consumer, d.producer));
      if (read < computed || (read == computed && !inTurn))
        return false;
    }
    return true;
  }

  bool isLegalInSomeOrder(const PipelinePlan &plan) const {
    std::vector<int> order(plan.choices.size());
    std::iota(order.begin(), order.end(), 0);
    do {
      if (isLegal(plan, order))
        return true;
    } while (std::next_permutation(order.begin(), order.end()));
    return false;
  }

  /// Fills in costs; false if it does not fit.
  bool evaluate(PipelinePlan &plan) const {
    size_t count = plan.choices.size();
    int64_t longest = *std::max_element(plan.lags.begin(), plan.lags.end());
    plan.slotCycles = plan.interval = 0;
    plan.energy = plan.transferCycles = 0;
    auto total = static_cast<int64_t>(iterations.size());
    for (int64_t slot = 0; slot < total + longest; ++slot)
      plan.slotCycles += busiest(plan, [&](size_t stage) {
        int64_t iteration = slot - plan.lags[stage];
        return iteration >= 0 && iteration < total &&
               (iterations[iteration] >> stage & 1);
      });
    plan.slotCycles *= group.repetitions;
    plan.interval = busiest(plan, [](size_t) { return true; });
    uint64_t startUp = 0;
    plan.held.assign(group.capacities.size(), 0);
    for (size_t i = 0; i < count; ++i) {
      startUp = std::max(startUp, choiceOf(plan, i).startUp);
      plan.energy += choiceOf(plan, i).energy;
      for (size_t level = 0; level < choiceOf(plan, i).held.size(); ++level)
        plan.held[level] += choiceOf(plan, i).held[level];
    }
    for (size_t c = 0; c < group.channels.size(); ++c) {
      uint64_t units = group.channels[c].baseUnits;
      for (size_t i = 0; i < count; ++i)
        units += choiceOf(plan, i).moved[c];
      plan.transferCycles =
          std::max(plan.transferCycles, static_cast<double>(units) /
                                            group.channels[c].unitsPerCycle);
    }
    plan.startUpCycles = startUp * group.repetitions;
    plan.cycles =
        std::max(plan.transferCycles,
                 static_cast<double>(plan.slotCycles + plan.startUpCycles));
    plan.energy += plan.cycles * group.leakagePerCycle;
    holdTensors(plan);
    for (size_t level = 0; level < plan.held.size(); ++level)
      if (plan.held[level] > group.capacities[level])
        return false;
    return true;
  }

  /// Calls `visit` with every legal plan that fits; lags have no gaps.
  template <typename Visit> void enumerate(Visit visit) const {
    PipelinePlan plan;
    plan.choices.assign(group.stages.size(), 0);
    plan.lags.assign(group.stages.size(), 0);
    enumerateChoices(plan, 0, visit);
  }

private:
  /// Over dependences of any distance.
  bool reaches(int from, int to) const {
    std::vector<bool> seen(group.stages.size(), false);
    seen[from] = true;
    for (size_t round = 0; round < group.stages.size(); ++round)
      for (const StageDependence &d : group.dependences)
        if (seen[d.producer])
          seen[d.consumer] = true;
    return seen[to];
  }

  void unroll(const Iterations &of) {
    for (uint64_t i = 0; i < of.times; ++i) {
      if (of.parts.empty() && (of.active & group.all()))
        iterations.push_back(of.active);
      for (const Iterations &part : of.parts)
        unroll(part);
    }
  }

  template <typename Runs>
  uint64_t busiest(const PipelinePlan &plan, Runs runs) const {
    std::map<int, uint64_t> load;
    for (size_t stage = 0; stage < plan.choices.size(); ++stage)
      if (runs(stage))
        load[choiceOf(plan, stage).array] += choiceOf(plan, stage).cycles;
    uint64_t most = 0;
    for (auto [array, cycles] : load)
      most = std::max(most, cycles);
    return most;
  }

  /// A tile exists in as many slots as lie between its first and last touch.
  void holdTensors(PipelinePlan &plan) const {
    for (const TensorInFlight &tensor : group.tensors)
      for (int64_t slot = 0; slot < static_cast<int64_t>(maxStages); ++slot) {
        bool before = false, after = false;
        for (size_t stage = 0; stage < plan.lags.size(); ++stage)
          if (tensor.touchedBy >> stage & 1) {
            before |= plan.lags[stage] <= slot;
            after |= plan.lags[stage] >= slot;
          }
        if (before && after)
          plan.held[tensor.level] += tensor.bytes;
      }
  }

  template <typename Visit>
  void enumerateChoices(PipelinePlan &plan, size_t stage, Visit visit) const {
    if (stage == group.stages.size())
      return enumerateLags(plan, 0, visit);
    for (size_t k = 0; k < group.stages[stage].size(); ++k) {
      plan.choices[stage] = static_cast<int>(k);
      enumerateChoices(plan, stage + 1, visit);
    }
  }

  template <typename Visit>
  void enumerateLags(PipelinePlan &plan, size_t stage, Visit visit) const {
    size_t count = group.stages.size();
    if (stage < count) {
      for (size_t lag = 0; lag < count; ++lag) {
        plan.lags[stage] = static_cast<int64_t>(lag);
        enumerateLags(plan, stage + 1, visit);
      }
      return;
    }
    std::vector<bool> used(count, false);
    for (int64_t lag : plan.lags)
      used[lag] = true;
    if (std::is_sorted(used.rbegin(), used.rend()) && evaluate(plan) &&
        isLegalInSomeOrder(plan))
      visit(plan);
  }

  const PipelineGroup &group;
  std::vector<StageSet> iterations;
};

/// The value that a goal minimises first.
inline double valueOf(PipelineGoal goal, const PipelinePlan &plan) {
  return goal == PipelineGoal::latency  ? plan.cycles
         : goal == PipelineGoal::energy ? plan.energy
                                        : plan.cycles * plan.energy;
}

inline double secondOf(PipelineGoal goal, const PipelinePlan &plan) {
  return goal == PipelineGoal::latency ? plan.energy : plan.cycles;
}

} // namespace einsum::test

#endif // TEST_UNIT_LIB_MAPPER_RANDOMPIPELINES_H
