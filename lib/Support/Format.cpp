//===- Format.cpp - Quantities for a person -------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Format.h"
#include <cmath>
#include <cstdio>

using namespace einsum;

static std::string print(const char *format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

std::string einsum::formatNumber(double value) { return print("%.4g", value); }

std::string einsum::formatBytes(uint64_t bytes) {
  const char *units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  // 1023.95 already rounds to 1024, which belongs to the next unit.
  for (; unit < 6 && value >= 1023.95; ++unit)
    value /= 1024;
  return formatNumber(value) + " " + units[unit];
}

std::string einsum::formatSi(double value, const char *unit) {
  const char *prefixes[] = {"p", "n", "u", "m", "", "k", "M", "G", "T", "P"};
  int prefix = value == 0 ? 4 : 0;
  for (value *= 1e12; prefix < 9 && std::abs(value) >= 999.95; ++prefix)
    value /= 1000;
  std::string suffix = std::string(prefixes[prefix]) + unit;
  return formatNumber(value) + (suffix.empty() ? "" : " " + suffix);
}

std::string einsum::formatPercent(double fraction) {
  return print("%.1f%%", 100 * fraction);
}
