//===- InputFileTest.cpp - Files read within bounds -----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/InputFile.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <catch2/catch.hpp>

using namespace einsum;

TEST_CASE("a file is read up to its limit", "[input-file]") {
  llvm::SmallString<128> path;
  int descriptor = -1;
  REQUIRE_FALSE(
      llvm::sys::fs::createTemporaryFile("input", "txt", descriptor, path));
  {
    llvm::raw_fd_ostream os(descriptor, /*shouldClose=*/true);
    os << "0123456789";
  }
  std::string reason;
  auto whole = readInputFile(path, reason, 10);
  REQUIRE(whole);
  CHECK(whole->getBuffer() == "0123456789");
  CHECK(reason.empty());
  CHECK_FALSE(readInputFile(path, reason, 9));
  CHECK(reason == "the file is larger than 9 B");
  llvm::sys::fs::remove(path);
}

TEST_CASE("devices and folders are read within bounds too", "[input-file]") {
  std::string reason;
  CHECK_FALSE(readInputFile("/dev/zero", reason, 1000));
  CHECK(reason == "the file is larger than 1000 B");
  auto nothing = readInputFile("/dev/null", reason);
  REQUIRE(nothing);
  CHECK(nothing->getBuffer().empty());
  CHECK_FALSE(readInputFile("/", reason));
  CHECK(reason == "cannot read the file: Is a directory");
}

TEST_CASE("nesting is where brackets are open", "[input-file]") {
  auto nested = [](unsigned depth) {
    return std::string(depth, '{') + std::string(depth, '}');
  };
  CHECK_FALSE(findDeepNesting(nested(kDeepestNesting), "f"));
  auto deep = findDeepNesting("\n " + nested(kDeepestNesting + 1), "f");
  REQUIRE(deep);
  CHECK(deep->line == 2);
  CHECK(deep->col == kDeepestNesting + 2);
  // Siblings, text in strings and comments, and arrows are not nested.
  std::string siblings, text = "\"\\\"", arrows;
  for (unsigned i = 0; i < 2 * kDeepestNesting; ++i) {
    siblings += "{}";
    text += "(";
    arrows += "-> <= ";
  }
  CHECK_FALSE(findDeepNesting(siblings, "f"));
  CHECK_FALSE(findDeepNesting(text + "\" // " + text, "f"));
  CHECK_FALSE(findDeepNesting(arrows, "f"));
  // A string that is not closed ends with its line.
  CHECK(findDeepNesting("\"\n" + nested(kDeepestNesting + 1), "f")->line == 2);
}
