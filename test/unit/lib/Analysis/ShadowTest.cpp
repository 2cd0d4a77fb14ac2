// Removal of variables against enumeration of small sets.
#include "lib/Analysis/Shadow.h"

#include "mlir/Analysis/Presburger/PresburgerRelation.h"

#include <catch2/catch.hpp>
#include <random>

using namespace mlir::presburger;

namespace {

/// Two variables that stay and three that are removed, all from 0 to 5.
constexpr int kEnd = 6;

IntegerPolyhedron makeBox() {
  IntegerPolyhedron set(PresburgerSpace::getSetSpace(2, 0, 3));
  for (unsigned variable = 0; variable < 5; ++variable) {
    std::vector<int64_t> row(6, 0);
    row[variable] = 1;
    set.addInequality(row);
    row[variable] = -1;
    row[5] = kEnd - 1;
    set.addInequality(row);
  }
  return set;
}

bool has(const IntegerPolyhedron &set, int64_t x, int64_t y) {
  IntegerPolyhedron at = set;
  at.addBound(BoundType::EQ, 0, x);
  at.addBound(BoundType::EQ, 1, y);
  return !at.isIntegerEmpty();
}

} // namespace

TEST_CASE("the coordinate of two tiles under a window needs no tiles") {
  // t = 4 a + b, b < 4, a < 6, t <= p, t >= p - 6
  IntegerPolyhedron set(PresburgerSpace::getSetSpace(2, 0, 2));
  set.addEquality({0, 1, -4, -1, 0});
  set.addInequality({0, 0, 0, 1, 0});
  set.addInequality({0, 0, 0, -1, 3});
  set.addInequality({0, 0, 1, 0, 0});
  set.addInequality({0, 0, -1, 0, 5});
  set.addInequality({1, 0, -4, -1, 0});
  set.addInequality({-1, 0, 4, 1, 6});
  IntegerPolyhedron reduced = einsum::removeExactly(set);
  CHECK(reduced.getNumLocalVars() == 0);
  for (int64_t p = -2; p < 32; ++p)
    for (int64_t t = -2; t < 30; ++t)
      CHECK(has(reduced, p, t) == (t >= 0 && t < 24 && t <= p && t >= p - 6));
}

TEST_CASE("an even number keeps its half") {
  IntegerPolyhedron set(PresburgerSpace::getSetSpace(2, 0, 1));
  set.addEquality({1, 0, -2, 0});
  std::optional<IntegerPolyhedron> reduced = einsum::shrink(set);
  REQUIRE(reduced);
  CHECK(has(*reduced, 4, 0));
  CHECK(!has(*reduced, 3, 0));
}

TEST_CASE("removal keeps the set, and shrinking stays inside it") {
  std::mt19937 random(7);
  auto pick = [&](int low, int high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  int whole = 0, points = 0, kept = 0;
  for (int trial = 0; trial < 60; ++trial) {
    IntegerPolyhedron set = makeBox();
    for (int i = 0; i < 3; ++i) {
      std::vector<int64_t> row;
      for (int j = 0; j < 5; ++j)
        row.push_back(pick(-3, 3));
      row.push_back(pick(-4, 8));
      if (i == 0 && trial % 3 == 0)
        set.addEquality(row);
      else
        set.addInequality(row);
    }
    IntegerPolyhedron exact = einsum::removeExactly(set);
    std::optional<IntegerPolyhedron> subset = einsum::shrink(set);
    // Given up only where an equality ties variables together.
    REQUIRE((subset || trial % 3 == 0));
    if (!subset)
      continue;
    CHECK(subset->hasOnlyDivLocals());
    whole += exact.getNumLocalVars() == 0;
    for (int64_t x = 0; x < kEnd; ++x)
      for (int64_t y = 0; y < kEnd; ++y) {
        bool isThere = has(set, x, y);
        CHECK(has(exact, x, y) == isThere);
        bool isKept = has(*subset, x, y);
        CHECK((!isKept || isThere));
        points += isThere;
        kept += isKept;
      }
  }
  // Neither does nothing, and little is lost.
  CHECK(whole > 5);
  CHECK(kept * 10 > points * 8);
}
