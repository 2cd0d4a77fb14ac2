//===- Encode.h - Tensors to codes and back ---------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// By hand, a block of four as `mxfp4`, whose largest code 6 has exponent 2:
//
//   x        0.7   -3.0    11.0    0.3       max |x| = 11, floor(log2 11) = 3
//   scale    2^(3 - 2) = 2                   E8M0 code 127 + 1 = 128
//   x / 2    0.35  -1.5    5.5     0.15
//   codes    0.5   -1.5    6       0         5.5 is nearer to 6 than to 4
//   decoded  1     -3      12      0
//
// Rounding, all of it: a quotient x / s is computed in f64; its code is the
// nearest one, ties to the even code; a scale is rounded to its type likewise,
// except that shared exponents are rounded down (MX 1.0, section 6.3), and
// never to zero: a scale that would be too small is the smallest one of its
// type, one that would be too large the largest. Decoding multiplies exactly.
//
// NaN: an element that is NaN is NaN afterwards, alone where its codes have
// one, with its whole region otherwise (its scale says so); binary scales and
// zero points leave no other choice. Infinity: the largest is taken over the
// finite elements; an infinite one stays where the codes have it and saturates
// elsewhere.
//
// Absent elements take no part in a scale and stay as they are.
//
// What is decoded encodes to the same, but for rules that look at all elements
// at once (ternary, several binary codes, lowRank), for minmax where rounding
// takes an end out of its code, and for scales in bytes, which are coarse.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_SUPPORT_FORMATS_ENCODE_H
#define EINSUM_SUPPORT_FORMATS_ENCODE_H

#include "lib/Support/Formats/Storage.h"

namespace einsum::formats {

/// What lies in memory. Regions are numbered in row-major order.
struct Encoded {
  std::vector<uint32_t> codes;  ///< one per element
  std::vector<uint32_t> scales; ///< scalesPerRegion for each region
  std::vector<uint32_t> zeroPoints, selectors; ///< one per region, if any
  float tensorScale = 1;

  /// lowRank, per matrix: `left` is rows by rank, `right` columns by rank, in
  /// f16; outliers are positions within the matrix and f16 values.
  std::vector<double> left, right;
  std::vector<uint64_t> outlierPositions;
  std::vector<double> outlierValues;
};

/// `present[i]` is 0 for an element that is absent; empty: all are there.
Encoded encode(const Storage &storage, const Region &region,
               llvm::ArrayRef<double> values,
               llvm::ArrayRef<uint8_t> present = {});

/// Values of all elements, also of those that were absent.
std::vector<double> decode(const Storage &storage, const Region &region,
                           const Encoded &encoded);

/// decode(encode(values)) in place, without keeping codes: what a tensor holds
/// after having been stored.
void roundTrip(const Storage &storage, const Region &region,
               llvm::MutableArrayRef<double> values,
               llvm::ArrayRef<uint8_t> present = {});

} // namespace einsum::formats

#endif // EINSUM_SUPPORT_FORMATS_ENCODE_H
