//===- Rearranged.h - Marks of ranks in another order -----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A rank whose coordinates come in another order than that of the cascade as
// written says so in discardable attributes of its declaration, because nothing
// else of the cascade shows it:
//
//   einsum.rank @j = 64   {rearranged_by = "KC", rearranged_per = ["g"]}
//   einsum.rank @e = 128  {rearranged_with = "j", rearranged_stride = 1}
//
// Coordinates along j are sorted by the magnitude of KC, for each g by itself.
// Those along e follow: e = q * 64 + j, whatever q, becomes q * 64 + pi(j).
// With a stride of 2, e = 2 * j + r becomes 2 * pi(j) + r.
//
//   einsum.rank @e = 128  {rearranged_by = "KC", rearranged_per = ["g"],
//                          scaled_up = ["KC"], scaled_down = ["WQ", "Q"]}
//
// Channels of KC are multiplied by scales, one for each coordinate and each g,
// and those of WQ and Q divided by them, so that their products are the same.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_EINSUM_REARRANGED_H
#define DIALECTS_EINSUM_REARRANGED_H

#include "llvm/ADT/StringRef.h"

namespace einsum {

inline constexpr llvm::StringLiteral kRearrangedBy = "rearranged_by";
inline constexpr llvm::StringLiteral kRearrangedPer = "rearranged_per";
inline constexpr llvm::StringLiteral kRearrangedWith = "rearranged_with";
inline constexpr llvm::StringLiteral kRearrangedStride = "rearranged_stride";
inline constexpr llvm::StringLiteral kScaledUp = "scaled_up";
inline constexpr llvm::StringLiteral kScaledDown = "scaled_down";
/// All of them.
inline constexpr llvm::StringLiteral kRearrangedMarks[] = {
    kRearrangedBy,     kRearrangedPer, kRearrangedWith,
    kRearrangedStride, kScaledUp,      kScaledDown};

} // namespace einsum

#endif // DIALECTS_EINSUM_REARRANGED_H
