//===- ExecutionStyleTest.cpp - Steps by the bits of operands -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/ExecutionStyle.h"

#include <catch2/catch.hpp>

using namespace einsum::arch;
using Kind = ExecutionStyle::Kind;

static double steps(Kind kind, uint64_t perStep, const char *datatype) {
  auto bits = getOperandBits(datatype);
  REQUIRE(bits);
  return countSteps({kind, perStep}, *bits);
}

TEST_CASE("bits of operands", "[arch]") {
  CHECK(getOperandBits("bf16*int4")->narrow == 4);
  CHECK(getOperandBits("bf16*int4")->wide == 16);
  CHECK(getOperandBits("i8")->narrow == 8);
  CHECK(getOperandBits("f8E4M3FN")->wide == 8);
  CHECK(getOperandBits("mxfp4")->narrow == 4);
  CHECK(!getOperandBits("complex"));
  CHECK(!getOperandBits("bf16*complex"));
}

// Bit-serial steps of BitMoD (Chen et al., HPCA 2025): two for 3 and 4 bits,
// three for 6, four for 8.
TEST_CASE("steps", "[arch]") {
  CHECK(steps(Kind::BitSerial, 2, "f16*i3") == 2);
  CHECK(steps(Kind::BitSerial, 2, "f16*i4") == 2);
  CHECK(steps(Kind::BitSerial, 2, "f16*i6") == 3);
  CHECK(steps(Kind::BitSerial, 2, "f16*i8") == 4);
  CHECK(steps(Kind::BitPlane, 1, "i4*i2") == 8);
  CHECK(steps(Kind::Lut, 4, "i8*i4") == 1);
  CHECK(steps(Kind::Lut, 4, "i8*i2") == 0.5);
}
