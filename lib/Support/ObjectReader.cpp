//===- ObjectReader.cpp - Reads the keys of one JSON object ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/ObjectReader.h"
#include <cmath>

using namespace einsum;

const SourceLocation &Places::of(const std::string &key) const {
  auto found = values.find(key);
  return found == values.end() ? object : found->second;
}

ObjectReader::ObjectReader(const JsonValue &json, std::string name,
                           Parameters &parameters, Diagnostics &diags)
    : json(json), what(std::move(name)), parameters(parameters), diags(diags) {
  where.object = json.loc;
  for (const JsonMember &member : json.members)
    where.values[member.key] = member.value.loc;
  if (json.kind != JsonValue::Kind::Object)
    diags.error(json.loc,
                what + " must be an object, found " + describe(json.kind));
}

const JsonValue *ObjectReader::lookup(llvm::StringRef key) {
  known.push_back(key.str());
  return json.find(key);
}

const JsonValue *ObjectReader::get(llvm::StringRef key, JsonValue::Kind kind) {
  const JsonValue *value = lookup(key);
  if (!value || value->kind == kind)
    return value;
  diags.error(value->loc, "'" + key + "' must be " + describe(kind) +
                              ", found " + describe(value->kind));
  return nullptr;
}

void ObjectReader::require(llvm::StringRef key) {
  if (json.kind == JsonValue::Kind::Object && !json.find(key))
    diags.error(json.loc, what + " has no '" + key + "'");
}

std::string ObjectReader::string(llvm::StringRef key) {
  const JsonValue *value = get(key, JsonValue::Kind::String);
  return value ? value->string : "";
}

bool ObjectReader::boolean(llvm::StringRef key) {
  const JsonValue *value = get(key, JsonValue::Kind::Bool);
  return value && value->boolean;
}

std::optional<double> ObjectReader::quantity(llvm::StringRef key,
                                             Dimension dimension, Range range) {
  const JsonValue *value = lookup(key);
  if (!value)
    return std::nullopt;
  return readQuantity(*value, key, dimension, range, parameters, diags);
}

std::optional<uint64_t> ObjectReader::whole(llvm::StringRef key,
                                            Dimension dimension) {
  const JsonValue *value = lookup(key);
  if (!value)
    return std::nullopt;
  return readWhole(*value, key, dimension, parameters, diags);
}

std::vector<std::string> ObjectReader::givenKeys() const {
  std::vector<std::string> keys;
  for (const JsonMember &member : json.members)
    keys.push_back(member.key);
  return keys;
}

void ObjectReader::finish() {
  for (const JsonMember &member : json.members)
    if (!llvm::is_contained(known, member.key))
      diags.error(member.keyLoc, "unknown key '" + member.key + "' in " + what +
                                     didYouMean(member.key, known));
}

/// The number behind a JSON number or quantity string, before range checks.
static std::optional<double> evaluate(const JsonValue &json,
                                      llvm::StringRef what, Dimension dimension,
                                      Parameters &parameters,
                                      Diagnostics &diags) {
  if (json.kind == JsonValue::Kind::String) {
    QuantityError error;
    auto value = parseQuantity(json.string, what, dimension, parameters, error);
    if (!value)
      diags.error(json.locInString(error.offset), error.message);
    return value;
  }
  bool unitless =
      dimension == Dimension::Count || dimension == Dimension::Cycles;
  if (json.kind == JsonValue::Kind::Number && unitless)
    return json.number;
  // A bare number says nothing about its unit, and guessing mixes units up.
  diags.error(json.loc, what + " takes " + describe(dimension) + ", found " +
                            (json.kind == JsonValue::Kind::Number
                                 ? "a bare number; write it as a string that "
                                   "ends in the unit"
                                 : describe(json.kind)));
  return std::nullopt;
}

static std::string spelling(const JsonValue &json) {
  if (json.kind == JsonValue::Kind::String)
    return "'" + json.string + "'";
  char text[32];
  std::snprintf(text, sizeof(text), "%.15g", json.number);
  return text;
}

std::optional<double> einsum::readQuantity(const JsonValue &json,
                                           llvm::StringRef what,
                                           Dimension dimension, Range range,
                                           Parameters &parameters,
                                           Diagnostics &diags) {
  auto value = evaluate(json, what, dimension, parameters, diags);
  if (!value)
    return std::nullopt;
  if (*value > 0 || (*value == 0 && range == Range::NonNegative))
    return value;
  diags.error(json.loc,
              what +
                  (range == Range::Positive ? " must be more than zero, found "
                                            : " must not be negative, found ") +
                  spelling(json));
  return std::nullopt;
}

std::optional<uint64_t> einsum::readWhole(const JsonValue &json,
                                          llvm::StringRef what,
                                          Dimension dimension,
                                          Parameters &parameters,
                                          Diagnostics &diags) {
  constexpr double largestExact = 9007199254740992.0; // 2^53
  auto value =
      readQuantity(json, what, dimension, Range::Positive, parameters, diags);
  if (!value)
    return std::nullopt;
  if (*value > largestExact) {
    diags.error(json.loc, what + " is too large: " + spelling(json) +
                              " is over 2^53, the largest that is counted "
                              "exactly");
    return std::nullopt;
  }
  if (std::floor(*value) != *value) {
    diags.error(json.loc, what + " must be a whole number of " +
                              (dimension == Dimension::Bytes    ? "bytes"
                               : dimension == Dimension::Cycles ? "cycles"
                                                                : "units") +
                              ", found " + spelling(json));
    return std::nullopt;
  }
  return uint64_t(*value);
}
