//===- CoverTest.cpp - No set of points exceeds its cover -----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The inequality that everything rests on, checked on sets of points: boxes,
// which make it tight, and random sets.
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/IoBounds/Cover.h"
#include "lib/Analysis/IoBounds/Segments.h"
#include "lib/Analysis/IoBounds/Values.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <set>

using namespace einsum;
using namespace einsum::bounds;

namespace {

/// Terms as (rank, coefficient).
Coordinate coordinate(std::initializer_list<Coordinate::Term> terms) {
  Coordinate result;
  result.terms.assign(terms);
  return result;
}

Nest gemm() {
  Nest nest;
  nest.extents = {5, 4, 6}; // m n k
  nest.operands = {{coordinate({{0, 1}}), coordinate({{2, 1}})},
                   {coordinate({{2, 1}}), coordinate({{1, 1}})},
                   {coordinate({{0, 1}}), coordinate({{1, 1}})}};
  return nest;
}

/// O[p] = I[s*p + d*r] * F[r]
Nest convolution(int64_t stride, int64_t dilation) {
  Nest nest;
  nest.extents = {7, 4};
  nest.operands = {{coordinate({{0, 1}})},
                   {coordinate({{0, stride}, {1, dilation}})},
                   {coordinate({{1, 1}})}};
  return nest;
}

/// O[k,p,q] = I[c,p+r,q+s] * F[k,c,r,s]
Nest convolution2d() {
  Nest nest;
  nest.extents = {2, 2, 3, 3, 2, 2}; // k c p q r s
  nest.operands = {
      {coordinate({{0, 1}}), coordinate({{2, 1}}), coordinate({{3, 1}})},
      {coordinate({{1, 1}}), coordinate({{2, 1}, {4, 1}}),
       coordinate({{3, 1}, {5, 1}})},
      {coordinate({{0, 1}}), coordinate({{1, 1}}), coordinate({{4, 1}}),
       coordinate({{5, 1}})}};
  return nest;
}

/// X[i+j], Y[i-j], Z[i+2j]: three lines that no coordinate axis tells apart.
Nest skewed() {
  Nest nest;
  nest.extents = {6, 6};
  nest.operands = {{coordinate({{0, 1}, {1, 1}})},
                   {coordinate({{0, 1}, {1, -1}})},
                   {coordinate({{0, 1}, {1, 2}})}};
  return nest;
}

/// K[4*m1 + m0], Q[p], S[m1,m0,p]
Nest split() {
  Nest nest;
  nest.extents = {3, 4, 5}; // m1 m0 p
  nest.operands = {
      {coordinate({{0, 4}, {1, 1}})},
      {coordinate({{2, 1}})},
      {coordinate({{0, 1}}), coordinate({{1, 1}}), coordinate({{2, 1}})}};
  return nest;
}

/// More overlapping lines than the lattice may have: slices are the way out.
Nest tangled() {
  Nest nest;
  nest.extents = {3, 3, 3, 3};
  for (int64_t a : {1, 2, 3, 5})
    nest.operands.push_back({coordinate({{0, 1}, {1, a}}),
                             coordinate({{2, 1}, {3, -a}}),
                             coordinate({{1, 1}, {2, a + 1}})});
  return nest;
}

using Points = std::set<std::vector<int64_t>>;

size_t countImage(const Points &points, llvm::ArrayRef<Coordinate> operand) {
  std::set<std::vector<int64_t>> image;
  for (const std::vector<int64_t> &point : points) {
    std::vector<int64_t> element;
    for (const Coordinate &c : operand) {
      int64_t value = c.constant;
      for (const Coordinate::Term &term : c.terms)
        value += term.coefficient * point[term.rank];
      element.push_back(value);
    }
    image.insert(element);
  }
  return image.size();
}

void checkCover(const Nest &nest, const Cover &cover, const Points &points) {
  if (points.empty())
    return;
  for (const Exponents &vertex : cover.vertices) {
    double logLimit = 0;
    for (size_t j = 0; j < nest.operands.size(); ++j)
      logLimit +=
          vertex.operands[j].value() *
          std::log(static_cast<double>(countImage(points, nest.operands[j])));
    for (size_t i = 0; i < nest.extents.size(); ++i)
      logLimit += vertex.ranks[i].value() *
                  std::log(static_cast<double>(nest.extents[i]));
    CHECK(std::log(static_cast<double>(points.size())) <= logLimit + 1e-9);
  }
}

Points makeBox(const Nest &nest, std::mt19937 &random) {
  std::vector<std::pair<int64_t, int64_t>> sides;
  for (int64_t extent : nest.extents) {
    int64_t lo = random() % extent;
    sides.push_back({lo, lo + 1 + random() % (extent - lo)});
  }
  Points points;
  std::vector<int64_t> point;
  std::function<void(size_t)> fill = [&](size_t i) {
    if (i == sides.size()) {
      points.insert(point);
      return;
    }
    for (int64_t x = sides[i].first; x < sides[i].second; ++x) {
      point.push_back(x);
      fill(i + 1);
      point.pop_back();
    }
  };
  fill(0);
  return points;
}

} // namespace

TEST_CASE("no set of points exceeds its cover", "[bounds]") {
  std::mt19937 random(1);
  for (const Nest &nest :
       {gemm(), convolution(1, 1), convolution(2, 1), convolution(2, 3),
        convolution2d(), skewed(), split(), tangled()}) {
    Cover cover = computeCover(nest);
    INFO(cover.method);
    REQUIRE(!cover.vertices.empty());
    for (int i = 0; i < 40; ++i) {
      Points box = makeBox(nest, random);
      checkCover(nest, cover, box);
      Points some;
      for (const std::vector<int64_t> &point : box)
        if (random() % 3 != 0)
          some.insert(point);
      checkCover(nest, cover, some);
    }
  }
}

TEST_CASE("covers are those of the literature", "[bounds]") {
  auto has = [](const Nest &nest, std::initializer_list<Rational> operands) {
    for (const Exponents &vertex : computeCover(nest).vertices) {
      bool alone =
          llvm::all_of(vertex.ranks, [](Rational t) { return t.isZero(); });
      if (alone && llvm::ArrayRef(operands.begin(), operands.size()) ==
                       llvm::ArrayRef(vertex.operands))
        return true;
    }
    return false;
  };
  Rational half(1, 2), one(1), none(0);
  CHECK(computeCover(gemm()).method == std::string("Loomis-Whitney"));
  CHECK(has(gemm(), {half, half, half}));
  CHECK(has(gemm(), {one, one, none}));
  // A window: any two of output, input and filter name a point, and no mean of
  // all three with a smaller sum will do.
  CHECK(computeCover(convolution(1, 1)).method ==
        std::string("Hoelder-Brascamp-Lieb"));
  CHECK(has(convolution(1, 1), {one, none, one}));
  CHECK(has(convolution(1, 1), {none, one, one}));
  CHECK(!has(convolution(1, 1), {half, half, half}));
  CHECK(has(skewed(), {one, one, none}));
  CHECK(computeCover(tangled()).method == std::string("fixed offsets"));
  // The digits of a split rank are as good as the rank.
  CHECK(has(split(), {one, one, none}));
}

TEST_CASE("segments give the known constant of GEMM", "[bounds]") {
  // 2 M N K / sqrt(S) words (Smith et al. 2019), up to the last segment.
  WeightedNest nest;
  nest.nest = gemm();
  nest.nest.extents = {4096, 4096, 4096};
  nest.tensors = {0, 1, 2};
  nest.bits = {16, 16, 16};
  PointLimit limit(nest);
  for (uint64_t words : {256u, 4096u, 65536u}) {
    long double bits = 16.0L * words;
    PointExponents exponents = limit.choose(2.5L * bits);
    SegmentBound bound = maximizeSegments(
        uint64_t{1} << 36, bits, Grain{16, 16},
        [&](long double x) { return limit.logPoints(exponents, bits + x); });
    double expected = 2.0 * std::pow(2.0, 36) / std::sqrt(words) * 16;
    CHECK(static_cast<double>(bound.bits) <= expected);
    CHECK(static_cast<double>(bound.bits) >= expected * 0.97);
  }
}

TEST_CASE("values of a coordinate are counted exactly where they can be",
          "[bounds]") {
  std::mt19937 random(2);
  for (int i = 0; i < 300; ++i) {
    Coordinate c;
    llvm::SmallVector<int64_t> extents;
    std::set<int64_t> values = {0};
    for (int k = 0; k < 1 + static_cast<int>(random() % 3); ++k) {
      int64_t coefficient = static_cast<int64_t>(random() % 13) - 6,
              extent = 1 + random() % 5;
      c.terms.push_back({k, coefficient});
      extents.push_back(extent);
      std::set<int64_t> next;
      for (int64_t value : values)
        for (int64_t x = 0; x < extent; ++x)
          next.insert(value + coefficient * x);
      values = next;
    }
    CHECK(countValues(c, extents) == values.size());
    int64_t all = 1;
    for (auto [term, extent] : llvm::zip(c.terms, extents))
      all *= term.coefficient == 0 ? 1 : extent;
    // 2x + 3y with x, y < 2 could be decoded too, but not digit by digit.
    if (isDecodable(c, extents))
      CHECK(static_cast<int64_t>(values.size()) == all);
  }
}
