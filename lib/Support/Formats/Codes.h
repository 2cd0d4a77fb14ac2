//===- Codes.h - The numbers that codes stand for ---------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A code is what is stored for one element; what it stands for, before any
// scale, comes from one of four kinds of sets:
//
//   real      sign, exponent, significand   E2M1   0 .5 1 1.5 2 3 4 6 and minus
//   integer   stride * code + offset        int4   -7 ... 7
//   levels    a list, ascending             fp3 of BitMoD   -4 -2 -1 0 1 2 3 4
//   powers    2^(code - bias)               E8M0   for scales only
//
// Encoding takes the nearest member and, of two that are equally near, the one
// with the even code (IEEE 754 roundTiesToEven); powers are rounded down.
// Beyond the largest member it takes that one: every set here saturates. In
// E2M1, 2.5 becomes 2, 3.5 becomes 4 and 100 becomes 6.
//
//   code of -3   in E2M1   1 10 1   sign, exponent 2 - 1, significand 1.1
//                in int4   1101     two's complement
//                in fp3 of BitMoD   001, the place of -2: ties go to even
//                places
//
// NaN has a code where the set has one (E4M3, E5M2, f16, E8M0, ...) and
// infinity where it has that (E5M2, f16, ...); elsewhere infinity saturates,
// and NaN is the business of Encode.h.
//
// Real sets are read off LLVM's own description of them; OCP "8-bit Floating
// Point Specification" 1.0 and "Microscaling Formats (MX)" 1.0 define the small
// ones.
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
  enum class Kind { real, integer, levels, powers };

  /// A floating-point set; null for a name that is none: "e4m3", "e5m2",
  /// "e2m3", "e3m2", "e2m1", "f16", "bf16", "tf32", "f32".
  static const Codes *findReal(llvm::StringRef name);
  /// Two's complement, each code standing for `step` times itself, without the
  /// lowest one: -127 ... 127 of 8 bits. `step` is a power of two.
  static Codes symmetric(unsigned bits, double step = 1);
  /// 0 ... 2^bits - 1.
  static Codes unsignedInteger(unsigned bits);
  /// The odd numbers from -(2^bits - 1) to 2^bits - 1: sum of (2 b_i - 1) 2^i.
  static Codes bipolar(unsigned bits);
  /// `values` ascend; the code is the place.
  static Codes ofLevels(std::vector<double> values);
  /// Exponents in `bits` bits, all ones NaN.
  static Codes powers(unsigned bits);

  Kind getKind() const { return kind; }
  unsigned getBits() const { return bits; }
  /// The largest magnitude of a finite member, and the smallest above zero.
  double getLargest() const { return largest; }
  double getSmallest() const { return smallest; }
  /// floor(log2(getLargest())): "emax" of the MX specification.
  int getLargestExponent() const;
  bool hasNaN() const { return nanCode != kNone; }
  bool hasInfinity() const { return infinityCode != kNone; }

  /// The member that stands for a value; NaN stays NaN.
  double round(double value) const;
  /// `values[i] = round(values[i] / scale) * scale` for finite values.
  void roundAll(llvm::MutableArrayRef<double> values, double scale) const;
  /// The code of `round(value)`; of NaN, 0 where the set has none.
  uint32_t encode(double value) const;
  void encodeAll(llvm::ArrayRef<double> values, double scale,
                 llvm::MutableArrayRef<uint32_t> codes) const;
  /// What a code below 2^bits stands for. Also codes that nothing encodes to
  /// have a value: the lowest of two's complement its own, those beyond a list
  /// that of its end.
  double decode(uint32_t code) const;
  void decodeAll(llvm::ArrayRef<uint32_t> codes, double scale,
                 llvm::MutableArrayRef<double> values) const;

private:
  static constexpr uint32_t kNone = ~0u;

  static Codes ofSemantics(const llvm::fltSemantics &semantics);
  template <typename Fn> auto withRounding(Fn fn) const;
  template <typename Fn>
  void findPlaces(llvm::ArrayRef<double> all, double scale, Fn fn) const;
  double decodeSlowly(uint32_t code) const;
  void fillTable();

  Kind kind = Kind::integer;
  unsigned bits = 0;
  double largest = 0, smallest = 0;
  uint32_t nanCode = kNone, infinityCode = kNone;

  // real: a member is m * 2^(e - precision + 1), e >= minExponent; powers: e
  // from minExponent.
  int precision = 0, minExponent = 0;
  const llvm::fltSemantics *semantics = nullptr;

  // integer: stride * i + offset for i from `lowest` to `highest`.
  double lowest = 0, highest = 0, stride = 1, offset = 0;

  // levels: values[i], and what is nearer to values[i + 1] than to values[i],
  // or belongs to it halfway, is above thresholds[i].
  std::vector<double> values, thresholds;

  std::vector<double> table; ///< by code, up to 8 bits
};

} // namespace einsum::formats

#endif // EINSUM_SUPPORT_FORMATS_CODES_H
