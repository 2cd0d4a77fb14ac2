//===- BitAssignment.cpp - The best format for every tensor ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Quant/BitAssignment.h"

#include <algorithm>
#include <map>
#include <tuple>

using namespace einsum;
using namespace einsum::quant;

namespace {

/// Choices for the first tensors.
struct Partial {
  std::vector<size_t> candidates;
  double noise = 0;
  Resources costs;
};

class Assigner {
public:
  Assigner(const AssignmentProblem &problem, size_t limit)
      : problem(problem), limit(limit) {}

  AssignmentResult run();

private:
  Partial extend(const Partial &partial, size_t candidate) const;
  std::vector<size_t> keyOf(const Partial &partial) const;
  void prune(std::vector<Partial> &group) const;
  void finish(const std::vector<Partial> &complete);

  const AssignmentProblem &problem;
  size_t limit;
  AssignmentResult result;
};

} // namespace

static void add(Resources &sum, const Resources &more) {
  for (size_t i = 0; i < more.size(); ++i)
    sum[i] += more[i];
}

Partial Assigner::extend(const Partial &partial, size_t candidate) const {
  size_t tensor = partial.candidates.size();
  Partial next = partial;
  next.candidates.push_back(candidate);
  next.noise += problem.tensors[tensor][candidate].noise;
  add(next.costs, problem.tensors[tensor][candidate].costs);
  for (const PairTerm &pair : problem.pairs)
    if (pair.second == tensor)
      add(next.costs, pair.costs[partial.candidates[pair.first]][candidate]);
  return next;
}

/// The candidates that a later pair term still asks for.
std::vector<size_t> Assigner::keyOf(const Partial &partial) const {
  size_t known = partial.candidates.size();
  std::vector<size_t> key;
  for (size_t tensor = 0; tensor < known; ++tensor)
    for (const PairTerm &pair : problem.pairs)
      if (pair.first == tensor && pair.second >= known) {
        key.push_back(partial.candidates[tensor]);
        break;
      }
  return key;
}

static bool isNoWorse(const Partial &a, const Partial &b) {
  for (size_t i = 0; i < a.costs.size(); ++i)
    if (a.costs[i] > b.costs[i])
      return false;
  return a.noise <= b.noise;
}

/// Sorted by noise, so that only earlier ones can beat later ones.
void Assigner::prune(std::vector<Partial> &group) const {
  std::sort(group.begin(), group.end(), [](const Partial &a, const Partial &b) {
    return std::tie(a.noise, a.costs, a.candidates) <
           std::tie(b.noise, b.costs, b.candidates);
  });
  std::vector<Partial> kept;
  for (Partial &partial : group)
    if (std::none_of(kept.begin(), kept.end(), [&](const Partial &other) {
          return isNoWorse(other, partial);
        }))
      kept.push_back(std::move(partial));
  group = std::move(kept);
}

void Assigner::finish(const std::vector<Partial> &complete) {
  for (const Partial &partial : complete)
    result.pareto.push_back(
        {partial.candidates, partial.noise, problem.objective(partial.costs)});
  std::sort(result.pareto.begin(), result.pareto.end(),
            [](const AssignmentPoint &a, const AssignmentPoint &b) {
              return std::tie(a.noise, a.objective, a.candidates) <
                     std::tie(b.noise, b.objective, b.candidates);
            });
  std::vector<AssignmentPoint> kept;
  for (AssignmentPoint &point : result.pareto)
    if (kept.empty() || point.objective < kept.back().objective)
      kept.push_back(std::move(point));
  result.pareto = std::move(kept);
}

AssignmentResult Assigner::run() {
  std::vector<Partial> layer{{{}, problem.baseNoise, problem.base}};
  for (const std::vector<Candidate> &candidates : problem.tensors) {
    std::map<std::vector<size_t>, std::vector<Partial>> groups;
    for (const Partial &partial : layer)
      for (size_t c = 0; c < candidates.size(); ++c) {
        Partial next = extend(partial, c);
        groups[keyOf(next)].push_back(std::move(next));
        ++result.examined;
      }
    layer.clear();
    for (auto &[key, group] : groups) {
      prune(group);
      for (Partial &partial : group)
        layer.push_back(std::move(partial));
    }
    if (layer.size() <= limit)
      continue;
    // What is left out is spread over the whole range of errors.
    result.isComplete = false;
    std::sort(layer.begin(), layer.end(),
              [](const Partial &a, const Partial &b) {
                return std::tie(a.noise, a.candidates) <
                       std::tie(b.noise, b.candidates);
              });
    std::vector<Partial> kept;
    for (size_t i = 0; i < limit; ++i)
      kept.push_back(std::move(layer[i * layer.size() / limit]));
    layer = std::move(kept);
  }
  finish(layer);
  return std::move(result);
}

AssignmentResult quant::assignFormats(const AssignmentProblem &problem,
                                      size_t limit) {
  return Assigner(problem, limit).run();
}
