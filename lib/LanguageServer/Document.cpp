//===- Document.cpp - A file as an editor has it --------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/LanguageServer/Document.h"

#include "dialects/Schedule/Schedule.h"
#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/LanguageServer/Describe.h"
#include "lib/Support/InputFile.h"

#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::language;
namespace json = llvm::json;

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

namespace {
/// Lines of a text.
class Lines {
public:
  explicit Lines(StringRef text) { text.split(lines, '\n'); }

  StringRef line(int64_t number) const {
    return number >= 0 && number < static_cast<int64_t>(lines.size())
               ? lines[number]
               : StringRef();
  }
  /// The byte at which a character begins.
  size_t byteOf(Place place) const {
    StringRef text = line(place.line);
    size_t byte = 0;
    for (int64_t units = 0; units < place.character && byte < text.size();) {
      unsigned size = llvm::getNumBytesForUTF8(text[byte]);
      units += size == 4 ? 2 : 1; // beyond the basic plane: a pair
      byte += std::max(1u, size);
    }
    return std::min(byte, text.size());
  }
  /// The character that begins at a byte.
  Place placeOf(int64_t number, size_t byte) const {
    Place place{number, 0};
    StringRef text = line(number);
    for (size_t at = 0; at < std::min(byte, text.size());) {
      unsigned size = llvm::getNumBytesForUTF8(text[at]);
      place.character += size == 4 ? 2 : 1;
      at += std::max(1u, size);
    }
    return place;
  }

private:
  SmallVector<StringRef> lines;
};
} // namespace

static bool isWord(char c) { return llvm::isAlnum(c) || c == '_'; }

/// The word around a byte of a line, with where it begins.
static std::pair<StringRef, size_t> wordAt(StringRef line, size_t byte) {
  size_t begin = byte, end = byte;
  while (begin > 0 && isWord(line[begin - 1]))
    --begin;
  while (end < line.size() && isWord(line[end]))
    ++end;
  return {line.slice(begin, end), begin};
}

static json::Value toJson(Place place) {
  return json::Object{{"line", place.line}, {"character", place.character}};
}

/// From a place, which counts from 1, to the end of the word there.
static json::Value rangeAt(const Lines &lines, unsigned line, unsigned column) {
  int64_t number = std::max(line, 1u) - 1;
  size_t byte = std::max(column, 1u) - 1;
  size_t size = lines.line(number).substr(byte).take_while(isWord).size();
  return json::Object{
      {"start", toJson(lines.placeOf(number, byte))},
      {"end", toJson(lines.placeOf(number, byte + std::max<size_t>(size, 1)))}};
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

struct Document::Version {
  MLIRContext context;
  std::string text;
  OwningOpRef<ModuleOp> module;
  Describer describer;

  Version(const DialectRegistry &registry, StringRef text)
      : context(registry, MLIRContext::Threading::DISABLED), text(text) {
    context.loadAllAvailableDialects();
  }
};

static FileLineColLoc findPlace(Location location) {
  FileLineColLoc place;
  location->walk([&](Location part) {
    place = dyn_cast<FileLineColLoc>(part);
    return place ? WalkResult::interrupt() : WalkResult::advance();
  });
  return place;
}

static json::Object toJson(mlir::Diagnostic &diagnostic, StringRef uri,
                           const Lines &lines) {
  auto rangeOf = [&](Location location) {
    FileLineColLoc place = findPlace(location);
    return place ? rangeAt(lines, place.getLine(), place.getColumn())
                 : rangeAt(lines, 1, 1);
  };
  static constexpr int severities[] = {3, 2, 1, 3}; // note, warning, error, ...
  json::Array related;
  for (mlir::Diagnostic &note : diagnostic.getNotes())
    related.push_back(json::Object{
        {"location",
         json::Object{{"uri", uri}, {"range", rangeOf(note.getLocation())}}},
        {"message", note.str()}});
  json::Object result{
      {"range", rangeOf(diagnostic.getLocation())},
      {"severity", severities[static_cast<int>(diagnostic.getSeverity())]},
      {"source", "einsum"},
      {"message", diagnostic.str()}};
  if (!related.empty())
    result["relatedInformation"] = std::move(related);
  return result;
}

Document::Document(std::string uri, const DialectRegistry &registry)
    : uri(std::move(uri)), registry(registry) {}
Document::~Document() = default;

bool Document::isCascade() const { return StringRef(uri).ends_with(".ein"); }

void Document::setText(StringRef text) {
  found.clear();
  Lines lines(text);
  auto deep = isCascade() ? std::nullopt : findDeepNesting(text, uri);
  safe = !deep;
  if (deep) {
    found.push_back(json::Object{
        {"range", rangeAt(lines, deep->line, deep->col)},
        {"severity", 1},
        {"source", "einsum"},
        {"message", "nested deeper than " + std::to_string(kDeepestNesting) +
                        " brackets"}});
    return;
  }
  auto version = std::make_unique<Version>(registry, text);
  ScopedDiagnosticHandler handler(
      &version->context, [&](mlir::Diagnostic &diagnostic) {
        found.push_back(toJson(diagnostic, uri, lines));
        return success();
      });
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBuffer(version->text),
                             llvm::SMLoc());
  version->module =
      isCascade()
          ? frontend::parseCascadeSource(sources, &version->context)
          : parseSourceFile<ModuleOp>(sources, ParserConfig(&version->context));
  if (version->module)
    readable = std::move(version);
}

//===----------------------------------------------------------------------===//
// Answers
//===----------------------------------------------------------------------===//

/// The cascade in whose lines a place is: the last that begins before it. A
/// schedule speaks of the cascade that it is of.
static CascadeOp cascadeAround(ModuleOp module, int64_t line) {
  CascadeOp around;
  for (Operation &op : *module.getBody()) {
    FileLineColLoc place = findPlace(op.getLoc());
    if (place && static_cast<int64_t>(place.getLine()) > line + 1)
      break;
    if (auto cascade = dyn_cast<CascadeOp>(op))
      around = cascade;
    else if (auto mapping = dyn_cast<schedule::MappingOp>(op))
      if (auto of = module.lookupSymbol<CascadeOp>(mapping.getCascade()))
        around = of;
  }
  return around;
}

std::string Document::hover(Place place) {
  if (!readable)
    return "";
  StringRef line = Lines(readable->text).line(place.line);
  auto [word, begin] = wordAt(line, Lines(readable->text).byteOf(place));
  CascadeOp cascade = cascadeAround(*readable->module, place.line);
  bool isComment = line.take_front(begin).contains("//");
  if (word.empty() || !cascade || isComment)
    return "";
  return readable->describer.describe(cascade, word);
}

std::vector<std::string> Document::names() {
  std::vector<std::string> names = {
      "cascade", "input",  "weight", "output",  "split", "where", "init",
      "def",     "monoid", "max",    "min",     "exp",   "log",   "sqrt",
      "rsqrt",   "tanh",   "erf",    "sigmoid", "pow",   "abs",   "floor",
      "round",   "select", "argmax", "argmin"};
  if (readable)
    readable->module->walk([&](Operation *op) {
      if (auto rank = dyn_cast<RankOp>(op))
        names.push_back(rank.getSymName().str());
      else if (auto input = dyn_cast<InputOp>(op))
        names.push_back(input.getTensor().str());
      else if (auto einsum = dyn_cast<EinsumInterface>(op))
        for (StringAttr name : einsum.getTensorNames())
          names.push_back(name.str());
    });
  llvm::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  llvm::erase(names, "");
  return names;
}
