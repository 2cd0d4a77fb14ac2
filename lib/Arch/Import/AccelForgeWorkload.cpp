//===- AccelForgeWorkload.cpp - Workloads of AccelForge -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `workload: {rank_sizes, iteration_space_shape, bits_per_value, einsums}`. An
// Einsum is a string, "Q[b, m, e] = I[b, m, d] * WQ[e, d]", maybe under the key
// `einsum`, or a list of `tensor_accesses`. A coordinate may name its rank: "M:
// p", "M=p" or {M: p}. AccelForge ignores operators; here a string's expression
// counts, and of `tensor_accesses` the product is taken.
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/Import/CascadeText.h"
#include "lib/Arch/Import/Import.h"
#include "lib/Arch/Import/YamlReader.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace einsum;
using namespace einsum::arch;
using llvm::StringRef;

namespace {

class WorkloadImporter {
public:
  WorkloadImporter(YamlFile &file, StringRef text)
      : file(file), diags(file.diags) {
    if (text.contains("{%") || text.contains("{{"))
      diags.error({file.file, 1, 1}, "this is a Jinja template; render it "
                                     "first");
  }

  std::optional<std::string> import() {
    if (diags.hasErrors())
      return std::nullopt;
    if (!file.root().IsMap() || !file.root()["workload"]) {
      diags.error({file.file, 1, 1}, "there is no 'workload' in this file");
      return std::nullopt;
    }
    YamlReader workload(file, file.root()["workload"], "'workload'");
    cascade.name = "workload";
    readSizes(workload.get("rank_sizes"));
    readSpace(workload.get("iteration_space_shape"));
    readBits(workload.get("bits_per_value"), workload.loc());
    readEinsums(workload.get("einsums"), workload.loc());
    workload.finish();
    if (diags.hasErrors())
      return std::nullopt;
    return cascade.print(diags);
  }

private:
  //===--------------------------------------------------------------------===//
  // Sizes
  //===--------------------------------------------------------------------===//

  void readSizes(const YAML::Node &map) {
    if (!map || !map.IsMap())
      return;
    for (const auto &entry : map)
      setExtent(StringRef(entry.first.Scalar()).lower(), entry.second,
                entry.second.IsScalar() ? entry.second.Scalar() : "");
  }

  /// "0 <= m < 128"
  void readSpace(const YAML::Node &map) {
    if (!map || !map.IsMap())
      return;
    for (const auto &entry : map) {
      StringRef text = entry.second.IsScalar()
                           ? StringRef(entry.second.Scalar())
                           : StringRef();
      auto [lower, upper] = text.rsplit('<');
      if (!lower.contains("0") || upper.empty()) {
        diags.error(file.locOf(entry.second),
                    "the space of '" + entry.first.Scalar() +
                        "' must be '0 <= " + entry.first.Scalar() + " < SIZE'");
        continue;
      }
      setExtent(StringRef(entry.first.Scalar()).lower(), entry.second,
                upper.trim());
    }
  }

  void setExtent(const std::string &rank, const YAML::Node &at,
                 StringRef text) {
    int64_t extent = 0;
    if (text.getAsInteger(10, extent) || extent < 1) {
      diags.error(file.locOf(at), "the size of '" + rank +
                                      "' must be a whole number from 1, found "
                                      "'" +
                                      text + "'");
      return;
    }
    cascade.extents[rank] = extent;
  }

  void readBits(const YAML::Node &map, const SourceLocation &loc) {
    int64_t bits = 0;
    if (map && map.IsMap())
      for (const auto &entry : map) {
        int64_t one = 0;
        if (!entry.second.IsScalar() ||
            StringRef(entry.second.Scalar()).getAsInteger(10, one))
          one = 0;
        if (bits != 0 && one != bits)
          diags.warning(file.locOf(entry.first),
                        "ignored: a width of its own for '" +
                            entry.first.Scalar() + "'");
        if (bits == 0)
          bits = one;
      }
    cascade.datatype = bits == 32 ? "f32" : bits == 64 ? "f64" : "f16";
    if (bits != 16 && bits != 32 && bits != 64)
      diags.note(map ? file.locOf(map) : loc,
                 "values of " +
                     (bits == 0 ? std::string("unknown width")
                                : std::to_string(bits) + " bits") +
                     " are taken as f16");
  }

  //===--------------------------------------------------------------------===//
  // Einsums
  //===--------------------------------------------------------------------===//

  void readEinsums(const YAML::Node &list, const SourceLocation &loc) {
    if (!list || !list.IsSequence()) {
      diags.error(loc, "'workload' has no list of 'einsums'");
      return;
    }
    if (list.size() == 0)
      diags.error(file.locOf(list), "'einsums' is empty");
    for (const YAML::Node &one : list) {
      if (one.IsScalar()) {
        readString(one.Scalar(), file.locOf(one));
        continue;
      }
      YamlReader reader(file, one, "an Einsum");
      (void)reader.string("name"); // has to be there; tensors are what we name
      std::string text = reader.string("einsum");
      YAML::Node accesses = reader.get("tensor_accesses");
      // What tools call tensors by, and how they copy, changes no value.
      reader.get("renames");
      reader.get("is_copy_operation");
      reader.finish();
      if (!text.empty())
        readString(text, reader.loc());
      else
        readAccesses(accesses, reader.loc());
    }
  }

  void readAccesses(const YAML::Node &list, const SourceLocation &loc) {
    if (!list || !list.IsSequence()) {
      diags.error(loc, "an Einsum must be a string, or have 'einsum' or "
                       "'tensor_accesses'");
      return;
    }
    EinsumText einsum;
    einsum.loc = loc;
    bool hasResult = false;
    for (const YAML::Node &one : list) {
      YamlReader reader(file, one, "an access");
      AccessText access;
      access.tensor = makeIdentifier(reader.string("name"));
      YAML::Node projection = reader.get("projection");
      bool isOutput = StringRef(reader.string("output")).lower() == "true";
      reader.finish();
      if (projection && projection.IsSequence())
        for (const YAML::Node &coordinate : projection)
          addCoordinate("", coordinate.Scalar(), reader.loc(), access);
      else if (projection && projection.IsMap())
        for (const auto &entry : projection)
          addCoordinate(entry.first.Scalar(), entry.second.Scalar(),
                        reader.loc(), access);
      else
        diags.error(reader.loc(), "'" + access.tensor + "' has no projection");
      if (isOutput && hasResult)
        diags.error(reader.loc(), "an Einsum has one output");
      if (isOutput) {
        einsum.result = access;
        hasResult = true;
        continue;
      }
      einsum.expression += (einsum.reads.empty() ? "$" : " * $") +
                           std::to_string(einsum.reads.size()) + "$";
      einsum.reads.push_back(access);
    }
    if (!hasResult || einsum.reads.empty())
      diags.error(loc, "an Einsum has one access with 'output: True', and "
                       "others that it reads");
    cascade.einsums.push_back(std::move(einsum));
  }

  /// Accesses are NAME[...], maybe NAME(role)[...]; everything else is kept.
  void readString(StringRef text, const SourceLocation &loc) {
    EinsumText einsum;
    einsum.loc = loc;
    size_t equals = findEquals(text);
    if (equals == StringRef::npos) {
      diags.error(loc, "an Einsum must be 'RESULT[...] = EXPRESSION', found '" +
                           text + "'");
      return;
    }
    std::vector<AccessText> results;
    std::string left = replaceAccesses(text.take_front(equals), loc, results);
    if (results.size() != 1 || StringRef(left).trim() != "$0$") {
      diags.error(loc, "the left side must be one tensor, found '" +
                           text.take_front(equals).trim() + "'");
      return;
    }
    einsum.result = results.front();
    StringRef right = text.drop_front(equals + 1).trim();
    if (right.starts_with("copy(") && right.ends_with(")"))
      right = right.drop_front(5).drop_back();
    einsum.expression = replaceAccesses(right, loc, einsum.reads);
    if (StringRef(einsum.expression).contains('['))
      diags.error(loc, "an access must be TENSOR[...], found '" + right.trim() +
                           "'");
    if (einsum.reads.empty())
      diags.error(loc, "nothing is read in '" + text + "'");
    cascade.einsums.push_back(std::move(einsum));
  }

  /// The `=` outside of brackets.
  static size_t findEquals(StringRef text) {
    int depth = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      depth += text[i] == '[' ? 1 : text[i] == ']' ? -1 : 0;
      if (text[i] == '=' && depth == 0)
        return i;
    }
    return StringRef::npos;
  }

  std::string replaceAccesses(StringRef text, const SourceLocation &loc,
                              std::vector<AccessText> &accesses) {
    std::string rest;
    for (size_t i = 0; i < text.size();) {
      if (!llvm::isAlpha(text[i]) && text[i] != '_') {
        rest += text[i++];
        continue;
      }
      size_t end = i;
      while (end < text.size() &&
             (llvm::isAlnum(text[end]) || text[end] == '_'))
        ++end;
      StringRef name = text.slice(i, end);
      size_t open = end;
      if (open < text.size() && text[open] == '(') { // a role, if [ follows
        size_t close = text.find(')', open);
        if (close != StringRef::npos && close + 1 < text.size() &&
            text[close + 1] == '[')
          open = close + 1;
      }
      size_t close = open < text.size() && text[open] == '['
                         ? text.find(']', open)
                         : StringRef::npos;
      if (close == StringRef::npos) { // a function
        rest += name;
        i = end;
        continue;
      }
      AccessText access;
      access.tensor = makeIdentifier(name);
      llvm::SmallVector<StringRef, 6> parts;
      text.slice(open + 1, close).split(parts, ',', -1, false);
      for (StringRef part : parts) {
        size_t at = part.find_first_of(":=");
        if (at == StringRef::npos)
          addCoordinate("", part.trim(), loc, access);
        else
          addCoordinate(part.take_front(at).trim(),
                        part.drop_front(at + 1).trim(), loc, access);
      }
      rest += "$" + std::to_string(accesses.size()) + "$";
      accesses.push_back(std::move(access));
      i = close + 1;
    }
    return rest;
  }

  /// "p", "p + r", "2*p + r"
  void addCoordinate(StringRef rank, StringRef text, const SourceLocation &loc,
                     AccessText &access) {
    AffineText coordinate;
    llvm::SmallVector<StringRef, 3> sum;
    text.split(sum, '+');
    for (StringRef term : sum) {
      int64_t factor = 1;
      bool isCounted = true;
      std::string variable;
      llvm::SmallVector<StringRef, 2> product;
      term.split(product, '*');
      for (StringRef part : product) {
        part = part.trim();
        int64_t number;
        if (!part.getAsInteger(10, number))
          isCounted &= !llvm::MulOverflow(factor, number, factor);
        else if (variable.empty() && !part.empty() &&
                 llvm::all_of(
                     part, [](char c) { return llvm::isAlnum(c) || c == '_'; }))
          variable = part.lower();
        else
          diags.error(loc, "'" + text +
                               "' is no coordinate: sums of a number "
                               "times a rank variable are");
      }
      if (variable.empty())
        isCounted &= !llvm::AddOverflow(coordinate.constant, factor,
                                        coordinate.constant);
      else
        coordinate.terms.push_back({variable, factor});
      if (!isCounted)
        diags.error(loc, "'" + text + "' has no place in 64 bits");
    }
    access.coordinates.push_back(std::move(coordinate));
    access.ranks.push_back(rank.lower());
  }

  YamlFile &file;
  Diagnostics &diags;
  CascadeText cascade;
};

} // namespace

std::optional<std::string> einsum::arch::importAccelForgeWorkload(
    llvm::StringRef text, llvm::StringRef file, Diagnostics &diags) {
  YamlFile yaml(text, file, diags);
  return WorkloadImporter(yaml, text).import();
}
