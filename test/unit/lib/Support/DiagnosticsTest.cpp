//===- DiagnosticsTest.cpp ------------------------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Diagnostics.h"
#include "llvm/Support/raw_ostream.h"
#include <catch2/catch.hpp>

using namespace einsum;

namespace {

std::string print(const Diagnostics &diags) {
  std::string text;
  llvm::raw_string_ostream os(text);
  diags.print(os);
  return text;
}

} // namespace

TEST_CASE("carets, notes and order", "[Diagnostics]") {
  Diagnostics diags;
  diags.addSource("f", "one\n\ttwo three\n");
  diags.error({"f", 2, 6}, "second").note({"f", 1, 1}, "because");
  diags.warning({"f", 1, 2}, "first");
  CHECK(print(diags) == "f:1:2: warning: first\none\n ^\n"
                        "f:2:6: error: second\n\ttwo three\n\t    ^\n"
                        "f:1:1: note: because\none\n^\n");
  CHECK(diags.errorCount() == 1);
}

TEST_CASE("a file without text or line still prints", "[Diagnostics]") {
  Diagnostics diags;
  diags.error({"f", 0, 0}, "cannot read the file");
  diags.error({}, "nowhere");
  CHECK(print(diags) == "error: nowhere\nf: error: cannot read the file\n");
}

TEST_CASE("a long line is shown around its caret", "[Diagnostics]") {
  Diagnostics diags;
  diags.addSource("f", std::string(5000, 'x'));
  diags.error({"f", 1, 4000}, "here");
  CHECK(print(diags).size() < 400);
}

TEST_CASE("near names", "[Diagnostics]") {
  std::vector<std::string> names = {"capacity", "clock", "max"};
  CHECK(nearestName("capcity", names) == "capacity");
  CHECK(nearestName("CLOCK", names) == "clock");
  CHECK(nearestName("mxa", names) == "max");
  CHECK_FALSE(nearestName("bandwidth", names));
  CHECK(didYouMean("clok", names) == "; did you mean 'clock'?");
  CHECK(didYouMean("zzz", names).empty());
}
