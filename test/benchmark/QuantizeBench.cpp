//===- QuantizeBench.cpp - Quantised points interpreted per second --------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A product of matrices as written, stored in a format, and with explicit codes
// and scales, executed on one core. One JSON line for each, the median over
// repetitions: elements quantised and points executed per second.
//
//   einsum-bench-quantize --extent=128 --repetitions=5
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Interpreter/Interpreter.h"
#include "lib/Quant/Quantize.h"
#include "test/benchmark/SampledInputs.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/SourceMgr.h"

#include <chrono>
#include <nlohmann/json.hpp>

using namespace mlir;
using namespace einsum;
using namespace einsum::interp;
namespace cl = llvm::cl;

static cl::opt<int64_t> extent("extent", cl::init(128),
                               cl::desc("Of all ranks; a multiple of 32"));
static cl::opt<unsigned>
    repetitions("repetitions", cl::init(5),
                cl::desc("Repetitions; the median counts"));

static const char *const kGemm = R"(
cascade gemm(M=32, K=32, N=32) : f32
  input X[m,k]
  weight W[k,n]
  Z[m,n] = X[m,k] * W[k,n]
  output Z
)";

static OwningOpRef<ModuleOp> parse(MLIRContext &context) {
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBuffer(kGemm, "gemm"),
                             llvm::SMLoc());
  return frontend::parseCascadeSource(sources, &context);
}

static double measure(CascadeOp cascade, const TensorMap &inputs) {
  std::vector<double> seconds;
  for (unsigned i = 0; i < repetitions; ++i) {
    auto start = std::chrono::steady_clock::now();
    if (failed(
            interpret(cascade, inputs, InterpretOptions{Arithmetic::stored()})))
      exit(1);
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count());
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv);
  MLIRContext context;
  context.loadDialect<EinsumDialect, arith::ArithDialect, math::MathDialect>();
  double plain = 0;
  for (const char *text : {"", "X=int8,W=int4 group(32)", "X=mxfp8e4m3,W=mxfp4",
                           "X=int8 explicit,W=int8 explicit",
                           "X=mxfp8e4m3 explicit,W=mxfp8e4m3 explicit"}) {
    OwningOpRef<ModuleOp> module = parse(context);
    CascadeOp cascade = *module->getOps<CascadeOp>().begin();
    for (const char *name : {"M", "K", "N"})
      cascade.setParam(name, extent);
    ScopedDiagnosticHandler quiet(&context,
                                  [](mlir::Diagnostic &) { return success(); });
    if (*text) {
      quant::QuantizeOptions options{
          std::get<quant::QuantizeSpec>(quant::parseSpec(text)), {}};
      options.explicitForm.native.isAny = true;
      options.computeAll = options.keepStored = true;
      if (failed(quant::quantize(cascade, options)))
        return 1;
    }
    double seconds = measure(cascade, sampleInputs(cascade));
    plain = *text ? plain : seconds;
    double elements = 2. * extent * extent;
    nlohmann::ordered_json line = {
        {"formats", *text ? text : "as written"},
        {"seconds", seconds},
        {"points_per_second", elements / 2 * extent / seconds},
        {"elements_quantised_per_second", *text ? elements / seconds : 0},
        {"times_as_written", seconds / plain}};
    llvm::outs() << line.dump() << "\n";
  }
  return 0;
}
