//===- ReadConfig.cpp - The fields of a config.json -----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The getters, and the one table of fields that say nothing about what a model
// computes.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/HuggingFace/ReadConfig.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace einsum;
using namespace einsum::frontend;
using llvm::StringRef;

/// Fields of any family that change no operation, no extent and no number of
/// the forward pass, by the reason why.
static const StringRef kIrrelevant[] = {
    // Names and versions.
    "_name_or_path", "name_or_path", "_commit_hash", "transformers_version",
    "auto_map", "model_max_length", "license", "_attn_implementation",
    "attn_implementation", "_attn_implementation_autoset", "is_llama_config",
    "transformers.js_config", "unsloth_version", "unsloth_fixed",
    // Tokens and the texts made of them.
    "bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id",
    "sep_token_id", "cls_token_id", "mask_token_id", "decoder_start_token_id",
    "forced_bos_token_id", "forced_eos_token_id", "prefix", "tokenizer_class",
    "label2id", "task_specific_params", "problem_type", "finetuning_task",
    "classifier_dropout", "bad_words_ids", "suppress_tokens",
    "begin_suppress_tokens", "position_ids",
    // Dropout and initial values: not part of inference.
    "attention_dropout", "hidden_dropout", "hidden_dropout_prob", "dropout",
    "dropout_rate", "attention_probs_dropout_prob", "activation_dropout",
    "attn_pdrop", "embd_pdrop", "resid_pdrop", "layerdrop", "embd_layer_norm",
    "summary_first_dropout", "summary_activation", "summary_proj_to_labels",
    "summary_type", "summary_use_proj", "initializer_range",
    "initializer_factor", "rescale_prenorm_residual", "init_std",
    "time_step_floor", "time_step_init_scheme", "time_step_max",
    "time_step_min", "time_step_scale",
    // The loss of training and how gradients are kept.
    "router_aux_loss_coef", "output_router_logits", "aux_loss_alpha", "seq_aux",
    "router_jitter_noise", "gradient_checkpointing",
    "keys_to_ignore_at_inference",
    // How results are delivered, and where the cache lives.
    "use_cache", "output_attentions", "output_hidden_states", "output_past",
    "return_dict", "torchscript", "cache_implementation", "use_mambapy",
    "use_bfloat16", "low_cpu_mem_usage",
    // How a text is generated from logits.
    "do_sample", "num_beams", "temperature", "top_k", "top_p",
    "repetition_penalty", "length_penalty", "no_repeat_ngram_size",
    "max_length", "min_length", "early_stopping", "num_return_sequences",
    "num_beam_groups", "diversity_penalty", "encoder_no_repeat_ngram_size",
    "typical_p", "remove_invalid_values", "exponential_decay_length_penalty",
    "return_dict_in_generate", "output_scores", "max_sequence_length",
    // The same in pieces, and the loss of another library.
    "chunk_size_feed_forward", "tf_legacy_loss",
    // Angles of rotary positions: values of the tables COS and SIN.
    "rope_theta", "rope_local_base_freq"};

const JsonValue *ConfigReader::find(StringRef key) {
  known.push_back(key.str());
  if (llvm::is_contained(ignored, key.str()))
    return nullptr;
  const JsonValue *value = json.find(key);
  return value && value->kind != JsonValue::Kind::Null ? value : nullptr;
}

const JsonValue *ConfigReader::get(StringRef key, JsonValue::Kind kind) {
  const JsonValue *value = find(key);
  if (!value || value->kind == kind)
    return value;
  diags.error(value->loc, "'" + key + "' must be " + describe(kind) +
                              ", found " + describe(value->kind));
  return nullptr;
}

std::optional<ConfigReader> ConfigReader::object(StringRef key) {
  const JsonValue *value = get(key, JsonValue::Kind::Object);
  if (!value)
    return std::nullopt;
  return ConfigReader(*value, family, ignored, diags);
}

int64_t ConfigReader::whole(StringRef key) {
  if (int64_t value = whole(key, 0))
    return value;
  if (!find(key))
    diags.error(json.loc,
                "the config of a '" + family + "' model has no '" + key + "'");
  return 1; // goes on, to report what else is wrong
}

int64_t ConfigReader::whole(StringRef key, int64_t fallback) {
  return wholeFrom(1, key, fallback);
}

int64_t ConfigReader::count(StringRef key, int64_t fallback) {
  return wholeFrom(0, key, fallback);
}

int64_t ConfigReader::wholeFrom(int64_t least, StringRef key,
                                int64_t fallback) {
  // Products of a few extents stay below 2^63.
  constexpr int64_t largest = int64_t(1) << 24;
  const JsonValue *value = get(key, JsonValue::Kind::Number);
  if (!value)
    return fallback;
  if (value->int64 && *value->int64 >= least && *value->int64 <= largest)
    return *value->int64;
  diags.error(value->loc, "'" + key + "' must be a whole number from " +
                              llvm::Twine(least) + " to " +
                              llvm::Twine(largest) + ", found " +
                              llvm::Twine(llvm::formatv("{0}", value->number)));
  return 1;
}

double ConfigReader::number(StringRef key, double fallback) {
  // What is computed with it stays a number in f32.
  constexpr double largest = 1e30;
  const JsonValue *value = get(key, JsonValue::Kind::Number);
  if (!value)
    return fallback;
  if (std::abs(value->number) <= largest)
    return value->number;
  std::string found;
  llvm::raw_string_ostream(found) << llvm::format("%g", value->number);
  diags.error(value->loc, "'" + key +
                              "' must be a number from -1e30 to 1e30, found " +
                              found);
  return fallback;
}

bool ConfigReader::isNull(StringRef key) const {
  const JsonValue *value = json.find(key);
  return value && value->kind == JsonValue::Kind::Null;
}

int64_t ConfigReader::wholeOrNone(StringRef key, int64_t fallback) {
  return whole(key, isNull(key) ? 0 : fallback);
}

double ConfigReader::numberOrNone(StringRef key, double fallback) {
  return number(key, isNull(key) ? 0 : fallback);
}

bool ConfigReader::flag(StringRef key, bool fallback) {
  const JsonValue *value = get(key, JsonValue::Kind::Bool);
  return value ? value->boolean : fallback;
}

std::string ConfigReader::word(StringRef key, StringRef fallback) {
  const JsonValue *value = get(key, JsonValue::Kind::String);
  return value ? value->string : fallback.str();
}

std::string ConfigReader::choice(StringRef key, StringRef fallback,
                                 llvm::ArrayRef<StringRef> allowed) {
  std::string value = word(key, fallback);
  if (!llvm::is_contained(allowed, StringRef(value))) {
    error(key, "'" + key + "' is '" + value + "', but only " +
                   llvm::join(allowed, ", ") + " " +
                   (allowed.size() == 1 ? "is" : "are") + " supported");
    return fallback.str();
  }
  return value;
}

void ConfigReader::error(StringRef key, const llvm::Twine &message) {
  const JsonValue *value = json.find(key);
  diags.error(value ? value->loc : json.loc, message);
}

void ConfigReader::refuse(StringRef key, const JsonValue &value,
                          StringRef why) {
  diags.error(value.loc,
              "this value of '" + key + "' is not supported: " + why);
}

void ConfigReader::expect(StringRef key, bool value, StringRef why) {
  const JsonValue *found = get(key, JsonValue::Kind::Bool);
  if (found && found->boolean != value)
    refuse(key, *found, why);
}

void ConfigReader::expect(StringRef key, double value, StringRef why) {
  const JsonValue *found = get(key, JsonValue::Kind::Number);
  if (found && found->number != value)
    refuse(key, *found, why);
}

void ConfigReader::expectAbsent(StringRef key, StringRef why) {
  const JsonValue *value = find(key);
  bool isNothing =
      !value || (value->kind == JsonValue::Kind::Bool && !value->boolean) ||
      (value->kind == JsonValue::Kind::Number && value->number == 0) ||
      (value->kind == JsonValue::Kind::Array && value->elements.empty()) ||
      (value->kind == JsonValue::Kind::Object && value->members.empty());
  if (!isNothing)
    refuse(key, *value, why);
}

void ConfigReader::finish() {
  for (const JsonMember &member : json.members) {
    if (llvm::is_contained(known, member.key) ||
        llvm::is_contained(kIrrelevant, StringRef(member.key)) ||
        llvm::is_contained(ignored, member.key) ||
        member.value.kind == JsonValue::Kind::Null)
      continue;
    diags
        .error(member.keyLoc, "field '" + member.key + "' is not known of a '" +
                                  family +
                                  "' model and may change what it computes" +
                                  didYouMean(member.key, known))
        .note(member.keyLoc, "if it does not, remove it or pass "
                             "--ignore-fields=" +
                                 member.key);
  }
}
