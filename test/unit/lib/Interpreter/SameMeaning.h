//===- SameMeaning.h - A transformation keeps what is computed --*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   Text before(source), after(source);
//   transform(after.cascade());
//   CHECK(findDifference(before.cascade(), after.cascade()) == "");
//
// Interprets both on the same data, once for each distribution and seed, and
// compares the outputs of the first with those of the same name of the second.
// The text that comes back, if any, says where they differ.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_UNIT_LIB_INTERPRETER_SAMEMEANING_H
#define TEST_UNIT_LIB_INTERPRETER_SAMEMEANING_H

#include "lib/Interpreter/CompareTensors.h"
#include "lib/Interpreter/Interpreter.h"
#include "lib/Interpreter/SampleData.h"

#include <string>
#include <vector>

namespace einsum::test {

/// Data that break careless algebra. Masked rows come on request: see the
/// README of test/semantics.
inline std::vector<std::string> getAdversarialData() {
  return {"normal",     "large",      "ties",          "equal",
          "increasing", "decreasing", "zero-crossing", "offset"};
}

struct SameMeaningOptions {
  std::vector<std::string> distributions = getAdversarialData();
  uint64_t firstSeed = 0;
  unsigned trials = 8; ///< taking distributions in turn
  double tolerance = 1e-10;
  interp::Arithmetic arithmetic = interp::Arithmetic::reference();
};

/// Values for every input; equal names and extents give equal values.
inline interp::TensorMap sampleInputs(CascadeOp cascade,
                                      const std::string &distribution,
                                      uint64_t seed) {
  interp::TensorMap inputs;
  for (InputOp input : cascade.getBodyBlock()->getOps<InputOp>()) {
    auto type = mlir::cast<NamedTensorType>(input.getResult().getType());
    const interp::NumberFormat *format =
        interp::getNumberFormat(getScalarType(type.getElementType()));
    if (format->isFloat)
      format = interp::findFloatFormat("f64");
    auto tensor = interp::makeTensor(cascade, input.getResult(),
                                     input.getTensor(), *format);
    if (mlir::failed(tensor))
      return inputs;
    interp::fillWithSamples(*tensor, *interp::parseSampling(distribution),
                            seed);
    inputs[tensor->name] = std::move(*tensor);
  }
  return inputs;
}

inline std::string describeDifference(const interp::Tensor &a,
                                      const interp::Tensor *b,
                                      double tolerance) {
  if (!b || b->extents != a.extents)
    return "output '" + a.name + (b ? "' has other extents" : "' is missing");
  interp::Comparison comparison = interp::compareTensors(a, *b);
  if (comparison.agrees(tolerance))
    return "";
  const interp::Deviation &worst = comparison.firstMismatch
                                       ? *comparison.firstMismatch
                                       : comparison.absolute;
  auto show = [](const interp::Tensor &tensor, uint64_t i) {
    return tensor.isPresent(i) ? std::to_string(tensor.toDouble(i)) : "absent";
  };
  return a.name + interp::printPoint(a.ranks, a.unflatten(worst.position)) +
         " is " + show(a, worst.position) + " before and " +
         show(*b, worst.position) + " after, scaled error " +
         std::to_string(comparison.scaled);
}

/// Empty if both compute the same.
inline std::string findDifference(CascadeOp before, CascadeOp after,
                                  const SameMeaningOptions &options = {}) {
  for (unsigned trial = 0; trial < options.trials; ++trial) {
    const std::string &data =
        options.distributions[trial % options.distributions.size()];
    uint64_t seed = options.firstSeed + trial;
    interp::TensorMap inputs = sampleInputs(before, data, seed);
    interp::InterpretOptions how;
    how.arithmetic = options.arithmetic;
    auto a = interp::interpret(before, inputs, how);
    auto b = interp::interpret(after, inputs, how);
    if (mlir::failed(a) || mlir::failed(b))
      return std::string("the cascade ") +
             (mlir::failed(a) ? "before" : "after") + " cannot be interpreted";
    for (OutputOp output : before.getBodyBlock()->getOps<OutputOp>())
      for (mlir::Value value : output.getTensors()) {
        const interp::Tensor &tensor = a->get(value);
        std::string text =
            describeDifference(tensor, b->find(tensor.name), options.tolerance);
        if (!text.empty())
          return "seed " + std::to_string(seed) + ", data " + data + ": " +
                 text;
      }
  }
  return "";
}

} // namespace einsum::test

#endif // TEST_UNIT_LIB_INTERPRETER_SAMEMEANING_H
