//===- WriteModelTest.cpp - Runs of layers; configs of any content --------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/HuggingFace/WriteModel.h"
#include "lib/Frontend/HuggingFace/Families.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <catch2/catch.hpp>

#include <random>

using namespace einsum;
using namespace einsum::frontend;

static std::string describeRuns(const std::vector<unsigned> &pattern) {
  std::string text;
  for (const LayerRun &run : findRuns(pattern)) {
    text += (text.empty() ? "" : " ") + std::to_string(run.repeats) + "(";
    for (unsigned kind : run.kinds)
      text += std::to_string(kind);
    text += ")";
  }
  return text;
}

TEST_CASE("Equal layers and equal periods of layers become runs") {
  CHECK(describeRuns({0}) == "1(0)");
  CHECK(describeRuns({0, 0, 0, 0}) == "4(0)");
  CHECK(describeRuns({0, 0, 0, 1, 1, 1, 1}) == "3(0) 4(1)");
  CHECK(describeRuns({0, 1, 0, 1, 0, 1}) == "3(01)");
  CHECK(describeRuns({0, 0, 1, 0, 0, 1, 0}) == "2(001) 1(0)");
  CHECK(describeRuns({0, 1, 2}) == "1(0) 1(1) 1(2)");
}

TEST_CASE("Runs cover every layer in order") {
  std::mt19937 random(1);
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<unsigned> pattern(1 + random() % 30), covered;
    for (unsigned &kind : pattern)
      kind = random() % (1 + trial % 3);
    for (const LayerRun &run : findRuns(pattern))
      for (int64_t i = 0; i < run.repeats; ++i)
        covered.insert(covered.end(), run.kinds.begin(), run.kinds.end());
    CHECK(covered == pattern);
  }
}

static std::vector<std::string> readConfigs() {
  std::vector<std::string> texts;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator
           it(EINSUM_SOURCE_DIR "/examples/06-models", error),
       end;
       it != end && !error; it.increment(error))
    if (llvm::StringRef(it->path()).ends_with(".json"))
      texts.push_back(
          (*llvm::MemoryBuffer::getFile(it->path()))->getBuffer().str());
  std::sort(texts.begin(), texts.end());
  return texts;
}

/// Either a cascade, or an error with a place in the text.
static void checkAnswer(const std::string &text, const ModelOptions &options) {
  Diagnostics diags;
  std::optional<std::string> cascade =
      convertConfigToCascade(text, "config.json", options, diags);
  CHECK(cascade.has_value() == !diags.hasErrors());
  for (const Diagnostic &diagnostic : diags.all())
    CHECK(diagnostic.loc.line >= 1);
}

TEST_CASE("Damaged configs are answered with an error at a place") {
  std::vector<std::string> texts = readConfigs();
  REQUIRE(texts.size() > 10);
  std::mt19937 random(7);
  for (const std::string &text : texts)
    for (int trial = 0; trial < 40; ++trial) {
      std::string damaged = text;
      for (unsigned i = 0, count = 1 + random() % 3; i < count; ++i) {
        size_t at = random() % damaged.size();
        switch (random() % 4) {
        case 0:
          damaged.resize(at + 1);
          break;
        case 1:
          damaged[at] = static_cast<char>(random() % 256);
          break;
        case 2:
          damaged.erase(at, 1 + random() % 12);
          break;
        default: // a number of another size, or of another sign
          damaged.insert(at, 1, "0919-.e\""[random() % 8]);
        }
        if (damaged.empty())
          damaged = "{";
      }
      ModelOptions options;
      options.sequence = 8;
      options.phase = trial % 3 == 0   ? Phase::Prefill
                      : trial % 3 == 1 ? Phase::Decode
                                       : Phase::Train;
      checkAnswer(damaged, options);
    }
}

/// Every field, one at a time, as what it should not be.
TEST_CASE("Fields of another kind are refused or mean the same") {
  for (const std::string &text : readConfigs()) {
    Diagnostics diags;
    std::optional<JsonValue> json = parseSourceJson(text, "c.json", diags);
    REQUIRE(json);
    for (size_t i = 0; i < json->members.size(); ++i)
      for (JsonValue::Kind kind :
           {JsonValue::Kind::Null, JsonValue::Kind::Bool,
            JsonValue::Kind::Number, JsonValue::Kind::String,
            JsonValue::Kind::Array, JsonValue::Kind::Object}) {
        JsonValue changed = *json;
        JsonValue &value = changed.members[i].value;
        SourceLocation loc = value.loc;
        value = JsonValue();
        value.kind = kind;
        value.loc = loc;
        Diagnostics found;
        std::optional<Model> model = readModel(changed, {}, found);
        CHECK(model.has_value() == !found.hasErrors());
      }
  }
}
