//===- FamiliesExperts.cpp - Mixtures with routers of their own -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Which experts a token takes, and what its gates are, differs most among
// models of one shape; so do the few that leave Llama for that reason.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/HuggingFace/FamilyParts.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace einsum;
using namespace einsum::frontend;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// DeepSeek
//===----------------------------------------------------------------------===//

/// YaRN with `mscale_all_dim` scales the scores too, not the tables alone.
static double readScoreScale(ConfigReader &config) {
  const JsonValue *scaling = config.find("rope_scaling");
  if (const JsonValue *parameters = config.find("rope_parameters"))
    scaling = parameters;
  const JsonValue *all = scaling ? scaling->find("mscale_all_dim") : nullptr;
  const JsonValue *factor = scaling ? scaling->find("factor") : nullptr;
  if (!all || !factor || all->number == 0 || factor->number <= 1)
    return 1;
  double scale = 0.1 * all->number * std::log(factor->number) + 1;
  return scale * scale;
}

static Attention readLatentAttention(ConfigReader &config) {
  Attention attention;
  attention.heads = config.whole("num_attention_heads");
  attention.keyValueHeads = attention.heads;
  config.ignore("num_key_value_heads"); // all heads share one row
  for (StringRef derived : {"head_dim", "qk_head_dim"})
    config.ignore(derived);
  Latent latent;
  latent.query = config.wholeOrNone("q_lora_rank", 1536);
  latent.keyValue = config.whole("kv_lora_rank");
  latent.rotary = config.whole("qk_rope_head_dim");
  latent.norm = rmsNorm(1e-6);
  attention.keyExtent = config.whole("qk_nope_head_dim");
  attention.valueExtent = config.whole("v_head_dim");
  attention.rotary.kind = config.flag("rope_interleave", true)
                              ? Rotary::Kind::Interleaved
                              : Rotary::Kind::Halves;
  attention.scale =
      readScoreScale(config) / std::sqrt(attention.keyExtent + latent.rotary);
  attention.latent = latent;
  config.expect("attention_bias", false, "projections have no biases");
  return attention;
}

/// What both versions have, with the number of shared experts assumed.
static Experts readDeepSeekExperts(ConfigReader &config, int64_t shared) {
  Experts experts;
  experts.count = config.whole("n_routed_experts");
  experts.chosen = config.whole("num_experts_per_tok");
  experts.inner = config.whole("moe_intermediate_size");
  experts.sharedInner =
      config.wholeOrNone("n_shared_experts", shared) * experts.inner;
  config.expect("moe_layer_freq", 1.0,
                "every layer after the first has experts");
  return experts;
}

static void readGroups(ConfigReader &config, Experts &experts, int64_t groups,
                       int64_t chosen) {
  experts.groups = config.whole("n_group", groups);
  experts.chosenGroups = config.whole("topk_group", chosen);
  bool isPair = experts.groupScore == Experts::GroupScore::BestTwo;
  if (experts.count % experts.groups != 0 ||
      experts.count / experts.groups < (isPair ? 2 : 1))
    config.error("n_group", "'n_group' must divide the " +
                                llvm::Twine(experts.count) +
                                " experts into groups" +
                                (isPair ? " of two or more" : ""));
}

/// The third version: gates by sigmoid, a bias that balances the choice.
static Experts readSigmoidExperts(ConfigReader &config) {
  Experts experts = readDeepSeekExperts(config, /*shared=*/1);
  config.choice("scoring_func", "sigmoid", {"sigmoid"});
  config.choice("topk_method", "noaux_tc", {"noaux_tc"});
  experts.isSigmoid = experts.hasCorrection = true;
  experts.isNormalised = config.flag("norm_topk_prob", true);
  experts.scale = config.number("routed_scaling_factor", 2.5);
  readGroups(config, experts, /*groups=*/8, /*chosen=*/4);
  return experts;
}

/// The second version: gates are the softmax over all experts.
static Experts readSoftmaxExperts(ConfigReader &config) {
  Experts experts = readDeepSeekExperts(config, /*shared=*/2);
  config.choice("scoring_func", "softmax", {"softmax"});
  config.expect("norm_topk_prob", false, "gates are not made to add up to one");
  experts.scale = config.number("routed_scaling_factor", 1);
  experts.groupScore = Experts::GroupScore::Best;
  if (config.choice("topk_method", "greedy",
                    {"greedy", "group_limited_greedy"}) == "greedy")
    for (StringRef field : {"n_group", "topk_group"})
      config.ignore(field);
  else
    readGroups(config, experts, /*groups=*/1, /*chosen=*/1);
  return experts;
}

/// Dense layers (kind 0), then layers with experts (kind 1).
static void describeDeepSeek(ConfigReader &config, Model &model,
                             const Experts &experts, int64_t dense) {
  model.hidden = config.whole("hidden_size");
  model.vocabulary = config.whole("vocab_size");
  config.ignore("max_position_embeddings");
  expectNoCross(config);
  for (StringRef field : {"ep_size", "pretraining_tp"})
    config.ignore(field); // where experts are, not what they compute
  Layer first;
  first.attention = readLatentAttention(config);
  first.feedForward = readGated(config, "hidden_act", "silu");
  Norm norm = rmsNorm(config.number("rms_norm_eps", 1e-6));
  first.attentionBranch.pre = first.feedForwardBranch.pre = norm;
  model.stack.final = norm;
  Layer sparse = first;
  sparse.feedForward->experts = experts;
  model.stack.kinds = {first, sparse};
  int64_t denseLayers = config.count("first_k_dense_replace", dense);
  for (int64_t i = 0, layers = readLayerCount(config); i < layers; ++i)
    model.stack.pattern.push_back(i < denseLayers ? 0 : 1);
  readCausalHead(config, model, /*isTied=*/false);
}

static void describeDeepSeekV2(ConfigReader &config, Model &model) {
  config.expect("mlp_bias", false, "projections have no biases");
  describeDeepSeek(config, model, readSoftmaxExperts(config), /*dense=*/0);
}

static void describeDeepSeekV3(ConfigReader &config, Model &model) {
  config.ignore("num_nextn_predict_layers"); // a head beside the model
  describeDeepSeek(config, model, readSigmoidExperts(config), /*dense=*/3);
}

//===----------------------------------------------------------------------===//
// gpt-oss
//===----------------------------------------------------------------------===//

/// Sinks, a window in every other layer, experts with biases and clamped gates.
static void describeGptOss(ConfigReader &config, Model &model) {
  Layer layer =
      readLlamaLayer(config, model, 1e-5, {/*keyValueHeads=*/8, /*extent=*/64});
  bool bias = config.flag("attention_bias", true);
  setBiases(*layer.attention, bias, bias);
  layer.attention->hasSinks = true;
  for (StringRef field : {"experts_per_token", "initial_context_length"})
    config.ignore(field); // the same once more, and of the tables
  Experts experts;
  experts.count = config.whole("num_local_experts", 128);
  experts.chosen = config.whole("num_experts_per_tok", 4);
  experts.inner = layer.feedForward->inner;
  experts.hasRouterBias = true;
  experts.isNormalised = true; // a softmax over the chosen ones
  config.choice("hidden_act", "silu", {"silu"});
  layer.feedForward->activation = "quick_gelu";
  layer.feedForward->limit = config.number("swiglu_limit", 7);
  layer.feedForward->hasBias = true;
  layer.feedForward->experts = experts;
  alternateWindows(config, model, std::move(layer),
                   config.wholeOrNone("sliding_window", 128), /*period=*/2);
  readCausalHead(config, model, /*isTied=*/false);
}

//===----------------------------------------------------------------------===//
// Llama 4
//===----------------------------------------------------------------------===//

/// The one chosen expert reads the token times its gate; every fourth layer
/// knows no positions and scales its queries by them, the others see chunks.
static void describeLlama4(ConfigReader &config, Model &model) {
  Layer layer = readLlamaLayer(config, model, 1e-5,
                               {/*keyValueHeads=*/8, /*extent=*/128});
  Attention &attention = *layer.attention;
  attention.rotary.kind = Rotary::Kind::Interleaved;
  config.expect("attention_bias", false, "projections have no biases");
  for (StringRef field : {"for_llm_compressor", "floor_scale", "attn_scale"})
    config.ignore(field); // of a converter; values of the input TEMP
  Layer plain = layer;
  plain.attention->rotary = {};
  // Older files have a number there.
  const JsonValue *tempering = config.find("attn_temperature_tuning");
  plain.attention->isTempered =
      !tempering || tempering->boolean || tempering->number != 0;
  if (config.flag("use_qk_norm", true)) {
    attention.headNorm = {Norm::Kind::Bare, layer.attentionBranch.pre.epsilon};
    attention.normOf = Attention::NormOf::Turned;
  }
  attention.chunk = config.wholeOrNone("attention_chunk_size", 8192);
  Experts experts;
  experts.count = config.whole("num_local_experts", 16);
  experts.chosen = config.whole("num_experts_per_tok", 1);
  experts.inner = experts.sharedInner = layer.feedForward->inner;
  experts.isSigmoid = experts.isInputScaled = true;
  int64_t dense = config.whole("intermediate_size_mlp", 16384);
  int64_t layers = readLayerCount(config);
  std::vector<bool> isSparse(layers);
  int64_t step = config.whole("interleave_moe_layer_step", 1);
  for (int64_t i = step - 1; i < layers; i += step)
    isSparse[i] = true;
  if (const JsonValue *list = config.find("moe_layers")) {
    isSparse.assign(layers, false);
    for (const JsonValue &entry : list->elements)
      if (entry.int64 && *entry.int64 >= 0 && *entry.int64 < layers)
        isSparse[*entry.int64] = true;
  }
  for (bool hasExperts : {false, true})
    for (const Layer &kind : {layer, plain}) {
      Layer &made = model.stack.kinds.emplace_back(kind);
      if (hasExperts)
        made.feedForward->experts = experts;
      else
        made.feedForward->inner = dense;
    }
  std::vector<bool> turns =
      readEachLayer(config, "no_rope_layers", layers,
                    config.whole("no_rope_layer_interval", 4));
  const JsonValue *types = config.find("layer_types"); // says the same
  for (int64_t i = 0; i < layers; ++i) {
    model.stack.pattern.push_back((isSparse[i] ? 2 : 0) + (turns[i] ? 0 : 1));
    if (types && i < static_cast<int64_t>(types->elements.size()) &&
        types->elements[i].string !=
            (turns[i] ? "chunked_attention" : "full_attention"))
      return config.error("layer_types",
                          "'layer_types' and 'no_rope_layers' disagree about "
                          "which layers see chunks");
  }
  readCausalHead(config, model, /*isTied=*/false);
}

llvm::ArrayRef<Family> einsum::frontend::getExpertFamilies() {
  static const Family families[] = {{"deepseek_v2", describeDeepSeekV2},
                                    {"deepseek_v3", describeDeepSeekV3},
                                    {"gpt_oss", describeGptOss},
                                    {"llama4_text", describeLlama4}};
  return families;
}
