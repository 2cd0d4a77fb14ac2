//===- SlopeBench.cpp - Speed of bounds and ski slopes --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// How long a ski slope takes, how many configurations a second that is, and how
// far what was found is from what is proved. One JSON line per cascade.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Mapper/SkiSlope.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/SourceMgr.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

using namespace mlir;
using namespace einsum;
namespace cl = llvm::cl;

static cl::opt<unsigned> threads("workers",
                                 cl::init(std::thread::hardware_concurrency()),
                                 cl::desc("Threads that search"));
static cl::opt<int64_t>
    extent("extent", cl::init(4096),
           cl::desc("Extent of GEMM; attention has four times as much"));

static void run(const char *name, std::unique_ptr<llvm::MemoryBuffer> text,
                const std::map<std::string, int64_t> &extents) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<EinsumDialect>();
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(text), llvm::SMLoc());
  OwningOpRef<ModuleOp> module =
      frontend::parseCascadeSource(sources, &context);
  if (!module)
    return;
  CascadeOp cascade = *module->getOps<CascadeOp>().begin();
  for (const auto &[rank, value] : extents)
    cascade.setParam(rank, value);
  FailureOr<CascadeFacts> facts = computeCascadeFacts(cascade);
  if (failed(facts))
    return;
  mapper::SkiSlopeOptions options;
  options.threads = threads;
  options.passes = bounds::collectPassFacts(*facts);
  auto start = std::chrono::steady_clock::now();
  mapper::SkiSlope slope = mapper::computeSkiSlope(*facts, name, options);
  std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  nlohmann::ordered_json line = {
      {"benchmark", "ski-slope"},
      {"cascade", name},
      {"threads", threads.getValue()},
      {"seconds", seconds.count()},
      {"evaluated", slope.evaluated},
      {"per_s", static_cast<double>(slope.evaluated) / seconds.count()}};
  for (const mapper::SlopePoint &point : slope.points)
    if (point.foundBytes && llvm::isPowerOf2_64(point.capacityBytes) &&
        point.capacityBytes >= 1024 &&
        llvm::Log2_64(point.capacityBytes) % 5 == 0)
      line["gap_at"][std::to_string(point.capacityBytes)] =
          static_cast<double>(*point.foundBytes) /
          static_cast<double>(point.boundBytes);
  llvm::outs() << line.dump() << "\n";
}

static std::unique_ptr<llvm::MemoryBuffer> example(const char *name) {
  auto buffer =
      llvm::MemoryBuffer::getFile(std::string(EINSUM_SOURCE_DIR) +
                                  "/examples/01-fusemax-attention/" + name);
  return buffer ? std::move(*buffer) : llvm::MemoryBuffer::getMemBuffer("");
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv,
                              "Speed of ski slopes, as JSON lines\n");
  int64_t n = extent, m = 4 * extent;
  run("gemm",
      llvm::MemoryBuffer::getMemBuffer("cascade g(M=8, N=8, K=8) : i8\n"
                                       "  input A[m,k], B[k,n]\n"
                                       "  Z[m,n] = A[m,k] * B[k,n]\n"
                                       "  output Z\n"),
      {{"M", n}, {"N", n}, {"K", n}});
  std::map<std::string, int64_t> head = {
      {"B", 1}, {"H", 1}, {"M", m}, {"P", m}};
  run("attention, 3 passes", example("three-pass.ein"), head);
  run("attention, 1 pass", example("one-pass.ein"), head);
  return 0;
}
