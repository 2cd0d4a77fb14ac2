//===- RankPassesBench.cpp - Rank passes of a deep transformer ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// All tensors and ranks of a transformer whose residual stream runs through
// every layer, so that a fiber of the first layer goes on to the last. Layers
// grow from 1 to `layers`; per Einsum the time should stay the same. One JSON
// line per depth, plain and causal:
//
//   einsum-bench-rank-passes --layers=100
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/RankPasses.h"
#include "lib/Frontend/Cascade/Cascade.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

#include <chrono>
#include <nlohmann/json.hpp>

using namespace mlir;
using namespace einsum;
namespace cl = llvm::cl;

static cl::opt<unsigned> layers("layers", cl::init(100),
                                cl::desc("Layers of the deepest transformer"));

/// Norm, attention, norm, feed-forward; pre-norm, with residuals.
static std::string writeTransformer(unsigned depth, bool isCausal) {
  std::string text =
      "cascade transformer(T=2048, D=1024, H=16, E=64, F=4096) : f16\n"
      "  rank m = T\n  rank g = D\n"
      "  input X0[t,d]\n";
  auto line = [&](const std::string &statement) {
    text += "  " + statement + "\n";
  };
  for (unsigned layer = 0; layer < depth; ++layer) {
    std::string n = "_" + std::to_string(layer),
                x = "X" + std::to_string(layer),
                next = "X" + std::to_string(layer + 1);
    auto norm = [&](const std::string &name, const std::string &from) {
      line(name + "S" + n + "[t] = " + from + "[t,d]");
      line(name + "C" + n + "[t,d] = " + from + "[t,d] - " + name + "S" + n +
           "[t] / D");
      line(name + "V" + n + "[t] = " + name + "C" + n + "[t,d] * " + name +
           "C" + n + "[t,d]");
      line(name + n + "[t,d] = " + name + "C" + n + "[t,d] * rsqrt(" + name +
           "V" + n + "[t] / D + 1e-5)");
    };
    line("input WQ" + n + "[d,h,e], WK" + n + "[d,h,e], WV" + n +
         "[d,h,e], WO" + n + "[h,e,d], W1" + n + "[d,f], W2" + n + "[f,d]");
    norm("A", x);
    line("Q" + n + "[h,t,e] = A" + n + "[t,d] * WQ" + n + "[d,h,e]");
    line("K" + n + "[h,m,e] = A" + n + "[m,d] * WK" + n + "[d,h,e]");
    line("V" + n + "[h,m,e] = A" + n + "[m,d] * WV" + n + "[d,h,e]");
    line("QK" + n + "[h,m,t] = Q" + n + "[h,t,e] * K" + n + "[h,m,e]" +
         (isCausal ? " where m <= t" : ""));
    line("GM" + n + "[h,t] = max(m) QK" + n + "[h,m,t]");
    line("SN" + n + "[h,m,t] = exp(QK" + n + "[h,m,t] - GM" + n + "[h,t])");
    line("SD" + n + "[h,t] = SN" + n + "[h,m,t]");
    line("P" + n + "[h,m,t] = SN" + n + "[h,m,t] / SD" + n + "[h,t]");
    line("HV" + n + "[h,t,e] = P" + n + "[h,m,t] * V" + n + "[h,m,e]");
    line("O" + n + "[t,d] = HV" + n + "[h,t,e] * WO" + n + "[h,e,d]");
    line("R" + n + "[t,d] = " + x + "[t,d] + O" + n + "[t,d]");
    norm("B", "R" + n);
    line("U" + n + "[t,f] = B" + n + "[t,d] * W1" + n + "[d,f]");
    line("G" + n + "[t,f] = U" + n + "[t,f] * sigmoid(U" + n + "[t,f])");
    line("Y" + n + "[t,d] = G" + n + "[t,f] * W2" + n + "[f,d]");
    line(next + "[t,d] = R" + n + "[t,d] + Y" + n + "[t,d]");
  }
  return text + "  output X" + std::to_string(depth) + "\n";
}

static bool measure(unsigned depth, bool isCausal) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<EinsumDialect>();
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBufferCopy(writeTransformer(depth, isCausal),
                                           "bench.ein"),
      llvm::SMLoc());
  OwningOpRef<ModuleOp> module =
      frontend::parseCascadeSource(sources, &context);
  if (!module)
    return false;
  CascadeOp cascade = *module->getOps<CascadeOp>().begin();
  size_t einsums = 0;
  for (Operation &op : *cascade.getBodyBlock())
    einsums += isa<EinsumInterface>(op);
  auto start = std::chrono::steady_clock::now();
  RankPasses passes = computeRankPasses(cascade);
  std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  nlohmann::ordered_json line = {
      {"benchmark", "rank passes"},
      {"cascade", isCausal ? "causal transformer" : "transformer"},
      {"layers", depth},
      {"einsums", einsums},
      {"fibers", passes.fibers.size()},
      {"seconds", seconds.count()},
      {"us_per_einsum", seconds.count() * 1e6 / einsums},
      {"passes_over_d", passes.get("d")},
      {"passes_over_m", passes.get("m")}};
  llvm::outs() << line.dump() << "\n";
  return true;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(
      argc, argv, "Speed of the rank-pass analysis, as JSON lines\n");
  for (bool isCausal : {false, true})
    for (unsigned depth = 1; depth < 10 * layers; depth *= 10)
      if (!measure(std::min(depth, layers.getValue()), isCausal))
        return 1;
  return 0;
}
