//===- CodesTest.cpp - Every code of every small set ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Decoding is compared with the formula of the format's definition, encoding
// with a search through all decoded codes.
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Formats/Codes.h"

#include "llvm/Support/MathExtras.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <random>

using namespace einsum::formats;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();
static constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

namespace {
/// As the OCP specifications and IEEE 754 define one.
struct RealDefinition {
  const char *name;
  unsigned exponentBits, significandBits;
  int bias;
  enum Specials { none, nanOnly, ieee } specials;
  double largest;
};
} // namespace

static constexpr RealDefinition kReals[] = {
    {"e4m3", 4, 3, 7, RealDefinition::nanOnly, 448},
    {"e5m2", 5, 2, 15, RealDefinition::ieee, 57344},
    {"e2m3", 2, 3, 1, RealDefinition::none, 7.5},
    {"e3m2", 3, 2, 3, RealDefinition::none, 28},
    {"e2m1", 2, 1, 1, RealDefinition::none, 6},
    {"f16", 5, 10, 15, RealDefinition::ieee, 65504},
    {"bf16", 8, 7, 127, RealDefinition::ieee, 0x1.fep127},
};

static double decodeByDefinition(const RealDefinition &format, uint32_t code) {
  uint32_t significand = code & ((1u << format.significandBits) - 1);
  uint32_t exponent =
      code >> format.significandBits & ((1u << format.exponentBits) - 1);
  double sign = code >> (format.significandBits + format.exponentBits) ? -1 : 1;
  bool isTop = exponent == (1u << format.exponentBits) - 1;
  bool isFull = significand == (1u << format.significandBits) - 1;
  if (isTop && format.specials == RealDefinition::ieee)
    return significand == 0 ? sign * kInfinity : kNaN;
  if (isTop && isFull && format.specials == RealDefinition::nanOnly)
    return kNaN;
  double fraction = std::ldexp(significand, -int(format.significandBits));
  if (exponent == 0)
    return sign * std::ldexp(fraction, 1 - format.bias);
  return sign * std::ldexp(1 + fraction, int(exponent) - format.bias);
}

static bool isSame(double a, double b) {
  return std::isnan(a) ? std::isnan(b)
                       : a == b && std::signbit(a) == std::signbit(b);
}

/// The nearest finite member by looking at all of them; ties to the even code.
static double nearestByForce(const Codes &codes, double value) {
  double best = 0, least = kInfinity;
  bool isEven = false;
  for (uint32_t code = 0; code < 1u << codes.getBits(); ++code) {
    double member = codes.decode(code);
    if (!std::isfinite(member) || std::fabs(member) > codes.getLargest())
      continue;
    double distance = std::fabs(member - value);
    if (distance < least || (distance == least && !isEven && code % 2 == 0)) {
      best = member;
      least = distance;
      isEven = code % 2 == 0;
    }
  }
  return best;
}

/// Members, the points halfway between neighbours, and what lies closely
/// beside both.
static std::vector<double> findProbes(const Codes &codes) {
  std::vector<double> members;
  for (uint32_t code = 0; code < 1u << codes.getBits(); ++code)
    if (std::isfinite(codes.decode(code)))
      members.push_back(codes.decode(code));
  std::sort(members.begin(), members.end());
  std::vector<double> probes = {0.0, -0.0, 1e-12, -1e-12, 1e6, -1e6};
  for (size_t i = 0; i < members.size(); ++i) {
    double halfway =
        i == 0 ? members[0] - 1 : (members[i - 1] + members[i]) / 2;
    for (double point : {members[i], halfway})
      for (double toward : {-kInfinity, kInfinity})
        probes.insert(probes.end(), {point, std::nextafter(point, toward)});
  }
  return probes;
}

static std::vector<std::pair<std::string, Codes>> smallSets() {
  std::vector<std::pair<std::string, Codes>> sets;
  for (const RealDefinition &format : kReals)
    if (Codes::findReal(format.name)->getBits() <= 8)
      sets.push_back({format.name, *Codes::findReal(format.name)});
  for (unsigned bits = 2; bits <= 8; ++bits)
    sets.push_back({"int" + std::to_string(bits), Codes::symmetric(bits)});
  sets.push_back({"mxint8", Codes::symmetric(8, 1. / 64)});
  for (unsigned bits = 1; bits <= 8; ++bits) {
    sets.push_back(
        {"uint" + std::to_string(bits), Codes::unsignedInteger(bits)});
    sets.push_back({"bipolar" + std::to_string(bits), Codes::bipolar(bits)});
  }
  sets.push_back({"levels", Codes::ofLevels({-6, -4, -2, -1, 0, 1, 2, 4})});
  sets.push_back({"seven", Codes::ofLevels({-4, -2, -1, 0, 1, 2, 3})});
  return sets;
}

TEST_CASE("codes of floating-point sets decode as their definitions say",
          "[formats]") {
  for (const RealDefinition &format : kReals) {
    INFO(format.name);
    const Codes &codes = *Codes::findReal(format.name);
    REQUIRE(codes.getBits() ==
            1 + format.exponentBits + format.significandBits);
    CHECK(codes.getLargest() == format.largest);
    CHECK(codes.hasNaN() == (format.specials != RealDefinition::none));
    CHECK(codes.hasInfinity() == (format.specials == RealDefinition::ieee));
    CHECK(codes.getLargestExponent() == std::ilogb(format.largest));
    for (uint32_t code = 0; code < 1u << codes.getBits(); ++code)
      if (!isSame(codes.decode(code), decodeByDefinition(format, code)))
        FAIL("code " << code << " is " << codes.decode(code));
  }
}

TEST_CASE("codes of integer sets decode as their definitions say",
          "[formats]") {
  for (unsigned bits = 1; bits <= 8; ++bits)
    for (uint32_t code = 0; code < 1u << bits; ++code) {
      INFO(bits << " bits, code " << code);
      CHECK(Codes::unsignedInteger(bits).decode(code) == code);
      int sum = 0;
      for (unsigned i = 0; i < bits; ++i)
        sum += (code >> i & 1 ? 1 : -1) * (1 << i);
      CHECK(Codes::bipolar(bits).decode(code) == sum);
      if (bits == 1)
        continue;
      int value = int(code) - (code >> (bits - 1) ? 1 << bits : 0);
      CHECK(Codes::symmetric(bits).decode(code) == value);
      // MX 1.0, section 5.3.4: an implied scale of 2^-6.
      if (bits == 8)
        CHECK(Codes::symmetric(8, 1. / 64).decode(code) == value / 64.);
    }
}

TEST_CASE("exponents decode as powers of two, all ones as NaN", "[formats]") {
  Codes e8m0 = Codes::powers(8), e5m0 = Codes::powers(5);
  CHECK(e8m0.getSmallest() == 0x1p-127);
  CHECK(e8m0.getLargest() == 0x1p127);
  for (uint32_t code = 0; code < 255; ++code) {
    CHECK(e8m0.decode(code) == std::ldexp(1., int(code) - 127));
    CHECK(e8m0.encode(e8m0.decode(code)) == code);
    CHECK(e8m0.encode(e8m0.decode(code) * 1.99) == code); // down
  }
  CHECK(std::isnan(e8m0.decode(255)));
  CHECK(e8m0.encode(kNaN) == 255);
  CHECK(e8m0.encode(0) == 0);
  CHECK(e8m0.encode(1e300) == 254);
  CHECK(e5m0.decode(15) == 1);
  CHECK(e5m0.getLargest() == 0x1p15);
}

TEST_CASE("a number is encoded as the nearest one, ties to the even code",
          "[formats]") {
  for (const auto &[name, codes] : smallSets()) {
    for (double probe : findProbes(codes)) {
      double nearest = nearestByForce(codes, probe);
      INFO(name << " of " << probe << " should be " << nearest);
      if (codes.round(probe) != nearest ||
          codes.decode(codes.encode(probe)) != nearest)
        FAIL("it is " << codes.round(probe) << ", with the code of "
                      << codes.decode(codes.encode(probe)));
    }
  }
}

TEST_CASE("every code that a value has is the code of that value",
          "[formats]") {
  auto sets = smallSets();
  for (const char *wide : {"f16", "bf16"})
    sets.push_back({wide, *Codes::findReal(wide)});
  sets.push_back({"int16", Codes::symmetric(16)});
  for (const auto &[name, codes] : sets)
    for (uint32_t code = 0; code < 1u << codes.getBits(); ++code) {
      double value = codes.decode(code);
      if (std::isnan(value) || std::fabs(value) > codes.getLargest())
        continue;
      if (name == "seven" && code == 7) // beyond the list: that of its end
        continue;
      if (codes.encode(value) != code || !isSame(codes.round(value), value))
        FAIL(name << ": " << value << " has the code " << codes.encode(value)
                  << ", not " << code);
    }
}

TEST_CASE("wide sets round as the hardware does", "[formats]") {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> exponent(-140, 127), unit(-1, 1);
  const Codes &f32 = *Codes::findReal("f32"), &bf16 = *Codes::findReal("bf16");
  for (int i = 0; i < 20000; ++i) {
    double value = unit(random) * std::exp2(exponent(random));
    CHECK(f32.round(value) == static_cast<float>(value));
    CHECK(f32.decode(f32.encode(value)) == static_cast<float>(value));
    CHECK(bf16.decode(bf16.encode(value)) == bf16.round(value));
  }
}

TEST_CASE("what is neither finite nor a member saturates or says so",
          "[formats]") {
  const Codes &e5m2 = *Codes::findReal("e5m2"),
              &e4m3 = *Codes::findReal("e4m3"),
              &e2m1 = *Codes::findReal("e2m1");
  CHECK(e5m2.decode(e5m2.encode(-kInfinity)) == -kInfinity);
  CHECK(e5m2.encode(60000.0 * 2) == 0x7b); // finite: the largest
  CHECK(e4m3.encode(kInfinity) == 0x7e);
  CHECK(std::isnan(e4m3.decode(e4m3.encode(kNaN))));
  CHECK(e2m1.encode(-kInfinity) == 0xf);
  CHECK(e2m1.encode(kNaN) == 0);
  CHECK(std::isnan(e2m1.round(kNaN)));
  CHECK(Codes::symmetric(4).encode(-kInfinity) == 9); // -7
}
