//===- Codes.cpp - The numbers that the codes of a format stand for -------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One rounding per kind of set, each without branches, so that loops over them
// vectorise; everything else is made of these.
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Formats/Codes.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <limits>

using namespace einsum::formats;

//===----------------------------------------------------------------------===//
// Rounding
//===----------------------------------------------------------------------===//

static double powerOfTwo(int64_t exponent) {
  return llvm::bit_cast<double>(static_cast<uint64_t>(exponent + 1023) << 52);
}

/// Adding 1.5 * 2^52 leaves no room for a fraction, so the addition rounds to
/// an integer, ties to even.
static double toInteger(double value) {
  constexpr double shift = 6755399441055744.0;
  return (value + shift) - shift;
}

namespace {

/// In the bits of a double the exponent stands beside the significand, so that
/// adding half a step to them rounds, carries into the exponent, and leaves the
/// rank of a normal member among all. Below the smallest normal one steps are
/// those of the sum with a number whose last bit is such a step.
struct RealRounding {
  unsigned spare;      ///< bits of a double's significand beyond the set's
  double normal, even; ///< smallest normal member; smallest step * 2^52
  double largest;

  RealRounding(int64_t minExponent, int64_t precision, double largest)
      : spare(static_cast<unsigned>(53 - precision)),
        normal(powerOfTwo(minExponent)),
        even(powerOfTwo(minExponent - precision + 1 + 52)), largest(largest) {}

  double magnitude(double value) const {
    double magnitude = std::fabs(value);
    return magnitude < largest ? magnitude : largest;
  }
  /// A normal magnitude without its spare bits, to nearest even.
  uint64_t roundNormal(double magnitude) const {
    auto bits = llvm::bit_cast<uint64_t>(magnitude);
    uint64_t half = (uint64_t(1) << (spare - 1)) - 1;
    return (bits + half + (bits >> spare & 1)) >> spare;
  }
  double operator()(double value) const {
    double clamped = magnitude(value);
    auto rounded = llvm::bit_cast<double>(roundNormal(clamped) << spare);
    double tiny = (clamped + even) - even;
    return std::copysign(clamped < normal ? tiny : rounded, value);
  }
  /// The sign, and the rank among the members of that sign: exponent and
  /// significand side by side.
  uint32_t code(double value, unsigned bits) const {
    double clamped = magnitude(value);
    uint64_t zero = (llvm::bit_cast<uint64_t>(normal) >> spare) -
                    (uint64_t(1) << (52 - spare));
    uint64_t rank = roundNormal(clamped) - zero;
    uint64_t tiny = llvm::bit_cast<uint64_t>(clamped + even) -
                    llvm::bit_cast<uint64_t>(even);
    uint64_t sign = llvm::bit_cast<uint64_t>(value) >> 63 << (bits - 1);
    return static_cast<uint32_t>((clamped < normal ? tiny : rank) | sign);
  }
};

struct IntegerRounding {
  double lowest, highest, stride, offset;

  double place(double value) const {
    if (offset != 0)
      return oddPlace(value);
    return toInteger(std::min(std::max(value / stride, lowest), highest));
  }
  /// Of odd numbers, stride 2. Subtracting the offset could round: an even
  /// number is halfway between two, anything else is beside one.
  double oddPlace(double value) const {
    double half = std::min(std::max(value / 2, -1e6), 1e6);
    double below = std::floor(half);
    double place = below + (1 - offset) / 2;
    double isOdd = place - 2 * std::floor(place / 2);
    place -= half == below ? isOdd : 0;
    return std::min(std::max(place, lowest), highest);
  }
  double operator()(double value) const {
    return place(value) * stride + offset + 0.0;
  }
  uint32_t code(double value, unsigned bits) const {
    auto code = static_cast<uint32_t>(static_cast<int32_t>(place(value)));
    return code & llvm::maskTrailingOnes<uint32_t>(bits);
  }
};

/// Places by comparison with all thresholds: lists are short.
struct LevelRounding {
  const std::vector<double> &values, &thresholds;

  uint32_t code(double value, unsigned) const {
    uint32_t place = 0;
    for (double threshold : thresholds)
      place += value > threshold;
    return place;
  }
  double operator()(double value) const { return values[code(value, 0)]; }
};

/// Down to a power of two.
struct PowerRounding {
  int64_t minExponent, maxExponent;

  int64_t exponent(double value) const {
    return value > 0 ? std::clamp<int64_t>(std::ilogb(value), minExponent,
                                           maxExponent)
                     : minExponent;
  }
  double operator()(double value) const { return powerOfTwo(exponent(value)); }
  uint32_t code(double value, unsigned) const {
    return static_cast<uint32_t>(exponent(value) - minExponent);
  }
};

} // namespace

template <typename Fn> auto Codes::withRounding(Fn fn) const {
  switch (kind) {
  case Kind::real:
    return fn(RealRounding(minExponent, precision, largest));
  case Kind::integer:
    return fn(IntegerRounding{lowest, highest, stride, offset});
  case Kind::levels:
    return fn(LevelRounding{values, thresholds});
  case Kind::powers:
    break;
  }
  return fn(PowerRounding{minExponent, std::ilogb(largest)});
}

double Codes::round(double value) const {
  if (std::isnan(value) || (std::isinf(value) && hasInfinity()))
    return value;
  return withRounding([&](const auto &rounding) { return rounding(value); });
}

/// Some values at a time against one threshold after the other, which
/// vectorises where a search for each value would not.
template <typename Fn>
void Codes::findPlaces(llvm::ArrayRef<double> all, double scale, Fn fn) const {
  constexpr size_t kAtOnce = 64;
  double scaled[kAtOnce], places[kAtOnce];
  for (size_t begin = 0; begin < all.size(); begin += kAtOnce) {
    size_t count = std::min(kAtOnce, all.size() - begin);
    for (size_t i = 0; i < count; ++i) {
      scaled[i] = all[begin + i] / scale;
      places[i] = 0;
    }
    for (double threshold : thresholds)
      for (size_t i = 0; i < count; ++i)
        places[i] += scaled[i] > threshold ? 1 : 0;
    for (size_t i = 0; i < count; ++i)
      fn(begin + i, static_cast<uint32_t>(places[i]));
  }
}

void Codes::roundAll(llvm::MutableArrayRef<double> values, double scale) const {
  if (kind == Kind::levels)
    return findPlaces(values, scale, [&](size_t i, uint32_t place) {
      values[i] = this->values[place] * scale;
    });
  withRounding([&](const auto &rounding) {
    for (double &value : values)
      value = rounding(value / scale) * scale;
  });
}

uint32_t Codes::encode(double value) const {
  if (std::isnan(value))
    return hasNaN() ? nanCode : 0;
  if (std::isinf(value) && hasInfinity())
    return infinityCode | static_cast<uint32_t>(std::signbit(value))
                              << (bits - 1);
  return withRounding(
      [&](const auto &rounding) { return rounding.code(value, bits); });
}

void Codes::encodeAll(llvm::ArrayRef<double> values, double scale,
                      llvm::MutableArrayRef<uint32_t> codes) const {
  if (kind == Kind::levels)
    return findPlaces(values, scale,
                      [&](size_t i, uint32_t place) { codes[i] = place; });
  withRounding([&](const auto &rounding) {
    for (size_t i = 0; i < values.size(); ++i)
      codes[i] = rounding.code(values[i] / scale, bits);
  });
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

double Codes::decodeSlowly(uint32_t code) const {
  switch (kind) {
  case Kind::real: {
    llvm::APFloat number(*semantics, llvm::APInt(bits, code));
    bool losesInfo = false;
    number.convert(llvm::APFloat::IEEEdouble(),
                   llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return number.convertToDouble();
  }
  case Kind::integer: {
    double place = lowest < 0 ? double(llvm::SignExtend32(code, bits)) : code;
    return place * stride + offset;
  }
  case Kind::levels:
    return values[std::min<size_t>(code, values.size() - 1)];
  case Kind::powers:
    break;
  }
  return code == nanCode ? std::numeric_limits<double>::quiet_NaN()
                         : powerOfTwo(minExponent + static_cast<int>(code));
}

void Codes::fillTable() {
  if (bits > 8)
    return;
  for (uint32_t code = 0; code < 1u << bits; ++code)
    table.push_back(decodeSlowly(code));
}

double Codes::decode(uint32_t code) const {
  return table.empty() ? decodeSlowly(code) : table[code];
}

void Codes::decodeAll(llvm::ArrayRef<uint32_t> codes, double scale,
                      llvm::MutableArrayRef<double> values) const {
  if (table.empty()) {
    for (size_t i = 0; i < codes.size(); ++i)
      values[i] = decodeSlowly(codes[i]) * scale;
    return;
  }
  for (size_t i = 0; i < codes.size(); ++i)
    values[i] = table[codes[i]] * scale;
}

//===----------------------------------------------------------------------===//
// The sets
//===----------------------------------------------------------------------===//

int Codes::getLargestExponent() const { return std::ilogb(largest); }

static double toDouble(llvm::APFloat number) {
  bool losesInfo = false;
  number.convert(llvm::APFloat::IEEEdouble(),
                 llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

/// Whether the semantics have a code of that kind is what they do to it.
static bool keeps(const llvm::fltSemantics &semantics, double value) {
  llvm::APFloat number(value);
  bool losesInfo = false;
  number.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return std::isnan(value) ? number.isNaN() : number.isInfinity();
}

/// Finite-only sets of fewer than 8 bits have neither NaN nor infinity, and
/// LLVM does not convert these to them.
static bool isFiniteOnly(const llvm::fltSemantics &semantics) {
  return &semantics == &llvm::APFloat::Float4E2M1FN() ||
         &semantics == &llvm::APFloat::Float6E2M3FN() ||
         &semantics == &llvm::APFloat::Float6E3M2FN();
}

static uint32_t bitsOf(const llvm::APFloat &number) {
  return static_cast<uint32_t>(number.bitcastToAPInt().getZExtValue());
}

Codes Codes::ofSemantics(const llvm::fltSemantics &semantics) {
  using llvm::APFloat;
  Codes codes;
  codes.kind = Kind::real;
  codes.semantics = &semantics;
  codes.bits = APFloat::semanticsSizeInBits(semantics);
  codes.precision = static_cast<int>(APFloat::semanticsPrecision(semantics));
  codes.minExponent = APFloat::semanticsMinExponent(semantics);
  codes.largest = toDouble(APFloat::getLargest(semantics));
  codes.smallest = toDouble(APFloat::getSmallest(semantics));
  if (!isFiniteOnly(semantics)) {
    if (keeps(semantics, std::numeric_limits<double>::quiet_NaN()))
      codes.nanCode = bitsOf(APFloat::getQNaN(semantics));
    if (keeps(semantics, std::numeric_limits<double>::infinity()))
      codes.infinityCode = bitsOf(APFloat::getInf(semantics));
  }
  codes.fillTable();
  return codes;
}

const Codes *Codes::findReal(llvm::StringRef name) {
  using llvm::APFloat;
  static const std::pair<llvm::StringRef, Codes> sets[] = {
      {"e4m3", ofSemantics(APFloat::Float8E4M3FN())},
      {"e5m2", ofSemantics(APFloat::Float8E5M2())},
      {"e2m3", ofSemantics(APFloat::Float6E2M3FN())},
      {"e3m2", ofSemantics(APFloat::Float6E3M2FN())},
      {"e2m1", ofSemantics(APFloat::Float4E2M1FN())},
      {"f16", ofSemantics(APFloat::IEEEhalf())},
      {"bf16", ofSemantics(APFloat::BFloat())},
      {"tf32", ofSemantics(APFloat::FloatTF32())},
      {"f32", ofSemantics(APFloat::IEEEsingle())},
  };
  for (const auto &[spelling, codes] : sets)
    if (spelling == name)
      return &codes;
  return nullptr;
}

Codes Codes::symmetric(unsigned bits, double step) {
  Codes codes;
  codes.bits = bits;
  codes.highest = static_cast<double>(llvm::maxIntN(bits));
  codes.lowest = -codes.highest;
  codes.stride = codes.smallest = step;
  codes.largest = codes.highest * step;
  codes.fillTable();
  return codes;
}

Codes Codes::unsignedInteger(unsigned bits) {
  Codes codes;
  codes.bits = bits;
  codes.highest = codes.largest = static_cast<double>(llvm::maxUIntN(bits));
  codes.smallest = 1;
  codes.fillTable();
  return codes;
}

Codes Codes::bipolar(unsigned bits) {
  Codes codes = unsignedInteger(bits);
  codes.table.clear();
  codes.stride = 2;
  codes.offset = -codes.largest;
  codes.fillTable();
  return codes;
}

Codes Codes::ofLevels(std::vector<double> values) {
  Codes codes;
  codes.kind = Kind::levels;
  codes.bits = llvm::Log2_64_Ceil(values.size());
  codes.largest = std::max(-values.front(), values.back());
  codes.smallest = codes.largest;
  for (double value : values)
    if (value > 0)
      codes.smallest = std::min(codes.smallest, value);
  for (size_t i = 0; i + 1 < values.size(); ++i) {
    double halfway = (values[i] + values[i + 1]) / 2;
    // Halfway, the even one of i and i + 1.
    if (i % 2 == 1)
      halfway = std::nextafter(halfway, values[i]);
    codes.thresholds.push_back(halfway);
  }
  codes.values = std::move(values);
  codes.fillTable();
  return codes;
}

Codes Codes::powers(unsigned bits) {
  Codes codes;
  codes.kind = Kind::powers;
  codes.bits = bits;
  codes.nanCode = (1u << bits) - 1;
  codes.minExponent = 1 - (1 << (bits - 1));
  codes.smallest = powerOfTwo(codes.minExponent);
  codes.largest =
      powerOfTwo(codes.minExponent + static_cast<int>(codes.nanCode) - 1);
  codes.fillTable();
  return codes;
}
