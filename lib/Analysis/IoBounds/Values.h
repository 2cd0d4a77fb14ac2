//===- Values.h - Values that a coordinate takes ----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A coordinate such as 2*p + r names fewer elements than it has points, and a
// lower bound must not count one twice. Counts here are never above the truth:
//
//   p + r          p in [0,8), r in [0,3)         10 values
//   m1*256 + m0    m1 in [0,4), m0 in [0,256)     1024, and each names its
//   point
//
//===----------------------------------------------------------------------===//

#ifndef LIB_ANALYSIS_IOBOUNDS_VALUES_H
#define LIB_ANALYSIS_IOBOUNDS_VALUES_H

#include "lib/Analysis/CascadeFacts.h"

namespace einsum::bounds {

/// Distinct values of a coordinate while rank r runs over extents[r] values, or
/// fewer; exact unless terms with large extents overlap irregularly.
uint64_t countValues(const Coordinate &coordinate,
                     llvm::ArrayRef<int64_t> extents);

/// True if the values of the coordinate tell the values of all its ranks apart,
/// as the digits of a number: m1 * 256 + m0 with m0 < 256.
bool isDecodable(const Coordinate &coordinate, llvm::ArrayRef<int64_t> extents);

/// Elements of its tensor that an access touches while all points of the
/// Einsum's domain run, or fewer where they cannot be counted.
uint64_t countTouched(const CascadeFacts &facts, const EinsumFact &einsum,
                      const AccessFact &access);

} // namespace einsum::bounds

#endif // LIB_ANALYSIS_IOBOUNDS_VALUES_H
