// Every structural pass on every example cascade: what comes out equals what
// went in, for all real inputs of the shape.

#include "test/unit/lib/Transforms/ProvedPass.h"

#include <catch2/catch.hpp>

using namespace einsum::test;

static void proveOnExamples(const std::string &pipeline, unsigned atLeast) {
  unsigned changed = 0;
  for (const std::string &name : listExamples("02-rank-passes")) {
    ProvedPass pass(readExample(name));
    INFO(pipeline << " on " << name);
    REQUIRE(pass.isParsed());
    // Three of everything shows what a law does; more only makes longer
    // formulas.
    std::map<std::string, int64_t> values = pass.checkedAt();
    for (auto &[parameter, value] : values)
      value = std::min<int64_t>(value, parameter == "M0" ? 2 : 3);
    REQUIRE(pass.bind(values));
    bool ran = pass.run(pipeline);
    INFO(pass.diagnostics());
    REQUIRE(ran);
    if (pass.isUnchanged())
      continue;
    ++changed;
    Proof proof = pass.prove();
    INFO(pass.print() << proof.reason);
    CHECK(proof.verdict == Verdict::proved);
  }
  CHECK(changed >= atLeast);
}

TEST_CASE("map fusion keeps every value", "[laws]") {
  proveOnExamples("einsum-fuse-maps", 6);
  proveOnExamples("einsum-fuse-maps{duplicate}", 40);
}

TEST_CASE("map unfusion keeps every value", "[laws]") {
  proveOnExamples("einsum-unfuse-maps", 30);
}

TEST_CASE("common Einsums keep every value", "[laws]") {
  proveOnExamples("einsum-unfuse-maps,einsum-cse", 30);
}

TEST_CASE("recomputation keeps every value", "[laws]") {
  proveOnExamples("einsum-recompute", 20);
}

TEST_CASE("reassociation keeps every value", "[laws]") {
  proveOnExamples("einsum-reassociate", 4);
}

TEST_CASE("interchange keeps every value", "[laws]") {
  proveOnExamples("einsum-interchange{always}", 2);
}

TEST_CASE("a constant in the place of a maximum keeps every value", "[laws]") {
  proveOnExamples("einsum-unified-max{value=3}", 15);
  proveOnExamples("einsum-drop-max", 15);
}

TEST_CASE("sums of deviations multiplied out keep every value", "[laws]") {
  proveOnExamples("einsum-raw-moments", 6);
}

TEST_CASE("deferral keeps every value", "[laws]") {
  proveOnExamples("einsum-defer", 10);
}

TEST_CASE("online correction keeps every value", "[laws]") {
  proveOnExamples("einsum-online{tile=2}", 15);
}

TEST_CASE("pass reduction keeps every value", "[laws]") {
  proveOnExamples("einsum-reduce-passes{tile=2}", 20);
  proveOnExamples("einsum-reduce-passes{tile=none}", 20);
}

TEST_CASE("local reductions keep every value", "[laws]") {
  proveOnExamples("einsum-local-reductions{tile=2}", 15);
}
