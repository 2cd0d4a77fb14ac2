//===- IoBoundsTest.cpp - Which bounds a cascade has ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/IoBounds/IoBounds.h"
#include "test/unit/lib/Analysis/CascadeText.h"

#include <cmath>

using namespace einsum;
using namespace einsum::bounds;
using einsum::test::CascadeText;

namespace {

std::string readExample(const std::string &name) {
  auto buffer =
      llvm::MemoryBuffer::getFile(std::string(EINSUM_SOURCE_DIR) +
                                  "/examples/01-fusemax-attention/" + name);
  REQUIRE(buffer);
  return (*buffer)->getBuffer().str();
}

/// Bytes of the bound of that name; 0 if there is none.
uint64_t find(const std::vector<IoBound> &bounds, llvm::StringRef name) {
  for (const IoBound &bound : bounds)
    if (bound.name == name)
      return bound.bytes;
  return 0;
}

const std::map<std::string, int64_t> oneHead = {{"B", 1}, {"H", 1}};

} // namespace

TEST_CASE("attention has its bound in one pass and in three", "[bounds]") {
  // 4 N^2 d^2 / S words, found by accesses: the products that weigh V travel to
  // the output through a recurrence in one text, and directly in the other.
  CascadeText three(readExample("three-pass.ein"), oneHead),
      one(readExample("one-pass.ein"), oneHead);
  uint64_t bytes = 65536, words = bytes / 2;
  std::vector<IoBound> a = IoBoundAnalysis(three.facts).compute(bytes),
                       b = IoBoundAnalysis(one.facts).compute(bytes);
  double expected =
      4.0 * 16384 * 16384 * 64 * 64 / static_cast<double>(words) * 2;
  CHECK(a.front().name == "two Einsums QK, AV");
  CHECK(b.front().name == "two Einsums QK, SLNV");
  CHECK(a.front().bytes == b.front().bytes);
  CHECK(static_cast<double>(a.front().bytes) == Approx(expected).epsilon(0.01));
}

TEST_CASE("a chain of two products counts the points of both", "[bounds]") {
  // Far below d^2 words: 2 sqrt(2) V / sqrt(S), where one product after the
  // other moves 4 V / sqrt(S).
  CascadeText ffn("cascade f(M=4096, D=8192, F=4096, E=8192) : f16\n"
                  "  input X[m,d], A[d,f], B[f,e]\n"
                  "  Y[m,f] = X[m,d] * A[d,f]\n"
                  "  G[m,f] = max(Y[m,f], 0)\n"
                  "  Z[m,e] = G[m,f] * B[f,e]\n"
                  "  output Z\n");
  uint64_t words = 4096;
  std::vector<IoBound> bounds = IoBoundAnalysis(ffn.facts).compute(2 * words);
  double points = 4096.0 * 8192 * 4096,
         expected = 2 * std::sqrt(2.0) * points / std::sqrt(words) * 2;
  CHECK(bounds.front().name == "chain of Y and Z");
  CHECK(static_cast<double>(bounds.front().bytes) < expected);
  CHECK(static_cast<double>(bounds.front().bytes) > 0.9 * expected);
  // The first product alone, whatever becomes of its result.
  CHECK(static_cast<double>(find(bounds, "fibers of Y")) ==
        Approx(expected / 2).epsilon(0.1));
}

TEST_CASE("a mark is no accumulator besides", "[bounds]") {
  // Z belongs to one pair each: its elements are marks already.
  CascadeText text("cascade c(M=64, F=64, D=64) : f16\n"
                   "  input X[m,d], A[d,f], B[m,f]\n"
                   "  Y[m,f] = X[m,d] * A[d,f]\n"
                   "  Z[m,f] = Y[m,f] * B[m,f]\n"
                   "  output Z\n");
  CHECK(find(IoBoundAnalysis(text.facts).compute(512), "chain of Y and Z") ==
        0);
}

TEST_CASE("names and the order of ranks do not matter", "[bounds]") {
  CascadeText plain("cascade a(E=8, F=8, M=256, P=256) : f16\n"
                    "  input Q[p,e], K[m,e], V[m,f]\n"
                    "  S[m,p] = Q[p,e] * K[m,e]\n"
                    "  T[m,p] = exp(S[m,p])\n"
                    "  Z[p,f] = T[m,p] * V[m,f]\n"
                    "  output Z\n");
  CascadeText renamed("cascade b(A=8, B=8, C=256, D=256) : f16\n"
                      "  input X[a,c], Y[a,d], W[b,d]\n"
                      "  U[c,d] = Y[a,d] * X[a,c]\n"
                      "  V[d,c] = exp(U[c,d])\n"
                      "  R[b,c] = W[b,d] * V[d,c]\n"
                      "  output R\n");
  for (uint64_t capacity : {128u, 512u, 2048u, 8192u}) {
    auto a = IoBoundAnalysis(plain.facts).compute(capacity),
         b = IoBoundAnalysis(renamed.facts).compute(capacity);
    REQUIRE(a.size() == b.size());
    for (size_t i = 0; i < a.size(); ++i)
      CHECK(a[i].bytes == b[i].bytes);
    CHECK(find(a, "two Einsums S, Z") == find(b, "two Einsums U, R"));
  }
}

TEST_CASE("a mask lowers the bound by the pairs that it takes away",
          "[bounds]") {
  const char *text = "cascade a(E=16, F=16, M=1024, P=1024) : f16\n"
                     "  input Q[p,e], K[m,e], V[m,f]\n"
                     "  S[m,p] = Q[p,e] * K[m,e]%s\n"
                     "  T[m,p] = exp(S[m,p])\n"
                     "  Z[p,f] = T[m,p] * V[m,f]\n"
                     "  output Z\n";
  std::string causal(text), full(text);
  causal.replace(causal.find("%s"), 2, " where m <= p");
  full.replace(full.find("%s"), 2, "");
  CascadeText a(full), b(causal);
  double whole =
      find(IoBoundAnalysis(a.facts).compute(8192), "two Einsums S, Z");
  double half =
      find(IoBoundAnalysis(b.facts).compute(8192), "two Einsums S, Z");
  CHECK(half / whole == Approx(0.5).epsilon(0.03));
}

TEST_CASE("a bound is not printed where its hypotheses fail", "[bounds]") {
  // Keys are made on chip: no row of them has to come from afar.
  CascadeText projected("cascade a(E=8, F=8, M=256, P=256, D=8) : f16\n"
                        "  input Q[p,e], X[m,d], W[d,e]\n"
                        "  K[m,e] = X[m,d] * W[d,e]\n"
                        "  S[m,p] = Q[p,e] * K[m,e]\n"
                        "  Z[p,f] = S[m,p] * X[m,f]\n"
                        "  output Z\n");
  auto bounds = IoBoundAnalysis(projected.facts).compute(1024);
  for (const IoBound &bound : bounds)
    if (llvm::StringRef(bound.name).contains("two Einsums S"))
      for (const std::string &hypothesis : bound.hypotheses)
        CHECK(!llvm::StringRef(hypothesis).starts_with("K"));
  // An output that stays near is not stored, and an input that starts near is
  // not fetched.
  CascadeText gemm("cascade g(M=64, N=64, K=64) : f16\n"
                   "  input A[m,k], B[k,n]\n"
                   "  Z[m,n] = A[m,k] * B[k,n]\n"
                   "  output Z\n");
  std::vector<bool> isFar(gemm.facts.tensors.size(), true);
  uint64_t far = IoBoundAnalysis(gemm.facts, isFar).best(512).bytes;
  isFar[gemm.tensor("A")] = false;
  IoBoundAnalysis near(gemm.facts, isFar);
  CHECK(near.compulsoryBytes() == 2 * 64 * 64 * 2);
  CHECK(near.best(512).bytes < far);
  CHECK(IoBoundAnalysis(gemm.facts, std::vector<bool>(isFar.size(), false))
            .best(512)
            .bytes == 0);
}

TEST_CASE("bounds add only where their tensors are apart", "[bounds]") {
  // Two products that share X, and two that share nothing.
  CascadeText shared("cascade s(M=512, N=512, K=512) : f16\n"
                     "  input X[m,k], A[k,n], B[k,n]\n"
                     "  Y[m,n] = X[m,k] * A[k,n]\n"
                     "  Z[m,n] = X[m,k] * B[k,n]\n"
                     "  output Y, Z\n");
  CascadeText apart("cascade s(M=512, N=512, K=512) : f16\n"
                    "  input X[m,k], W[m,k], A[k,n], B[k,n]\n"
                    "  Y[m,n] = X[m,k] * A[k,n]\n"
                    "  Z[m,n] = W[m,k] * B[k,n]\n"
                    "  output Y, Z\n");
  auto two = IoBoundAnalysis(apart.facts).compute(4096);
  CHECK(two.front().name == "one Einsum Y + one Einsum Z");
  CHECK(two.front().bytes == 2 * find(two, "one Einsum Y"));
  auto both = IoBoundAnalysis(shared.facts).compute(4096);
  CHECK(both.front().bytes < 2 * find(both, "one Einsum Y"));
  CHECK(both.front().bytes > find(both, "one Einsum Y"));
}

TEST_CASE("a fiber that does not fit is brought again", "[bounds]") {
  CascadeText norm("cascade n(R=4, H=1000) : f16\n"
                   "  input X[r,h]\n"
                   "  S[r] = X[r,h]\n"
                   "  D[r,h] = X[r,h] - S[r]\n"
                   "  V[r] = D[r,h]\n"
                   "  Y[r,h] = D[r,h] / V[r]\n"
                   "  output Y\n");
  PassFact pass;
  pass.tensor = norm.tensor("X");
  pass.ranks = {1};
  pass.apart = {0};
  pass.passes = 3;
  pass.aligned = {norm.tensor("D"), norm.tensor("Y")};
  IoBoundAnalysis analysis(norm.facts, {}, {pass});
  // Y is aligned with X, so that its stores may serve a later pass: the claim
  // stands beside the compulsory bytes of Y, not on top of them.
  CHECK(find(analysis.compute(200), "rank passes over X/h") ==
        4 * (1000 + 2 * 900) * 2);
  CHECK(analysis.best(2000).bytes == 2 * 4 * 1000 * 2);
}

TEST_CASE("fibers that a tensor mixes are a bundle", "[bounds]") {
  CascadeText attention(readExample("three-pass.ein"), {{"B", 2}, {"H", 3}});
  bool found = false;
  for (const PassFact &pass : collectPassFacts(attention.facts)) {
    if (pass.tensor != attention.tensor("K") || pass.passes != 3)
      continue;
    found = true;
    CHECK(pass.ranks == llvm::SmallVector<int, 2>{2});
    CHECK(pass.apart == llvm::SmallVector<int, 4>{0, 1}); // QK mixes all e
    CHECK(llvm::is_contained(pass.aligned, attention.tensor("SN")));
  }
  CHECK(found);
  CascadeText one(readExample("one-pass.ein"), oneHead);
  for (const PassFact &pass : collectPassFacts(one.facts))
    CHECK(pass.passes < 3);
}

TEST_CASE("more capacity never raises a bound", "[bounds]") {
  for (const char *text :
       {"cascade g(M=100, N=70, K=90) : f16\n"
        "  input A[m,k], B[k,n]\n"
        "  Z[m,n] = A[m,k] * B[k,n]\n"
        "  output Z\n",
        "cascade c(P=50, Q=50, R=3, S=3, H=52, W=52, C=8, K=8) : f16\n"
        "  input I[c,h,w], F[k,c,r,s]\n"
        "  O[k,p,q] = I[c,p+r,q+s] * F[k,c,r,s]\n"
        "  output O\n"}) {
    CascadeText cascade(text);
    IoBoundAnalysis analysis(cascade.facts);
    uint64_t before = UINT64_MAX;
    for (uint64_t capacity = 16; capacity < (1u << 20); capacity *= 2) {
      uint64_t bytes = analysis.best(capacity).bytes;
      CHECK(bytes <= before);
      CHECK(bytes >= analysis.compulsoryBytes());
      before = bytes;
    }
    CHECK(analysis.best(kUnlimited).bytes == analysis.compulsoryBytes());
  }
}
