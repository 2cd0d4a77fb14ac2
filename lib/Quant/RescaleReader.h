//===- RescaleReader.h - A sum of codes, scaled afterwards ------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The lower half of ExplicitForm.h: an Einsum that multiplies and sums becomes
// one that does so with codes, and one that scales what comes out.
//
//   Z[m,n]     = sum(k) X[m,k] * W[k,n] * 0.5
//   ZP[m,n,k1] = sum(k0) XQ[m,k1,k0] * WQ[k1,k0,n]
//   Z[m,n]     = sum(k1) ZP[m,n,k1] * XS[m,k1] * WS[k1,n] * 0.5
//
// With zero points, what the codes of the others sum to is subtracted:
//
//   Z[m,n]  = sum(k1) (ZP[m,n,k1] - XZ[m,k1] * WC[k1,n]) * XS[m,k1] * WS[k1,n]
//   WC[k1,n] = sum(k0) WQ[k1,k0,n]
//
// The law is distributivity. Whatever factor does not depend on a rank of the
// inner sum moves out with the scales, so that the inner one is a bare product.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_QUANT_RESCALEREADER_H
#define LIB_QUANT_RESCALEREADER_H

#include "lib/Quant/ExplicitForm.h"
#include "lib/Quant/QuantiseEinsums.h"

#include <map>

namespace einsum::quant {

/// Why an Einsum cannot read the codes of a tensor, or empty.
std::string findReaderObstacle(CascadeEditor &editor, const ProductSum &product,
                               mlir::Value tensor,
                               const formats::Storage &storage);

/// What readers share.
struct SharedTensors {
  /// Codes as floats, by tensor and type.
  llvm::DenseMap<std::pair<mlir::Value, mlir::Type>, mlir::Value> decoded;
  /// Sums of codes, by what is summed.
  std::map<std::string, mlir::Value> sums;
  /// Those of codes that are made beforehand, which are, too.
  llvm::SmallVector<mlir::Operation *> offlineSums;
};

/// Rewrites one reader of `operands`. Fails, with an error, if an accumulator
/// could overflow. Returns the op that takes the reader's place.
mlir::FailureOr<mlir::Operation *>
rescaleReader(CascadeEditor &editor, const BlockRanks &blocks,
              ProductSum product, llvm::ArrayRef<const CodedTensor *> operands,
              const ExplicitOptions &options, SharedTensors &shared);

} // namespace einsum::quant

#endif // LIB_QUANT_RESCALEREADER_H
