//===- MergedRanksTest.cpp - Ranks that always come together --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A projection of many heads, V[m,h,e] = I[m,d] * W[h,e,d], on a machine whose
// units keep one weight and on one whose units keep many. Where h and e are one
// rank, the best nest costs what it costs with both, and comes apart into their
// tiles. Of what is merged wrongly `einsum-optimality` would find a better
// tree.
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/MergedRanks.h"
#include "lib/Mapper/Nest/NestSearch.h"
#include "lib/Support/Diagnostics.h"
#include "test/unit/lib/Analysis/CascadeText.h"

#include <catch2/catch.hpp>

using namespace einsum;
using namespace einsum::mapper;

namespace {

constexpr const char *kHeads =
    "cascade heads(M=16, H=12, E=8, D=6) : i8\n  input I[m,d], W[h,e,d]\n"
    "  V[m,h,e] = I[m,d] * W[h,e,d]\n  output V\n";

std::string machineOf(int registerBytes) {
  return R"({"schema": "einsum-arch/1", "name": "m", "clock": "1 GHz", "word": "8 bit",
 "accounting": "looptree", "levels": [
  {"name": "DRAM", "access": "1 B", "energy": {"read": "20 pJ", "write": "30 pJ"}, "provenance": "test"},
  {"name": "L1", "parent": "DRAM", "access": "1 B", "capacity": "160 B", "energy": {"read": "2 pJ", "write": "3 pJ"}, "provenance": "test"},
  {"name": "R", "parent": "L1", "per": "pe", "access": "1 B", "capacity": ")" +
         std::to_string(registerBytes) +
         R"( B", "energy": {"read": "0 pJ", "write": "0 pJ"}, "provenance": "test"}],
 "arrays": [{"name": "pe", "level": "R", "shape": {"x": 4}, "ops": {"compute": {"energy": "1 pJ"}}, "provenance": "test"}],
 "constraints": [{"level": "R", "must_keep": ["weights"], "may_keep": ["weights"]}]})";
}

struct Projection : test::CascadeText {
  Projection(const std::string &machine, bool merges) : CascadeText(kHeads) {
    Diagnostics diagnostics;
    auto spec = arch::parseArchSpec(machine, "test.json", diagnostics);
    REQUIRE(spec);
    arch = std::move(*spec);
    constraints.emplace(facts, arch, 0);
    NestLimits limits;
    limits.imperfect = false;
    limits.mergesRanks = merges;
    std::string unsupported;
    std::shared_ptr<CutTiles> cut;
    nest = describeEinsum(facts, arch, 0, 0, *constraints, limits, unsupported,
                          cut);
    REQUIRE(nest);
  }

  arch::ArchSpec arch;
  std::optional<EinsumConstraints> constraints;
  std::optional<EinsumOnArray> nest;
};

} // namespace

TEST_CASE("heads and their elements are one rank", "[mapper][ranks]") {
  Projection with(machineOf(1), true), without(machineOf(1), false);
  MergedRanks merged(*with.nest, with.arch);
  REQUIRE(!merged.isEmpty());
  CHECK(MergedRanks(*without.nest, without.arch).isEmpty());
  REQUIRE(merged.getNest().ranks.size() == 3);
  CHECK(merged.getNest().ranks[1].extent == 96);
  // Divisors of 96, instead of six of 12 times four of 8.
  CHECK(merged.getNest().ranks[1].tiles.size() == 12);

  auto findLeast = [](const Projection &one, NestStep &first,
                      std::vector<NestNode> &nodes) {
    llvm::SmallVector<bool> mayBind(one.arch.levels.size(), true);
    Objective energy;
    energy.metrics = {Metric::energy};
    Axes axes = Axes::of(energy, one.arch, mayBind);
    NestSearch search(*one.nest, one.arch, axes);
    search.restart({});
    const NestEntry *best = nullptr;
    for (const NestEntry &entry : search.complete(0, Holdings{}, LatchTiles{}))
      if (!best || entry.costs[axes.energy] < best->costs[axes.energy])
        best = &entry;
    REQUIRE(best);
    first = best->step;
    nodes = search.listNodes(&best->step, {16, 12, 8, 6});
    return best->costs[axes.energy];
  };
  NestStep first;
  std::vector<NestNode> apart, together;
  double least = findLeast(without, first, apart);
  CHECK(findLeast(with, first, together) == Approx(least).epsilon(1e-12));
  // Falling tiles that divide, of h and e by themselves, down to single points.
  llvm::SmallVector<int64_t, 8> at = {16, 12, 8, 6};
  for (const NestNode &node : together) {
    REQUIRE(node.tiles.size() == 4);
    for (size_t rank = 0; rank < at.size(); ++rank)
      CHECK(at[rank] % node.tiles[rank] == 0);
    at = node.tiles;
    for (const Deal &deal : node.deals) {
      CHECK(at[deal.rank] % deal.units == 0);
      at[deal.rank] /= deal.units;
    }
  }
  CHECK(at == llvm::SmallVector<int64_t, 8>{1, 1, 1, 1});
}

TEST_CASE("ranks stay apart where units keep several elements",
          "[mapper][ranks]") {
  Projection one(machineOf(2), true);
  CHECK(MergedRanks(*one.nest, one.arch).isEmpty());
}

TEST_CASE("steps are shared out among the ranks of one", "[mapper][ranks]") {
  Projection one(machineOf(1), true);
  MergedRanks merged(*one.nest, one.arch);
  llvm::SmallVector<int64_t, 8> at = {16, 12, 8, 6}, products;
  merged.merge(at, products);
  CHECK(products == llvm::SmallVector<int64_t, 8>{16, 96, 6});
  merged.split({4, 6, 3}, at); // 96 to 6: h gives 4, and e the other 4
  CHECK(at[1] * at[2] == 6);
  CHECK(at == llvm::SmallVector<int64_t, 8>{4, 3, 2, 3});
}
