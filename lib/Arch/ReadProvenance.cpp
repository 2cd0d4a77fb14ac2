//===- ReadProvenance.cpp - Where the numbers of an object come from ------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/ReadProvenance.h"
#include "llvm/ADT/StringExtras.h"

using namespace einsum;
using namespace einsum::arch;

llvm::StringRef arch::spell(Certainty certainty) {
  switch (certainty) {
  case Certainty::Published:
    return "published";
  case Certainty::Secondary:
    return "secondary";
  case Certainty::Recalled:
    return "recalled";
  case Certainty::Guess:
    return "guess";
  }
  llvm_unreachable("all certainties are listed");
}

const Provenance &Sources::of(const std::string &key) const {
  auto found = byKey.find(key);
  return found == byKey.end() ? common : found->second;
}

static Certainty readCertainty(ObjectReader &reader, Diagnostics &diags) {
  if (!reader.any("certainty"))
    return Certainty::Published;
  std::string word = reader.string("certainty");
  std::vector<std::string> words;
  for (Certainty certainty : {Certainty::Published, Certainty::Secondary,
                              Certainty::Recalled, Certainty::Guess}) {
    if (word == spell(certainty))
      return certainty;
    words.push_back(spell(certainty).str());
  }
  diags.error(reader.places().of("certainty"),
              "certainty is one of " + llvm::join(words, ", ") + ", found '" +
                  word + "'" + didYouMean(word, words));
  return Certainty::Guess;
}

/// A text, or a text and how far to rely on it.
static Provenance readOne(const JsonValue &json, const std::string &what,
                          Diagnostics &diags) {
  Provenance provenance;
  if (json.kind == JsonValue::Kind::String) {
    provenance.text = json.string;
    return provenance;
  }
  Parameters none;
  ObjectReader reader(json, what, none, diags);
  if (json.kind != JsonValue::Kind::Object)
    return provenance;
  reader.require("text");
  provenance.text = reader.string("text");
  provenance.certainty = readCertainty(reader, diags);
  reader.finish();
  return provenance;
}

Sources arch::readSources(ObjectReader &reader,
                          llvm::ArrayRef<const char *> numbers,
                          Diagnostics &diags, const Sources &inherited) {
  Sources sources;
  std::string what = ("provenance of " + reader.name()).str();
  const JsonValue *json = reader.any("provenance");
  bool perNumber =
      json && json->kind == JsonValue::Kind::Object && !json->find("text");
  if (json && !perNumber)
    sources.common = readOne(*json, what, diags);
  if (perNumber)
    for (const JsonMember &member : json->members) {
      std::vector<std::string> known = reader.givenKeys();
      known.insert(known.end(), {"text", "certainty"});
      if (!reader.places().has(member.key) || member.key == "provenance")
        diags.error(member.keyLoc, what + " is about '" + member.key +
                                       "', which is not given here" +
                                       didYouMean(member.key, known));
      sources.byKey[member.key] =
          readOne(member.value, what + ", '" + member.key + "'", diags);
    }
  if (!json)
    sources = inherited;
  if (reader.boolean("placeholder"))
    sources.common.certainty = Certainty::Guess;
  for (const char *number : numbers)
    if (reader.places().has(number) && sources.of(number).text.empty()) {
      diags.error(reader.places().of(number),
                  reader.name() + " gives '" + number +
                      "' without 'provenance'; say where the number comes "
                      "from, or that it is a guess");
      break;
    }
  return sources;
}

Provenance arch::readProvenance(ObjectReader &reader,
                                llvm::ArrayRef<const char *> numbers,
                                Diagnostics &diags) {
  Sources sources = readSources(reader, numbers, diags);
  // Several texts about one object become one.
  for (const auto &[key, source] : sources.byKey) {
    Provenance &common = sources.common;
    common.text += (common.text.empty() ? "" : "; ") + key + ": " + source.text;
    common.certainty = std::max(common.certainty, source.certainty);
  }
  return sources.common;
}

void arch::checkSchema(ObjectReader &reader, llvm::StringRef expected,
                       Diagnostics &diags) {
  reader.require("schema");
  reader.string("$schema");
  std::string schema = reader.string("schema");
  if (reader.places().has("schema") && schema != expected)
    diags.error(reader.places().of("schema"),
                "schema must be '" + expected + "', found '" + schema + "'");
}
