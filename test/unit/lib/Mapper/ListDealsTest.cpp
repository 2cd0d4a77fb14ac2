//===- ListDealsTest.cpp - Ways to deal ranks, where few are listed -------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A quick search has few ways to deal and few tiles; among them has to be one
// that keeps most of a matrix unit busy, along all of its dimensions at once.
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/ListDeals.h"
#include "lib/Mapper/Nest/NestSearch.h"
#include "lib/Mapper/Pipelines/LoadBound.h"
#include "lib/Support/Diagnostics.h"
#include "test/unit/lib/Analysis/CascadeText.h"

#include <catch2/catch.hpp>

using namespace einsum;
using namespace einsum::mapper;

namespace {

struct Product : test::CascadeText {
  explicit Product(const std::string &extents)
      : CascadeText("cascade gemm(" + extents +
                    ") : f16\n  input A[m,k], B[k,n]\n"
                    "  Z[m,n] = A[m,k] * B[k,n]\n  output Z\n") {}
};

arch::ArchSpec readSpec(const std::string &name) {
  Diagnostics diagnostics;
  auto spec = arch::readArchSpec(std::string(EINSUM_SOURCE_DIR) +
                                     "/arch-specs/" + name + ".json",
                                 diagnostics);
  REQUIRE(spec);
  return std::move(*spec);
}

/// Nothing in it is used twice, so that a sketch holds nothing between loops;
/// `filter` cuts tiles.
struct Sum : test::CascadeText {
  explicit Sum(const std::string &filter)
      : CascadeText("cascade sum(M=2048, N=2048, H=32) : f16\n"
                    "  input A[h,m,n], B[h,m,n]\n"
                    "  Z[h,m,n] = A[h,m,n] + B[h,m,n]" +
                    filter + "\n  output Z\n") {}
};

/// Cycles of the fastest nest that a search of so many tiles finds.
double findCycles(const EinsumOnArray &nest, const arch::ArchSpec &arch) {
  llvm::SmallVector<bool> mayBind(arch.levels.size(), false);
  Axes axes = Axes::of(Objective(), arch, mayBind);
  NestSearch search(nest, arch, axes);
  NestBounds bounds;
  bounds.beam = 2; // of best score, and of least space
  bounds.score = [](double, double cycles, double) { return cycles; };
  search.restart(std::move(bounds));
  double least = INFINITY;
  for (const NestEntry &entry : search.complete(0, Holdings{}, LatchTiles{}))
    least = std::min(least, entry.costs[axes.cycles]);
  return least;
}

/// Of all arrays: what such a search finds, and what there could be at least.
std::pair<double, double> findFastest(const CascadeFacts &facts,
                                      const arch::ArchSpec &arch,
                                      const NestLimits &limits) {
  EinsumConstraints constraints(facts, arch, 0);
  double found = INFINITY, least = INFINITY;
  for (int array = 0; array < static_cast<int>(arch.arrays.size()); ++array) {
    std::string unsupported;
    std::shared_ptr<CutTiles> cut;
    auto nest = describeEinsum(facts, arch, 0, array, constraints, limits,
                               unsupported, cut);
    if (!nest)
      continue;
    found = std::min(found, findCycles(*nest, arch));
    least = std::min(least, leastCycles(*nest));
  }
  return {found, least};
}

NestLimits sketchOf(bool instant) {
  NestLimits limits;
  limits.coarse = NestLimits::kCoarsest;
  limits.fewPairs = limits.sketch = true;
  limits.instant = instant;
  return limits;
}

} // namespace

TEST_CASE("quick searches keep matrix units busy", "[mapper][deals]") {
  std::string machine = GENERATE("h100", "a100", "a6000", "mi300x");
  std::string extents =
      GENERATE("M=1024, N=1024, K=1024", "M=2048, N=4096, K=4096");
  bool instant = GENERATE(true, false);
  INFO(machine << " " << extents << (instant ? " instant" : " sketch"));
  Product product(extents);
  arch::ArchSpec arch = readSpec(machine);
  NestLimits limits = sketchOf(instant);
  auto [found, least] = findFastest(product.facts, arch, limits);
  // Of two ways one can be had; of twelve a good one.
  CHECK(found <= (instant ? 32 : 1.5) * least);
}

TEST_CASE("sketches deal what is used once to most units", "[mapper][deals]") {
  std::string machine = GENERATE("h100", "a6000", "mi300x", "tpu-v5e");
  std::string filter = GENERATE("", " where m <= n");
  bool instant = GENERATE(true, false);
  INFO(machine << filter << (instant ? " instant" : " sketch"));
  Sum sum(filter);
  auto [found, least] =
      findFastest(sum.facts, readSpec(machine), sketchOf(instant));
  CHECK(found <= 8 * least);
}
