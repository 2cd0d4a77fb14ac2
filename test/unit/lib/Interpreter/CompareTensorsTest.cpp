//===- CompareTensorsTest.cpp - Errors and where they are -----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Interpreter/CompareTensors.h"

#include <catch2/catch.hpp>

using namespace einsum::interp;

static Tensor make(const std::vector<double> &values) {
  Tensor tensor;
  tensor.format = findFloatFormat("f64");
  tensor.extents = {static_cast<int64_t>(values.size())};
  for (double value : values)
    tensor.values.push_back(Scalar::ofReal(value));
  return tensor;
}

TEST_CASE("the largest errors and where they are", "[interpreter]") {
  Comparison c = compareTensors(make({1, 100, 0.001}), make({1, 101, 0.002}));
  CHECK(c.absolute.error == 1);
  CHECK(c.absolute.position == 1);
  CHECK(c.absolute.left == 100);
  CHECK(c.absolute.right == 101);
  CHECK(c.relative.error == 0.5);
  CHECK(c.relative.position == 2);
  CHECK(c.scaled == Approx(1.0 / 101));
  CHECK(c.compared == 3);
  CHECK(c.agrees(0.01));
  CHECK_FALSE(c.agrees(0.009));
}

TEST_CASE("NaN and infinities agree with themselves alone", "[interpreter]") {
  CHECK(compareTensors(make({NAN, HUGE_VAL, -HUGE_VAL}),
                       make({NAN, HUGE_VAL, -HUGE_VAL}))
            .agrees(0));
  Comparison c = compareTensors(make({NAN, HUGE_VAL, 1, HUGE_VAL}),
                                make({1, -HUGE_VAL, HUGE_VAL, HUGE_VAL}));
  CHECK(c.nanMismatches == 1);
  CHECK(c.infMismatches == 2);
  CHECK(c.firstMismatch->position == 0);
  CHECK_FALSE(c.agrees(1e9));
}

TEST_CASE("an element that only one has is a mismatch", "[interpreter]") {
  Tensor a = make({1, 2}), b = make({1, 3});
  a.present = {1, 0};
  CHECK(compareTensors(a, b).presenceMismatches == 1);
  b.present = {1, 0};
  CHECK(compareTensors(a, b).agrees(0));
}

TEST_CASE("opposite numbers at the end of the range differ", "[interpreter]") {
  CHECK_FALSE(compareTensors(make({1.7e308}), make({-1.7e308})).agrees(1));
  CHECK(compareTensors(make({0, -0.0}), make({-0.0, 0})).agrees(0));
}

TEST_CASE("a summary leaves out what is not finite", "[interpreter]") {
  Tensor tensor = make({1, NAN, HUGE_VAL, 3, 5});
  tensor.present = {1, 1, 1, 1, 0};
  TensorSummary s = summarize(tensor);
  CHECK(s.elements == 5);
  CHECK(s.absent == 1);
  CHECK(s.nan == 1);
  CHECK(s.infinite == 1);
  CHECK(s.minimum == 1);
  CHECK(s.maximum == 3);
  CHECK(s.mean == 2);
  CHECK(s.rms == Approx(std::sqrt(5)));
}
