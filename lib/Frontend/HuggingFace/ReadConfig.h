//===- ReadConfig.h - The fields of a config.json ---------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A family asks for the fields it knows, with the default that the architecture
// has; what nobody asked for must stand in the table of irrelevant fields, or
// is refused. Files leave out what equals the default, so the defaults count.
// `null` says "none": the same as an absent field where none is the default,
// and asked for with `wholeOrNone` or `numberOrNone` where it is not.
//
//   ConfigReader config(json, "llama", diags);
//   model.hidden = config.whole("hidden_size");        // required
//   bool bias = config.flag("attention_bias", false);
//   config.expect("pretraining_tp", 1, "splits ...");  // or refused
//   config.finish();
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_HUGGINGFACE_READCONFIG_H
#define LIB_FRONTEND_HUGGINGFACE_READCONFIG_H

#include "lib/Support/SourceJson.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringSet.h"

#include <optional>

namespace einsum::frontend {

class ConfigReader {
public:
  /// Fields in `ignored` are read as if they were not there.
  ConfigReader(const JsonValue &json, std::string family,
               llvm::ArrayRef<std::string> ignored, Diagnostics &diags)
      : json(json), family(std::move(family)), ignored(ignored), diags(diags) {}

  /// The value of a field that is there and not null.
  const JsonValue *find(llvm::StringRef key);

  /// The object of a field, to be read and finished by itself.
  std::optional<ConfigReader> object(llvm::StringRef key);

  int64_t whole(llvm::StringRef key);
  int64_t whole(llvm::StringRef key, int64_t fallback);
  double number(llvm::StringRef key, double fallback);
  /// From zero on.
  int64_t count(llvm::StringRef key, int64_t fallback);
  /// 0 if the field is null; `fallback` if it is absent.
  int64_t wholeOrNone(llvm::StringRef key, int64_t fallback);
  double numberOrNone(llvm::StringRef key, double fallback);
  bool flag(llvm::StringRef key, bool fallback);
  std::string word(llvm::StringRef key, llvm::StringRef fallback);
  /// One of `allowed`.
  std::string choice(llvm::StringRef key, llvm::StringRef fallback,
                     llvm::ArrayRef<llvm::StringRef> allowed);

  /// Refuses any value but `value`; `why` completes "... is not supported: ".
  void expect(llvm::StringRef key, bool value, llvm::StringRef why);
  void expect(llvm::StringRef key, double value, llvm::StringRef why);
  /// Refuses the field unless it is absent, null, false or empty.
  void expectAbsent(llvm::StringRef key, llvm::StringRef why);
  /// A field that holds nothing about the computation, for this family.
  void ignore(llvm::StringRef key) { known.push_back(key.str()); }

  /// Reports something about a field at its place, or at the object.
  void error(llvm::StringRef key, const llvm::Twine &message);
  void error(const SourceLocation &loc, const llvm::Twine &message) {
    diags.error(loc, message);
  }

  /// Refuses what is neither known nor irrelevant nor ignored.
  void finish();

private:
  const JsonValue *get(llvm::StringRef key, JsonValue::Kind kind);
  int64_t wholeFrom(int64_t least, llvm::StringRef key, int64_t fallback);
  bool isNull(llvm::StringRef key) const;
  void refuse(llvm::StringRef key, const JsonValue &value, llvm::StringRef why);

  const JsonValue &json;
  std::string family;
  llvm::ArrayRef<std::string> ignored;
  Diagnostics &diags;
  std::vector<std::string> known;
};

} // namespace einsum::frontend

#endif // LIB_FRONTEND_HUGGINGFACE_READCONFIG_H
