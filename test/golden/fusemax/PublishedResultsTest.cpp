//===- PublishedResultsTest.cpp - FuseMax and its baselines, as printed ---===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every row of published.json is mapped and evaluated from the shipped cascades
// and specs. A published number that we miss is listed there as a finding, with
// our number and the cause; a finding that no longer holds fails as well.
//
//   einsum-unit-tests "[golden-table]"     prints ours beside the published
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/ArchSpec.h"
#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Support/Diagnostics.h"
#include "mappings/Mappings.h"

#include "llvm/Support/SourceMgr.h"

#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace einsum;
using nlohmann::json;

namespace {

const std::string root = EINSUM_SOURCE_DIR;

json readPublished() {
  return json::parse(
      std::ifstream(root + "/test/golden/fusemax/published.json"));
}

class Workload {
public:
  Workload(const std::string &cascade, const json &model, const json &row) {
    llvm::SourceMgr sources;
    auto buffer = llvm::MemoryBuffer::getFile(
        root + "/examples/01-fusemax-attention/" + cascade + ".ein");
    REQUIRE(buffer);
    sources.AddNewSourceBuffer(std::move(*buffer), llvm::SMLoc());
    context.loadDialect<schedule::ScheduleDialect>();
    module = frontend::parseCascadeSource(sources, &context);
    REQUIRE(module);
    op = *module->getOps<CascadeOp>().begin();
    for (const char *name : {"E", "F"})
      op.setParam(name, model["E"]);
    for (const char *name : {"M", "P"})
      op.setParam(name, row["tokens"]);
    op.setParam("B", 64);
    op.setParam("H", model["H"]);
    if (op.getParam("M0"))
      op.setParam("M0", row.value("array", 256));
  }

  CascadeOp get() { return op; }

private:
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
  CascadeOp op;
};

arch::ArchSpec readArch(const std::string &name, const json &row) {
  Diagnostics diagnostics;
  std::map<std::string, double> parameters;
  if (row.contains("array"))
    parameters["N"] = row["array"];
  auto spec = arch::readArchSpec(root + "/arch-specs/" + name + ".json",
                                 diagnostics, parameters);
  REQUIRE(spec);
  return std::move(*spec);
}

/// Our numbers, by the names of the columns.
std::map<std::string, double>
evaluate(const json &published, const json &configuration, const json &row) {
  Workload workload(configuration["cascade"], published["models"][row["model"]],
                    row);
  arch::ArchSpec arch = readArch(configuration["arch"], row);
  auto facts = computeCascadeFacts(workload.get());
  REQUIRE(succeeded(facts));
  registerAllMappings();
  MappingContext context(workload.get(), *facts, arch);
  auto mapping =
      findMappingPass(std::string(configuration["mapping"]))->build(context);
  REQUIRE(succeeded(mapping));
  std::optional<cost::Evaluation> cost =
      context.evaluate(*mapping, /*explain=*/true);
  REQUIRE(cost);
  return {{"dram_bytes", cost->levels[arch.findLevel("DRAM")].traffic.bytes()},
          {"latency_s", cost->latencySeconds},
          {"energy_pj", cost->energy.total() - cost->energy.registers},
          {"util_2d", cost->arrays[arch.findArray("array2d")].utilization},
          {"util_1d", cost->arrays[arch.findArray("array1d")].utilization}};
}

double deviation(const std::string &column, double ours, double reference) {
  double difference = ours - reference;
  return column.rfind("util", 0) == 0 ? difference : difference / reference;
}

/// Calls `visit(configuration, row, column, ours)` for every published number.
template <typename Visitor>
void forEachNumber(const json &published, Visitor visit) {
  for (const json &configuration : published["configurations"])
    for (const json &row : configuration["rows"]) {
      auto ours = evaluate(published, configuration, row);
      for (const auto &[column, value] : ours)
        if (row.contains(column))
          visit(configuration, row, column, value);
    }
}

} // namespace

TEST_CASE("FuseMax and its baselines cost what was published", "[golden]") {
  json published = readPublished();
  forEachNumber(published, [](const json &configuration, const json &row,
                              const std::string &column, double ours) {
    INFO(configuration["name"]
         << " " << row["model"] << " " << row["tokens"]
         << (row.contains("array") ? " array " + row["array"].dump() : ""));
    double tolerance = configuration["tolerance"][column];
    double miss = std::abs(deviation(column, ours, row[column]));
    INFO(column << ": ours " << ours << ", published " << row[column]);
    const json findings = row.value("findings", json::object());
    if (!findings.contains(column)) {
      CHECK(miss <= tolerance);
      return;
    }
    INFO("listed as a finding; ours was " << findings[column]);
    CHECK(miss > tolerance);
    CHECK(std::abs(deviation(column, ours, findings[column])) <= 1e-4);
  });
}

TEST_CASE("Table of published results", "[.][golden-table]") {
  json published = readPublished();
  forEachNumber(published, [](const json &configuration, const json &row,
                              const std::string &column, double ours) {
    std::string name = configuration["name"], model = row["model"];
    double reference = row[column], miss = deviation(column, ours, reference);
    bool isHit =
        std::abs(miss) <= configuration["tolerance"][column].get<double>();
    std::string array =
        row.contains("array") ? " N=" + row["array"].dump() : "";
    std::printf("| %s | %s%s | %d | %s | %.10g | %.10g | %+.4f%s |%s\n",
                name.c_str(), model.c_str(), array.c_str(),
                row["tokens"].get<int>(), column.c_str(), ours, reference,
                column[0] == 'u' ? miss : 100 * miss,
                column[0] == 'u' ? "" : " %", isHit ? "" : " miss");
  });
}
