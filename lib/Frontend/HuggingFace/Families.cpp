//===- Families.cpp - Which models are known ------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The table, and what configs of all families have.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/HuggingFace/FamilyParts.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace einsum;
using namespace einsum::frontend;
using llvm::StringRef;

llvm::ArrayRef<Family> einsum::frontend::getFamilies() {
  static const std::vector<Family> families = [] {
    std::vector<Family> all;
    for (llvm::ArrayRef<Family> some :
         {getEncoderFamilies(), getExpertFamilies(), getGptFamilies(),
          getLlamaFamilies(), getStateSpaceFamilies()})
      all.insert(all.end(), some.begin(), some.end());
    llvm::sort(all, [](const Family &a, const Family &b) {
      return a.modelType < b.modelType;
    });
    return all;
  }();
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
