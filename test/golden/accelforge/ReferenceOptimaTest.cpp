//===- ReferenceOptimaTest.cpp - AccelForge's published optima ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The optima that AccelForge's tests and examples state (Gilbert et al. and
// Andrulis et al. 2026), found by our mapper under the same accounting, to the
// digits given. The mappings beside this file are those optima written by hand.
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Mapper.h"
#include "test/unit/lib/Analysis/CascadeText.h"

#include "llvm/Support/MemoryBuffer.h"

using namespace einsum;
using namespace einsum::mapper;
using einsum::test::CascadeText;

namespace {

std::string readText(const std::string &path) {
  auto file = llvm::MemoryBuffer::getFile(EINSUM_SOURCE_DIR "/" + path);
  REQUIRE(file);
  return (*file)->getBuffer().str();
}

arch::ArchSpec readMachine(const std::string &name,
                           const std::map<std::string, double> &set = {}) {
  einsum::Diagnostics diagnostics;
  auto spec = arch::readArchSpec(EINSUM_SOURCE_DIR "/arch-specs/accelforge-" +
                                     name + ".json",
                                 diagnostics, set);
  REQUIRE(spec);
  return *spec;
}

MapResult search(CascadeText &cascade, const arch::ArchSpec &arch,
                 const std::vector<Metric> &metrics, bool fusion = true) {
  cascade.context.loadDialect<schedule::ScheduleDialect>();
  MapOptions options;
  options.objective.metrics = metrics;
  options.limits.imperfect = false;
  options.limits.fusion = fusion;
  auto result = mapCascade(cascade.cascade, cascade.facts, arch, options);
  REQUIRE(mlir::succeeded(result));
  CHECK(result->certificate.status == Status::optimal);
  REQUIRE(!result->points.empty());
  return std::move(*result);
}

} // namespace

TEST_CASE("two products on the unit-cost machine", "[golden][accelforge]") {
  CascadeText cascade(readText("test/golden/accelforge/Inputs/matmuls.ein"));
  MapResult result = search(cascade, readMachine("simple"), {Metric::edp});
  CHECK(result.points[0].cost.energyJoules() == Approx(17235968).epsilon(1e-9));
  CHECK(result.points[0].cost.latencySeconds == Approx(524288).epsilon(1e-9));
}

TEST_CASE("two products on the TPU v4i", "[golden][accelforge]") {
  std::string text = readText("test/golden/accelforge/Inputs/matmuls.ein");
  arch::ArchSpec arch = readMachine("tpu-v4i", {{"bits", 8}});
  CascadeText fused(text), unfused(text);
  MapResult best = search(fused, arch, {Metric::edp});
  CHECK(best.points[0].cost.energyJoules() == Approx(1.82295e-6).epsilon(3e-6));
  CHECK(best.points[0].cost.latencySeconds == Approx(30.4762e-9).epsilon(2e-6));
  MapResult apart = search(unfused, arch, {Metric::edp}, /*fusion=*/false);
  CHECK(apart.points[0].cost.energyJoules() ==
        Approx(2.14473e-6).epsilon(3e-6));
  CHECK(apart.points[0].cost.latencySeconds ==
        Approx(40.0261e-9).epsilon(2e-6));
}

TEST_CASE("what AccelForge's regression tests expect", "[golden][accelforge]") {
  // Least EDP, or energy where time is free; with any fusion, or none.
  struct Reference {
    const char *machine, *workload;
    bool fusion;
    double joules, seconds;
  };
  for (auto [machine, workload, fusion, joules, seconds] :
       {Reference{"simple", "matmuls", false, 17235968, 524288},
        Reference{"simple", "three-matmuls", true, 207224832, 6291456},
        Reference{"simple", "three-matmuls", false, 207224832, 6291456},
        Reference{"tpu-v4i", "three-matmuls", true, 1.05583740e-5,
                  1.46736156e-7},
        Reference{"tpu-v4i", "three-matmuls", false, 1.31326281e-5,
                  2.40156336e-7},
        Reference{"snowcat", "matmuls", false, 196608, 0},
        Reference{"snowcat", "matvecs", false, 304, 0},
        Reference{"snowcat", "three-matmuls", false, 1179648, 0}}) {
    INFO(machine << " " << workload << (fusion ? ", fused" : ""));
    CascadeText cascade(readText("test/golden/accelforge/Inputs/" +
                                 std::string(workload) + ".ein"));
    std::map<std::string, double> set;
    if (machine == std::string("tpu-v4i"))
      set["bits"] = 8;
    Metric metric = seconds > 0 ? Metric::edp : Metric::energy;
    MapResult result =
        search(cascade, readMachine(machine, set), {metric}, fusion);
    CHECK(result.points[0].cost.energyJoules() == Approx(joules).epsilon(1e-7));
    CHECK(result.points[0].cost.latencySeconds ==
          Approx(seconds).epsilon(1e-7));
  }
}

TEST_CASE("ski slope of one product on snowcat", "[golden][accelforge]") {
  CascadeText cascade(readText("test/golden/accelforge/Inputs/matmul.ein"));
  MapResult result = search(cascade, readMachine("snowcat"),
                            {Metric::energy, Metric::capacity});
  CHECK(result.points.size() == 36);
  CHECK(result.points[0].cost.energyJoules() ==
        Approx(402653184).epsilon(1e-9));
}
