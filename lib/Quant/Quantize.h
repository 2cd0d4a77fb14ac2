//===- Quantize.h - A cascade in narrower numbers ---------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The whole rewrite as a function, for the pass and for the compile driver:
//
//   auto spec = quant::parseSpec("weights=int4 group(128), activations=int8");
//   quant::quantize(cascade, {std::get<QuantizeSpec>(spec), {}});
//
//   select tensors           SelectTensors.h     what stays wide says so
//   mark permuted ranks      Rearrange.h
//   change stored types      the tensor's element type, nothing else
//   write explicit forms     ExplicitForm.h
//   decode for the machine   DecodeReaders.h
//   count rank passes        before and after: a scale is known only when all
//                            that share it are, and waiting may cost a pass
//
// The result computes what the cascade does up to the error of the formats,
// which is measured by executing both.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_QUANT_QUANTIZE_H
#define LIB_QUANT_QUANTIZE_H

#include "lib/Quant/ExplicitForm.h"

namespace einsum::quant {

struct QuantizeOptions {
  QuantizeSpec spec;
  ExplicitOptions explicitForm;
  /// Compute what would be made beforehand within the cascade: then its inputs
  /// are those of the cascade as written, and both can be executed on the same.
  bool computeAll = false;
  /// Read stored tensors as they are, whatever the machine multiplies.
  bool keepStored = false;
  /// Filled, if given, with what a user should know of the result.
  std::vector<std::string> *notes = nullptr;
};

/// Fails after an error; remarks say what was done.
mlir::LogicalResult quantize(CascadeOp cascade, const QuantizeOptions &options);

} // namespace einsum::quant

#endif // LIB_QUANT_QUANTIZE_H
