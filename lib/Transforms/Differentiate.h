//===- Differentiate.h - Gradients of a cascade -----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reverse-mode differentiation, Einsum by Einsum (Griewank & Walther 2008). The
// adjoint DT of a tensor T is the derivative of the loss by T. A sum
//
//   Z[p] = f(T[m,p], U[m])                 reduced over m
//   DT[m,p] = DZ[p] * f'(T[m,p], U[m])     is an Einsum again
//
// and so is the adjoint of any affine access: what reads T[i+1] adds to DT[t]
// where t == i + 1. A recurrence runs back: what step i does to the step before
// is kept in a tensor of its own, from which that step takes it,
//
//   H[i] = H[i-1] * A[i] + X[i]   init 0
//   PH[i] = DH[i] * A[i]          init 0
//   DH[i] = PH[i+1] + (what else reads H[i])
//
// so that beyond the last step there is the initial value. An argmax passes its
// adjoint to the element it found. A maximum on which nothing depends in the
// end, such as that of a softmax, has none (ShiftInvariance.h).
//
// Refused, by name: a loss with ranks; reductions by other operators than add
// and argmax on the way; operations without a derivative (Derivative.h);
// tensors of different float types; recurrences by more than one step.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TRANSFORMS_DIFFERENTIATE_H
#define LIB_TRANSFORMS_DIFFERENTIATE_H

#include "dialects/Einsum/Einsum.h"

namespace einsum {

/// The derivative of `loss` by an input.
struct Gradient {
  mlir::Value input, adjoint;
};

/// Adds the adjoints to `cascade` and returns those of `inputs`, or of all
/// weights if there are none; an input without influence has none. `loss` is
/// the name of an output without ranks; the only such output if empty.
mlir::FailureOr<std::vector<Gradient>>
differentiateCascade(CascadeOp cascade, llvm::StringRef loss,
                     llvm::ArrayRef<std::string> inputs);

/// What a step does with a gradient.
enum class OptimizerStep { None, Sgd, Adam };

/// Adds an optimizer step per gradient, with its state as inputs and outputs.
/// Adam (Kingma & Ba 2015) in f32: for weights of a narrower type a master copy
/// is kept, as in mixed-precision training (Micikevicius et al. 2018).
void addOptimizerSteps(CascadeOp cascade, llvm::ArrayRef<Gradient> gradients,
                       OptimizerStep step);

/// Makes tensors outputs, besides those there are.
void addOutputs(CascadeOp cascade, llvm::ArrayRef<mlir::Value> tensors);

} // namespace einsum

#endif // LIB_TRANSFORMS_DIFFERENTIATE_H
