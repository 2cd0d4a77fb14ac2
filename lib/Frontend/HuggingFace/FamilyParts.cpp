//===- FamilyParts.cpp - What families of models share --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Fields that many configs have, and the layer of Llama.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/HuggingFace/FamilyParts.h"

#include "lib/Frontend/HuggingFace/Activations.h"
#include "lib/Frontend/HuggingFace/CascadeText.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace einsum;
using namespace einsum::frontend;
using llvm::StringRef;

void einsum::frontend::readHead(ConfigReader &config, Model &model,
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

void einsum::frontend::readCausalHead(ConfigReader &config, Model &model,
                                      bool isTied) {
  readHead(config, model,
           {{"ForCausalLM", Head::Kind::Language},
            {"LMHeadModel", Head::Kind::Language},
            {"Model", Head::Kind::None}});
  model.head.isTied = config.flag("tie_word_embeddings", isTied);
}

std::string einsum::frontend::readActivation(ConfigReader &config,
                                             StringRef key,
                                             StringRef fallback) {
  return config.choice(key, fallback, getActivationNames());
}

Norm einsum::frontend::rmsNorm(double epsilon) {
  return {Norm::Kind::Rms, epsilon};
}

Norm einsum::frontend::layerNorm(double epsilon) {
  return {Norm::Kind::Layer, epsilon};
}

Norm einsum::frontend::centredNorm(double epsilon) {
  return {Norm::Kind::Centred, epsilon};
}

void einsum::frontend::repeatLayer(Stack &stack, Layer layer, int64_t count) {
  stack.kinds.push_back(std::move(layer));
  stack.pattern.assign(count, 0);
}

void einsum::frontend::expectNoCross(ConfigReader &config) {
  config.expect("add_cross_attention", false,
                "there is no second stack to attend to");
  config.expect("is_encoder_decoder", false, "the family has one stack");
}

int64_t einsum::frontend::shareOut(ConfigReader &config, StringRef key,
                                   int64_t hidden, int64_t heads) {
  if (hidden % heads != 0)
    config.error(key, "'" + key + "' must be a multiple of the " +
                          llvm::Twine(heads) + " attention heads");
  return std::max<int64_t>(1, hidden / heads);
}

Attention einsum::frontend::readHeads(ConfigReader &config, const Model &model,
                                      HeadDefaults defaults) {
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
  if (extent == 0)
    extent = shareOut(config, "hidden_size", model.hidden, attention.heads);
  attention.keyExtent = attention.valueExtent = extent;
  attention.scale = 1 / std::sqrt(static_cast<double>(extent));
  return attention;
}

/// How angles follow from positions is in the tables; how many elements turn is
/// not. Newer configs say it in here, for each type of layer.
static const JsonValue *findPart(const JsonValue &rotary) {
  if (const JsonValue *part = rotary.find("partial_rotary_factor"))
    return part;
  for (const JsonMember &member : rotary.members)
    if (member.value.kind == JsonValue::Kind::Object)
      if (const JsonValue *part = findPart(member.value))
        return part;
  return nullptr;
}

static const JsonValue *findPart(ConfigReader &config) {
  const JsonValue *part = nullptr;
  for (StringRef field : {"rope_scaling", "rope_parameters"})
    if (const JsonValue *rotary = config.find(field); rotary && !part)
      part = findPart(*rotary);
  return part;
}

static void turnHalves(ConfigReader &config, Attention &attention) {
  config.expect("rope_interleaved", false,
                "the halves of a head turn with each other, not neighbours");
  attention.rotary.kind = Rotary::Kind::Halves;
}

void einsum::frontend::useRotary(ConfigReader &config, Attention &attention) {
  if (const JsonValue *part = findPart(config); part && part->number != 1)
    config.error(part->loc,
                 "this value of 'partial_rotary_factor' is not supported: "
                 "all elements of a head turn with the position");
  config.expect("partial_rotary_factor", 1.0,
                "all elements of a head turn with the position");
  if (attention.keyExtent % 2 != 0)
    config.error("head_dim", "rotary positions need heads of even extent, "
                             "found " +
                                 llvm::Twine(attention.keyExtent));
  turnHalves(config, attention);
}

void einsum::frontend::usePartialRotary(ConfigReader &config,
                                        Attention &attention, double part,
                                        StringRef key) {
  part = config.number(key, part);
  if (const JsonValue *given = findPart(config))
    part = given->number;
  turnHalves(config, attention);
  auto extent =
      static_cast<int64_t>(static_cast<double>(attention.keyExtent) * part);
  if (part > 0 && part <= 1 && extent > 0 && extent % 2 == 0) {
    attention.rotary.extent = extent == attention.keyExtent ? 0 : extent;
    return;
  }
  config.error(key, "a part of " + llvm::Twine(writeNumber(part)) +
                        " of heads of " + llvm::Twine(attention.keyExtent) +
                        " elements does not turn in pairs; an even number of "
                        "elements from 2 on does");
}

void einsum::frontend::setBiases(Attention &attention, bool inputs,
                                 bool output) {
  attention.queryBias = attention.keyBias = attention.valueBias = inputs;
  attention.outputBias = output;
}

FeedForward einsum::frontend::readGated(ConfigReader &config,
                                        StringRef activationKey,
                                        StringRef activation) {
  FeedForward feedForward;
  feedForward.inner = config.whole("intermediate_size");
  feedForward.activation = readActivation(config, activationKey, activation);
  feedForward.isGated = true;
  return feedForward;
}

Layer einsum::frontend::readLlamaLayer(ConfigReader &config, Model &model,
                                       double epsilon, HeadDefaults defaults,
                                       void (*rotate)(ConfigReader &,
                                                      Attention &)) {
  model.hidden = config.whole("hidden_size");
  model.vocabulary = config.whole("vocab_size");
  config.ignore("max_position_embeddings");
  expectNoCross(config);
  Layer layer;
  layer.attention = readHeads(config, model, defaults);
  rotate(config, *layer.attention);
  layer.feedForward = readGated(config, "hidden_act", "silu");
  Norm norm = rmsNorm(config.number("rms_norm_eps", epsilon));
  layer.attentionBranch.pre = layer.feedForwardBranch.pre = norm;
  model.stack.final = norm;
  return layer;
}

int64_t einsum::frontend::readLayerCount(ConfigReader &config) {
  return config.whole("num_hidden_layers");
}

std::vector<unsigned> einsum::frontend::readWindowPattern(ConfigReader &config,
                                                          int64_t layers,
                                                          int64_t period) {
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

void einsum::frontend::expectFullAttention(ConfigReader &config) {
  if (const JsonValue *types = config.find("layer_types"))
    for (const JsonValue &type : types->elements)
      if (type.string != "full_attention")
        config.error("layer_types", "a layer of type '" + type.string +
                                        "' is not supported; all layers are "
                                        "of type full_attention");
}

void einsum::frontend::expectNoWindow(ConfigReader &config) {
  config.expect("use_sliding_window", false,
                "all layers attend to all tokens before them");
  for (llvm::StringRef field : {"sliding_window", "max_window_layers"})
    config.ignore(field);
  expectFullAttention(config);
}

void einsum::frontend::alternateWindows(ConfigReader &config, Model &model,
                                        Layer layer, int64_t window,
                                        int64_t period) {
  Layer global = layer;
  layer.attention->window = window;
  model.stack.kinds = {std::move(layer), std::move(global)};
  model.stack.pattern =
      readWindowPattern(config, readLayerCount(config), period);
}

std::vector<bool> einsum::frontend::readEachLayer(ConfigReader &config,
                                                  StringRef key, int64_t layers,
                                                  int64_t period) {
  std::vector<bool> each;
  for (int64_t i = 0; i < layers; ++i)
    each.push_back((i + 1) % period != 0);
  const JsonValue *list = config.find(key);
  if (!list || list->elements.empty())
    return each;
  if (static_cast<int64_t>(list->elements.size()) != layers) {
    config.error(key, "'" + key + "' must have an entry for each of the " +
                          llvm::Twine(layers) + " layers");
    return each;
  }
  for (int64_t i = 0; i < layers; ++i) {
    const JsonValue &entry = list->elements[i];
    each[i] =
        entry.kind == JsonValue::Kind::Bool ? entry.boolean : entry.number != 0;
  }
  return each;
}
