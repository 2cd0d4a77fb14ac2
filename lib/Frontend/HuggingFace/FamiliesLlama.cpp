//===- FamiliesLlama.cpp - Llama and its relatives ------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// RMS norms, rotary positions, grouped heads, a gated feed-forward; and what
// each family does otherwise.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/HuggingFace/FamilyParts.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <utility>

using namespace einsum;
using namespace einsum::frontend;
using llvm::StringRef;

static void describeLlama(ConfigReader &config, Model &model) {
  Layer layer = readLlamaLayer(config, model, 1e-6);
  bool bias = config.flag("attention_bias", false);
  setBiases(*layer.attention, bias, bias);
  layer.feedForward->hasBias = config.flag("mlp_bias", false);
  config.ignore("pretraining_tp"); // the same sums in another order
  repeatLayer(model.stack, std::move(layer), readLayerCount(config));
  readCausalHead(config, model, /*isTied=*/false);
}

static void describeMistral(ConfigReader &config, Model &model) {
  Layer layer = readLlamaLayer(config, model, 1e-6, {/*keyValueHeads=*/8});
  layer.attention->window = config.wholeOrNone("sliding_window", 4096);
  repeatLayer(model.stack, std::move(layer), readLayerCount(config));
  readCausalHead(config, model, /*isTied=*/false);
}

static void describeMixtral(ConfigReader &config, Model &model) {
  Layer layer = readLlamaLayer(config, model, 1e-5, {/*keyValueHeads=*/8});
  layer.attention->window = config.whole("sliding_window", 0);
  Experts experts;
  experts.count = config.whole("num_local_experts", 8);
  experts.chosen = config.whole("num_experts_per_tok", 2);
  experts.inner = layer.feedForward->inner;
  experts.isNormalised = true;
  layer.feedForward->experts = experts;
  repeatLayer(model.stack, std::move(layer), readLayerCount(config));
  readCausalHead(config, model, /*isTied=*/false);
}

/// `use_sliding_window`: layers from `max_window_layers` on see a window (kind
/// 1), the others everything.
static void readUpperWindows(ConfigReader &config, Model &model, Layer layer) {
  int64_t layers = readLayerCount(config);
  bool isUsed = config.flag("use_sliding_window", false);
  int64_t first = config.count("max_window_layers", 28);
  int64_t window = config.wholeOrNone("sliding_window", 4096);
  if (!isUsed || window == 0 || first >= layers) {
    expectFullAttention(config);
    return repeatLayer(model.stack, std::move(layer), layers);
  }
  Layer upper = layer;
  upper.attention->window = window;
  model.stack.kinds = {std::move(layer), std::move(upper)};
  for (int64_t i = 0; i < layers; ++i)
    model.stack.pattern.push_back(i < first ? 0 : 1);
  const JsonValue *types = config.find("layer_types");
  if (!types)
    return;
  for (auto [kind, type] : llvm::zip(model.stack.pattern, types->elements))
    if (type.string != (kind ? "sliding_attention" : "full_attention"))
      return config.error(
          "layer_types", "'layer_types' and 'max_window_layers' disagree about "
                         "which layers see a window");
}

static void describeQwen2(ConfigReader &config, Model &model) {
  Layer layer = readLlamaLayer(config, model, 1e-6, {/*keyValueHeads=*/32});
  config.expect("use_mrope", false, "the position of a token is one number");
  setBiases(*layer.attention, /*inputs=*/true, /*output=*/false);
  readUpperWindows(config, model, std::move(layer));
  readCausalHead(config, model, /*isTied=*/false);
}

/// Llama's layer; that its projections lie in one matrix changes none of them.
static void describePhi3(ConfigReader &config, Model &model) {
  Layer layer = readLlamaLayer(config, model, 1e-5, {},
                               [](ConfigReader &config, Attention &attention) {
                                 usePartialRotary(config, attention, 1);
                               });
  for (StringRef field : {"attention_bias", "mlp_bias", "lm_head_bias"})
    config.expect(field, false, "projections have no biases");
  config.ignore("original_max_position_embeddings"); // of the tables
  layer.attention->window = config.whole("sliding_window", 0);
  repeatLayer(model.stack, std::move(layer), readLayerCount(config));
  readCausalHead(config, model, /*isTied=*/false);
}

static Layer readQwen3Layer(ConfigReader &config, Model &model,
                            HeadDefaults defaults) {
  Layer layer = readLlamaLayer(config, model, 1e-6, defaults);
  bool bias = config.flag("attention_bias", false);
  setBiases(*layer.attention, bias, bias);
  layer.attention->headNorm = layer.attentionBranch.pre;
  return layer;
}

static void describeQwen3(ConfigReader &config, Model &model) {
  Layer layer =
      readQwen3Layer(config, model, {/*keyValueHeads=*/32, /*extent=*/128});
  readUpperWindows(config, model, std::move(layer));
  readCausalHead(config, model, /*isTied=*/false);
}

/// Layers listed in `mlp_only_layers`, or not on the step, are dense (kind 0).
static std::vector<unsigned> readSparsePattern(ConfigReader &config,
                                               int64_t layers) {
  int64_t step = config.whole("decoder_sparse_step", 1);
  std::vector<unsigned> pattern;
  for (int64_t i = 0; i < layers; ++i)
    pattern.push_back((i + 1) % step == 0 ? 1 : 0);
  if (const JsonValue *dense = config.find("mlp_only_layers"))
    for (const JsonValue &entry : dense->elements)
      if (entry.int64 && *entry.int64 >= 0 && *entry.int64 < layers)
        pattern[*entry.int64] = 0;
  return pattern;
}

static void describeQwen3Moe(ConfigReader &config, Model &model) {
  Layer dense = readQwen3Layer(config, model, {/*keyValueHeads=*/4});
  // Which layers would see it, its versions disagree about.
  expectNoWindow(config);
  Layer sparse = dense;
  Experts experts;
  // Newer files have it under Mixtral's name.
  experts.count = config.find("num_local_experts")
                      ? config.whole("num_local_experts")
                      : config.whole("num_experts");
  config.ignore("num_experts");
  experts.chosen = config.whole("num_experts_per_tok");
  experts.inner = config.whole("moe_intermediate_size");
  experts.isNormalised = config.flag("norm_topk_prob", false);
  sparse.feedForward->experts = experts;
  model.stack.kinds = {dense, sparse};
  model.stack.pattern = readSparsePattern(config, readLayerCount(config));
  readCausalHead(config, model, /*isTied=*/false);
}

/// Beside the chosen experts a shared one, whose gate is a sigmoid.
static void describeQwen2Moe(ConfigReader &config, Model &model) {
  Layer dense = readLlamaLayer(config, model, 1e-6, {/*keyValueHeads=*/16});
  bool bias = config.flag("qkv_bias", true);
  setBiases(*dense.attention, bias, /*output=*/false);
  expectNoWindow(config);
  Experts experts;
  experts.count = config.whole("num_experts", 60);
  experts.chosen = config.whole("num_experts_per_tok", 4);
  experts.inner = config.whole("moe_intermediate_size", 1408);
  experts.sharedInner = config.whole("shared_expert_intermediate_size", 5632);
  experts.isSharedGated = true;
  experts.isNormalised = config.flag("norm_topk_prob", false);
  Layer sparse = dense;
  sparse.feedForward->experts = experts;
  model.stack.kinds = {dense, sparse};
  model.stack.pattern = readSparsePattern(config, readLayerCount(config));
  readCausalHead(config, model, /*isTied=*/false);
}

//===----------------------------------------------------------------------===//
// Gemma
//===----------------------------------------------------------------------===//

/// Norms that multiply by 1 + gain, and embeddings scaled by sqrt(hidden).
static Layer readGemmaLayer(ConfigReader &config, Model &model,
                            bool hasPostNorms, HeadDefaults defaults) {
  Layer layer = readLlamaLayer(config, model, 1e-6, defaults);
  // The first configs have but the older field, say gelu there and mean its
  // approximation.
  StringRef approximate = "gelu_pytorch_tanh";
  if (config.find("hidden_activation"))
    config.ignore("hidden_act");
  else
    config.choice("hidden_act", approximate, {"gelu", approximate});
  layer.feedForward->activation =
      readActivation(config, "hidden_activation", approximate);
  bool bias = config.flag("attention_bias", false);
  setBiases(*layer.attention, bias, bias);
  Norm norm = layer.attentionBranch.pre;
  norm.gainFromOne = true;
  for (Branch *branch : {&layer.attentionBranch, &layer.feedForwardBranch}) {
    branch->pre = norm;
    if (hasPostNorms)
      branch->post = norm;
  }
  model.stack.final = norm;
  model.embedding.scale = std::sqrt(static_cast<double>(model.hidden));
  readCausalHead(config, model, /*isTied=*/true);
  return layer;
}

static void describeGemma(ConfigReader &config, Model &model) {
  Layer layer = readGemmaLayer(config, model, /*hasPostNorms=*/false,
                               {/*keyValueHeads=*/16, /*extent=*/256});
  repeatLayer(model.stack, std::move(layer), readLayerCount(config));
}

static void readQueryScale(ConfigReader &config, Attention &attention) {
  double scalar = config.number("query_pre_attn_scalar", 256);
  if (scalar > 0)
    attention.scale = 1 / std::sqrt(scalar);
  else
    config.error("query_pre_attn_scalar",
                 "'query_pre_attn_scalar' must be more than zero");
}

static void describeGemma2(ConfigReader &config, Model &model) {
  Layer layer = readGemmaLayer(config, model, /*hasPostNorms=*/true,
                               {/*keyValueHeads=*/4, /*extent=*/256});
  readQueryScale(config, *layer.attention);
  layer.attention->softcap = config.numberOrNone("attn_logit_softcapping", 50);
  model.head.softcap = config.numberOrNone("final_logit_softcapping", 30);
  config.expect("use_bidirectional_attention", false,
                "a decoder attends to what came before");
  int64_t window = config.wholeOrNone("sliding_window", 4096);
  if (config.whole("sliding_window_size", window) != window)
    config.error("sliding_window_size",
                 "'sliding_window_size' and 'sliding_window', " +
                     llvm::Twine(window) + ", disagree");
  alternateWindows(config, model, std::move(layer), window, /*period=*/2);
}

static void describeGemma3(ConfigReader &config, Model &model) {
  Layer layer = readGemmaLayer(config, model, /*hasPostNorms=*/true,
                               {/*keyValueHeads=*/4, /*extent=*/256});
  readQueryScale(config, *layer.attention);
  layer.attention->headNorm = layer.attentionBranch.pre;
  layer.attention->softcap = config.number("attn_logit_softcapping", 0);
  model.head.softcap = config.number("final_logit_softcapping", 0);
  config.expect("use_bidirectional_attention", false,
                "a decoder attends to what came before");
  int64_t period = config.whole("sliding_window_pattern",
                                config.whole("_sliding_window_pattern", 6));
  alternateWindows(config, model, std::move(layer),
                   config.wholeOrNone("sliding_window", 4096), period);
  model.stack.kinds[0].attention->rotary.table = "L"; // its own base
}

//===----------------------------------------------------------------------===//
// Granite, OLMo 2, SmolLM 3
//===----------------------------------------------------------------------===//

/// Llama with four numbers: of embeddings, scores, branches and logits.
static void describeGranite(ConfigReader &config, Model &model) {
  Layer layer = readLlamaLayer(config, model, 1e-6);
  bool bias = config.flag("attention_bias", false);
  setBiases(*layer.attention, bias, bias);
  layer.feedForward->hasBias = config.flag("mlp_bias", false);
  config.ignore("pretraining_tp");
  layer.attention->scale = config.number("attention_multiplier", 1);
  layer.attentionBranch.scale = layer.feedForwardBranch.scale =
      config.number("residual_multiplier", 1);
  model.embedding.scale = config.number("embedding_multiplier", 1);
  double scaling = config.number("logits_scaling", 1);
  if (scaling == 0)
    config.error("logits_scaling", "'logits_scaling' must not be zero");
  else
    model.head.scale = 1 / scaling;
  repeatLayer(model.stack, std::move(layer), readLayerCount(config));
  readCausalHead(config, model, /*isTied=*/false);
}

/// Queries and keys have a norm over all heads.
static Layer readOlmoLayer(ConfigReader &config, Model &model) {
  Layer layer = readLlamaLayer(config, model, 1e-5);
  bool bias = config.flag("attention_bias", false);
  setBiases(*layer.attention, bias, bias);
  layer.attention->headNorm = layer.attentionBranch.pre;
  layer.attention->normOf = Attention::NormOf::Row;
  return layer;
}

/// Norms stand behind branches, not in front of them.
static void describeOlmo2(ConfigReader &config, Model &model) {
  Layer layer = readOlmoLayer(config, model);
  for (Branch *branch : {&layer.attentionBranch, &layer.feedForwardBranch})
    branch->post = std::exchange(branch->pre, {});
  repeatLayer(model.stack, std::move(layer), readLayerCount(config));
  readCausalHead(config, model, /*isTied=*/false);
}

static void describeOlmoe(ConfigReader &config, Model &model) {
  Layer layer = readOlmoLayer(config, model);
  config.expectAbsent("clip_qkv", "queries, keys and values are not clipped");
  Experts experts;
  experts.count = config.whole("num_experts", 64);
  experts.chosen = config.whole("num_experts_per_tok", 8);
  experts.inner = layer.feedForward->inner;
  experts.isNormalised = config.flag("norm_topk_prob", false);
  layer.feedForward->experts = experts;
  repeatLayer(model.stack, std::move(layer), readLayerCount(config));
  readCausalHead(config, model, /*isTied=*/false);
}

/// Llama where every fourth layer knows no positions.
static void describeSmolLm3(ConfigReader &config, Model &model) {
  Layer layer = readLlamaLayer(config, model, 1e-6, {/*keyValueHeads=*/4});
  bool bias = config.flag("attention_bias", false);
  setBiases(*layer.attention, bias, bias);
  layer.feedForward->hasBias = config.flag("mlp_bias", false);
  config.ignore("pretraining_tp");
  expectNoWindow(config);
  Layer plain = layer;
  plain.attention->rotary = {};
  model.stack.kinds = {std::move(layer), std::move(plain)};
  int64_t layers = readLayerCount(config);
  for (bool turns : readEachLayer(config, "no_rope_layers", layers,
                                  config.whole("no_rope_layer_interval", 4)))
    model.stack.pattern.push_back(turns ? 0 : 1);
  readCausalHead(config, model, /*isTied=*/true);
}

llvm::ArrayRef<Family> einsum::frontend::getLlamaFamilies() {
  static const Family families[] = {
      {"gemma", describeGemma},        {"gemma2", describeGemma2},
      {"gemma3_text", describeGemma3}, {"granite", describeGranite},
      {"llama", describeLlama},        {"mistral", describeMistral},
      {"mixtral", describeMixtral},    {"olmo2", describeOlmo2},
      {"olmoe", describeOlmoe},        {"phi3", describePhi3},
      {"qwen2", describeQwen2},        {"qwen2_moe", describeQwen2Moe},
      {"qwen3", describeQwen3},        {"qwen3_moe", describeQwen3Moe},
      {"smollm3", describeSmolLm3}};
  return families;
}
