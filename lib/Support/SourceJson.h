//===- SourceJson.h - JSON that remembers where it stood --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A JSON document as a plain tree in which every value and every key knows its
// line and column, so that a reader can say `spec.json:7:18: error: ...` about
// the thing it rejects. In
//
//   {
//     "size": [4, 8]
//   }
//
// the object stands at 1:1, the key "size" at 2:3, the array at 2:11 and the
// number 8 at 2:15.
//
// nlohmann_json decides what is JSON; this component only adds places. The text
// is trusted in nothing: truncation, bad UTF-8, NaN, numbers beyond a double,
// repeated keys and nesting deeper than 200 are located errors.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_SUPPORT_SOURCEJSON_H
#define EINSUM_SUPPORT_SOURCEJSON_H

#include "lib/Support/Diagnostics.h"
#include <cstdint>

namespace einsum {

struct JsonMember;

struct JsonValue {
  enum class Kind { Null, Bool, Number, String, Array, Object };

  Kind kind = Kind::Null;
  SourceLocation loc;
  bool boolean = false;
  double number = 0;
  /// The exact value when the text is an integer that fits; a non-negative one
  /// below 2^63 has both.
  std::optional<int64_t> int64;
  std::optional<uint64_t> uint64;
  std::string string;
  bool hasEscapes = false; ///< the string was written with backslashes
  std::vector<JsonValue> elements;
  std::vector<JsonMember> members; ///< in document order, keys distinct

  /// The value of `key` in an object, or null.
  const JsonValue *find(llvm::StringRef key) const;

  /// Place of byte `offset` of a string value. Escapes shift what follows them,
  /// so a string that has any answers with its own place.
  SourceLocation locInString(size_t offset) const;
};

struct JsonMember {
  std::string key;
  SourceLocation keyLoc;
  JsonValue value;
};

/// "an object", "a string", ... for messages.
llvm::StringRef describe(JsonValue::Kind kind);

/// Parses `text`; `file` is the name used in locations. Registers the text with
/// `diags`. Nothing is returned when there was any error.
std::optional<JsonValue>
parseSourceJson(llvm::StringRef text, llvm::StringRef file, Diagnostics &diags);

/// Reads and parses a file, "-" being standard input.
std::optional<JsonValue> readSourceJson(llvm::StringRef path,
                                        Diagnostics &diags);

} // namespace einsum

#endif // EINSUM_SUPPORT_SOURCEJSON_H
