//===- ParseExpr.cpp - Expressions and reductions -------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/ParseExpr.h"

#include "dialects/Einsum/Einsum.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"

using namespace einsum;
using namespace einsum::frontend;
using llvm::ArrayRef;
using llvm::StringRef;

/// Operators by precedence, weakest first. A comparison takes two operands; the
/// others chain to the left.
static const StringRef kCompare[] = {"<", "<=", ">", ">=", "==", "!="};
static const StringRef kSum[] = {"+", "-"};
static const StringRef kProduct[] = {"*", "/", "mod", "floordiv", "ceildiv"};
static const ArrayRef<StringRef> kLevels[] = {kCompare, kSum, kProduct};

static ExprPtr makeExpr(Expr::Kind kind, Place place, StringRef text = {}) {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->place = place;
  expr->text = text.str();
  return expr;
}

ExprPtr ExprParser::parseExpr() {
  if (nesting >= kMaxNesting) {
    report.error(peek().place)
        << "the expression is nested deeper than " << kMaxNesting << " levels";
    return nullptr;
  }
  ++nesting;
  auto leave = llvm::make_scope_exit([&] { --nesting; });
  return parseChain(0);
}

ExprPtr ExprParser::parseChain(unsigned level) {
  if (level == std::size(kLevels))
    return parseUnary();
  ExprPtr result = parseChain(level + 1);
  if (!result)
    return nullptr;
  Expr *chain = nullptr; // the result, once there is an operator
  while (true) {
    continueLine(kLevels[level]);
    const Token operatorToken = peek();
    if (!llvm::any_of(kLevels[level],
                      [&](StringRef op) { return operatorToken.is(op); }))
      return result;
    bool isCompare = level == 0;
    if (isCompare && chain) {
      report.error(operatorToken.place)
          << "comparisons do not chain: write 'a < b, b < c' in a filter";
      return nullptr;
    }
    advance();
    ExprPtr operand = parseChain(level + 1);
    if (!operand)
      return nullptr;
    if (!chain) {
      ExprPtr first = std::move(result);
      result = makeExpr(isCompare ? Expr::Kind::compare : Expr::Kind::chain,
                        first->place);
      chain = result.get();
      chain->operands.push_back(std::move(first));
    }
    chain->operators.push_back({operatorToken.text, operatorToken.place});
    chain->operands.push_back(std::move(operand));
  }
}

ExprPtr ExprParser::parseUnary() {
  const Token minus = peek();
  if (!consume("-"))
    return parsePostfix();
  if (nesting >= kMaxNesting) {
    report.error(minus.place)
        << "the expression is nested deeper than " << kMaxNesting << " levels";
    return nullptr;
  }
  ++nesting;
  ExprPtr operand = parseUnary();
  --nesting;
  if (!operand)
    return nullptr;
  if (operand->kind == Expr::Kind::number) {
    bool wasNegative = StringRef(operand->text).starts_with("-");
    operand->text = wasNegative ? operand->text.substr(1) : "-" + operand->text;
    operand->place = minus.place;
    return operand;
  }
  ExprPtr negation = makeExpr(Expr::Kind::negation, minus.place);
  negation->operands.push_back(std::move(operand));
  return negation;
}

ExprPtr ExprParser::parsePostfix() {
  ExprPtr expr = parsePrimary();
  unsigned casts = 0;
  for (; expr && consume("as"); ++casts) {
    Name type;
    if (!parseTypeName(type))
      return nullptr;
    if (casts + nesting >= kMaxNesting) {
      report.error(type.place) << "the expression is nested deeper than "
                               << kMaxNesting << " levels";
      return nullptr;
    }
    ExprPtr cast = makeExpr(Expr::Kind::cast, expr->place, type.text);
    cast->operators.push_back(type);
    cast->operands.push_back(std::move(expr));
    expr = std::move(cast);
  }
  return expr;
}

ExprPtr ExprParser::parsePrimary() {
  const Token token = peek();
  if (token.is(Token::Kind::number) || token.is("inf") || token.is("nan")) {
    advance();
    return makeExpr(Expr::Kind::number, token.place, token.text);
  }
  if (token.is("(")) {
    ExprPtr inner;
    bool good = parseList("(", ")", [&] {
      if (inner) {
        report.error(peek().place)
            << "a tuple stands only for a whole right side";
        return false;
      }
      return (inner = parseExpr()) != nullptr;
    });
    if (good && !inner)
      report.error(token.place) << "expected a value between '(' and ')'";
    return good ? std::move(inner) : nullptr;
  }
  if (token.is(Token::Kind::identifier) && !isReservedWord(token.text))
    return parseWord();
  report.error(token.place) << "expected a value, found " << describe(token);
  return nullptr;
}

ExprPtr ExprParser::parseWord() {
  const Token &next = peekAfter(1);
  if (next.is("["))
    return parseOperands(Expr::Kind::access, "[", "]");
  if (next.is("("))
    return parseOperands(Expr::Kind::call, "(", ")");
  ExprPtr name = makeExpr(Expr::Kind::name, peek().place, peek().text);
  advance();
  return name;
}

ExprPtr ExprParser::parseOperands(Expr::Kind kind, StringRef open,
                                  StringRef close) {
  ExprPtr expr = makeExpr(kind, peek().place, peek().text);
  advance();
  bool good = parseList(open, close, [&] {
    ExprPtr operand = parseExpr();
    if (!operand)
      return false;
    expr->operands.push_back(std::move(operand));
    return true;
  });
  return good ? std::move(expr) : nullptr;
}

//===----------------------------------------------------------------------===//
// Reductions and tuples
//===----------------------------------------------------------------------===//

/// `name(a, b)` and then the start of a value: two values in a row mean that
/// the first is no value but an operator. `max(m, n) - 1` stays a difference.
bool ExprParser::isReduceClauseAhead() {
  if (!peek().is(Token::Kind::identifier) || isReservedWord(peek().text) ||
      !peekAfter(1).is("("))
    return false;
  size_t at = 2, numNames = 0;
  while (peekAfter(at).is(Token::Kind::identifier)) {
    ++numNames;
    if (!peekAfter(++at).is(","))
      break;
    ++at;
  }
  if (numNames == 0 || !peekAfter(at).is(")"))
    return false;
  const Token &next = peekAfter(at + 1);
  if (next.is(Token::Kind::number) || next.is("("))
    return true;
  if (next.is("-"))
    return numNames == 1 && getBuiltinMonoidArity(peek().text) != 0;
  return next.is(Token::Kind::identifier) &&
         (!isReservedWord(next.text) || next.text == "inf" ||
          next.text == "nan");
}

std::optional<ReduceClause> ExprParser::parseReduceClause() {
  if (!isReduceClauseAhead())
    return std::nullopt;
  ReduceClause clause;
  clause.monoid = {peek().text, peek().place};
  advance();
  if (!parseNames(clause.ranks, "a rank variable"))
    return std::nullopt;
  return clause;
}

bool ExprParser::isTupleAhead() {
  if (!peek().is("("))
    return false;
  int open = 0;
  for (size_t at = position; !tokens[at].is(Token::Kind::end); ++at) {
    const Token &token = tokens[at];
    if (token.is(Token::Kind::newline) && startsStatement(at))
      return false;
    if (token.is("(") || token.is("["))
      ++open;
    else if ((token.is(")") || token.is("]")) && --open == 0)
      return false;
    else if (token.is(",") && open == 1)
      return true;
  }
  return false;
}
