//===- InterpreterTest.cpp - Every construct against a hand-made result ---===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/lib/Interpreter/Cascades.h"

#include <catch2/catch.hpp>

using namespace einsum;
using namespace einsum::test;
using List = std::vector<double>;

TEST_CASE("a product of matrices", "[interpreter]") {
  Text text("cascade c(M=2, N=2, K=3) : f32\n"
            "  input A[m,k], B[k,n]\n"
            "  Z[m,n] = A[m,k] * B[k,n]\n"
            "  output Z\n");
  Values values =
      text.run({{"A", {1, 2, 3, 4, 5, 6}}, {"B", {1, 0, 0, 1, 2, 3}}});
  CHECK(text.errors == "");
  CHECK(values["Z"] == List{7, 11, 16, 23});
}

TEST_CASE("an element without points is the identity", "[interpreter]") {
  Text text("cascade c(P=3, M=3) : f32\n"
            "  input A[m]\n"
            "  QK[m,p] = A[m] where m < p\n"
            "  S[p] = QK[m,p]\n"
            "  L[p] = max(m) QK[m,p]\n"
            "  E[m,p] = exp(QK[m,p] - L[p])\n"
            "  output S, L, E\n");
  Values values = text.run({{"A", {5, 2, 1}}});
  CHECK(text.errors == "");
  CHECK(values["QK"] ==
        List{kAbsent, 5, 5, kAbsent, kAbsent, 2, kAbsent, kAbsent, kAbsent});
  CHECK(values["S"] == List{0, 5, 7});
  CHECK(values["L"] == List{-kInf, 5, 5});
  CHECK(values["E"] == List{kAbsent, 1, 1, kAbsent, kAbsent, std::exp(-3),
                            kAbsent, kAbsent, kAbsent});
}

TEST_CASE("a condition on kept ranks is inherited through a reduction",
          "[interpreter]") {
  // U is what it would be had T been written into its definition: V.
  Text text("cascade c(P=3, M=2) : f32\n"
            "  input A[m]\n"
            "  T[m,p] = A[m] where p <= 1\n"
            "  U[p] = T[m,p]\n"
            "  V[p] = A[m] where p <= 1\n"
            "  output U, V\n");
  Values values = text.run({{"A", {1, 2}}});
  CHECK(text.errors == "");
  CHECK(values["U"] == List{3, 3, kAbsent});
  CHECK(values["V"] == values["U"]);
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// Text of the only cascade of a test, and its tensors.
static Values run(const std::string &text, const Values &inputs,
                  const interp::InterpretOptions &options = {}) {
  Text cascade(text);
  Values values = cascade.run(inputs, options);
  INFO(text);
  REQUIRE(cascade.errors == "");
  return values;
}

TEST_CASE("the built-in monoids", "[interpreter]") {
  Values values = run("cascade c(M=4) : f32\n"
                      "  input A[m]\n"
                      "  S[] = A[m]\n"
                      "  P[] = mul(m) A[m]\n"
                      "  H[] = max(m) A[m]\n"
                      "  L[] = min(m) A[m]\n"
                      "  AX[] = argmax(m) A[m]\n"
                      "  VN[], IN[] = argmin(m) A[m]\n"
                      "  output S, P, H, L, AX, VN, IN\n",
                      {{"A", {3, -2, 3, -2}}});
  CHECK(values["S"] == List{2});
  CHECK(values["P"] == List{36});
  CHECK(values["H"] == List{3});
  CHECK(values["L"] == List{-2});
  CHECK(values["AX"] == List{0}); // the smallest index among equals
  CHECK(values["VN"] == List{-2});
  CHECK(values["IN"] == List{1});
}

TEST_CASE("NaN wins a maximum, the first one an argmax", "[interpreter]") {
  Values values = run("cascade c(M=4) : f32\n"
                      "  input A[m]\n"
                      "  H[] = max(m) A[m]\n"
                      "  L[] = min(m) A[m]\n"
                      "  V[], I[] = argmax(m) A[m]\n"
                      "  output H, L, V, I\n",
                      {{"A", {1, kNaN, 9, kNaN}}});
  CHECK(std::isnan(values["H"][0]));
  CHECK(std::isnan(values["L"][0]));
  CHECK(std::isnan(values["V"][0]));
  CHECK(values["I"] == List{1});
}

TEST_CASE("truth values are combined by and, or", "[interpreter]") {
  Values values = run("cascade c(M=3, P=3) : f32\n"
                      "  input A[m,p]\n"
                      "  ALL[p] : i1 = and(m) A[m,p] > 0\n"
                      "  ANY[p] : i1 = or(m) A[m,p] > 0\n"
                      "  NONE[p] : i1 = or(m) A[m,p] > 0 where m > p + 5\n"
                      "  EVERY[p] : i1 = and(m) A[m,p] > 0 where m > p + 5\n"
                      "  output ALL, ANY, NONE, EVERY\n",
                      {{"A", {1, 1, -1, 1, -1, -1, 1, 1, -1}}});
  CHECK(values["ALL"] == List{1, 0, 0});
  CHECK(values["ANY"] == List{1, 1, 0});
  CHECK(values["NONE"] == List{0, 0, 0});
  CHECK(values["EVERY"] == List{1, 1, 1});
}

TEST_CASE("reductions without points are the identity of each monoid",
          "[interpreter]") {
  Values values = run("cascade c(M=2, P=2) : f32\n"
                      "  input A[m]\n"
                      "  S[p] = A[m] where m > p + 5\n"
                      "  P1[p] = mul(m) A[m] where m > p + 5\n"
                      "  H[p] = max(m) A[m] where m > p + 5\n"
                      "  L[p] = min(m) A[m] where m > p + 5\n"
                      "  V[p], I[p] = argmax(m) A[m] where m > p + 5\n"
                      "  K[p] : i8 = max(m) (A[m] as i8) where m > p + 5\n"
                      "  output S, P1, H, L, V, I, K\n",
                      {{"A", {1, 2}}});
  CHECK(values["S"] == List{0, 0});
  CHECK(values["P1"] == List{1, 1});
  CHECK(values["H"] == List{-kInf, -kInf});
  CHECK(values["L"] == List{kInf, kInf});
  CHECK(values["V"] == List{-kInf, -kInf});
  CHECK(values["I"] == List(2, static_cast<double>(INT64_MAX)));
  CHECK(values["K"] == List{-128, -128});
}

TEST_CASE("a user's monoid", "[interpreter]") {
  Values values = run(
      "monoid logadd(a, b) = max(a,b) + log(exp(a-max(a,b)) + exp(b-max(a,b))) "
      "identity -1e30\n"
      "cascade c(M=3) : f64\n"
      "  input A[m]\n"
      "  Z[] = logadd(m) A[m]\n"
      "  output Z\n",
      {{"A", {std::log(1), std::log(2), std::log(5)}}});
  CHECK(values["Z"][0] == Approx(std::log(8)));
}

TEST_CASE("a user's monoid on pairs", "[interpreter]") {
  // (mean, count) of what was seen: the merge of Chan et al. without the
  // variance.
  Values values =
      run("monoid merge((a, n), (b, k)) : (f64, f64) = "
          "((a * n + b * k) / (n + k), n + k) identity (0, 1e-300)\n"
          "cascade c(M=4) : f64\n"
          "  input A[m]\n"
          "  MEAN[], N[] = merge(m) (A[m], 1)\n"
          "  output MEAN, N\n",
          {{"A", {1, 2, 3, 6}}});
  CHECK(values["MEAN"][0] == Approx(3));
  CHECK(values["N"][0] == Approx(4));
}

TEST_CASE("reductions by different monoids nest in the order of the text",
          "[interpreter]") {
  // A = 1 2 / 3 -4: the sum of row maxima, the maximum of column sums.
  Values values = run("cascade c(M=2, N=2) : f32\n"
                      "  input A[m,n]\n"
                      "  SM[] = add(m) max(n) A[m,n]\n"
                      "  MS[] = max(n) add(m) A[m,n]\n"
                      "  output SM, MS\n",
                      {{"A", {1, 2, 3, -4}}});
  CHECK(values["SM"] == List{5});
  CHECK(values["MS"] == List{4});
}

TEST_CASE("a nested reduction without points counts as its identity",
          "[interpreter]") {
  // Row m = 1 has no n: its maximum is minus infinity. Row 2 is left out whole.
  std::string text = "cascade c(M=3, N=2) : f32\n"
                     "  input A[m,n]\n"
                     "  T[m] = max(n) A[m,n] where n >= 2*m, m < 2\n"
                     "  U[] = T[m]\n"
                     "  Z[] = add(m) max(n) A[m,n] where n >= 2*m, m < 2\n"
                     "  output T, U, Z\n";
  Values values = run(text, {{"A", {1, 2, 3, 4, 5, 6}}});
  CHECK(values["T"] == List{2, -kInf, kAbsent});
  CHECK(values["U"] == List{-kInf});
  CHECK(values["Z"] == values["U"]);
}

//===----------------------------------------------------------------------===//
// Accesses and iteration spaces
//===----------------------------------------------------------------------===//

TEST_CASE("windows, strides and reversal", "[interpreter]") {
  Values values = run("cascade c(P=3, R=2, W=6) : f32\n"
                      "  input I[w], F[r]\n"
                      "  O[p] = I[p+r] * F[r]\n"
                      "  S[p] = I[2*p+r] * F[r]\n"
                      "  V[p] = I[W-1-p]\n"
                      "  D[w] = I[w floordiv 2]\n"
                      "  E[w] = I[w mod 2]\n"
                      "  output O, S, V, D, E\n",
                      {{"I", {1, 2, 3, 4, 5, 6}}, {"F", {10, 1}}});
  CHECK(values["O"] == List{12, 23, 34});
  CHECK(values["S"] == List{12, 34, 56});
  CHECK(values["V"] == List{6, 5, 4});
  CHECK(values["D"] == List{1, 1, 2, 2, 3, 3});
  CHECK(values["E"] == List{1, 2, 1, 2, 1, 2});
}

TEST_CASE("reading outside of a tensor is no point", "[interpreter]") {
  // A border of zeros: the sum skips what is outside. Without reduction the
  // element itself is absent.
  Values values = run("cascade c(P=4, R=3) : f32\n"
                      "  input I[p]\n"
                      "  O[p] = add(r) I[p+r-1]\n"
                      "  N[p] = I[p-1]\n"
                      "  M[p] = I[p+1]\n"
                      "  output O, N, M\n",
                      {{"I", {1, 2, 3, 4}}});
  CHECK(values["O"] == List{3, 6, 9, 7});
  CHECK(values["N"] == List{kAbsent, 1, 2, 3});
  CHECK(values["M"] == List{2, 3, 4, kAbsent});
}

TEST_CASE("the last tile of a split is ragged", "[interpreter]") {
  Values values = run("cascade c(M=5) : f32\n"
                      "  split m = m1, m0(2)\n"
                      "  input A[m]\n"
                      "  T[m1,m0] = A[2*m1+m0]\n"
                      "  N[m1,m0] = m1\n"
                      "  L[m1] = T[m1,m0]\n"
                      "  C[m1] = add(m0) 0 * m0 + 1\n"
                      "  output T, N, L, C\n",
                      {{"A", {1, 2, 3, 4, 5}}});
  CHECK(values["T"] == List{1, 2, 3, 4, 5, kAbsent});
  CHECK(values["N"] == List{0, 0, 1, 1, 2, kAbsent}); // reads no tensor at all
  CHECK(values["L"] == List{3, 7, 5});
  CHECK(values["C"] == List{2, 2, 1});
}

TEST_CASE("a split of three parts, with tiles that lie outside",
          "[interpreter]") {
  // Seven elements in tiles of two in groups of three tiles: two groups, of
  // which the second has half a tile.
  Values values = run("cascade c(M=7) : f32\n"
                      "  split m = m2, m1(3), m0(2)\n"
                      "  input A[m]\n"
                      "  L[m2,m1] = max(m0) A[m]\n"
                      "  S[m2] = L[m2,m1] where m1 < 1\n"
                      "  output L, S\n",
                      {{"A", {1, 2, 3, 4, 5, 6, 7}}});
  CHECK(values["L"] == List{2, 4, 6, 7, -kInf, -kInf});
  CHECK(values["S"] == List{2, 7});
}

TEST_CASE("filters with equality, several constraints and parameters",
          "[interpreter]") {
  Values values = run("cascade c(M=4, P=4, W=2) : f32\n"
                      "  input A[m]\n"
                      "  S[p] = A[m] where m <= p, p < m + W\n"
                      "  D[p] = A[m] where m == p\n"
                      "  E[m] = A[m] where m mod 2 == 1\n"
                      "  output S, D, E\n",
                      {{"A", {1, 2, 3, 4}}});
  CHECK(values["S"] == List{1, 3, 5, 7});
  CHECK(values["D"] == List{1, 2, 3, 4});
  CHECK(values["E"] == List{kAbsent, 2, kAbsent, 4});
}

TEST_CASE("absence travels through arithmetic with several operands",
          "[interpreter]") {
  Values values = run("cascade c(M=4) : f32\n"
                      "  input A[m]\n"
                      "  B[m] = A[m] where m >= 1\n"
                      "  C[m] = A[m] where m <= 2\n"
                      "  D[m] = B[m] + C[m]\n"
                      "  S[] = D[m]\n"
                      "  F[m] = D[m] * D[1]\n"
                      "  G[m] = A[m] + D[0]\n"
                      "  output D, S, F, G\n",
                      {{"A", {1, 2, 3, 4}}});
  CHECK(values["D"] == List{kAbsent, 4, 6, kAbsent});
  CHECK(values["S"] == List{10});
  CHECK(values["F"] == List{kAbsent, 16, 24, kAbsent});
  CHECK(values["G"] == List(4, kAbsent)); // D[0] is absent for every m
}

//===----------------------------------------------------------------------===//
// Recurrences
//===----------------------------------------------------------------------===//

TEST_CASE("a scan forwards and a scan backwards", "[interpreter]") {
  Values values = run("cascade c(I=4) : f32\n"
                      "  input X[i]\n"
                      "  F[i] = F[i-1] + X[i] init 100\n"
                      "  B[i] = B[i+1] + X[i] init 200\n"
                      "  P[i] = F[i-1]\n"
                      "  N[i] = B[i+1]\n"
                      "  O[i] = F[i+1]\n"
                      "  L[] = F[I-1]\n"
                      "  output F, B, P, N, O, L\n",
                      {{"X", {1, 2, 3, 4}}});
  CHECK(values["F"] == List{101, 103, 106, 110});
  CHECK(values["B"] == List{210, 209, 207, 204});
  CHECK(values["P"] == List{100, 101, 103, 106});
  CHECK(values["N"] == List{209, 207, 204, 200});
  CHECK(values["O"] == List{103, 106, 110, kAbsent}); // beyond the last step
  CHECK(values["L"] == List{110});
}

TEST_CASE("Fibonacci reads two steps back", "[interpreter]") {
  Values values = run("cascade c(I=7) : f32\n"
                      "  input X[i]\n"
                      "  F[i] = F[i-1] + F[i-2] + X[i] init 1\n"
                      "  output F\n",
                      {{"X", List(7, 0)}});
  CHECK(values["F"] == List{2, 3, 5, 8, 13, 21, 34});
}

TEST_CASE("a table filled along both ranks", "[interpreter]") {
  // Paths in a grid; the diagonal term alone already leaves the table.
  Values values = run("cascade c(I=3, J=3) : f32\n"
                      "  input X[i,j]\n"
                      "  T[i,j] = T[i-1,j] + T[i,j-1] + X[i,j] init 1\n"
                      "  D[i,j] = D[i-1,j-1] + X[i,j] init 5\n"
                      "  output T, D\n",
                      {{"X", {0, 0, 0, 0, 0, 0, 0, 0, 1}}});
  CHECK(values["T"] == List{2, 3, 4, 3, 6, 10, 4, 10, 21});
  CHECK(values["D"] == List{5, 5, 5, 5, 5, 5, 5, 5, 6});
}

TEST_CASE("two recurrences that read one another, with a reduction inside",
          "[interpreter]") {
  Values values = run("cascade c(I=3, K=2) : f32\n"
                      "  input X[i,k]\n"
                      "  A[i] = B[i-1] * X[i,k] init 1\n"
                      "  B[i] = A[i] + A[i-1] init 2\n"
                      "  output A, B\n",
                      {{"X", {1, 2, 3, 4, 5, 6}}});
  // A0 = 2*(1+2) = 6, B0 = 6+1 = 7, A1 = 7*7 = 49, B1 = 55, A2 = 55*11 = 605,
  // B2 = 654
  CHECK(values["A"] == List{6, 49, 605});
  CHECK(values["B"] == List{7, 55, 654});
}

TEST_CASE("a recurrence hands absence on", "[interpreter]") {
  // Y is absent from i = p + 1 on, and nothing follows it.
  Values values = run("cascade c(I=4, P=2) : f32\n"
                      "  input X[i,p]\n"
                      "  Y[i,p] = X[i,p] where i <= p\n"
                      "  F[i,p] = F[i-1,p] + Y[i,p] init 0\n"
                      "  S[p] = F[i,p]\n"
                      "  output F, S\n",
                      {{"X", {1, 1, 1, 1, 1, 1, 1, 1}}});
  CHECK(values["F"] ==
        List{1, 1, kAbsent, 2, kAbsent, kAbsent, kAbsent, kAbsent});
  CHECK(values["S"] == List{1, 3});
}

TEST_CASE("the initial value is read beside absent elements", "[interpreter]") {
  // T[i,1] is absent for every i, but T[-1,1] is not: it is the initial value.
  Values values = run("cascade c(I=3, P=2) : f32\n"
                      "  input X[i,p]\n"
                      "  T[i,p] = T[i-1,p] + X[i,p] where p < 1 init -5\n"
                      "  R[p] = max(i) T[i-1,p]\n"
                      "  S[i,p] = T[i-1,p]\n"
                      "  output T, R, S\n",
                      {{"X", {-1, -1, -1, -1, -1, -1}}});
  CHECK(values["T"] == List{-6, kAbsent, -7, kAbsent, -8, kAbsent});
  CHECK(values["R"] == List{-5, -5});
  CHECK(values["S"] == List{-5, -5, -6, kAbsent, -7, kAbsent});
}

TEST_CASE("a pair carried from step to step", "[interpreter]") {
  Values values =
      run("cascade c(I=4) : f32\n"
          "  input X[i]\n"
          "  M[i], C[i] = (max(M[i-1], X[i]), "
          "select(X[i] > M[i-1], C[i-1] + 1, C[i-1])) init -inf, 0\n"
          "  output M, C\n",
          {{"X", {1, 3, 2, 5}}});
  CHECK(values["M"] == List{1, 3, 3, 5});
  CHECK(values["C"] == List{1, 2, 2, 3});
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

TEST_CASE("indices, parameters, functions and casts as values",
          "[interpreter]") {
  Values values = run("def twice(x) = x + x\n"
                      "def silu(x) = twice(x) * sigmoid(x) / 2\n"
                      "cascade c(M=3, E=4) : f32\n"
                      "  input A[m]\n"
                      "  I[m] = m * 10 + A[m]\n"
                      "  Q[m] = A[m] / sqrt(E)\n"
                      "  S[m] = silu(A[m])\n"
                      "  R[m] : i8 = round(A[m] * 100) as i8\n"
                      "  C[m] = select(m <= 1, A[m], -inf)\n"
                      "  output I, Q, S, R, C\n",
                      {{"A", {0, 1, 2}}});
  CHECK(values["I"] == List{0, 11, 22});
  CHECK(values["Q"] == List{0, 0.5, 1});
  CHECK(values["S"][1] == Approx(1 / (1 + std::exp(-1))));
  CHECK(values["R"] == List{0, 100, 127});
  CHECK(values["C"] == List{0, 1, -kInf});
}

TEST_CASE("declared types round every operation, reference keeps f64",
          "[interpreter]") {
  std::string text = "cascade c(M=3) : f16\n"
                     "  input A[m]\n"
                     "  S[] = A[m]\n"
                     "  W[] : f32 = A[m] * A[m]\n"
                     "  output S, W\n";
  // 2048 + 1 is 2048 in f16, and so is 2048 + 1 again.
  Values inputs = {{"A", {2048, 1, 1}}};
  CHECK(run(text, inputs)["S"] == List{2050});
  CHECK(run(text, inputs, declared())["S"] == List{2048});
  CHECK(run(text, inputs, declared())["W"] == List{4194306});
  CHECK(run(text, inputs, allIn("f32"))["S"] == List{2050});
  CHECK(run(text, inputs, allIn("bf16"))["W"] == List{4194304});
  CHECK(run(text, {{"A", {0.1, 0, 0}}}, declared())["A"] ==
        List{0.0999755859375, 0, 0});
}

TEST_CASE("scalars and extents of 1", "[interpreter]") {
  Values values = run("cascade c(M=1, N=1) : f32\n"
                      "  input A[m,n], B[]\n"
                      "  S[] = A[m,n] * B[]\n"
                      "  G[n] = max(m) A[m,n]\n"
                      "  output S, G\n",
                      {{"A", {3}}, {"B", {2}}});
  CHECK(values["S"] == List{6});
  CHECK(values["G"] == List{3});
}

TEST_CASE("readers may stand before what they read", "[interpreter]") {
  Text text("einsum.cascade @c(M = 2) : f32 {\n"
            "  einsum.output %Y : !einsum.tensor<[m], f32>\n"
            "  %Y = einsum.compute \"Y\" over [m] : [m] = (%X[m], %Z[m]) {\n"
            "  ^bb0(%x: f32, %z: f32):\n"
            "    %0 = arith.addf %x, %z : f32\n"
            "    einsum.yield %0 : f32\n"
            "  } : (!einsum.tensor<[m], f32>, !einsum.tensor<[m], f32>) -> "
            "!einsum.tensor<[m], f32>\n"
            "  %Z = einsum.compute \"Z\" over [m] : [m] = (%X[m]) {\n"
            "  ^bb0(%x: f32):\n"
            "    %0 = arith.mulf %x, %x : f32\n"
            "    einsum.yield %0 : f32\n"
            "  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>\n"
            "  %X = einsum.input \"X\" : !einsum.tensor<[m], f32>\n"
            "  einsum.rank @m [M] = M\n"
            "}\n",
            /*isMlir=*/true);
  Values values = text.run({{"X", {2, 3}}});
  CHECK(text.errors == "");
  CHECK(values["Y"] == List{6, 12});
}

//===----------------------------------------------------------------------===//
// Refusals
//===----------------------------------------------------------------------===//

static std::string refusal(const std::string &source, const Values &inputs,
                           const interp::InterpretOptions &options = {},
                           bool isMlir = false) {
  Text text(source, isMlir);
  CHECK(text.run(inputs, options).empty());
  return text.errors;
}

TEST_CASE("what cannot be evaluated is refused", "[interpreter]") {
  std::string sum =
      "cascade c(M) : f32\n  input A[m]\n  S[] = A[m]\n  output S\n";
  CHECK(refusal(sum, {}) == "cascade 'c' needs values for M\n");
  std::string four =
      "cascade c(M=4) : f32\n  input A[m]\n  S[] = A[m]\n  output S\n";
  CHECK(refusal(four, {}) == "input 'A' has no values\n");
  interp::InterpretOptions few;
  few.maxPoints = 3;
  CHECK(refusal(four, {{"A", {1, 2, 3, 4}}}, few) ==
        "cascade 'c' has 4 points and 5 elements, more than the 3 that are "
        "allowed; "
        "choose smaller extents\n");
  std::string huge = "cascade c(M=4611686018427387904, N=8) : f32\n"
                     "  input A[m]\n"
                     "  S[n] = A[m] * A[m]\n"
                     "  output S\n";
  CHECK(refusal(huge, {}) ==
        "the iteration spaces have more than 2^64 - 1 points\n");
}

TEST_CASE("an input of other extents is refused", "[interpreter]") {
  Text small("cascade c(M=2) : f32\n  input A[m]\n  S[] = A[m]\n  output S\n");
  Text large("cascade c(M=3) : f32\n  input A[m]\n  S[] = A[m]\n  output S\n");
  auto inputs = small.makeInputs({{"A", {1, 2}}});
  CHECK(mlir::failed(interp::interpret(large.cascade(), inputs)));
  CHECK(large.errors ==
        "the values given for input 'A' have extents [2], but the "
        "cascade's are [3]\n");
}

TEST_CASE("tensors hold what their formats can, as declared",
          "[interpreter][formats]") {
  // By hand: the largest of X is 7, so steps of 1; of Y 14, so steps of 2.
  std::string source = "cascade c(M=4) : f32\n"
                       "  input X[m] : int4(scale=f32) tensor\n"
                       "  Y[m] : int4(scale=f32) group(2) m = X[m] + X[m]\n"
                       "  Z[m]     = Y[m] - 0.25\n"
                       "  S[]      = X[m]\n"
                       "  output Z, S\n";
  Text text(source);
  std::map<std::string, List> inputs = {{"X", {7, 2.4, -0.6, 1.5}}};
  CHECK(text.run(inputs)["Z"] == List{13.75, 4.55, -1.45, 2.75});
  auto stored = text.run(inputs, declared());
  // X is 7 2 -1 2; Y is 14 4 | -2 4, the second with steps of 4/7 rounded up:
  // -3.49... is nearer to -3.
  double step = static_cast<float>(4. / 7);
  CHECK(stored["Z"] ==
        List{13.75, 3.75,
             static_cast<float>(static_cast<float>(-3 * step) - 0.25), 3.75});
  CHECK(stored["S"] == List{10});
}

TEST_CASE("what is stored is rounded to the type that it is read in",
          "[interpreter][formats]") {
  Text text("cascade c(M=2) : f32\n"
            "  input X[m] : int8(scale=f32) tensor as bf16\n"
            "  Z[m] = X[m]\n"
            "  output Z\n");
  // 125 / 127 of 1000: 984.25, which bf16 rounds to 984.
  CHECK(text.run({{"X", {1000, 984.3}}}, declared())["Z"] == List{1000, 984});
}

TEST_CASE("recurrences are stored step by step", "[interpreter][formats]") {
  Text text("cascade c(M=3, E=2) : f32\n"
            "  input X[m,e]\n"
            "  R[m,e] : int4(scale=f32) channel m = R[m-1,e] + X[m,e] init 0\n"
            "  output R\n");
  // 7 3.4 -> 7 3; then 7 3 + 7 0.6 = 14 3.6 -> 14 4; then 15 -> scale 15/7.
  auto values = text.run({{"X", {7, 3.4, 7, 0.6, 0, 0}}}, declared());
  CHECK(values["R"] == List{7, 3, 14, 4, 14, 4});
}

TEST_CASE("functions that apply functions twice do not explode",
          "[interpreter]") {
  std::string source;
  source = "def f0(x) = x + 1\n";
  for (int i = 1; i < 40; ++i) {
    std::string before = "f" + std::to_string(i - 1);
    source += "def f" + std::to_string(i) + "(x) = " + before + "(x) * " +
              before + "(x + 1)\n";
  }
  source +=
      "cascade c(M=2) : f32\n  input A[m]\n  Z[m] = f39(A[m])\n  output Z\n";
  CHECK(
      refusal(source, {{"A", {1, 2}}}) ==
      "the expression takes more than 65536 operations once its functions are "
      "expanded\n");
}
