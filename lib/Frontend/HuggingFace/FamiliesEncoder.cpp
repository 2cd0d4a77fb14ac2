//===- FamiliesEncoder.cpp - Encoders -------------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Stacks that see all tokens, and T5, whose decoder attends to one.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/HuggingFace/FamilyParts.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace einsum;
using namespace einsum::frontend;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// BERT and ViT
//===----------------------------------------------------------------------===//

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
// ModernBERT
//===----------------------------------------------------------------------===//

/// Every third layer sees everything, the others a window, with angles of their
/// own; the first layer reads what the norm of the embeddings left.
static void describeModernBert(ConfigReader &config, Model &model) {
  model.hidden = config.whole("hidden_size", 768);
  model.vocabulary = config.whole("vocab_size", 50368);
  for (StringRef field :
       {"max_position_embeddings", "global_rope_theta", "local_rope_theta",
        "layer_norm_eps", "position_embedding_type", "embedding_dropout",
        "mlp_dropout", "classifier_pooling", "classifier_bias",
        "initializer_cutoff_factor", "deterministic_flash_attn",
        "sparse_prediction", "sparse_pred_ignore_index", "reference_compile",
        "repad_logits_with_grad"})
    config.ignore(field); // of the tables, of training, of other heads
  expectNoCross(config);
  model.isCausal = false;
  Layer global;
  global.attention = readHeads(config, model);
  useRotary(config, *global.attention);
  global.attention->isCausal = false;
  bool bias = config.flag("attention_bias", false);
  setBiases(*global.attention, bias, bias);
  global.feedForward = readGated(config, "hidden_activation", "gelu");
  global.feedForward->hasBias = config.flag("mlp_bias", false);
  double epsilon = config.number("norm_eps", 1e-5);
  Norm norm = config.flag("norm_bias", false) ? layerNorm(epsilon)
                                              : centredNorm(epsilon);
  global.attentionBranch.pre = global.feedForwardBranch.pre = norm;
  model.embedding.norm = model.stack.final = model.head.norm = norm;
  Layer first = global, local = global;
  first.attentionBranch.pre = {};
  local.attention->reach = config.whole("local_attention", 128) / 2;
  local.attention->rotary.table = "L";
  model.stack.kinds = {std::move(first), std::move(local), std::move(global)};
  int64_t period = config.whole("global_attn_every_n_layers", 3);
  for (int64_t i = 0, layers = config.whole("num_hidden_layers", 22);
       i < layers; ++i)
    model.stack.pattern.push_back(i == 0 ? 0 : i % period == 0 ? 2 : 1);
  readHead(config, model,
           {{"Model", Head::Kind::None}, {"ForMaskedLM", Head::Kind::Masked}});
  model.head.activation =
      readActivation(config, "classifier_activation", "gelu");
  model.head.hasDenseBias = false;
  config.expect("decoder_bias", true, "logits have a bias");
  model.head.isTied = config.flag("tie_word_embeddings", true);
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

llvm::ArrayRef<Family> einsum::frontend::getEncoderFamilies() {
  static const Family families[] = {{"bert", describeBert},
                                    {"modernbert", describeModernBert},
                                    {"t5", describeT5},
                                    {"vit", describeVit}};
  return families;
}
