//===- YamlReader.cpp - Reads the keys of one YAML map --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/Import/YamlReader.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/JSON.h"
#include <cmath>

using namespace einsum;
using namespace einsum::arch;

/// Control characters that YAML 1.2 (section 5.1) does not allow; what the
/// library makes of them is no UTF-8.
static bool isControl(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' &&
          c != '\r') ||
         c == 0x7f;
}

/// `{% set X = X | default(V) %}`: the name and the default.
static std::optional<std::pair<llvm::StringRef, llvm::StringRef>>
readDefault(llvm::StringRef line) {
  line = line.trim();
  if (!line.consume_front("{%") || !line.consume_back("%}"))
    return std::nullopt;
  line = line.trim("- ");
  if (!line.consume_front("set "))
    return std::nullopt;
  auto [name, value] = line.split('=');
  auto [again, filter] = value.split('|');
  name = name.trim();
  filter = filter.trim();
  if (again.trim() != name || !filter.consume_front("default(") ||
      !filter.consume_back(")") || filter.contains_insensitive("dict"))
    return std::nullopt;
  return std::pair(name, filter.trim().trim("\"'"));
}

/// A template whose parameters have defaults, with these: places stay in their
/// lines.
std::optional<std::string> YamlFile::fillDefaults(llvm::StringRef text) {
  std::vector<std::pair<llvm::StringRef, llvm::StringRef>> values;
  std::string filled;
  unsigned number = 0;
  auto refuse = [&] {
    diags.error({file, number, 1},
                "this is a Jinja template; fill it in first, for example with "
                "the tool it was written for: only '{% set X = X | default(1) "
                "%}' and '{{X}}' are read");
    return std::nullopt;
  };
  while (!text.empty()) {
    auto [line, rest] = text.split('\n');
    text = rest;
    ++number;
    bool isComment = line.ltrim().starts_with("#");
    if (auto parameter = isComment ? std::nullopt : readDefault(line)) {
      values.push_back(*parameter);
      diags.note({file, number, 1}, "parameter '" + parameter->first +
                                        "' of the template is " +
                                        parameter->second + ", its default");
      line = "";
    }
    while (!isComment) {
      size_t open = line.find("{{"), close = line.find("}}");
      if (line.contains("{%"))
        return refuse();
      if (open == llvm::StringRef::npos)
        break;
      llvm::StringRef name = line.slice(open + 2, close).trim();
      auto found = llvm::find_if(
          values, [&](const auto &value) { return value.first == name; });
      if (close == llvm::StringRef::npos || found == values.end())
        return refuse();
      filled += line.take_front(open).str() + found->second.str();
      line = line.drop_front(close + 2);
    }
    filled += line.str() + "\n";
  }
  return filled;
}

YamlFile::YamlFile(llvm::StringRef text, llvm::StringRef file,
                   Diagnostics &diags)
    : file(file.str()), diags(diags) {
  diags.addSource(file, text);
  auto refuseByte = [&](size_t at, const char *why) {
    llvm::StringRef before = text.take_front(at);
    unsigned column = at - (before.rfind('\n') + 1) + 1;
    diags.error({this->file, unsigned(1 + before.count('\n')), column}, why);
  };
  size_t broken = 0;
  if (!llvm::json::isUTF8(text, &broken)) {
    refuseByte(broken, "this byte is no UTF-8");
    return;
  }
  const char *control = llvm::find_if(text, isControl);
  if (control != text.end()) {
    refuseByte(control - text.begin(),
               "this control character is not allowed in YAML");
    return;
  }
  std::optional<std::string> filled = fillDefaults(text);
  if (!filled)
    return;
  try {
    document = YAML::Load(*filled);
  } catch (const YAML::Exception &e) {
    SourceLocation loc{this->file, unsigned(e.mark.line + 1),
                       unsigned(e.mark.column + 1)};
    diags.error(loc, "this is no YAML: " + e.msg);
    return;
  }
  if (!document.IsMap())
    diags.error({this->file, 1, 1}, "a map was expected, such as "
                                    "'architecture:' or 'arch:'");
}

SourceLocation YamlFile::locOf(const YAML::Node &node) const {
  YAML::Mark mark = node.Mark();
  if (mark.line < 0)
    return {file, 0, 0};
  return {file, unsigned(mark.line + 1), unsigned(mark.column + 1)};
}

YamlReader::YamlReader(YamlFile &file, const YAML::Node &map, std::string what)
    : file(file), map(map), what(std::move(what)) {
  if (map.IsDefined() && !map.IsMap() && !map.IsNull())
    file.diags.error(file.locOf(map), this->what + " must be a map");
}

YAML::Node YamlReader::get(const std::string &key) {
  known.push_back(key);
  return map.IsMap() ? map[key] : YAML::Node(YAML::NodeType::Undefined);
}

std::string YamlReader::string(const std::string &key) {
  YAML::Node value = get(key);
  return value.IsDefined() && value.IsScalar() ? value.Scalar() : "";
}

std::string YamlReader::requiredName() {
  YAML::Node value = get("name");
  std::string name = string("name");
  if (name.empty())
    file.diags.error(value.IsDefined() && !value.IsNull() ? file.locOf(value)
                                                          : loc(),
                     what + " has no name");
  return name;
}

void YamlReader::ignore(const YAML::Node &value, const std::string &key,
                        llvm::StringRef why) {
  file.diags.warning(file.locOf(value), "ignored: '" + key + "' of " + what +
                                            (why.empty() ? "" : ", ") + why);
}

std::optional<double> YamlReader::evaluate(const YAML::Node &value,
                                           const std::string &key) {
  if (!value.IsDefined() || value.IsNull())
    return std::nullopt;
  if (!value.IsScalar()) {
    ignore(value, key, "which is no number");
    return std::nullopt;
  }
  std::string text = value.Scalar();
  if (text == "inf" || text == ".inf")
    return INFINITY;
  // Python's powers are ours, spelt differently.
  for (size_t at; (at = text.find("**")) != std::string::npos;)
    text.replace(at, 2, "^");
  QuantityError error;
  auto number =
      parseQuantity(text, key, Dimension::Count, file.variables, error);
  if (!number)
    ignore(value, key, "which cannot be evaluated: " + error.message);
  return number;
}

std::optional<double> YamlReader::number(const std::string &key) {
  return evaluate(get(key), key);
}

void YamlReader::finish() {
  if (!map.IsMap())
    return;
  for (const auto &entry : map) {
    std::string key = entry.first.Scalar();
    if (!llvm::is_contained(known, key))
      file.diags.warning(file.locOf(entry.first),
                         "ignored: '" + key + "' of " + what);
  }
}

uint64_t einsum::arch::toCount(double number) {
  if (!(number >= 0))
    return 0;
  return number < 0x1p64 ? uint64_t(number) : UINT64_MAX;
}
