//===- MachineFitTest.cpp -------------------------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/MachineFit.h"
#include "test/unit/lib/Analysis/CascadeText.h"

#include "llvm/ADT/StringExtras.h"

#include <catch2/catch.hpp>

using namespace einsum;

namespace {

struct Subject : test::CascadeText {
  using CascadeText::CascadeText;

  /// The tensors that a set names in an Einsum, as "A B".
  std::string resolve(const std::string &set, const std::string &einsum) {
    Diagnostics diags;
    auto spec = arch::parseArchSpec(
        R"({"schema": "einsum-arch/1", "name": "t", "clock": "1 GHz",
            "word": "16 bit", "levels": [
              {"name": "DRAM", "access": "2 B", "energy": {"read": "1 pJ",
               "write": "1 pJ"}, "provenance": "test"},
              {"name": "L1", "parent": "DRAM", "access": "2 B", "energy":
               {"read": "1 pJ", "write": "1 pJ"}, "provenance": "test"}],
            "arrays": [{"name": "pe", "level": "L1", "ops": {}}],
            "constraints": [{"level": "L1", "must_keep": [)" +
            set + "]}]}",
        "t.json", diags);
    REQUIRE(spec);
    std::vector<std::string> names;
    for (int tensor : cost::resolveTensors(
             *spec->constraints.levels[0].mustKeep, facts,
             facts.einsums[facts.findEinsum(einsum)],
             [&](int tensor, int) { return facts.tensors[tensor].isInput; }))
      names.push_back(facts.tensors[tensor].name);
    return llvm::join(names, " ");
  }
};

const char *const chain = R"(cascade chain(M=4, K=4, N=4, P=4) : f16
  input A[m,k], B[k,n], C[n,p]
  X[m,n] = A[m,k] * B[k,n]
  Y[m,p] = X[m,n] * C[n,p]
  S[m] = max(p) Y[m,p]
  output S
)";

} // namespace

TEST_CASE("roles are those in the Einsum at hand", "[MachineFit]") {
  Subject subject(chain);
  // Both from outside: the first is the input.
  CHECK(subject.resolve("\"inputs\"", "X") == "A");
  CHECK(subject.resolve("\"weights\"", "X") == "B");
  CHECK(subject.resolve("\"outputs\"", "X") == "X");
  // One is made by another Einsum.
  CHECK(subject.resolve("\"inputs\"", "Y") == "X");
  CHECK(subject.resolve("\"weights\"", "Y") == "C");
  CHECK(subject.resolve("\"intermediates\"", "Y") == "X Y");
  CHECK(subject.resolve("\"weights\"", "S") == "");
  CHECK(subject.resolve("\"intermediates\"", "S") == "Y");
}

TEST_CASE("sets are read from left to right", "[MachineFit]") {
  Subject subject(chain);
  CHECK(subject.resolve("\"all\"", "Y") == "C X Y");
  CHECK(subject.resolve("\"not intermediates\"", "Y") == "C");
  CHECK(subject.resolve("\"all\", \"not X\", \"inputs\"", "Y") == "C X Y");
  CHECK(subject.resolve("\"inputs\", \"not X\"", "Y") == "");
  CHECK(subject.resolve("\"not @DRAM\"", "X") == "X");
  CHECK(subject.resolve("\"@DRAM\"", "X") == "A B");
  CHECK(subject.resolve("\"C\"", "X") == "");
}

TEST_CASE("selections are conjunctions", "[MachineFit]") {
  Subject subject(chain);
  auto selects = [&](const arch::EinsumSelection &on, const char *name) {
    return cost::isSelected(
        on, subject.facts,
        subject.facts.einsums[subject.facts.findEinsum(name)]);
  };
  arch::EinsumSelection on;
  CHECK(selects(on, "X"));
  on.operands = {2, 2};
  CHECK(selects(on, "X"));
  CHECK_FALSE(selects(on, "S"));
  on.operators = {{"max", {}}};
  CHECK_FALSE(selects(on, "X"));
  on.operands = {1, 1};
  CHECK(selects(on, "S"));
  on.einsums = {{"Y", {}}};
  CHECK_FALSE(selects(on, "S"));
}
