//===- ParseExpr.h - Parsers of lines, lists and expressions ----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Two layers under the statement parser. `TokenStream` knows when a line end
// matters: inside brackets it does not, unless the next line plainly starts a
// statement, in which case the bracket was left open. `ExprParser` adds the
// grammar of expressions.
//
// All `parse...` functions return false (or null) after reporting an error.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_FRONTEND_CASCADE_PARSEEXPR_H
#define LIB_FRONTEND_CASCADE_PARSEEXPR_H

#include "lib/Frontend/Cascade/Parser.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace einsum::frontend {

using mlir::InFlightDiagnostic;

class TokenStream {
public:
  TokenStream(llvm::ArrayRef<Token> tokens, Report &report)
      : report(report), tokens(tokens) {}

protected:
  const Token &peek();
  const Token &peekAfter(size_t count);
  void advance();
  bool consume(llvm::StringRef spelling);
  bool expect(llvm::StringRef spelling, llvm::StringRef what);

  bool parseName(Name &name, const llvm::Twine &what);
  bool parseTypeName(Name &name);
  /// A type name, or a storage with or without the type that it is read in.
  bool parseElementType(TensorDecl &tensor);
  bool parseInteger(int64_t &value, const llvm::Twine &what);
  /// `open` items `close`; reports a bracket that is never closed.
  bool parseList(llvm::StringRef open, llvm::StringRef close,
                 llvm::function_ref<bool()> parseItem);
  bool parseCommaSeparated(llvm::function_ref<bool()> parseItem);
  bool parseNames(std::vector<Name> &names, llvm::StringRef what);

  /// Skips a line end if the next line starts with one of `words`.
  void continueLine(llvm::ArrayRef<llvm::StringRef> words);
  void skipNewlines();
  void skipLine();
  /// Skips to the end of the statement, its continuation lines included.
  void skipStatement();
  /// Line of the last token taken that is no line end.
  unsigned previousLine() const;
  /// `weight` is a word like any other unless a name follows it.
  bool isWeightKeyword(size_t at) const;
  /// True if the line after the line end at `at` plainly starts a statement.
  bool startsStatement(size_t at) const;

  static std::string describe(const Token &token);

  Report &report;
  llvm::ArrayRef<Token> tokens;
  size_t position = 0;
  unsigned depth = 0; ///< open brackets
  /// In the parameter list of a header, where `=` starts no statement.
  bool inHeader = false;

private:
  bool closeList(const Token &open, llvm::StringRef close);
};

class ExprParser : public TokenStream {
protected:
  using TokenStream::TokenStream;

  ExprPtr parseExpr();
  /// `max(m, n)` if a reduction stands here, before the expression it reduces.
  std::optional<ReduceClause> parseReduceClause();
  /// True before `(value, value)`.
  bool isTupleAhead();

private:
  ExprPtr parseChain(unsigned level);
  ExprPtr parseUnary();
  ExprPtr parsePostfix();
  ExprPtr parsePrimary();
  ExprPtr parseWord();
  ExprPtr parseOperands(Expr::Kind kind, llvm::StringRef open,
                        llvm::StringRef close);
  bool isReduceClauseAhead();

  unsigned nesting = 0;
};

} // namespace einsum::frontend

#endif // LIB_FRONTEND_CASCADE_PARSEEXPR_H
