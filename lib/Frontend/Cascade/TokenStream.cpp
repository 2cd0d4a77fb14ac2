//===- TokenStream.cpp - Tokens, lines and lists --------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/ParseExpr.h"
#include "lib/Support/Formats/Storage.h"

#include "llvm/ADT/StringExtras.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

using namespace einsum::frontend;
using llvm::StringRef;

static const StringRef kStatementWords[] = {
    "cascade", "input", "output", "split", "rank", "def", "monoid"};

/// What may open a line only as a continuation of the line above.
static const StringRef kContinuationWords[] = {
    "+",    "-",        "*",  "/",   "<",        "<=",      ">",
    ">=",   "==",       "!=", ")",   "]",        ",",       "where",
    "init", "identity", "as", "mod", "floordiv", "ceildiv", "computes_in"};

static bool isOneOf(const Token &token, llvm::ArrayRef<StringRef> words) {
  return llvm::any_of(words, [&](StringRef word) { return token.is(word); });
}

std::string TokenStream::describe(const Token &token) {
  if (token.is(Token::Kind::end))
    return "the end of the file";
  if (token.is(Token::Kind::newline))
    return "the end of the line";
  return "'" + token.text.str() + "'";
}

bool TokenStream::isWeightKeyword(size_t at) const {
  return tokens[at].is("weight") && at + 1 < tokens.size() &&
         tokens[at + 1].is(Token::Kind::identifier);
}

bool TokenStream::startsStatement(size_t at) const {
  while (tokens[at].is(Token::Kind::newline))
    ++at;
  if (tokens[at].is(Token::Kind::end) || isOneOf(tokens[at], kStatementWords) ||
      isWeightKeyword(at))
    return true;
  for (;
       !tokens[at].is(Token::Kind::newline) && !tokens[at].is(Token::Kind::end);
       ++at)
    if (!inHeader && tokens[at].is("="))
      return true;
  return false;
}

const Token &TokenStream::peek() {
  while (depth > 0 && tokens[position].is(Token::Kind::newline) &&
         !startsStatement(position))
    ++position;
  return tokens[position];
}

const Token &TokenStream::peekAfter(size_t count) {
  return tokens[std::min(position + count, tokens.size() - 1)];
}

void TokenStream::advance() {
  if (position + 1 < tokens.size())
    ++position;
}

bool TokenStream::consume(StringRef spelling) {
  if (!peek().is(spelling))
    return false;
  advance();
  return true;
}

bool TokenStream::expect(StringRef spelling, StringRef what) {
  if (consume(spelling))
    return true;
  report.error(peek().place)
      << "expected " << what << " found " << describe(peek());
  return false;
}

bool TokenStream::parseName(Name &name, const llvm::Twine &what) {
  const Token &token = peek();
  if (!token.is(Token::Kind::identifier)) {
    report.error(token.place)
        << "expected " << what << ", found " << describe(token);
    return false;
  }
  if (isReservedWord(token.text)) {
    report.error(token.place)
        << "expected " << what << ", found the reserved word '" << token.text
        << "'";
    return false;
  }
  name = {token.text, token.place};
  advance();
  return true;
}

static const char kTypes[] =
    "types: f16 bf16 tf32 f32 f64 f8E4M3FN f8E5M2 i1 ... i64 index";

bool TokenStream::parseTypeName(Name &name) {
  const Token &token = peek();
  if (!isTypeName(token.text)) {
    InFlightDiagnostic diag = report.error(token.place);
    diag << "expected a type, found " << describe(token);
    diag.attachNote() << kTypes;
    return false;
  }
  name = {token.text, token.place};
  advance();
  return true;
}

/// Reports at the word that is wrong; the text of a storage is on one line.
static void reportStorage(Report &report, const Name &storage,
                          const einsum::formats::StorageError &error) {
  Place place = storage.place;
  place.column += static_cast<unsigned>(error.offset);
  InFlightDiagnostic diag = report.error(place);
  if (!error.isUnknownFormat) {
    diag << error.message;
    return;
  }
  StringRef word = storage.text.take_while(
      [](char c) { return llvm::isAlnum(c) || c == '_'; });
  diag << "expected a type, found '" << word << "'";
  llvm::SmallVector<StringRef> formats;
  for (const std::string &name : einsum::formats::getFormatNames())
    formats.push_back(name);
  suggestNearest(diag, word, formats);
  diag.attachNote() << kTypes;
  diag.attachNote() << "formats: " << llvm::join(formats, " ");
}

bool TokenStream::parseElementType(TensorDecl &tensor) {
  // What names both is the type: its values are computed in as they are stored.
  const Token &first = peek();
  if (first.is("tf32")) {
    report.error(first.place)
        << "'tf32' is a type to compute in, not to store; "
           "store f32, and compute with 'as tf32'";
    return false;
  }
  if (!first.is(Token::Kind::identifier) || isTypeName(first.text) ||
      isReservedWord(first.text))
    return parseTypeName(tensor.type.emplace());
  const char *begin = first.text.begin(), *end = first.text.end();
  Name &storage = tensor.storage.emplace(Name{{}, first.place});
  for (unsigned brackets = 0;; advance()) {
    const Token &token = tokens[position];
    bool isOutside =
        brackets == 0 && (token.is(",") || token.is("=") || token.is("as"));
    if (isOutside || token.is(Token::Kind::newline) ||
        token.is(Token::Kind::end))
      break;
    brackets += token.is("(");
    brackets -= token.is(")") && brackets > 0;
    end = token.text.end();
  }
  storage.text = StringRef(begin, end - begin);
  std::vector<std::string> ranks;
  for (const Name &rank : tensor.ranks)
    ranks.push_back(rank.text.str());
  auto result = einsum::formats::parseStorage(storage.text, &ranks);
  if (auto *error = std::get_if<einsum::formats::StorageError>(&result)) {
    reportStorage(report, storage, *error);
    return false;
  }
  return !consume("as") || parseTypeName(tensor.type.emplace());
}

bool TokenStream::parseInteger(int64_t &value, const llvm::Twine &what) {
  bool isNegative = consume("-");
  const Token &token = peek();
  if (!token.is(Token::Kind::number) ||
      !llvm::all_of(token.text, llvm::isDigit)) {
    report.error(token.place)
        << "expected " << what << ", an integer, found " << describe(token);
    return false;
  }
  if (token.text.getAsInteger(10, value)) {
    report.error(token.place)
        << token.text << " is beyond 2^63 - 1, the largest " << what;
    return false;
  }
  if (isNegative)
    value = -value;
  advance();
  return true;
}

bool TokenStream::closeList(const Token &open, StringRef close) {
  const Token &token = peek();
  if (token.is(close)) {
    --depth;
    advance();
    return true;
  }
  if (!token.is(Token::Kind::newline) && !token.is(Token::Kind::end)) {
    report.error(token.place)
        << "expected ',' or '" << close << "', found " << describe(token);
    return false;
  }
  report.error(open.place) << "this '" << open.text << "' is never closed";
  return false;
}

bool TokenStream::parseList(StringRef openText, StringRef close,
                            llvm::function_ref<bool()> parseItem) {
  Token open = peek();
  if (!consume(openText)) {
    report.error(open.place)
        << "expected '" << openText << "', found " << describe(open);
    return false;
  }
  ++depth;
  if (peek().is(close))
    return closeList(open, close);
  do {
    if (peek().is(Token::Kind::newline) || peek().is(Token::Kind::end))
      break; // for closeList to report
    if (!parseItem())
      return false;
  } while (consume(","));
  return closeList(open, close);
}

bool TokenStream::parseCommaSeparated(llvm::function_ref<bool()> parseItem) {
  do {
    // A list outside of brackets goes on after a comma at the end of a line.
    if (position > 0 && tokens[position - 1].is(","))
      skipNewlines();
    if (!parseItem())
      return false;
  } while (consume(","));
  return true;
}

bool TokenStream::parseNames(std::vector<Name> &names, StringRef what) {
  return parseList("(", ")",
                   [&] { return parseName(names.emplace_back(), what); });
}

void TokenStream::continueLine(llvm::ArrayRef<StringRef> words) {
  if (depth > 0)
    return;
  size_t next = position;
  while (tokens[next].is(Token::Kind::newline))
    ++next;
  if (next != position && isOneOf(tokens[next], words))
    position = next;
}

void TokenStream::skipNewlines() {
  while (tokens[position].is(Token::Kind::newline))
    ++position;
}

void TokenStream::skipLine() {
  while (!tokens[position].is(Token::Kind::newline) &&
         !tokens[position].is(Token::Kind::end))
    ++position;
  skipNewlines();
}

void TokenStream::skipStatement() {
  depth = 0;
  while (true) {
    while (!tokens[position].is(Token::Kind::newline) &&
           !tokens[position].is(Token::Kind::end))
      ++position;
    size_t end = position;
    continueLine(kContinuationWords);
    if (position == end)
      return;
  }
}

unsigned TokenStream::previousLine() const {
  size_t at = position;
  while (at > 0 && tokens[at - 1].is(Token::Kind::newline))
    --at;
  return at > 0 ? tokens[at - 1].place.line : 0;
}
