//===- PipelineGroupTest.cpp - No plan for a pipeline is better -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/lib/Mapper/RandomPipelines.h"

#include <catch2/catch.hpp>

using namespace einsum::test;

namespace {

constexpr PipelineGoal kGoals[] = {PipelineGoal::latency, PipelineGoal::energy,
                                   PipelineGoal::edp};

StageChoice on(int array, uint64_t cycles, double energy = 0) {
  StageChoice choice;
  choice.array = array;
  choice.cycles = cycles;
  choice.energy = energy;
  return choice;
}

GroupShape shapeOf(size_t i, size_t stages) {
  GroupShape shape;
  shape.stages = stages;
  shape.guards = i % 2 == 0;
  shape.recurrences = i % 3 != 0;
  shape.tightSpace = i % 4 < 2;
  return shape;
}

bool dominates(const PipelinePlan &a, const PipelinePlan &b) {
  if (a.cycles > b.cycles || a.energy > b.energy * (1 + 1e-9))
    return false;
  for (size_t level = 0; level < a.held.size(); ++level)
    if (a.held[level] > b.held[level])
      return false;
  return true;
}

void checkAgainst(const SlotJudge &judge, const PipelinePlan &plan) {
  REQUIRE(judge.isLegal(plan, plan.order));
  PipelinePlan again = plan;
  REQUIRE(judge.evaluate(again));
  CHECK(again.slotCycles == plan.slotCycles);
  CHECK(again.interval == plan.interval);
  CHECK(again.cycles == plan.cycles);
  CHECK(again.held == plan.held);
  CHECK(again.energy == Approx(plan.energy).epsilon(1e-12));
}

} // namespace

TEST_CASE("the example of the header") {
  PipelineGroup group;
  group.stages = {{on(0, 4)}, {on(0, 1), on(1, 3)}};
  group.dependences = {{0, 1}, {1, 1, 1}};
  group.tensors = {{0, 10, 3}};
  group.capacities = {20};
  group.iterations.times = 100;
  PipelineResult result = schedulePipeline(group, PipelineGoal::latency);
  REQUIRE(result.plans.size() == 1);
  const PipelinePlan &best = result.plans.front();
  CHECK(best.choices == std::vector<int>{0, 1});
  CHECK(best.lags == std::vector<int64_t>{0, 1});
  CHECK(best.interval == 4);
  CHECK(best.cycles == 403);
  CHECK(best.held == std::vector<uint64_t>{20});

  group.capacities = {19}; // no room for a second tile
  result = schedulePipeline(group, PipelineGoal::latency);
  REQUIRE(result.plans.size() == 1);
  CHECK(result.plans.front().cycles == 500);
  CHECK(result.statistics.pruned["capacity"] > 0);

  group.capacities = {9};
  result = schedulePipeline(group, PipelineGoal::latency);
  CHECK(result.plans.empty());
  CHECK(result.statistics.complete);
}

TEST_CASE("members of a recurrence share a slot unless it leaves time") {
  PipelineGroup group;
  group.stages = {{on(0, 5)}, {on(1, 5)}};
  group.dependences = {{0, 1}, {1, 0, 1}};
  group.iterations.times = 10;
  CHECK(schedulePipeline(group, PipelineGoal::latency).plans.empty());
  group.dependences[1].distance = 2;
  PipelineResult result = schedulePipeline(group, PipelineGoal::latency);
  REQUIRE(result.plans.size() == 1);
  CHECK(result.plans.front().lags == std::vector<int64_t>{0, 1});
  CHECK(result.plans.front().cycles == 55);
}

TEST_CASE("a later lag can be better than the least") {
  // One iteration: C after B; A beside C instead of before it.
  PipelineGroup group;
  group.stages = {{on(0, 10)}, {on(0, 5)}, {on(1, 10)}};
  group.dependences = {{1, 2}};
  PipelineResult result = schedulePipeline(group, PipelineGoal::latency);
  REQUIRE(result.plans.size() == 1);
  CHECK(result.plans.front().cycles == 15);
  CHECK(result.plans.front().lags == std::vector<int64_t>{1, 0, 1});
  PipelineLimits least;
  least.leastLags = true;
  result = schedulePipeline(group, PipelineGoal::latency, least);
  REQUIRE(result.plans.size() == 1);
  CHECK(result.plans.front().cycles == 25);
}

TEST_CASE("of equally fast plans the one of least energy") {
  // B may run anywhere beside A without being noticed.
  PipelineGroup group;
  group.stages = {{on(0, 10, 5)}, {on(1, 2, 9), on(1, 7, 4), on(1, 11, 1)}};
  group.iterations.times = 8;
  PipelineResult result = schedulePipeline(group, PipelineGoal::latency);
  REQUIRE(result.plans.size() == 1);
  CHECK(result.plans.front().cycles == 80);
  CHECK(result.plans.front().energy == 9);
  result = schedulePipeline(group, PipelineGoal::energy);
  CHECK(result.plans.front().cycles == 88);
  CHECK(result.plans.front().energy == 6);
}

TEST_CASE("stages that wait for one another have no plan") {
  PipelineGroup group;
  group.stages = {{on(0, 1)}, {on(0, 1)}};
  group.dependences = {{0, 1}, {1, 0}};
  PipelineResult result = schedulePipeline(group, PipelineGoal::latency);
  CHECK(result.plans.empty());
  CHECK(result.statistics.complete);
}

TEST_CASE("counts that exceed 64 bits are no plan") {
  PipelineGroup group;
  group.stages = {{on(0, uint64_t{1} << 40)}};
  group.iterations.times = uint64_t{1} << 40;
  CHECK(schedulePipeline(group, PipelineGoal::latency).plans.empty());
}

TEST_CASE("windows of nested iterations are those of the unrolled ones") {
  RandomGroups random(11);
  for (size_t i = 0; i < 200; ++i) {
    GroupShape shape = shapeOf(0, 3);
    PipelineGroup group = random.make(shape);
    SlotJudge judge(group);
    for (size_t longest = 0; longest < 4; ++longest) {
      uint64_t slots = 0;
      for (const SlotWindow &window :
           countWindows(group.iterations, group.all(), longest).windows) {
        CHECK(window.active.size() == longest + 1);
        slots += window.count;
      }
      size_t iterations = judge.countIterations();
      CHECK(slots == (iterations == 0 ? 0 : iterations + longest));
    }
  }
}

TEST_CASE("no plan is better than the one found") {
  RandomGroups random(1);
  size_t found = 0, none = 0;
  for (size_t i = 0; i < 400; ++i) {
    PipelineGroup group = random.make(shapeOf(i, i % 8 == 7 ? 4 : 3));
    SlotJudge judge(group);
    for (PipelineGoal goal : kGoals) {
      INFO("group " << i << ", goal " << static_cast<int>(goal));
      double best = INFINITY, second = INFINITY;
      judge.enumerate([&](const PipelinePlan &plan) {
        double value = valueOf(goal, plan), then = secondOf(goal, plan);
        if (value < best * (1 - 1e-10)) {
          best = value;
          second = then;
        } else if (value <= best * (1 + 1e-10)) {
          second = std::min(second, then);
        }
      });
      PipelineResult result = schedulePipeline(group, goal);
      REQUIRE(result.statistics.complete);
      REQUIRE(result.plans.empty() == (best == INFINITY));
      if (result.plans.empty()) {
        ++none;
        continue;
      }
      ++found;
      checkAgainst(judge, result.plans.front());
      CHECK(valueOf(goal, result.plans.front()) == Approx(best).epsilon(1e-9));
      CHECK(secondOf(goal, result.plans.front()) ==
            Approx(second).epsilon(1e-9));
    }
  }
  CHECK(found > 900);
  CHECK(none > 10);
}

TEST_CASE("the front is that of all plans") {
  RandomGroups random(2);
  size_t points = 0;
  for (size_t i = 0; i < 300; ++i) {
    PipelineGroup group = random.make(shapeOf(i, 3));
    SlotJudge judge(group);
    INFO("group " << i);
    PipelineResult result = findPipelineFront(group);
    REQUIRE(result.statistics.complete);
    for (const PipelinePlan &plan : result.plans)
      checkAgainst(judge, plan);
    for (const PipelinePlan &a : result.plans)
      for (const PipelinePlan &b : result.plans)
        CHECK((&a == &b || !dominates(a, b)));
    judge.enumerate([&](const PipelinePlan &plan) {
      bool covered = false;
      for (const PipelinePlan &point : result.plans)
        covered |= dominates(point, plan);
      CHECK(covered);
    });
    points += result.plans.size();
  }
  CHECK(points > 600);
}

TEST_CASE("least lags are the least that are legal") {
  RandomGroups random(3);
  PipelineLimits least;
  least.leastLags = true;
  for (size_t i = 0; i < 200; ++i) {
    PipelineGroup group = random.make(shapeOf(i, 3));
    SlotJudge judge(group);
    PipelineResult result =
        schedulePipeline(group, PipelineGoal::latency, least);
    if (result.plans.empty())
      continue;
    const PipelinePlan &best = result.plans.front();
    checkAgainst(judge, best);
    judge.enumerate([&](const PipelinePlan &plan) {
      if (plan.choices != best.choices)
        return;
      for (size_t stage = 0; stage < plan.lags.size(); ++stage)
        CHECK(best.lags[stage] <= plan.lags[stage]);
    });
  }
}

TEST_CASE("with equal iterations a gap between lags never helps") {
  RandomGroups random(4);
  for (size_t i = 0; i < 100; ++i) {
    GroupShape shape = shapeOf(1, 3);
    PipelineGroup group = random.make(shape);
    PipelineResult result = schedulePipeline(group, PipelineGoal::latency);
    if (result.plans.empty())
      continue;
    const PipelinePlan &best = result.plans.front();
    for (int64_t a = 0; a < 5; ++a)
      for (int64_t b = 0; b < 5; ++b)
        for (int64_t c = 0; c < 5; ++c)
          if (auto plan = evaluatePlan(group, best.choices, {a, b, c}))
            CHECK(plan->cycles >= best.cycles);
  }
}
