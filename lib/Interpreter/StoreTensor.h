//===- StoreTensor.h - What a tensor holds once it is stored ----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A tensor stored in a number format holds decode(encode(x)), rounded to the
// type that map expressions see:
//
//   K[m,e] : mxfp4 block e as f16    0.7 -3 11 0.3 ...  ->  1 -3 12 0 ...
//
// A scale needs all of what shares it. So a tensor is stored when its Einsum is
// done, and, within a loop along an iterative rank, step by step: there, a
// scale shared by several steps could not be known before the last one, and is
// refused.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INTERPRETER_STORETENSOR_H
#define LIB_INTERPRETER_STORETENSOR_H

#include "dialects/Einsum/Einsum.h"
#include "lib/Interpreter/BoundCascade.h"
#include "lib/Interpreter/Tensor.h"

namespace einsum::interp {

class TensorStore {
public:
  /// Fails, with an error at the tensor, if its extents do not fit its format.
  /// Nothing to do for tensors of plain elements.
  static mlir::FailureOr<TensorStore> create(mlir::Value value,
                                             const Tensor &tensor);

  bool isPlain() const { return !stored.storage; }
  /// Rounds what the tensor holds at these steps of the loops around its
  /// Einsum; the whole tensor if there are none.
  void apply(Tensor &tensor, llvm::ArrayRef<LoopStep> around = {}) const;
  /// Fails, with an error at the tensor, if steps of one of these loops share a
  /// scale.
  mlir::LogicalResult checkLoops(mlir::Value value, const Tensor &tensor,
                                 llvm::ArrayRef<mlir::StringAttr> loops) const;

private:
  TensorStorage stored;
};

} // namespace einsum::interp

#endif // LIB_INTERPRETER_STORETENSOR_H
