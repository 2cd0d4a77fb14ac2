//===- JsonResult.cpp - The versioned result for programs -----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Keys and units are those of result.schema.json. Keys keep their order and
// doubles are written with the fewest digits that read back the same, so that
// equal results are equal bytes; only `mapper.wall_s` and
// `mapper.first_wall_s` differ between runs.
//
//===----------------------------------------------------------------------===//

#include "lib/Export/Result.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
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
  const char *role = tensor.isWeight   ? "weight"
                     : tensor.isInput  ? "input"
                     : tensor.isOutput ? "output"
                                       : "intermediate";
  return {{"name", tensor.name},
          {"role", role},
          {"ranks", listRanks(facts, tensor.ranks)},
          {"datatype", tensor.datatype},
          {"bits_per_element", tensor.weight.toDouble()},
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

static Json listNames(llvm::ArrayRef<mlir::Operation *> einsums) {
  Json names = Json::array();
  for (mlir::Operation *einsum : einsums)
    names.push_back(getEinsumName(einsum).str());
  return names;
}

static Json describePasses(const FiberPasses &fiber) {
  Json json = {{"name", fiber.tensor},
               {"rank", fiber.rank},
               {"passes", fiber.passes},
               {"kind", stringify(fiber.certainty).str()},
               {"witness", listNames(fiber.witness)}};
  if (!fiber.whole.empty())
    json[fiber.isSummary ? "summary_of" : "part_of"] = fiber.whole;
  if (fiber.isOpaque)
    json["addressed_by_data"] = true;
  if (!fiber.via.empty())
    json["through"] = fiber.via;
  if (!fiber.partial.empty())
    json["partial_revisits"] = listNames(fiber.partial);
  if (fiber.perStep > 0)
    json["grows"] = {{"rank", fiber.growsWith},
                     {"passes", fiber.perStep},
                     {"steps", fiber.period}};
  return json;
}

static Json describeFootprint(const LiveFootprint &footprint) {
  Json boundaries = Json::array();
  for (const PassBoundary &boundary : footprint.boundaries)
    boundaries.push_back({{"after_pass", boundary.after},
                          {"live", boundary.live},
                          {"keep", boundary.keep},
                          {"formula", boundary.formula},
                          {"bytes", boundary.bytes}});
  return {
      {"tensor", footprint.tensor},
      {"rank", footprint.rank},
      {"passes", footprint.passes},
      {"each", footprint.each},
      {"boundaries", boundaries},
      {"traffic",
       {{"of", footprint.isInput ? "loads" : "loads and repeated computations"},
        {"formula", footprint.trafficFormula},
        {"tensor_bytes", footprint.tensorBytes},
        {"bundles", footprint.bundles},
        {"fiber_bytes", footprint.fiberBytes}}}};
}

static Json describeCascade(const CascadeFacts &facts, const Result &result) {
  const RankPasses &rankPasses = result.passes;
  Json ranks = Json::object(), tensors = Json::array(), einsums = Json::array();
  Json headlines = Json::object(), passes = Json::array();
  for (const RankHeadline &headline : rankPasses.ranks)
    headlines[headline.rank] = headline.passes;
  for (const FiberPasses &fiber : rankPasses.fibers)
    passes.push_back(describePasses(fiber));
  for (const RankFact &rank : facts.ranks)
    if (!rank.isOpaque)
      ranks[rank.name] = rank.extent;
  for (const TensorFact &tensor : facts.tensors)
    tensors.push_back(describeTensor(facts, tensor));
  for (const EinsumFact &einsum : facts.einsums)
    einsums.push_back(describeEinsum(facts, einsum));
  Json footprints = Json::array();
  for (const LiveFootprint &footprint : result.footprints)
    footprints.push_back(describeFootprint(footprint));
  ParameterCount parameters = countParameters(facts);
  return {{"name", facts.name},
          {"parameters",
           {{"tensors", parameters.tensors},
            {"elements", parameters.elements},
            {"bytes", parameters.bytes}}},
          {"ops", Json(countAllOperators(facts))},
          {"ranks", ranks},
          {"rank_passes", headlines},
          {"tensors", passes},
          {"footprints", footprints},
          {"storage", tensors},
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

static Json describeLinks(const Mapped &mapped) {
  Json links = Json::array();
  for (auto [link, cost] : llvm::zip(mapped.arch->links, mapped.cost->links))
    links.push_back({{"into", link.name},
                     {"bytes", cost.bytes},
                     {"energy_j", cost.energyPj * 1e-12},
                     {"busy_s", cost.busySeconds}});
  return links;
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

/// A number of the schedule beside its bound.
static Json describeBound(Json bound, double value, double least,
                          const std::string &name) {
  bound["name"] = name;
  std::optional<double> gap = cost::getGap(value, least);
  bound["gap"] = gap ? Json(*gap) : Json(nullptr);
  return bound;
}

static Json describeLevelBound(const std::string &name,
                               const cost::LevelBound &level) {
  Json bound = {{"level", name},
                {"near_bytes", level.nearBytes == bounds::kUnlimited
                                   ? Json(nullptr)
                                   : Json(level.nearBytes)},
                {"moved_bytes", level.movedBytes},
                {"lower_bound_bytes", level.bound.bytes}};
  bound =
      describeBound(std::move(bound), static_cast<double>(level.movedBytes),
                    static_cast<double>(level.bound.bytes), level.bound.name);
  bound["statement"] = level.bound.statement;
  bound["hypotheses"] = level.bound.hypotheses;
  return bound;
}

static void addBounds(Json &json, const Mapped &mapped) {
  const cost::MachineBounds &machine = *mapped.bounds;
  const cost::LevelBound &backing = machine.levels.front();
  json["compulsory_bytes"] = machine.compulsoryBytes;
  json["dram_lower_bound_bytes"] = backing.bound.bytes;
  json = describeBound(std::move(json), static_cast<double>(backing.movedBytes),
                       static_cast<double>(backing.bound.bytes),
                       backing.bound.name);
  json["levels"] = Json::array();
  for (auto [level, bound] : llvm::zip(mapped.arch->levels, machine.levels))
    json["levels"].push_back(describeLevelBound(level.name, bound));
  json["latency"] = describeBound({{"lower_bound_s", machine.latency.value}},
                                  mapped.cost->latencySeconds,
                                  machine.latency.value, machine.latency.name);
  json["energy"] = describeBound({{"lower_bound_j", machine.energy.value}},
                                 mapped.cost->energyJoules(),
                                 machine.energy.value, machine.energy.name);
}

static Json describeCertificate(const mapper::Certificate &certificate) {
  bool isBounded = certificate.lowerBound > 0;
  Json json = {
      {"status", mapper::describeStatus(certificate.status).str()},
      {"best", certificate.best},
      {"lower_bound", certificate.lowerBound},
      {"bound", certificate.boundName},
      {"gap", isBounded ? Json(certificate.gap()) : Json(nullptr)},
      {"searched", certificate.searched},
      {"evaluated", certificate.evaluated},
      {"pruned", Json(certificate.pruned)},
      {"space_size", std::pow(10, std::min(300.0, certificate.spaceLog10))},
      {"space_size_log10", certificate.spaceLog10}};
  if (certificate.status == mapper::Status::infeasible)
    for (const char *key : {"best", "lower_bound", "bound", "gap"})
      json.erase(key);
  if (certificate.searched.empty())
    json.erase("searched");
  return json;
}

/// The effort and the proof of a search.
static Json describeSearch(const Search &search, const arch::ArchSpec &arch) {
  Json json = describeCertificate(search.certificate);
  json["wall_s"] = search.certificate.wallSeconds;
  if (double first = search.certificate.firstSeconds; !std::isnan(first))
    json["first_wall_s"] = first;
  json["objective"] = mapper::describeObjective(search.objective, arch);
  json["variants"] = Json::array();
  for (const SearchedVariant &variant : search.variants) {
    Json entry = {{"name", variant.name}};
    // No mapping costs nothing.
    bool hasNone = variant.certificate.status == mapper::Status::bestFound &&
                   variant.certificate.best == 0 && !variant.isBeaten;
    if (!variant.leftOut.empty())
      entry["left_out"] = variant.leftOut;
    else if (hasNone)
      entry["left_out"] = "the time was up before a mapping was found";
    else
      entry.update(describeCertificate(variant.certificate));
    // The values are those of the variant that it does not beat.
    if (variant.isBeaten)
      entry.erase("best");
    json["variants"].push_back(std::move(entry));
  }
  return json;
}

static Json describePareto(const Search &search, const arch::ArchSpec &arch) {
  Json points = Json::array();
  for (const ParetoPoint &point : search.pareto) {
    Json values = Json::object();
    for (auto [metric, value] :
         llvm::zip(search.objective.metrics, point.values))
      values[mapper::getMetricName(metric, search.objective, arch)] = value;
    points.push_back({{"values", values},
                      {"latency_s", point.latencySeconds},
                      {"energy_j", point.energyJoules},
                      {"variant", point.variant},
                      {"tree", point.tree}});
  }
  return points;
}

static Json
describeConflicts(llvm::ArrayRef<std::vector<mapper::Conflict>> sets) {
  Json json = Json::array();
  for (const std::vector<mapper::Conflict> &set : sets) {
    json.push_back(Json::array());
    for (const mapper::Conflict &conflict : set) {
      std::string place = conflict.loc.file;
      if (conflict.loc.line)
        place += ":" + std::to_string(conflict.loc.line) + ":" +
                 std::to_string(conflict.loc.col);
      json.back().push_back({{"constraint", conflict.constraint},
                             {"remedy", conflict.remedy},
                             {"at", place}});
    }
  }
  return json;
}

/// What there is to say without a schedule.
static void addInfeasible(Json &json, const Search &search,
                          const arch::ArchSpec &arch) {
  json["mapping"] = {
      {"status", mapper::describeStatus(search.certificate.status).str()},
      {"space", search.certificate.space},
      {"conflicts", describeConflicts(search.conflicts)}};
  json["mapper"] = describeSearch(search, arch);
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
  if (!mapped.evictions.empty())
    json["mapping"]["evictions"] = mapped.evictions;
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
                                 {"links", energy.links},
                                 {"leakage", energy.leakage}};
  json["edp_js"] = cost.energyJoules() * cost.latencySeconds;
  json["area_mm2"] = mapped.arch->areaUm2() * 1e-6;
  json["area_breakdown_mm2"] = describeArea(*mapped.arch);
  json["levels"] = describeLevels(mapped);
  json["arrays"] = describeArrays(mapped);
  json["engines"] = describeEngines(mapped);
  json["links"] = describeLinks(mapped);
  json["einsums"] = describeEinsumCosts(facts, mapped);
  addBounds(json["bounds"], mapped);
  json["mapper"] = {{"wall_s", mapped.wallSeconds},
                    {"evaluated", mapped.evaluated}};
  json["provenance"] = Json::array();
  for (const UsedNumbers &used : listUsedNumbers(facts, mapped))
    json["provenance"].push_back(
        {{"of", used.of},
         {"text", used.provenance.text},
         {"certainty", arch::spell(used.provenance.certainty)},
         {"placeholder", used.provenance.isPlaceholder()}});
}

Json einsum::exporting::makeResultJson(const Result &result) {
  Json binding = Json::object();
  for (const auto &[name, value] : result.binding)
    binding[name] = value;
  Json json = {{"schema", "einsum-result/1"},
               {"workload", result.workload},
               {"binding", binding},
               {"cascade", describeCascade(*result.facts, result)}};
  json["bounds"] = {{"compulsory_bytes", computeCompulsoryBytes(*result.facts)},
                    {"kind", "theorem"}};
  if (result.quantisation)
    json["quantisation"] = describeQuantisation(*result.quantisation);
  if (result.rewrite)
    json["rewrite"] = describeRewrite(*result.rewrite);
  if (result.mapped)
    addCost(json, *result.facts, *result.mapped);
  if (result.mapped && result.search) {
    json["mapping"]["variant"] = result.search->variant;
    json["mapper"] = describeSearch(*result.search, *result.arch);
    if (result.search->objective.metrics.size() > 1)
      json["pareto"] = describePareto(*result.search, *result.arch);
  }
  if (!result.mapped && result.search)
    addInfeasible(json, *result.search, *result.arch);
  return json;
}

void einsum::exporting::writeJson(const Result &result, llvm::raw_ostream &os) {
  os << makeResultJson(result).dump(2, ' ', /*ensure_ascii=*/false,
                                    Json::error_handler_t::replace)
     << "\n";
}

void einsum::exporting::writeParetoCsv(const Search &search,
                                       const arch::ArchSpec &arch,
                                       llvm::raw_ostream &os) {
  for (mapper::Metric metric : search.objective.metrics)
    os << mapper::getMetricName(metric, search.objective, arch) << ",";
  os << "latency_s,energy_j,variant\n";
  // As in JSON, with the fewest digits that read back the same.
  auto number = [](double value) { return Json(value).dump(); };
  for (const ParetoPoint &point : search.pareto) {
    for (double value : point.values)
      os << number(value) << ",";
    os << number(point.latencySeconds) << "," << number(point.energyJoules)
       << ",\"" << point.variant << "\"\n";
  }
}
