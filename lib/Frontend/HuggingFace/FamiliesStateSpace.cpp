//===- FamiliesStateSpace.cpp - State spaces ------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Mamba and Mamba-2.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/HuggingFace/FamilyParts.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace einsum;
using namespace einsum::frontend;
using llvm::StringRef;

static void describeMamba(ConfigReader &config, Model &model) {
  expectNoCross(config);
  model.hidden = config.whole("hidden_size");
  model.vocabulary = config.whole("vocab_size");
  for (StringRef derived : {"d_model", "d_inner", "n_layer", "fused_add_norm",
                            "residual_in_fp32", "pad_vocab_size_multiple"})
    config.ignore(derived); // aliases, rounding, how kernels are fused
  config.expectAbsent("ssm_cfg", "state spaces are of the first version");
  config.expect("rms_norm", true, "norms are RMS norms");
  StateSpace mixer;
  mixer.inner = config.whole("intermediate_size",
                             config.whole("expand", 2) * model.hidden);
  mixer.state = config.whole("state_size", 16);
  mixer.window = config.whole("conv_kernel", 4);
  const JsonValue *rank = config.find("time_step_rank");
  mixer.stepRank = !rank || rank->kind == JsonValue::Kind::String
                       ? (model.hidden + 15) / 16
                       : config.whole("time_step_rank");
  mixer.hasBias = config.flag("use_bias", false);
  mixer.hasWindowBias = config.flag("use_conv_bias", true);
  mixer.activation = readActivation(config, "hidden_act", "silu");
  Layer layer;
  Norm norm = rmsNorm(config.number("layer_norm_epsilon", 1e-5));
  layer.stateSpace = mixer;
  layer.stateSpaceBranch.pre = norm;
  model.stack.final = norm;
  repeatLayer(model.stack, std::move(layer), readLayerCount(config));
  readCausalHead(config, model, /*isTied=*/true);
}

static void describeMamba2(ConfigReader &config, Model &model) {
  expectNoCross(config);
  model.hidden = config.whole("hidden_size", 4096);
  model.vocabulary = config.whole("vocab_size", 32768);
  for (StringRef field : {"chunk_size", "residual_in_fp32", "time_step_rank",
                          "use_mem_eff_path", "intermediate_size"})
    config.ignore(field); // orders of sums, and what follows from the rest
  HeadedStateSpace mixer;
  mixer.heads = config.whole("num_heads", 128);
  mixer.extent = config.whole("head_dim", 64);
  mixer.groups = config.whole("n_groups", 8);
  mixer.state = config.whole("state_size", 128);
  mixer.window = config.whole("conv_kernel", 4);
  mixer.hasBias = config.flag("use_bias", false);
  mixer.hasWindowBias = config.flag("use_conv_bias", true);
  mixer.activation = readActivation(config, "hidden_act", "silu");
  int64_t expand = config.whole("expand", 2);
  if (mixer.heads * mixer.extent != expand * model.hidden)
    config.error("num_heads", "'num_heads' times 'head_dim', " +
                                  llvm::Twine(mixer.heads * mixer.extent) +
                                  ", must be 'expand' times 'hidden_size', " +
                                  llvm::Twine(expand * model.hidden));
  if (mixer.heads % mixer.groups != 0)
    config.error("n_groups", "'n_groups' must divide the " +
                                 llvm::Twine(mixer.heads) + " heads");
  config.expect("norm_before_gate", false, "what is gated is then normed");
  Norm norm = rmsNorm(config.number("layer_norm_epsilon", 1e-5));
  if (config.flag("rms_norm", true))
    mixer.norm = norm;
  // From zero to infinity, unless the file has other numbers there.
  const JsonValue *limit = config.find("time_step_limit");
  if (limit && limit->elements.size() == 2) {
    mixer.leastStep = limit->elements[0].number;
    mixer.mostStep = limit->elements[1].number;
    if (mixer.mostStep >= 1e308)
      mixer.mostStep = 0;
  } else if (limit) {
    config.error("time_step_limit", "'time_step_limit' is a pair of numbers");
  }
  Layer layer;
  layer.headedStateSpace = mixer;
  layer.stateSpaceBranch.pre = norm;
  model.stack.final = norm;
  repeatLayer(model.stack, std::move(layer), readLayerCount(config));
  readCausalHead(config, model, /*isTied=*/false);
}

llvm::ArrayRef<Family> einsum::frontend::getStateSpaceFamilies() {
  static const Family families[] = {{"mamba", describeMamba},
                                    {"mamba2", describeMamba2}};
  return families;
}
