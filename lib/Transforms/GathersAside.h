//===- GathersAside.h - Rewrites around data coordinates --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The algebra of rewrites is that of affine accesses. Nothing is known of what
// an Einsum reads at a coordinate that is data, so to a rewrite its results are
// inputs, and what it reads is wanted as it is:
//
//   X[k,n] = A[I[k], n]                       input X[k,n]
//   S[k]   = X[k,n] * X[k,n]         ->       S[k]   = X[k,n] * X[k,n]
//   N[k,n] = X[k,n] / sqrt(S[k])              N[k,n] = X[k,n] / sqrt(S[k])
//                                             output A, I
//
// That is so for as long as a GathersAside lives. A rewrite that preserves the
// outputs for every value of the inputs preserves them for the values that are
// gathered. Where that cuts a recurrence and the rewrite reorders it, the
// verifier refuses what comes back.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TRANSFORMS_GATHERSASIDE_H
#define LIB_TRANSFORMS_GATHERSASIDE_H

#include "dialects/Einsum/Einsum.h"

#include "llvm/ADT/StringMap.h"

namespace einsum {

class GathersAside {
public:
  explicit GathersAside(CascadeOp cascade);
  ~GathersAside();
  GathersAside(const GathersAside &) = delete;
  GathersAside &operator=(const GathersAside &) = delete;

private:
  void take(mlir::Operation *einsum);
  void putBack(mlir::Operation *einsum);

  CascadeOp cascade;
  std::vector<mlir::Operation *> aside;
  OutputOp wanted; ///< what they read
};

} // namespace einsum

#endif // LIB_TRANSFORMS_GATHERSASIDE_H
