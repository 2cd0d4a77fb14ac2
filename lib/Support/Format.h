//===- Format.h - Quantities for a person -----------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rounded for reading; what a program reads goes out exactly, as JSON. With
// four significant digits and the prefix that leaves one to three before the
// point:
//
//   formatBytes(16777216)        "16 MiB"
//   formatSi(0.00123456, "s")    "1.235 ms"
//   formatPercent(0.98765)       "98.8%"
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_SUPPORT_FORMAT_H
#define EINSUM_SUPPORT_FORMAT_H

#include <cstdint>
#include <string>

namespace einsum {

/// Four significant digits.
std::string formatNumber(double value);
/// With a binary prefix: "B", "KiB", ...
std::string formatBytes(uint64_t bytes);
/// With a decimal prefix from pico to peta; `unit` may be empty.
std::string formatSi(double value, const char *unit);
std::string formatPercent(double fraction);

} // namespace einsum

#endif // EINSUM_SUPPORT_FORMAT_H
