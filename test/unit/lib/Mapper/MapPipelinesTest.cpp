//===- MapPipelinesTest.cpp - Attention is mapped by nothing but a spec ---===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From textbook attention and a machine alone: the one-pass cascade is derived,
// and the mapping found for it is no slower than the published one.
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Mapper/Mapper.h"
#include "lib/Mapper/Pipelines/LoadBound.h"
#include "lib/Support/Diagnostics.h"
#include "lib/Transforms/ReducePasses.h"
#include "mappings/Mappings.h"

#include "mlir/IR/Verifier.h"
#include "llvm/Support/SourceMgr.h"

#include <catch2/catch.hpp>

using namespace einsum;
using namespace einsum::mapper;

namespace {

const std::string root = EINSUM_SOURCE_DIR;

struct Attention {
  /// With tiles of `keys` keys.
  Attention(int64_t heads, int64_t tokens, int64_t width, int64_t keys = 256) {
    llvm::SourceMgr sources;
    auto buffer = llvm::MemoryBuffer::getFile(
        root + "/examples/01-fusemax-attention/three-pass.ein");
    REQUIRE(buffer);
    sources.AddNewSourceBuffer(std::move(*buffer), llvm::SMLoc());
    context.loadDialect<schedule::ScheduleDialect>();
    module = frontend::parseCascadeSource(sources, &context);
    REQUIRE(module);
    cascade = *module->getOps<CascadeOp>().begin();
    for (const char *name : {"E", "F"})
      cascade.setParam(name, width);
    for (const char *name : {"M", "P"})
      cascade.setParam(name, tokens);
    cascade.setParam("H", heads);
    Derivation derivation;
    reducePasses(cascade, {}, derivation);
    cascade.setParam("M0", keys);
    Diagnostics diagnostics;
    auto spec = arch::readArchSpec(root + "/arch-specs/fusemax-cloud.json",
                                   diagnostics);
    REQUIRE(spec);
    arch = std::move(*spec);
    auto computed = computeCascadeFacts(cascade);
    REQUIRE(succeeded(computed));
    facts = std::move(*computed);
  }

  double publishedSeconds() {
    registerAllMappings();
    MappingContext context(cascade, facts, arch);
    auto built = findMappingPass("fusemax")->build(context);
    REQUIRE(succeeded(built));
    auto cost = context.evaluate(*built);
    REQUIRE(cost);
    double seconds = cost->latencySeconds;
    context.discard(*built);
    return seconds;
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
  CascadeOp cascade;
  CascadeFacts facts;
  arch::ArchSpec arch;
};

} // namespace

TEST_CASE("attention is mapped no slower than published", "[map-pipelines]") {
  for (auto [heads, tokens, width] :
       {std::tuple<int64_t, int64_t, int64_t>{12, 1024, 64},
        {12, 16384, 64},
        {16, 262144, 128}}) {
    double published = Attention(heads, tokens, width).publishedSeconds();
    double best = INFINITY;
    INFO(tokens << " tokens");
    // The tile of keys is free; the published mapping has 256.
    for (int64_t keys : {256, 512}) {
      Attention attention(heads, tokens, width, keys);
      MapOptions options;
      options.objective.metrics = {Metric::latency};
      auto result = mapCascade(attention.cascade, attention.facts,
                               attention.arch, options);
      REQUIRE(succeeded(result));
      REQUIRE(result->points.size() == 1);
      MappedPoint &point = result->points.front();
      CHECK(succeeded(mlir::verify(point.mapping)));
      best = std::min(best, point.cost.latencySeconds);
      const Certificate &certificate = result->certificate;
      CHECK(certificate.best == point.cost.latencySeconds);
      CHECK(certificate.lowerBound <= certificate.best);
      CHECK(certificate.lowerBound > 0.97 * certificate.best);
      CHECK((certificate.status == Status::optimal) ==
            (certificate.gap() <= 1));
    }
    CHECK(best <= published * (1 + 1e-12));
  }
}

TEST_CASE("larger tiles of keys leave the 1D array less to do",
          "[map-pipelines]") {
  double published = Attention(12, 16384, 64).publishedSeconds();
  Attention attention(12, 16384, 64, /*keys=*/512);
  MapOptions options;
  options.objective.metrics = {Metric::latency};
  auto result =
      mapCascade(attention.cascade, attention.facts, attention.arch, options);
  REQUIRE(succeeded(result));
  // Below 1/70 less, all that is left is to fill the pipeline once.
  CHECK(result->points.front().cost.latencySeconds < 0.9857 * published);
  CHECK(result->certificate.gap() < 1.00001);
}

TEST_CASE("no binding has a less busy array", "[map-pipelines]") {
  // Three Einsums on two arrays, by hand: A 6 or 3, B 4 or 8, C 2 or 2.
  auto alone = [](int array, uint64_t points, double cycles) {
    auto nest = std::make_shared<EinsumOnArray>();
    nest->array = array;
    nest->points = points;
    nest->cyclesPerPoint = cycles;
    return nest;
  };
  std::vector<EinsumChoices> choices(3);
  choices[0].nests = {alone(0, 3, 2), alone(1, 3, 1)};
  choices[1].nests = {alone(0, 4, 1), alone(1, 4, 2)};
  choices[2].nests = {alone(0, 2, 1), alone(1, 2, 1)};
  CHECK(boundLoad(choices) == 5); // A and C on 1, B on 0
  choices[2].nests.pop_back();
  CHECK(boundLoad(choices) == 6); // C with B
  choices[0].nests.pop_back();
  CHECK(boundLoad(choices) == 8); // A with C, or with B
  // Eight points side by side, along two dimensions.
  auto wide = alone(0, 64, 1);
  wide->ranks.resize(2);
  wide->ranks[0].extent = 16;
  wide->ranks[1].extent = 4;
  wide->lastStage = 1;
  for (uint64_t size : {8, 8}) {
    Fan fan;
    fan.size = size;
    fan.ranks = 3;
    wide->fans.push_back(fan);
  }
  choices.resize(1);
  choices[0].nests = {wide};
  CHECK(boundLoad(choices) == 1); // 8 x (2 x 4) units
  auto any = [](const LocalRank &rank, double room) {
    return std::min(static_cast<double>(rank.extent), room);
  };
  CHECK(reachedCycles(*wide, any) == 2); // 8 x 4, each rank along one
}
