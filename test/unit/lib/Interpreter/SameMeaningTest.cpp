//===- SameMeaningTest.cpp - The harness sees what differs ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/lib/Interpreter/SameMeaning.h"

#include "test/unit/lib/Interpreter/Cascades.h"
#include "test/unit/lib/Interpreter/RandomCascade.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

#include <catch2/catch.hpp>

using namespace einsum;
using namespace einsum::test;

TEST_CASE("folding and sharing keep the meaning of random cascades",
          "[interpreter]") {
  for (uint64_t seed = 1000; seed < 1100; ++seed) {
    std::string source = RandomCascade(seed).make();
    Text before(source), after(source);
    INFO("seed " << seed << "\n" << source << before.errors);
    REQUIRE(after.cascade());
    mlir::PassManager passes(after.cascade().getContext());
    passes.addPass(mlir::createCanonicalizerPass());
    passes.addPass(mlir::createCSEPass());
    REQUIRE(mlir::succeeded(passes.run(after.cascade()->getParentOp())));
    SameMeaningOptions options;
    options.tolerance = 0; // not even the rounding changes
    options.trials = 3;
    options.firstSeed = seed;
    REQUIRE(findDifference(before.cascade(), after.cascade(), options) == "");
  }
}

TEST_CASE("a changed meaning is found and described", "[interpreter]") {
  Text sum("cascade c(M=3) : f32\n  input A[m]\n  S[] = A[m]\n  output S\n");
  Text most(
      "cascade c(M=3) : f32\n  input A[m]\n  S[] = max(m) A[m]\n  output S\n");
  std::string text = findDifference(sum.cascade(), most.cascade());
  CHECK(text.find("seed 0, data normal: S[] is ") == 0);
  Text other("cascade c(M=3) : f32\n  input A[m]\n  T[] = A[m]\n  output T\n");
  CHECK(findDifference(sum.cascade(), other.cascade()) ==
        "seed 0, data normal: output 'S' is missing");
  Text fewer("cascade c(M=3) : f32\n  input A[m]\n  S[] = A[m] where m < 2\n  "
             "output S\n");
  CHECK(findDifference(sum.cascade(), fewer.cascade()) != "");
}
