//===- ResolveArch.cpp - Names to indices, operators to costs -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/EnergyProfile.h"
#include "lib/Arch/ParsedArch.h"
#include "llvm/ADT/StringExtras.h"

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
// Memories
//===----------------------------------------------------------------------===//

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
  for (size_t i = 0; i < arch.levels.size(); ++i) {
    Level &level = arch.spec.levels[i];
    const ParsedLevel &parsed = arch.levels[i];
    if (profile && !level.memory.empty()) {
      auto memory = profile->memories.find(level.memory);
      if (memory != profile->memories.end())
        chargeMemory(level, memory->second);
      else
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
             bool reportStructure, Diagnostics &diags)
      : parsed(parsed), array(array), datatype(datatype), profile(profile),
        reportStructure(reportStructure), diags(diags) {}

  OpCosts resolveAll() {
    for (const ParsedOp &op : parsed.ops)
      resolve(op);
    return std::move(costs);
  }

private:
  const OpCost *resolve(const ParsedOp &op);
  OpCost native(const ParsedOp &op);
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
  bool reportStructure; // what does not depend on the datatype is said once
  Diagnostics &diags;
  OpCosts costs;
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
    cost.provenance = op.provenance;
    return cost;
  }
  const OpEnergy *row = findRow(op.name);
  if (!row) {
    if (!op.at.has("energy")) // else it was given, and reported as unreadable
      reportMissing(op);
    return cost;
  }
  cost.energyPj = row->energyPj;
  cost.areaUm2 = op.areaUm2.value_or(row->areaUm2);
  cost.provenance = row->provenance;
  return cost;
}

/// An operator made of others runs them one after another on the same PE, so
/// cycles and energies add up and no area is added.
OpCost OpResolver::composed(const ParsedOp &op) {
  OpCost cost;
  cost.provenance = op.provenance;
  double cycles = 0;
  std::vector<std::string> parts;
  for (const auto &[name, count] : op.as) {
    auto isPart = [&name = name](const ParsedOp &o) { return o.name == name; };
    auto part = llvm::find_if(parsed.ops, isPart);
    if (part == parsed.ops.end()) {
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
    cost.provenance.placeholder |= partCost->provenance.placeholder;
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
  for (size_t i = 0; i < arch.arrays.size(); ++i) {
    Array &array = arch.spec.arrays[i];
    std::string anyDatatype = profile ? profile->defaultDatatype : "";
    auto resolve = [&](llvm::StringRef datatype, bool first) {
      return OpResolver(arch.arrays[i], array, datatype, profile, first, diags)
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
  for (const Level &level : spec.levels) {
    add(level.provenance);
    add(level.memoryProvenance);
    add(level.multicast.provenance);
  }
  for (const Array &array : spec.arrays) {
    add(array.provenance);
    add(array.reduction.provenance);
    for (const auto &[name, cost] : array.ops)
      add(cost.provenance);
    for (const auto &[datatype, ops] : array.opsByDatatype)
      for (const auto &[name, cost] : ops)
        add(cost.provenance);
  }
  for (const Engine &engine : spec.engines)
    add(engine.provenance);
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
