//===- Units.h - Quantities written with their units ------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A quantity is written "EXPR UNIT": "16 MiB", "400 GiB/s", "N*N*2 B". EXPR is
// arithmetic (+ - * / ^, parentheses, min, max, ceil, floor, log2) over numbers
// and the parameters of the document; UNIT must measure what the key asks for.
// SI and binary prefixes are distinct: 1 kB = 1000 B, 1 KiB = 1024 B. With N =
// 4
//
//   "N*N*2 B"   as bytes            is 32
//   "64 bit"    as bytes            is 8
//   "1.5 GHz"   as hertz            is 1.5e9
//   "16 GHz"    as bytes            is refused, with the units that would do
//
// What comes back is a plain number in the base unit of its dimension (see
// Dimension), so nothing downstream ever converts.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_SUPPORT_UNITS_H
#define EINSUM_SUPPORT_UNITS_H

#include "llvm/ADT/StringRef.h"
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace einsum {

/// What a number measures, each with its base unit.
enum class Dimension {
  Count,             // a number without unit
  Cycles,            // cycles; the unit may be left out
  Bytes,             // B
  BytesPerSecond,    // B/s
  Hertz,             // Hz
  Picojoules,        // pJ
  SquareMicrometres, // um^2
  Watts,             // W
  Seconds,           // s
  Nanometres,        // nm
  Volts,             // V
  PicojoulesPerByte, // pJ/B
};

/// "bytes (B, KiB, MiB, GiB, ...)", for messages.
llvm::StringRef describe(Dimension dimension);

/// The named numbers that expressions may use, and which of them were used.
struct Parameters {
  std::map<std::string, double> values;
  std::set<std::string> used;

  std::vector<std::string> names() const;
};

/// What is wrong with a quantity, and at which byte of it.
struct QuantityError {
  size_t offset = 0;
  std::string message;
};

/// The value of `text` in the base unit of `dimension`, always finite. `what`
/// names the thing measured ("capacity") in messages.
std::optional<double> parseQuantity(llvm::StringRef text, llvm::StringRef what,
                                    Dimension dimension, Parameters &parameters,
                                    QuantityError &error);

} // namespace einsum

#endif // EINSUM_SUPPORT_UNITS_H
