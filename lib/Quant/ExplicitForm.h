//===- ExplicitForm.h - Codes and scales as Einsums -------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Quantising X[m,k] to `int8 group(128) k` by itself, k split into k1 and k0:
//
//   XA[m,k1]    = max(k0) abs(X[m,k1*128+k0])          the largest magnitude
//   XS[m,k1]    = XA[m,k1] / 127                       the scale, f16
//   XQ[m,k1,k0] = round(X[m,k1*128+k0] / XS[m,k1])     the codes, i8
//
// and X[m,k] is read as XQ * XS by whoever multiplies and sums it. With W the
// same, the scales come out of the sum as far as they do not depend on what is
// summed:
//
//   ZP[m,n,k1] = sum(k0) XQ[m,k1,k0] * WQ[k1,k0,n]                    i8, i32
//   Z[m,n]     = sum(k1) ZP[m,n,k1] * XS[m,k1] * WS[k1,n]
//
// One scale per channel or tensor does not depend on k at all: one sum, and one
// product after it. Scales of two operands may have blocks of different sizes
// along one rank, if the smaller divides the larger.
//
// A zero point is no factor, but the product of two differences is a sum of
// products. With X asymmetric, X = XS * (XQ - XZ), what is subtracted needs the
// sums of the other codes, which for weights are made beforehand:
//
//   sum(k0) (XQ - XZ) * WQ  =  ZP[m,n,k1] - XZ[m,k1] * sum(k0) WQ[k1,k0,n]
//
// and with both asymmetric three such terms (Jacob et al. 2018, equation 7).
//
// Sums are kept wide: integers in an accumulator of so many bits, which they
// must not be able to leave (a code's largest magnitude, squared, times the
// elements summed); all else in f32. Quantising is computed in f32, too.
//
// Readers that do anything else with X keep reading X. Refused, with a reason:
// formats whose scale is searched for (BitMoD, GEAR, binary codes: stored
// only); zero points where some points of the sum are left out; blocks, and
// scales of whole fibers, along a rank along which the tensor is needed step by
// step, before it is complete.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_QUANT_EXPLICITFORM_H
#define LIB_QUANT_EXPLICITFORM_H

#include "lib/Quant/DecodeReaders.h"
#include "lib/Quant/SelectTensors.h"

namespace einsum::quant {

struct ExplicitOptions {
  unsigned accumulatorBits = 32;
  /// Codes of products that are not native are converted first.
  NativeProducts native;
};

/// Rewrites the cascade; `assignments` are all of the explicit form. Returns
/// the positions of those that were made so. Fails after an error.
mlir::FailureOr<std::vector<size_t>>
makeExplicit(CascadeEditor &editor, llvm::ArrayRef<Assignment> assignments,
             const ExplicitOptions &options);

} // namespace einsum::quant

#endif // LIB_QUANT_EXPLICITFORM_H
