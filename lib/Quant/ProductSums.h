//===- ProductSums.h - Einsums that multiply and sum ------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A scale can be taken out of a sum because a product distributes over it:
//
//   Z[m,n] = sum(k) X[m,k] * W[k,n]           X = XQ * XS, XS without k
//          = XS[m] * sum(k) XQ[m,k] * W[k,n]
//
// Einsums for which this holds are those whose map is one product and whose
// reductions are all sums. Their factors, with conversions to a wider type
// looked through, are what this header finds. A tensor is *summed over* the
// reduced ranks that index it by themselves (`X[m,k]`, not `X[m,2*k]`), and *in
// parts* over a rank that was split, where some part is reduced.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_QUANT_PRODUCTSUMS_H
#define LIB_QUANT_PRODUCTSUMS_H

#include "lib/Transforms/Inlining.h"

namespace einsum::quant {

/// One Einsum of this kind.
struct ProductSum {
  mlir::Operation *op;
  Statement statement;
  std::vector<algebra::Expr> factors; ///< without widening conversions

  /// Reduced ranks that index `tensor` by themselves, in the tensor's order.
  llvm::SmallVector<mlir::StringAttr> summedRanks(CascadeEditor &editor,
                                                  mlir::Value tensor) const;
  /// Ranks that it is summed over in parts: `m` of `V[m1*M0+m0,f]` where m0 is
  /// reduced.
  llvm::SmallVector<mlir::StringAttr>
  ranksSummedInParts(CascadeEditor &editor, mlir::Value tensor) const;
  bool hasFactor(mlir::Value tensor) const;
};

/// `expr` without conversions that lose nothing: extf, extsi, sitofp, ...
algebra::Expr stripWidening(algebra::Expr expr);

/// Nullopt if the Einsum is not of this kind.
std::optional<ProductSum> readProductSum(CascadeEditor &editor,
                                         mlir::Operation *op);

/// What a cascade does with a tensor.
struct TensorRole {
  mlir::Value tensor;
  bool isInput = false, isWeight = false;
  bool isMultipliedWithWeight = false;
  /// Ranks over which readers sum it, and the others, in the tensor's order.
  std::vector<std::string> summed, kept;
  /// Why it has to stay wide, or empty.
  std::string keptWide;
};

/// All tensors of the cascade, inputs first.
std::vector<TensorRole> findRoles(CascadeEditor &editor);

} // namespace einsum::quant

#endif // LIB_QUANT_PRODUCTSUMS_H
