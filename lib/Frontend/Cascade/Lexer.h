//===- Lexer.h - Tokens of the cascade notation -----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Line ends are tokens, since they end statements; the parser skips those that
// do not. Comments are kept beside the tokens: they belong to statements, never
// to expressions.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_CASCADE_LEXER_H
#define LIB_FRONTEND_CASCADE_LEXER_H

#include "lib/Frontend/Cascade/Report.h"

namespace einsum::frontend {

struct Token {
  enum class Kind { end, newline, identifier, number, symbol };
  Kind kind = Kind::end;
  llvm::StringRef text;
  Place place;

  bool is(Kind other) const { return kind == other; }
  /// A symbol or keyword with this spelling.
  bool is(llvm::StringRef spelling) const {
    return (kind == Kind::symbol || kind == Kind::identifier) &&
           text == spelling;
  }
};

/// The text of a comment from its `//` on.
struct Comment {
  llvm::StringRef text;
  Place place;
};

struct TokenList {
  std::vector<Token> tokens; ///< ends with a token of kind `end`
  std::vector<Comment> comments;
};

/// Never fails: characters that mean nothing are reported and left out.
TokenList tokenize(llvm::StringRef source, Report &report);

} // namespace einsum::frontend

#endif // LIB_FRONTEND_CASCADE_LEXER_H
