//===- Limits.h - How large an Einsum may be --------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Analyses look at every rank of an Einsum beside every other, and at sets of
// them. No Einsum that somebody wrote has a dozen; what has many more was made
// to see what happens.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_EINSUM_LIMITS_H
#define DIALECTS_EINSUM_LIMITS_H

#include <cstddef>

namespace einsum {

/// Ranks that one Einsum may iterate over.
inline constexpr size_t kMostRanks = 64;

} // namespace einsum

#endif // DIALECTS_EINSUM_LIMITS_H
