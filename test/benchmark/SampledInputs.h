//===- SampledInputs.h - Something to compute with --------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Inputs of a cascade in f64, the same in each run.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_BENCHMARK_SAMPLEDINPUTS_H
#define TEST_BENCHMARK_SAMPLEDINPUTS_H

#include "lib/Interpreter/SampleData.h"

namespace einsum {

inline interp::TensorMap sampleInputs(CascadeOp cascade) {
  interp::TensorMap inputs;
  for (InputOp input : cascade.getBodyBlock()->getOps<InputOp>()) {
    auto tensor =
        interp::makeTensor(cascade, input.getResult(), input.getTensor(),
                           *interp::findFloatFormat("f64"));
    interp::fillWithSamples(*tensor, interp::Sampling(), /*seed=*/0);
    inputs[tensor->name] = std::move(*tensor);
  }
  return inputs;
}

} // namespace einsum

#endif // TEST_BENCHMARK_SAMPLEDINPUTS_H
