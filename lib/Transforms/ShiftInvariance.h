//===- ShiftInvariance.h - Does a cascade depend on a tensor? ---*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The maximum that a softmax subtracts is there for the sake of the numbers,
// not of the result: any other value would do. Whether a tensor d is of that
// kind is found by following how each tensor depends on it. Two shapes are
// followed,
//
//   T = V * e^(weight * d)      T = V + offset * d       V independent of d
//
// through the rules of exp and log, products and sums:
//
//   SN[m,p] = exp(QK[m,p] - GM[p])     offset -1, hence weight -1
//   SD[p]   = SN[m,p]                  a sum of equal weights: -1
//   A[m,p]  = SN[m,p] / SD[p]          -1 - -1 = 0: independent
//
//   L[p]    = log(SD[p]) + GM[p]       offset -1 + 1 = 0: independent
//
// A dependence on d at one element only is followed: a sum over a rank of d
// mixes elements and has no shape. Anything else is an answer too: not known.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TRANSFORMS_SHIFTINVARIANCE_H
#define LIB_TRANSFORMS_SHIFTINVARIANCE_H

#include "lib/Transforms/EinsumBuilder.h"

namespace einsum {

/// The first output, or the Einsum on the way to it, by which the outputs may
/// depend on the value of `d`; empty `reason` if none of them does.
struct ShiftDependence {
  std::string reason;
  mlir::Operation *at = nullptr;
};
ShiftDependence findShiftDependence(CascadeEditor &editor, mlir::Value d);

} // namespace einsum

#endif // LIB_TRANSFORMS_SHIFTINVARIANCE_H
