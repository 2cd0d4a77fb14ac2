//===- WriteModel.h - A model as one cascade --------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Embedding, stacks of layers, head. Runs of equal layers, or of equal periods
// of layers, become one body with an iterative rank:
//
//   D D D E E E E ...      3 of D, 58 of E          DeepSeek-V3
//   W G W G W G ...        21 of (W, G)             Gemma 2
//   W W W W W G ... W W    4 of (W W W W W G), 2 of W
//
// The rows of the embedding table that a text names are an input, EMB: which
// rows they are is data, and moving them costs no more than reading that input.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_HUGGINGFACE_WRITEMODEL_H
#define LIB_FRONTEND_HUGGINGFACE_WRITEMODEL_H

#include "lib/Frontend/HuggingFace/HuggingFace.h"
#include "lib/Frontend/HuggingFace/Model.h"

namespace einsum::frontend {

/// `repeats` times the kinds of layers in `kinds`, one after the other.
struct LayerRun {
  std::vector<unsigned> kinds;
  int64_t repeats = 1;
};
std::vector<LayerRun> findRuns(const std::vector<unsigned> &pattern);

/// Reports options that the model cannot meet, at `loc`.
bool checkOptions(const Model &model, const ModelOptions &options,
                  const SourceLocation &loc, Diagnostics &diags);

std::string writeModel(const Model &model, const ModelOptions &options);

} // namespace einsum::frontend

#endif // LIB_FRONTEND_HUGGINGFACE_WRITEMODEL_H
