//===- QuantizeSpecTest.cpp - Rules, and ranks that are left out ----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Quant/QuantizeSpec.h"
#include "lib/Quant/Sharing.h"

#include <catch2/catch.hpp>

using namespace einsum;
using namespace einsum::quant;

static QuantizeSpec read(const char *text) {
  auto parsed = parseSpec(text);
  if (auto *error = std::get_if<std::string>(&parsed))
    FAIL(*error);
  return std::get<QuantizeSpec>(parsed);
}

static std::string fail(const char *text) {
  auto parsed = parseSpec(text);
  REQUIRE(std::holds_alternative<std::string>(parsed));
  return std::get<std::string>(parsed);
}

static std::string complete(const char *text) {
  auto storage = completeStorage(text, {"m", "n"}, {"j", "k"});
  if (auto *error = std::get_if<std::string>(&storage))
    return "error: " + *error;
  return std::get<formats::Storage>(storage).toText();
}

TEST_CASE("rules", "[quant]") {
  QuantizeSpec spec = read("weights=int4 group(128), K?=bfp(mantissa=4) "
                           "block(32) rearranged,X=int8 explicit offline,"
                           "V=bfp block(8) balanced");
  REQUIRE(spec.rules.size() == 4);
  CHECK(!spec.rules[1].isBalanced);
  CHECK(spec.rules[3].isBalanced);
  CHECK(spec.rules[3].isRearranged);
  CHECK(spec.rules[3].storage == "bfp block(8)");
  CHECK(spec.rules[0].isClass());
  CHECK(spec.rules[0].storage == "int4 group(128)");
  CHECK(spec.rules[1].isPattern());
  CHECK(spec.rules[1].isRearranged);
  CHECK(spec.rules[1].storage == "bfp(mantissa=4) block(32)");
  CHECK(spec.rules[2].form == Form::explicitly);
  CHECK(spec.rules[2].isOffline);
}

TEST_CASE("patterns", "[quant]") {
  auto matches = [](const char *pattern, const char *name) {
    Rule rule;
    rule.selector = pattern;
    return rule.matches(name);
  };
  CHECK(matches("W*", "W"));
  CHECK(matches("W*", "WQ"));
  CHECK(matches("?C", "KC"));
  CHECK(matches("*", "anything"));
  CHECK(matches("*a*b", "xxaxxaxxb"));
  CHECK(!matches("?C", "C"));
  CHECK(!matches("W", "WQ"));
  CHECK(!matches("*a*b", "xxbxxa"));
  CHECK(!matches("weights", "weights")); // a class
}

TEST_CASE("what is wrong with rules", "[quant]") {
  CHECK(fail("int8").find("takes rules TENSOR=FORMAT") == 0);
  CHECK(fail("W=").find("'W' has no format") == 0);
  CHECK(fail("W=int8,W=int4").find("gives 'W' twice") == 0);
  CHECK(fail("W=int8 online").find("'W' is stored") == 0);
  CHECK(fail("W=int8 stored explicit").find("both stored and explicit") !=
        std::string::npos);
  CHECK(
      fail("W=int8 explicit online offline").find("both online and offline") !=
      std::string::npos);
  CHECK(fail("W=int99").find("int99") != std::string::npos);
}

TEST_CASE("ranks that are left out", "[quant]") {
  CHECK(complete("int8 channel") == "int8 channel m channel n");
  CHECK(complete("int8") == "int8 channel m channel n");
  CHECK(complete("int4 group(128)") == "int4 group(128) k");
  CHECK(complete("mxfp4") == "mxfp4 block k");
  CHECK(complete("mxfp4 block j") == "mxfp4 block j");
  CHECK(complete("fp8e4m3") == "fp8e4m3");
  CHECK(complete("int8 tensor") == "int8 tensor");
  CHECK(complete("mxfp4 tensor").find("error: ") == 0);
}
