//===- SourceJson.cpp - JSON that remembers where it stood ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// nlohmann's SAX parser reports values and keys in document order but not their
// places. A scan over the same text finds where tokens start; it needs to know
// no grammar beyond "strings end at an unescaped quote". The n-th value or key
// that SAX reports is the n-th such token, because up to the first syntax error
// both see the same valid JSON, and after it neither is asked.
//
//===----------------------------------------------------------------------===//

#include "lib/Support/SourceJson.h"

#include "lib/Support/InputFile.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"
#include <algorithm>
#include <nlohmann/json.hpp>

using namespace einsum;

namespace {

constexpr size_t maxDepth = 200;

struct Token {
  size_t offset = 0;
  bool isPunctuation = false; // , : ] } carry no value and no key
  bool hasEscapes = false;
};

std::vector<Token> scanTokens(llvm::StringRef text) {
  std::vector<Token> tokens;
  size_t i = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  while ((i = text.find_first_not_of(" \t\r\n", i)) != llvm::StringRef::npos) {
    Token token{i, llvm::StringRef(",:]}").contains(text[i]), false};
    if (text[i] == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i)
        if (text[i] == '\\') {
          token.hasEscapes = true;
          ++i;
        }
      ++i;
    } else if (llvm::StringRef(",:[]{}").contains(text[i])) {
      ++i;
    } else {
      i = std::min(text.find_first_of(" \t\r\n,:[]{}\"", i), text.size());
    }
    tokens.push_back(token);
  }
  return tokens;
}

/// Offsets to lines and columns.
class LineTable {
public:
  LineTable(llvm::StringRef text, llvm::StringRef file)
      : file(file.str()), size(text.size()), starts{0} {
    for (size_t i = 0; i < text.size(); ++i)
      if (text[i] == '\n')
        starts.push_back(i + 1);
  }

  SourceLocation locate(size_t offset) const {
    offset = std::min(offset, size);
    size_t line = llvm::upper_bound(starts, offset) - starts.begin();
    return {file, unsigned(line), unsigned(offset - starts[line - 1] + 1)};
  }

private:
  std::string file;
  size_t size;
  std::vector<size_t> starts;
};

class TreeBuilder final : public nlohmann::json_sax<nlohmann::json> {
public:
  TreeBuilder(llvm::StringRef text, llvm::StringRef file, Diagnostics &diags)
      : tokens(scanTokens(text)), lines(text, file), diags(diags) {}

  JsonValue root;

  bool null() override {
    return scalar(JsonValue::Kind::Null, [](auto &) {});
  }
  bool boolean(bool v) override {
    return scalar(JsonValue::Kind::Bool, [&](JsonValue &j) { j.boolean = v; });
  }
  bool number_integer(int64_t v) override {
    return scalar(JsonValue::Kind::Number, [&](JsonValue &j) {
      j.number = double(v);
      j.int64 = v;
    });
  }
  bool number_unsigned(uint64_t v) override {
    return scalar(JsonValue::Kind::Number, [&](JsonValue &j) {
      j.number = double(v);
      j.uint64 = v;
      if (v <= uint64_t(INT64_MAX))
        j.int64 = int64_t(v);
    });
  }
  bool number_float(double v, const std::string &) override {
    return scalar(JsonValue::Kind::Number, [&](JsonValue &j) { j.number = v; });
  }
  bool string(std::string &v) override {
    return scalar(JsonValue::Kind::String,
                  [&](JsonValue &j) { j.string = std::move(v); });
  }
  // Only binary formats report this, and text is all that is parsed here.
  bool binary(nlohmann::json::binary_t &) override { return false; }

  bool start_object(size_t) override { return open(JsonValue::Kind::Object); }
  bool end_object() override { return close(); }
  bool start_array(size_t) override { return open(JsonValue::Kind::Array); }
  bool end_array() override { return close(); }

  bool key(std::string &key) override {
    SourceLocation loc = lines.locate(takeToken().offset);
    auto [first, isNew] = frames.back().keys.try_emplace(key, loc);
    if (!isNew)
      diags.error(loc, "duplicate key '" + key + "'")
          .note(first->second, "first given here");
    frames.back().value->members.push_back({std::move(key), loc, {}});
    return true;
  }

  bool parse_error(size_t position, const std::string &,
                   const nlohmann::json::exception &e) override;

private:
  struct Frame {
    JsonValue *value;
    llvm::StringMap<SourceLocation> keys;
  };

  const Token &takeToken() {
    while (tokens[next].isPunctuation)
      ++next;
    return tokens[next++];
  }

  /// Where the value that comes next belongs. The container's vector may move
  /// its elements later, but never while one of them is open.
  JsonValue &place() {
    if (frames.empty())
      return root;
    JsonValue &parent = *frames.back().value;
    if (parent.kind == JsonValue::Kind::Object)
      return parent.members.back().value;
    return parent.elements.emplace_back();
  }

  template <typename Fill> bool scalar(JsonValue::Kind kind, Fill fill) {
    const Token &token = takeToken();
    JsonValue &value = place();
    value.kind = kind;
    value.loc = lines.locate(token.offset);
    value.hasEscapes = token.hasEscapes;
    fill(value);
    return true;
  }

  bool open(JsonValue::Kind kind) {
    JsonValue *value = nullptr;
    scalar(kind, [&](JsonValue &v) { value = &v; });
    if (frames.size() == maxDepth) {
      diags.error(value->loc, "nested deeper than " + llvm::Twine(maxDepth) +
                                  " objects and arrays");
      return false;
    }
    frames.push_back({value, {}});
    return true;
  }

  bool close() {
    frames.pop_back();
    return true;
  }

  std::vector<Token> tokens;
  LineTable lines;
  Diagnostics &diags;
  std::vector<Frame> frames;
  size_t next = 0;
};

bool TreeBuilder::parse_error(size_t position, const std::string &,
                              const nlohmann::json::exception &e) {
  // "[json.exception.parse_error.101] parse error at line 3, column 5: syntax
  // error while ...; last read: '...'": the caret shows where and what already.
  llvm::StringRef message = e.what();
  message = message.split("] ").second;
  if (message.starts_with("parse error at line"))
    message = message.split(": ").second;
  std::string text = message.str();
  if (size_t from = message.find("; last read: '"); from != message.npos) {
    size_t to = message.rfind('\'');
    text.erase(from, to + 1 - from);
  }

  // The parser stops behind the offending byte. A well-formed token that is
  // not wanted is better shown at its start.
  size_t offset = position ? position - 1 : 0;
  bool atEnd = message.contains("unexpected end of input");
  bool wellFormed =
      message.contains("unexpected") || message.contains("number overflow");
  if (wellFormed && !atEnd) {
    auto after =
        llvm::upper_bound(tokens, offset, [](size_t offset, const Token &t) {
          return offset < t.offset;
        });
    if (after != tokens.begin())
      offset = std::prev(after)->offset;
  }
  diags.error(lines.locate(offset), text);
  return false;
}

} // namespace

const JsonValue *JsonValue::find(llvm::StringRef key) const {
  for (const JsonMember &member : members)
    if (member.key == key)
      return &member.value;
  return nullptr;
}

SourceLocation JsonValue::locInString(size_t offset) const {
  SourceLocation at = loc;
  if (!hasEscapes)
    at.col += 1 + offset; // behind the opening quote
  return at;
}

llvm::StringRef einsum::describe(JsonValue::Kind kind) {
  switch (kind) {
  case JsonValue::Kind::Null:
    return "null";
  case JsonValue::Kind::Bool:
    return "true or false";
  case JsonValue::Kind::Number:
    return "a number";
  case JsonValue::Kind::String:
    return "a string";
  case JsonValue::Kind::Array:
    return "an array";
  case JsonValue::Kind::Object:
    return "an object";
  }
  llvm_unreachable("all kinds are listed");
}

std::optional<JsonValue> einsum::parseSourceJson(llvm::StringRef text,
                                                 llvm::StringRef file,
                                                 Diagnostics &diags) {
  diags.addSource(file, text);
  unsigned before = diags.errorCount();
  TreeBuilder builder(text, file, diags);
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  if (diags.errorCount() != before)
    return std::nullopt;
  return std::move(builder.root);
}

std::optional<JsonValue> einsum::readSourceJson(llvm::StringRef path,
                                                Diagnostics &diags) {
  std::string file = path == "-" ? "<stdin>" : path.str();
  std::string reason;
  auto buffer = readInputFile(path, reason);
  if (!buffer) {
    diags.error({file, 0, 0}, reason);
    return std::nullopt;
  }
  return parseSourceJson(buffer->getBuffer(), file, diags);
}
