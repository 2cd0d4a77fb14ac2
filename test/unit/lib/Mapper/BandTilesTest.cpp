//===- BandTilesTest.cpp - Tiles of a triangle or a band, counted ---------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Random bands and grids, point by point, against the closed form.
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/BandTiles.h"

#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <set>

using namespace einsum;
using namespace einsum::mapper;

using Sizes = std::map<uint64_t, uint64_t>; ///< words to count

/// y - x + constant >= 0, or its opposite.
static Constraint differ(int sign, int64_t constant) {
  Constraint condition;
  condition.form.add(1, sign);
  condition.form.add(0, -sign);
  condition.form.constant = constant;
  return condition;
}

static Sizes walk(const std::vector<Constraint> &conditions,
                  BandTiles::Kind kind, const BandSide &x, const BandSide &y) {
  Sizes sizes;
  for (int64_t i = 0; i < x.count; ++i)
    for (int64_t j = 0; j < y.count; ++j) {
      std::set<int64_t> xs, ys;
      uint64_t points = 0;
      for (int64_t a = 0; a < x.size; ++a)
        for (int64_t b = 0; b < y.size; ++b) {
          std::vector<int64_t> at = {x.lo + i * x.size + a,
                                     y.lo + j * y.size + b};
          bool holds = true;
          for (const Constraint &condition : conditions)
            holds &= condition.holds(at);
          if (!holds)
            continue;
          ++points;
          xs.insert(at[0]);
          ys.insert(at[1]);
        }
      uint64_t words = kind == BandTiles::any   ? points > 0
                       : kind == BandTiles::ofX ? xs.size()
                       : kind == BandTiles::ofY ? ys.size()
                                                : points;
      if (words > 0)
        ++sizes[words];
    }
  return sizes;
}

TEST_CASE("tiles of bands are counted in closed form", "[mapper][cut-tiles]") {
  std::mt19937 random(17);
  auto draw = [&](int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(random);
  };
  for (int round = 0; round < 3000; ++round) {
    std::vector<Constraint> conditions = {
        differ(draw(0, 1) ? 1 : -1, draw(-6, 9))};
    if (draw(0, 1))
      conditions.push_back(differ(draw(0, 1) ? 1 : -1, draw(-6, 9)));
    if (draw(0, 9) == 0)
      conditions.back().isEquality = true;
    auto band = BandTiles::make(conditions);
    REQUIRE(band);
    BandSide x{draw(0, 5), draw(1, 7), draw(1, 6)},
        y{draw(0, 5), draw(1, 7), draw(1, 6)};
    for (auto kind :
         {BandTiles::any, BandTiles::ofX, BandTiles::ofY, BandTiles::points}) {
      CutSizes sizes;
      REQUIRE(band->count(kind, x, y, sizes));
      mergeSizes(sizes);
      Sizes counted;
      for (const CutSize &size : sizes) {
        counted[size.words] += size.count;
        CHECK(size.most == size.words);
        CHECK(size.total == size.words * size.count);
      }
      INFO("round " << round << ", kind " << int(kind));
      CHECK(counted == walk(conditions, kind, x, y));
    }
  }
}

TEST_CASE("what is no band of two ranks is left to others",
          "[mapper][cut-tiles]") {
  Constraint twice = differ(1, 0);
  twice.form.add(1, 1); // 2 * y - x
  CHECK_FALSE(BandTiles::make({twice}));
  Constraint single;
  single.form.add(0, 1);
  CHECK_FALSE(BandTiles::make({single}));
  CHECK_FALSE(BandTiles::make({}));
}

TEST_CASE("near sizes are counted together, none of them as more than it is",
          "[mapper][cut-tiles]") {
  CutSizes sizes;
  uint64_t n = 100000;
  for (uint64_t words = n; words > 0; --words)
    sizes.push_back(CutSize::of(words, 1));
  mergeSizes(sizes);
  CHECK(sizes.size() < n / 4);
  uint64_t count = 0, total = 0;
  for (const CutSize &size : sizes) {
    count += size.count;
    total += size.total;
    CHECK(size.words * size.count <= size.total);
    CHECK(size.total <= size.most * size.count);
  }
  CHECK(count == n);
  CHECK(total == n * (n + 1) / 2);
  CHECK(sizes.back().most == n);
}
