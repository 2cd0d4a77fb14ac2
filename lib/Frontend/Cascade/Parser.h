//===- Parser.h - From tokens to the syntax tree ----------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A recursive-descent parser; README.md holds the grammar. After an error it
// goes on at the next statement, so one run reports what is wrong everywhere.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_CASCADE_PARSER_H
#define LIB_FRONTEND_CASCADE_PARSER_H

#include "lib/Frontend/Cascade/Lexer.h"

namespace einsum::frontend {

/// Deepest nesting of an expression.
inline constexpr unsigned kMaxNesting = 256;

/// Words that are no names of tensors, ranks, parameters or functions.
bool isReservedWord(llvm::StringRef word);
/// True for `f16`, `i32`, `index`, ...
bool isTypeName(llvm::StringRef word);
/// True if `word` reads back as an identifier.
bool isIdentifier(llvm::StringRef word);

/// The syntax tree of what could be parsed. Texts refer to the source.
SourceFile parse(const TokenList &tokens, Report &report);

} // namespace einsum::frontend

#endif // LIB_FRONTEND_CASCADE_PARSER_H
