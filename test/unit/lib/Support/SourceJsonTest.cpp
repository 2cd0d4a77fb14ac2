//===- SourceJsonTest.cpp -------------------------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/SourceJson.h"
#include <catch2/catch.hpp>

using namespace einsum;

namespace {

JsonValue parse(llvm::StringRef text) {
  Diagnostics diags;
  std::optional<JsonValue> json = parseSourceJson(text, "t.json", diags);
  REQUIRE(json);
  return *json;
}

Diagnostic firstError(llvm::StringRef text) {
  Diagnostics diags;
  REQUIRE_FALSE(parseSourceJson(text, "t.json", diags));
  REQUIRE(diags.hasErrors());
  return diags.all().front();
}

void requireAt(const SourceLocation &loc, unsigned line, unsigned col) {
  CHECK(loc.file == "t.json");
  CHECK(loc.line == line);
  CHECK(loc.col == col);
}

} // namespace

TEST_CASE("every value and key knows its place", "[SourceJson]") {
  JsonValue json = parse("{\n"
                         "  \"size\": [4, -8.5,\ttrue],\r\n"
                         "  \"a\\\"b,:\" : {\"x\":null}\n"
                         "}");
  requireAt(json.loc, 1, 1);
  const JsonMember &size = json.members[0];
  requireAt(size.keyLoc, 2, 3);
  requireAt(size.value.loc, 2, 11);
  requireAt(size.value.elements[0].loc, 2, 12);
  requireAt(size.value.elements[1].loc, 2, 15);
  requireAt(size.value.elements[2].loc, 2, 21);
  const JsonMember &escaped = json.members[1];
  CHECK(escaped.key == "a\"b,:");
  requireAt(escaped.keyLoc, 3, 3);
  requireAt(escaped.value.loc, 3, 14);
  requireAt(escaped.value.find("x")->loc, 3, 19);
  CHECK(escaped.value.find("y") == nullptr);
}

TEST_CASE("a byte order mark moves the first column only", "[SourceJson]") {
  JsonValue json = parse("\xEF\xBB\xBF{\n\"k\": 1}");
  requireAt(json.find("k")->loc, 2, 6);
}

TEST_CASE("integers stay exact", "[SourceJson]") {
  JsonValue json = parse("[18446744073709551615, -9223372036854775808, 7, 1.0,"
                         " 18446744073709551616]");
  CHECK(json.elements[0].uint64 == 18446744073709551615u);
  CHECK_FALSE(json.elements[0].int64);
  CHECK(json.elements[1].int64 == INT64_MIN);
  CHECK_FALSE(json.elements[1].uint64);
  CHECK(json.elements[2].int64 == 7);
  CHECK(json.elements[2].uint64 == 7u);
  CHECK_FALSE(json.elements[3].int64);
  CHECK(json.elements[3].number == 1.0);
  CHECK_FALSE(json.elements[4].uint64);
  CHECK(json.elements[4].number == Approx(1.8446744073709552e19));
}

TEST_CASE("places inside strings", "[SourceJson]") {
  JsonValue json = parse("[\"16 GHz\", \"1\\u0036 GHz\"]");
  requireAt(json.elements[0].locInString(3), 1, 6);
  // Escapes shift what follows, so the string itself is the best answer.
  requireAt(json.elements[1].locInString(3), 1, 12);
}

TEST_CASE("what is not JSON is a located error", "[SourceJson]") {
  struct Case {
    const char *text;
    unsigned line, col;
    const char *message;
  };
  for (const Case &c : {
           Case{"", 1, 1, "unexpected end of input"},
           Case{"{\n\"a\": [1, 2", 2, 11, "unexpected end of input"},
           Case{"{\"a\": 1,}", 1, 9, "unexpected '}'"},
           Case{"{\"a\": NaN}", 1, 7, "invalid literal"},
           Case{"[1, \"a\xC3(\"]", 1, 8, "ill-formed UTF-8"},
           Case{"[1] 2", 1, 5, "expected end of input"},
           Case{"{\"a\":1,\n \"a\":2}", 2, 2, "duplicate key 'a'"},
           Case{"[1e999]", 1, 2, "number overflow"},
           Case{"[\"open", 1, 7, "missing closing quote"},
       }) {
    INFO(c.text);
    Diagnostic error = firstError(c.text);
    CHECK_THAT(error.message, Catch::Contains(c.message));
    requireAt(error.loc, c.line, c.col);
  }
}

TEST_CASE("nesting is bounded", "[SourceJson]") {
  auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  parse(nested(200));
  Diagnostic error = firstError(nested(201));
  requireAt(error.loc, 1, 201);
  firstError(std::string(1000000, '['));
}
