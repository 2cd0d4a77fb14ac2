//===- InterpretBench.cpp - Points interpreted per second -----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// FuseMax's attention in three passes and in one, interpreted in f64 and in
// f16. One JSON line for each, the median over repetitions:
//
//   einsum-bench-interpret --extent=96 --repetitions=5
//
//===----------------------------------------------------------------------===//

#include "dialects/Einsum/Einsum.h"
#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Interpreter/Interpreter.h"
#include "test/benchmark/SampledInputs.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/SourceMgr.h"

#include <chrono>
#include <nlohmann/json.hpp>

using namespace mlir;
using namespace einsum;
using namespace einsum::interp;
namespace cl = llvm::cl;

static cl::opt<int64_t>
    extent("extent", cl::init(96),
           cl::desc("Keys and queries; heads and batches are 2"));
static cl::opt<unsigned>
    repetitions("repetitions", cl::init(5),
                cl::desc("Repetitions; the median counts"));

static OwningOpRef<ModuleOp> parse(MLIRContext &context,
                                   const std::string &name) {
  auto buffer =
      llvm::MemoryBuffer::getFile(std::string(EINSUM_SOURCE_DIR) +
                                  "/examples/01-fusemax-attention/" + name);
  if (!buffer)
    return {};
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(*buffer), llvm::SMLoc());
  return frontend::parseCascadeSource(sources, &context);
}

static void bindExtents(CascadeOp cascade) {
  for (const char *name : {"B", "H"})
    cascade.setParam(name, 2);
  for (const char *name : {"M", "P"})
    cascade.setParam(name, extent);
  for (const char *name : {"E", "F"})
    cascade.setParam(name, 64);
  if (cascade.getParam("M0"))
    cascade.setParam("M0", std::max<int64_t>(1, extent / 4));
}

/// False if the cascade is refused.
static bool measure(CascadeOp cascade, const char *file, const char *format) {
  TensorMap inputs = sampleInputs(cascade);
  InterpretOptions options;
  options.arithmetic = Arithmetic::allIn(*findFloatFormat(format));
  FailureOr<uint64_t> points = countPoints(cascade);
  std::vector<double> rates;
  for (unsigned i = 0; i < repetitions; ++i) {
    auto start = std::chrono::steady_clock::now();
    if (failed(points) || failed(interpret(cascade, inputs, options)))
      return false;
    std::chrono::duration<double> seconds =
        std::chrono::steady_clock::now() - start;
    rates.push_back(static_cast<double>(*points) / seconds.count());
  }
  llvm::sort(rates);
  nlohmann::ordered_json line = {
      {"benchmark", "interpret"},
      {"cascade", file},
      {"format", format},
      {"points", *points},
      {"repetitions", repetitions.getValue()},
      {"median_points_per_s", rates[rates.size() / 2]},
      {"min_points_per_s", rates.front()},
      {"max_points_per_s", rates.back()}};
  llvm::outs() << line.dump() << "\n";
  return true;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv,
                              "Speed of the interpreter, as JSON lines\n");
  if (extent < 1 || repetitions == 0) {
    llvm::errs()
        << "einsum-bench-interpret: extent and repetitions are at least 1\n";
    return 1;
  }
  MLIRContext context(MLIRContext::Threading::DISABLED);
  for (const char *file : {"three-pass.ein", "one-pass.ein"}) {
    OwningOpRef<ModuleOp> module = parse(context, file);
    if (!module)
      return 1;
    CascadeOp cascade = *module->getOps<CascadeOp>().begin();
    bindExtents(cascade);
    for (const char *format : {"f64", "f16"})
      if (!measure(cascade, file, format))
        return 1;
  }
  return 0;
}
