//===- SampleDataTest.cpp - Distributions are what they say ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Interpreter/SampleData.h"

#include "lib/Interpreter/CompareTensors.h"

#include <catch2/catch.hpp>
#include <set>

using namespace einsum::interp;

static Tensor sample(const std::string &distribution, uint64_t seed = 0,
                     const std::string &name = "X",
                     const NumberFormat *format = findFloatFormat("f64"),
                     const std::vector<int64_t> &extents = {64, 64}) {
  Tensor tensor;
  tensor.name = name;
  tensor.extents = extents;
  tensor.format = format;
  size_t size = 1;
  for (int64_t extent : extents)
    size *= extent;
  tensor.values.resize(size);
  auto sampling = parseSampling(distribution);
  REQUIRE(sampling);
  fillWithSamples(tensor, *sampling, seed);
  return tensor;
}

static std::set<double> valuesOf(const Tensor &tensor) {
  std::set<double> values;
  for (size_t i = 0; i < tensor.size(); ++i)
    values.insert(tensor.toDouble(i));
  return values;
}

static bool isSame(const Tensor &a, const Tensor &b) {
  return compareTensors(a, b).absolute.error == 0;
}

TEST_CASE("data depend on seed and name alone", "[interpreter]") {
  CHECK(isSame(sample("normal", 3, "Q"), sample("normal", 3, "Q")));
  CHECK_FALSE(isSame(sample("normal", 3, "Q"), sample("normal", 4, "Q")));
  CHECK_FALSE(isSame(sample("normal", 3, "Q"), sample("normal", 3, "K")));
  // Fixed for good: stored results stay comparable.
  CHECK(sample("normal", 0, "Q").toDouble(0) ==
        Approx(sample("normal", 0, "Q").toDouble(0)));
}

TEST_CASE("moments and ranges", "[interpreter]") {
  TensorSummary normal = summarize(sample("normal"));
  CHECK(std::fabs(normal.mean) < 0.1);
  CHECK(normal.rms == Approx(1).epsilon(0.1));
  TensorSummary scaled = summarize(sample("normal:30"));
  CHECK(scaled.rms == Approx(30 * normal.rms));
  TensorSummary uniform = summarize(sample("uniform"));
  CHECK(uniform.minimum > -1);
  CHECK(uniform.maximum < 1);
  CHECK(uniform.rms == Approx(1 / std::sqrt(3)).epsilon(0.1));
  TensorSummary positive = summarize(sample("positive"));
  CHECK(positive.minimum >= 0.5);
  TensorSummary large = summarize(sample("large"));
  CHECK(large.maximum > 9900);
  CHECK(large.minimum < -9900);
  TensorSummary offset = summarize(sample("offset"));
  CHECK(offset.mean == Approx(1000).epsilon(0.001));
  CHECK(offset.maximum - offset.minimum < 10);
}

TEST_CASE("values that are met several times", "[interpreter]") {
  CHECK(valuesOf(sample("ties")) == std::set<double>{-1, 0, 1});
  CHECK(valuesOf(sample("equal")).size() == 1);
  Tensor crossing = sample("zero-crossing");
  for (size_t i = 0; i < crossing.size(); i += 2)
    REQUIRE(crossing.toDouble(i) == -crossing.toDouble(i + 1));
  CHECK(valuesOf(crossing).size() > 2);
}

TEST_CASE("monotone along every rank", "[interpreter]") {
  Tensor up = sample("increasing"), down = sample("decreasing");
  for (int64_t i = 0; i < 64; ++i)
    for (int64_t j = 1; j < 64; ++j) {
      REQUIRE(up.at({i, j}) > up.at({i, j - 1}));
      REQUIRE(up.at({j, i}) > up.at({j - 1, i}));
      REQUIRE(down.at({i, j}) < down.at({i, j - 1}));
      REQUIRE(down.at({j, i}) < down.at({j - 1, i}));
    }
}

TEST_CASE("masks cover single elements and whole slices", "[interpreter]") {
  Tensor masked = sample("masked");
  unsigned wholeRows = 0, mixedRows = 0;
  for (int64_t i = 0; i < 64; ++i) {
    unsigned infinite = 0;
    for (int64_t j = 0; j < 64; ++j)
      infinite += std::isinf(masked.at({i, j}));
    wholeRows += infinite == 64;
    mixedRows += infinite > 0 && infinite < 64;
  }
  CHECK(wholeRows > 4);
  CHECK(mixedRows > 20);
}

TEST_CASE("integers and truth values", "[interpreter]") {
  Tensor integers = sample("normal", 0, "X", getIntegerFormat(8));
  CHECK(valuesOf(integers).size() > 20);
  CHECK(*valuesOf(sample("large", 0, "X", getIntegerFormat(8))).rbegin() ==
        127);
  CHECK(valuesOf(sample("normal", 0, "X", getIntegerFormat(1))) ==
        std::set<double>{0, 1});
}

TEST_CASE("what is no distribution", "[interpreter]") {
  CHECK_FALSE(parseSampling("gaussian"));
  CHECK_FALSE(parseSampling("normal:"));
  CHECK_FALSE(parseSampling("normal:inf"));
  CHECK_FALSE(parseSampling(""));
  CHECK(parseSampling("large:0.5")->scale == 0.5);
}
