//===- ImageCounterTest.cpp - Closed counts against enumeration -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/ImageCounter.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <random>

using namespace einsum;

namespace {

AffineForm form(std::vector<int64_t> coefficients, int64_t constant = 0) {
  AffineForm form = AffineForm::number(constant);
  for (size_t i = 0; i < coefficients.size(); ++i)
    form.add(i, coefficients[i]);
  return form;
}

/// The definition: walk all points, collect elements.
std::map<SetMask, uint64_t> countNaively(unsigned ranks,
                                         const std::vector<ImagePiece> &pieces,
                                         const std::vector<Interval> &boxes) {
  std::map<std::vector<int64_t>, SetMask> elements;
  for (size_t id = 0; id < pieces.size(); ++id) {
    std::vector<int64_t> point(ranks);
    auto visit = [&](auto &&self, unsigned rank) -> void {
      if (rank == ranks) {
        for (const Constraint &constraint : pieces[id].constraints)
          if (!constraint.holds(point))
            return;
        std::vector<int64_t> element;
        for (const AffineForm &coordinate : pieces[id].coordinates)
          element.push_back(coordinate.evaluate(point));
        elements[element] |= SetMask(1) << pieces[id].set;
        return;
      }
      const Interval &side = boxes[id * ranks + rank];
      for (point[rank] = side.lo; point[rank] < side.hi; ++point[rank])
        self(self, rank + 1);
    };
    visit(visit, 0);
  }
  std::map<SetMask, uint64_t> counts;
  for (const auto &[element, mask] : elements)
    ++counts[mask];
  return counts;
}

std::map<SetMask, uint64_t> toMap(const Signature &signature) {
  return {signature.begin(), signature.end()};
}

} // namespace

TEST_CASE("A triangle is counted in few boxes", "[image]") {
  int64_t n = int64_t(1) << 30;
  Interval side{0, n};
  // m <= p
  CHECK(countPoints({side, side}, {{form({-1, 1})}}) ==
        uint64_t(n) * (n + 1) / 2);
  // p - 4096 < m <= p
  uint64_t w = 4096;
  CHECK(countPoints({side, side}, {{form({-1, 1})}, {form({1, -1}, w - 1)}}) ==
        w * (n - w) + w * (w + 1) / 2);
  // 256*m1 + m0 <= p
  CHECK(countPoints({{0, 4096}, {0, 256}, {0, 1 << 20}},
                    {{form({-256, -1, 1})}}) ==
        (uint64_t(1) << 20) * ((1 << 20) + 1) / 2);
}

TEST_CASE("Block masks are counted by blocks", "[image]") {
  // m floordiv 64 <= p floordiv 64
  AffineForm blocks;
  blocks.floors.push_back({1, form({0, 1}), 64});
  blocks.floors.push_back({-1, form({1, 0}), 64});
  uint64_t n = 1 << 16, b = n / 64;
  CHECK(countPoints({{0, int64_t(n)}, {0, int64_t(n)}}, {{blocks}}) ==
        64 * 64 * b * (b + 1) / 2);
}

TEST_CASE("A count beyond 64 bits is noticed", "[image]") {
  Interval side{0, int64_t(1) << 40};
  CHECK(!countPoints({side, side}, {}));
}

TEST_CASE("Overlapping windows are united exactly", "[image]") {
  // X[p + r] over p in [0,4) and p in [2,6), r in [0,3)
  std::vector<ImagePiece> pieces{{0, {form({1, 1})}, {}},
                                 {1, {form({1, 1})}, {}}};
  ImageCounter counter(2, pieces);
  CHECK(toMap(counter.count({{0, 4}, {0, 3}, {2, 6}, {0, 3}})) ==
        std::map<SetMask, uint64_t>{{1, 2}, {2, 2}, {3, 4}});
  CHECK(countImage({{0, 100}}, {form({2})}, {}) == 100u);
  CHECK(countImage({{0, 10}, {0, 4}}, {form({2, 3})}, {}) == 26u);
  CHECK(countImage({{0, 1000}, {0, 3}}, {form({2, 1})}, {}) == 2001u);
}

TEST_CASE("Ranks that join with gaps are counted, however long", "[image]") {
  // X[s] where s == k * N + n, of each k half of the n: 4 runs.
  int64_t n = int64_t(1) << 40, half = n / 2;
  std::vector<Interval> boxes = {{0, 4 * n}, {0, 4}, {5, 5 + half}};
  Constraint joins{form({1, -n, -1}), true};
  CHECK(countImage(boxes, {form({1, 0, 0})}, {joins}) ==
        static_cast<uint64_t>(4 * half));
  // The tile of s begins within a run and ends in a gap.
  boxes[0] = {10, 2 * n};
  CHECK(countImage(boxes, {form({1, 0, 0})}, {joins}) ==
        static_cast<uint64_t>(2 * half - 5));
  // Of many k a point of (k, n) has one s.
  boxes = {{0, 1 << 20}, {0, 1 << 10}, {0, 3}};
  joins.form = form({1, -1024, -2});
  CHECK(countImage(boxes, {form({1, 0, 0})}, {joins}) == 3072u);
}

TEST_CASE("Images agree with enumeration", "[image]") {
  std::mt19937 random(20240917);
  auto pick = [&](int low, int high) {
    return low + static_cast<int>(random() % (high - low + 1));
  };
  unsigned exhausted = 0;
  for (unsigned round = 0; round < 3000; ++round) {
    unsigned ranks = pick(1, 3), coordinates = pick(0, 2), images = pick(1, 3);
    std::vector<ImagePiece> pieces;
    auto randomForm = [&](int largest) {
      std::vector<int64_t> coefficients;
      for (unsigned i = 0; i < ranks; ++i)
        coefficients.push_back(pick(0, 2) == 0 ? 0 : pick(-largest, largest));
      return form(coefficients, pick(-3, 3));
    };
    std::vector<Interval> boxes;
    for (unsigned id = 0; id < images; ++id) {
      ImagePiece piece;
      piece.set = pick(0, 2);
      for (unsigned k = 0; k < coordinates; ++k)
        piece.coordinates.push_back(randomForm(pick(1, 3)));
      for (int c = pick(0, 2); c > 0; --c) {
        Constraint constraint{randomForm(pick(1, 3)), pick(0, 7) == 0};
        if (pick(0, 5) == 0)
          constraint.form.floors.push_back(
              {pick(-2, 2), randomForm(1), pick(2, 4)});
        piece.constraints.push_back(constraint);
      }
      pieces.push_back(piece);
      for (unsigned i = 0; i < ranks; ++i) {
        int lo = pick(-2, 4);
        boxes.push_back({lo, lo + pick(0, 9)});
      }
    }
    ImageCounter counter(ranks, pieces);
    INFO("round " << round);
    REQUIRE(toMap(counter.count(boxes)) == countNaively(ranks, pieces, boxes));
    exhausted += counter.exhausted;
    // The same counter, other boxes: what it remembers must still be right.
    for (Interval &side : boxes) {
      int shift = pick(-1, 2);
      side = {side.lo + shift, side.hi + shift + pick(0, 1)};
    }
    REQUIRE(toMap(counter.count(boxes)) == countNaively(ranks, pieces, boxes));
  }
  CHECK(exhausted == 0);
}
