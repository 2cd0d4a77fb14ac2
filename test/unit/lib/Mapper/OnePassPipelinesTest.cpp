//===- OnePassPipelinesTest.cpp - Derived attention onto two arrays -------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Attention in one pass, derived from three, as one pipeline of twelve stages
// whose arrays, order and lags the search chooses:
//
//   b / h / p / buffer [Q, RM, RD, RNV] / m1 / (p) / buffer [K, V, the others]
//     / pipeline of one leaf per Einsum
//
// The cost model has the last word: cycles and bytes of any plan are those of
// the tree built from it, and the best plan is no slower than the published
// mapping of the same cascade.
//
//   einsum-unit-tests "[one-pass-table]"    prints both side by side
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/RunningValues.h"
#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Mapper/PipelineGroup.h"
#include "lib/Support/Diagnostics.h"
#include "lib/Transforms/ReducePasses.h"
#include "mappings/Attention.h"
#include "mappings/Mappings.h"

#include "llvm/Support/SourceMgr.h"

#include <catch2/catch.hpp>
#include <cstdio>
#include <random>

using namespace einsum;
using namespace einsum::mapper;

namespace {

const std::string root = EINSUM_SOURCE_DIR;

/// Names as in mappings/Attention.h.
const std::vector<std::string> kStages = {"QK",   "LM",   "RM",  "PRM",
                                          "SLN",  "SLD",  "SPD", "RD",
                                          "SLNV", "SPNV", "RNV", "AV"};

struct Sizes {
  int64_t batch, heads, tokens, width, keyTile;
};

class OnePass {
public:
  explicit OnePass(const Sizes &sizes) : sizes(sizes), arch(readArch()) {
    llvm::SourceMgr sources;
    auto buffer = llvm::MemoryBuffer::getFile(
        root + "/examples/01-fusemax-attention/three-pass.ein");
    REQUIRE(buffer);
    sources.AddNewSourceBuffer(std::move(*buffer), llvm::SMLoc());
    context.loadDialect<schedule::ScheduleDialect>();
    module = frontend::parseCascadeSource(sources, &context);
    REQUIRE(module);
    cascade = *module->getOps<CascadeOp>().begin();
    for (auto [name, value] : {std::pair("B", sizes.batch),
                               {"H", sizes.heads},
                               {"M", sizes.tokens},
                               {"P", sizes.tokens},
                               {"E", sizes.width},
                               {"F", sizes.width}})
      cascade.setParam(name, value);
    RewriteOptions options;
    options.tile = "M0:" + std::to_string(sizes.keyTile);
    Derivation derivation;
    reducePasses(cascade, options, derivation);
    auto computed = computeCascadeFacts(cascade);
    REQUIRE(succeeded(computed));
    facts = std::move(*computed);
    mapping.emplace(cascade, facts, arch);
    REQUIRE(succeeded(mapping->requireCascade(mappings::onePassAttention)));
  }

  static arch::ArchSpec readArch() {
    Diagnostics diagnostics;
    auto spec = arch::readArchSpec(root + "/arch-specs/fusemax-cloud.json",
                                   diagnostics);
    REQUIRE(spec);
    return std::move(*spec);
  }

  /// The published mapping of this cascade.
  cost::Evaluation evaluatePublished() {
    registerAllMappings();
    auto built = findMappingPass("fusemax")->build(*mapping);
    REQUIRE(succeeded(built));
    auto cost = mapping->evaluate(*built, /*explain=*/true);
    REQUIRE(cost);
    return std::move(*cost);
  }

  Sizes sizes;
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
  CascadeOp cascade;
  CascadeFacts facts;
  arch::ArchSpec arch;
  std::optional<MappingContext> mapping;
};

/// One tiling of the queries; arrays, order and lags are open.
class Family {
public:
  /// Queries on chip, and those of one iteration of the pipeline.
  Family(OnePass &workload, int64_t held, int64_t each)
      : workload(workload), held(held), each(each) {
    for (const std::string &stage : kStages)
      einsums.push_back(
          workload.facts.tensors[workload.mapping->tensorIndex(stage)]
              .producer);
    makeIterations();
    findDependences();
    holdTensors();
    measureChoices();
  }

  /// The tree of a plan, evaluated.
  cost::Evaluation evaluate(const PipelinePlan &plan) {
    LoopTreeBuilder tree = workload.mapping->start("found");
    tree.storage("DRAM", {"Q", "K", "V", "AV"});
    tree.temporal("b", 1);
    tree.temporal("h", 1);
    tree.temporal("p", held);
    tree.storage("buffer", {"Q", "RM", "RD", "RNV"});
    tree.temporal("m1", 1);
    tree.storage("buffer", {"K", "V"});
    if (each < held)
      tree.temporal("p", each);
    tree.storage("buffer",
                 {"QK", "LM", "PRM", "SLN", "SLD", "SPD", "SLNV", "SPNV"});
    std::vector<LoopTreeBuilder::Child> children;
    std::vector<int64_t> lags;
    for (int stage : plan.order) {
      lags.push_back(plan.lags[stage]);
      bool on2d = group.stages[stage][plan.choices[stage]].array == 0;
      children.push_back([&, stage, on2d] { buildLeaf(tree, stage, on2d); });
    }
    tree.pipeline(lags, children);
    auto built = workload.mapping->finish();
    REQUIRE(succeeded(built));
    auto cost = workload.mapping->evaluate(*built, /*explain=*/true);
    REQUIRE(cost);
    workload.mapping->discard(*built);
    return std::move(*cost);
  }

  uint64_t heldWithoutStages = 0; ///< bytes in the buffer

  /// Bytes of running values beside their last step: what other stages read
  /// earlier, or later, than it is made.
  uint64_t heldBeside(const PipelinePlan &plan) const {
    uint64_t bytes = 0;
    for (const char *name : {"RM", "RD", "RNV"}) {
      int tensor = workload.mapping->tensorIndex(name);
      int producer = workload.facts.tensors[tensor].producer;
      auto lagOf = [&](int einsum) {
        return plan.lags[llvm::find(einsums, einsum) - einsums.begin()];
      };
      int64_t most = 1;
      for (int einsum : einsums)
        for (const AccessFact &read : workload.facts.einsums[einsum].reads)
          if (read.tensor == tensor && einsum != producer)
            most = std::max(most,
                            *countStepsKept(findStepsBack(workload.facts, read),
                                            ReadTurn::stage, 1,
                                            lagOf(einsum) - lagOf(producer)));
      int rank = workload.facts.tensors[tensor].iterativeRank;
      most = std::min(most, workload.facts.ranks[rank].extent);
      bytes += static_cast<uint64_t>(most - 1) * bytesOf(name, held);
    }
    return bytes;
  }
  PipelineGroup group;

private:
  bool has(size_t stage, llvm::StringRef rank) const {
    int id = workload.facts.findRank(workload.mapping->rankName(rank));
    return workload.facts.einsums[einsums[stage]].iterates(id);
  }

  void buildLeaf(LoopTreeBuilder &tree, size_t stage, bool on2d) {
    if (each > 256)
      tree.temporal("p", 256);
    bool rowsOfKeys = on2d && has(stage, "m0");
    bool rowsOfValues =
        on2d && !rowsOfKeys && has(stage, "f") && workload.sizes.width <= 256;
    if (rowsOfKeys && workload.sizes.keyTile > 256)
      tree.temporal("m0", 256);
    if (!rowsOfKeys && has(stage, "m0"))
      tree.temporal("m0", 1);
    if (has(stage, "e"))
      tree.temporal("e", 1);
    if (has(stage, "f") && !rowsOfValues)
      tree.temporal("f", 1);
    tree.spatial("p", 1, "col");
    if (rowsOfKeys)
      tree.spatial("m0", 1, "row");
    if (rowsOfValues)
      tree.spatial("f", 1, "row");
    tree.compute(kStages[stage], on2d ? "array2d" : "array1d");
  }

  /// AV runs in the last step of m1.
  void makeIterations() {
    auto steps = [](int64_t extent, int64_t tile) {
      return static_cast<uint64_t>((extent + tile - 1) / tile);
    };
    Iterations early, late;
    uint64_t tiles = steps(workload.sizes.tokens, workload.sizes.keyTile);
    perKeyTile = steps(held, each);
    early.times = (tiles - 1) * perKeyTile;
    early.active = (StageSet{1} << (kStages.size() - 1)) - 1;
    late.times = perKeyTile;
    group.iterations.times = workload.sizes.batch * workload.sizes.heads *
                             steps(workload.sizes.tokens, held);
    group.iterations.parts = {early, late};
  }

  void findDependences() {
    for (size_t consumer = 0; consumer < einsums.size(); ++consumer)
      for (const AccessFact &read :
           workload.facts.einsums[einsums[consumer]].reads) {
        const TensorFact &tensor = workload.facts.tensors[read.tensor];
        auto producer = llvm::find(einsums, tensor.producer);
        if (producer == einsums.end())
          continue;
        bool isStep = false; // reads the step before
        for (auto [rank, coordinate] :
             llvm::zip(tensor.ranks, read.coordinates))
          isStep |= rank == tensor.iterativeRank && coordinate.uses(rank) &&
                    coordinate.constant < 0;
        group.dependences.push_back(
            {static_cast<int>(producer - einsums.begin()),
             static_cast<int>(consumer), isStep ? perKeyTile : 0});
      }
  }

  uint64_t bytesOf(llvm::StringRef name, int64_t queries) const {
    const TensorFact &tensor =
        workload.facts.tensors[workload.mapping->tensorIndex(name)];
    int64_t words = 1;
    for (int rank : tensor.ranks) {
      const std::string &id = workload.facts.ranks[rank].name;
      auto is = [&](const char *own) {
        return id == workload.mapping->rankName(own);
      };
      words *= is("p")               ? queries
               : is("m0") || is("m") ? workload.sizes.keyTile
               : is("e") || is("f")  ? workload.sizes.width
                                     : 1;
    }
    return tensor.bytes(words);
  }

  void holdTensors() {
    for (const char *name : {"Q", "RM", "RD", "RNV", "K", "V"})
      heldWithoutStages += bytesOf(name, held);
    for (const char *name :
         {"QK", "LM", "PRM", "SLN", "SLD", "SPD", "SLNV", "SPNV"}) {
      auto own = static_cast<int>(llvm::find(kStages, name) - kStages.begin());
      TensorInFlight tensor{0, bytesOf(name, each), StageSet{1} << own};
      for (const StageDependence &d : group.dependences)
        if (d.producer == own)
          tensor.touchedBy |= StageSet{1} << d.consumer;
      group.tensors.push_back(tensor);
    }
    const arch::Level &buffer =
        workload.arch.levels[workload.arch.findLevel("buffer")];
    REQUIRE(*buffer.capacityBytes > heldWithoutStages);
    group.capacities = {*buffer.capacityBytes - heldWithoutStages};
  }

  /// Every Einsum alone on either array takes what it takes there together.
  void measureChoices() {
    for (size_t stage = 0; stage < kStages.size(); ++stage) {
      group.stages.emplace_back();
      for (int array : {0, 1}) {
        StageChoice choice;
        choice.array = array;
        choice.cycles = 1;
        if (array == 1 || kStages[stage] != "AV") // it does not divide
          group.stages.back().push_back(choice);
      }
    }
    for (size_t which : {0, 1}) {
      std::vector<int> choices;
      for (auto &list : group.stages)
        choices.push_back(static_cast<int>(std::min(which, list.size() - 1)));
      PipelinePlan plan;
      plan.choices = choices;
      for (size_t stage = 0; stage < kStages.size(); ++stage) {
        plan.order.push_back(static_cast<int>(stage));
        plan.lags.push_back(kStages[stage] == "AV" && which == 0);
      }
      cost::Evaluation cost = evaluate(plan);
      for (size_t stage = 0; stage < kStages.size(); ++stage)
        group.stages[stage][choices[stage]].cycles =
            static_cast<uint64_t>(cost.einsums[einsums[stage]].cycles) /
            group.iterations.countOf(stage);
      if (which == 0)
        addDram(cost);
    }
  }

  void addDram(const cost::Evaluation &cost) {
    int dram = workload.arch.findLevel("DRAM");
    double perSecond = *workload.arch.levels[dram].sharedBytesPerS;
    group.channels = {
        {perSecond / workload.arch.clockHz, cost.levels[dram].traffic.bytes()}};
  }

  OnePass &workload;
  int64_t held, each;
  uint64_t perKeyTile = 1;
  std::vector<int> einsums;
};

/// The most queries whose tiles leave room for the stages, as a share of all.
int64_t queriesOnChip(const Sizes &sizes, int64_t each) {
  int64_t held = each;
  while (held * 2 <= sizes.tokens &&
         held * 2 * (2 * sizes.width + 2) * 2 < (int64_t{8} << 20))
    held *= 2;
  return held;
}

} // namespace

TEST_CASE("plans of pipelines cost what the cost model says", "[one-pass]") {
  std::mt19937 random(5);
  size_t plans = 0;
  for (auto [held, each] :
       {std::pair<int64_t, int64_t>{512, 512}, {512, 256}, {1024, 256}})
    for (int64_t keyTile : {256, 512}) {
      OnePass workload({1, 3, 1024, 64, keyTile});
      Family family(workload, held, each);
      for (size_t trial = 0; trial < 12; ++trial) {
        // A random binding, with the lags that cost least or hold least.
        PipelineGroup open = family.group;
        std::vector<int> kept;
        for (auto &choices : open.stages) {
          kept.push_back(static_cast<int>(random() % choices.size()));
          choices = {choices[kept.back()]};
        }
        PipelineResult result =
            trial % 2 == 0 ? findPipelineFront(open)
                           : schedulePipeline(open, PipelineGoal::latency);
        for (size_t i = 0; i < std::min<size_t>(result.plans.size(), 3); ++i) {
          PipelinePlan plan = result.plans[i];
          plan.choices = kept;
          cost::Evaluation cost = family.evaluate(plan);
          CHECK(cost.cycles == plan.cycles);
          CHECK(cost.levels[workload.arch.findLevel("buffer")].peakBytes ==
                family.heldWithoutStages + family.heldBeside(plan) +
                    plan.held[0]);
          ++plans;
        }
      }
    }
  CHECK(plans > 40);
}

namespace {

/// The best plan at one size; in cycles.
double checkSize(const Sizes &sizes, double published, bool print) {
  OnePass workload(sizes);
  if (published == 0)
    published = workload.evaluatePublished().cycles;
  Family family(workload, queriesOnChip(sizes, 256), 256);
  PipelineResult result = schedulePipeline(family.group, PipelineGoal::latency);
  REQUIRE(result.statistics.complete);
  REQUIRE(!result.plans.empty());
  const PipelinePlan &best = result.plans.front();
  cost::Evaluation cost = family.evaluate(best);
  INFO(sizes.width << " wide, " << sizes.tokens << " tokens, " << sizes.keyTile
                   << " keys");
  CHECK(cost.cycles == best.cycles);
  CHECK(cost.cycles <= published);
  // A larger tile of keys leaves the 1D array less to do per key.
  if (sizes.keyTile > 256)
    CHECK(cost.cycles < 0.996 * published);
  if (!print)
    return published;
  std::printf("%4d wide %7d tokens %4d keys  %.6g s, published %.6g s, slots "
              "of %d cycles\n ",
              static_cast<int>(sizes.width), static_cast<int>(sizes.tokens),
              static_cast<int>(sizes.keyTile), cost.latencySeconds,
              published / workload.arch.clockHz,
              static_cast<int>(best.interval));
  for (int stage : best.order)
    std::printf(" %s:%s+%d", kStages[stage].c_str(),
                family.group.stages[stage][best.choices[stage]].array == 0
                    ? "2d"
                    : "1d",
                static_cast<int>(best.lags[stage]));
  std::printf("\n");
  return published;
}

void checkAllSizes(bool print) {
  for (int64_t tokens : {1024, 16384, 262144})
    for (auto [heads, width] : {std::pair<int64_t, int64_t>{12, 64}, // BERT
                                {16, 128}}) {                        // XLM
      double published = 0;
      for (int64_t keyTile : {256, 512})
        published =
            checkSize({64, heads, tokens, width, keyTile}, published, print);
    }
}

} // namespace

TEST_CASE("one-pass attention is found no slower than published",
          "[one-pass]") {
  checkAllSizes(/*print=*/false);
}

TEST_CASE("table of one-pass attention", "[.][one-pass-table]") {
  checkAllSizes(/*print=*/true);
}
