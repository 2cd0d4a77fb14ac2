//===- Diagnostics.cpp - Located errors, warnings and notes ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <tuple>

using namespace einsum;

Diagnostic &Diagnostic::note(const SourceLocation &loc,
                             const llvm::Twine &message) {
  notes.push_back({Severity::Note, loc, message.str(), {}});
  return *this;
}

void Diagnostics::addSource(llvm::StringRef file, llvm::StringRef text) {
  sources[file.str()] = text.str();
}

Diagnostic &Diagnostics::error(const SourceLocation &loc,
                               const llvm::Twine &message) {
  ++errors;
  diagnostics.push_back({Severity::Error, loc, message.str(), {}});
  return diagnostics.back();
}

Diagnostic &Diagnostics::warning(const SourceLocation &loc,
                                 const llvm::Twine &message) {
  diagnostics.push_back({Severity::Warning, loc, message.str(), {}});
  return diagnostics.back();
}

Diagnostic &Diagnostics::note(const SourceLocation &loc,
                              const llvm::Twine &message) {
  diagnostics.push_back({Severity::Note, loc, message.str(), {}});
  return diagnostics.back();
}

void Diagnostics::print(llvm::raw_ostream &os) const {
  // A multimap keeps what stands at the same place in the order of reporting.
  using Position = std::tuple<llvm::StringRef, unsigned, unsigned>;
  std::multimap<Position, const Diagnostic *> sorted;
  for (const Diagnostic &diagnostic : diagnostics) {
    const SourceLocation &loc = diagnostic.loc;
    sorted.emplace(Position(loc.file, loc.line, loc.col), &diagnostic);
  }
  for (const auto &[position, diagnostic] : sorted)
    printOne(os, *diagnostic);
}

static llvm::StringRef spell(Severity severity) {
  switch (severity) {
  case Severity::Error:
    return "error";
  case Severity::Warning:
    return "warning";
  case Severity::Note:
    return "note";
  }
  llvm_unreachable("all severities are listed");
}

void Diagnostics::printOne(llvm::raw_ostream &os,
                           const Diagnostic &diagnostic) const {
  const SourceLocation &loc = diagnostic.loc;
  if (!loc.file.empty())
    os << loc.file << ":";
  if (loc.line)
    os << loc.line << ":" << loc.col << ":";
  if (!loc.file.empty() || loc.line)
    os << " ";
  os << spell(diagnostic.severity) << ": " << diagnostic.message << "\n";
  printSourceLine(os, loc);
  for (const Diagnostic &note : diagnostic.notes)
    printOne(os, note);
}

static llvm::StringRef lineOf(llvm::StringRef text, unsigned line) {
  while (--line)
    text = text.split('\n').second;
  return text.split('\n').first;
}

void Diagnostics::printSourceLine(llvm::raw_ostream &os,
                                  const SourceLocation &loc) const {
  auto source = sources.find(loc.file);
  if (!loc.line || source == sources.end())
    return;
  llvm::StringRef line = lineOf(source->second, loc.line);
  size_t caret = std::min<size_t>(loc.col - 1, line.size());

  // Minified JSON is one long line: show the neighbourhood only.
  constexpr size_t window = 100;
  size_t begin = caret > window ? caret - window : 0;
  line = line.substr(begin, 2 * window);
  caret -= begin;

  std::string shown, pad;
  for (auto [i, c] : llvm::enumerate(line)) {
    bool printable = llvm::isPrint(c) || c == '\t' || (c & 0x80);
    shown += printable ? c : ' ';
    bool continuesCharacter = (c & 0xC0) == 0x80;
    if (i < caret && !continuesCharacter)
      pad += c == '\t' ? '\t' : ' ';
  }
  os << llvm::StringRef(shown).rtrim() << "\n" << pad << "^\n";
}

/// Edits from one name to the other; letters that only changed places are one
/// slip of the hand.
static unsigned slips(llvm::StringRef a, llvm::StringRef b, unsigned allowed) {
  if (a.equals_insensitive(b))
    return 0;
  std::string sortedA = a.str(), sortedB = b.str();
  llvm::sort(sortedA);
  llvm::sort(sortedB);
  if (sortedA == sortedB)
    return 1;
  return a.edit_distance(b, /*AllowReplacements=*/true, allowed);
}

std::optional<std::string>
einsum::nearestName(llvm::StringRef name,
                    llvm::ArrayRef<std::string> candidates) {
  unsigned allowed = std::max<size_t>(1, name.size() / 3);
  std::optional<std::string> best;
  unsigned bestDistance = allowed + 1;
  for (const std::string &candidate : candidates) {
    unsigned distance = slips(name, candidate, allowed);
    if (distance < bestDistance) {
      bestDistance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string einsum::didYouMean(llvm::StringRef name,
                               llvm::ArrayRef<std::string> candidates) {
  if (std::optional<std::string> near = nearestName(name, candidates))
    return "; did you mean '" + *near + "'?";
  return "";
}
