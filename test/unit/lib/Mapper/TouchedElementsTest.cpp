//===- TouchedElementsTest.cpp - What of a tensor is touched --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/TouchedElements.h"
#include "test/unit/lib/Analysis/CascadeText.h"

#include <catch2/catch.hpp>

using namespace einsum;
using namespace einsum::mapper;

static uint64_t count(const std::string &cascade, const std::string &tensor) {
  test::CascadeText text(cascade);
  return countTouched(text.facts, text.tensor(tensor));
}

TEST_CASE("accesses of several Einsums are united") {
  std::string text = "cascade c(B=4) : f32\n"
                     "  input I[b]\n"
                     "  Y[b] = I[b-1]\n"
                     "  Z[b] = Y[b] * I[b] where b >= 2\n"
                     "  output Z\n";
  CHECK(count(text, "I") == 4);
  CHECK(count(text, "Y") == 3); // Y[0] would read what is not there
  CHECK(count(text, "Z") == 2);
}

TEST_CASE("what is plainly all is all") {
  std::string text = "cascade c(A=3, B=4) : f32\n"
                     "  input I[b,a]\n"
                     "  Y[a] = I[b,a]\n"
                     "  output Y\n";
  CHECK(count(text, "I") == 12);
}

TEST_CASE("initial values are no elements, and one step may be enough") {
  test::CascadeText text("cascade c(A=4, B=3) : f32\n"
                         "  input I[a,b]\n"
                         "  Y[a,b] = Y[a-1,b] + I[a,b] init 0\n"
                         "  Z[a,b] = exp(Y[a-2,b])\n"
                         "  output Z\n");
  int y = text.tensor("Y");
  CHECK(countTouched(text.facts, y) == 12);
  CHECK(leastHomeBytes(text.facts, y) == 3 * 4);
  CHECK(leastHomeBytes(text.facts, text.tensor("Z")) == 12 * 4);
}
