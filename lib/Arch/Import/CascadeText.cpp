//===- CascadeText.cpp - A cascade being written --------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/Import/CascadeText.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace einsum;
using namespace einsum::arch;

std::string einsum::arch::makeIdentifier(llvm::StringRef name) {
  std::string text;
  for (char c : name)
    text += llvm::isAlnum(c) || c == '_' ? c : '_';
  if (text.empty() || !llvm::isAlpha(text[0]))
    text = "x" + text;
  return text;
}

std::string AffineText::print() const {
  std::string text;
  for (const auto &[variable, coefficient] : terms)
    text += (text.empty() ? "" : " + ") + variable +
            (coefficient == 1 ? "" : " * " + std::to_string(coefficient));
  if (constant != 0 || text.empty())
    text += (text.empty() ? "" : " + ") + std::to_string(constant);
  return text;
}

std::string AccessText::print() const {
  std::string list;
  for (const AffineText &coordinate : coordinates)
    list += (list.empty() ? "" : ",") + coordinate.print();
  return tensor + (coordinates.empty() ? "" : "[" + list + "]");
}

namespace {

class Assembler {
public:
  Assembler(CascadeText &cascade, Diagnostics &diags)
      : cascade(cascade), diags(diags) {}

  std::optional<std::string> run() {
    for (EinsumText &einsum : cascade.einsums) {
      for (AccessText &read : einsum.reads)
        declare(read, einsum, false);
      declare(einsum.result, einsum, true);
    }
    if (diags.hasErrors())
      return std::nullopt;
    return print();
  }

private:
  struct Tensor {
    std::vector<std::string> ranks;
    bool isMade = false, isRead = false;
  };

  void declare(AccessText &access, const EinsumText &einsum, bool isMade) {
    auto [place, isNew] = tensors.try_emplace(access.tensor);
    Tensor &tensor = place->second;
    if (isNew)
      order.push_back(access.tensor);
    if (isMade && tensor.isMade)
      diags.error(einsum.loc, "'" + access.tensor + "' is made twice");
    if (isMade && tensor.isRead)
      diags.error(einsum.loc, "'" + access.tensor +
                                  "' is read before it is made; recurrences "
                                  "are not imported");
    (isMade ? tensor.isMade : tensor.isRead) = true;
    for (const AffineText &coordinate : access.coordinates)
      for (const auto &[variable, coefficient] : coordinate.terms)
        if (!cascade.extents.count(variable))
          diags.error(einsum.loc,
                      "the extent of '" + variable + "' is not given");
    if (diags.hasErrors())
      return;
    if (!isNew) {
      if (tensor.ranks.size() != access.coordinates.size())
        diags.error(einsum.loc, "'" + access.tensor + "' has " +
                                    llvm::Twine(access.coordinates.size()) +
                                    " coordinates here and " +
                                    llvm::Twine(tensor.ranks.size()) +
                                    " elsewhere");
      return;
    }
    for (auto [i, coordinate] : llvm::enumerate(access.coordinates))
      tensor.ranks.push_back(
          rankOf(access, i < access.ranks.size() ? access.ranks[i] : "", i,
                 coordinate));
  }

  /// The variable itself; else the rank that is named, or a new one, as large
  /// as what is read.
  std::string rankOf(const AccessText &access, const std::string &named,
                     size_t i, const AffineText &coordinate) {
    if (named.empty() && coordinate.isVariable())
      return coordinate.terms[0].first;
    std::string rank = named.empty() ? llvm::StringRef(access.tensor).lower() +
                                           "_" + std::to_string(i)
                                     : named;
    int64_t most = coordinate.constant;
    for (const auto &[variable, coefficient] : coordinate.terms)
      if (coefficient > 0)
        most += coefficient * (cascade.extents[variable] - 1);
    cascade.extents.try_emplace(rank, most + 1);
    return rank;
  }

  std::string print() const {
    std::string extents;
    for (const auto &[rank, extent] : cascade.extents)
      extents += (extents.empty() ? "" : ", ") + llvm::StringRef(rank).upper() +
                 "=" + std::to_string(extent);
    std::string text = "cascade " + cascade.name + "(" + extents +
                       ") : " + cascade.datatype + "\n";
    std::string inputs, outputs;
    for (const std::string &name : order) {
      const Tensor &tensor = tensors.at(name);
      if (!tensor.isMade)
        inputs += (inputs.empty() ? "" : ", ") + name + "[" +
                  llvm::join(tensor.ranks, ",") + "]";
      if (!tensor.isRead)
        outputs += (outputs.empty() ? "" : ", ") + name;
    }
    text += "  input " + inputs + "\n";
    for (const EinsumText &einsum : cascade.einsums) {
      std::string right = einsum.expression;
      for (size_t i = einsum.reads.size(); i-- > 0;) {
        std::string mark = "$" + std::to_string(i) + "$";
        for (size_t at; (at = right.find(mark)) != std::string::npos;)
          right.replace(at, mark.size(), einsum.reads[i].print());
      }
      text += "  " + einsum.result.print() + " = " + right + "\n";
    }
    return text + "  output " + outputs + "\n";
  }

  CascadeText &cascade;
  Diagnostics &diags;
  std::map<std::string, Tensor> tensors;
  std::vector<std::string> order;
};

} // namespace

std::optional<std::string> CascadeText::print(Diagnostics &diags) {
  return Assembler(*this, diags).run();
}
