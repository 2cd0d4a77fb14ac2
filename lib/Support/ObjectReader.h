//===- ObjectReader.h - Reads the keys of one JSON object -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A reader asks for the keys it knows; what it never asked for is an unknown
// key. So the list of allowed keys is the code that reads them, and a misspelt
// optional key can never fall back to its default in silence:
//
//   ObjectReader level(json, "level 'L1'", parameters, diags);
//   capacity = level.whole("capacity", Dimension::Bytes);
//   level.finish();        // error: unknown key 'capcity' in level 'L1'; ...
//
// Each getter reports a value of the wrong type, unit or range at its place and
// then returns nothing, as it does for a missing key; the caller goes on.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_SUPPORT_OBJECTREADER_H
#define EINSUM_SUPPORT_OBJECTREADER_H

#include "lib/Support/SourceJson.h"
#include "lib/Support/Units.h"

namespace einsum {

/// Where an object and the values of its keys stand.
struct Places {
  SourceLocation object;
  std::map<std::string, SourceLocation> values;

  bool has(const std::string &key) const { return values.count(key); }
  /// The value of `key`, or the whole object when the key is absent.
  const SourceLocation &of(const std::string &key) const;
};

enum class Range { Positive, NonNegative };

class ObjectReader {
public:
  /// `what` names the object in messages. A `json` that is no object is
  /// reported, and then reads as an empty one.
  ObjectReader(const JsonValue &json, std::string what, Parameters &parameters,
               Diagnostics &diags);

  /// The value of `key` if present and of this kind.
  const JsonValue *get(llvm::StringRef key, JsonValue::Kind kind);

  /// The value of `key` if present, whatever it is.
  const JsonValue *any(llvm::StringRef key) { return lookup(key); }

  /// A key without which the object makes no sense.
  void require(llvm::StringRef key);

  std::string string(llvm::StringRef key);
  bool boolean(llvm::StringRef key);
  std::optional<double> quantity(llvm::StringRef key, Dimension dimension,
                                 Range range);
  /// A positive whole quantity, small enough (2^53) to be exact as a double.
  std::optional<uint64_t> whole(llvm::StringRef key, Dimension dimension);

  /// Reports the keys that nobody asked for.
  void finish();

  const Places &places() const { return where; }
  /// The keys that the object has.
  std::vector<std::string> givenKeys() const;
  llvm::StringRef name() const { return what; }

private:
  const JsonValue *lookup(llvm::StringRef key);

  const JsonValue &json;
  std::string what;
  Parameters &parameters;
  Diagnostics &diags;
  Places where;
  std::vector<std::string> known;
};

/// The rules of ObjectReader's getters for a value that stands on its own, such
/// as an entry of a table; `what` names it.
std::optional<double> readQuantity(const JsonValue &json, llvm::StringRef what,
                                   Dimension dimension, Range range,
                                   Parameters &parameters, Diagnostics &diags);
std::optional<uint64_t> readWhole(const JsonValue &json, llvm::StringRef what,
                                  Dimension dimension, Parameters &parameters,
                                  Diagnostics &diags);

} // namespace einsum

#endif // EINSUM_SUPPORT_OBJECTREADER_H
