//===- LiveTest.cpp - What outputs need
//------------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/IoBounds/Live.h"
#include "lib/Analysis/IoBounds/IoBounds.h"
#include "test/unit/lib/Analysis/CascadeText.h"

using namespace einsum;
using namespace einsum::bounds;
using einsum::test::CascadeText;

namespace {

struct Live {
  explicit Live(llvm::StringRef text) : cascade(text), parts(cascade.facts) {}

  uint64_t points(llvm::StringRef einsum) const {
    return parts.points(cascade.facts.findEinsum(einsum));
  }
  /// By the first read.
  uint64_t touched(llvm::StringRef einsum) const {
    int id = cascade.facts.findEinsum(einsum);
    return parts.touched(id, cascade.facts.einsums[id].reads.front());
  }
  bool isWhole(llvm::StringRef einsum) const {
    return parts.isWhole(cascade.facts.findEinsum(einsum));
  }

  CascadeText cascade;
  LiveParts parts;
};

} // namespace

TEST_CASE("what nobody reads is not needed", "[bounds]") {
  Live live("cascade c(H=9, P=4, K=3) : f32\n"
            "  input I[h,k]\n"
            "  T[h] = I[h,k]\n"
            "  U[h] = exp(T[h])\n"
            "  Z[p] = U[2*p+1]\n"
            "  output Z\n");
  CHECK(live.points("U") == 4);
  CHECK(live.points("T") == 12); // 4 sums of 3
  CHECK(live.touched("T") == 12);
  CHECK_FALSE(live.isWhole("T"));
  CHECK(live.isWhole("Z"));
  // 12 elements of I, 4 of Z.
  CHECK(IoBoundAnalysis(live.cascade.facts).compulsoryBytes() == 64);
}

TEST_CASE("windows without gaps need all", "[bounds]") {
  Live live("cascade c(W=6, P=4, R=3) : f32\n"
            "  input I[w], F[r]\n"
            "  T[w] = exp(I[w])\n"
            "  Z[p] = T[p+r] * F[r]\n"
            "  output Z\n");
  CHECK(live.isWhole("T"));
  CHECK(live.points("T") == 6);
}

TEST_CASE("readers of different parts need them all together", "[bounds]") {
  Live live("cascade c(M=4, N=8, H=3) : f32\n"
            "  input I[m,n]\n"
            "  T[m,n] = exp(I[m,n])\n"
            "  A[m,h] = T[m,2*h]\n"
            "  B[m,h] = T[m,2*h+1]\n"
            "  output A, B\n");
  CHECK(live.points("T") == 4 * 6);
  Live all("cascade c(M=4, N=6, H=3) : f32\n"
           "  input I[m,n]\n"
           "  T[m,n] = exp(I[m,n])\n"
           "  A[m,h] = T[m,2*h]\n"
           "  B[m,h] = T[m,2*h+1]\n"
           "  output A, B\n");
  CHECK(all.isWhole("T"));
}

TEST_CASE("a filter of the reader is one of what it reads", "[bounds]") {
  Live live("cascade c(M=5, P=5, E=2) : f32\n"
            "  input Q[p,e], K[m,e]\n"
            "  S[m,p] = Q[p,e] * K[m,e]\n"
            "  Z[p] = exp(S[m,p]) where m <= p\n"
            "  output Z\n");
  CHECK(live.points("S") == 2 * 15);
  CHECK_FALSE(live.isWhole("S"));
  // With the same filter nothing of the product is left over.
  Live same("cascade c(M=5, P=5, E=2) : f32\n"
            "  input Q[p,e], K[m,e]\n"
            "  S[m,p] = Q[p,e] * K[m,e] where m <= p\n"
            "  Z[p] = exp(S[m,p]) where m <= p\n"
            "  output Z\n");
  CHECK(same.isWhole("S"));
}

TEST_CASE("a recurrence read at its last step needs every step", "[bounds]") {
  // N is carried through S.
  Live live("cascade c(I=4, P=3) : f32\n"
            "  input X[i,p], F[i]\n"
            "  S[i,p] = F[i] * N[i-1,p]\n"
            "  N[i,p] = S[i,p] + X[i,p] init 0\n"
            "  Z[p] = N[3,p]\n"
            "  output Z\n");
  CHECK(live.isWhole("N"));
  CHECK(live.isWhole("S"));
}

TEST_CASE("what flows into no output is not needed at all", "[bounds]") {
  Live live("cascade c(H=9) : f32\n"
            "  input I[h], J[h]\n"
            "  T[h] = exp(J[h])\n"
            "  Z[h] = exp(I[h])\n"
            "  output Z\n");
  CHECK(live.points("T") == 0);
  CHECK(IoBoundAnalysis(live.cascade.facts).compulsoryBytes() == 72);
}
