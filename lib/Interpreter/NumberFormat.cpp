//===- NumberFormat.cpp - Which numbers a type can hold -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Interpreter/NumberFormat.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

#include <limits>
#include <vector>

using namespace mlir;
using namespace einsum::interp;

//===----------------------------------------------------------------------===//
// Rounding
//===----------------------------------------------------------------------===//

/// Exponent of the leading bit of a finite, non-zero double; -1022 or less for
/// subnormal ones, which only matters to f64 itself.
static int exponentOf(double value) {
  uint64_t bits = llvm::bit_cast<uint64_t>(value);
  return static_cast<int>((bits >> 52) & 0x7ff) - 1023;
}

static double powerOfTwo(int exponent) {
  return llvm::bit_cast<double>(static_cast<uint64_t>(exponent + 1023) << 52);
}

double NumberFormat::round(double value) const {
  if (precision == 53)
    return value;
  if (precision == 24 && bits == 32)
    return static_cast<float>(value);
  if (!std::isfinite(value)) // whether a format has an infinity or not
    return std::isinf(value) ? std::copysign(overflow, value) : value;
  int exponent = std::max(exponentOf(value), minExponent) - precision + 1;
  // Adding 1.5 * 2^52 leaves no room for a fraction, so the addition rounds.
  constexpr double shift = 6755399441055744.0;
  double steps = value * powerOfTwo(-exponent);
  double rounded = ((steps + shift) - shift) * powerOfTwo(exponent);
  if (std::fabs(rounded) > largest)
    return std::copysign(overflow, value);
  if (rounded == 0)
    return hasNegativeZero ? std::copysign(0.0, value) : 0.0;
  return rounded;
}

int64_t NumberFormat::wrap(int64_t value) const {
  if (bits >= 64)
    return value;
  if (bits == 1)
    return value & 1;
  return llvm::SignExtend64(static_cast<uint64_t>(value), bits);
}

static int64_t smallestInteger(unsigned bits) {
  return bits == 1 ? 0 : llvm::minIntN(bits);
}

static int64_t largestInteger(unsigned bits) {
  return bits == 1 ? 1 : llvm::maxIntN(bits);
}

Scalar NumberFormat::fromDouble(double value) const {
  if (isFloat)
    return Scalar::ofReal(round(value));
  if (std::isnan(value))
    return Scalar::ofInteger(0);
  double whole = std::nearbyint(value);
  // The bounds as doubles may be one too large; 2^63 itself does not fit.
  if (whole >= static_cast<double>(largestInteger(bits)))
    return Scalar::ofInteger(largestInteger(bits));
  if (whole <= static_cast<double>(smallestInteger(bits)))
    return Scalar::ofInteger(smallestInteger(bits));
  return Scalar::ofInteger(static_cast<int64_t>(whole));
}

Scalar NumberFormat::smallestValue() const {
  if (isFloat)
    return Scalar::ofReal(std::isinf(overflow) ? -overflow : -largest);
  return Scalar::ofInteger(smallestInteger(bits));
}

Scalar NumberFormat::largestValue() const {
  if (isFloat)
    return Scalar::ofReal(std::isinf(overflow) ? overflow : largest);
  return Scalar::ofInteger(largestInteger(bits));
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

namespace {
struct FloatRow {
  const char *name;
  const llvm::fltSemantics &(*semantics)();
};
} // namespace

static constexpr FloatRow kFloats[] = {
    {"f64", llvm::APFloat::IEEEdouble},
    {"f32", llvm::APFloat::IEEEsingle},
    {"tf32", llvm::APFloat::FloatTF32},
    {"f16", llvm::APFloat::IEEEhalf},
    {"bf16", llvm::APFloat::BFloat},
    {"f8E5M2", llvm::APFloat::Float8E5M2},
    {"f8E4M3", llvm::APFloat::Float8E4M3},
    {"f8E4M3FN", llvm::APFloat::Float8E4M3FN},
    {"f8E5M2FNUZ", llvm::APFloat::Float8E5M2FNUZ},
    {"f8E4M3FNUZ", llvm::APFloat::Float8E4M3FNUZ},
    {"f8E4M3B11FNUZ", llvm::APFloat::Float8E4M3B11FNUZ},
    {"f6E3M2FN", llvm::APFloat::Float6E3M2FN},
    {"f6E2M3FN", llvm::APFloat::Float6E2M3FN},
    {"f4E2M1FN", llvm::APFloat::Float4E2M1FN},
};

static double convert(double value, const llvm::fltSemantics &semantics) {
  llvm::APFloat number(value);
  bool losesInfo = false;
  number.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  number.convert(llvm::APFloat::IEEEdouble(),
                 llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

static NumberFormat describe(const FloatRow &row) {
  const llvm::fltSemantics &semantics = row.semantics();
  NumberFormat format;
  format.name = row.name;
  format.bits = llvm::APFloat::semanticsSizeInBits(semantics);
  format.precision =
      static_cast<int>(llvm::APFloat::semanticsPrecision(semantics));
  format.minExponent = llvm::APFloat::semanticsMinExponent(semantics);
  llvm::APFloat largest = llvm::APFloat::getLargest(semantics);
  bool losesInfo = false;
  largest.convert(llvm::APFloat::IEEEdouble(),
                  llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  format.largest = largest.convertToDouble();
  format.overflow = format.bits == 64 ? HUGE_VAL : convert(1e300, semantics);
  format.hasNegativeZero = std::signbit(convert(-0.0, semantics));
  return format;
}

llvm::ArrayRef<NumberFormat> einsum::interp::getFloatFormats() {
  static const std::vector<NumberFormat> formats = [] {
    std::vector<NumberFormat> result;
    for (const FloatRow &row : kFloats)
      result.push_back(describe(row));
    return result;
  }();
  return formats;
}

const NumberFormat *einsum::interp::findFloatFormat(StringRef name) {
  for (const NumberFormat &format : getFloatFormats())
    if (name == format.name)
      return &format;
  return nullptr;
}

/// By width; the last one is that of `index`.
static llvm::ArrayRef<NumberFormat> getIntegerFormats() {
  static const std::vector<NumberFormat> formats = [] {
    std::vector<NumberFormat> result(66);
    for (unsigned bits = 1; bits <= 64; ++bits) {
      result[bits].name = "i" + std::to_string(bits);
      result[bits].isFloat = false;
      result[bits].bits = bits;
    }
    result[65] = result[64];
    result[65].name = "index";
    return result;
  }();
  return formats;
}

const NumberFormat *einsum::interp::getIntegerFormat(unsigned bits) {
  return bits >= 1 && bits <= 64 ? &getIntegerFormats()[bits] : nullptr;
}

const NumberFormat *einsum::interp::getNumberFormat(Type type) {
  if (isa<IndexType>(type))
    return &getIntegerFormats()[65];
  if (auto integer = dyn_cast<IntegerType>(type))
    return getIntegerFormat(integer.getWidth());
  auto floatType = dyn_cast<FloatType>(type);
  if (!floatType)
    return nullptr;
  for (auto [row, format] : llvm::zip(kFloats, getFloatFormats()))
    if (&row.semantics() == &floatType.getFloatSemantics())
      return &format;
  return nullptr;
}

Scalar einsum::interp::getConstant(TypedAttr attr, const NumberFormat &format) {
  if (auto number = dyn_cast<FloatAttr>(attr))
    return format.fromDouble(number.getValueAsDouble());
  if (auto boolean = dyn_cast<BoolAttr>(attr))
    return Scalar::ofInteger(boolean.getValue());
  return Scalar::ofInteger(
      format.wrap(cast<IntegerAttr>(attr).getValue().getSExtValue()));
}

const NumberFormat *Arithmetic::formatOf(Type type) const {
  const NumberFormat *format = getNumberFormat(type);
  return uniform && format && format->isFloat ? uniform : format;
}
