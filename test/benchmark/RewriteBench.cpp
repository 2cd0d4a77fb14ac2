//===- RewriteBench.cpp - Time to derive cascades of fewer passes ---------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Attention from three passes to one, and transformers of 1 to 100 layers,
// whose time per layer should not grow:
//
//   einsum-rewrite-bench --repetitions=5
//   {"name":"reduce-passes","cascade":"attention","einsums":6,"ms":1.2,...}
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Transforms/ReducePasses.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/SourceMgr.h"

#include <chrono>
#include <nlohmann/json.hpp>

using namespace mlir;
using namespace einsum;

static OwningOpRef<ModuleOp> parse(MLIRContext &context,
                                   const std::string &text) {
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text),
                             llvm::SMLoc());
  return frontend::parseCascadeSource(sources, &context);
}

static const char kAttention[] =
    R"(cascade attention(E=64, F=64, M=16384, P=16384) : f16
  input Q[p,e], K[m,e], V[m,f]
  QK[m,p] = Q[p,e] * K[m,e]
  GM[p] = max(m) QK[m,p]
  SN[m,p] = exp(QK[m,p] - GM[p])
  SD[p] = SN[m,p]
  A[m,p] = SN[m,p] / SD[p]
  AV[p,f] = A[m,p] * V[m,f]
  output AV
)";

/// RMSNorm, attention and a gated feed-forward block, with residuals.
static std::string makeTransformer(int layers) {
  std::string inputs = "X0[p,d]", body;
  for (int layer = 0; layer < layers; ++layer) {
    std::string l = std::to_string(layer), next = std::to_string(layer + 1);
    auto line = [&](std::string text) {
      for (size_t at; (at = text.find('$')) != std::string::npos;)
        text.replace(at, 1, l);
      for (size_t at; (at = text.find('#')) != std::string::npos;)
        text.replace(at, 1, next);
      body += "  " + text + "\n";
    };
    for (const char *weight : {"WQ#[d,h,e]", "WK#[d,h,e]", "WV#[d,h,e]",
                               "WO#[h,e,d]", "G#[d]", "W1#[d,s]", "W2#[s,d]"}) {
      std::string name = weight;
      inputs += ", " + name.replace(name.find('#'), 1, l);
    }
    line("SS$[p] = X$[p,d] * X$[p,d]");
    line("RR$[p] = rsqrt(SS$[p] / D + 1e-6)");
    line("N$[p,d] = X$[p,d] * RR$[p] * G$[d]");
    line("Q$[h,p,e] = N$[p,d] * WQ$[d,h,e]");
    line("K$[h,m,e] = N$[m,d] * WK$[d,h,e]");
    line("V$[h,m,e] = N$[m,d] * WV$[d,h,e]");
    line("QK$[h,m,p] = Q$[h,p,e] * K$[h,m,e] where m <= p");
    line("GM$[h,p] = max(m) QK$[h,m,p]");
    line("SN$[h,m,p] = exp(QK$[h,m,p] - GM$[h,p])");
    line("SD$[h,p] = SN$[h,m,p]");
    line("A$[h,m,p] = SN$[h,m,p] / SD$[h,p]");
    line("AV$[h,p,e] = A$[h,m,p] * V$[h,m,e]");
    line("O$[p,d] = AV$[h,p,e] * WO$[h,e,d]");
    line("Y$[p,d] = X$[p,d] + O$[p,d]");
    line("F$[p,s] = Y$[p,d] * W1$[d,s]");
    line("FA$[p,s] = F$[p,s] * sigmoid(F$[p,s])");
    line("FO$[p,d] = FA$[p,s] * W2$[s,d]");
    line("X#[p,d] = Y$[p,d] + FO$[p,d]");
  }
  return "cascade transformer(D=512, H=8, E=64, P=1024, S=2048) : f32\n  rank "
         "m = P\n  input " +
         inputs + "\n" + body + "  output X" + std::to_string(layers) + "\n";
}

static void measure(MLIRContext &context, const std::string &name,
                    const std::string &text, unsigned repetitions,
                    llvm::raw_ostream &os) {
  std::vector<double> times;
  size_t einsums = 0, steps = 0;
  for (unsigned i = 0; i < repetitions; ++i) {
    OwningOpRef<ModuleOp> module = parse(context, text);
    CascadeOp cascade = *module->getOps<CascadeOp>().begin();
    einsums = llvm::range_size(cascade.getBodyBlock()->getOps<ComputeOp>());
    Derivation derivation;
    auto start = std::chrono::steady_clock::now();
    reducePasses(cascade, {}, derivation);
    times.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count());
    steps = derivation.steps.size();
  }
  llvm::sort(times);
  double median = times[times.size() / 2];
  nlohmann::ordered_json line = {
      {"name", "reduce-passes"}, {"cascade", name},
      {"einsums", einsums},      {"steps", steps},
      {"ms", median * 1e3},      {"us_per_einsum", median * 1e6 / einsums}};
  os << line.dump() << "\n";
}

int main(int argc, char **argv) {
  llvm::cl::opt<unsigned> repetitions(
      "repetitions", llvm::cl::init(5),
      llvm::cl::desc("Repetitions; the median counts"));
  llvm::cl::opt<int> layers(
      "layers", llvm::cl::init(100),
      llvm::cl::desc("Layers of the largest transformer"));
  llvm::cl::ParseCommandLineOptions(argc, argv,
                                    "Time of pass reduction, as JSON lines\n");
  if (repetitions == 0 || layers < 1) {
    llvm::errs() << "error: repetitions and layers are at least 1\n";
    return 1;
  }
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<EinsumDialect, arith::ArithDialect, math::MathDialect>();
  measure(context, "attention", kAttention, repetitions, llvm::outs());
  for (int n = 1; n <= layers; n *= 10)
    measure(context, "transformer-" + std::to_string(n), makeTransformer(n),
            repetitions, llvm::outs());
  return 0;
}
