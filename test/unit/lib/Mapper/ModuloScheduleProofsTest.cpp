//===- ModuloScheduleProofsTest.cpp - Z3 agrees about pipelines -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Z3/ModuloSchedule.h"
#include "test/unit/lib/Mapper/RandomPipelines.h"

#include <catch2/catch.hpp>

using namespace einsum::test;
using einsum::mapper::z3::findInterval;
using einsum::mapper::z3::ProvenPlan;
using einsum::mapper::z3::provePlan;
using einsum::mapper::z3::StartTimes;

namespace {

StageChoice on(int array, uint64_t cycles) {
  StageChoice choice;
  choice.array = array;
  choice.cycles = cycles;
  return choice;
}

/// Runs some iterations cycle by cycle: no array does two things at once, and
/// what is read has been computed.
void checkStarts(const PipelineGroup &group, const StartTimes &times) {
  auto choiceOf = [&](size_t stage) -> const StageChoice & {
    return group.stages[stage][times.choices[stage]];
  };
  std::map<std::pair<int, uint64_t>, size_t> busy;
  for (uint64_t iteration = 0; iteration < 12; ++iteration)
    for (size_t stage = 0; stage < group.stages.size(); ++stage)
      for (uint64_t cycle = 0; cycle < choiceOf(stage).cycles; ++cycle) {
        uint64_t now = times.starts[stage] + iteration * times.interval + cycle;
        bool free =
            busy.emplace(std::pair(choiceOf(stage).array, now), stage).second;
        REQUIRE(free);
      }
  for (const StageDependence &d : group.dependences) {
    uint64_t begin = times.starts[d.consumer] + d.distance * times.interval;
    bool streamed = d.streamed && d.distance == 0;
    CHECK(begin >= times.starts[d.producer] +
                       (streamed ? 0 : choiceOf(d.producer).cycles));
  }
  uint64_t end = 0;
  for (size_t stage = 0; stage < group.stages.size(); ++stage)
    end = std::max(end, times.starts[stage] + choiceOf(stage).cycles);
  CHECK(end == times.span);
}

} // namespace

TEST_CASE("Z3 and the search agree about pipelines") {
  RandomGroups random(21);
  size_t plans = 0, none = 0;
  for (size_t i = 0; i < 240; ++i) {
    GroupShape shape;
    shape.stages = i % 10 == 9 ? 4 : 3;
    shape.guards = i % 4 < 2;
    shape.recurrences = i % 3 != 0;
    shape.tightSpace = i % 5 < 3;
    PipelineGroup group = random.make(shape);
    auto goal = static_cast<PipelineGoal>(i / 2 % 3);
    INFO("group " << i << ", goal " << i / 2 % 3);
    ProvenPlan proven = provePlan(group, goal, 60'000);
    REQUIRE(proven.proven);
    PipelineResult result = schedulePipeline(group, goal);
    REQUIRE(result.statistics.complete);
    REQUIRE(result.plans.empty() == !proven.plan);
    if (!proven.plan) {
      ++none;
      continue;
    }
    ++plans;
    CHECK(valueOf(goal, *proven.plan) ==
          Approx(valueOf(goal, result.plans.front())).epsilon(1e-7));
    CHECK(secondOf(goal, *proven.plan) ==
          Approx(secondOf(goal, result.plans.front())).epsilon(1e-7));
  }
  CHECK(plans > 200);
  CHECK(none > 0);
}

TEST_CASE("without slots a recurrence may change arrays") {
  PipelineGroup group;
  group.stages = {{on(0, 5)}, {on(1, 5)}};
  group.dependences = {{0, 1}, {1, 0, 1}};
  CHECK(schedulePipeline(group, PipelineGoal::latency).plans.empty());
  std::optional<StartTimes> times = findInterval(group);
  REQUIRE(times);
  CHECK(times->interval == 10);
  CHECK(times->lowerBound == 5);
  CHECK(times->span == 10);
  CHECK(times->latency(3) == 30);
  group.dependences[1].distance = 2;
  times = findInterval(group);
  REQUIRE(times);
  CHECK(times->interval == 5);
}

TEST_CASE("stages that wait for one another have no start times") {
  PipelineGroup group;
  group.stages = {{on(0, 5)}, {on(1, 5)}};
  group.dependences = {{0, 1}, {1, 0}};
  CHECK(!findInterval(group));
}

TEST_CASE("start times are legal and no slower than slots") {
  RandomGroups random(22);
  size_t faster = 0, shorter = 0, equal = 0;
  for (size_t i = 0; i < 60; ++i) {
    GroupShape shape;
    shape.stages = 3 + i % 2;
    shape.guards = false;
    shape.tightSpace = shape.channels = false;
    PipelineGroup group = random.make(shape);
    group.iterations = {};
    group.iterations.times = 50;
    group.repetitions = 1;
    for (auto &choices : group.stages)
      for (StageChoice &choice : choices)
        choice.startUp = 0;
    INFO("group " << i);
    std::optional<StartTimes> times = findInterval(group);
    REQUIRE(times);
    CHECK(times->isLeastSpan);
    checkStarts(group, *times);
    PipelineResult slots = schedulePipeline(group, PipelineGoal::latency);
    if (slots.plans.empty()) {
      ++faster;
      continue;
    }
    // The interval of a slot is one, its order and lags start times.
    const PipelinePlan &best = slots.plans.front();
    CHECK(times->interval <= std::max<uint64_t>(1, best.interval));
    faster += times->interval < best.interval;
    equal += times->interval == best.interval;
    std::optional<StartTimes> same = findInterval(group, best.choices);
    REQUIRE(same);
    CHECK(same->choices == best.choices);
    shorter += same->latency(50) < best.slotCycles;
  }
  CHECK(faster > 0);
  CHECK(equal > 30);
  CHECK(shorter > 0);
}
