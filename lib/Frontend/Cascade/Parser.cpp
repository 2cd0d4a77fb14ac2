//===- Parser.cpp - From tokens to the syntax tree ------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Statements. Expressions are in ParseExpr.cpp, the walk over tokens and lines
// in TokenStream.cpp.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Parser.h"

#include "lib/Frontend/Cascade/ParseExpr.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace einsum::frontend;
using llvm::StringRef;

bool einsum::frontend::isReservedWord(StringRef word) {
  static const StringRef words[] = {
      "cascade", "input", "output", "split",    "rank",     "def",
      "monoid",  "where", "init",   "as",       "identity", "idempotent",
      "inf",     "nan",   "mod",    "floordiv", "ceildiv",  "computes_in"};
  return llvm::is_contained(words, word);
}

/// i1 to i64: codes of number formats have any width.
static bool isIntegerType(StringRef word) {
  unsigned bits;
  return word.consume_front("i") && !word.starts_with("0") &&
         !word.getAsInteger(10, bits) && bits >= 1 && bits <= 64;
}

bool einsum::frontend::isTypeName(StringRef word) {
  static const StringRef types[] = {"f16", "bf16",     "tf32",   "f32",
                                    "f64", "f8E4M3FN", "f8E5M2", "index"};
  return llvm::is_contained(types, word) || isIntegerType(word);
}

bool einsum::frontend::isIdentifier(StringRef word) {
  auto isWord = [](char c) { return llvm::isAlnum(c) || c == '_'; };
  return !word.empty() && !llvm::isDigit(word.front()) &&
         llvm::all_of(word, isWord) && !isReservedWord(word);
}

namespace {
class Parser : public ExprParser {
public:
  Parser(const TokenList &list, Report &report)
      : ExprParser(list.tokens, report), comments(list.comments) {}

  SourceFile run() {
    SourceFile file;
    skipNewlines();
    while (!peek().is(Token::Kind::end)) {
      if (peek().is("cascade"))
        parseCascade(file.cascades.emplace_back());
      else if (peek().is("def") || peek().is("monoid"))
        parseStatementInto(file.definitions, /*broken=*/nullptr);
      else
        refuseTopLevel();
      skipNewlines();
    }
    takeCommentLines(file.ending, peek().place.line + 1);
    return file;
  }

private:
  //===--- Cascades -------------------------------------------------------===//

  void refuseTopLevel() {
    InFlightDiagnostic diag = report.error(peek().place);
    diag << "expected 'cascade', 'def' or 'monoid', found " << describe(peek());
    if (peek().is("input") || peek().is("output") ||
        peek().is(Token::Kind::identifier))
      diag.attachNote()
          << "a file starts with a header such as 'cascade name(M=64) : f32'";
    diag.report();
    // Everything up to the next header hangs together with this error.
    do
      skipLine();
    while (!peek().is(Token::Kind::end) && !peek().is("cascade") &&
           !peek().is("def") && !peek().is("monoid"));
  }

  void parseCascade(Cascade &cascade) {
    takeCommentLines(cascade.comments.leading, peek().place.line);
    bool isHeaderGood = parseHeader(cascade);
    finishLine(cascade.comments, isHeaderGood);
    skipNewlines();
    while (!peek().is(Token::Kind::end) && !peek().is("cascade")) {
      parseStatementInto(cascade.statements, &cascade.broken);
      skipNewlines();
    }
    takeEnding(cascade);
    if (!isHeaderGood)
      cascade.name = {}; // not worth lowering
  }

  bool parseHeader(Cascade &cascade) {
    advance();
    if (!parseName(cascade.name, "the name of the cascade"))
      return false;
    inHeader = true;
    bool good = !peek().is("(") ||
                parseList("(", ")", [&] { return parseParam(cascade); });
    inHeader = false;
    if (!good)
      return false;
    if (!expect(":", "the element type, such as ': f32',"))
      return false;
    return parseTypeName(cascade.elementType);
  }

  bool parseParam(Cascade &cascade) {
    Param param;
    if (!parseName(param.name, "a parameter"))
      return false;
    if (consume("=")) {
      int64_t value = 0;
      if (!parseInteger(value, "the value of parameter '" +
                                   param.name.text.str() + "'"))
        return false;
      param.value = value;
    }
    cascade.params.push_back(param);
    return true;
  }

  //===--- Statements -----------------------------------------------------===//

  void parseStatementInto(std::vector<Statement> &statements,
                          std::vector<StringRef> *broken) {
    Statement statement;
    statement.place = peek().place;
    takeCommentLines(statement.comments.leading, peek().place.line);
    StringRef firstWord = peek().text;
    bool good = parseStatement(statement);
    finishLine(statement.comments, good);
    if (good)
      statements.push_back(std::move(statement));
    else if (broken)
      addBroken(statement, firstWord, *broken);
  }

  /// What later statements may name without a further error.
  static void addBroken(const Statement &statement, StringRef firstWord,
                        std::vector<StringRef> &broken) {
    broken.push_back(firstWord);
    if (auto *input = std::get_if<InputStmt>(&statement.body))
      for (const TensorDecl &tensor : input->tensors)
        broken.push_back(tensor.name.text);
  }

  bool parseStatement(Statement &statement) {
    if (consume("input"))
      return parseInput(statement.body.emplace<InputStmt>());
    if (isWeightKeyword(position) && consume("weight")) {
      auto &stmt = statement.body.emplace<InputStmt>();
      stmt.isWeight = true;
      return parseInput(stmt);
    }
    if (consume("output"))
      return parseOutput(statement.body.emplace<OutputStmt>());
    if (consume("split"))
      return parseSplit(statement.body.emplace<SplitStmt>());
    if (consume("rank"))
      return parseRank(statement.body.emplace<RankStmt>());
    if (consume("def"))
      return parseDef(statement.body.emplace<DefStmt>());
    if (consume("monoid"))
      return parseMonoid(statement.body.emplace<MonoidStmt>());
    return parseEinsum(statement.body.emplace<EinsumStmt>());
  }

  bool parseInput(InputStmt &stmt) {
    return parseCommaSeparated(
        [&] { return parseTensorDecl(stmt.tensors.emplace_back()); });
  }

  bool parseOutput(OutputStmt &stmt) {
    return parseCommaSeparated([&] {
      return parseName(stmt.tensors.emplace_back(), "the name of a tensor");
    });
  }

  bool parseSplit(SplitStmt &stmt) {
    return parseName(stmt.rank, "the rank to split") &&
           expect("=", "'=' and the parts of the rank,") &&
           parseCommaSeparated([&] {
             SplitStmt::Part &part = stmt.parts.emplace_back();
             if (!parseName(part.name, "a part of the rank"))
               return false;
             return !peek().is("(") || parseList("(", ")", [&] {
               return (part.extent = parseExpr()) != nullptr;
             });
           });
  }

  bool parseRank(RankStmt &stmt) {
    return parseName(stmt.rank, "a rank") &&
           expect("=", "'=' and the extent,") && (stmt.extent = parseExpr()) &&
           parseOrder(stmt);
  }

  bool parseOrder(RankStmt &stmt) {
    auto list = [&](const char *word, std::vector<Name> &names,
                    const char *what) {
      return !consume(word) || parseCommaSeparated([&] {
        return parseName(names.emplace_back(), what);
      });
    };
    if (consume("rearranged_by"))
      return parseName(stmt.rearrangedBy.emplace(), "the name of a tensor") &&
             list("per", stmt.per, "a rank") &&
             list("scaled_up", stmt.scaledUp, "the name of a tensor") &&
             list("scaled_down", stmt.scaledDown, "the name of a tensor");
    if (consume("rearranged_with"))
      return parseName(stmt.rearrangedWith.emplace(), "a rank") &&
             (!consume("stride") || parseInteger(stmt.stride, "stride"));
    return true;
  }

  bool parseDef(DefStmt &stmt) {
    if (!parseName(stmt.name, "the name of the function") ||
        !parseNames(stmt.arguments, "an argument"))
      return false;
    if (consume(":") && !parseTypeName(stmt.type.emplace()))
      return false;
    return expect("=", "'=' and the body,") && (stmt.body = parseExpr());
  }

  /// monoid NAME(a, b) or NAME((a, i), (b, j)) [: types] = values identity
  /// values
  bool parseMonoid(MonoidStmt &stmt) {
    if (!parseName(stmt.name, "the name of the monoid") ||
        !parseMonoidArguments(stmt))
      return false;
    if (consume(":") && !parseTypes(stmt.types))
      return false;
    if (!expect("=", "'=' and the combined value,") ||
        !parseValues(stmt.values, stmt.left.size()))
      return false;
    continueLine({"identity"});
    return expect("identity", "'identity' and the neutral element,") &&
           parseValues(stmt.identities, stmt.left.size()) &&
           (!consume("idempotent") || (stmt.idempotent = true));
  }

  bool parseMonoidArguments(MonoidStmt &stmt) {
    bool isTuple = false;
    auto parseSide = [&](std::vector<Name> &side) {
      if ((isTuple = peek().is("(")))
        return parseNames(side, "an argument");
      return parseName(side.emplace_back(), "an argument");
    };
    unsigned count = 0;
    if (!parseList("(", ")",
                   [&] { return parseSide(count++ ? stmt.right : stmt.left); }))
      return false;
    if (stmt.left.size() == stmt.right.size() && count == 2)
      return true;
    report.error(stmt.name.place)
        << "a monoid combines two values or two tuples of one size, as in '"
        << stmt.name.text << "(a, b)' or '" << stmt.name.text
        << "((a, i), (b, j))'";
    return false;
  }

  bool parseTypes(std::vector<Name> &types) {
    if (!peek().is("("))
      return parseTypeName(types.emplace_back());
    return parseList("(", ")",
                     [&] { return parseTypeName(types.emplace_back()); });
  }

  /// One expression, or as many as asked for in parentheses.
  bool parseValues(std::vector<ExprPtr> &values, size_t count) {
    auto parseOne = [&] {
      return (values.emplace_back(parseExpr())) != nullptr;
    };
    return count == 1 ? parseOne() : parseList("(", ")", parseOne);
  }

  //===--- Einsums --------------------------------------------------------===//

  bool parseEinsum(EinsumStmt &stmt) {
    if (!peek().is(Token::Kind::identifier)) {
      report.error(peek().place)
          << "expected a statement, found " << describe(peek());
      return false;
    }
    if (!parseCommaSeparated(
            [&] { return parseTensorDecl(stmt.results.emplace_back()); }))
      return false;
    if (!expect("=", "'=' and what the tensor is,"))
      return false;
    while (std::optional<ReduceClause> clause = parseReduceClause())
      stmt.reductions.push_back(std::move(*clause));
    stmt.valuePlace = peek().place;
    return parseMapValues(stmt.values) && parseSuffixes(stmt);
  }

  /// An expression, or a tuple of them where several tensors are defined.
  bool parseMapValues(std::vector<ExprPtr> &values) {
    if (!isTupleAhead())
      return (values.emplace_back(parseExpr())) != nullptr;
    return parseList("(", ")", [&] {
      return (values.emplace_back(parseExpr())) != nullptr;
    });
  }

  /// `i8`, `bf16*int4`, `bfp(mantissa=4)`: a name of a datatype, or of two.
  bool parseDatatype(Name &datatype) {
    const Place place = peek().place;
    const char *begin = peek().text.begin(), *end = begin;
    do {
      if (!peek().is(Token::Kind::identifier) || isReservedWord(peek().text)) {
        report.error(peek().place)
            << "expected a datatype, such as i8 or bf16*int4, found "
            << describe(peek());
        return false;
      }
      end = peek().text.end();
      advance();
      if (!peek().is("("))
        continue;
      unsigned open = 0;
      do {
        if (peek().is(Token::Kind::newline) || peek().is(Token::Kind::end)) {
          report.error(place) << "the options of a datatype end with ')'";
          return false;
        }
        open += peek().is("(");
        open -= peek().is(")");
        end = peek().text.end();
        advance();
      } while (open > 0);
    } while (consume("*"));
    datatype = {StringRef(begin, end - begin), place};
    return true;
  }

  bool parseSuffixes(EinsumStmt &stmt) {
    while (true) {
      continueLine({"where", "init", "computes_in"});
      bool good = true;
      if (consume("where"))
        good = parseCommaSeparated([&] {
          return (stmt.filters.emplace_back(parseExpr())) != nullptr;
        });
      else if (consume("init"))
        good = parseCommaSeparated(
            [&] { return (stmt.inits.emplace_back(parseExpr())) != nullptr; });
      else if (consume("computes_in"))
        good = parseDatatype(stmt.datatype.emplace());
      else
        return true;
      if (!good)
        return false;
    }
  }

  bool parseTensorDecl(TensorDecl &tensor) {
    if (!parseName(tensor.name, "the name of a tensor"))
      return false;
    if (!peek().is("[")) {
      InFlightDiagnostic diag = report.error(peek().place);
      diag << "expected '[' and the ranks of tensor '" << tensor.name.text
           << "', found " << describe(peek());
      diag.attachNote() << "a tensor without ranks is written '"
                        << tensor.name.text << "[]'";
      return false;
    }
    if (!parseList("[", "]", [&] {
          return parseName(tensor.ranks.emplace_back(), "a rank variable");
        }))
      return false;
    return !consume(":") || parseElementType(tensor);
  }

  //===--- Comments and line ends -----------------------------------------===//

  /// Comment lines above `line`, with an empty entry for each gap.
  void takeCommentLines(std::vector<StringRef> &lines, unsigned line) {
    unsigned previous = lastLine;
    while (nextComment < comments.size() &&
           comments[nextComment].place.line < line) {
      const Comment &comment = comments[nextComment++];
      if (previous != 0 && comment.place.line > previous + 1)
        lines.push_back("");
      lines.push_back(comment.text);
      previous = comment.place.line;
    }
    if (previous != 0 && line > previous + 1 && !peek().is(Token::Kind::end))
      lines.push_back("");
  }

  /// Comments below the last statement: indented ones are the cascade's own.
  void takeEnding(Cascade &cascade) {
    unsigned line = peek().is(Token::Kind::end) ? ~0u : peek().place.line;
    size_t end = nextComment;
    for (; end < comments.size() && comments[end].place.line < line; ++end)
      if (comments[end].place.column == 1)
        break;
    if (end == nextComment)
      return;
    unsigned last = comments[end - 1].place.line;
    takeCommentLines(cascade.ending, last + 1);
    lastLine = last;
  }

  /// Ends a statement: nothing may follow on its line but a comment.
  void finishLine(Comments &into, bool &good) {
    depth = 0;
    if (good && !peek().is(Token::Kind::newline) &&
        !peek().is(Token::Kind::end)) {
      reportLeftover();
      good = false;
    }
    if (!good)
      skipStatement();
    unsigned line = previousLine();
    while (nextComment < comments.size() &&
           comments[nextComment].place.line < line)
      into.leading.push_back(comments[nextComment++].text);
    if (nextComment < comments.size() &&
        comments[nextComment].place.line == line)
      into.trailing = comments[nextComment++].text;
    lastLine = line;
  }

  void reportLeftover() {
    const Token &token = peek();
    if (token.is(")") || token.is("]"))
      report.error(token.place) << "'" << token.text << "' closes nothing";
    else
      report.error(token.place)
          << "expected the end of the statement, found " << describe(token);
  }

  llvm::ArrayRef<Comment> comments;
  size_t nextComment = 0;
  unsigned lastLine = 0; ///< of the last statement; 0 at the start of the file
};
} // namespace

SourceFile einsum::frontend::parse(const TokenList &tokens, Report &report) {
  return Parser(tokens, report).run();
}
