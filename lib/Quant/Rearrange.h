//===- Rearrange.h - Channels of like size next to each other ---*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A block whose one channel is large spends its range on it. Permuting a rank
// so that channels share blocks that suit each other costs nothing at run time
// where the rank is only ever summed over, or handed on as it is:
//
//   K[m,e]  = X[m,d] * WK[d,e]      with pi(e) for e in WK and in WQ, K and Q
//   Q[p,e]  = X[p,d] * WQ[d,e]      have their channels in the new order, and
//   QK[p,m] = Q[p,e] * K[m,e]       QK is what it was
//
// So nothing of the cascade changes but the data of the weights. What says so
// are marks at the rank (dialects/Einsum/Rearranged.h), and whoever executes
// the cascade permutes its inputs by the magnitude of K's channels, and scales
// channels where that was asked for, too (Balance.h). The
// permutation may differ along ranks that all tensors with the permuted one
// have (heads).
//
// Rotary positions pair channels: with e = y * J + j (or 2 * j + y),
//
//   KR[m,y,j] = K[m,y*J+j] * COS[m,j] + s(y) * K[m,(1-y)*J+j] * SIN[m,j]
//
// a permutation of e does not commute with them, but one of j does, which moves
// both halves of a pair and their angle alike. j is what is permuted then, e
// *follows* it, and COS and SIN have to come in the new order. Inputs that are
// no weights, and outputs (the key that is to be appended to the cache), come
// in another order only where the user grants it: `rearranged(COS, SIN, KR)`.
//
// Refused where the rank's order shows otherwise: an index is computed from it
// in another way, its coordinate is a value, a filter or a split speaks of it.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_QUANT_REARRANGE_H
#define LIB_QUANT_REARRANGE_H

#include "dialects/Einsum/Rearranged.h"
#include "lib/Quant/SelectTensors.h"

namespace einsum::quant {

/// Marks the ranks that assignments ask to rearrange. An error, or a remark for
/// what was not asked for by name, where that is impossible.
mlir::LogicalResult rearrange(CascadeEditor &editor,
                              llvm::ArrayRef<Assignment> assignments);

/// What the marks of a cascade say of one rank.
struct Rearrangement {
  std::string rank, by;
  std::vector<std::string> per;
  int64_t extent = 0;
  /// Ranks whose coordinate holds that of `rank`, times a stride.
  std::vector<std::pair<std::string, int64_t>> followers;
  /// Tensors whose channels are multiplied, and divided, by scales.
  std::vector<std::string> scaledUp, scaledDown;
};

/// All of them. Fails, with an error at a rank, if a mark names what is not
/// there.
mlir::FailureOr<std::vector<Rearrangement>>
readRearrangements(CascadeOp cascade);

/// Takes all marks away.
void eraseRearrangements(CascadeOp cascade);

} // namespace einsum::quant

#endif // LIB_QUANT_REARRANGE_H
