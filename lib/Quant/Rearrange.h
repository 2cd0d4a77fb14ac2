//===- Rearrange.h - Channels of like size next to each other ---*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A block whose one channel is large spends its range on it. Permuting a rank
// so that channels of like magnitude share blocks costs nothing at run time
// where the rank is only ever summed over, or handed on as it is:
//
//   K[m,e]  = X[m,d] * WK[d,e]      with pi(e) for e in WK and in WQ, K and Q
//   Q[p,e]  = X[p,d] * WQ[d,e]      have their channels in the new order, and
//   QK[p,m] = Q[p,e] * K[m,e]       QK is what it was
//
// So nothing of the cascade changes but the data of the weights. What says so
// is the attribute `rearranged_by = "K"` at the rank, and whoever executes the
// cascade permutes its inputs by the magnitude of K's channels. The permutation
// may differ along ranks that all tensors with the permuted one have (heads);
// the attribute `rearranged_per` names them.
//
// Refused where the rank's order shows: an output has it, an index is computed
// from it (rotary embeddings pair channels), its coordinate is a value, a
// filter or a split speaks of it, or an input has it that is no weight and not
// what is quantised: nobody permutes that.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_QUANT_REARRANGE_H
#define LIB_QUANT_REARRANGE_H

#include "lib/Quant/SelectTensors.h"

namespace einsum::quant {

inline constexpr llvm::StringLiteral kRearrangedBy = "rearranged_by";
inline constexpr llvm::StringLiteral kRearrangedPer = "rearranged_per";

/// Marks the ranks that assignments ask to rearrange. An error, or a remark for
/// what was not asked for by name, where that is impossible.
mlir::LogicalResult rearrange(CascadeEditor &editor,
                              llvm::ArrayRef<Assignment> assignments);

} // namespace einsum::quant

#endif // LIB_QUANT_REARRANGE_H
