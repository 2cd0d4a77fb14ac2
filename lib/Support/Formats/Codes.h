//===- Codes.h - The numbers that the codes of a format stand for -*- C++
//-*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A code is what is stored for one element; what it stands for, before any
// scale, comes from one of three kinds of sets:
//
//   real      sign, exponent, significand   E2M1   0 .5 1 1.5 2 3 4 6 and minus
//   integer   stride * i + offset           int4   -7 ... 7
//   levels    a list, ascending             fp4 of BitMoD with one more value
//
// Encoding takes the nearest member and, of two that are equally near, the one
// with the even code (IEEE 754 roundTiesToEven). Beyond the largest member it
// takes that one: every set here saturates. E2M1: 2.5 -> 2, 3.5 -> 4, 100 -> 6.
//
//   code of -3 in E2M1      1 10 1   sign, exponent 2 - 1, significand 1.1
//   code of -3 in int4      1101     two's complement
//   code of -3 in uint4     refused: 0 is the nearest, code 0000
//
// NaN has a code where the set has one (E4M3, E5M2, f16, ...) and infinity
// where it has that (E5M2, f16, ...). Elsewhere the scale of the block says
// NaN, which is the business of Encode.h, and infinity saturates.
//
// Real sets are read off LLVM's own description of them; OCP "8-bit Floating
// Point Specification" 1.0 and "Microscaling Formats (MX)" 1.0 define the small
// ones. A set has at most 2^16 codes.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_SUPPORT_FORMATS_CODES_H
#define EINSUM_SUPPORT_FORMATS_CODES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <vector>

namespace llvm {
struct fltSemantics;
}

namespace einsum::formats {

class Codes {
public:
  enum class Kind { real, integer, levels };

  /// A floating-point set; null for a name that is none: "e4m3", "e5m2",
  /// "e2m3", "e3m2", "e2m1", "f16", "bf16", "tf32", "f32". The last two are
  /// wider than 16 bits: they round and have no codes.
  static const Codes *findReal(llvm::StringRef name);
  /// Two's complement in `bits` bits, each standing for `step` times itself,
  /// without the lowest one: -127 ... 127 of 8 bits.
  static Codes symmetric(unsigned bits, double step = 1);
  /// 0 ... 2^bits - 1.
  static Codes unsignedInteger(unsigned bits);
  /// -1, 0, 1 in two bits.
  static Codes ternary();
  /// The odd numbers from -(2^bits - 1) to 2^bits - 1: sum of (2 b_i - 1) 2^i.
  static Codes bipolar(unsigned bits);
  /// `values` ascend; the code is the position.
  static Codes ofLevels(std::vector<double> values);

  Kind getKind() const { return kind; }
  unsigned getBits() const { return bits; }
  /// The largest magnitude of a finite member.
  double getLargest() const { return largest; }
  /// floor(log2(getLargest())): "emax" of the MX specification.
  int getLargestExponent() const { return largestExponent; }
  bool hasNaN() const { return nanCode != kNone; }
  bool hasInfinity() const { return infinityCode != kNone; }

  /// The nearest member; NaN stays NaN, infinity becomes the largest member
  /// where the set has none.
  double round(double value) const;
  /// The code of `round(value)`; of NaN, 0 where the set has none. A zero of
  /// two's complement has no sign.
  uint32_t encode(double value) const;
  /// What a code below 2^bits stands for; levels beyond the last one, and the
  /// lowest number of two's complement, decode too: every code has a value.
  double decode(uint32_t code) const;

private:
  static constexpr uint32_t kNone = ~0u;

  static Codes ofSemantics(const llvm::fltSemantics &semantics);
  uint32_t codeOf(double member) const;

  Kind kind = Kind::integer;
  unsigned bits = 0;
  double largest = 0;
  int largestExponent = 0;
  uint32_t nanCode = kNone, infinityCode = kNone;

  // real: a member is m * 2^(e - precision + 1), e >= minExponent.
  int precision = 0, minExponent = 0;
  const llvm::fltSemantics *semantics = nullptr;

  // integer: stride * i + offset for i from `lowest` to `highest`.
  int64_t lowest = 0, highest = 0;
  double stride = 1, offset = 0;
  bool isSigned = false;

  // By code; of at most 8 bits and all levels.
  std::vector<double> table;
};

} // namespace einsum::formats

#endif // EINSUM_SUPPORT_FORMATS_CODES_H
