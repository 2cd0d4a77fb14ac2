// The judge of whole cascades, judged: it accepts rewrites known to be right
// and refuses ones known to be wrong, with all extents tiny and all values
// unknown.

#include "lib/Frontend/Cascade/Cascade.h"
#include "test/unit/lib/Transforms/SymbolicCascade.h"

#include "llvm/Support/SourceMgr.h"

#include <catch2/catch.hpp>

using namespace mlir;
using namespace einsum;
using namespace einsum::test;

namespace {

struct Parsed {
  explicit Parsed(const std::string &text) {
    context
        .loadDialect<EinsumDialect, arith::ArithDialect, math::MathDialect>();
    sources.AddNewSourceBuffer(
        llvm::MemoryBuffer::getMemBufferCopy(text, "test.ein"), {});
    module = frontend::parseCascadeSource(sources, &context);
  }
  MLIRContext context;
  llvm::SourceMgr sources;
  OwningOpRef<ModuleOp> module;
};

/// `text` holds two cascades: the truth and the one derived from it.
Proof prove(const std::string &text) {
  Parsed parsed(text);
  REQUIRE(parsed.module);
  SmallVector<CascadeOp> cascades(parsed.module->getOps<CascadeOp>());
  REQUIRE(cascades.size() == 2);
  return proveEqual(cascades[0], cascades[1]);
}

const std::string threePass = R"(
cascade three(M=4, P=1, F=1) : f32
  input QK[m,p], V[m,f]
  GM[p] = max(m) QK[m,p]
  SN[m,p] = exp(QK[m,p] - GM[p])
  SD[p] = SN[m,p]
  A[m,p] = SN[m,p] / SD[p]
  AV[p,f] = A[m,p] * V[m,f]
  output AV
)";

std::string onePass(const std::string &correction) {
  return R"(
cascade one(M=4, P=1, F=1, M0=2) : f32
  input QK[m,p], V[m,f]
  split m = m1, m0(M0)
  LM[m1,p] = max(m0) QK[m1*M0+m0,p]
  RM[m1,p] = max(RM[m1-1,p], LM[m1,p]) init -inf
  PRM[m1,p] = )" +
         correction + R"(
  SLN[m1,m0,p] = exp(QK[m1*M0+m0,p] - RM[m1,p])
  SLD[m1,p] = SLN[m1,m0,p]
  RD[m1,p] = RD[m1-1,p] * PRM[m1,p] + SLD[m1,p] init 0
  SLNV[m1,p,f] = SLN[m1,m0,p] * V[m1*M0+m0,f]
  RNV[m1,p,f] = RNV[m1-1,p,f] * PRM[m1,p] + SLNV[m1,p,f] init 0
  AV[p,f] = RNV[M ceildiv M0 - 1,p,f] / RD[M ceildiv M0 - 1,p]
  output AV
)";
}

} // namespace

TEST_CASE("attention in one pass equals attention in three", "[laws]") {
  Proof proof = prove(threePass + onePass("exp(RM[m1-1,p] - RM[m1,p])"));
  INFO(proof.reason);
  CHECK(proof.verdict == Verdict::proved);
}

TEST_CASE("a ragged last tile changes nothing", "[laws]") {
  std::string text = threePass + onePass("exp(RM[m1-1,p] - RM[m1,p])");
  for (size_t at; (at = text.find("M=4")) != std::string::npos;)
    text.replace(at, 3, "M=3");
  Proof proof = prove(text);
  INFO(proof.reason);
  CHECK(proof.verdict == Verdict::proved);
}

TEST_CASE("mutations of the correction are refuted", "[laws]") {
  for (const char *correction :
       {"exp(RM[m1,p] - RM[m1-1,p])", "exp(0 * RM[m1,p])",
        "exp(RM[m1-1,p] - LM[m1,p])"}) {
    Proof proof = prove(threePass + onePass(correction));
    INFO(correction << ": " << proof.reason);
    CHECK(proof.verdict == Verdict::refuted);
  }
}

TEST_CASE("the variance by moments equals the one by deviations", "[laws]") {
  Proof proof = prove(R"(
cascade a(H=3) : f32
  input X[h]
  MU[] = X[h] / H
  VAR[] = (X[h] - MU[]) * (X[h] - MU[]) / H
  S[] = 1 / sqrt(VAR[] + 1)
  output S
cascade b(H=3) : f32
  input X[h]
  MU[] = X[h] / H
  E2[] = X[h] * X[h] / H
  S[] = rsqrt(E2[] - MU[] * MU[] + 1)
  output S
)");
  INFO(proof.reason);
  CHECK(proof.verdict == Verdict::proved);
}

TEST_CASE("a divisor that can be zero is found", "[laws]") {
  Proof proof = prove(R"(
cascade a(H=2) : f32
  input X[h], Y[]
  Z[] = X[h] * Y[]
  output Z
cascade b(H=2) : f32
  input X[h], Y[]
  Z[] = X[h] * (Y[] * Y[] / Y[])
  output Z
)");
  CHECK(proof.verdict == Verdict::refuted);
  CHECK_THAT(proof.reason, Catch::Contains("denominator"));
}

TEST_CASE("different inputs are different", "[laws]") {
  Proof proof = prove(R"(
cascade a(H=2) : f32
  input X[h], Y[h]
  Z[] = max(h) X[h]
  output Z
cascade b(H=2) : f32
  input X[h], Y[h]
  Z[] = max(h) Y[h]
  output Z
)");
  CHECK(proof.verdict == Verdict::refuted);
}
