//===- SpecText.cpp - A spec under construction ---------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/Import/SpecText.h"

#include "lib/Arch/MemoryEstimate.h"
#include <algorithm>
#include <cmath>

using namespace einsum;

std::string arch::quantity(double value, const char *unit) {
  char text[64];
  for (int digits = 6; digits <= 17; ++digits) {
    std::snprintf(text, sizeof(text), "%.*g", digits, value);
    // The last digits of a quotient are nobody's.
    if (std::abs(std::strtod(text, nullptr) - value) <= 1e-14 * value)
      break;
  }
  return std::string(text) + " " + unit;
}

/// Significand of an IEEE number, the hidden bit included.
static double significand(unsigned bits) {
  return bits >= 64 ? 53 : bits >= 32 ? 24 : bits >= 16 ? 11 : 4;
}

double arch::mulEnergy(bool isFloat, unsigned bits) {
  double p = significand(bits), w = bits;
  return isFloat ? 0.00449 * p * p + 0.0348 * w : 0.2 * w * w / 64;
}

double arch::addEnergy(bool isFloat, unsigned bits) {
  double w = bits;
  return isFloat ? std::max(0.03125 * w - 0.1, 0.02 * w) : 0.0035 * w;
}

double arch::macEnergy(bool isFloat, unsigned bits) {
  return mulEnergy(isFloat, bits) +
         addEnergy(isFloat, std::max(32u, bits)); // sums are wide
}

std::string arch::chooseEstimate(double capacityBytes, double accessBytes,
                                 bool isLikelyRegisters) {
  MemoryShape shape;
  shape.capacityBytes = capacityBytes;
  shape.accessBytes = static_cast<uint64_t>(std::max(1.0, accessBytes));
  std::string problem;
  bool isSram = estimateSram(shape, problem).has_value();
  bool isRegisters = estimateRegisters(shape, problem).has_value();
  bool takesRegisters = isSram == isRegisters ? isLikelyRegisters : isRegisters;
  return takesRegisters ? "registers" : "sram";
}

std::string arch::datatypeName(bool isFloat, unsigned bits) {
  if (isFloat)
    return bits == 8    ? "f8E4M3FN"
           : bits == 16 ? "f16"
           : bits == 32 ? "f32"
           : bits == 64 ? "f64"
                        : "";
  return bits == 0 || bits > 64 ? "" : "i" + std::to_string(bits);
}
