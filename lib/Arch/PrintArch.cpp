//===- PrintArch.cpp - An architecture for a person and for a program -----===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/ArchSpec.h"
#include "lib/Support/TextTable.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <nlohmann/json.hpp>

using namespace einsum;
using namespace einsum::arch;

namespace {

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", value);
  return text;
}

/// 16777216 -> "16 MiB", 8e9 -> "8 GB": binary prefixes where they come out
/// short, as memories do, and SI prefixes elsewhere, as links do.
std::string formatBytes(double value) {
  if (value < 1000)
    return number(value) + " B";
  const char *binary[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  const char *decimal[] = {"B", "kB", "MB", "GB", "TB"};
  auto reduce = [&](double base, int &unit) {
    double reduced = value;
    for (unit = 0; unit < 4 && reduced >= base; ++unit)
      reduced /= base;
    return reduced;
  };
  int unit;
  double reduced = reduce(1024, unit);
  if (unit > 0 && std::fmod(reduced * 8, 1) == 0)
    return number(reduced) + " " + binary[unit];
  reduced = reduce(1000, unit);
  return number(reduced) + " " + decimal[unit];
}

std::string formatHertz(double value) {
  if (value >= 1e9 && std::fmod(value, 1e7) == 0)
    return number(value / 1e9) + " GHz";
  return number(value / 1e6) + " MHz";
}

std::string formatBandwidth(const Level &level) {
  std::vector<std::string> parts;
  auto add = [&](const std::optional<double> &bandwidth, const char *what) {
    if (bandwidth)
      parts.push_back(formatBytes(*bandwidth) + "/s" + what);
  };
  add(level.sharedBytesPerS, "");
  add(level.readBytesPerS, " read");
  add(level.writeBytesPerS, " write");
  return parts.empty() ? "-" : llvm::join(parts, ", ");
}

class Printer {
public:
  Printer(const ArchSpec &spec, llvm::raw_ostream &os) : spec(spec), os(os) {}

  void print() {
    printHead();
    printLevels();
    printArrays();
    printOps();
    printLinks();
    printConstraints();
    printProvenance();
  }

private:
  void printHead();
  void printLevels();
  void printArrays();
  void printOps();
  void printLinks();
  void printConstraints();
  void printProvenance();

  /// "[2]" or "[2]*"; the list below the tables spells the numbers out.
  std::string mark(const Provenance &provenance) {
    auto at = llvm::find(spec.provenance, provenance.text);
    if (at == spec.provenance.end())
      return "";
    return "[" + llvm::utostr(at - spec.provenance.begin() + 1) + "]" +
           star(provenance);
  }
  /// The marks of all sources of an object.
  std::string mark(const Sources &sources) {
    std::vector<std::string> marks = {mark(sources.common)};
    for (const auto &[key, source] : sources.byKey)
      if (std::string one = mark(source); !llvm::is_contained(marks, one))
        marks.push_back(one);
    llvm::erase(marks, "");
    return llvm::join(marks, " ");
  }
  std::string star(const Provenance &provenance) {
    static const char *const stars[] = {"", "'", "?", "*"};
    has[int(provenance.certainty)] = true;
    return stars[int(provenance.certainty)];
  }

  const ArchSpec &spec;
  llvm::raw_ostream &os;
  bool has[4] = {}; ///< some number of that certainty was printed
};

void Printer::printHead() {
  os << spec.name;
  if (!spec.description.empty())
    os << ": " << spec.description;
  os << "\nclock " << formatHertz(spec.clockHz) << ", " << spec.wordBits
     << "-bit words, energy profile "
     << (spec.energyProfile.empty() ? "none" : spec.energyProfile) << ", area "
     << number(spec.areaUm2() * 1e-6) << " mm^2";
  for (const auto &[name, value] : spec.parameters)
    os << ", " << name << " = " << number(value);
  os << "\n\n";
}

void Printer::printLevels() {
  TextTable table({"level", "copies", "capacity", "access", "bandwidth",
                   "read pJ", "write pJ", "area mm^2", "from"});
  std::vector<size_t> depth;
  for (const Level &level : spec.levels) {
    depth.push_back(level.parent < 0 ? 0 : depth[level.parent] + 1);
    uint64_t copies = spec.instances(level);
    std::string marks = mark(level.sources);
    if (std::string more = mark(level.memoryProvenance); !more.empty())
      marks += (marks.empty() ? "" : " ") + more;
    table.add({std::string(2 * depth.back(), ' ') + level.name,
               level.perArray < 0 ? "1"
                                  : llvm::utostr(copies) + " (" +
                                        spec.arrays[level.perArray].name + ")",
               level.capacityBytes ? formatBytes(double(*level.capacityBytes))
                                   : "unlimited",
               formatBytes(double(level.accessBytes)), formatBandwidth(level),
               level.energyKnown ? number(level.readPj) : "unknown",
               level.energyKnown ? number(level.writePj) : "unknown",
               number(level.areaUm2 * double(copies) * 1e-6), marks});
  }
  table.print(os);
}

void Printer::printArrays() {
  os << "\n";
  TextTable table(
      {"array", "shape", "PEs", "fed by", "datatypes", "um^2 per PE", "from"});
  for (const Array &array : spec.arrays) {
    std::vector<std::string> shape;
    for (const ArrayDim &dim : array.dims)
      shape.push_back(dim.name + " " + llvm::utostr(dim.size));
    table.add(
        {array.name, shape.empty() ? "scalar" : llvm::join(shape, " x "),
         llvm::utostr(array.peCount()), spec.levels[array.level].name,
         array.datatypes.empty() ? "any" : llvm::join(array.datatypes, " "),
         number(array.areaUm2PerPe), mark(array.sources)});
  }
  table.print(os);
}

void Printer::printOps() {
  os << "\n";
  TextTable table({"operator", "cycles", "pJ", "um^2", "from"});
  for (const Array &array : spec.arrays) {
    auto addOps = [&](const OpCosts &ops, const std::string &suffix) {
      for (const auto &[name, cost] : ops)
        table.add({array.name + "." + name + suffix, llvm::utostr(cost.cycles),
                   number(cost.energyPj), number(cost.areaUm2),
                   cost.madeOf.empty() ? mark(cost.provenance)
                                       : cost.madeOf + star(cost.provenance)});
    };
    if (array.datatypes.empty())
      addOps(array.ops, "");
    for (const std::string &datatype : array.datatypes)
      addOps(array.opsByDatatype.at(datatype),
             array.datatypes.size() == 1 ? "" : " " + datatype);
  }
  table.print(os);
}

void Printer::printLinks() {
  if (spec.links.empty())
    return;
  os << "\n";
  TextTable table({"link into", "topology", "reaches", "bandwidth",
                   "pJ/B per hop", "cycles per hop", "from"});
  for (const Link &link : spec.links) {
    std::vector<std::string> reaches;
    for (const ArrayDim &dim : spec.dimsOf(link))
      reaches.push_back(dim.name + " " + llvm::utostr(dim.size));
    table.add({link.name, spell(link.topology).str(),
               reaches.empty() ? "1" : llvm::join(reaches, " x "),
               link.bytesPerS ? formatBytes(*link.bytesPerS) + "/s" : "-",
               number(link.pjPerByte), llvm::utostr(link.latencyCycles),
               mark(link.provenance)});
  }
  table.print(os);
}

void Printer::printConstraints() {
  const Constraints &all = spec.constraints;
  if (all.empty())
    return;
  os << "\n";
  for (const LevelConstraint &one : all.levels)
    os << "constraint on level " << spec.levels[one.level].name << ": "
       << describe(one, spec) << "\n";
  for (const DimensionConstraint &one : all.dimensions)
    os << "constraint on dimension "
       << spec.arrays[one.array].dims[one.dim].name << " of "
       << spec.arrays[one.array].name << ": " << describe(one, spec) << "\n";
  for (const ArrayChoice &one : all.arrays)
    os << "constraint on Einsums" << describe(one, spec) << "\n";
}

void Printer::printProvenance() {
  os << "\n";
  for (auto [i, text] : llvm::enumerate(spec.provenance))
    os << "[" << i + 1 << "] " << text << "\n";
  if (has[int(Certainty::Secondary)])
    os << "'   from a secondary source\n";
  if (has[int(Certainty::Recalled)])
    os << "?   recalled, not looked up\n";
  if (has[int(Certainty::Guess)])
    os << "*   placeholder: a guess to be replaced\n";
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

using Json = nlohmann::ordered_json;

template <typename T> Json orNull(const std::optional<T> &value) {
  return value ? Json(*value) : Json(nullptr);
}

Json toJson(const Provenance &provenance) {
  return {{"text", provenance.text},
          {"certainty", spell(provenance.certainty).str()},
          {"placeholder", provenance.isPlaceholder()}};
}

Json toJson(const Sources &sources) {
  Json json = toJson(sources.common);
  if (!sources.byKey.empty())
    json["by_number"] = Json::object();
  for (const auto &[key, source] : sources.byKey)
    json["by_number"][key] = toJson(source);
  return json;
}

Json toJson(const OpCosts &ops) {
  Json json = Json::object();
  for (const auto &[name, cost] : ops)
    json[name] = {{"cycles", cost.cycles},
                  {"energy_pj", cost.energyPj},
                  {"area_um2", cost.areaUm2},
                  {"made_of", cost.madeOf},
                  {"provenance", toJson(cost.provenance)}};
  return json;
}

Json toJson(const Level &level, const ArchSpec &spec) {
  auto energy = [&](double pj) {
    return level.energyKnown ? Json(pj) : Json();
  };
  return {{"name", level.name},
          {"parent",
           level.parent < 0 ? Json() : Json(spec.levels[level.parent].name)},
          {"per", level.perArray < 0 ? Json()
                                     : Json(spec.arrays[level.perArray].name)},
          {"instances", spec.instances(level)},
          {"capacity_bytes", orNull(level.capacityBytes)},
          {"access_bytes", level.accessBytes},
          {"bandwidth_bytes_per_s", orNull(level.sharedBytesPerS)},
          {"read_bytes_per_s", orNull(level.readBytesPerS)},
          {"write_bytes_per_s", orNull(level.writeBytesPerS)},
          {"read_pj", energy(level.readPj)},
          {"write_pj", energy(level.writePj)},
          {"area_um2", level.areaUm2},
          {"leakage_w", level.leakageW},
          {"banks", level.banks},
          {"chunk_bytes", level.chunkBytes},
          {"latency_cycles", level.latencyCycles},
          {"beside",
           level.beside < 0 ? Json() : Json(spec.levels[level.beside].name)},
          {"provenance", toJson(level.sources)},
          {"memory_provenance", toJson(level.memoryProvenance)}};
}

Json toJson(const Array &array, const ArchSpec &spec) {
  Json shape = Json::object();
  for (const ArrayDim &dim : array.dims)
    shape[dim.name] = dim.size;
  Json byDatatype = Json::object();
  for (const auto &[datatype, ops] : array.opsByDatatype)
    byDatatype[datatype] = toJson(ops);
  return {{"name", array.name},
          {"shape", shape},
          {"pes", array.peCount()},
          {"level", spec.levels[array.level].name},
          {"datatypes", array.datatypes},
          {"ops", toJson(array.ops)},
          {"ops_by_datatype", byDatatype},
          {"area_um2_per_pe", array.areaUm2PerPe},
          {"leakage_w", array.leakageW},
          {"provenance", toJson(array.sources)}};
}

Json toJson(const Link &link, const ArchSpec &spec) {
  Json dims = Json::object();
  for (const ArrayDim &dim : spec.dimsOf(link))
    dims[dim.name] = dim.size;
  return {{"into", link.name},
          {"topology", spell(link.topology).str()},
          {"reaches", dims},
          {"instances", spec.instances(link)},
          {"bytes_per_s", orNull(link.bytesPerS)},
          {"pj_per_byte_and_hop", link.pjPerByte},
          {"latency_cycles_per_hop", link.latencyCycles},
          {"provenance", toJson(link.provenance)}};
}

} // namespace

void arch::printArchTable(const ArchSpec &spec, llvm::raw_ostream &os) {
  Printer(spec, os).print();
}

void arch::printArchJson(const ArchSpec &spec, llvm::raw_ostream &os) {
  Json levels = Json::array(), arrays = Json::array();
  for (const Level &level : spec.levels)
    levels.push_back(toJson(level, spec));
  for (const Array &array : spec.arrays)
    arrays.push_back(toJson(array, spec));
  Json links = Json::array(), doubtful = Json::object();
  for (const Link &link : spec.links)
    links.push_back(toJson(link, spec));
  for (const DoubtfulNumber &number : listDoubtful(spec)) {
    Json &count = doubtful[spell(number.provenance.certainty).str()];
    count = (count.is_null() ? 0 : count.get<unsigned>()) + number.count;
  }
  Json json = {{"schema", "einsum-arch-check/1"},
               {"name", spec.name},
               {"description", spec.description},
               {"clock_hz", spec.clockHz},
               {"word_bits", spec.wordBits},
               {"parameters", spec.parameters},
               {"energy_profile", spec.energyProfile},
               {"area_um2", spec.areaUm2()},
               {"leakage_w", spec.leakageW()},
               {"technology_nm",
                spec.technology ? Json(spec.technology->nodeNm) : Json()},
               {"levels", levels},
               {"arrays", arrays},
               {"links", links},
               {"constraints", spec.constraints.levels.size() +
                                   spec.constraints.dimensions.size() +
                                   spec.constraints.arrays.size()},
               {"doubtful", doubtful},
               {"provenance", spec.provenance}};
  // Text that is not UTF-8 cannot get here from a spec, but a path might.
  os << json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}
