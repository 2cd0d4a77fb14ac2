//===- LargestBench.cpp - The largest mappings, evaluated once ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// How long one evaluation takes of the largest that this repository maps: every
// registered mapping that builds a schedule of attention over a million keys,
// 64 batches and 12 heads, on each architecture that it fits. `first` is what
// comes right after the evaluator was made, `again` the median of later ones.
// One JSON line each, and one for the slowest:
//
//   einsum-bench-largest --keys=1048576 --repetitions=20
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Cascade.h"
#include "mappings/Mappings.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/SourceMgr.h"

#include <chrono>
#include <nlohmann/json.hpp>

using namespace mlir;
using namespace einsum;
namespace cl = llvm::cl;

static cl::opt<int64_t> keys("keys", cl::init(1048576),
                             cl::desc("Extent of the keys, and the queries"));
static cl::opt<unsigned>
    repetitions("repetitions", cl::init(20),
                cl::desc("Repetitions; the median counts"));

static const std::string root = EINSUM_SOURCE_DIR;

static OwningOpRef<ModuleOp> parseCascade(MLIRContext &context,
                                          const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return {};
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(*buffer), llvm::SMLoc());
  return frontend::parseCascadeSource(sources, &context);
}

/// The longest sequences that the cascade's other parameters allow.
static void bindExtents(CascadeOp cascade) {
  for (auto [name, value] : {std::pair<const char *, int64_t>("M", keys),
                             {"P", keys},
                             {"B", 64},
                             {"H", 12}})
    if (cascade.getParam(name))
      cascade.setParam(name, value);
}

template <typename Act> static double millisecondsOf(Act act) {
  auto start = std::chrono::steady_clock::now();
  act();
  std::chrono::duration<double, std::milli> passed =
      std::chrono::steady_clock::now() - start;
  return passed.count();
}

namespace {
struct Slowest {
  double milliseconds = 0;
  std::string what;
};
} // namespace

static void run(MLIRContext &context, const std::string &file,
                const std::string &machine, MappingPass &pass,
                Slowest &slowest) {
  // What does not fit says so; that is no matter here.
  ScopedDiagnosticHandler silence(&context, [](mlir::Diagnostic &) {});
  einsum::Diagnostics diagnostics;
  auto arch = arch::readArchSpec(root + "/arch-specs/" + machine, diagnostics);
  OwningOpRef<ModuleOp> module =
      parseCascade(context, root + "/examples/01-fusemax-attention/" + file);
  if (!arch || !module)
    return;
  CascadeOp cascade = *module->getOps<CascadeOp>().begin();
  bindExtents(cascade);
  FailureOr<CascadeFacts> facts = computeCascadeFacts(cascade);
  if (failed(facts))
    return;
  MappingContext mappingContext(cascade, *facts, *arch);
  FailureOr<schedule::MappingOp> mapping = pass.build(mappingContext);
  if (failed(mapping))
    return;
  auto evaluator = cost::Evaluator::create(*mapping, *facts, *arch);
  if (!evaluator)
    return;
  cost::Evaluation cost;
  bool fits = true;
  double first = millisecondsOf([&] { fits = evaluator->evaluate(cost); });
  std::vector<double> again;
  for (unsigned i = 0; i < repetitions; ++i)
    again.push_back(millisecondsOf([&] { evaluator->evaluate(cost); }));
  llvm::sort(again);
  uint64_t nodes = 0;
  mapping->walk([&](Operation *) { ++nodes; });
  nlohmann::ordered_json line = {{"benchmark", "largest"},
                                 {"cascade", file},
                                 {"mapping", pass.getName()},
                                 {"architecture", arch->name},
                                 {"keys", keys.getValue()},
                                 {"einsums", facts->einsums.size()},
                                 {"nodes", nodes},
                                 {"fits", fits},
                                 {"first_ms", first},
                                 {"again_ms", again[again.size() / 2]}};
  llvm::outs() << line.dump() << "\n";
  if (first > slowest.milliseconds)
    slowest = {first, pass.getName().str() + " on " + arch->name};
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv,
                              "Speed of the cost model on large mappings\n");
  if (repetitions == 0 || keys < 1) {
    llvm::errs() << "einsum-bench-largest: keys and repetitions are at least "
                    "1\n";
    return 1;
  }
  registerAllMappings();
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<schedule::ScheduleDialect>();
  Slowest slowest;
  for (const std::unique_ptr<MappingPass> &pass : getMappingPasses())
    for (const char *file : {"one-pass.ein", "three-pass.ein"})
      for (const char *machine : {"fusemax-cloud.json", "flat-cloud.json"})
        run(context, file, machine, *pass, slowest);
  nlohmann::ordered_json line = {{"benchmark", "largest"},
                                 {"slowest", slowest.what},
                                 {"slowest_first_ms", slowest.milliseconds}};
  llvm::outs() << line.dump() << "\n";
  return slowest.what.empty() ? 1 : 0;
}
