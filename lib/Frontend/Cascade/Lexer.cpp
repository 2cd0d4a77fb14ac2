//===- Lexer.cpp - Tokens of the cascade notation -------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Lexer.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"

using namespace einsum::frontend;
using llvm::StringRef;

static bool isWordStart(char c) { return llvm::isAlpha(c) || c == '_'; }
static bool isWord(char c) { return llvm::isAlnum(c) || c == '_'; }

namespace {
class Lexer {
public:
  Lexer(StringRef source, Report &report) : rest(source), report(report) {
    rest.consume_front("\xEF\xBB\xBF"); // some editors mark UTF-8 so
  }

  TokenList run() {
    while (!rest.empty())
      next();
    // A last line without a line end is a line all the same.
    push(Token::Kind::newline, 0);
    push(Token::Kind::end, 0);
    return std::move(list);
  }

private:
  void next() {
    char c = rest.front();
    if (c == '\n') {
      push(Token::Kind::newline, 1);
      place = {place.line + 1, 1};
    } else if (c == ' ' || c == '\t' || c == '\r') {
      drop(1);
    } else if (rest.starts_with("//")) {
      comment();
    } else if (isWordStart(c)) {
      push(Token::Kind::identifier, rest.take_while(isWord).size());
    } else if (llvm::isDigit(c)) {
      push(Token::Kind::number, numberLength());
    } else if (size_t length = symbolLength()) {
      push(Token::Kind::symbol, length);
    } else {
      stray();
    }
  }

  void comment() {
    StringRef text = rest.take_until([](char c) { return c == '\n'; });
    list.comments.push_back({text.rtrim(), place});
    checkUtf8(text);
    drop(text.size());
  }

  /// 12, 1.5, 1e-5. A point or exponent needs digits after it.
  size_t numberLength() const {
    auto digitsAt = [&](size_t at) {
      return rest.substr(at).take_while(llvm::isDigit).size();
    };
    size_t length = digitsAt(0);
    if (rest.substr(length).starts_with("."))
      if (size_t digits = digitsAt(length + 1))
        length += 1 + digits;
    if (rest.substr(length).starts_with_insensitive("e")) {
      size_t sign =
          StringRef("+-").contains(rest.substr(length + 1, 1)) ? 1 : 0;
      if (rest.size() <= length + 1)
        sign = 0;
      if (size_t digits = digitsAt(length + 1 + sign))
        length += 1 + sign + digits;
    }
    return length;
  }

  size_t symbolLength() const {
    for (StringRef two : {"<=", ">=", "==", "!="})
      if (rest.starts_with(two))
        return 2;
    return StringRef("()[],:=+-*/<>").contains(rest.front()) ? 1 : 0;
  }

  /// Reports one character, whatever number of bytes it takes.
  void stray() {
    auto *begin = reinterpret_cast<const llvm::UTF8 *>(rest.begin());
    auto *end = reinterpret_cast<const llvm::UTF8 *>(rest.end());
    size_t length = llvm::getNumBytesForUTF8(*begin);
    if (!llvm::isLegalUTF8Sequence(begin, end)) {
      reportEncoding(place, rest.front());
      drop(1);
      return;
    }
    InFlight diag = report.error(place);
    if (length == 1 && !llvm::isPrint(rest.front()))
      diag << "character 0x"
           << llvm::utohexstr(static_cast<unsigned char>(rest.front()))
           << " has no meaning here";
    else
      diag << "character '" << rest.take_front(length)
           << "' has no meaning here";
    drop(length);
  }

  void checkUtf8(StringRef text) {
    auto *begin = reinterpret_cast<const llvm::UTF8 *>(text.begin());
    auto *end = reinterpret_cast<const llvm::UTF8 *>(text.end());
    const llvm::UTF8 *at = begin;
    if (llvm::isLegalUTF8String(&at, end))
      return;
    unsigned column = place.column + static_cast<unsigned>(at - begin);
    reportEncoding({place.line, column}, static_cast<char>(*at));
  }

  void reportEncoding(Place where, char byte) {
    report.error(where) << "the file is not UTF-8: byte 0x"
                        << llvm::utohexstr(static_cast<unsigned char>(byte));
  }

  void push(Token::Kind kind, size_t length) {
    list.tokens.push_back({kind, rest.take_front(length), place});
    drop(length);
  }

  void drop(size_t length) {
    rest = rest.drop_front(length);
    place.column += static_cast<unsigned>(length);
  }

  using InFlight = mlir::InFlightDiagnostic;
  StringRef rest;
  Report &report;
  Place place{1, 1};
  TokenList list;
};
} // namespace

TokenList einsum::frontend::tokenize(StringRef source, Report &report) {
  return Lexer(source, report).run();
}
