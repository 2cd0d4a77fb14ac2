//===- NumberFormatTest.cpp - Rounding against APFloat --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/lib/Interpreter/Cascades.h"

#include "llvm/ADT/APFloat.h"

#include <catch2/catch.hpp>
#include <random>

using namespace einsum;
using namespace einsum::interp;
using namespace einsum::test;
using llvm::APFloat;

static const std::pair<const char *, const llvm::fltSemantics &(*)()>
    kNarrow[] = {
        {"tf32", APFloat::FloatTF32},
        {"f16", APFloat::IEEEhalf},
        {"bf16", APFloat::BFloat},
        {"f8E5M2", APFloat::Float8E5M2},
        {"f8E4M3", APFloat::Float8E4M3},
        {"f8E4M3FN", APFloat::Float8E4M3FN},
        {"f8E5M2FNUZ", APFloat::Float8E5M2FNUZ},
        {"f8E4M3FNUZ", APFloat::Float8E4M3FNUZ},
        {"f8E4M3B11FNUZ", APFloat::Float8E4M3B11FNUZ},
        {"f6E3M2FN", APFloat::Float6E3M2FN},
        {"f6E2M3FN", APFloat::Float6E2M3FN},
        {"f4E2M1FN", APFloat::Float4E2M1FN},
};

static double toDouble(APFloat number) {
  bool losesInfo = false;
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                 &losesInfo);
  return number.convertToDouble();
}

static double roundByAPFloat(double value,
                             const llvm::fltSemantics &semantics) {
  APFloat number(value);
  bool losesInfo = false;
  number.convert(semantics, APFloat::rmNearestTiesToEven, &losesInfo);
  return toDouble(number);
}

static bool isSame(double a, double b) {
  return std::isnan(a) ? std::isnan(b)
                       : a == b && std::signbit(a) == std::signbit(b);
}

/// Counts, so that a million comparisons are one assertion.
struct Tally {
  uint64_t checked = 0, wrong = 0;
  double firstWrong = 0;

  void check(double input, double got, double wanted) {
    ++checked;
    if (!isSame(got, wanted) && wrong++ == 0)
      firstWrong = input;
  }
};

TEST_CASE(
    "every code point, every midpoint and their neighbours round as in APFloat",
    "[interpreter]") {
  for (const auto &entry : kNarrow) {
    const char *name = entry.first;
    auto *semantics = entry.second;
    const NumberFormat &format = *findFloatFormat(name);
    unsigned bits = APFloat::semanticsSizeInBits(semantics());
    Tally tally;
    auto check = [&](double value) {
      for (double x : {value, -value})
        tally.check(x, format.round(x), roundByAPFloat(x, semantics()));
    };
    double previous = 0;
    for (uint64_t code = 0; code < (uint64_t{1} << (bits - 1)); ++code) {
      double value = toDouble(APFloat(semantics(), llvm::APInt(bits, code)));
      check(value);
      if (!std::isfinite(value))
        continue;
      tally.check(value, format.round(value),
                  value); // a value of the format stays
      double middle = previous / 2 + value / 2;
      check(middle);
      check(std::nextafter(middle, kInf));
      check(std::nextafter(middle, -kInf));
      previous = value;
    }
    double beyond =
        format.largest + (format.largest - std::ldexp(format.largest, -1));
    for (double x :
         {beyond, format.largest * (1 + std::ldexp(1, -format.precision)),
          std::nextafter(format.largest, kInf), 1e300, kInf})
      if (std::isfinite(x) || std::isinf(format.overflow))
        check(x);
    INFO(name << ": " << tally.wrong << " wrong, the first at "
              << tally.firstWrong);
    CHECK(tally.wrong == 0);
    CHECK(tally.checked > (uint64_t{1} << (bits - 1)));
  }
}

TEST_CASE("bf16 keeps NaN and infinity", "[interpreter]") {
  const NumberFormat &format = *findFloatFormat("bf16");
  CHECK(std::isnan(format.round(kNaN)));
  CHECK(format.round(-kInf) == -kInf);
  CHECK(format.round(3.5e38) == kInf);
}

TEST_CASE("a format without infinity saturates or has NaN", "[interpreter]") {
  CHECK(std::isnan(findFloatFormat("f8E4M3FN")->round(1000)));
  CHECK(findFloatFormat("f8E4M3FN")->smallestValue().real == -448);
  CHECK(findFloatFormat("f4E2M1FN")->round(100) == 6);
  CHECK(findFloatFormat("f4E2M1FN")->smallestValue().real == -6);
  CHECK(findFloatFormat("f8E5M2")->smallestValue().real == -kInf);
}

TEST_CASE("f32 in double and rounded once is f32", "[interpreter]") {
  const NumberFormat &format = *findFloatFormat("f32");
  std::mt19937 random(1);
  Tally tally;
  for (int i = 0; i < 200000; ++i) {
    // Any bit pattern, subnormal numbers, infinities and NaN among them.
    float a = llvm::bit_cast<float>(static_cast<uint32_t>(random()));
    float b = llvm::bit_cast<float>(static_cast<uint32_t>(random()));
    auto hasExponent = [](float x) { return std::isfinite(x) && x != 0; };
    if (i % 2 && hasExponent(a) && hasExponent(b)) // sums cancel nearby
      b = std::ldexp(b, std::ilogb(a) - std::ilogb(b));
    double x = a, y = b;
    tally.check(x, format.round(x + y), a + b);
    tally.check(x, format.round(x - y), a - b);
    tally.check(x, format.round(x * y), a * b);
    tally.check(x, format.round(x / y), a / b);
    tally.check(x, format.round(std::sqrt(x)), std::sqrt(a));
  }
  INFO("the first wrong one is at " << tally.firstWrong);
  CHECK(tally.wrong == 0);
}

/// The operation in APFloat, in the narrow format itself.
template <typename Op>
static double inFormat(double a, double b, const llvm::fltSemantics &semantics,
                       Op op) {
  APFloat x(a), y(b);
  bool losesInfo = false;
  x.convert(semantics, APFloat::rmNearestTiesToEven, &losesInfo);
  y.convert(semantics, APFloat::rmNearestTiesToEven, &losesInfo);
  op(x, y);
  return toDouble(x);
}

TEST_CASE("f16 and bf16 operations are APFloat's", "[interpreter]") {
  std::mt19937 random(2);
  for (auto [name, semantics] : {kNarrow[1], kNarrow[2]}) {
    const NumberFormat &format = *findFloatFormat(name);
    const llvm::fltSemantics &s = semantics();
    Tally tally;
    for (int i = 0; i < 50000; ++i) {
      double a = toDouble(APFloat(s, llvm::APInt(16, random() & 0xffff)));
      double b = toDouble(APFloat(s, llvm::APInt(16, random() & 0xffff)));
      auto nearest = APFloat::rmNearestTiesToEven;
      tally.check(a, format.round(a + b),
                  inFormat(a, b, s,
                           [&](APFloat &x, APFloat &y) { x.add(y, nearest); }));
      tally.check(a, format.round(a * b),
                  inFormat(a, b, s, [&](APFloat &x, APFloat &y) {
                    x.multiply(y, nearest);
                  }));
      tally.check(a, format.round(a / b),
                  inFormat(a, b, s, [&](APFloat &x, APFloat &y) {
                    x.divide(y, nearest);
                  }));
    }
    INFO(name << ": the first wrong one is at " << tally.firstWrong);
    CHECK(tally.wrong == 0);
  }
}

TEST_CASE("integers wrap at their width", "[interpreter]") {
  CHECK(getIntegerFormat(8)->wrap(200) == -56);
  CHECK(getIntegerFormat(8)->wrap(-129) == 127);
  CHECK(getIntegerFormat(1)->wrap(3) == 1);
  CHECK(getIntegerFormat(64)->wrap(INT64_MIN) == INT64_MIN);
  CHECK(getIntegerFormat(0) == nullptr);
  CHECK(getIntegerFormat(65) == nullptr);
}

TEST_CASE("a float becomes the nearest integer that there is",
          "[interpreter]") {
  const NumberFormat &i8 = *getIntegerFormat(8), &i64 = *getIntegerFormat(64);
  CHECK(i8.fromDouble(1e9).integer == 127);
  CHECK(i8.fromDouble(-kInf).integer == -128);
  CHECK(i8.fromDouble(2.5).integer == 2);
  CHECK(i8.fromDouble(kNaN).integer == 0);
  CHECK(i64.fromDouble(1e300).integer == INT64_MAX);
  CHECK(i64.fromDouble(-1e300).integer == INT64_MIN);
  CHECK(getIntegerFormat(1)->fromDouble(7).integer == 1);
}
