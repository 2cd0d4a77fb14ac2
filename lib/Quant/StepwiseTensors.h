//===- StepwiseTensors.h - Tensors needed before they are whole -*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A scale is known once all elements that share it are. Along an iterative rank
// they come one by one, and the next needs the one before:
//
//   H[t,n] = A[t,n] * H[t-1,n] + X[t,n]     blocks along t: illegal, H[1] would
//                                           need the scale of H[0 .. 31]
//                                           blocks along n: legal
//
// So a region of shared scale must lie within one step of every loop that the
// tensor's producer and one of its readers have in common.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_QUANT_STEPWISETENSORS_H
#define LIB_QUANT_STEPWISETENSORS_H

#include "lib/Quant/SelectTensors.h"

namespace einsum::quant {

/// Loops along iterative ranks, by the Einsums in them, outermost first.
class StepwiseTensors {
public:
  explicit StepwiseTensors(CascadeOp cascade);

  /// Why scales shared like that come too late, or empty.
  std::string findObstacle(const Assignment &assignment) const;

private:
  void visit(const EvaluationStep &step);

  std::vector<EvaluationStep> steps;
  llvm::SmallVector<const EvaluationStep *> open;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<const EvaluationStep *>>
      loops;
};

} // namespace einsum::quant

#endif // LIB_QUANT_STEPWISETENSORS_H
