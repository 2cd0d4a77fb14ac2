//===- FamiliesGpt.cpp - Decoders with layer norms ------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Layer norms, mostly with biases; positions learned or rotary; a feed-forward
// of two matrices, behind the attention or beside it.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/HuggingFace/FamilyParts.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace einsum;
using namespace einsum::frontend;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Learned positions
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

//===----------------------------------------------------------------------===//
// Rotary positions
//===----------------------------------------------------------------------===//

/// Attention with norms, positions and biases yet to come, and a feed-forward
/// of two matrices with biases.
static Layer readTwoMatrices(ConfigReader &config, Model &model,
                             StringRef activation) {
  model.hidden = config.whole("hidden_size");
  model.vocabulary = config.whole("vocab_size");
  config.ignore("max_position_embeddings");
  expectNoCross(config);
  Layer layer;
  layer.attention = readHeads(config, model);
  FeedForward feedForward;
  feedForward.inner = config.whole("intermediate_size", 4 * model.hidden);
  feedForward.activation = readActivation(config, "hidden_act", activation);
  feedForward.hasBias = true;
  layer.feedForward = feedForward;
  return layer;
}

/// One norm for both branches, side by side.
static void shareNorm(Layer &layer, Model &model, const Norm &norm) {
  layer.attentionBranch.pre = norm;
  layer.feedForwardBranch.pre = {};
  layer.isParallel = true;
  model.stack.final = norm;
}

static void putInFront(Layer &layer, Model &model, const Norm &norm) {
  layer.attentionBranch.pre = layer.feedForwardBranch.pre = norm;
  model.stack.final = norm;
}

static void describePhi(ConfigReader &config, Model &model) {
  Layer layer = readTwoMatrices(config, model, "gelu_new");
  usePartialRotary(config, *layer.attention, 0.5);
  setBiases(*layer.attention, true, true);
  config.expect("qk_layernorm", false, "queries and keys have no norm");
  shareNorm(layer, model, layerNorm(config.number("layer_norm_eps", 1e-5)));
  repeatLayer(model.stack, std::move(layer), readLayerCount(config));
  readCausalHead(config, model, /*isTied=*/false);
  model.head.hasBias = true;
}

/// GPT-NeoX and Pythia: branches side by side, each with its norm.
static void describeGptNeoX(ConfigReader &config, Model &model) {
  Layer layer = readTwoMatrices(config, model, "gelu");
  usePartialRotary(config, *layer.attention, 0.25, "rotary_pct");
  config.ignore("rotary_emb_base"); // of the tables
  bool bias = config.flag("attention_bias", true);
  setBiases(*layer.attention, bias, bias);
  putInFront(layer, model, layerNorm(config.number("layer_norm_eps", 1e-5)));
  layer.isParallel = config.flag("use_parallel_residual", true);
  repeatLayer(model.stack, std::move(layer), readLayerCount(config));
  readCausalHead(config, model, /*isTied=*/false);
}

static void describeGptJ(ConfigReader &config, Model &model) {
  model.hidden = config.whole("n_embd", 4096);
  model.vocabulary = config.whole("vocab_size", 50400);
  for (StringRef field :
       {"n_ctx", "n_positions", "rotary", "scale_attn_weights"})
    config.ignore(field); // positions are of the tables
  expectNoCross(config);
  Layer layer;
  Attention attention;
  attention.heads = attention.keyValueHeads = config.whole("n_head", 16);
  attention.keyExtent = attention.valueExtent =
      shareOut(config, "n_embd", model.hidden, attention.heads);
  attention.scale = 1 / std::sqrt(static_cast<double>(attention.keyExtent));
  int64_t turning = config.wholeOrNone("rotary_dim", 64);
  if (turning > attention.keyExtent || turning % 2 != 0)
    config.error("rotary_dim",
                 "'rotary_dim' must be an even number up to the " +
                     llvm::Twine(attention.keyExtent) + " elements of a head");
  attention.rotary.kind = Rotary::Kind::Interleaved;
  attention.rotary.extent = turning == attention.keyExtent ? 0 : turning;
  layer.attention = attention;
  FeedForward feedForward;
  feedForward.inner = config.wholeOrNone("n_inner", 4 * model.hidden);
  if (feedForward.inner == 0)
    feedForward.inner = 4 * model.hidden;
  feedForward.activation =
      readActivation(config, "activation_function", "gelu_new");
  feedForward.hasBias = true;
  layer.feedForward = feedForward;
  shareNorm(layer, model, layerNorm(config.number("layer_norm_epsilon", 1e-5)));
  repeatLayer(model.stack, std::move(layer), config.whole("n_layer", 28));
  readCausalHead(config, model, /*isTied=*/false);
  model.head.hasBias = true;
}

/// The newer architecture has groups of heads and, mostly, two norms; the older
/// one one head of keys, and one norm.
static void describeFalcon(ConfigReader &config, Model &model) {
  bool isNew = config.flag("new_decoder_architecture", false);
  bool isParallel = config.flag("parallel_attn", true) || isNew;
  bool hasOneKey = config.flag("multi_query", true);
  bool isSloped = config.flag("alibi", false);
  config.expect("apply_residual_connection_post_layernorm", false,
                "what branches add to is not normed");
  model.hidden = config.whole("hidden_size");
  model.vocabulary = config.whole("vocab_size");
  config.ignore("max_position_embeddings");
  expectNoCross(config);
  Layer layer;
  Attention attention;
  attention.heads = config.whole("num_attention_heads");
  int64_t given = config.wholeOrNone("num_kv_heads", attention.heads);
  attention.keyValueHeads = isNew       ? std::max<int64_t>(1, given)
                            : hasOneKey ? 1
                                        : attention.heads;
  if (attention.heads % attention.keyValueHeads != 0)
    config.error("num_kv_heads", "'num_kv_heads' must divide the " +
                                     llvm::Twine(attention.heads) +
                                     " attention heads");
  attention.keyExtent = attention.valueExtent =
      shareOut(config, "hidden_size", model.hidden, attention.heads);
  attention.scale = 1 / std::sqrt(static_cast<double>(attention.keyExtent));
  if (isSloped)
    attention.slope = attention.scale; // the sum of both is scaled
  else
    useRotary(config, attention);
  bool bias = config.flag("bias", false);
  setBiases(attention, bias, bias);
  layer.attention = attention;
  FeedForward feedForward;
  feedForward.inner = config.whole("ffn_hidden_size", 4 * model.hidden);
  feedForward.activation = readActivation(config, "activation", "gelu");
  feedForward.hasBias = bias;
  layer.feedForward = feedForward;
  Norm norm = layerNorm(config.number("layer_norm_epsilon", 1e-5));
  int64_t norms = config.wholeOrNone("num_ln_in_parallel_attn", 0);
  if (norms == 0)
    norms = isNew ? 2 : 1;
  if (isParallel && norms == 1)
    shareNorm(layer, model, norm);
  else
    putInFront(layer, model, norm);
  layer.isParallel = isParallel;
  repeatLayer(model.stack, std::move(layer), readLayerCount(config));
  readCausalHead(config, model, /*isTied=*/true);
}

//===----------------------------------------------------------------------===//
// Slopes
//===----------------------------------------------------------------------===//

/// A layer with a feed-forward of two matrices, `inner` wide.
static Layer readSloped(int64_t heads, int64_t extent, bool hasBias,
                        int64_t inner, StringRef activation) {
  Layer layer;
  Attention attention;
  attention.heads = attention.keyValueHeads = heads;
  attention.keyExtent = attention.valueExtent = extent;
  attention.scale = 1 / std::sqrt(static_cast<double>(extent));
  attention.slope = 1;
  setBiases(attention, hasBias, hasBias);
  layer.attention = attention;
  FeedForward feedForward;
  feedForward.inner = inner;
  feedForward.activation = activation.str();
  feedForward.hasBias = hasBias;
  layer.feedForward = feedForward;
  return layer;
}

static void describeBloom(ConfigReader &config, Model &model) {
  StringRef hidden = config.find("n_embed") ? "n_embed" : "hidden_size";
  StringRef heads = config.find("n_head") ? "n_head" : "num_attention_heads";
  StringRef layers = config.find("n_layer") ? "n_layer" : "num_hidden_layers";
  for (StringRef field :
       {"seq_length", "offset_alibi", "attention_softmax_in_fp32",
        "masked_softmax_fusion", "bias_dropout_fusion", "skip_bias_add",
        "skip_bias_add_qkv", "slow_but_exact", "pretraining_tp"})
    config.ignore(field); // of training, and the same up to rounding
  config.expect("apply_residual_connection_post_layernorm", false,
                "what branches add to is not normed");
  expectNoCross(config);
  model.hidden = config.whole(hidden, 64);
  model.vocabulary = config.whole("vocab_size", 250880);
  int64_t count = config.whole(heads, 8);
  int64_t inner = config.wholeOrNone("n_inner", 0);
  Layer layer = readSloped(count, shareOut(config, hidden, model.hidden, count),
                           /*hasBias=*/true, inner ? inner : 4 * model.hidden,
                           "gelu_new");
  Norm norm = layerNorm(config.number("layer_norm_epsilon", 1e-5));
  model.embedding.norm = norm;
  putInFront(layer, model, norm);
  repeatLayer(model.stack, std::move(layer), config.whole(layers, 2));
  readCausalHead(config, model, /*isTied=*/true);
}

/// What MPT says of attention, in an object of its own.
static void readMptAttention(ConfigReader &config, Attention &attention) {
  std::optional<ConfigReader> own = config.object("attn_config");
  if (!own)
    return;
  own->choice("attn_type", "multihead_attention", {"multihead_attention"});
  for (StringRef field : {"attn_pdrop", "attn_impl", "alibi_bias_max"})
    own->ignore(field); // dropout, how it is computed, values of the slopes
  own->expect("alibi", true, "positions are slopes of scores");
  own->expect("qk_ln", false, "queries and keys have no norm");
  own->expect("prefix_lm", false, "the mask is causal throughout");
  own->expect("attn_uses_sequence_id", false, "a row holds one sequence");
  own->expectAbsent("clip_qkv", "queries, keys and values are not clipped");
  attention.scale = own->number("softmax_scale", attention.scale);
  own->finish();
}

static void describeMpt(ConfigReader &config, Model &model) {
  for (StringRef field :
       {"max_seq_len", "emb_pdrop", "resid_pdrop", "init_config", "init_device",
        "learned_pos_emb", "embedding_fraction", "tokenizer_name", "verbose"})
    config.ignore(field); // of training; tables that slopes make needless
  config.expect("no_bias", true, "no Einsum of the family has a bias");
  config.choice("norm_type", "low_precision_layernorm",
                {"low_precision_layernorm"});
  config.expectAbsent("logit_scale", "logits are not scaled");
  model.hidden = config.whole("d_model", 2048);
  model.vocabulary = config.whole("vocab_size", 50368);
  int64_t heads = config.whole("n_heads", 16);
  int64_t ratio = config.whole("expansion_ratio", 4);
  Layer layer =
      readSloped(heads, shareOut(config, "d_model", model.hidden, heads),
                 /*hasBias=*/false, ratio * model.hidden, "gelu");
  readMptAttention(config, *layer.attention);
  putInFront(layer, model,
             centredNorm(config.number("layer_norm_epsilon", 1e-5)));
  repeatLayer(model.stack, std::move(layer), config.whole("n_layers", 24));
  readCausalHead(config, model, /*isTied=*/true);
}

//===----------------------------------------------------------------------===//
// Norms of queries and keys
//===----------------------------------------------------------------------===//

/// Before they turn, without a bias, with gains for each head.
static void readHeadNorm(ConfigReader &config, StringRef key, Attention &to,
                         double epsilon) {
  if (!config.flag(key, false))
    return;
  to.headNorm = centredNorm(epsilon);
  to.hasGainPerHead = true;
}

static void describeStableLm(ConfigReader &config, Model &model) {
  Layer layer = readTwoMatrices(config, model, "silu");
  layer.feedForward->isGated = true;
  layer.feedForward->hasBias = false;
  usePartialRotary(config, *layer.attention, 0.25);
  setBiases(*layer.attention, config.flag("use_qkv_bias", false),
            /*output=*/false);
  Norm norm = layerNorm(config.number("layer_norm_eps", 1e-5));
  readHeadNorm(config, "qk_layernorm", *layer.attention, norm.epsilon);
  if (config.flag("use_parallel_residual", false))
    shareNorm(layer, model, norm);
  else
    putInFront(layer, model, norm);
  repeatLayer(model.stack, std::move(layer), readLayerCount(config));
  readCausalHead(config, model, /*isTied=*/false);
}

static void describeStarCoder2(ConfigReader &config, Model &model) {
  Layer layer = readTwoMatrices(config, model, "gelu_pytorch_tanh");
  useRotary(config, *layer.attention);
  bool bias = config.flag("use_bias", true);
  setBiases(*layer.attention, bias, bias);
  layer.feedForward->hasBias = bias;
  layer.attention->window = config.wholeOrNone("sliding_window", 0);
  config.choice("norm_type", "layer_norm", {"layer_norm"});
  config.choice("mlp_type", "default", {"default"});
  config.expect("scale_attn_weights", true, "scores are scaled");
  for (StringRef field :
       {"embedding_dropout", "residual_dropout", "attention_softmax_in_fp32",
        "scale_attention_softmax_in_fp32"})
    config.ignore(field); // dropout; the same up to rounding
  putInFront(layer, model, layerNorm(config.number("norm_epsilon", 1e-5)));
  repeatLayer(model.stack, std::move(layer), readLayerCount(config));
  readCausalHead(config, model, /*isTied=*/true);
}

/// Norms without biases, branches side by side, neighbours turn with each
/// other, logits are scaled.
static Layer readCohereLayer(ConfigReader &config, Model &model) {
  Layer layer = readTwoMatrices(config, model, "silu");
  layer.feedForward->isGated = true;
  layer.feedForward->hasBias = false;
  useRotary(config, *layer.attention);
  layer.attention->rotary.kind = Rotary::Kind::Interleaved;
  bool bias = config.flag("attention_bias", false);
  setBiases(*layer.attention, bias, bias);
  Norm norm = centredNorm(config.number("layer_norm_eps", 1e-5));
  readHeadNorm(config, "use_qk_norm", *layer.attention, norm.epsilon);
  shareNorm(layer, model, norm);
  model.head.scale = config.number("logit_scale", 0.0625);
  readCausalHead(config, model, /*isTied=*/true);
  return layer;
}

static void describeCohere(ConfigReader &config, Model &model) {
  Layer layer = readCohereLayer(config, model);
  repeatLayer(model.stack, std::move(layer), readLayerCount(config));
}

/// Every fourth layer sees everything, and knows no positions.
static void describeCohere2(ConfigReader &config, Model &model) {
  Layer layer = readCohereLayer(config, model);
  for (StringRef field :
       {"use_embedding_sharing", "use_gated_activation", "use_parallel_block"})
    config.expect(field, true, "the family is like that");
  config.expect("rotary_pct", 1.0, "all elements of a head turn");
  config.choice("position_embedding_type", "rope_gptj", {"rope_gptj"});
  for (StringRef field : {"layer_switch", "order_of_interleaved_layers",
                          "use_parallel_embedding"})
    config.ignore(field); // the pattern once more, and where tables lie
  alternateWindows(config, model, std::move(layer),
                   config.wholeOrNone("sliding_window", 4096),
                   config.whole("sliding_window_pattern",
                                config.whole("_sliding_window_pattern", 4)));
  model.stack.kinds[1].attention->rotary = {};
}

llvm::ArrayRef<Family> einsum::frontend::getGptFamilies() {
  static const Family families[] = {
      {"bloom", describeBloom},       {"cohere", describeCohere},
      {"cohere2", describeCohere2},   {"falcon", describeFalcon},
      {"gpt2", describeGpt2},         {"gpt_neox", describeGptNeoX},
      {"gptj", describeGptJ},         {"mpt", describeMpt},
      {"opt", describeOpt},           {"phi", describePhi},
      {"stablelm", describeStableLm}, {"starcoder2", describeStarCoder2}};
  return families;
}
