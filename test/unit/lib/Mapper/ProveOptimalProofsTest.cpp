//===- ProveOptimalProofsTest.cpp - Z3 on optima known by hand ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Z3/ProveOptimal.h"
#include "test/unit/lib/Analysis/CascadeText.h"

using namespace einsum;
using namespace einsum::mapper;
using einsum::test::CascadeText;

static arch::ArchSpec twoLevels(const std::string &capacity,
                                const std::string &extra = "") {
  std::string text =
      "{\"schema\": \"einsum-arch/1\", \"name\": \"two\", \"clock\": \"1 "
      "GHz\", \"word\": \"8 bit\", \"levels\": [{\"name\": \"far\", "
      "\"access\": \"1 B\", " +
      extra +
      "\"energy\": {\"read\": \"10 pJ\", \"write\": \"10 pJ\"}, "
      "\"provenance\": \"test\"}, {\"name\": \"near\", \"parent\": \"far\", "
      "\"capacity\": \"" +
      capacity +
      "\", \"access\": \"1 B\", \"energy\": {\"read\": \"1 pJ\", \"write\": "
      "\"1 pJ\"}, \"provenance\": \"test\"}], \"arrays\": [{\"name\": \"pe\", "
      "\"level\": \"near\", \"ops\": {\"mac\": {\"energy\": \"1 pJ\"}, "
      "\"add\": {\"energy\": \"1 pJ\"}}, \"provenance\": \"test\"}]}";
  einsum::Diagnostics diagnostics;
  auto spec = arch::parseArchSpec(text, "two.json", diagnostics);
  REQUIRE(spec);
  return *spec;
}

static const char *const product =
    "cascade g(M=4, N=4, K=4) : i8\n  input A[m,k], B[k,n]\n"
    "  Z[m,n] = A[m,k] * B[k,n]\n  output Z\n";

TEST_CASE("Z3 proves compulsory traffic the least", "[prove-optimal]") {
  CascadeText cascade(product);
  // A matrix, a row of the next and an element: each word moves once.
  auto ask = [&](const std::string &capacity, double bytes) {
    return proveOptimal(cascade.facts, twoLevels(capacity), SpaceLimits(),
                        Metric::traffic, 0, bytes)
        .verdict;
  };
  CHECK(ask("48 B", 48) == Verdict::proven);
  CHECK(ask("48 B", 49) == Verdict::refuted);
  // With four bytes there is no mapping of 48.
  CHECK(ask("4 B", 49) == Verdict::proven);
}

TEST_CASE("Z3 sees that a tensor between two Einsums stays on chip",
          "[prove-optimal]") {
  CascadeText cascade("cascade p(A=4, B=2) : i8\n  input X[a,b]\n"
                      "  Y[a,b] = X[a,b]\n  Z[a,b] = Y[a,b]\n"
                      "  W[a] = Z[a,b]\n  output W\n");
  arch::ArchSpec arch = twoLevels("1 B");
  SpaceLimits fused, apart;
  apart.fusion = false;
  // Three Einsums are not covered.
  CHECK(proveOptimal(cascade.facts, arch, fused, Metric::traffic, 0, 12)
            .verdict == Verdict::notCovered);
  CascadeText plain("cascade p(A=4, B=2) : i8\n  input X[a,b]\n"
                    "  Y[a,b] = X[a,b]\n  Z[a] = Y[a,b]\n  output Z\n");
  auto ask = [&](const SpaceLimits &limits, double bytes) {
    return proveOptimal(plain.facts, arch, limits, Metric::traffic, 0, bytes)
        .verdict;
  };
  // X once and Z once; else Y twice in addition.
  CHECK(ask(fused, 12) == Verdict::proven);
  CHECK(ask(fused, 13) == Verdict::refuted);
  CHECK(ask(apart, 28) == Verdict::proven);
  CHECK(ask(apart, 29) == Verdict::refuted);
}

TEST_CASE("Z3 proves a latency that a bandwidth sets", "[prove-optimal]") {
  CascadeText cascade("cascade c(A=8) : i8\n  input X[a]\n  Z[a] = X[a] + 1\n"
                      "  output Z\n");
  arch::ArchSpec arch = twoLevels("8 B", "\"bandwidth\": \"1 GB/s\", ");
  auto ask = [&](double nanoseconds) {
    return proveOptimal(cascade.facts, arch, SpaceLimits(), Metric::latency, -1,
                        nanoseconds * 1e-9)
        .verdict;
  };
  CHECK(ask(16) == Verdict::proven); // 16 bytes at one per cycle
  CHECK(ask(17) == Verdict::refuted);
}

TEST_CASE("Z3 says what it does not cover", "[prove-optimal]") {
  CascadeText cascade("cascade w(P=4, R=2) : i8\n  rank w = P + R - 1\n"
                      "  input X[w], F[r]\n  Z[p] = X[p+r] * F[r]\n"
                      "  output Z\n");
  OptimalityProof proof = proveOptimal(cascade.facts, twoLevels("8 B"),
                                       SpaceLimits(), Metric::energy, -1, 1e-9);
  CHECK(proof.verdict == Verdict::notCovered);
  CHECK(proof.reason == "how 'X' is indexed");
}
