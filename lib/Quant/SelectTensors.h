//===- SelectTensors.h - Which tensors become what --------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From rules to tensors. Of `weights=int4 group(128), W*=int8, WO=mxfp4` the
// last rule counts that selects a tensor. Classes and patterns pass over what
// has to stay wide, with a remark: running values, maxima and minima,
// denominators, and what holds no floats. Naming such a tensor is an error, as
// is a rule that selects nothing, a block that does not divide its extent and a
// format that is not stored.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_QUANT_SELECTTENSORS_H
#define LIB_QUANT_SELECTTENSORS_H

#include "lib/Quant/ProductSums.h"
#include "lib/Quant/QuantizeSpec.h"
#include "lib/Support/Formats/Storage.h"

namespace einsum::quant {

/// One tensor and what it becomes.
struct Assignment {
  mlir::Value tensor;
  formats::Storage storage;
  Form form = Form::stored;
  bool isOffline = false, isRearranged = false, isBalanced = false;
  /// Asked for by its name: what cannot be done is an error, not a remark.
  bool isNamed = false;
  /// Other inputs and outputs that may come in the new order.
  std::vector<std::string> granted;
};

/// In the order of the cascade. Fails after an error at the cascade or tensor.
mlir::FailureOr<std::vector<Assignment>>
selectTensors(CascadeEditor &editor, const QuantizeSpec &spec);

/// Whether a rule is about a tensor.
bool selects(const Rule &rule, const TensorRole &role);

/// Names and extents of the tensor's ranks; 0 for an extent that is not bound.
struct TensorShape {
  std::vector<std::string> ranks;
  std::vector<int64_t> extents;
};
TensorShape getShape(CascadeOp cascade, mlir::Value tensor);

} // namespace einsum::quant

#endif // LIB_QUANT_SELECTTENSORS_H
