//===- FamilyParts.h - What families of models share ------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Where families share a form, they share a function that reads it: RMS norms
// in front of grouped attention and a gated feed-forward, heads of one extent,
// rotary positions of all or some elements of a head.
//
// Each Families*.cpp is a handful of families that are alike, and lists them:
//
//   FamiliesLlama.cpp       RMS norms, rotary positions, gated feed-forward
//   FamiliesExperts.cpp     mixtures of experts with routers of their own
//   FamiliesGpt.cpp         decoders with layer norms
//   FamiliesEncoder.cpp     encoders, and both stacks of T5
//   FamiliesStateSpace.cpp  Mamba
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_HUGGINGFACE_FAMILYPARTS_H
#define LIB_FRONTEND_HUGGINGFACE_FAMILYPARTS_H

#include "lib/Frontend/HuggingFace/Families.h"

namespace einsum::frontend {

llvm::ArrayRef<Family> getLlamaFamilies();
llvm::ArrayRef<Family> getExpertFamilies();
llvm::ArrayRef<Family> getGptFamilies();
llvm::ArrayRef<Family> getEncoderFamilies();
llvm::ArrayRef<Family> getStateSpaceFamilies();

/// The end of an architecture's name, and the head that it means.
using HeadOf = std::pair<llvm::StringRef, Head::Kind>;
/// The head, by the end of the architecture's name: LlamaForCausalLM.
void readHead(ConfigReader &config, Model &model, llvm::ArrayRef<HeadOf> heads);
void readCausalHead(ConfigReader &config, Model &model, bool isTied);

std::string readActivation(ConfigReader &config, llvm::StringRef key,
                           llvm::StringRef fallback);
Norm rmsNorm(double epsilon);
Norm layerNorm(double epsilon);
/// Without a bias.
Norm centredNorm(double epsilon);

int64_t readLayerCount(ConfigReader &config);
/// `count` layers of the one kind there is.
void repeatLayer(Stack &stack, Layer layer, int64_t count);
void expectNoCross(ConfigReader &config);
void expectFullAttention(ConfigReader &config);
/// No window anywhere, whatever layers it would be of.
void expectNoWindow(ConfigReader &config);

/// What a family assumes of heads that a config leaves out: 0 for as many
/// key-value heads as query heads, and for an even share of the hidden size.
struct HeadDefaults {
  int64_t keyValueHeads = 0, extent = 0;
};
/// Heads of one extent; the family has no biases unless it sets them.
Attention readHeads(ConfigReader &config, const Model &model,
                    HeadDefaults defaults = {});
/// An even share of the hidden size, called `key`.
int64_t shareOut(ConfigReader &config, llvm::StringRef key, int64_t hidden,
                 int64_t heads);
void setBiases(Attention &attention, bool inputs, bool output);

/// All elements of a head turn with the position, the halves of it with each
/// other.
void useRotary(ConfigReader &config, Attention &attention);
/// The first ones do: the part that the config gives, or `part`.
void usePartialRotary(ConfigReader &config, Attention &attention, double part,
                      llvm::StringRef key = "partial_rotary_factor");

FeedForward readGated(ConfigReader &config, llvm::StringRef activationKey,
                      llvm::StringRef activation);
/// The layer of Llama and its relatives, before what makes them differ.
Layer readLlamaLayer(ConfigReader &config, Model &model, double epsilon,
                     HeadDefaults defaults = {},
                     void (*rotate)(ConfigReader &, Attention &) = useRotary);
/// Every `period`-th entry says no, or what the list `key` of ones and zeros,
/// or of truths, says of each layer.
std::vector<bool> readEachLayer(ConfigReader &config, llvm::StringRef key,
                                int64_t layers, int64_t period);

/// `layer_types`, or every `period`-th layer with global attention (the last
/// of each period), as kinds 0 (window) and 1 (global).
std::vector<unsigned> readWindowPattern(ConfigReader &config, int64_t layers,
                                        int64_t period);
/// Layers of kind 0 see a window of keys, those of kind 1 everything.
void alternateWindows(ConfigReader &config, Model &model, Layer layer,
                      int64_t window, int64_t period);

} // namespace einsum::frontend

#endif // LIB_FRONTEND_HUGGINGFACE_FAMILYPARTS_H
