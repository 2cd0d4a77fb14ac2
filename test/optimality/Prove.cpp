//===- Prove.cpp - Z3 against the judge -----------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/optimality/Prove.h"

#ifdef EINSUM_JUDGE_HAS_Z3
#include "lib/Mapper/Z3/ProveOptimal.h"
#endif

using namespace einsum;
using namespace einsum::optimality;

#ifdef EINSUM_JUDGE_HAS_Z3

std::string einsum::optimality::proveFindings(LoadedProblem &problem,
                                              const Limits &limits,
                                              const std::vector<Goal> &goals,
                                              const Findings &findings,
                                              unsigned &proven) {
  mapper::SpaceLimits space;
  space.sharedLoops = limits.sharedLoops;
  space.sharedLoopsPerRank = limits.sharedLoopsPerRank;
  space.imperfect = limits.imperfect;
  space.pipelines = limits.pipelines;
  space.reorder = limits.reorder;
  space.fusion = limits.fusion;
  space.sharedHolders = limits.sharedHolders;
  std::string text;
  for (size_t g = 0; g < goals.size(); ++g) {
    if (goals[g].size() != 1 || findings.best[g].empty())
      continue;
    const Measure &measure = goals[g].front();
    const Found &best = findings.best[g].front();
    auto ask = [&](double cost) {
      return mapper::proveOptimal(problem.facts, problem.arch, space,
                                  static_cast<mapper::Metric>(measure.kind),
                                  measure.level, cost, 10);
    };
    std::string name = measure.describe(problem.arch);
    mapper::OptimalityProof proof = ask(best.values[0]);
    if (proof.verdict == mapper::Verdict::notCovered ||
        proof.verdict == mapper::Verdict::unknown)
      continue;
    if (proof.verdict == mapper::Verdict::refuted)
      text +=
          name + ": the best is " + std::to_string(best.values[0]) +
          ", but Z3 finds " + std::to_string(proof.better) + "\n" +
          printTree(best.tree, problem.cascade, problem.facts, problem.arch);
    else
      ++proven;
    if (best.values[0] > 0 &&
        ask(best.values[0] * 1.001).verdict == mapper::Verdict::proven)
      text +=
          name + ": Z3 does not find what costs " +
          std::to_string(best.values[0]) + "\n" +
          printTree(best.tree, problem.cascade, problem.facts, problem.arch);
  }
  return text;
}

#else

std::string einsum::optimality::proveFindings(LoadedProblem &, const Limits &,
                                              const std::vector<Goal> &,
                                              const Findings &, unsigned &) {
  return "";
}

#endif
