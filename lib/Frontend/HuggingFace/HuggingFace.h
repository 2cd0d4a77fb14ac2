//===- HuggingFace.h - From config.json to a cascade ------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A Hugging Face config.json says which model it is and how large; the code of
// the architecture says what that computes. This front end holds the second
// part as data, and writes the whole model in the text notation:
//
//   {"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, ...}
//
//   cascade llama_prefill(B=1, S=2048, L=32, D=4096, ...) : f16
//     weight WQ[l,d,h,e], ...
//     XI[l,b,s,d] = select(l == 0, EMB[b,s,d], XO[l-1,b,s,d])
//     ...
//     XO[l,b,s,d] = X1[l,b,s,d] + FD[l,b,s,d] init 0
//     ...
//
// Equal layers are steps of an iterative rank `l`, so that a model of a hundred
// layers is as long as one of two; a single layer has no such rank. Every
// parameter of the model is an element of a `weight` tensor.
//
// Phases: prefill computes all tokens of a sequence, fills the key-value cache
// and delivers the logits of the last one; decode computes one token behind a
// cache of `sequence` tokens; train computes all logits and the loss, whose
// gradients other components derive.
//
// Trusted: that a config of a known `model_type` means what the architecture of
// that name means in public. Refused, by name and place: architectures that are
// not in the table (Families.cpp), fields that nobody here knows unless they
// are listed as irrelevant (ReadConfig.cpp), and values of known fields that
// would compute something else.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_HUGGINGFACE_HUGGINGFACE_H
#define LIB_FRONTEND_HUGGINGFACE_HUGGINGFACE_H

#include "lib/Support/Diagnostics.h"

#include <cstdint>

namespace llvm {
class MemoryBuffer;
} // namespace llvm

namespace einsum::frontend {

enum class Phase { Prefill, Decode, Train };

/// How tokens come to their experts. Which expert a token takes is data, and
/// accesses are affine: so either every expert computes every token and gates
/// of zero drop what was not asked for, or tokens are dealt out evenly, which
/// has the counts of a balanced model but not the values of this input.
enum class Routing { Balanced, Masked };

/// Which rows of the table of embeddings a text takes is data. They may be an
/// input, so that what moves is rows, or be gathered by an input of tokens:
/// then the table may move, as it does when it is kept on chip.
enum class EmbeddingRows { Input, Gathered };

struct ModelOptions {
  Phase phase = Phase::Prefill;
  int64_t batch = 1;
  /// Tokens of the sequence (prefill, train) or of the cache (decode).
  int64_t sequence = 2048;
  /// Tokens of the decoder of an encoder-decoder model; 0 for the usual.
  int64_t target = 0;
  /// Layers [first, last) of each stack; all of them if `last` is 0.
  int64_t firstLayer = 0, lastLayer = 0;
  /// Without embeddings and head: what enters and leaves the layers.
  bool layersOnly = false;
  Routing routing = Routing::Balanced;
  EmbeddingRows rows = EmbeddingRows::Input;
  std::string datatype;             ///< "f16", ...; empty for the config's
  std::vector<std::string> ignored; ///< fields to pass over
};

/// True if the buffer is a JSON object, as told by its name (`*.json`) or, on
/// standard input, by its first character.
bool isModelConfig(const llvm::MemoryBuffer &buffer);

/// The model as text of one cascade. Nothing is returned after an error.
std::optional<std::string> convertConfigToCascade(llvm::StringRef text,
                                                  llvm::StringRef file,
                                                  const ModelOptions &options,
                                                  Diagnostics &diags);

/// Values of `model_type` that are known, in alphabetical order.
std::vector<std::string> getModelTypes();

} // namespace einsum::frontend

#endif // LIB_FRONTEND_HUGGINGFACE_HUGGINGFACE_H
