//===- Families.cpp - Which models are known ------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Layers as data. Where families share a form (RMS norms in front of grouped
// attention and a gated feed-forward), they share a function that reads it.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/HuggingFace/Families.h"

#include "lib/Frontend/HuggingFace/Activations.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace einsum;
using namespace einsum::frontend;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// What families share
//===----------------------------------------------------------------------===//

using HeadOf = std::pair<StringRef, Head::Kind>;

/// The head, by the end of the architecture's name: LlamaForCausalLM.
static void readHead(ConfigReader &config, Model &model,
                     llvm::ArrayRef<HeadOf> heads) {
  model.head.kind = heads.front().second;
  const JsonValue *names = config.find("architectures");
  if (!names || names->kind != JsonValue::Kind::Array ||
      names->elements.empty())
    return;
  const JsonValue &name = names->elements.front();
  std::vector<std::string> endings;
  for (auto [ending, kind] : heads) {
    if (StringRef(name.string).ends_with(ending)) {
      model.head.kind = kind;
      return;
    }
    endings.push_back("..." + ending.str());
  }
  config.error("architectures", "architecture '" + name.string +
                                    "' is not supported; there are " +
                                    llvm::join(endings, ", "));
}

static void readCausalHead(ConfigReader &config, Model &model, bool isTied) {
  readHead(config, model,
           {{"ForCausalLM", Head::Kind::Language},
            {"LMHeadModel", Head::Kind::Language},
            {"Model", Head::Kind::None}});
  model.head.isTied = config.flag("tie_word_embeddings", isTied);
}

static std::string readActivation(ConfigReader &config, StringRef key,
                                  StringRef fallback) {
  return config.choice(key, fallback, getActivationNames());
}

static Norm rmsNorm(double epsilon) { return {Norm::Kind::Rms, epsilon}; }

static Norm layerNorm(double epsilon) { return {Norm::Kind::Layer, epsilon}; }

/// `count` layers of the one kind there is.
static void repeatLayer(Stack &stack, Layer layer, int64_t count) {
  stack.kinds.push_back(std::move(layer));
  stack.pattern.assign(count, 0);
}

static void expectNoCross(ConfigReader &config) {
  config.expect("add_cross_attention", false,
                "there is no second stack to attend to");
  config.expect("is_encoder_decoder", false, "the family has one stack");
}

/// What a family assumes of heads that a config leaves out: 0 for as many
/// key-value heads as query heads, and for an even share of the hidden size.
struct HeadDefaults {
  int64_t keyValueHeads = 0, extent = 0;
};

/// Heads of one extent; the family has no biases unless it sets them.
static Attention readHeads(ConfigReader &config, const Model &model,
                           HeadDefaults defaults = {}) {
  Attention attention;
  attention.heads = config.whole("num_attention_heads");
  attention.keyValueHeads =
      config.wholeOrNone("num_key_value_heads", defaults.keyValueHeads);
  if (attention.keyValueHeads == 0)
    attention.keyValueHeads = attention.heads;
  if (attention.heads % attention.keyValueHeads != 0)
    config.error("num_key_value_heads",
                 "'num_key_value_heads', " +
                     llvm::Twine(attention.keyValueHeads) +
                     ", must divide 'num_attention_heads', " +
                     llvm::Twine(attention.heads));
  int64_t extent = config.wholeOrNone("head_dim", defaults.extent);
  if (extent == 0) {
    if (model.hidden % attention.heads != 0)
      config.error("hidden_size", "'hidden_size' must be a multiple of the " +
                                      llvm::Twine(attention.heads) +
                                      " attention heads");
    extent = std::max<int64_t>(1, model.hidden / attention.heads);
  }
  attention.keyExtent = attention.valueExtent = extent;
  attention.scale = 1 / std::sqrt(static_cast<double>(extent));
  return attention;
}

/// How angles follow from positions is in the tables; how many elements turn is
/// not. Newer configs say it in here, for each type of layer.
static void expectFullRotary(ConfigReader &config, const JsonValue &rotary) {
  for (const JsonMember &member : rotary.members) {
    if (member.value.kind == JsonValue::Kind::Object)
      expectFullRotary(config, member.value);
    if (member.key == "partial_rotary_factor" && member.value.number != 1)
      config.error(member.value.loc,
                   "this value of 'partial_rotary_factor' is not supported: "
                   "all elements of a head turn with the position");
  }
}

static void useRotary(ConfigReader &config, Attention &attention) {
  for (StringRef field : {"rope_scaling", "rope_parameters"})
    if (const JsonValue *rotary = config.find(field))
      expectFullRotary(config, *rotary);
  config.expect("partial_rotary_factor", 1.0,
                "all elements of a head turn with the position");
  config.expect("rope_interleaved", false,
                "the halves of a head turn with each other, not neighbours");
  if (attention.keyExtent % 2 != 0)
    config.error("head_dim", "rotary positions need heads of even extent, "
                             "found " +
                                 llvm::Twine(attention.keyExtent));
  attention.rotary.kind = Rotary::Kind::Halves;
}

static void setBiases(Attention &attention, bool inputs, bool output) {
  attention.queryBias = attention.keyBias = attention.valueBias = inputs;
  attention.outputBias = output;
}

static FeedForward readGated(ConfigReader &config, StringRef activationKey,
                             StringRef activation) {
  FeedForward feedForward;
  feedForward.inner = config.whole("intermediate_size");
  feedForward.activation = readActivation(config, activationKey, activation);
  feedForward.isGated = true;
  return feedForward;
}

/// The layer of Llama and its relatives, before what makes them differ.
static Layer readLlamaLayer(ConfigReader &config, Model &model, double epsilon,
                            HeadDefaults defaults = {}) {
  model.hidden = config.whole("hidden_size");
  model.vocabulary = config.whole("vocab_size");
  config.ignore("max_position_embeddings");
  expectNoCross(config);
  Layer layer;
  layer.attention = readHeads(config, model, defaults);
  useRotary(config, *layer.attention);
  layer.feedForward = readGated(config, "hidden_act", "silu");
  Norm norm = rmsNorm(config.number("rms_norm_eps", epsilon));
  layer.attentionBranch.pre = layer.feedForwardBranch.pre = norm;
  model.stack.final = norm;
  return layer;
}

static int64_t readLayerCount(ConfigReader &config) {
  return config.whole("num_hidden_layers");
}

/// `layer_types`, or every `period`-th layer with global attention (the last
/// of each period), as kinds 0 (window) and 1 (global).
static std::vector<unsigned> readWindowPattern(ConfigReader &config,
                                               int64_t layers, int64_t period) {
  std::vector<unsigned> pattern;
  for (int64_t i = 0; i < layers; ++i)
    pattern.push_back((i + 1) % period == 0 ? 1 : 0);
  const JsonValue *types = config.find("layer_types");
  if (!types)
    return pattern;
  if (static_cast<int64_t>(types->elements.size()) != layers) {
    config.error("layer_types", "'layer_types' must have an entry for each of "
                                "the " +
                                    llvm::Twine(layers) + " layers");
    return pattern;
  }
  for (auto [kind, type] : llvm::zip(pattern, types->elements)) {
    if (type.string != "sliding_attention" && type.string != "full_attention")
      config.error("layer_types",
                   "a layer is of type sliding_attention or full_attention, "
                   "found '" +
                       type.string + "'");
    kind = type.string == "full_attention" ? 1 : 0;
  }
  return pattern;
}

//===----------------------------------------------------------------------===//
// Llama and its relatives
//===----------------------------------------------------------------------===//

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

static void expectFullAttention(ConfigReader &config) {
  if (const JsonValue *types = config.find("layer_types"))
    for (const JsonValue &type : types->elements)
      if (type.string != "full_attention")
        config.error("layer_types", "a layer of type '" + type.string +
                                        "' is not supported; all layers are "
                                        "of type full_attention");
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
  Layer layer = readLlamaLayer(config, model, 1e-5);
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
  config.expect("use_sliding_window", false,
                "all layers attend to all tokens before them");
  for (StringRef field : {"sliding_window", "max_window_layers"})
    config.ignore(field);
  expectFullAttention(config);
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

/// Kind 0 sees a window, kind 1 everything.
static void alternateWindows(ConfigReader &config, Model &model, Layer layer,
                             int64_t window, int64_t period) {
  Layer global = layer;
  layer.attention->window = window;
  model.stack.kinds = {std::move(layer), std::move(global)};
  model.stack.pattern =
      readWindowPattern(config, readLayerCount(config), period);
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
// GPT, OPT, BERT, ViT: layer norms, biases, learned positions
//===----------------------------------------------------------------------===//

static void describeGpt2(ConfigReader &config, Model &model) {
  model.hidden = config.whole("n_embd", 768);
  model.vocabulary = config.whole("vocab_size", 50257);
  model.embedding.positions = config.whole("n_positions", 1024);
  // The size once more, and what a tokenizer adds.
  for (StringRef field : {"n_ctx", "n_special", "predict_special_tokens"})
    config.ignore(field);
  expectNoCross(config);
  config.expect("scale_attn_by_inverse_layer_idx", false,
                "scores are scaled alike in all layers");
  config.ignore("reorder_and_upcast_attn"); // the same up to rounding
  Layer layer;
  Attention attention;
  attention.heads = attention.keyValueHeads = config.whole("n_head", 12);
  if (model.hidden % attention.heads != 0)
    config.error("n_embd", "'n_embd' must be a multiple of 'n_head'");
  attention.keyExtent = attention.valueExtent =
      std::max<int64_t>(1, model.hidden / attention.heads);
  setBiases(attention, true, true);
  if (config.flag("scale_attn_weights", true))
    attention.scale = 1 / std::sqrt(static_cast<double>(attention.keyExtent));
  layer.attention = attention;
  FeedForward feedForward;
  feedForward.inner = config.whole("n_inner", 4 * model.hidden);
  feedForward.activation =
      readActivation(config, "activation_function", "gelu_new");
  feedForward.hasBias = true;
  layer.feedForward = feedForward;
  Norm norm = layerNorm(config.number("layer_norm_epsilon", 1e-5));
  layer.attentionBranch.pre = layer.feedForwardBranch.pre = norm;
  model.stack.final = norm;
  repeatLayer(model.stack, std::move(layer), config.whole("n_layer", 12));
  readCausalHead(config, model, /*isTied=*/true);
}

static void describeOpt(ConfigReader &config, Model &model) {
  model.hidden = config.whole("hidden_size");
  model.vocabulary = config.whole("vocab_size");
  // The table has two rows in front that no token uses.
  model.embedding.positionOffset = 2;
  model.embedding.positions = config.whole("max_position_embeddings", 2048) + 2;
  int64_t width = config.whole("word_embed_proj_dim", model.hidden);
  model.embedding.width = width == model.hidden ? 0 : width;
  expectNoCross(config);
  config.ignore("output_projection"); // to the vocabulary: there always is one
  Layer layer;
  layer.attention = readHeads(config, model);
  bool bias = config.flag("enable_bias", true);
  setBiases(*layer.attention, bias, bias);
  FeedForward feedForward;
  feedForward.inner = config.whole("ffn_dim");
  feedForward.activation =
      readActivation(config, "activation_function", "relu");
  feedForward.hasBias = bias;
  layer.feedForward = feedForward;
  config.expect("layer_norm_elementwise_affine", true,
                "norms have a gain and a bias");
  bool isBefore = config.flag("do_layer_norm_before", true);
  Norm norm = layerNorm(1e-5);
  for (Branch *branch : {&layer.attentionBranch, &layer.feedForwardBranch})
    (isBefore ? branch->pre : branch->after) = norm;
  if (isBefore && !config.flag("_remove_final_layer_norm", false))
    model.stack.final = norm;
  repeatLayer(model.stack, std::move(layer), readLayerCount(config));
  readCausalHead(config, model, /*isTied=*/true);
}

/// An encoder layer with biases everywhere, as in BERT and ViT.
static Layer readEncoderLayer(ConfigReader &config, Model &model) {
  model.hidden = config.whole("hidden_size", 768);
  Layer layer;
  Attention attention;
  attention.heads = attention.keyValueHeads =
      config.whole("num_attention_heads", 12);
  if (model.hidden % attention.heads != 0)
    config.error("hidden_size", "'hidden_size' must be a multiple of "
                                "'num_attention_heads'");
  attention.keyExtent = attention.valueExtent =
      std::max<int64_t>(1, model.hidden / attention.heads);
  attention.scale = 1 / std::sqrt(static_cast<double>(attention.keyExtent));
  attention.isCausal = false;
  setBiases(attention, true, true);
  layer.attention = attention;
  FeedForward feedForward;
  feedForward.inner = config.whole("intermediate_size", 3072);
  feedForward.activation = readActivation(config, "hidden_act", "gelu");
  feedForward.hasBias = true;
  layer.feedForward = feedForward;
  model.isCausal = false;
  return layer;
}

static void describeBert(ConfigReader &config, Model &model) {
  Layer layer = readEncoderLayer(config, model);
  model.vocabulary = config.whole("vocab_size", 30522);
  model.embedding.positions = config.whole("max_position_embeddings", 512);
  model.embedding.segments = config.whole("type_vocab_size", 2);
  config.choice("position_embedding_type", "absolute", {"absolute"});
  config.expect("is_decoder", false, "an encoder attends to all tokens");
  // Of the program that trained it; the pooler is a dense layer in any case.
  for (StringRef field :
       {"directionality", "pooler_fc_size", "pooler_num_attention_heads",
        "pooler_num_fc_layers", "pooler_size_per_head", "pooler_type"})
    config.ignore(field);
  expectNoCross(config);
  Norm norm = layerNorm(config.number("layer_norm_eps", 1e-12));
  model.embedding.norm = norm;
  layer.attentionBranch.after = layer.feedForwardBranch.after = norm;
  model.head.norm = norm;
  model.head.activation = layer.feedForward->activation;
  repeatLayer(model.stack, std::move(layer),
              config.whole("num_hidden_layers", 12));
  readHead(
      config, model,
      {{"Model", Head::Kind::Pooled}, {"ForMaskedLM", Head::Kind::Masked}});
  model.head.isTied = config.flag("tie_word_embeddings", true);
}

static void readClasses(ConfigReader &config, Model &model) {
  int64_t classes = config.whole("num_labels", 2);
  if (const JsonValue *labels = config.find("id2label"))
    classes = std::max<int64_t>(1, labels->members.size());
  model.head.classes = classes;
}

static void describeVit(ConfigReader &config, Model &model) {
  expectNoCross(config);
  Layer layer = readEncoderLayer(config, model);
  Patches patches;
  patches.image = config.whole("image_size", 224);
  patches.patch = config.whole("patch_size", 16);
  patches.channels = config.whole("num_channels", 3);
  if (patches.image % patches.patch != 0)
    config.error("patch_size", "'patch_size' must divide 'image_size', " +
                                   llvm::Twine(patches.image));
  model.patches = patches;
  bool bias = config.flag("qkv_bias", true);
  setBiases(*layer.attention, bias, /*output=*/true);
  for (StringRef field : {"encoder_stride", "pooler_output_size"})
    config.ignore(field); // of heads that are not described
  config.choice("pooler_act", "tanh", {"tanh"});
  Norm norm = layerNorm(config.number("layer_norm_eps", 1e-12));
  layer.attentionBranch.pre = layer.feedForwardBranch.pre = norm;
  model.stack.final = norm;
  repeatLayer(model.stack, std::move(layer),
              config.whole("num_hidden_layers", 12));
  readClasses(config, model);
  readHead(config, model,
           {{"ForImageClassification", Head::Kind::Classes},
            {"Model", Head::Kind::Pooled}});
}

//===----------------------------------------------------------------------===//
// T5
//===----------------------------------------------------------------------===//

static FeedForward readT5FeedForward(ConfigReader &config) {
  FeedForward feedForward;
  feedForward.inner = config.whole("d_ff");
  std::string form =
      config.choice("feed_forward_proj", "relu",
                    {"relu", "gated-gelu", "gated-silu", "gelu", "silu"});
  for (StringRef derived : {"dense_act_fn", "is_gated_act"})
    config.ignore(derived);
  feedForward.isGated = StringRef(form).starts_with("gated-");
  feedForward.activation =
      feedForward.isGated ? StringRef(form).drop_front(6).str() : form;
  if (form == "gated-gelu")
    feedForward.activation = "gelu_new"; // what the name has always meant
  return feedForward;
}

static void describeT5(ConfigReader &config, Model &model) {
  model.hidden = config.whole("d_model");
  model.vocabulary = config.whole("vocab_size");
  config.expect("is_encoder_decoder", true, "the family has two stacks");
  for (StringRef field : {"n_positions", "relative_attention_max_distance"})
    config.ignore(field); // which distances share a bucket is data
  Attention attention;
  attention.heads = attention.keyValueHeads = config.whole("num_heads");
  attention.keyExtent = attention.valueExtent = config.whole("d_kv");
  Layer encoder;
  encoder.attention = attention;
  encoder.attention->isCausal = false;
  encoder.attention->hasRelativeBias = true;
  encoder.feedForward = readT5FeedForward(config);
  Norm norm = rmsNorm(config.number("layer_norm_epsilon", 1e-6));
  encoder.attentionBranch.pre = encoder.feedForwardBranch.pre = norm;
  Layer decoder = encoder;
  decoder.attention->isCausal = true;
  decoder.cross = attention;
  decoder.cross->isCausal = false;
  decoder.crossBranch.pre = norm;
  int64_t layers = config.whole("num_layers");
  Stack &first = model.encoder.emplace();
  first.buckets = model.stack.buckets =
      config.whole("relative_attention_num_buckets", 32);
  first.final = model.stack.final = norm;
  repeatLayer(first, std::move(encoder), layers);
  repeatLayer(model.stack, std::move(decoder),
              config.whole("num_decoder_layers", layers));
  readHead(config, model,
           {{"ForConditionalGeneration", Head::Kind::Language},
            {"WithLMHeadModel", Head::Kind::Language},
            {"Model", Head::Kind::None}});
  model.head.isTied = config.flag("tie_word_embeddings", true);
  if (config.flag("scale_decoder_outputs", model.head.isTied))
    model.head.scale = 1 / std::sqrt(static_cast<double>(model.hidden));
}

//===----------------------------------------------------------------------===//
// Mamba
//===----------------------------------------------------------------------===//

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

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

llvm::ArrayRef<Family> einsum::frontend::getFamilies() {
  static const Family families[] = {{"bert", describeBert},
                                    {"deepseek_v2", describeDeepSeekV2},
                                    {"deepseek_v3", describeDeepSeekV3},
                                    {"gemma", describeGemma},
                                    {"gemma2", describeGemma2},
                                    {"gemma3_text", describeGemma3},
                                    {"gpt2", describeGpt2},
                                    {"llama", describeLlama},
                                    {"mamba", describeMamba},
                                    {"mistral", describeMistral},
                                    {"mixtral", describeMixtral},
                                    {"opt", describeOpt},
                                    {"phi3", describePhi3},
                                    {"qwen2", describeQwen2},
                                    {"qwen3", describeQwen3},
                                    {"qwen3_moe", describeQwen3Moe},
                                    {"t5", describeT5},
                                    {"vit", describeVit}};
  return families;
}

static const Family *findFamily(const JsonValue &json, Diagnostics &diags) {
  std::vector<std::string> names;
  for (const Family &family : getFamilies())
    names.push_back(family.modelType.str());
  const JsonValue *type = json.find("model_type");
  if (!type || type->kind != JsonValue::Kind::String) {
    diags.error(type ? type->loc : json.loc,
                "a config names its architecture in a string 'model_type': " +
                    llvm::join(names, ", "));
    return nullptr;
  }
  for (const Family &family : getFamilies())
    if (family.modelType == type->string)
      return &family;
  auto &&report = diags.error(type->loc, "architecture '" + type->string +
                                             "' is not known; there are " +
                                             llvm::join(names, ", ") +
                                             didYouMean(type->string, names));
  const JsonValue *inner = json.find("text_config");
  const JsonValue *known = inner ? inner->find("model_type") : nullptr;
  if (known && llvm::is_contained(names, known->string))
    report.note(inner->loc, "this object is the config of a '" + known->string +
                                "' model: put it into a file of its own");
  return nullptr;
}

/// Weights come in the type of the config; other formats are asked for.
static void refuseQuantization(ConfigReader &config) {
  const JsonValue *found = config.find("quantization_config");
  if (!found)
    return;
  auto number = [&](StringRef key, int64_t fallback) {
    const JsonValue *value = found->find(key);
    return value && value->int64 ? *value->int64 : fallback;
  };
  auto flag = [&](StringRef key) {
    const JsonValue *value = found->find(key);
    return value && value->kind == JsonValue::Kind::Bool && value->boolean;
  };
  const JsonValue *method = found->find("quant_method");
  std::string format = "fp8e4m3(scale=f32)";
  if (!method || method->string != "fp8") {
    format = "int" + std::to_string(number("bits", 4));
    if (flag("zero_point") || (found->find("sym") && !flag("sym")))
      format += "(asym)";
  }
  config.expectAbsent(
      "quantization_config",
      "weights are compiled in the type of 'torch_dtype'; pass "
      "--ignore-fields=quantization_config, and say what they are stored as, "
      "such as --quantize=\"weights=" +
          format + " group(" + std::to_string(number("group_size", 128)) +
          ")\"");
}

/// Fields of every family that would change the computation.
static void readCommon(ConfigReader &config, Model &model) {
  config.ignore("model_type");
  refuseQuantization(config);
  config.expectAbsent("pruned_heads", "all layers have the same heads");
  config.expectAbsent("tie_encoder_decoder", "stacks have their own weights");
  config.expectAbsent("cross_attention_hidden_size",
                      "there is no second stack to attend to");
  config.ignore("is_decoder");
  static const std::pair<StringRef, StringRef> types[] = {{"float16", "f16"},
                                                          {"bfloat16", "bf16"},
                                                          {"float32", "f32"},
                                                          {"float64", "f64"}};
  std::string name =
      config.word("torch_dtype", config.word("dtype", "float32"));
  for (auto [spelling, type] : types)
    if (name == spelling)
      model.datatype = type.str();
  if (model.datatype.empty())
    config.error("torch_dtype", "type '" + name +
                                    "' is not supported; there are float16, "
                                    "bfloat16, float32, float64");
}

std::optional<Model>
einsum::frontend::readModel(const JsonValue &json,
                            llvm::ArrayRef<std::string> ignored,
                            Diagnostics &diags) {
  unsigned errors = diags.errorCount();
  if (json.kind != JsonValue::Kind::Object) {
    diags.error(json.loc,
                "a config must be an object, found " + describe(json.kind));
    return std::nullopt;
  }
  const Family *family = findFamily(json, diags);
  if (!family)
    return std::nullopt;
  ConfigReader config(json, family->modelType.str(), ignored, diags);
  Model model;
  model.name = family->modelType.str();
  readCommon(config, model);
  family->describe(config, model);
  config.finish();
  if (diags.errorCount() != errors)
    return std::nullopt;
  return model;
}
