//===- CertainBoundTest.cpp - What every mapping costs --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Bounds by hand, on machines where one thing limits. That no mapping is below
// a bound, `einsum-optimality` says of random problems.
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Mapper.h"
#include "lib/Support/Diagnostics.h"
#include "test/unit/lib/Analysis/CascadeText.h"

#include <catch2/catch.hpp>

using namespace einsum;
using namespace einsum::mapper;

namespace {

std::string productOf(const std::string &extents) {
  return "cascade gemm(" + extents +
         ") : i8\n  input A[m,k], B[k,n]\n  Z[m,n] = A[m,k] * B[k,n]\n"
         "  output Z\n";
}

double boundOf(const std::string &text, const std::string &machine,
               Metric metric) {
  test::CascadeText workload(text);
  Diagnostics diagnostics;
  auto spec = arch::parseArchSpec(
      R"({"schema": "einsum-arch/1", "name": "m", "clock": "1 Hz", "word": "8 bit", )" +
          machine + "}",
      "test.json", diagnostics);
  REQUIRE(spec);
  MapOptions options;
  options.objective.metrics = {metric};
  return boundCascade(workload.cascade, workload.facts, *spec, options);
}

constexpr const char *kOps =
    R"("ops": {"mac": {"energy": "0 J"}, "mul": {"energy": "0 J"}, "add": {"energy": "0 J"}}, "provenance": "test")";

std::string levelOf(const std::string &name, const std::string &rest) {
  return R"({"name": ")" + name + R"(", "provenance": "test", )" + rest + "}";
}

} // namespace

TEST_CASE("operands of a core without levels are read at every point") {
  std::string machine =
      R"("levels": [)" +
      levelOf(
          "DRAM",
          R"("access": "64 B", "energy": {"read": "1 J", "write": "1 J"})") +
      R"(], "arrays": [{"name": "core", "level": "DRAM", )" + kOps + "}]";
  // Innermost k: A and B at each of 60 points, Z 12 times; innermost m, with
  // 4 * 5 of B, or n, with 3 * 5 of A, read and write the sums.
  CHECK(boundOf(productOf("M=3, N=4, K=5"), machine, Metric::energy) ==
        Approx(60 + 60 + 12));
}

TEST_CASE("units that share words are dealt once") {
  std::string machine =
      R"("levels": [)" +
      levelOf("DRAM",
              R"("access": "1 B", "energy": {"read": "1 J", "write": "0 J"})") +
      R"(], "arrays": [{"name": "grid", "level": "DRAM", "shape": {"x": 4, "y": 4}, )" +
      kOps + "}]";
  // 16^3 points, each word of A or B for 4 of them.
  CHECK(boundOf(productOf("M=16, N=16, K=16"), machine, Metric::energy) ==
        Approx(2 * 16 * 16 * 16 / 4).epsilon(0.01));
}

TEST_CASE("registers are read and written at every point") {
  std::string machine =
      R"("levels": [)" + levelOf("DRAM", R"("access": "1 B")") + "," +
      levelOf(
          "R",
          R"("parent": "DRAM", "per": "grid", "capacity": "3 B", "access": "1 B", "energy": {"read": "1 J", "write": "2 J"})") +
      R"(], "arrays": [{"name": "grid", "level": "R", "shape": {"x": 4}, )" +
      kOps + "}]";
  CHECK(boundOf(productOf("M=4, N=4, K=4"), machine, Metric::energy) >=
        64 * (1 + 1 + 2 + 1));
}

TEST_CASE("ranks take whole steps over units") {
  std::string machine =
      R"("levels": [)" + levelOf("DRAM", R"("access": "1 B")") +
      R"(], "arrays": [{"name": "grid", "level": "DRAM", "shape": {"x": 14, "y": 12}, )" +
      kOps + "}]";
  // 5 * 8 * 4 units in 13 * 8 * 16 steps; 64^3 / 168 are 1560.4.
  CHECK(boundOf(productOf("M=64, N=64, K=64"), machine, Metric::latency) ==
        Approx(1664));
}

TEST_CASE("what is shared crosses levels of one instance") {
  std::string machine =
      R"("levels": [)" + levelOf("DRAM", R"("access": "1 B")") + "," +
      levelOf(
          "L2",
          R"("parent": "DRAM", "access": "1 B", "energy": {"read": "1 J", "write": "1 J"})") +
      "," +
      levelOf("local",
              R"("parent": "L2", "access": "1 B", "instances": {"sm": 4})") +
      R"(], "arrays": [{"name": "lanes", "level": "local", "shape": {"lane": 4}, )" +
      kOps + "}]";
  std::string chain = "cascade chain(M=64) : i8\n  input A[m]\n"
                      "  B[m] = A[m] + 1\n  C[m] = B[m] + 1\n"
                      "  D[m] = C[m] + 1\n  output D\n";
  std::string dear = machine;
  // DRAM costs nothing, so nothing is certain ...
  CHECK(boundOf(chain, machine, Metric::energy) == 0);
  // ... unless it costs as much: A, B, C are read, B, C, D written.
  size_t at = dear.find(R"("access": "1 B"})");
  REQUIRE(at != std::string::npos);
  dear.insert(at, R"("energy": {"read": "1 J", "write": "1 J"}, )");
  CHECK(boundOf(chain, dear, Metric::energy) == Approx(6 * 64));
}
