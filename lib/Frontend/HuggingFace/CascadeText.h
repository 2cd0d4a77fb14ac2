//===- CascadeText.h - A cascade being written ------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The statements of one cascade as they come, and templates for them. A
// template is a statement of the notation with holes:
//
//   "Q[{l}{b}{q}{s}e] = AN[{l}{b}{s}d] * WQ[{l}d,{q}e]"
//
// A hole is a list of ranks that depends on where the statement stands: {l} is
// "l," in a layer that is repeated and nothing in a single one, {s} nothing
// while one token is decoded, {q} the ranks of query heads. Names before a
// bracket get the suffix of their scope, so that the bodies of two kinds of
// layers keep apart; what a hole stands for is taken as it is.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_HUGGINGFACE_CASCADETEXT_H
#define LIB_FRONTEND_HUGGINGFACE_CASCADETEXT_H

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace einsum::frontend {

class CascadeText {
public:
  /// A parameter of the header.
  void param(llvm::StringRef name, int64_t value);
  /// The rank `base`, or a numbered one like it if `base` has another extent.
  std::string rank(llvm::StringRef base, int64_t extent);
  /// A rank whose extent is an expression of parameters.
  void rankAs(llvm::StringRef name, llvm::StringRef extent);
  /// A definition above the cascade.
  void define(llvm::StringRef text);
  /// Inputs stand before all statements; each once.
  void input(llvm::StringRef declaration);
  void weight(llvm::StringRef declaration);
  void statement(llvm::StringRef text);
  void comment(llvm::StringRef text);
  void output(llvm::StringRef tensor);

  int64_t getParam(llvm::StringRef name) const;
  std::string print(llvm::StringRef name, llvm::StringRef datatype,
                    llvm::StringRef heading) const;

private:
  std::vector<std::pair<std::string, int64_t>> params;
  std::vector<std::string> definitions, ranks, inputs, weights, body, outputs;
  llvm::StringSet<> seen;
};

/// Holes and suffix of the statements of one place.
class TextScope {
public:
  TextScope(CascadeText &text, std::string suffix)
      : text(text), suffix(std::move(suffix)) {}

  void set(llvm::StringRef hole, llvm::StringRef value) {
    holes[hole.str()] = value.str();
  }
  std::string get(llvm::StringRef hole) const;
  /// `name` with the suffix of this scope.
  std::string own(llvm::StringRef name) const { return name.str() + suffix; }

  std::string expand(llvm::StringRef pattern) const;
  void line(llvm::StringRef pattern) { text.statement(expand(pattern)); }
  void weight(llvm::StringRef pattern) { text.weight(expand(pattern)); }
  void input(llvm::StringRef pattern) { text.input(expand(pattern)); }
  void output(llvm::StringRef name) { text.output(own(name)); }

  CascadeText &text;

private:
  std::string suffix;
  std::map<std::string, std::string> holes;
};

/// The shortest number of the notation that reads back as `value`.
std::string writeNumber(double value);

} // namespace einsum::frontend

#endif // LIB_FRONTEND_HUGGINGFACE_CASCADETEXT_H
