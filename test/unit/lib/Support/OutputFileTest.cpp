//===- OutputFileTest.cpp - Files written whole or not at all -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/OutputFile.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <catch2/catch.hpp>

using namespace einsum;
namespace fs = llvm::sys::fs;

namespace {
/// A folder that goes away with what is in it.
struct Folder {
  llvm::SmallString<128> path;
  Folder() { fs::createUniqueDirectory("output-file", path); }
  ~Folder() { fs::remove_directories(path); }

  std::string operator/(const char *name) const {
    return (path + "/" + name).str();
  }
  unsigned countEntries() const {
    unsigned count = 0;
    std::error_code error;
    for (fs::directory_iterator entry(path, error), end; entry != end;
         entry.increment(error))
      ++count;
    return count;
  }
};
} // namespace

static std::string read(const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  return buffer ? (*buffer)->getBuffer().str() : "<none>";
}

static std::string write(const std::string &path, const char *text) {
  return writeOutputFile(path, [&](llvm::raw_ostream &os) { os << text; });
}

TEST_CASE("a file is created, then replaced, and nothing is left beside it",
          "[output-file]") {
  Folder folder;
  CHECK(write(folder / "a", "one") == "");
  CHECK(write(folder / "a", "two") == "");
  CHECK(read(folder / "a") == "two");
  CHECK(folder.countEntries() == 1);
}

TEST_CASE("readers see the old file until the new one is whole",
          "[output-file]") {
  Folder folder;
  CHECK(write(folder / "a", "old") == "");
  CHECK(writeOutputFile(folder / "a", [&](llvm::raw_ostream &os) {
          os << "new, ";
          os.flush();
          CHECK(read(folder / "a") == "old");
          os << "whole";
        }) == "");
  CHECK(read(folder / "a") == "new, whole");
}

TEST_CASE("a file keeps its permissions, a link what it leads to",
          "[output-file]") {
  Folder folder;
  CHECK(write(folder / "a", "old") == "");
  fs::setPermissions(folder / "a", fs::owner_all);
  REQUIRE_FALSE(fs::create_link(folder / "a", folder / "link"));
  CHECK(write(folder / "link", "new") == "");
  CHECK(read(folder / "a") == "new");
  CHECK(fs::is_symlink_file(folder / "link"));
  CHECK(fs::getPermissions(folder / "a").get() == fs::owner_all);
}

TEST_CASE("what cannot be written is said and leaves nothing",
          "[output-file]") {
  Folder folder;
  CHECK(write(folder / "no/such", "text") != "");
  CHECK(write(folder.path.str().str(), "text") == "it is a directory");
  CHECK(write("/dev/full", "text") == "No space left on device");
  CHECK(write("/dev/null", "text") == "");
  CHECK(folder.countEntries() == 0);
}
