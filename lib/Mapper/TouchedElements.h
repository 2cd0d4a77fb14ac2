//===- TouchedElements.h - What of a tensor is touched at all ---*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The backing level holds those elements of a tensor that some Einsum touches:
//
//   Y[b] = I[b-1]      Z[b] = I[b] where b >= 2      B = 4
//
//   of I: 0, 1, 2 by Y and 2, 3 by Z, four together    of Z: 2
//
// A bound of what fits there may count no more than that. Of a running value
// that is no output, one step of its iterative rank is enough: all others may
// have gone when the last one is made.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_TOUCHEDELEMENTS_H
#define LIB_MAPPER_TOUCHEDELEMENTS_H

#include "lib/Analysis/CascadeFacts.h"

namespace einsum::mapper {

/// Elements that Einsums touch, all together; where they cannot be counted, as
/// many as are certain.
uint64_t countTouched(const CascadeFacts &facts, int tensor);

/// Bytes of any so many elements of a tensor, with every scale of the blocks
/// that they touch, at least; and of all of its elements.
uint64_t leastBytes(const CascadeFacts &facts, int tensor, uint64_t elements);
uint64_t allBytes(const CascadeFacts &facts, int tensor);

/// Bytes of what Einsums touch that a level which is the tensor's home holds at
/// least.
uint64_t leastHomeBytes(const CascadeFacts &facts, int tensor);

} // namespace einsum::mapper

#endif // LIB_MAPPER_TOUCHEDELEMENTS_H
