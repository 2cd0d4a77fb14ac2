//===- ResolveArch.cpp - Names to indices, operators to costs -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/EnergyProfile.h"
#include "lib/Arch/MemoryEstimate.h"
#include "lib/Arch/ParsedArch.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace einsum;
using namespace einsum::arch;

namespace {

constexpr uint64_t largestExact = uint64_t(1) << 53;

template <typename T> std::vector<std::string> namesOf(const T &items) {
  std::vector<std::string> names;
  for (const auto &item : items)
    names.push_back(item.name);
  return names;
}

template <typename T>
std::vector<std::string> keysOf(const std::map<std::string, T> &map) {
  std::vector<std::string> keys;
  for (const auto &[key, value] : map)
    keys.push_back(key);
  return keys;
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

/// What lies inside a level that has several instances exists once in each.
void inheritDims(ArchSpec &spec) {
  for (size_t i = 0; i < spec.levels.size(); ++i) {
    Level &level = spec.levels[i];
    for (ArrayDim &dim : level.dims)
      dim.level = int(i);
    if (level.parent >= 0 && level.parent < int(i)) {
      const std::vector<ArrayDim> &outer = spec.levels[level.parent].dims;
      level.dims.insert(level.dims.begin(), outer.begin(), outer.end());
    }
  }
  for (Array &array : spec.arrays)
    if (array.level >= 0) {
      const std::vector<ArrayDim> &outer = spec.levels[array.level].dims;
      array.dims.insert(array.dims.begin(), outer.begin(), outer.end());
    }
}

void resolveNames(ParsedArch &arch, Diagnostics &diags) {
  ArchSpec &spec = arch.spec;
  auto level = [&](const std::string &name, const SourceLocation &loc) {
    int index = name.empty() ? -1 : spec.findLevel(name);
    if (!name.empty() && index < 0 && !spec.levels.empty())
      diags.error(loc, "there is no level '" + name + "'" +
                           didYouMean(name, namesOf(spec.levels)));
    return index;
  };
  for (size_t i = 0; i < spec.levels.size(); ++i) {
    ParsedLevel &parsed = arch.levels[i];
    spec.levels[i].parent = level(parsed.parent, parsed.at.of("parent"));
    spec.levels[i].beside = level(parsed.beside, parsed.at.of("beside"));
    if (parsed.per.empty())
      continue;
    int array = spec.findArray(parsed.per);
    if (array < 0)
      diags.error(parsed.at.of("per"),
                  "there is no array '" + parsed.per + "'" +
                      didYouMean(parsed.per, namesOf(spec.arrays)));
    spec.levels[i].perArray = array;
  }
  for (size_t i = 0; i < spec.arrays.size(); ++i)
    spec.arrays[i].level =
        level(arch.arrays[i].level, arch.arrays[i].at.of("level"));
  inheritDims(spec);
}

//===----------------------------------------------------------------------===//
// From the node of a profile to that of the machine
//===----------------------------------------------------------------------===//

std::string nanometres(double nodeNm) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g nm", nodeNm);
  return text;
}

/// Factors on energies and areas of a profile.
struct NodeScaling {
  double energy = 1, area = 1, sramEnergy = 1;
  std::string text; ///< "; scaled from ...", or empty

  explicit operator bool() const { return !text.empty(); }
};

NodeScaling scalingTo(const std::optional<Technology> &technology,
                      const EnergyProfile *profile) {
  NodeScaling scaling;
  if (!technology || !profile || !profile->nodeNm ||
      *profile->nodeNm == technology->nodeNm)
    return scaling;
  double from = *profile->nodeNm, to = technology->nodeNm;
  scaling.sramEnergy = sramNodeRatio(to) / sramNodeRatio(from);
  scaling.text = "; scaled from " + nanometres(from) + " to " + nanometres(to);
  if (technology->scaling == "table") {
    scaling.energy = technology->energy(to) / technology->energy(from);
    scaling.area = technology->area(to) / technology->area(from);
    scaling.text += " (" + technology->provenance.text + ")";
    return scaling;
  }
  double volts = technology->volts;
  scaling.energy = nodeEnergyRatio(to, volts) / nodeEnergyRatio(from, volts);
  scaling.area = nodeAreaRatio(to) / nodeAreaRatio(from);
  scaling.text += " (Stillmaker and Baas 2017)";
  return scaling;
}

//===----------------------------------------------------------------------===//
// Memories
//===----------------------------------------------------------------------===//

void scaleMemory(Level &level, const MemoryEnergy &memory,
                 const NodeScaling &scaling) {
  if (!scaling || memory.scaling == MemoryScaling::None)
    return;
  bool isSram = memory.scaling == MemoryScaling::Sram;
  double energy = isSram ? scaling.sramEnergy : scaling.energy;
  level.readPj *= energy;
  level.writePj *= energy;
  level.areaUm2 *= scaling.area;
  level.memoryProvenance.text += scaling.text;
}

/// Energy, area and leakage from the shape, at the machine's node.
void estimateMemory(ParsedArch &arch, int index, Diagnostics &diags) {
  Level &level = arch.spec.levels[index];
  const Places &at = arch.levels[index].at;
  if (level.estimate != "sram" && level.estimate != "registers") {
    diags.error(at.of("estimate"),
                "estimate is 'sram' or 'registers', found '" + level.estimate +
                    "'");
    return;
  }
  std::string title = "level '" + level.name + "'";
  if (!level.memory.empty())
    diags.error(at.of("estimate"),
                title + " has both 'memory' and 'estimate'; keep one");
  if (!at.has("capacity"))
    diags.error(at.of("estimate"), "the energy of " + title +
                                       " can only be estimated from a "
                                       "'capacity'");
  if (!arch.spec.technology)
    diags.error(at.of("estimate"), "the energy of " + title +
                                       " can only be estimated for a "
                                       "'technology', such as \"45 nm\"");
  if (!level.memory.empty() || !level.capacityBytes || !arch.spec.technology)
    return;
  uint64_t ports = level.sharedPorts + level.readPorts + level.writePorts;
  MemoryShape shape{double(*level.capacityBytes), level.accessBytes,
                    level.banks, std::max<uint64_t>(1, ports),
                    arch.spec.technology->nodeNm};
  // Each bank has its own ports.
  if (level.banks > 1 && ports > 0)
    shape.ports = std::max<uint64_t>(1, ports / level.banks);
  std::string problem;
  auto estimate = level.estimate == "sram" ? estimateSram(shape, problem)
                                           : estimateRegisters(shape, problem);
  if (!estimate) {
    diags.error(at.of("estimate"), "the energy of " + title +
                                       " cannot be estimated: " + problem +
                                       "; give 'energy'");
    return;
  }
  level.readPj = estimate->readPj;
  level.writePj = estimate->writePj;
  level.areaUm2 = estimate->areaUm2;
  level.leakageW = estimate->leakageW;
  level.energyKnown = true;
  level.memoryProvenance.text = estimate->text;
}

void chargeMemory(Level &level, const MemoryEnergy &memory) {
  double scale = double(level.accessBytes) / double(memory.accessBytes);
  level.readPj = memory.readPj * scale;
  level.writePj = memory.writePj * scale;
  level.areaUm2 = memory.areaUm2;
  level.leakageW = memory.leakageW;
  level.energyKnown = true;
  level.memoryProvenance = memory.provenance;
  if (scale != 1)
    level.memoryProvenance.text +=
        "; in proportion from " + llvm::utostr(memory.accessBytes) + " to " +
        llvm::utostr(level.accessBytes) + " bytes per access";
}

void resolveMemories(ParsedArch &arch, const EnergyProfile *profile,
                     Diagnostics &diags) {
  NodeScaling scaling = scalingTo(arch.spec.technology, profile);
  for (size_t i = 0; i < arch.levels.size(); ++i) {
    if (arch.levels[i].at.has("estimate"))
      estimateMemory(arch, int(i), diags);
    Level &level = arch.spec.levels[i];
    const ParsedLevel &parsed = arch.levels[i];
    if (profile && !level.memory.empty()) {
      auto memory = profile->memories.find(level.memory);
      if (memory != profile->memories.end()) {
        chargeMemory(level, memory->second);
        if (scaling && memory->second.scaling == MemoryScaling::Unknown)
          diags.error(parsed.at.of("memory"),
                      "energy profile '" + profile->name +
                          "' is for another node, and does not say how '" +
                          level.memory + "' scales");
        scaleMemory(level, memory->second, scaling);
      } else
        diags.error(parsed.at.of("memory"),
                    "energy profile '" + profile->name + "' has no memory '" +
                        level.memory + "'" +
                        didYouMean(level.memory, keysOf(profile->memories)));
    }
    if (parsed.readPj && parsed.writePj) {
      level.readPj = *parsed.readPj;
      level.writePj = *parsed.writePj;
      level.energyKnown = true;
    }
    level.areaUm2 = parsed.areaUm2.value_or(level.areaUm2);
    level.leakageW = parsed.leakageW.value_or(level.leakageW);
  }
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

/// Costs of one array's operators at one datatype.
class OpResolver {
public:
  OpResolver(const ParsedArray &parsed, const Array &array,
             llvm::StringRef datatype, const EnergyProfile *profile,
             const NodeScaling &scaling, bool reportStructure,
             Diagnostics &diags)
      : parsed(parsed), array(array), datatype(datatype), profile(profile),
        scaling(scaling), reportStructure(reportStructure), diags(diags) {}

  OpCosts resolveAll() {
    for (const ParsedOp &op : parsed.ops)
      if (op.only.empty() || llvm::is_contained(op.only, datatype))
        merged.push_back(atDatatype(op));
    for (const ParsedOp &op : merged)
      resolve(op);
    return std::move(costs);
  }

private:
  /// What the operator gives, with what it gives for this datatype.
  ParsedOp atDatatype(const ParsedOp &op) const {
    auto own = op.byDatatype.find(datatype.str());
    if (own == op.byDatatype.end())
      return op;
    ParsedOp both = op;
    auto replace = [](auto &value, const auto &by) { value = by ? by : value; };
    replace(both.cycles, own->second.cycles);
    replace(both.latency, own->second.latency);
    replace(both.energyPj, own->second.energyPj);
    replace(both.areaUm2, own->second.areaUm2);
    replace(both.style, own->second.style);
    both.sources = own->second.sources;
    for (const auto &[key, loc] : own->second.at.values)
      both.at.values.insert_or_assign(key, loc);
    return both;
  }
  const OpCost *resolve(const ParsedOp &op);
  OpCost native(const ParsedOp &op);
  void repeat(const ParsedOp &op, OpCost &cost);
  const OpEnergy *findRow(const std::string &op) const;
  OpCost composed(const ParsedOp &op);
  uint64_t latencyOf(const ParsedOp &op, uint64_t cycles);
  void reportMissing(const ParsedOp &op);
  void reportCycle(const ParsedOp &op);
  std::string title(const ParsedOp &op) const {
    return "operator '" + op.name + "' of array '" + array.name + "'";
  }

  const ParsedArray &parsed;
  const Array &array;
  llvm::StringRef datatype;
  const EnergyProfile *profile;
  const NodeScaling &scaling;
  bool reportStructure; // what does not depend on the datatype is said once
  Diagnostics &diags;
  OpCosts costs;
  std::vector<ParsedOp> merged;       // of `parsed`, at this datatype
  std::vector<const ParsedOp *> open; // being resolved, outermost first
};

const OpCost *OpResolver::resolve(const ParsedOp &op) {
  if (auto found = costs.find(op.name); found != costs.end())
    return &found->second;
  constexpr size_t maxNesting = 64;
  if (llvm::is_contained(open, &op) || open.size() == maxNesting) {
    reportCycle(op);
    return nullptr;
  }
  open.push_back(&op);
  OpCost cost = op.at.has("as") ? composed(op) : native(op);
  if (op.style)
    repeat(op, cost);
  open.pop_back();
  return &(costs[op.name] = std::move(cost));
}

const OpEnergy *OpResolver::findRow(const std::string &op) const {
  if (!profile)
    return nullptr;
  auto rows = profile->ops.find(op);
  if (rows == profile->ops.end())
    return nullptr;
  auto row = rows->second.find(datatype.str());
  return row == rows->second.end() ? nullptr : &row->second;
}

uint64_t OpResolver::latencyOf(const ParsedOp &op, uint64_t cycles) {
  uint64_t latency = op.latency.value_or(cycles);
  if (latency >= cycles)
    return latency;
  if (reportStructure)
    diags.error(op.at.of("latency"),
                title(op) + " has a latency of " + llvm::utostr(latency) +
                    " cycles, but issues every " + llvm::utostr(cycles) +
                    "; a result takes at least as long as an issue");
  return cycles;
}

OpCost OpResolver::native(const ParsedOp &op) {
  OpCost cost;
  cost.cycles = op.cycles.value_or(1);
  cost.latency = latencyOf(op, cost.cycles);
  if (op.energyPj) {
    cost.energyPj = *op.energyPj;
    cost.areaUm2 = op.areaUm2.value_or(0);
    cost.provenance = op.sources.of("energy");
    return cost;
  }
  const OpEnergy *row = findRow(op.name);
  if (!row) {
    if (!op.at.has("energy")) // else it was given, and reported as unreadable
      reportMissing(op);
    return cost;
  }
  cost.energyPj = row->energyPj * scaling.energy;
  cost.areaUm2 = op.areaUm2.value_or(row->areaUm2 * scaling.area);
  cost.provenance = row->provenance;
  cost.provenance.text += scaling.text;
  return cost;
}

/// As many steps as the style takes for operands of these bits.
void OpResolver::repeat(const ParsedOp &op, OpCost &cost) {
  std::optional<OperandBits> bits = getOperandBits(datatype);
  if (!bits) {
    diags.error(op.at.of("style"), title(op) +
                                       " has a style, which depends on "
                                       "the bits of its operands, but '" +
                                       datatype.str() +
                                       "' is no datatype whose bits are known");
    return;
  }
  double steps = countSteps(*op.style, *bits);
  uint64_t beyond = cost.latency - cost.cycles;
  double cycles = std::ceil(steps * double(cost.cycles));
  if (cycles > double(largestExact)) {
    diags.error(op.at.of("style"), title(op) + " takes more than 2^53 cycles");
    return;
  }
  cost.cycles = uint64_t(cycles);
  cost.latency = cost.cycles + beyond;
  cost.energyPj *= steps;
  char text[48];
  std::snprintf(text, sizeof(text), "%g %s steps", steps,
                op.style->spell().c_str());
  cost.madeOf = text;
}

/// An operator made of others runs them one after another on the same PE, so
/// cycles and energies add up and no area is added.
OpCost OpResolver::composed(const ParsedOp &op) {
  OpCost cost;
  cost.provenance = op.sources.common;
  double cycles = 0;
  std::vector<std::string> parts;
  for (const auto &[name, count] : op.as) {
    auto isPart = [&name = name](const ParsedOp &o) { return o.name == name; };
    auto part = llvm::find_if(merged, isPart);
    if (part == merged.end()) {
      if (reportStructure)
        diags.error(op.at.of("as"), title(op) + " is made of '" + name +
                                        "', which the array does not have" +
                                        didYouMean(name, namesOf(parsed.ops)));
      continue;
    }
    const OpCost *partCost = resolve(*part);
    if (!partCost)
      continue;
    cycles += double(count) * double(partCost->cycles);
    cost.energyPj += double(count) * partCost->energyPj;
    cost.provenance.certainty =
        std::max(cost.provenance.certainty, partCost->provenance.certainty);
    parts.push_back(llvm::utostr(count) + " " + name);
  }
  if (cycles > double(largestExact)) {
    diags.error(op.at.of("as"), title(op) + " takes more than 2^53 cycles");
    cycles = 1;
  }
  cost.cycles = op.cycles.value_or(uint64_t(cycles));
  cost.latency = latencyOf(op, cost.cycles);
  cost.madeOf = llvm::join(parts, " + ");
  return cost;
}

void OpResolver::reportMissing(const ParsedOp &op) {
  std::string at = datatype.empty() ? "" : (" at " + datatype).str();
  Diagnostic &error =
      diags.error(op.nameLoc, "missing energy for " + title(op) + at +
                                  "; give 'energy' or an energy profile that "
                                  "has it");
  if (!profile)
    return;
  auto rows = profile->ops.find(op.name);
  std::string has = "energy profile '" + profile->name + "' ";
  if (rows != profile->ops.end())
    error.note(op.nameLoc, has + "has '" + op.name + "' for " +
                               llvm::join(keysOf(rows->second), ", "));
  else
    error.note(op.nameLoc, has + "has no '" + op.name + "'" +
                               didYouMean(op.name, keysOf(profile->ops)));
}

void OpResolver::reportCycle(const ParsedOp &op) {
  if (!reportStructure)
    return;
  std::vector<std::string> path;
  auto begin = llvm::find(open, &op);
  for (auto it = begin == open.end() ? open.begin() : begin; it != open.end();
       ++it)
    path.push_back("'" + (*it)->name + "'");
  path.push_back("'" + op.name + "'");
  diags.error(op.at.of("as"),
              title(op) + " is made of itself: " + llvm::join(path, " -> "));
}

void resolveOps(ParsedArch &arch, const EnergyProfile *profile,
                Diagnostics &diags) {
  NodeScaling scaling = scalingTo(arch.spec.technology, profile);
  for (size_t i = 0; i < arch.arrays.size(); ++i) {
    Array &array = arch.spec.arrays[i];
    std::string anyDatatype = profile ? profile->defaultDatatype : "";
    auto resolve = [&](llvm::StringRef datatype, bool first) {
      return OpResolver(arch.arrays[i], array, datatype, profile, scaling,
                        first, diags)
          .resolveAll();
    };
    if (array.datatypes.empty())
      array.ops = resolve(anyDatatype, true);
    for (const std::string &datatype : array.datatypes)
      array.opsByDatatype[datatype] =
          resolve(datatype, datatype == array.datatypes.front());
    if (!array.datatypes.empty())
      array.ops = array.opsByDatatype[array.datatypes.front()];

    for (const auto &[name, cost] : array.ops)
      array.areaUm2PerPe += cost.areaUm2;
    array.areaUm2PerPe =
        arch.arrays[i].areaUm2PerPe.value_or(array.areaUm2PerPe);
  }
}

//===----------------------------------------------------------------------===//
// Provenance
//===----------------------------------------------------------------------===//

void collectProvenance(ArchSpec &spec) {
  auto add = [&](const Provenance &provenance) {
    if (!provenance.text.empty() &&
        !llvm::is_contained(spec.provenance, provenance.text))
      spec.provenance.push_back(provenance.text);
  };
  auto addAll = [&](const Sources &sources) {
    add(sources.common);
    for (const auto &[key, source] : sources.byKey)
      add(source);
  };
  for (const Level &level : spec.levels) {
    addAll(level.sources);
    add(level.memoryProvenance);
    add(level.multicast.provenance);
  }
  for (const Array &array : spec.arrays) {
    addAll(array.sources);
    add(array.reduction.provenance);
    for (const auto &[name, cost] : array.ops)
      add(cost.provenance);
    for (const auto &[datatype, ops] : array.opsByDatatype)
      for (const auto &[name, cost] : ops)
        add(cost.provenance);
  }
  for (const Engine &engine : spec.engines)
    add(engine.provenance);
  for (const Link &link : spec.links)
    add(link.provenance);
}

/// Whether anything in the spec is looked up in a profile.
bool needsProfile(const ParsedArch &arch) {
  for (const Level &level : arch.spec.levels)
    if (!level.memory.empty())
      return true;
  return false;
}

} // namespace

void arch::resolveArch(ParsedArch &arch, llvm::StringRef directory,
                       Diagnostics &diags) {
  resolveNames(arch, diags);
  const std::string &name = arch.spec.energyProfile;
  std::optional<EnergyProfile> profile;
  if (!name.empty()) {
    profile =
        readEnergyProfile(directory, name, arch.at.of("energy_profile"), diags);
    // Without the profile that was asked for, everything would look missing.
    if (!profile)
      return;
  } else if (needsProfile(arch)) {
    for (size_t i = 0; i < arch.levels.size(); ++i)
      if (!arch.spec.levels[i].memory.empty())
        diags.error(arch.levels[i].at.of("memory"),
                    "'memory' names an entry of an energy profile, but the "
                    "spec has no 'energy_profile'");
  }
  resolveMemories(arch, profile ? &*profile : nullptr, diags);
  resolveOps(arch, profile ? &*profile : nullptr, diags);
  collectProvenance(arch.spec);
}
