//===- Activations.cpp - Scalar functions of feed-forward layers ----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Gelu is x * Phi(x) (Hendrycks & Gimpel 2016); its two approximations by tanh
// and by a logistic function are other functions and keep their names. A
// logistic function is spelt with exp, which more machines have.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/HuggingFace/Activations.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"

using namespace einsum::frontend;
using llvm::StringRef;

static const Activation kActivations[] = {
    {"gelu", "gelu", "0.5 * x * (1 + erf(x * 0.7071067811865476))"},
    {"gelu_new", "gelu_tanh",
     "0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))"},
    {"gelu_pytorch_tanh", "gelu_tanh",
     "0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))"},
    {"gelu_fast", "gelu_tanh",
     "0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))"},
    {"quick_gelu", "quick_gelu", "x / (1 + exp(-1.702 * x))"},
    {"relu", "relu", "max(x, 0)"},
    {"silu", "silu", "x / (1 + exp(-x))"},
    {"swish", "silu", "x / (1 + exp(-x))"}};

llvm::ArrayRef<StringRef> einsum::frontend::getActivationNames() {
  static const llvm::SmallVector<StringRef> names = llvm::map_to_vector(
      kActivations, [](const Activation &a) { return a.name; });
  return names;
}

const Activation *einsum::frontend::findActivation(StringRef name) {
  const Activation *found = llvm::find_if(
      kActivations, [&](const Activation &a) { return a.name == name; });
  return found == std::end(kActivations) ? nullptr : found;
}
