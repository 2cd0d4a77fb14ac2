//===- PipelineGroup.cpp - What a plan for a pipeline costs ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/PipelineGroup.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MathExtras.h"

using namespace einsum::mapper;

int64_t einsum::mapper::leastLag(const StageDependence &dependence,
                                 bool sameArray, bool sameRecurrence) {
  auto distance = static_cast<int64_t>(dependence.distance);
  if (distance == 0)
    return sameArray || dependence.streamed ? 0 : 1;
  return (sameArray && !sameRecurrence ? 0 : 1) - distance;
}

std::vector<int> einsum::mapper::findRecurrences(const PipelineGroup &group) {
  size_t count = group.stages.size();
  std::vector<StageSet> reaches(count);
  for (size_t i = 0; i < count; ++i)
    reaches[i] = StageSet{1} << i;
  for (const StageDependence &dependence : group.dependences)
    reaches[dependence.producer] |= StageSet{1} << dependence.consumer;
  for (size_t via = 0; via < count; ++via)
    for (StageSet &set : reaches)
      if (set >> via & 1)
        set |= reaches[via];
  std::vector<int> numbers(count, -1);
  for (size_t i = 0; i < count; ++i)
    for (size_t j = 0; j <= i && numbers[i] < 0; ++j)
      if ((reaches[i] >> j & 1) && (reaches[j] >> i & 1))
        numbers[i] = static_cast<int>(j);
  return numbers;
}

namespace {

class Evaluator {
public:
  Evaluator(const PipelineGroup &group, PipelinePlan &plan)
      : group(group), plan(plan) {}

  bool run() {
    return respectsDependences() && findOrder() && findSpace() && findTime();
  }

private:
  const StageChoice &choiceOf(size_t stage) const {
    return group.stages[stage][plan.choices[stage]];
  }

  bool respectsDependences() const {
    std::vector<int> recurrences = findRecurrences(group);
    return llvm::all_of(group.dependences, [&](const StageDependence &d) {
      bool sameArray = choiceOf(d.producer).array == choiceOf(d.consumer).array;
      bool together = recurrences[d.producer] == recurrences[d.consumer];
      return plan.lags[d.consumer] >=
             plan.lags[d.producer] + leastLag(d, sameArray, together);
    });
  }

  /// Producers first, in an iteration and in a slot.
  bool findOrder() {
    size_t count = group.stages.size();
    std::vector<StageSet> before(count, 0);
    for (const StageDependence &d : group.dependences)
      if (d.distance == 0 ||
          plan.lags[d.producer] ==
              plan.lags[d.consumer] + static_cast<int64_t>(d.distance))
        before[d.consumer] |= StageSet{1} << d.producer;
    StageSet placed = 0;
    while (plan.order.size() < count) {
      size_t next = 0;
      while (next < count &&
             ((placed >> next & 1) || (before[next] & ~placed) != 0))
        ++next;
      if (next == count)
        return false; // stages that wait for one another
      placed |= StageSet{1} << next;
      plan.order.push_back(static_cast<int>(next));
    }
    return true;
  }

  bool findSpace() {
    plan.held.assign(group.capacities.size(), 0);
    bool overflow = false;
    auto add = [&](size_t level, uint64_t bytes) {
      bool saturated = false;
      plan.held[level] =
          llvm::SaturatingAdd(plan.held[level], bytes, &saturated);
      overflow |= saturated;
    };
    for (size_t stage = 0; stage < group.stages.size(); ++stage)
      for (auto [level, bytes] : llvm::enumerate(choiceOf(stage).held))
        add(level, bytes);
    for (const TensorInFlight &tensor : group.tensors) {
      int64_t first = INT64_MAX, last = INT64_MIN;
      for (size_t stage = 0; stage < group.stages.size(); ++stage)
        if (tensor.touchedBy >> stage & 1) {
          first = std::min(first, plan.lags[stage]);
          last = std::max(last, plan.lags[stage]);
        }
      uint64_t slots = first > last ? 1 : last - first + 1;
      bool saturated = false;
      add(tensor.level,
          llvm::SaturatingMultiply(tensor.bytes, slots, &saturated));
      overflow |= saturated;
    }
    for (auto [held, capacity] : llvm::zip(plan.held, group.capacities))
      if (held > capacity)
        return false;
    return !overflow;
  }

  bool findTime() {
    int64_t longest = *std::max_element(plan.lags.begin(), plan.lags.end());
    SlotWindows slots = countWindows(group.iterations, group.all(), longest);
    std::vector<int> arrays;
    for (size_t stage = 0; stage < group.stages.size(); ++stage)
      if (!llvm::is_contained(arrays, choiceOf(stage).array))
        arrays.push_back(choiceOf(stage).array);
    bool overflow = slots.overflow, saturated = false;
    uint64_t cycles = 0;
    for (const SlotWindow &window : slots.windows) {
      uint64_t busiest = 0;
      for (int array : arrays)
        busiest = std::max(busiest, loadOf(array, [&](size_t stage) {
                             return window.active[plan.lags[stage]];
                           }));
      cycles = llvm::SaturatingMultiplyAdd(busiest, window.count, cycles,
                                           &saturated);
      overflow |= saturated;
    }
    for (int array : arrays)
      plan.interval = std::max(
          plan.interval, loadOf(array, [&](size_t) { return group.all(); }));
    plan.slotCycles =
        llvm::SaturatingMultiply(cycles, group.repetitions, &saturated);
    overflow |= saturated;
    addStartUpAndTransfers();
    return !overflow;
  }

  template <typename ActiveAt>
  uint64_t loadOf(int array, ActiveAt activeAt) const {
    uint64_t load = 0;
    for (size_t stage = 0; stage < group.stages.size(); ++stage)
      if (choiceOf(stage).array == array && (activeAt(stage) >> stage & 1))
        load = llvm::SaturatingAdd(load, choiceOf(stage).cycles);
    return load;
  }

  void addStartUpAndTransfers() {
    uint64_t startUp = 0;
    for (size_t stage = 0; stage < group.stages.size(); ++stage) {
      startUp = std::max(startUp, choiceOf(stage).startUp);
      plan.energy += choiceOf(stage).energy;
    }
    plan.startUpCycles = startUp * group.repetitions;
    for (auto [id, channel] : llvm::enumerate(group.channels)) {
      uint64_t units = channel.baseUnits;
      for (size_t stage = 0; stage < group.stages.size(); ++stage)
        if (id < choiceOf(stage).moved.size())
          units = llvm::SaturatingAdd(units, choiceOf(stage).moved[id]);
      plan.transferCycles =
          std::max(plan.transferCycles,
                   static_cast<double>(units) / channel.unitsPerCycle);
    }
    plan.cycles =
        std::max(plan.transferCycles,
                 static_cast<double>(plan.slotCycles + plan.startUpCycles));
    plan.energy += plan.cycles * group.leakagePerCycle;
  }

  const PipelineGroup &group;
  PipelinePlan &plan;
};

} // namespace

std::optional<PipelinePlan>
einsum::mapper::evaluatePlan(const PipelineGroup &group,
                             std::vector<int> choices,
                             std::vector<int64_t> lags) {
  PipelinePlan plan;
  plan.choices = std::move(choices);
  plan.lags = std::move(lags);
  if (plan.lags.empty() || !Evaluator(group, plan).run())
    return std::nullopt;
  return plan;
}
