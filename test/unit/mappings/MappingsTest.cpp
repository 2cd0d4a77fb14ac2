//===- MappingsTest.cpp - What the published mappings build and refuse ----===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mappings/Mappings.h"
#include "lib/Arch/ArchSpec.h"
#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Support/Diagnostics.h"
#include "mappings/Tiles.h"

#include "llvm/Support/SourceMgr.h"

#include <catch2/catch.hpp>

using namespace einsum;

namespace {

using Extents = std::map<std::string, int64_t>;

/// The outcome of one mapping pass: a cost, or the first error.
struct Outcome {
  std::optional<cost::Evaluation> cost;
  std::string error;
  unsigned errors = 0;
};

Outcome map(const std::string &mapping, const std::string &cascade,
            const std::string &arch, const Extents &extents,
            const std::map<std::string, double> &parameters = {}) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<schedule::ScheduleDialect>();
  llvm::SourceMgr sources;
  auto buffer = llvm::MemoryBuffer::getFile(std::string(EINSUM_SOURCE_DIR) +
                                            "/examples/01-fusemax-attention/" +
                                            cascade + ".ein");
  REQUIRE(buffer);
  sources.AddNewSourceBuffer(std::move(*buffer), llvm::SMLoc());
  auto module = frontend::parseCascadeSource(sources, &context);
  REQUIRE(module);
  CascadeOp op = *module->getOps<CascadeOp>().begin();
  for (const auto &[name, value] : extents)
    op.setParam(name, value);
  Diagnostics diagnostics;
  auto spec = arch::readArchSpec(std::string(EINSUM_SOURCE_DIR) +
                                     "/arch-specs/" + arch + ".json",
                                 diagnostics, parameters);
  REQUIRE(spec);
  auto facts = computeCascadeFacts(op);
  REQUIRE(succeeded(facts));

  Outcome outcome;
  mlir::ScopedDiagnosticHandler handler(&context,
                                        [&](mlir::Diagnostic &diagnostic) {
                                          if (outcome.errors++ == 0)
                                            outcome.error = diagnostic.str();
                                          return mlir::success();
                                        });
  registerAllMappings();
  MappingContext mappingContext(op, *facts, *spec);
  auto built = findMappingPass(mapping)->build(mappingContext);
  if (succeeded(built))
    outcome.cost = mappingContext.evaluate(*built);
  return outcome;
}

const char *cascadeOf(const std::string &mapping) {
  return mapping == "flat" || mapping == "unfused" ? "three-pass" : "one-pass";
}

const char *archOf(const std::string &mapping) {
  return mapping == "fusemax" || mapping == "fusemax-unbound" ? "fusemax-cloud"
                                                              : "flat-cloud";
}

} // namespace

TEST_CASE("Factors come largest first", "[mappings]") {
  CHECK(mappings::factorsOf(1) == llvm::SmallVector<int64_t>{1});
  CHECK(mappings::factorsOf(12) ==
        llvm::SmallVector<int64_t>{12, 6, 4, 3, 2, 1});
  CHECK(mappings::factorsOf(9) == llvm::SmallVector<int64_t>{9, 3, 1});
  CHECK(mappings::largestFactor(24, 9) == 8);
  CHECK(mappings::largestFactor(7, 6) == 1);
  CHECK(mappings::largestFactor(7, 256) == 7);
}

TEST_CASE("Every mapping takes extents down to one", "[mappings]") {
  for (std::string mapping :
       {"fusemax", "fusemax-unbound", "fusemax-cascade", "flat", "unfused"})
    for (auto [queries, keys] :
         {std::pair<int64_t, int64_t>{1, 1}, {1, 512}, {96, 24}, {300, 768}}) {
      INFO(mapping << " P=" << queries << " M=" << keys);
      Extents extents{{"B", 1}, {"H", 1},       {"E", 1},
                      {"F", 3}, {"P", queries}, {"M", keys}};
      if (cascadeOf(mapping) == std::string("one-pass"))
        extents["M0"] = mappings::largestFactor(keys, 256);
      Outcome outcome =
          map(mapping, cascadeOf(mapping), archOf(mapping), extents);
      INFO(outcome.error);
      REQUIRE(outcome.cost);
      CHECK(outcome.cost->cycles > 0);
    }
}

TEST_CASE("Fused mappings move each input once when all queries fit",
          "[mappings]") {
  // Q and AV have 512 x 64 elements, K and V 1024 x 64, of 2 bytes.
  Extents extents{{"B", 1}, {"H", 1}, {"P", 512}, {"M", 1024}};
  for (std::string mapping :
       {"fusemax", "fusemax-unbound", "fusemax-cascade"}) {
    Outcome outcome = map(mapping, "one-pass", archOf(mapping), extents);
    REQUIRE(outcome.cost);
    CHECK(outcome.cost->levels[0].traffic.bytes() == 2 * 64 * 2 * (512 + 1024));
  }
}

TEST_CASE("Mappings refuse what they do not fit, once and with the reason",
          "[mappings]") {
  Outcome outcome = map("fusemax", "three-pass", "fusemax-cloud", {});
  CHECK(outcome.errors == 1);
  CHECK(outcome.error ==
        "no mapping of 'attention' onto 'fusemax-cloud': none of its Einsums "
        "does what 'QK[b,h,m1,m0,p]  = Q[b,h,p,e] * K[b,h,m1*M0+m0,e]' does in "
        "'one_pass_attention'");

  outcome = map("flat", "one-pass", "flat-cloud", {});
  CHECK(outcome.errors == 1);
  CHECK(outcome.error.find("does in 'three_pass_attention'") !=
        std::string::npos);

  outcome = map("fusemax", "one-pass", "fusemax-cloud", {{"M0", 512}});
  CHECK(outcome.errors == 1);
  CHECK(outcome.error.find(
            "rank 'm0' has extent 512, array 'array2d' has 256 rows; split 'm' "
            "into parts of at most 256") != std::string::npos);

  outcome = map("fusemax", "one-pass", "flat-cloud", {});
  CHECK(outcome.errors == 1);
  CHECK(outcome.error.find("the architecture has no level 'side1d'") !=
        std::string::npos);

  outcome = map("fusemax-cascade", "one-pass", "flat-cloud", {{"E", 1 << 20}});
  CHECK(outcome.errors == 1);
  CHECK(
      outcome.error.find("level 'buffer' cannot hold the tiles placed there") !=
      std::string::npos);

  outcome = map("flat", "three-pass", "flat-cloud", {{"F", 512}});
  CHECK(outcome.errors == 1);
  CHECK(outcome.error.find(
            "rank 'f' has extent 512, array 'array2d' has 256 rows") !=
        std::string::npos);

  outcome = map("flat", "three-pass", "flat-cloud", {{"E", 1 << 20}});
  CHECK(outcome.errors == 1);
  CHECK(outcome.error.find("level 'buffer' cannot hold") != std::string::npos);
}
