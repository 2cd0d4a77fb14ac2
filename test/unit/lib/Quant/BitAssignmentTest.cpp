//===- BitAssignmentTest.cpp - Against every choice there is --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Quant/BitAssignment.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

using namespace einsum;
using namespace einsum::quant;

static double sum(const Resources &costs) {
  double total = 0;
  for (double cost : costs)
    total += cost;
  return total;
}

static double largest(const Resources &costs) {
  return *std::max_element(costs.begin(), costs.end());
}

/// Whole numbers, so that sums are exact whatever their order.
static AssignmentProblem draw(std::mt19937 &random, size_t resources) {
  auto number = [&](int most) { return double(random() % (most + 1)); };
  AssignmentProblem problem;
  problem.base.assign(resources, 1);
  problem.baseNoise = 1;
  size_t tensors = 1 + random() % 5;
  for (size_t t = 0; t < tensors; ++t) {
    problem.tensors.emplace_back();
    size_t candidates = 1 + random() % 4;
    for (size_t c = 0; c < candidates; ++c) {
      Candidate candidate{number(20), {}};
      for (size_t r = 0; r < resources; ++r)
        candidate.costs.push_back(number(20));
      problem.tensors.back().push_back(candidate);
    }
  }
  for (size_t a = 0; a < tensors; ++a)
    for (size_t b = a + 1; b < tensors; ++b) {
      if (random() % 3)
        continue;
      PairTerm pair{a, b, {}};
      for (size_t i = 0; i < problem.tensors[a].size(); ++i) {
        pair.costs.emplace_back();
        for (size_t j = 0; j < problem.tensors[b].size(); ++j) {
          pair.costs.back().emplace_back();
          for (size_t r = 0; r < resources; ++r)
            pair.costs.back().back().push_back(number(20) - 10);
        }
      }
      problem.pairs.push_back(pair);
    }
  return problem;
}

static AssignmentPoint evaluate(const AssignmentProblem &problem,
                                const std::vector<size_t> &choice) {
  Resources costs = problem.base;
  double noise = problem.baseNoise;
  auto add = [&](const Resources &more) {
    for (size_t r = 0; r < costs.size(); ++r)
      costs[r] += more[r];
  };
  for (size_t t = 0; t < choice.size(); ++t) {
    noise += problem.tensors[t][choice[t]].noise;
    add(problem.tensors[t][choice[t]].costs);
  }
  for (const PairTerm &pair : problem.pairs)
    add(pair.costs[choice[pair.first]][choice[pair.second]]);
  return {choice, noise, problem.objective(costs)};
}

/// (noise, objective) of everything that nothing beats.
static std::vector<std::pair<double, double>>
enumerate(const AssignmentProblem &problem) {
  std::vector<std::pair<double, double>> all, kept;
  std::vector<size_t> choice(problem.tensors.size(), 0);
  while (true) {
    AssignmentPoint point = evaluate(problem, choice);
    all.push_back({point.noise, point.objective});
    size_t t = 0;
    while (t < choice.size() && ++choice[t] == problem.tensors[t].size())
      choice[t++] = 0;
    if (t == choice.size())
      break;
  }
  std::sort(all.begin(), all.end());
  for (auto &point : all)
    if (kept.empty() || point.second < kept.back().second)
      kept.push_back(point);
  return kept;
}

TEST_CASE("the Pareto set is that of all choices", "[quant]") {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    size_t resources = 1 + round % 3;
    AssignmentProblem problem = draw(random, resources);
    problem.objective = round % 2 ? sum : largest;
    AssignmentResult found = assignFormats(problem);
    CHECK(found.isComplete);
    std::vector<std::pair<double, double>> points;
    for (const AssignmentPoint &point : found.pareto) {
      points.push_back({point.noise, point.objective});
      // What is reported is what the choice costs.
      AssignmentPoint again = evaluate(problem, point.candidates);
      CHECK(again.noise == point.noise);
      CHECK(again.objective == point.objective);
    }
    CHECK(points == enumerate(problem));
  }
}

TEST_CASE("an assignment by hand", "[quant]") {
  AssignmentProblem problem;
  problem.tensors = {{{1, {8}}, {100, {4}}}, {{2, {8}}, {50, {4}}}};
  problem.base = {0};
  problem.objective = sum;
  AssignmentResult found = assignFormats(problem);
  REQUIRE(found.pareto.size() == 3);
  CHECK(found.pareto[0].noise == 3);
  CHECK(found.pareto[1].noise == 51);
  CHECK(found.pareto[1].candidates == std::vector<size_t>{0, 1});
  CHECK(found.pareto[1].objective == 12);
  CHECK(found.pareto[2].noise == 150);
}

TEST_CASE("a limit is said", "[quant]") {
  AssignmentProblem problem;
  problem.base = {0};
  problem.objective = sum;
  for (int t = 0; t < 12; ++t)
    problem.tensors.push_back(
        {{0, {double(1 << t)}}, {double(1 << t), {0}}}); // no two alike
  CHECK(assignFormats(problem, 100).isComplete == false);
  CHECK(assignFormats(problem, 100).pareto.size() <= 200);
  CHECK(assignFormats(problem).isComplete);
  CHECK(assignFormats(problem).pareto.size() == 4096);
}
