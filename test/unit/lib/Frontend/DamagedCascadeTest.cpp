//===- DamagedCascadeTest.cpp - Text with random damage -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Shipped cascades with bytes and words deleted, doubled, swapped and replaced.
// Whatever comes out either parses, and then prints as text that parses again,
// or is refused with at least one error that has a place in the file.
//
//===----------------------------------------------------------------------===//

#include "dialects/Einsum/Einsum.h"
#include "lib/Frontend/Cascade/Cascade.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

#include <catch2/catch.hpp>

#include <random>

using namespace einsum;

namespace {

const std::string root = EINSUM_SOURCE_DIR;
const char *const files[] = {
    "examples/01-fusemax-attention/one-pass.ein",
    "examples/01-fusemax-attention/three-pass.ein",
    "test/lib/Frontend/Cascade/notation.ein",
};

std::string read(const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(root + "/" + path);
  REQUIRE(buffer);
  return (*buffer)->getBuffer().str();
}

/// Words, symbols and gaps; together they are the text.
std::vector<std::string> split(const std::string &text) {
  std::vector<std::string> pieces;
  auto isWord = [](char c) { return llvm::isAlnum(c) || c == '_'; };
  for (char c : text) {
    bool joins = !pieces.empty() && isWord(c) && isWord(pieces.back().back());
    if (joins)
      pieces.back().push_back(c);
    else
      pieces.emplace_back(1, c);
  }
  return pieces;
}

class Damage {
public:
  explicit Damage(unsigned seed) : random(seed) {}

  std::string words(const std::string &text) {
    std::vector<std::string> pieces = split(text);
    for (unsigned i = 0, n = 1 + choose(3); i < n && pieces.size() > 2; ++i) {
      size_t at = choose(pieces.size()), other = choose(pieces.size());
      switch (choose(4)) {
      case 0:
        pieces.erase(pieces.begin() + at);
        break;
      case 1:
        pieces.insert(pieces.begin() + at, pieces[other]);
        break;
      case 2:
        std::swap(pieces[at], pieces[other]);
        break;
      default:
        pieces[at] = pieces[other];
      }
    }
    return llvm::join(pieces, "");
  }

  std::string bytes(std::string text) {
    for (unsigned i = 0, n = 1 + choose(4); i < n && text.size() > 2; ++i) {
      size_t at = choose(text.size());
      switch (choose(4)) {
      case 0:
        text.erase(at, 1 + choose(8));
        break;
      case 1:
        text.insert(at, 1, static_cast<char>(choose(256)));
        break;
      case 2:
        text[at] = static_cast<char>(choose(256));
        break;
      default:
        text.resize(at + 1);
      }
    }
    return text;
  }

private:
  size_t choose(size_t n) { return random() % n; }
  std::mt19937 random;
};

struct Outcome {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  unsigned errors = 0, located = 0;
};

Outcome parse(const std::string &text, mlir::MLIRContext &context) {
  Outcome outcome;
  mlir::ScopedDiagnosticHandler count(
      &context, [&](mlir::Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() != mlir::DiagnosticSeverity::Error)
          return;
        ++outcome.errors;
        outcome.located +=
            llvm::isa<mlir::FileLineColLoc>(diagnostic.getLocation());
      });
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBufferCopy(text, "damaged.ein"), llvm::SMLoc());
  outcome.module = frontend::parseCascadeSource(sources, &context);
  return outcome;
}

/// Counts whether `text` parsed; checks what has to hold either way.
bool check(const std::string &text, mlir::MLIRContext &context) {
  INFO(text);
  Outcome outcome = parse(text, context);
  if (!outcome.module) {
    CHECK(outcome.errors > 0);
    CHECK(outcome.located == outcome.errors);
    return false;
  }
  CHECK(outcome.errors == 0);
  std::string printed;
  llvm::raw_string_ostream os(printed);
  mlir::ScopedDiagnosticHandler quiet(&context, [](mlir::Diagnostic &) {});
  if (succeeded(frontend::printCascadeSource(*outcome.module, os))) {
    INFO(printed);
    CHECK(parse(printed, context).module);
  }
  return true;
}

} // namespace

TEST_CASE("Damaged cascades are refused with a place, or mean something",
          "[frontend]") {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  unsigned good = 0, bad = 0;
  for (const char *file : files) {
    std::string text = read(file);
    for (unsigned seed = 0; seed < 150; ++seed) {
      Damage damage(seed);
      ++(check(damage.words(text), context) ? good : bad);
      ++(check(damage.bytes(text), context) ? good : bad);
    }
  }
  CHECK(good > 20);
  CHECK(bad > 200);
}
