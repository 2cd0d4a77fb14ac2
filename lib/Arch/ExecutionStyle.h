//===- ExecutionStyle.h - How narrow codes are multiplied -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An operator at a datatype such as "bf16*int4" may take several steps of the
// same unit, depending on the bits b of the narrow operand (a of the other):
//
//   native       1 step; nothing is said
//   bit-serial   ceil(b / bits_per_step)     Chen et al., HPCA 2025 (BitMoD)
//   bit-plane    a * b                       one product of bits each
//   lut          b / group                   Wei et al. 2024 (T-MAC): a look-up
//                                            of `group` products for each bit
//
//   "mac": {"datatypes": {"bf16*int4":
//            {"style": {"bit-serial": {"bits_per_step": 2}}, "energy": "0.84
//            pJ"}}}
//
// Cycles and energy are those of one step; this mac takes ceil(4 / 2) = 2 of
// them, so 2 cycles and 1.68 pJ. Cycles are whole, energies need not be. Arrays
// that dequantise first have an operator `convert`, which the Einsum that
// decodes is charged.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_ARCH_EXECUTIONSTYLE_H
#define EINSUM_ARCH_EXECUTIONSTYLE_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace einsum::arch {

struct ExecutionStyle {
  enum class Kind { BitSerial, BitPlane, Lut };

  Kind kind = Kind::BitSerial;
  uint64_t perStep = 1; ///< bits, or products looked up

  std::string spell() const;
};

/// Names of the styles, and the key of their number; empty for none.
struct StyleName {
  const char *name, *key;
  ExecutionStyle::Kind kind;
};
const std::vector<StyleName> &getStyleNames();

/// Bits of the operands of a product: 4 and 16 for "bf16*int4", twice the same
/// for "i8". Nullopt for a datatype that is not known.
struct OperandBits {
  uint64_t narrow, wide;
};
std::optional<OperandBits> getOperandBits(llvm::StringRef datatype);

/// Steps of one operation; cycles are rounded up.
double countSteps(const ExecutionStyle &style, const OperandBits &bits);

} // namespace einsum::arch

#endif // EINSUM_ARCH_EXECUTIONSTYLE_H
