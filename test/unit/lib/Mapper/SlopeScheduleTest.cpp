//===- SlopeScheduleTest.cpp - The closed forms and the cost model agree --===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every configuration of small cascades is built as a schedule and evaluated:
// the cost model moves what the closed form says, holds no more, and moves no
// less than any lower bound for what it holds.
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/SlopeSchedule.h"
#include "lib/Analysis/IoBounds/IoBounds.h"
#include "lib/CostModel/CostModel.h"
#include "lib/CostModel/MachineBounds.h"
#include "lib/Mapper/SkiSlope.h"
#include "test/unit/lib/Analysis/CascadeText.h"

#include "mlir/IR/Verifier.h"

using namespace einsum;
using namespace einsum::mapper;

namespace {

/// What was seen of the ratio of traffic to its bound.
struct Statistics {
  size_t schedules = 0, below = 0;
  double least = 1e300, sum = 0;

  void add(uint64_t moved, uint64_t bound) {
    ++schedules;
    below += moved < bound;
    double ratio = static_cast<double>(moved) / static_cast<double>(bound);
    least = std::min(least, ratio);
    sum += ratio;
  }
  std::string text(const char *name) const {
    return std::string(name) + ": " + std::to_string(schedules) +
           " schedules, " + std::to_string(below) +
           " below a bound, ratio at least " + std::to_string(least) +
           ", on average " +
           std::to_string(sum / static_cast<double>(schedules));
  }
};

/// All groups of the cascade, each of them completed to a whole schedule by the
/// other Einsums, which stream everything.
class Exhaustive {
public:
  Exhaustive(llvm::StringRef text, size_t stride = 1)
      : cascade(text), stride(stride), analysis(cascade.facts) {
    cascade.context.loadDialect<schedule::ScheduleDialect>();
    std::vector<int> cuts = findCuts(cascade.facts);
    for (size_t a = 0; a < cuts.size(); ++a)
      for (size_t b = a + 1; b < cuts.size(); ++b)
        enumerateGroup(cascade.facts, cuts[a], cuts[b],
                       [&](const SlopeConfig &config, SlopeCost cost) {
                         if (seen++ % this->stride == 0)
                           check(config, cost, cuts[a], cuts[b]);
                       });
  }

  test::CascadeText cascade;
  Statistics statistics;

private:
  /// The configuration of one group that holds least.
  const std::pair<SlopeConfig, SlopeCost> &smallest(int first, int last) {
    auto &best = fillers[{first, last}];
    if (best.first.einsums.empty()) {
      best.second.heldBytes = UINT64_MAX;
      enumerateGroup(cascade.facts, first, last,
                     [&](const SlopeConfig &config, SlopeCost cost) {
                       if (cost.heldBytes < best.second.heldBytes)
                         best = {config, cost};
                     });
    }
    return best;
  }

  void check(const SlopeConfig &config, SlopeCost cost, int first, int last) {
    std::vector<SlopeConfig> groups;
    std::vector<int> cuts = findCuts(cascade.facts);
    for (size_t i = 0; i + 1 < cuts.size(); ++i) {
      if (cuts[i] == first)
        groups.push_back(config);
      if (cuts[i] >= first && cuts[i] < last)
        continue;
      const auto &[filler, own] = smallest(cuts[i], cuts[i + 1]);
      groups.push_back(filler);
      cost.movedBytes += own.movedBytes;
      cost.heldBytes = std::max(cost.heldBytes, own.heldBytes);
    }
    auto mapping =
        buildSchedule(cascade.cascade, cascade.facts, groups, "slope");
    INFO(config.describe(cascade.facts));
    REQUIRE(mlir::succeeded(mlir::verify(mapping)));
    arch::ArchSpec arch = makeTwoLevelArch(cascade.facts, cost.heldBytes);
    auto evaluator = cost::Evaluator::create(mapping, cascade.facts, arch);
    REQUIRE(evaluator);
    cost::Evaluation evaluation;
    REQUIRE(evaluator->evaluate(evaluation));
    uint64_t moved = evaluation.levels[0].traffic.bytes();
    if (overlaps)
      CHECK(moved <= cost.movedBytes);
    else
      CHECK(moved == cost.movedBytes);
    CHECK(evaluation.levels[1].peakBytes <= cost.heldBytes);
    for (const bounds::IoBound &bound : analysis.compute(cost.heldBytes)) {
      INFO(bound.name << ": " << bound.bytes);
      CHECK(moved >= bound.bytes);
    }
    statistics.add(moved, analysis.best(cost.heldBytes).bytes);
    mapping.erase();
  }

  /// A tensor is read at two places: the slope counts both in full.
  bool readsTwoPlaces() const {
    for (const EinsumFact &einsum : cascade.facts.einsums)
      for (const AccessFact &a : einsum.reads)
        for (const AccessFact &b : einsum.reads)
          if (&a != &b && a.tensor == b.tensor)
            return true;
    return false;
  }

  size_t seen = 0, stride;
  bool overlaps = readsTwoPlaces();
  bounds::IoBoundAnalysis analysis;
  std::map<std::pair<int, int>, std::pair<SlopeConfig, SlopeCost>> fillers;
};

void exhaust(const char *name, llvm::StringRef text, size_t least,
             size_t stride = 1) {
  Exhaustive all(text, stride);
  WARN(all.statistics.text(name));
  CHECK(all.statistics.schedules >= least);
  CHECK(all.statistics.below == 0);
}

} // namespace

TEST_CASE("every tiling of a small GEMM costs what the slope says", "[slope]") {
  exhaust("GEMM",
          "cascade g(M=12, N=8, K=6) : f16\n"
          "  input A[m,k], B[k,n]\n"
          "  Z[m,n] = A[m,k] * B[k,n]\n"
          "  output Z\n",
          600);
}

TEST_CASE("every tiling of a small convolution costs what the slope says",
          "[slope]") {
  exhaust("convolution",
          "cascade c(P=12, R=3, W=14, C=4, K=4) : f16\n"
          "  input I[c,w], F[k,c,r]\n"
          "  O[k,p] = I[c,p+r] * F[k,c,r]\n"
          "  output O\n",
          1000, 5);
}

TEST_CASE("every fusion of a small attention costs what the slope says",
          "[slope]") {
  exhaust("attention",
          "cascade a(E=2, F=3, M=6, P=4) : f16\n"
          "  input Q[p,e], K[m,e], V[m,f]\n"
          "  QK[m,p] = Q[p,e] * K[m,e]\n"
          "  GM[p] = max(m) QK[m,p]\n"
          "  SN[m,p] = exp(QK[m,p] - GM[p])\n"
          "  SD[p] = SN[m,p]\n"
          "  A[m,p] = SN[m,p] / SD[p]\n"
          "  AV[p,f] = A[m,p] * V[m,f]\n"
          "  output AV\n",
          1000);
}

TEST_CASE("every fusion of a feed-forward pair costs what the slope says",
          "[slope]") {
  exhaust("feed-forward pair",
          "cascade f(M=6, D=4, H=4, O=2) : f16\n"
          "  input X[m,d], W[d,h], U[h,o]\n"
          "  Y[m,h] = X[m,d] * W[d,h]\n"
          "  G[m,h] = max(Y[m,h], 0)\n"
          "  Z[m,o] = G[m,h] * U[h,o]\n"
          "  output Z\n",
          1000);
}

TEST_CASE("one-pass attention costs what the slope says", "[slope]") {
  exhaust("one-pass attention",
          "cascade a(E=2, F=2, M=8, P=4, M0=2) : f16\n"
          "  input Q[p,e], K[m,e], V[m,f]\n"
          "  split m = m1, m0(M0)\n"
          "  QK[m1,m0,p] = Q[p,e] * K[m1*M0+m0,e]\n"
          "  LM[m1,p] = max(m0) QK[m1,m0,p]\n"
          "  RM[m1,p] = max(RM[m1-1,p], LM[m1,p]) init -inf\n"
          "  PRM[m1,p] = exp(RM[m1-1,p] - RM[m1,p])\n"
          "  SLN[m1,m0,p] = exp(QK[m1,m0,p] - RM[m1,p])\n"
          "  SLD[m1,p] = SLN[m1,m0,p]\n"
          "  SPD[m1,p] = PRM[m1,p] * RD[m1-1,p]\n"
          "  RD[m1,p] = SPD[m1,p] + SLD[m1,p] init 0\n"
          "  SLNV[m1,f,p] = SLN[m1,m0,p] * V[m1*M0+m0,f]\n"
          "  SPNV[m1,f,p] = PRM[m1,p] * RNV[m1-1,f,p]\n"
          "  RNV[m1,f,p] = SPNV[m1,f,p] + SLNV[m1,f,p] init 0\n"
          "  AV[p,f] = RNV[M ceildiv M0 - 1,f,p] / RD[M ceildiv M0 - 1,p]\n"
          "  output AV\n",
          600, 37);
}

TEST_CASE("tiles that cut the blocks of number formats cost what the slope "
          "says",
          "[slope]") {
  exhaust("GEMM of formats",
          "cascade g(M=12, N=6, K=8) : f16\n"
          "  input A[m,k] : int4(scale=e4m3) group(4) k\n"
          "  input B[k,n] : int8(scale=f32) group(2) k group(3) n\n"
          "  Z[m,n] = A[m,k] * B[k,n]\n"
          "  output Z\n",
          600);
  exhaust("scores of formats",
          "cascade a(E=4, F=3, M=6, P=4) : f16\n"
          "  input Q[p,e] : int4 tensor\n"
          "  input K[m,e] : bfp(mantissa=4) block(2) e\n"
          "  input V[m,f] : int3 channel f\n"
          "  QK[m,p] = Q[p,e] * K[m,e]\n"
          "  SN[m,p] : int4(scale=e4m3) group(3) m = exp(QK[m,p])\n"
          "  AV[p,f] = SN[m,p] * V[m,f]\n"
          "  output AV\n",
          1000);
}
