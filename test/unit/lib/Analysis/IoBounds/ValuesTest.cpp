//===- ValuesTest.cpp - Points and elements, counted one by one -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/IoBounds/Values.h"
#include "test/unit/lib/Analysis/CascadeText.h"

using namespace einsum;
using namespace einsum::bounds;
using einsum::test::CascadeText;

namespace {

struct Counts {
  CascadeText cascade;

  explicit Counts(llvm::StringRef text) : cascade(text) {}

  uint64_t points(llvm::StringRef einsum) const {
    return cascade.facts.einsums[cascade.einsum(einsum)].points;
  }
  uint64_t touched(llvm::StringRef einsum, llvm::StringRef tensor) const {
    const EinsumFact &fact = cascade.facts.einsums[cascade.einsum(einsum)];
    for (const auto &accesses : {llvm::ArrayRef<AccessFact>(fact.reads),
                                 llvm::ArrayRef<AccessFact>(fact.writes)})
      for (const AccessFact &access : accesses)
        if (access.tensor == cascade.tensor(tensor))
          return countTouched(cascade.facts, fact, access);
    return 0;
  }
};

} // namespace

TEST_CASE("a causal mask leaves a triangle to all who read it", "[bounds]") {
  Counts c("cascade c(P=6, M=6, E=2, F=3) : f16\n"
           "  input Q[p,e], K[m,e], V[m,f]\n"
           "  QK[m,p] = Q[p,e] * K[m,e] where m <= p\n"
           "  G[p] = max(m) QK[m,p]\n"
           "  S[m,p] = exp(QK[m,p] - G[p])\n"
           "  Z[p,f] = S[m,p] * V[m,f]\n"
           "  output Z\n");
  CHECK(c.points("QK") == 21 * 2);
  CHECK(c.points("G") == 21);
  CHECK(c.points("S") == 21);
  CHECK(c.points("Z") == 21 * 3);
  CHECK(c.touched("QK", "K") == 12);
  CHECK(c.touched("QK", "QK") == 21);
  CHECK(c.touched("Z", "V") == 18);
}

TEST_CASE("a window touches what it covers", "[bounds]") {
  Counts c("cascade c(P=100, M=100, W=7) : f16\n"
           "  input Q[p], K[m]\n"
           "  S[p] = Q[p] * K[m] where m <= p, p < m + W\n"
           "  output S\n");
  CHECK(c.points("S") == 100 * 7 - 21);
  CHECK(c.touched("S", "K") == 100);
  CHECK(c.touched("S", "Q") == 100);
}

TEST_CASE("what a mask excludes for everybody is not compulsory", "[bounds]") {
  Counts c("cascade c(P=8, M=8) : f16\n"
           "  input K[m], Q[p]\n"
           "  S[p] = Q[p] * K[m] where 2*m + p < 5\n"
           "  output S\n");
  CHECK(c.points("S") == 5 + 3 + 1);
  CHECK(c.touched("S", "K") == 3);
  CHECK(c.touched("S", "Q") == 5);
  CHECK(c.touched("S", "S") == 5);
}

TEST_CASE("padding reads inside of the image only", "[bounds]") {
  Counts c("cascade c(P=8, R=3, W=8) : f16\n"
           "  input I[w], F[r]\n"
           "  O[p] = I[p+r-1] * F[r]\n"
           "  output O\n");
  CHECK(c.points("O") == 8 * 3 - 2);
  CHECK(c.touched("O", "I") == 8);
  CHECK(c.touched("O", "O") == 8);
}

TEST_CASE("the last tile of a split may be ragged", "[bounds]") {
  Counts c("cascade c(M=10, P=3) : f16\n"
           "  split m = m1, m0(4)\n"
           "  input K[m]\n"
           "  S[m1,p] = K[m1*4+m0]\n"
           "  output S\n");
  CHECK(c.points("S") == 10 * 3);
  CHECK(c.touched("S", "K") == 10);
  CHECK(c.touched("S", "S") == 9);
}
