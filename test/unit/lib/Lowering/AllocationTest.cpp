//===- AllocationTest.cpp - Addresses in a scratchpad ---------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Lowering/Allocation.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>
#include <random>

using namespace einsum::lowering;

namespace {

/// Blocks with lifetimes from a first to a last moment.
struct Intervals {
  struct One {
    uint64_t bytes;
    int first, last;
    int group = -1;
  };
  std::vector<One> all;

  AllocationProblem problem(uint64_t alignment = 1) const {
    AllocationProblem result;
    int end = 0;
    for (const One &one : all) {
      result.blocks.push_back({one.bytes, one.group});
      end = std::max(end, one.last + 1);
    }
    for (int moment = 0; moment < end; ++moment) {
      result.moments.emplace_back();
      for (size_t i = 0; i < all.size(); ++i)
        if (all[i].first <= moment && moment <= all[i].last)
          result.moments.back().push_back(i);
    }
    result.overlap = [own = all](size_t a, size_t b) {
      return own[a].first <= own[b].last && own[b].first <= own[a].last;
    };
    result.alignment = alignment;
    return result;
  }
};

/// The least peak, by placing blocks in every order at the lowest free address:
/// some order reaches it.
uint64_t leastPeak(const AllocationProblem &problem) {
  std::vector<size_t> order(problem.blocks.size());
  std::iota(order.begin(), order.end(), size_t{0});
  uint64_t least = UINT64_MAX;
  do {
    std::vector<uint64_t> at(order.size());
    uint64_t peak = 0;
    for (size_t i = 0; i < order.size(); ++i) {
      uint64_t address = 0;
      for (bool moved = true; moved;) {
        moved = false;
        for (size_t k = 0; k < i; ++k) {
          size_t other = order[k];
          uint64_t end = at[other] + problem.blocks[other].bytes;
          if (problem.overlap(order[i], other) && address < end &&
              at[other] < address + problem.blocks[order[i]].bytes) {
            address = (end + problem.alignment - 1) / problem.alignment *
                      problem.alignment;
            moved = true;
          }
        }
      }
      at[order[i]] = address;
      peak = std::max(peak, address + problem.blocks[order[i]].bytes);
    }
    least = std::min(least, peak);
  } while (std::next_permutation(order.begin(), order.end()));
  return least;
}

Intervals drawIntervals(std::mt19937_64 &random, size_t count) {
  Intervals drawn;
  for (size_t i = 0; i < count; ++i) {
    int first = static_cast<int>(random() % 8);
    drawn.all.push_back(
        {1 + random() % 20, first, first + static_cast<int>(random() % 4)});
  }
  return drawn;
}

} // namespace

TEST_CASE("allocation: the example of the header", "[lowering][allocation]") {
  Intervals example{{{4, 0, 1}, {2, 1, 2}, {4, 2, 3}}};
  AllocationProblem problem = example.problem();
  Allocation found = allocate(problem);
  CHECK(found.peak == 6);
  CHECK(found.lowerBound == 6);
  CHECK(found.isOptimal);
  CHECK(isValid(problem, found));
}

TEST_CASE("allocation: nothing to allocate", "[lowering][allocation]") {
  AllocationProblem problem = Intervals{}.problem();
  Allocation found = allocate(problem);
  CHECK(found.peak == 0);
  CHECK(found.isOptimal);
  CHECK(isValid(problem, found));
}

TEST_CASE("allocation: small cases against every order",
          "[lowering][allocation]") {
  std::mt19937_64 random(1);
  unsigned beyondBound = 0;
  for (int i = 0; i < 60; ++i) {
    uint64_t alignment = i % 3 == 0 ? 4 : 1;
    AllocationProblem problem = drawIntervals(random, 7).problem(alignment);
    Allocation found = allocate(problem);
    INFO("case " << i);
    REQUIRE(isValid(problem, found));
    CHECK(found.lowerBound <= found.peak);
    uint64_t least = leastPeak(problem);
    CHECK(found.lowerBound <= least);
    CHECK(found.peak >= least);
    if (found.isOptimal)
      CHECK(found.peak == least);
    beyondBound += least > found.lowerBound ? 1 : 0;
  }
  (void)beyondBound;
}

TEST_CASE("allocation: large cases stay near the bound",
          "[lowering][allocation]") {
  std::mt19937_64 random(2);
  double worst = 1;
  for (int i = 0; i < 5; ++i) {
    AllocationProblem problem = drawIntervals(random, 150).problem();
    Allocation found = allocate(problem);
    REQUIRE(isValid(problem, found));
    worst = std::max(worst, found.gap());
  }
  CHECK(worst < 1.15);
}

TEST_CASE("allocation: copies stand in different banks",
          "[lowering][allocation]") {
  Intervals pair{{{4, 0, 0, 0}, {4, 0, 0, 0}, {4, 0, 0}}};
  AllocationProblem problem = pair.problem();
  problem.capacity = 32;
  problem.banks = 2;
  Allocation found = allocate(problem);
  CHECK(found.bankConflicts == 0);
  CHECK(found.paidForBanks == 8);
  CHECK(isValid(problem, found));
  // No room for that: the smallest peak wins.
  problem.capacity = 12;
  problem.banks = 1;
  CHECK(allocate(problem).peak == 12);
  problem.banks = 4; // of 3 bytes
  found = allocate(problem);
  CHECK(found.peak == 12);
  CHECK(found.fits);
}

TEST_CASE("allocation: what does not fit is said", "[lowering][allocation]") {
  Intervals pair{{{4, 0, 1}, {4, 1, 1}}};
  AllocationProblem problem = pair.problem();
  problem.capacity = 7;
  CHECK(!allocate(problem).fits);
  problem.capacity = 8;
  CHECK(allocate(problem).fits);
}

TEST_CASE("allocation: an invalid allocation is noticed",
          "[lowering][allocation]") {
  AllocationProblem problem = Intervals{{{4, 0, 1}, {4, 1, 1}}}.problem(4);
  Allocation found = allocate(problem);
  REQUIRE(isValid(problem, found));
  Allocation overlapping = found;
  overlapping.addresses[1] = overlapping.addresses[0];
  CHECK(!isValid(problem, overlapping));
  Allocation crooked = found;
  crooked.addresses[0] += 2;
  CHECK(!isValid(problem, crooked));
}
