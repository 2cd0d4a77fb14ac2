//===- CascadePatternTest.cpp - One cascade in other words ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Plugin/CascadePattern.h"
#include "dialects/Schedule/Schedule.h"
#include "lib/Frontend/Cascade/Cascade.h"

#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

#include <catch2/catch.hpp>

using namespace einsum;

namespace {

const char *const shares = "cascade shares(P=2, M=4) : f16\n"
                           "  input X[p,m]\n"
                           "  S[p] = X[p,m] where m <= p\n"
                           "  R[p] = max(R[p-1], S[p]) init -inf\n"
                           "  A[p,m] = (X[p,m] + 1) / R[p]\n"
                           "  output A\n";

/// `pattern -> name` for each name asked for, or the reason of a refusal.
std::string match(const std::string &text, const char *pattern = shares) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::ScopedDiagnosticHandler quiet(&context, [](mlir::Diagnostic &) {});
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBuffer(text, "test.ein"),
                             llvm::SMLoc());
  auto module = frontend::parseCascadeSource(sources, &context);
  REQUIRE(module);
  std::string reason;
  auto found = CascadePattern(pattern, &context)
                   .match(*module->getOps<CascadeOp>().begin(), reason);
  if (failed(found))
    return reason;
  std::string names;
  for (const char *tensor : {"X", "S", "R", "A"})
    names += found->tensor(tensor) + " ";
  return names + found->rank("p") + " " + found->rank("m");
}

} // namespace

TEST_CASE("Names, extents, types and orders that mean nothing do not matter",
          "[pattern]") {
  CHECK(match("cascade other(I=16, J=8) : f32\n"
              "  input u[j,i]\n"
              "  tot[i] = u[j,i] where j <= i\n"
              "  top[i] = max(tot[i], top[i-1]) init -inf\n"
              "  w[j,i] = (1 + u[j,i]) / top[i]\n"
              "  output w\n") == "u tot top w i j");
}

TEST_CASE("What differs is named", "[pattern]") {
  auto withLine = [](const std::string &line, const std::string &instead) {
    std::string text = shares;
    size_t at = text.find(line);
    REQUIRE(at != std::string::npos);
    return text.replace(at, line.size(), instead);
  };
  auto lacks = [](const std::string &einsum) {
    std::string text = shares;
    size_t at = text.find("  " + einsum + "[") + 2;
    return "none of its Einsums does what '" +
           text.substr(at, text.find('\n', at) - at) + "' does in 'shares'";
  };
  CHECK(match(withLine("m <= p", "m < p")) == lacks("S"));
  CHECK(match(withLine(" where m <= p", "")) == lacks("S"));
  CHECK(match(withLine("= X[p,m] where", "= mul(m) X[p,m] where")) ==
        lacks("S"));
  CHECK(match(withLine("init -inf", "init 0")) == lacks("R"));
  CHECK(match(withLine("R[p-1]", "R[p+1]")) == lacks("R"));
  CHECK(match(withLine("max(", "min(")) == lacks("R"));
  CHECK(match(withLine("+ 1", "+ 2")) == lacks("A"));
  CHECK(match(withLine("/ R[p]", "/ S[p]")) == lacks("A"));
  CHECK(match(withLine("output A", "output S")) == lacks("A"));
  CHECK(match(withLine("  output A", "  B[p] = exp(R[p])\n  output A, B")) ==
        "'B' has no counterpart in 'shares'");
  // The order of operands matters where the operator says so.
  CHECK(match("cascade c(P=2, M=4) : f16\n"
              "  input X[p,m]\n"
              "  S[p] = X[p,m] where m <= p\n"
              "  R[p] = max(R[p-1], S[p]) init -inf\n"
              "  A[p,m] = R[p] / (X[p,m] + 1)\n"
              "  output A\n") == lacks("A"));
}

TEST_CASE("Ranks that look alike are told apart by where they are used",
          "[pattern]") {
  const char *product = "cascade product(I=2, J=3, K=4) : f32\n"
                        "  input X[i,k], S[k,j]\n"
                        "  R[i,j] = X[i,k] * S[k,j]\n"
                        "  A[j,i] = R[i,j] * R[i,j]\n"
                        "  output A\n";
  // X and S may be swapped, with i and j; extents of the pattern give way.
  std::string names = match("cascade c(P=5, M=6, N=7) : f32\n"
                            "  input a[m,n], b[n,p]\n"
                            "  c1[p,m] = b[n,p] * a[m,n]\n"
                            "  d[p,m] = c1[p,m] * c1[p,m]\n"
                            "  output d\n",
                            product);
  CHECK((names == "a b c1 d p m" || names == "b a c1 d p m"));
}

TEST_CASE("Parts of a split follow the extents of the cascade", "[pattern]") {
  const char *tiled = "cascade tiled(P=64, M0=8) : f32\n"
                      "  input X[p]\n"
                      "  split p = m, m0(M0)\n"
                      "  S[m] = max(m0) X[m*M0+m0]\n"
                      "  R[] = max(m) S[m]\n"
                      "  A[] = S[P ceildiv M0 - 1] - R[]\n"
                      "  output A\n";
  auto cascade = [](const std::string &tile, const std::string &last) {
    return "cascade c(K=30, T=" + tile +
           ") : f32\n"
           "  input x[k]\n"
           "  split k = k1, k0(T)\n"
           "  part[k1] = max(k0) x[k1*" +
           tile +
           "+k0]\n"
           "  all[] = max(k1) part[k1]\n"
           "  diff[] = part[" +
           last +
           "] - all[]\n"
           "  output diff\n";
  };
  CHECK(match(cascade("5", "5"), tiled) == "x part all diff k k1");
  CHECK(match(cascade("6", "4"), tiled) == "x part all diff k k1");
  CHECK(match(cascade("6", "3"), tiled) ==
        "none of its Einsums does what 'A[] = S[P ceildiv M0 - 1] - R[]' does "
        "in 'tiled'");
}
