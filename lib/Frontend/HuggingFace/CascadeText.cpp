//===- CascadeText.cpp - A cascade being written
//---------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/HuggingFace/CascadeText.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <cassert>
#include <cstdlib>

using namespace einsum::frontend;
using llvm::StringRef;

void CascadeText::param(StringRef name, int64_t value) {
  if (getParam(name) == 0)
    params.push_back({name.str(), value});
}

int64_t CascadeText::getParam(StringRef name) const {
  for (const auto &[known, value] : params)
    if (known == name)
      return value;
  return 0;
}

std::string CascadeText::rank(StringRef base, int64_t extent) {
  std::string name = base.str();
  for (unsigned number = 2;; ++number) {
    int64_t known = getParam(StringRef(name).upper());
    if (known == 0)
      params.push_back({StringRef(name).upper(), extent});
    if (known == 0 || known == extent)
      return name;
    name = base.str() + std::to_string(number);
  }
}

void CascadeText::rankAs(StringRef name, StringRef extent) {
  std::string line = ("rank " + name + " = " + extent).str();
  if (seen.insert(line).second)
    ranks.push_back(line);
}

void CascadeText::define(StringRef text) {
  if (seen.insert(text).second)
    definitions.push_back(text.str());
}

void CascadeText::input(StringRef declaration) {
  if (seen.insert(declaration).second)
    inputs.push_back(declaration.str());
}

void CascadeText::weight(StringRef declaration) {
  if (seen.insert(declaration).second)
    weights.push_back(declaration.str());
}

void CascadeText::statement(StringRef text) { body.push_back(text.str()); }

void CascadeText::comment(StringRef text) {
  body.push_back("");
  body.push_back("// " + text.str());
}

void CascadeText::output(StringRef tensor) { outputs.push_back(tensor.str()); }

/// `keyword a, b, ...`, broken before column 100.
static void printList(llvm::raw_ostream &os, StringRef keyword,
                      const std::vector<std::string> &items) {
  constexpr size_t width = 96;
  std::string line;
  for (const std::string &item : items) {
    if (!line.empty() && line.size() + item.size() > width) {
      os << "  " << line << "\n";
      line.clear();
    }
    line += (line.empty() ? keyword.str() + " " : ", ") + item;
  }
  if (!line.empty())
    os << "  " << line << "\n";
}

std::string CascadeText::print(StringRef name, StringRef datatype,
                               StringRef heading) const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << heading;
  for (const std::string &definition : definitions)
    os << definition << "\n";
  auto values = llvm::map_to_vector(params, [](const auto &param) {
    return param.first + "=" + std::to_string(param.second);
  });
  os << "cascade " << name << "(" << llvm::join(values, ", ")
     << ") : " << datatype << "\n";
  for (const std::string &rank : ranks)
    os << "  " << rank << "\n";
  printList(os, "input", inputs);
  printList(os, "weight", weights);
  for (const std::string &statement : body)
    os << (statement.empty() ? "" : "  ") << statement << "\n";
  std::vector<std::string> unique;
  for (const std::string &output : outputs)
    if (!llvm::is_contained(unique, output))
      unique.push_back(output);
  os << "  output " << llvm::join(unique, ", ") << "\n";
  return text;
}

std::string TextScope::get(StringRef hole) const {
  auto found = holes.find(hole.str());
  assert(found != holes.end() && "a template has a hole that nobody fills");
  return found == holes.end() ? "" : found->second;
}

/// `a[l,b,]` is what is left where the last hole is empty.
static std::string closeLists(StringRef text) {
  std::string result;
  for (char c : text) {
    if (c == ']' && StringRef(result).ends_with(","))
      result.pop_back();
    result += c;
  }
  return result;
}

std::string TextScope::expand(StringRef pattern) const {
  std::string result, word;
  auto flush = [&](bool isTensor) {
    result += isTensor ? own(word) : word;
    word.clear();
  };
  for (size_t i = 0; i < pattern.size(); ++i) {
    char c = pattern[i];
    if (llvm::isAlnum(c) || c == '_') {
      word += c;
      continue;
    }
    flush(c == '[' && !word.empty());
    if (c != '{') {
      result += c;
      continue;
    }
    size_t end = pattern.find('}', i);
    result += get(pattern.slice(i + 1, end));
    i = end;
  }
  flush(false);
  return closeLists(result);
}

std::string einsum::frontend::writeNumber(double value) {
  for (int digits = 1; digits <= 17; ++digits) {
    std::string format = "%." + std::to_string(digits) + "g";
    char text[40];
    std::snprintf(text, sizeof(text), format.c_str(), value);
    if (std::strtod(text, nullptr) == value)
      return text;
  }
  return "0";
}
