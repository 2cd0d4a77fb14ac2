//===- SampleCoordinates.h - Values that are coordinates --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An input by which an Einsum gathers holds coordinates, and a distribution
// knows nothing of their range. Each of its elements is drawn evenly from the
// values that keep every access inside of its tensor:
//
//   Y[p] = X[p + D[p,j]] * W[j]      D[p,j] between -p and X - 1 - p
//
// An element that several points or Einsums use gets a value that suits all of
// them. Where two inputs make one coordinate, the later one is drawn around the
// values of the earlier.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INTERPRETER_SAMPLECOORDINATES_H
#define LIB_INTERPRETER_SAMPLECOORDINATES_H

#include "lib/Interpreter/Interpreter.h"

namespace einsum::interp {

/// Draws anew those of `inputs` that the cascade gathers by, except for the
/// tensors `kept`. Emits an error at an input for which there is no value.
mlir::LogicalResult
fillWithCoordinates(CascadeOp cascade, TensorMap &inputs, uint64_t seed,
                    llvm::function_ref<bool(llvm::StringRef)> isKept = {});

} // namespace einsum::interp

#endif // LIB_INTERPRETER_SAMPLECOORDINATES_H
