//===- HuggingFace.cpp - Entry points of the model front end
//---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/HuggingFace/HuggingFace.h"

#include "lib/Frontend/HuggingFace/Families.h"
#include "lib/Frontend/HuggingFace/WriteModel.h"

#include "llvm/Support/MemoryBuffer.h"

using namespace einsum;
using namespace einsum::frontend;
using llvm::StringRef;

bool einsum::frontend::isModelConfig(const llvm::MemoryBuffer &buffer) {
  StringRef name = buffer.getBufferIdentifier();
  if (name == "-" || name == "<stdin>")
    return buffer.getBuffer().ltrim().starts_with("{");
  return name.ends_with(".json");
}

std::vector<std::string> einsum::frontend::getModelTypes() {
  std::vector<std::string> names;
  for (const Family &family : getFamilies())
    names.push_back(family.modelType.str());
  return names;
}

/// Python writes numbers without an end as no JSON has them; as the largest one
/// they keep every column.
static std::string spellInfinity(StringRef text) {
  constexpr StringRef spelling = "Infinity", number = "1e308   ";
  std::string result = text.str();
  bool isInString = false;
  for (size_t i = 0; i < result.size(); ++i) {
    if (result[i] == '\\' && isInString)
      ++i;
    else if (result[i] == '"')
      isInString = !isInString;
    else if (!isInString && StringRef(result).substr(i).starts_with(spelling))
      result.replace(i, number.size(), number.str());
  }
  return result;
}

std::optional<std::string>
einsum::frontend::convertConfigToCascade(StringRef text, StringRef file,
                                         const ModelOptions &options,
                                         Diagnostics &diags) {
  std::optional<JsonValue> json =
      parseSourceJson(spellInfinity(text), file, diags);
  if (!json)
    return std::nullopt;
  std::optional<Model> model = readModel(*json, options.ignored, diags);
  if (!model || !checkOptions(*model, options, json->loc, diags))
    return std::nullopt;
  return writeModel(*model, options);
}
