//===- YamlReader.h - Reads the keys of one YAML map ------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// As lib/Support/ObjectReader for JSON: a reader asks for the keys it knows,
// and `finish` warns of the others, with the place of each.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_ARCH_IMPORT_YAMLREADER_H
#define EINSUM_ARCH_IMPORT_YAMLREADER_H

#include "lib/Support/Diagnostics.h"
#include "lib/Support/Units.h"

#include <yaml-cpp/yaml.h>

namespace einsum::arch {

/// A document, and where its nodes stand.
class YamlFile {
public:
  YamlFile(llvm::StringRef text, llvm::StringRef file, Diagnostics &diags);

  /// Not a map if the text is no YAML, which is reported.
  const YAML::Node &root() const { return document; }
  SourceLocation locOf(const YAML::Node &node) const;

  std::string file;
  Diagnostics &diags;
  Parameters variables; ///< that expressions may use

private:
  std::optional<std::string> fillDefaults(llvm::StringRef text);

  YAML::Node document;
};

class YamlReader {
public:
  YamlReader(YamlFile &file, const YAML::Node &map, std::string what);

  /// The value of a key, or an undefined node.
  YAML::Node get(const std::string &key);
  std::string string(const std::string &key);
  /// What is written under 'name'; its absence is an error.
  std::string requiredName();
  /// The value of an expression such as "64 * 1024" or "inf"; nullopt if the
  /// key is missing. One that cannot be evaluated is reported as ignored.
  std::optional<double> number(const std::string &key);
  /// As `number`, for a value found elsewhere.
  std::optional<double> evaluate(const YAML::Node &value,
                                 const std::string &key);
  void ignore(const YAML::Node &value, const std::string &key,
              llvm::StringRef why = "");
  /// Warns of keys that nobody asked for.
  void finish();

  SourceLocation loc() const { return file.locOf(map); }
  const std::string &name() const { return what; }

private:
  YamlFile &file;
  YAML::Node map;
  std::string what;
  std::vector<std::string> known;
};

/// A number as a count. What is no count becomes 0, and what has no place in 64
/// bits the largest one, both of which the reader of specs refuses.
uint64_t toCount(double number);

/// Bits of one element, beyond which no operator is known.
constexpr uint64_t kWidestWord = 1024;

} // namespace einsum::arch

#endif // EINSUM_ARCH_IMPORT_YAMLREADER_H
