//===- ConflictProblemTest.cpp - Smallest conflicts, three ways -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/ConflictProblem.h"
#ifdef EINSUM_HAVE_Z3
#include "lib/Mapper/Z3/Z3Conflict.h"
#endif

#include "catch2/catch.hpp"

#include <random>

using namespace einsum::mapper;

/// A choice without regard for costs or premises: the definition.
static bool hasChoice(const ConflictProblem &problem, const PremiseSet &active,
                      const Skeleton &skeleton, size_t operand,
                      std::map<int, uint64_t> held) {
  if (operand == skeleton.operands.size()) {
    for (const CapacityPremise &capacity : problem.capacities)
      if (active.test(capacity.premise) &&
          held[capacity.level] > capacity.bytes)
        return false;
    return true;
  }
  for (const Alternative &alternative : skeleton.operands[operand]) {
    std::map<int, uint64_t> more = held;
    for (auto [level, bytes] : alternative.bytes)
      more[level] += bytes;
    if (!alternative.contradicts.anyCommon(active) &&
        hasChoice(problem, active, skeleton, operand + 1, more))
      return true;
  }
  return false;
}

static bool judge(const ConflictProblem &problem, const PremiseSet &active) {
  for (const Skeleton &skeleton : problem.skeletons)
    if (!skeleton.contradicts.anyCommon(active) &&
        hasChoice(problem, active, skeleton, 0, {}))
      return true;
  return false;
}

namespace {
class RandomProblem {
public:
  explicit RandomProblem(unsigned seed) : random(seed) {}

  ConflictProblem build() {
    ConflictProblem problem;
    problem.premises = 3 + pick(5);
    unsigned capacities = 1 + pick(2);
    for (unsigned i = 0; i < capacities; ++i)
      problem.capacities.push_back({static_cast<int>(i), i, pick(12)});
    for (unsigned k = 0; k <= pick(3); ++k) {
      Skeleton skeleton{premises(problem, capacities, 5), {}};
      for (unsigned o = 0; o <= pick(3); ++o) {
        std::vector<Alternative> alternatives;
        for (unsigned a = 0; a <= pick(4); ++a) {
          Alternative one{premises(problem, capacities, 3), {}};
          for (unsigned level = 0; level < capacities; ++level)
            if (pick(2))
              one.bytes[level] = pick(9);
          alternatives.push_back(one);
        }
        skeleton.operands.push_back(alternatives);
      }
      problem.skeletons.push_back(skeleton);
    }
    return problem;
  }

private:
  unsigned pick(unsigned below) { return random() % below; }
  PremiseSet premises(const ConflictProblem &problem, unsigned first,
                      unsigned oneIn) {
    PremiseSet set(problem.premises);
    for (unsigned i = first; i < problem.premises; ++i)
      if (pick(oneIn) == 0)
        set.set(i);
    return set;
  }
  std::mt19937 random;
};
} // namespace

static PremiseSet subset(unsigned size, unsigned bits) {
  PremiseSet set(size);
  for (unsigned i = 0; i < size; ++i)
    if (bits >> i & 1)
      set.set(i);
  return set;
}

TEST_CASE("every set of premises is judged as by the definition",
          "[infeasible]") {
  unsigned unsatisfiable = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    ConflictProblem problem = RandomProblem(seed).build();
    ConflictProblem simple = problem;
    simplify(simple);
#ifdef EINSUM_HAVE_Z3
    z3::ConflictSolver solver(problem);
#endif
    for (unsigned bits = 0; bits < 1u << problem.premises; ++bits) {
      PremiseSet set = subset(problem.premises, bits);
      bool expected = judge(problem, set);
      unsatisfiable += !expected;
      CAPTURE(seed, bits);
      REQUIRE(isSatisfiable(problem, set) == expected);
      REQUIRE(isSatisfiable(simple, set) == expected);
      REQUIRE(isSoonSatisfiable(problem, set, 1 << 20) == expected);
      for (uint64_t most : {1, 5, 20})
        REQUIRE(isSoonSatisfiable(problem, set, most).value_or(expected) ==
                expected);
#ifdef EINSUM_HAVE_Z3
      if (seed < 60 && bits % 3 == 0)
        REQUIRE(solver.decide(set) == expected);
#endif
    }
  }
  CHECK(unsatisfiable > 1000);
}

TEST_CASE("no conflict is smaller than the smallest", "[infeasible]") {
  unsigned found = 0, larger = 0;
  for (unsigned seed = 0; seed < 600; ++seed) {
    ConflictProblem problem = RandomProblem(seed).build();
    PremiseSet all(problem.premises, true);
    auto decide = [&](const PremiseSet &set) {
      return isSatisfiable(problem, set);
    };
    std::optional<PremiseSet> conflict = findSmallestConflict(all, decide);
    CAPTURE(seed);
    REQUIRE(conflict.has_value() == !judge(problem, all));
    if (!conflict)
      continue;
    ++found;
    larger += conflict->count() > 1;
    REQUIRE(!judge(problem, *conflict));
    for (unsigned bits = 0; bits < 1u << problem.premises; ++bits) {
      PremiseSet set = subset(problem.premises, bits);
      if (set.count() < conflict->count())
        REQUIRE(judge(problem, set));
    }
#ifdef EINSUM_HAVE_Z3
    if (seed < 100) {
      z3::ConflictSolver solver(problem);
      auto ask = [&](const PremiseSet &set) { return solver.decide(set); };
      REQUIRE(findSmallestConflict(all, ask) == conflict);
    }
#endif
  }
  CHECK(found > 100);
  CHECK(larger > 20);
}

TEST_CASE("the least bytes of a level are those of the best choice",
          "[infeasible]") {
  unsigned compared = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    ConflictProblem problem = RandomProblem(seed).build();
    PremiseSet all(problem.premises, true);
    CapacityPremise &first = problem.capacities.front();
    PremiseSet others = all;
    others.reset(first.premise);
    std::optional<uint64_t> least =
        findLeastBytes(problem, others, first.level);
    CAPTURE(seed);
    REQUIRE(least.has_value() == judge(problem, others));
    if (!least)
      continue;
    ++compared;
    first.bytes = *least;
    REQUIRE(judge(problem, all));
    if (*least > 0) {
      first.bytes = *least - 1;
      REQUIRE(!judge(problem, all));
    }
  }
  CHECK(compared > 50);
}
