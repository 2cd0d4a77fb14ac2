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
