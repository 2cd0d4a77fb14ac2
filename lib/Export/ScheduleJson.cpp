//===- ScheduleJson.cpp - A schedule for programs -------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Keys and units are those of schedule.schema.json. Nodes are a list in
// preorder, each with the number of its parent: no nesting to get lost in, and
// a node's number is its name everywhere else in the file. What a reader needs
// stands in the node, what it can compute again stands under "facts".
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/IoBounds/IoBounds.h"
#include "lib/Analysis/Traffic.h"
#include "lib/CostModel/MachineBounds.h"
#include "lib/Export/LevelAllocation.h"
#include "lib/Export/PassMarks.h"
#include "lib/Export/ScheduleFormats.h"
#include "lib/Export/ScheduleReport.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"

#include <nlohmann/json.hpp>

using namespace mlir;
using namespace einsum;
using namespace einsum::exporting;
using namespace einsum::schedule;
using Json = nlohmann::ordered_json;

std::vector<Operation *> einsum::exporting::listNodes(MappingOp mapping) {
  std::vector<Operation *> nodes;
  mapping.getBody().walk<WalkOrder::PreOrder>(
      [&](Operation *op) { nodes.push_back(op); });
  return nodes;
}

std::string einsum::exporting::describeWork(Operation *node) {
  if (auto leaf = dyn_cast<LeafOp>(node))
    return leaf.getEinsum().str();
  std::string text = "transfer";
  for (auto tensor :
       cast<TransferOp>(node).getTensors().getAsRange<StringAttr>())
    text += (text == "transfer" ? " " : ", ") + tensor.str();
  return text;
}

const std::string &
einsum::exporting::getResourceName(const arch::ArchSpec &arch, int resource) {
  size_t arrays = arch.arrays.size(), id = resource;
  return id < arrays ? arch.arrays[id].name : arch.engines[id - arrays].name;
}

namespace {

class Writer {
public:
  explicit Writer(const ScheduleReport &report)
      : report(report), facts(*report.facts), marks(facts, *report.passes),
        nodes(listNodes(report.mapping)) {
    for (auto [id, node] : llvm::enumerate(nodes))
      idOf[node] = static_cast<int>(id);
  }

  Json write() {
    MappingOp mapping = report.mapping;
    Json json = {{"schema", "einsum-schedule/1"},
                 {"name", mapping.getSymName().str()},
                 {"cascade", mapping.getCascade().str()},
                 {"arch", mapping.getArch().str()}};
    json["binding"] = Json::object();
    for (const auto &[name, value] : report.binding)
      json["binding"][name] = value;
    json["nodes"] = Json::array();
    for (Operation *node : nodes)
      json["nodes"].push_back(describeNode(node));
    json["program"] = splitLines(report.program);
    if (!report.origin.empty())
      json["origin"] = splitLines(report.origin);
    if (!report.derivedFrom.empty())
      json["derived_from"] = report.derivedFrom;
    if (auto formats = getFormats(mapping); succeeded(formats) && *formats)
      json["quantisation"] = {{"formats", (*formats)->formats},
                              {"accumulator", (*formats)->accumulatorBits},
                              {"objective", (*formats)->objective}};
    json["ranks"] = describeRanks();
    if (report.profile)
      addCosts(json);
    return json;
  }

private:
  static Json splitLines(StringRef text) {
    Json lines = Json::array();
    while (!text.empty()) {
      auto [line, rest] = text.split('\n');
      lines.push_back(line.str());
      text = rest;
    }
    return lines;
  }

  static Json listNames(ArrayAttr names) {
    Json list = Json::array();
    for (auto name : names.getAsRange<StringAttr>())
      list.push_back(name.str());
    return list;
  }

  //===--------------------------------------------------------------------===//
  // The tree
  //===--------------------------------------------------------------------===//

  Json describeNode(Operation *node) {
    auto parent = idOf.find(node->getParentOp());
    Json json = {{"id", idOf[node]},
                 {"parent",
                  parent == idOf.end() ? Json(nullptr) : Json(parent->second)}};
    llvm::TypeSwitch<Operation *>(node)
        .Case([&](TemporalOp loop) {
          json["node"] = "temporal";
          json["rank"] = loop.getRank().str();
          json["tile"] = loop.getTile();
        })
        .Case([&](SpatialOp loop) {
          json["node"] = "spatial";
          json["rank"] = loop.getRank().str();
          json["tile"] = loop.getTile();
          json["across"] = loop.getDim().str();
        })
        .Case([&](StorageOp storage) { describeStorage(storage, json); })
        .Case([&](SequenceOp) { json["node"] = "sequence"; })
        .Case([&](PipelineOp pipeline) {
          json["node"] = "pipeline";
          json["lags"] = Json::array();
          for (unsigned i = 0; i < getChildren(pipeline).size(); ++i)
            json["lags"].push_back(pipeline.getLag(i));
        })
        .Case([&](LeafOp leaf) {
          json["node"] = "compute";
          json["einsum"] = leaf.getEinsum().str();
          json["array"] = leaf.getArray().str();
          json["chained"] = leaf.getChained();
        })
        .Case([&](TransferOp transfer) {
          json["node"] = "transfer";
          json["tensors"] = listNames(transfer.getTensors());
          json["engine"] = transfer.getEngine().str();
        });
    if (report.profile)
      json["facts"] = describeFacts(node);
    return json;
  }

  static void describeStorage(StorageOp storage, Json &json) {
    json["node"] = "storage";
    json["level"] = storage.getLevel().str();
    json["tensors"] = listNames(storage.getTensors());
    if (storage.getBuffers())
      json["buffers"] = *storage.getBuffers();
    if (storage.getResident())
      json["resident"] = *storage.getResident();
    if (storage.getShared())
      json["shared"] = true;
    if (storage.getPassthrough())
      json["passthrough"] = true;
    if (storage.getStream()) {
      json["stream"] = storage.getStream()->str();
      json["depth"] = *storage.getDepth();
    }
    if (storage.getHalo())
      json["halo"] = storage.getHalo()->str();
  }

  Json describeFacts(Operation *node) {
    const cost::NodeProfile &profile = report.profile->nodes[idOf[node]];
    Json json = {{"visits", profile.visits}};
    if (isa<TemporalOp, SpatialOp>(node)) {
      json["steps"] = profile.steps;
      if (const PassMarks::Rank *rank = marks.find(rankOf(node)))
        addPasses(node, *rank, json);
    }
    json["tiles"] = Json::object();
    for (auto [rank, extent] : llvm::zip(facts.ranks, profile.tiles))
      if (!rank.isOpaque)
        json["tiles"][rank.name] = extent;
    json["moved"] = Json::array();
    for (auto [level, traffic] : llvm::zip(report.arch->levels, profile.moved))
      if (traffic.bytes() > 0)
        json["moved"].push_back({{"level", level.name},
                                 {"read_bytes", traffic.readBytes},
                                 {"write_bytes", traffic.writeBytes}});
    return json;
  }

  int rankOf(Operation *node) const {
    auto name = node->getAttrOfType<StringAttr>("rank");
    return facts.findRank(name.getValue());
  }

  /// Which passes over a rank happen below a loop over it.
  void addPasses(Operation *node, const PassMarks::Rank &rank, Json &json) {
    uint64_t first = UINT64_MAX, last = 0;
    node->walk([&](LeafOp leaf) {
      auto found = rank.passOf.find(facts.findEinsum(leaf.getEinsum()));
      if (found == rank.passOf.end())
        return;
      first = std::min(first, found->second);
      last = std::max(last, found->second);
    });
    if (last > 0)
      json["rank_pass"] = {{"rank", rank.name},
                           {"first", first},
                           {"last", last},
                           {"of", rank.passes}};
  }

  Json describeRanks() {
    Json ranks = Json::array();
    for (const RankFact &rank : facts.ranks) {
      if (rank.isOpaque)
        continue;
      Json one = {{"name", rank.name},
                  {"extent", rank.extent},
                  {"passes", report.passes->get(rank.name)}};
      if (rank.whole >= 0)
        one["part_of"] = facts.ranks[rank.whole].name;
      ranks.push_back(std::move(one));
    }
    return ranks;
  }

  //===--------------------------------------------------------------------===//
  // Costs, space, time
  //===--------------------------------------------------------------------===//

  void addCosts(Json &json) {
    const cost::Evaluation &cost = *report.cost;
    json["cycles"] = cost.cycles;
    json["latency_s"] = cost.latencySeconds;
    json["energy_j"] = cost.energyJoules();
    json["clock_hz"] = report.arch->clockHz;
    json["levels"] = describeLevels();
    json["reservations"] = Json::array();
    for (const cost::Reservation &one : report.profile->reservations)
      json["reservations"].push_back(describeReservation(one));
    json["occupancy"] = describeOccupancy();
    json["allocation"] = describeAllocation();
    json["movement"] = describeMovement();
    json["traffic"] = describeTraffic();
    json["energy"] = describeEnergy();
    json["roofline"] = describeRoofline();
    json["timeline"] = {{"run", describeTimeline(drawRun(
                                    *report.profile, *report.arch, kRunBars))},
                        {"epoch", describeEpoch()}};
  }

  Json describeLevels() {
    Json levels = Json::array();
    for (auto [level, cost] :
         llvm::zip(report.arch->levels, report.cost->levels)) {
      uint64_t instances = report.arch->instances(level);
      levels.push_back(
          {{"name", level.name},
           {"instances", instances},
           {"capacity_bytes", level.capacityBytes
                                  ? Json(*level.capacityBytes * instances)
                                  : Json(nullptr)},
           {"peak_bytes", cost.peakBytes},
           {"access_bytes", level.accessBytes},
           {"banks", level.banks}});
    }
    return levels;
  }

  Json describeReservation(const cost::Reservation &one) {
    Json tensors = Json::array();
    for (int tensor : one.tensors)
      tensors.push_back(facts.tensors[tensor].name);
    return {{"node", one.node},
            {"level", report.arch->levels[one.level].name},
            {"tensors", tensors},
            {"elements", one.words},
            {"bytes", one.bytes},
            {"copies", one.copies},
            {"units", one.units},
            {"total_bytes", one.bytes * one.copies * one.units},
            {"live_in", one.occupied},
            {"first", nameLeaf(one.firstLeaf)},
            {"last", nameLeaf(one.lastLeaf)}};
  }

  Json nameLeaf(int leaf) const {
    return leaf < 0 ? Json(nullptr) : Json(describeWork(nodes[leaf]));
  }

  Json describeOccupancy() {
    Json list = Json::array();
    size_t levels = report.arch->levels.size();
    for (auto [i, leaf] : llvm::enumerate(report.profile->leaves)) {
      Json bytes = Json::object();
      for (auto [k, level] : llvm::enumerate(report.arch->levels))
        bytes[level.name] = report.profile->occupancy[i * levels + k];
      list.push_back({{"einsum", describeWork(nodes[leaf])}, {"bytes", bytes}});
    }
    return list;
  }

  Json describeAllocation() {
    Json list = Json::array();
    for (const LevelAllocation &one :
         allocateLevels(*report.profile, *report.arch)) {
      Json tiles = Json::array();
      for (auto [block, owner] : llvm::enumerate(one.reservations)) {
        const cost::Reservation &of = report.profile->reservations[owner];
        if (block == 0 || one.reservations[block - 1] != owner)
          tiles.push_back({{"reservation", owner},
                           {"bytes", of.bytes * of.units},
                           {"addresses", Json::array()}});
        tiles.back()["addresses"].push_back(one.found.addresses[block]);
      }
      list.push_back(
          {{"level", report.arch->levels[one.level].name},
           {"capacity_bytes",
            one.capacity ? Json(*one.capacity) : Json(nullptr)},
           {"alignment_bytes", one.alignment},
           {"peak_bytes", one.found.peak},
           {"lower_bound_bytes", one.found.lowerBound},
           {"status", one.found.isOptimal ? "optimal" : "best found"},
           {"gap", one.found.gap()},
           {"fits", one.found.fits},
           {"bank_conflicts", one.found.bankConflicts},
           {"paid_for_banks_bytes", one.found.paidForBanks},
           {"tiles", tiles}});
    }
    return list;
  }

  /// Of tensors that live at a backing level: what moves there, and what of it
  /// every schedule moves.
  Json describeMovement() {
    Json list = Json::array();
    std::vector<int> homes =
        cost::findHomes(report.mapping, facts, *report.arch);
    std::vector<uint64_t> compulsory = bounds::countCompulsory(
        facts, std::vector<bool>(facts.tensors.size(), true));
    size_t levels = report.arch->levels.size();
    for (auto [id, tensor] : llvm::enumerate(facts.tensors)) {
      if (homes[id] < 0 || report.arch->levels[homes[id]].parent >= 0)
        continue;
      const cost::Traffic &traffic =
          report.cost->tensorTraffic[id * levels + homes[id]];
      uint64_t least = std::min(compulsory[id], traffic.bytes());
      list.push_back({{"tensor", tensor.name},
                      {"level", report.arch->levels[homes[id]].name},
                      {"moved_bytes", traffic.bytes()},
                      {"compulsory_bytes", least},
                      {"non_compulsory_bytes", traffic.bytes() - least}});
    }
    return list;
  }

  Json describeTraffic() {
    Json rows = Json::array();
    for (const auto &[key, traffic] : report.profile->traffic) {
      auto [einsum, tensor, levelId] = key;
      const arch::Level &level = report.arch->levels[levelId];
      Json row = {{"einsum", einsum < 0 ? Json(nullptr)
                                        : Json(facts.einsums[einsum].name)},
                  {"level", level.name},
                  {"tensor", facts.tensors[tensor].name},
                  {"read_bytes", traffic.readBytes},
                  {"write_bytes", traffic.writeBytes},
                  {"read_accesses", traffic.readAccesses},
                  {"write_accesses", traffic.writeAccesses}};
      row["energy_pj"] = level.energyKnown ? Json(accessEnergy(traffic, level))
                                           : Json(nullptr);
      rows.push_back(std::move(row));
    }
    return rows;
  }

  double accessEnergy(const cost::Traffic &traffic,
                      const arch::Level &level) const {
    return static_cast<double>(traffic.readAccesses) * level.readPj +
           static_cast<double>(traffic.writeAccesses) * level.writePj;
  }

  /// By Einsum, by level, by operator. Multicast, links and leakage belong to
  /// no Einsum.
  Json describeEnergy() {
    const cost::Evaluation &cost = *report.cost;
    Json einsums = Json::array(), levels = Json::array(),
         operators = Json::array();
    size_t count = report.arch->levels.size();
    for (auto [id, einsum] : llvm::enumerate(facts.einsums)) {
      double total = cost.einsums[id].operatorEnergyPj;
      Json perLevel = Json::object();
      for (auto [k, level] : llvm::enumerate(report.arch->levels)) {
        double energy = accessEnergy(cost.einsumTraffic[id * count + k], level);
        perLevel[level.name] = energy;
        total += energy;
      }
      einsums.push_back({{"einsum", einsum.name},
                         {"operators_pj", cost.einsums[id].operatorEnergyPj},
                         {"levels_pj", perLevel},
                         {"total_pj", total}});
    }
    for (auto [level, one] : llvm::zip(report.arch->levels, cost.levels))
      levels.push_back({{"level", level.name},
                        {"known", level.energyKnown},
                        {"reads_pj", one.readPj},
                        {"writes_pj", one.writePj},
                        {"multicast_pj", one.multicastPj},
                        {"total_pj", one.energyPj}});
    for (auto [array, one] : llvm::zip(report.arch->arrays, cost.arrays))
      for (auto [name, number, energy] :
           llvm::zip(report.operatorNames, one.operators, one.operatorPj))
        if (number > 0)
          operators.push_back({{"operator", name},
                               {"array", array.name},
                               {"count", number},
                               {"total_pj", energy}});
    double reductions = 0;
    for (const cost::ArrayCost &array : cost.arrays)
      reductions += array.reductionPj;
    return {{"total_pj", cost.energy.total()},
            {"einsums", einsums},
            {"levels", levels},
            {"operators", operators},
            {"reductions_pj", reductions},
            {"links_pj", cost.energy.links},
            {"leakage_pj", cost.energy.leakage}};
  }

  /// Operators per byte at the backing level against operators per second: what
  /// an Einsum would have alone, every tensor moved once, and what it has in
  /// this schedule while its array works on it.
  Json describeRoofline() {
    const arch::Level &backing = report.arch->levels.front();
    std::optional<double> bandwidth = backing.sharedBytesPerS;
    for (const auto &one : {backing.readBytesPerS, backing.writeBytesPerS})
      if (one && (!bandwidth || *one < *bandwidth))
        bandwidth = one;
    Json json = {
        {"level", backing.name},
        {"bytes_per_s",
         bandwidth ? Json(*bandwidth *
                          static_cast<double>(report.arch->instances(backing)))
                   : Json(nullptr)}};
    json["arrays"] = Json::array();
    for (const arch::Array &array : report.arch->arrays)
      json["arrays"].push_back(
          {{"name", array.name},
           {"ops_per_s",
            static_cast<double>(array.peCount()) * report.arch->clockHz}});
    json["einsums"] = Json::array();
    size_t levels = report.arch->levels.size();
    for (int leaf : report.profile->leaves) {
      auto op = cast<LeafOp>(nodes[leaf]);
      int id = facts.findEinsum(op.getEinsum());
      EinsumTraffic alone = computeTraffic(facts, facts.einsums[id]);
      double ops = 0;
      for (const auto &[name, count] : alone.operators)
        ops += static_cast<double>(count);
      uint64_t moved = report.cost->einsumTraffic[id * levels].bytes();
      double seconds = report.cost->einsums[id].cycles / report.arch->clockHz;
      json["einsums"].push_back(
          {{"einsum", facts.einsums[id].name},
           {"array", op.getArray().str()},
           {"ops", ops},
           {"alone_ops_per_byte", alone.intensity()},
           {"moved_bytes", moved},
           {"ops_per_byte", moved == 0
                                ? Json(nullptr)
                                : Json(ops / static_cast<double>(moved))},
           {"ops_per_s", seconds == 0 ? Json(nullptr) : Json(ops / seconds)}});
    }
    return json;
  }

  Json describeTimeline(const Timeline &timeline) {
    Json bars = Json::array();
    for (const Bar &bar : timeline.bars) {
      Json one = {{"start", bar.start},
                  {"end", bar.end},
                  {"resource", getResourceName(*report.arch, bar.resource)},
                  {"node", bar.node},
                  {"work", describeWork(nodes[bar.node])},
                  {"busy_cycles", bar.busy},
                  {"visits", bar.visits}};
      if (bar.isStage)
        one["iteration"] = bar.iteration;
      bars.push_back(std::move(one));
    }
    return {{"cycles", timeline.cycles},
            {"complete", timeline.isComplete},
            {"bars", bars}};
  }

  Json describeEpoch() {
    Epoch epoch = drawEpoch(*report.profile, *report.arch, kEpochBars);
    Json json = describeTimeline(epoch.timeline);
    if (epoch.node < 0)
      return json;
    json["node"] = epoch.node;
    json["times"] = epoch.times;
    json["cycles_each"] = epoch.cycles;
    if (epoch.slots > 0)
      json["slots"] = epoch.slots;
    return json;
  }

  const ScheduleReport &report;
  const CascadeFacts &facts;
  PassMarks marks;
  std::vector<Operation *> nodes;
  llvm::DenseMap<Operation *, int> idOf;
};

} // namespace

Json einsum::exporting::makeScheduleJson(const ScheduleReport &report) {
  return Writer(report).write();
}

void einsum::exporting::writeScheduleJson(const ScheduleReport &report,
                                          llvm::raw_ostream &os) {
  // A line for each entry of the long lists, so that files can be read and
  // compared.
  Json json = makeScheduleJson(report);
  auto dump = [](const Json &value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  os << "{";
  const char *separator = "\n";
  for (const auto &[key, value] : json.items()) {
    os << separator << "  " << Json(key).dump() << ": ";
    separator = ",\n";
    if (!value.is_array() || value.empty()) {
      os << dump(value);
      continue;
    }
    os << "[";
    const char *comma = "\n";
    for (const Json &one : value) {
      os << comma << "    " << dump(one);
      comma = ",\n";
    }
    os << "\n  ]";
  }
  os << "\n}\n";
}

//===----------------------------------------------------------------------===//
// CSV and trace
//===----------------------------------------------------------------------===//

static std::string quote(StringRef text) {
  if (text.find_first_of(",\"\n") == StringRef::npos)
    return text.str();
  std::string quoted = "\"";
  for (char c : text)
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

void einsum::exporting::writeTrafficCsv(const ScheduleReport &report,
                                        llvm::raw_ostream &os) {
  Json json = makeScheduleJson(report);
  std::map<std::string, std::string> arrays;
  for (const Json &node : json["nodes"])
    if (node["node"] == "compute")
      arrays[node["einsum"]] = node["array"];
  os << "einsum,array,level,tensor,read_bytes,write_bytes,read_accesses,"
        "write_accesses,energy_pj\n";
  for (const Json &row : json["traffic"]) {
    std::string einsum = row["einsum"].is_null() ? "" : row["einsum"];
    os << quote(einsum) << "," << quote(arrays[einsum]);
    for (const char *key : {"level", "tensor"})
      os << "," << quote(row[key].get<std::string>());
    for (const char *key : {"read_bytes", "write_bytes", "read_accesses",
                            "write_accesses", "energy_pj"})
      os << "," << (row[key].is_null() ? "" : row[key].dump());
    os << "\n";
  }
}

void einsum::exporting::writeTrace(const ScheduleReport &report,
                                   llvm::raw_ostream &os) {
  const arch::ArchSpec &arch = *report.arch;
  std::vector<Operation *> nodes = listNodes(report.mapping);
  Timeline timeline = drawRun(*report.profile, arch, kTraceBars);
  llvm::json::OStream json(os, /*IndentSize=*/0);
  json.object([&] {
    json.attribute("displayTimeUnit", "ns");
    json.attributeObject("otherData", [&] {
      json.attribute(
          "schedule",
          report.mapping->getAttrOfType<StringAttr>("sym_name").getValue());
      json.attribute("arch", arch.name);
      json.attribute("cycles", timeline.cycles);
      json.attribute("complete", timeline.isComplete);
    });
    json.attributeArray("traceEvents", [&] {
      size_t lanes = arch.arrays.size() + arch.engines.size();
      for (size_t lane = 0; lane < lanes; ++lane)
        json.value(llvm::json::Object{
            {"ph", "M"},
            {"pid", 0},
            {"tid", static_cast<int64_t>(lane)},
            {"name", "thread_name"},
            {"args",
             llvm::json::Object{{"name", getResourceName(arch, lane)}}}});
      for (const Bar &bar : timeline.bars) {
        llvm::json::Object args{{"busy_cycles", bar.busy},
                                {"visits", bar.visits}};
        if (bar.isStage)
          args["iteration"] = bar.iteration;
        json.value(llvm::json::Object{{"ph", "X"},
                                      {"pid", 0},
                                      {"tid", bar.resource},
                                      {"name", describeWork(nodes[bar.node])},
                                      {"ts", bar.start},
                                      {"dur", bar.end - bar.start},
                                      {"args", std::move(args)}});
      }
    });
  });
  os << "\n";
}
