//===- EvaluateBench.cpp - Evaluations of the cost model per second -------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A mapper asks the same question of one tree with many tile sizes. This
// measures it on FuseMax's one-pass attention: `prepared` keeps the evaluator
// and changes tiles with setTile; `fresh`, the naive way, makes a new evaluator
// for every schedule. One JSON line for each, the median over repetitions:
//
//   einsum-bench --evaluations=20000 --repetitions=5
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

static cl::opt<uint64_t> evaluations("evaluations", cl::init(20000),
                                     cl::desc("Evaluations per repetition"));
static cl::opt<unsigned>
    repetitions("repetitions", cl::init(5),
                cl::desc("Repetitions; the median counts"));

static cl::opt<bool>
    preparedOnly("prepared-only",
                 cl::desc("Leave out fresh evaluators (for a profiler)"));

static const std::string root = EINSUM_SOURCE_DIR;

namespace {

/// A loop and the tiles that it may have, given the loops around and below it.
struct FreeLoop {
  schedule::TemporalOp loop;
  std::vector<int64_t> tiles;
};

} // namespace

static OwningOpRef<ModuleOp> parseCascade(MLIRContext &context,
                                          const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return {};
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(*buffer), llvm::SMLoc());
  return frontend::parseCascadeSource(sources, &context);
}

/// The outermost loop that leaves a choice, with all its choices.
static FreeLoop findFreeLoop(schedule::MappingOp mapping,
                             const CascadeFacts &facts) {
  FreeLoop free;
  mapping.walk<WalkOrder::PreOrder>([&](schedule::TemporalOp outer) {
    int64_t extent = facts.ranks[facts.findRank(outer.getRank())].extent,
            step = 1;
    outer.getBody().walk([&](schedule::TemporalOp inner) {
      if (inner.getRank() == outer.getRank())
        step = std::max<int64_t>(step, inner.getTile());
    });
    if (step == 1)
      return WalkResult::advance();
    free.loop = outer;
    for (int64_t tile = step; tile <= extent; tile += step)
      if (extent % tile == 0)
        free.tiles.push_back(tile);
    return WalkResult::interrupt();
  });
  return free;
}

/// Evaluations per second, each repetition apart, slowest first.
static std::vector<double>
measure(llvm::function_ref<void(int64_t tile)> evaluate,
        llvm::ArrayRef<int64_t> tiles) {
  std::vector<double> rates;
  for (unsigned i = 0; i < repetitions; ++i) {
    auto start = std::chrono::steady_clock::now();
    for (uint64_t n = 0; n < evaluations; ++n)
      evaluate(tiles[n % tiles.size()]);
    std::chrono::duration<double> seconds =
        std::chrono::steady_clock::now() - start;
    rates.push_back(static_cast<double>(evaluations) / seconds.count());
  }
  llvm::sort(rates);
  return rates;
}

static double report(const char *variant, const std::vector<double> &rates,
                     double naive) {
  double median = rates[rates.size() / 2];
  nlohmann::ordered_json line = {{"benchmark", "evaluate"},
                                 {"cascade", "fusemax one-pass"},
                                 {"variant", variant},
                                 {"evaluations", evaluations.getValue()},
                                 {"repetitions", repetitions.getValue()},
                                 {"median_per_s", median},
                                 {"min_per_s", rates.front()},
                                 {"max_per_s", rates.back()}};
  if (naive > 0)
    line["ratio_to_fresh"] = median / naive;
  llvm::outs() << line.dump() << "\n";
  return median;
}

namespace {

/// FuseMax on its architecture.
struct Subject {
  OwningOpRef<ModuleOp> module;
  std::optional<arch::ArchSpec> arch;
  FailureOr<CascadeFacts> facts;
  FailureOr<schedule::MappingOp> mapping;

  explicit Subject(MLIRContext &context) {
    Diagnostics diagnostics;
    arch = arch::readArchSpec(root + "/arch-specs/fusemax-cloud.json",
                              diagnostics);
    module = parseCascade(context,
                          root + "/examples/01-fusemax-attention/one-pass.ein");
    if (!arch || !module)
      return;
    CascadeOp cascade = *module->getOps<CascadeOp>().begin();
    facts = computeCascadeFacts(cascade);
    if (failed(facts))
      return;
    MappingContext mappingContext(cascade, *facts, *arch);
    mapping = findMappingPass("fusemax")->build(mappingContext);
  }

  std::unique_ptr<cost::Evaluator> makeEvaluator() {
    return cost::Evaluator::create(*mapping, *facts, *arch);
  }
};

} // namespace

static int fail(llvm::StringRef what) {
  llvm::errs() << "einsum-bench: " << what << "\n";
  return 1;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv,
                              "Speed of the cost model, as JSON lines\n");
  if (evaluations == 0 || repetitions == 0)
    return fail("evaluations and repetitions are at least 1");
  registerAllMappings();
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<schedule::ScheduleDialect>();
  Subject subject(context);
  if (failed(subject.mapping))
    return fail("cannot map FuseMax's attention");
  auto evaluator = subject.makeEvaluator();
  FreeLoop free = findFreeLoop(*subject.mapping, *subject.facts);
  if (!evaluator || free.tiles.size() < 2)
    return fail("the mapping leaves no tile to choose");

  cost::Evaluation cost;
  auto evaluateFresh = [&](int64_t tile) {
    free.loop.setTile(tile);
    subject.makeEvaluator()->evaluate(cost);
  };
  auto evaluatePrepared = [&](int64_t tile) {
    evaluator->setTile(free.loop, tile);
    evaluator->evaluate(cost);
  };
  double naive = 0;
  if (!preparedOnly)
    naive = report("fresh", measure(evaluateFresh, free.tiles), /*naive=*/0);
  report("prepared", measure(evaluatePrepared, free.tiles), naive);
  return 0;
}
