//===- SkiSlopeTest.cpp - Known points of ski slopes ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/SkiSlope.h"
#include "test/unit/lib/Analysis/CascadeText.h"

using namespace einsum;
using namespace einsum::mapper;
using einsum::test::CascadeText;

static std::string gemm(int64_t extent, const char *type) {
  std::string n = std::to_string(extent);
  return "cascade g(M=" + n + ", N=" + n + ", K=" + n + ") : " + type +
         "\n  input A[m,k], B[k,n]\n  Z[m,n] = A[m,k] * B[k,n]\n  output Z\n";
}

TEST_CASE("GEMM 4096^3 has the ski slope of Orojenesis", "[ski-slope]") {
  // Three matrices of 8-bit elements: 402 653 184 bits once one matrix, a row
  // of another and an element of the third fit.
  CascadeText cascade(gemm(4096, "i8"));
  SkiSlope slope = computeSkiSlope(cascade.facts, "as written");
  REQUIRE(slope.points.back().foundBytes);
  CHECK(*slope.points.back().foundBytes * 8 == 402653184);
  CHECK(slope.compulsoryBytes * 8 == 402653184);
  REQUIRE(slope.knees.size() == 1);
  CHECK(slope.knees[0].capacityBytes == 4096 * 4096 + 4096 + 1);
  for (const SlopePoint &point : slope.points) {
    REQUIRE(point.foundBytes);
    CHECK(*point.foundBytes >= point.boundBytes);
    CHECK(point.heldBytes <= point.capacityBytes);
    if (point.capacityBytes >= 1024 && point.capacityBytes <= 262144)
      CHECK(*point.foundBytes <= 1.2 * static_cast<double>(point.boundBytes));
  }
}

TEST_CASE("a ski slope does not depend on the number of threads",
          "[ski-slope]") {
  CascadeText cascade("cascade f(M=64, D=32, H=48, O=16) : f16\n"
                      "  input X[m,d], W[d,h], U[h,o]\n"
                      "  Y[m,h] = X[m,d] * W[d,h]\n"
                      "  G[m,h] = max(Y[m,h], 0)\n"
                      "  Z[m,o] = G[m,h] * U[h,o]\n"
                      "  output Z\n");
  SkiSlopeOptions options;
  SkiSlope one = computeSkiSlope(cascade.facts, "one", options);
  options.threads = 3;
  SkiSlope three = computeSkiSlope(cascade.facts, "three", options);
  REQUIRE(one.points.size() == three.points.size());
  for (size_t i = 0; i < one.points.size(); ++i) {
    CHECK(one.points[i].foundBytes == three.points[i].foundBytes);
    REQUIRE(one.points[i].groups.size() == three.points[i].groups.size());
    for (size_t g = 0; g < one.points[i].groups.size(); ++g)
      CHECK(one.points[i].groups[g].describe(cascade.facts) ==
            three.points[i].groups[g].describe(cascade.facts));
  }
}

TEST_CASE("fusion and rank passes show in the slope", "[ski-slope]") {
  // A row that fits is read once; below that, once per rank pass.
  CascadeText cascade("cascade n(R=64, H=1024) : f16\n"
                      "  input X[r,h]\n"
                      "  S[r] = X[r,h]\n"
                      "  D[r,h] = X[r,h] - S[r]\n"
                      "  V[r] = D[r,h]\n"
                      "  Y[r,h] = D[r,h] / V[r]\n"
                      "  output Y\n");
  SkiSlopeOptions options;
  options.passes = bounds::collectPassFacts(cascade.facts);
  REQUIRE(options.passes.size() >= 1);
  SkiSlope slope = computeSkiSlope(cascade.facts, "as written", options);
  uint64_t tensor = 64 * 1024 * 2;
  CHECK(*slope.points.back().foundBytes == 2 * tensor);
  CHECK(*slope.points.front().foundBytes > 3 * tensor);
  CHECK(slope.points.front().boundBytes > 2 * tensor);
  bool marked = false;
  for (const SlopeKnee &knee : slope.knees)
    marked |= knee.capacityBytes == 2048 &&
              llvm::StringRef(knee.text).contains("3 rank passes over X/h");
  CHECK(marked);
}

TEST_CASE("tiles lead to different numbers of steps", "[ski-slope]") {
  CHECK(tilesOf(12, 100) == std::vector<int64_t>{1, 2, 3, 4, 6, 12});
  CHECK(tilesOf(7, 100) == std::vector<int64_t>{1, 2, 3, 4, 7});
  std::vector<int64_t> few = tilesOf(16384, 12);
  CHECK(few.size() <= 13);
  CHECK(few.front() == 1);
  CHECK(few.back() == 16384);
}
