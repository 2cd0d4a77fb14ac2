//===- LiveFootprintTest.cpp - What rank passes cost on chip --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Minimum cuts worked out by hand: which tensors stand for the elements of a
// fiber between two passes, and how large the smallest set is through which
// everything goes that later passes read.
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/LiveFootprint.h"

#include "test/unit/lib/Analysis/CascadeText.h"

using namespace einsum;
using einsum::test::CascadeText;
using Names = std::vector<std::string>;

namespace {

/// The footprint of a rank.
LiveFootprint footprintOf(CascadeText &text, llvm::StringRef rank) {
  RankPasses passes = computeRankPasses(text.cascade);
  for (LiveFootprint &footprint : computeLiveFootprints(text.cascade, passes))
    if (footprint.rank == rank)
      return footprint;
  FAIL("no rank '" << rank.str() << "' with more than one pass");
  return {};
}

} // namespace

TEST_CASE("a softmax keeps its input, then its numerators") {
  CascadeText text(R"(
cascade c(M=8, P=2) : f16
  input X[m,p]
  G[p] = max(m) X[m,p]
  N[m,p] = exp(X[m,p] - G[p])
  S[p] = N[m,p]
  A[m,p] = N[m,p] / S[p]
  output A
)");
  LiveFootprint footprint = footprintOf(text, "m");
  CHECK(footprint.tensor == "X");
  CHECK(footprint.passes == 3);
  CHECK(footprint.each == Names{"p"}); // X, N and A have it: one value suffices
  REQUIRE(footprint.boundaries.size() == 2);

  // Pass 1 makes G; N, in pass 2, reads X again: 8 elements of 2 bytes.
  CHECK(footprint.boundaries[0].after == 1);
  CHECK(footprint.boundaries[0].live == Names{"X"});
  CHECK(footprint.boundaries[0].keep == Names{"X"});
  CHECK(footprint.boundaries[0].bytes == 16);
  CHECK(footprint.boundaries[0].formula == "M*2 B");
  // A reads N alone, and X, of which N could be made again, is no smaller.
  CHECK(footprint.boundaries[1].live == Names{"N"});
  CHECK(footprint.boundaries[1].keep == Names{"N"});
  CHECK(footprint.boundaries[1].bytes == 16);

  // 8*2*2 bytes once; two bundles come in twice more, but for what is held.
  CHECK(footprint.isInput);
  CHECK(footprint.tensorBytes == 32);
  CHECK(footprint.bundles == 2);
  CHECK(footprint.fiberBytes == 16);
  CHECK(footprint.getTraffic(0) == 32 + 2 * 2 * 16);
  CHECK(footprint.getTraffic(10) == 32 + 2 * 2 * 6);
  CHECK(footprint.getTraffic(16) == 32);
  CHECK(footprint.getTraffic(1000) == 32);
}

TEST_CASE("attention keeps keys where they are narrower than scores") {
  constexpr const char *attention = R"(
cascade c(M=16, P=8, E=4) : f16
  input Q[e,p]
  input K[e,m]
  QK[m,p] = Q[e,p] * K[e,m]
  G[p] = max(m) QK[m,p]
  N[m,p] = exp(QK[m,p] - G[p])
  S[p] = N[m,p]
  A[m,p] = N[m,p] / S[p]
  output A
)";
  SECTION("4 numbers per key, 8 per row of scores") {
    CascadeText text(attention);
    LiveFootprint footprint = footprintOf(text, "m");
    CHECK(footprint.passes == 3);
    REQUIRE(footprint.boundaries.size() == 2);
    for (const PassBoundary &boundary : footprint.boundaries) {
      CHECK(boundary.keep == Names{"K"});
      CHECK(boundary.bytes == 16 * 4 * 2);
      CHECK(boundary.formula == "E*M*2 B");
    }
    CHECK(footprint.boundaries[0].live == Names{"QK"});
    CHECK(footprint.boundaries[1].live == Names{"N"});
    // The fibers of all e meet in the scores: one bundle.
    CHECK(footprint.bundles == 1);
    CHECK(footprint.getTraffic(0) == 16 * 4 * 2 + 2 * 16 * 2);
  }
  SECTION("32 numbers per key") {
    CascadeText text(attention, {{"E", 32}});
    LiveFootprint footprint = footprintOf(text, "m");
    REQUIRE(footprint.boundaries.size() == 2);
    CHECK(footprint.boundaries[0].keep == Names{"QK"});
    CHECK(footprint.boundaries[0].bytes == 16 * 8 * 2);
    CHECK(footprint.boundaries[1].keep == Names{"N"}); // as large, but later
    CHECK(footprint.boundaries[1].bytes == 16 * 8 * 2);
  }
  SECTION("as many: what later passes read themselves") {
    CascadeText text(attention, {{"E", 8}});
    LiveFootprint footprint = footprintOf(text, "m");
    REQUIRE(footprint.boundaries.size() == 2);
    CHECK(footprint.boundaries[0].keep == Names{"QK"});
    CHECK(footprint.boundaries[1].keep == Names{"N"});
  }
}

TEST_CASE("what is read itself later is kept, and what is made of it is not") {
  CascadeText text(R"(
cascade c(M=8) : f32
  input X[m]
  E[m] = exp(X[m])
  S[] = E[m]
  A[m] = X[m] * E[m] / S[]
  output A
)");
  LiveFootprint footprint = footprintOf(text, "m");
  CHECK(footprint.passes == 2);
  REQUIRE(footprint.boundaries.size() == 1);
  llvm::SmallVector<std::string> live(footprint.boundaries[0].live.begin(),
                                      footprint.boundaries[0].live.end());
  CHECK(llvm::is_contained(live, "X"));
  CHECK(llvm::is_contained(live, "E"));
  // The cut is X alone: 32 bytes, where X and E together are 64.
  CHECK(footprint.boundaries[0].keep == Names{"X"});
  CHECK(footprint.boundaries[0].bytes == 32);
}

TEST_CASE("two narrow tensors are cut where a wide one feeds both") {
  // X has 3 numbers per m; U and V, one each, are all that is read later.
  CascadeText text(R"(
cascade c(M=8, E=3) : f32
  input X[m,e]
  U[m] = X[m,e]
  V[m] = max(e) X[m,e]
  S[] = U[m]
  A[m] = U[m] * V[m] / S[]
  output A
)");
  LiveFootprint footprint = footprintOf(text, "m");
  REQUIRE(footprint.boundaries.size() == 1);
  CHECK(footprint.boundaries[0].bytes == 2 * 8 * 4);
  CHECK(footprint.boundaries[0].keep == Names{"U", "V"});
  CHECK(footprint.boundaries[0].formula == "M*4 B + M*4 B");
}

TEST_CASE("one pass costs nothing, and extents may be missing") {
  CascadeText once(R"(
cascade c(M=8) : f32
  input X[m]
  S[] = X[m]
  output S
)");
  CHECK(computeLiveFootprints(once.cascade, computeRankPasses(once.cascade))
            .empty());
}
