//===- DecodeReaders.h - Stored tensors meet the machine --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A machine that multiplies `mxfp4` reads a stored tensor as it is. Any other
// dequantises first, which is an Einsum of its own and can be scheduled:
//
//   Z[m,n] = sum(k) X[m,k] * W[k,n]             W : mxfp4
//   WD[k,n] = W[k,n]                            bf16
//   Z[m,n]  = sum(k) X[m,k] * WD[k,n]           bf16
//
// A tensor of which each element is used once is decoded where it is used, if
// some array both converts and multiplies: decoded elements would save nothing.
//
// Which products are native is a set of datatypes: "mxfp4" is a product of two
// such tensors, "bf16*mxfp4" one of a wide and a narrow one. A native Einsum
// carries the attribute `computes_in` with that name.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_QUANT_DECODEREADERS_H
#define LIB_QUANT_DECODEREADERS_H

#include "lib/Quant/ProductSums.h"

#include "llvm/ADT/StringSet.h"

namespace einsum::quant {

/// Datatypes of products that a machine multiplies and sums by itself.
struct NativeProducts {
  bool isAny = false; ///< there is no machine yet
  llvm::StringSet<> datatypes;
  /// Datatypes in which one array converts as well as multiplies and sums.
  llvm::StringSet<> decoding;
  /// Datatypes in which one array finds the largest magnitude.
  llvm::StringSet<> measuring;

  bool contains(llvm::StringRef datatype) const {
    return isAny || datatypes.contains(datatype);
  }
  bool canMeasure(llvm::StringRef datatype) const {
    return isAny || measuring.empty() || measuring.contains(datatype);
  }
};

/// For every Einsum that multiplies and sums stored tensors.
void decodeReaders(CascadeEditor &editor, const NativeProducts &native);

} // namespace einsum::quant

#endif // LIB_QUANT_DECODEREADERS_H
