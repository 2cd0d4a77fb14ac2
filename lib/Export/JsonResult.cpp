//===- JsonResult.cpp - The versioned result for programs -----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Keys and units are those of result.schema.json. Keys keep their order and
// doubles are written with the fewest digits that read back the same, so that
// equal results are equal bytes; only `mapper.wall_s` differs between runs.
//
//===----------------------------------------------------------------------===//

#include "lib/Export/Result.h"

#include "llvm/ADT/STLExtras.h"

#include <nlohmann/json.hpp>

using namespace einsum;
using namespace einsum::exporting;
using Json = nlohmann::ordered_json;

static Json listRanks(const CascadeFacts &facts, llvm::ArrayRef<int> ranks) {
  Json names = Json::array();
  for (int rank : ranks)
    names.push_back(facts.ranks[rank].name);
  return names;
}

static Json describeTensor(const CascadeFacts &facts,
                           const TensorFact &tensor) {
  const char *role = tensor.isInput    ? "input"
                     : tensor.isOutput ? "output"
                                       : "intermediate";
  return {{"name", tensor.name},
          {"role", role},
          {"ranks", listRanks(facts, tensor.ranks)},
          {"datatype", tensor.datatype},
          {"elements", tensor.elements},
          {"bytes", tensor.bytes(tensor.elements)}};
}

static Json describeEinsum(const CascadeFacts &facts,
                           const EinsumFact &einsum) {
  EinsumTraffic traffic = computeTraffic(facts, einsum);
  return {{"name", einsum.name},
          {"ranks", listRanks(facts, einsum.ranks)},
          {"reduced", listRanks(facts, einsum.reduced)},
          {"points", einsum.points},
          {"ops", Json(traffic.operators)},
          {"bytes_in", traffic.bytesIn},
          {"bytes_out", traffic.bytesOut},
          {"intensity", traffic.intensity()}};
}

static Json describeCascade(const CascadeFacts &facts) {
  Json ranks = Json::object(), tensors = Json::array(), einsums = Json::array();
  for (const RankFact &rank : facts.ranks)
    ranks[rank.name] = rank.extent;
  for (const TensorFact &tensor : facts.tensors)
    tensors.push_back(describeTensor(facts, tensor));
  for (const EinsumFact &einsum : facts.einsums)
    einsums.push_back(describeEinsum(facts, einsum));
  return {{"name", facts.name},
          {"ranks", ranks},
          {"tensors", tensors},
          {"einsums", einsums}};
}

static Json describeTraffic(const std::string &name,
                            const cost::Traffic &traffic) {
  return {{"name", name},
          {"read_bytes", traffic.readBytes},
          {"write_bytes", traffic.writeBytes},
          {"read_accesses", traffic.readAccesses},
          {"write_accesses", traffic.writeAccesses}};
}

static Json describeLevels(const Mapped &mapped) {
  Json levels = Json::array();
  for (auto [level, cost] :
       llvm::zip(mapped.arch->levels, mapped.cost->levels)) {
    Json entry = describeTraffic(level.name, cost.traffic);
    entry["peak_bytes"] = cost.peakBytes;
    entry["capacity_bytes"] =
        level.capacityBytes
            ? Json(*level.capacityBytes * mapped.arch->instances(level))
            : Json(nullptr);
    entry["energy_j"] =
        level.energyKnown ? Json(cost.energyPj * 1e-12) : Json(nullptr);
    entry["energy_breakdown_pj"] = {{"reads", cost.readPj},
                                    {"writes", cost.writePj},
                                    {"multicast", cost.multicastPj}};
    entry["busy_s"] = cost.busySeconds;
    entry["limit"] = cost.limit;
    levels.push_back(std::move(entry));
  }
  return levels;
}

static Json describeArrays(const Mapped &mapped) {
  Json arrays = Json::array();
  for (auto [array, cost] :
       llvm::zip(mapped.arch->arrays, mapped.cost->arrays)) {
    Json ops = Json::object(), energies = Json::object();
    for (auto [name, count, energy] :
         llvm::zip(mapped.operatorNames, cost.operators, cost.operatorPj)) {
      if (count == 0)
        continue;
      ops[name] = count;
      energies[name] = energy;
    }
    arrays.push_back({{"name", array.name},
                      {"busy_cycles", cost.busyCycles},
                      {"utilization", cost.utilization},
                      {"ops", ops},
                      {"ops_energy_pj", energies},
                      {"reduction_energy_pj", cost.reductionPj},
                      {"energy_j", cost.energyPj * 1e-12}});
  }
  return arrays;
}

static Json describeEngines(const Mapped &mapped) {
  Json engines = Json::array();
  for (auto [engine, cost] :
       llvm::zip(mapped.arch->engines, mapped.cost->engines))
    engines.push_back({{"name", engine.name},
                       {"bytes", cost.bytes},
                       {"busy_cycles", cost.busyCycles}});
  return engines;
}

static Json describeTime(const cost::TimeBreakdown &time) {
  return {{"work", time.work},
          {"start_up", time.startUp},
          {"sums", time.sums},
          {"pipeline_fill", time.pipelineFill},
          {"first_tiles", time.firstTiles},
          {"transfers", time.transfers}};
}

static Json describeArea(const arch::ArchSpec &arch) {
  Json levels = Json::object(), arrays = Json::object();
  for (const arch::Level &level : arch.levels)
    levels[level.name] =
        level.areaUm2 * static_cast<double>(arch.instances(level)) * 1e-6;
  for (const arch::Array &array : arch.arrays)
    arrays[array.name] =
        array.areaUm2PerPe * static_cast<double>(array.peCount()) * 1e-6;
  return {{"levels", levels}, {"arrays", arrays}};
}

static Json describeEinsumCosts(const CascadeFacts &facts,
                                const Mapped &mapped) {
  const std::vector<arch::Level> &levels = mapped.arch->levels;
  std::vector<int> arrays = getArrays(facts, mapped);
  Json einsums = Json::array();
  for (auto [id, einsum] : llvm::enumerate(facts.einsums)) {
    const cost::EinsumCost &cost = mapped.cost->einsums[id];
    double energyPj = cost.operatorEnergyPj;
    Json perLevel = Json::array();
    for (auto [i, level] : llvm::enumerate(levels)) {
      const cost::Traffic &traffic =
          mapped.cost->einsumTraffic[id * levels.size() + i];
      energyPj += traffic.readAccesses * level.readPj +
                  traffic.writeAccesses * level.writePj;
      perLevel.push_back(describeTraffic(level.name, traffic));
    }
    einsums.push_back({{"name", einsum.name},
                       {"array", mapped.arch->arrays[arrays[id]].name},
                       {"points", cost.points},
                       {"cycles", cost.cycles},
                       {"bound_by", cost.boundBy},
                       {"bound_cycles", cost.boundCycles},
                       {"share", getShare(cost.cycles, mapped.cost->cycles)},
                       {"utilization", cost.utilization},
                       {"energy_j", energyPj * 1e-12},
                       {"levels", perLevel}});
  }
  return einsums;
}

static void addCost(Json &json, const CascadeFacts &facts,
                    const Mapped &mapped) {
  const cost::Evaluation &cost = *mapped.cost;
  const cost::EnergyBreakdown &energy = cost.energy;
  std::string tree;
  llvm::raw_string_ostream os(tree);
  printLoopTree(mapped.mapping, facts, os);
  schedule::MappingOp mapping = mapped.mapping;

  json["arch"] = mapped.arch->name;
  json["arch_parameters"] = mapped.arch->parameters;
  json["energy_profile"] = mapped.arch->energyProfile;
  json["mapping"] = {{"name", mapping.getSymName().str()},
                     {"status", mapped.status},
                     {"space", mapped.space},
                     {"tree", os.str()}};
  json["latency_s"] = cost.latencySeconds;
  json["cycles"] = cost.cycles;
  json["time_breakdown_cycles"] = describeTime(cost.time);
  json["bound_by"] = cost.boundBy;
  json["accounting"] = mapped.arch->accounting.profile;
  json["energy_j"] = cost.energyJoules();
  json["energy_without_registers_j"] =
      (energy.total() - energy.registers) * 1e-12;
  json["energy_breakdown_pj"] = {{"operators", energy.operators},
                                 {"memories", energy.memories},
                                 {"registers", energy.registers},
                                 {"leakage", energy.leakage}};
  json["edp_js"] = cost.energyJoules() * cost.latencySeconds;
  json["area_mm2"] = mapped.arch->areaUm2() * 1e-6;
  json["area_breakdown_mm2"] = describeArea(*mapped.arch);
  json["levels"] = describeLevels(mapped);
  json["arrays"] = describeArrays(mapped);
  json["engines"] = describeEngines(mapped);
  json["einsums"] = describeEinsumCosts(facts, mapped);
  if (std::optional<double> gap = getGap(facts, mapped))
    json["bounds"]["gap"] = *gap;
  json["mapper"] = {{"wall_s", mapped.wallSeconds},
                    {"evaluated", mapped.evaluated}};
  json["provenance"] = Json::array();
  for (const UsedNumbers &used : listUsedNumbers(facts, mapped))
    json["provenance"].push_back(
        {{"of", used.of},
         {"text", used.provenance.text},
         {"placeholder", used.provenance.placeholder}});
}

void einsum::exporting::writeJson(const Result &result, llvm::raw_ostream &os) {
  Json binding = Json::object();
  for (const auto &[name, value] : result.binding)
    binding[name] = value;
  Json json = {{"schema", "einsum-result/1"},
               {"workload", result.workload},
               {"binding", binding},
               {"cascade", describeCascade(*result.facts)}};
  json["bounds"] = {{"compulsory_bytes", computeCompulsoryBytes(*result.facts)},
                    {"kind", "theorem"}};
  if (result.rewrite)
    json["rewrite"] = describeRewrite(*result.rewrite);
  if (result.mapped)
    addCost(json, *result.facts, *result.mapped);
  os << json.dump(2, ' ', /*ensure_ascii=*/false,
                  Json::error_handler_t::replace)
     << "\n";
}
