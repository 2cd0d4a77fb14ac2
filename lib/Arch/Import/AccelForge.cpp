//===- AccelForge.cpp - Architectures of AccelForge -----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `arch: nodes:` lists !Memory, !Compute and !Container from the outside in, in
// SI units, sizes in bits; `spatial` of a node repeats it and all that follows.
// There is no clock: that of the slowest compute unit is taken, and a faster
// one gets lanes. AccelForge counts as our profile `looptree` does.
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/Import/Import.h"
#include "lib/Arch/Import/SpecText.h"
#include "lib/Arch/Import/YamlReader.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace einsum;
using namespace einsum::arch;

namespace {

struct ForgeAction {
  std::optional<double> joules, perSecond, bits;
};

/// A fan-out: a dimension, and what is asked of loops across it.
struct ForgeDim {
  std::string name;
  double size = 1;
  bool unicast = false;
  std::string reuse;
  double minUsage = 0;
};

class AccelForgeImporter {
public:
  AccelForgeImporter(YamlFile &file) : file(file), diags(file.diags) {}

  std::optional<std::string> import();

private:
  void readNodes(const YAML::Node &nodes, std::string parent,
                 std::vector<ForgeDim> dims);
  void readSpatial(YamlReader &reader, std::vector<ForgeDim> &dims);
  std::map<std::string, ForgeAction> readActions(YamlReader &reader);
  void readMemory(YamlReader &reader, std::string &parent,
                  std::vector<ForgeDim> &dims);
  void readCompute(YamlReader &reader, const std::string &parent,
                   std::vector<ForgeDim> &dims);
  void readTensors(YamlReader &reader, const std::string &level);
  std::optional<SpecJson> readSet(const YAML::Node &value,
                                  const std::string &key, YamlReader &reader);
  SpecJson takeDims(const std::string &subject, const std::string &owner,
                    std::vector<ForgeDim> &dims);
  std::vector<std::string> levelDims; ///< of levels so far
  void readCosts(YamlReader &reader, SpecJson &to, bool withLeakage);
  void chooseClock();

  struct Unit {
    SpecJson array;
    double perSecond = INFINITY;
    double joules = 0;
  };

  YamlFile &file;
  Diagnostics &diags;
  SpecJson levels = SpecJson::array(), constraints = SpecJson::array();
  std::vector<Unit> units;
  double clockHz = 1e9;
};

std::optional<std::string> AccelForgeImporter::import() {
  if (!file.root().IsMap())
    return std::nullopt;
  YamlReader top(file, file.root(), "the file");
  YAML::Node arch = top.get("arch");
  if (!arch.IsDefined()) {
    diags.error(file.locOf(file.root()),
                "there is no 'arch'; an AccelForge architecture has one, with "
                "a list of 'nodes'");
    return std::nullopt;
  }
  YAML::Node variables = top.get("variables");
  if (variables.IsMap())
    for (const auto &entry : variables) {
      double value;
      if (entry.second.IsScalar() &&
          !llvm::StringRef(entry.second.Scalar()).getAsDouble(value))
        file.variables.values[entry.first.Scalar()] = value;
    }
  YamlReader reader(file, arch, "the architecture");
  YAML::Node nodes = reader.get("nodes");
  if (!nodes.IsDefined() || !nodes.IsSequence()) {
    diags.error(file.locOf(arch), "the architecture has no list of 'nodes'");
    return std::nullopt;
  }
  readNodes(nodes, "", {});
  reader.finish();
  top.finish();
  if (levels.empty() || units.empty())
    diags.error(file.locOf(nodes), levels.empty() ? "there is no !Memory"
                                                  : "there is no !Compute");
  if (diags.hasErrors())
    return std::nullopt;
  chooseClock();
  SpecJson arrays = SpecJson::array();
  for (Unit &unit : units)
    arrays.push_back(std::move(unit.array));
  SpecJson spec = {{"schema", "einsum-arch/1"},
                   {"name", "imported"},
                   {"description", "Imported from an AccelForge architecture"},
                   {"clock", quantity(clockHz, "Hz")},
                   {"word", "16 bit"},
                   {"technology", "45 nm"},
                   {"accounting", "looptree"},
                   {"levels", levels},
                   {"arrays", arrays}};
  if (!constraints.empty())
    spec["constraints"] = constraints;
  return spec.dump(2) + "\n";
}

void AccelForgeImporter::readNodes(const YAML::Node &nodes, std::string parent,
                                   std::vector<ForgeDim> dims) {
  for (const YAML::Node &node : nodes) {
    std::string tag = node.Tag();
    if (tag == "!Fork" || tag == "!Hierarchical" || tag == "!Array") {
      YamlReader reader(file, node, "this " + tag.substr(1));
      reader.get("name");
      std::vector<ForgeDim> inner = dims;
      readSpatial(reader, inner);
      YAML::Node below = reader.get("nodes");
      reader.finish();
      if (below.IsSequence())
        readNodes(below, parent, inner);
      continue;
    }
    YamlReader anonymous(file, node, "this node");
    std::string name = anonymous.requiredName();
    YamlReader reader(
        file, node, (tag.empty() ? "node" : tag.substr(1)) + " '" + name + "'");
    reader.get("name");
    readSpatial(reader, dims);
    if (tag == "!Memory")
      readMemory(reader, parent, dims);
    else if (tag == "!Compute")
      readCompute(reader, parent, dims);
    else if (tag != "!Container") {
      diags.warning(
          file.locOf(node),
          "ignored: " +
              (tag.empty() ? "a node without a tag" : tag + " '" + name + "'") +
              ", which has no counterpart here");
      continue;
    }
    reader.finish();
  }
}

void AccelForgeImporter::readSpatial(YamlReader &reader,
                                     std::vector<ForgeDim> &dims) {
  YAML::Node list = reader.get("spatial");
  if (!list.IsDefined())
    return;
  if (!list.IsSequence())
    return reader.ignore(list, "spatial", "which is no list");
  for (const YAML::Node &one : list) {
    YamlReader spatial(file, one, "spatial of " + reader.name());
    ForgeDim dim;
    dim.name = spatial.string("name");
    dim.size = spatial.number("fanout").value_or(1);
    dim.unicast = spatial.string("may_reuse") == "Nothing";
    YAML::Node mayReuse = spatial.get("may_reuse");
    if (mayReuse.IsDefined() && !dim.unicast && mayReuse.Scalar() != "All")
      spatial.ignore(mayReuse, "may_reuse", "which is neither All nor Nothing");
    dim.reuse = spatial.string("reuse");
    dim.minUsage = spatial.number("min_usage").value_or(0);
    spatial.finish();
    dims.push_back(std::move(dim));
  }
}

std::map<std::string, ForgeAction>
AccelForgeImporter::readActions(YamlReader &reader) {
  std::map<std::string, ForgeAction> actions;
  YAML::Node list = reader.get("actions");
  if (!list.IsSequence())
    return actions;
  for (const YAML::Node &one : list) {
    YamlReader action(file, one, "an action of " + reader.name());
    ForgeAction &read = actions[action.string("name")];
    read.joules = action.number("energy");
    read.perSecond = action.number("throughput");
    if (auto latency = action.number("latency"); latency && *latency > 0)
      read.perSecond = 1 / *latency;
    read.bits = action.number("bits_per_action");
    action.finish();
  }
  return actions;
}

/// Area in m^2, and leakage.
void AccelForgeImporter::readCosts(YamlReader &reader, SpecJson &to,
                                   bool withLeakage) {
  auto area = reader.number("area"), leak = reader.number("leak_power");
  if (area && std::isfinite(*area))
    to["area"] = quantity(*area * 1e12, "um^2");
  if (leak && *leak > 0 && withLeakage)
    to["leakage"] = quantity(*leak, "W");
  else if (leak && *leak > 0)
    reader.ignore(reader.get("leak_power"), "leak_power");
}

/// Dimensions as a shape, and constraints on them.
SpecJson AccelForgeImporter::takeDims(const std::string &subject,
                                      const std::string &owner,
                                      std::vector<ForgeDim> &dims) {
  SpecJson shape = SpecJson::object();
  for (ForgeDim &dim : dims) {
    // A fan-out inside another one of the same name is a dimension of its own.
    if (llvm::is_contained(levelDims, dim.name)) {
      std::string name = owner + "_" + dim.name;
      diags.note({file.file, 0, 0}, "dimension '" + dim.name + "' of '" +
                                        owner + "' is called '" + name +
                                        "': a level around it has that name");
      dim.name = name;
    }
    if (subject == "level")
      levelDims.push_back(dim.name);
    if (dim.unicast)
      shape[dim.name] = {
          {"size", toCount(dim.size)}, {"multicast", 1}, {"reduction", 1}};
    else
      shape[dim.name] = toCount(dim.size);
    SpecJson constraint = {{subject, owner}, {"dimension", dim.name}};
    if (!dim.reuse.empty() && dim.reuse != "Nothing") {
      YAML::Node value(dim.reuse);
      YamlReader reader(file, YAML::Node(), "spatial '" + dim.name + "'");
      if (auto set = readSet(value, "reuse", reader))
        constraint["reuse"] = *set;
    }
    if (dim.minUsage > 0) {
      constraint["min_utilization"] = dim.minUsage;
      constraint["if_unreachable"] = "relax";
      constraint["copies"] = "exempt";
    }
    if (constraint.size() > 2)
      constraints.push_back(std::move(constraint));
  }
  dims.clear();
  return shape;
}

void AccelForgeImporter::readMemory(YamlReader &reader, std::string &parent,
                                    std::vector<ForgeDim> &dims) {
  std::string name = reader.string("name");
  std::string kind = reader.string("component_class");
  SpecJson level = {{"name", name}};
  if (!parent.empty())
    level["parent"] = parent;
  if (SpecJson shape = takeDims("level", name, dims); !shape.empty())
    level["instances"] = shape;
  auto bits = reader.number("size");
  if (bits && std::isfinite(*bits) && *bits >= 8)
    level["capacity"] = quantity(std::floor(*bits / 8), "B");
  std::map<std::string, ForgeAction> actions = readActions(reader);
  const ForgeAction read = actions["read"], write = actions["write"];
  double width = read.bits.value_or(write.bits.value_or(8));
  double access = std::max(1.0, width / 8);
  level["access"] = quantity(access, "B");
  // Energies are per action of so many bits, one if it does not say.
  auto energy = [&](const ForgeAction &action) {
    return quantity(
        *action.joules * 1e12 * access * 8 / action.bits.value_or(1), "pJ");
  };
  bool free = kind == "Dummy" && !read.joules && !write.joules;
  if (read.joules && write.joules)
    level["energy"] = {{"read", energy(read)}, {"write", energy(write)}};
  else if (free)
    level["energy"] = {{"read", "0 pJ"}, {"write", "0 pJ"}};
  else if (llvm::StringRef(kind).contains_insensitive("sram") &&
           level.contains("capacity"))
    level["estimate"] = chooseEstimate(std::floor(*bits / 8), access, false);
  else if (llvm::StringRef(kind).contains_insensitive("ddr")) {
    std::string dram = quantity(access * 8 * 8, "pJ");
    level["energy"] = {{"read", dram}, {"write", dram}};
    diags.note(reader.loc(),
               "the energy of '" + name + "' is taken as 8 pJ per bit, LPDDR4");
  } else {
    diags.note(reader.loc(), "the energy of '" + name + "' is not known");
  }
  auto rate = [&](const ForgeAction &action) -> std::optional<double> {
    if (!action.perSecond || !std::isfinite(*action.perSecond))
      return std::nullopt;
    return *action.perSecond * action.bits.value_or(1) / 8;
  };
  std::string latency = reader.string("total_latency");
  bool separate = latency.rfind("max(", 0) == 0;
  if (!latency.empty() && !separate)
    reader.ignore(reader.get("total_latency"), "total_latency",
                  "an expression");
  auto reads = rate(read), writes = rate(write);
  if (reads && writes && !separate && *reads == *writes) {
    level["bandwidth"] = quantity(*reads, "B/s");
  } else {
    if (reads)
      level["read_bandwidth"] = quantity(*reads, "B/s");
    if (writes)
      level["write_bandwidth"] = quantity(*writes, "B/s");
    if (reads && writes && !separate)
      diags.note(reader.loc(), "reads and writes of '" + name +
                                   "' take turns there; here they have a "
                                   "bandwidth each");
  }
  readCosts(reader, level, true);
  level["provenance"] = "imported";
  levels.push_back(std::move(level));
  parent = name;
  readTensors(reader, name);
}

/// "~Intermediates", "input | output", "~MainMemory.tensors".
std::optional<SpecJson> AccelForgeImporter::readSet(const YAML::Node &value,
                                                    const std::string &key,
                                                    YamlReader &reader) {
  SpecJson set = SpecJson::array();
  llvm::SmallVector<llvm::StringRef> terms;
  std::string text = value.Scalar();
  llvm::StringRef(text).split(terms, '|');
  for (llvm::StringRef term : terms) {
    term = term.trim();
    bool negated = term.consume_front("~");
    term.consume_back(".tensors");
    if (term.find_first_of("&-()[] ") != llvm::StringRef::npos ||
        (negated && terms.size() > 1)) {
      reader.ignore(value, key, "whose expression is not understood");
      return std::nullopt;
    }
    std::string name = term.str();
    if (name == "Nothing")
      continue;
    for (auto [theirs, ours] : {std::pair("All", "all"),
                                {"input", "inputs"},
                                {"output", "outputs"},
                                {"weight", "weights"},
                                {"Inputs", "inputs"},
                                {"Outputs", "outputs"},
                                {"Intermediates", "intermediates"}})
      if (term == theirs)
        name = ours;
    for (const SpecJson &level : levels)
      if (level["name"] == term.str())
        name = "@" + term.str();
    set.push_back(negated ? "not " + name : name);
  }
  return set;
}

void AccelForgeImporter::readTensors(YamlReader &reader,
                                     const std::string &level) {
  YAML::Node given = reader.get("tensors");
  if (!given.IsDefined())
    return;
  YamlReader tensors(file, given, "tensors of " + reader.name());
  SpecJson constraint = {{"level", level}};
  YAML::Node keep = tensors.get("keep"), may = tensors.get("may_keep");
  if (keep.IsDefined())
    if (auto set = readSet(keep, "keep", tensors)) {
      constraint["must_keep"] = *set;
      if (!may.IsDefined()) // nothing else
        constraint["may_keep"] = *set;
    }
  if (may.IsDefined())
    if (auto set = readSet(may, "may_keep", tensors))
      constraint["may_keep"] = *set;
  if (constraint.size() > 1)
    constraints.push_back(std::move(constraint));
  tensors.finish();
}

void AccelForgeImporter::readCompute(YamlReader &reader,
                                     const std::string &parent,
                                     std::vector<ForgeDim> &dims) {
  Unit unit;
  std::string name = reader.string("name");
  std::string kind = reader.string("component_class");
  if (parent.empty()) {
    diags.error(reader.loc(),
                "!Compute '" + name + "' comes before any !Memory");
    return;
  }
  unit.array = {{"name", name}, {"level", parent}};
  if (SpecJson shape = takeDims("array", name, dims); !shape.empty())
    unit.array["shape"] = shape;
  std::map<std::string, ForgeAction> actions = readActions(reader);
  const ForgeAction compute = actions["compute"];
  unit.perSecond = compute.perSecond.value_or(INFINITY);
  if (!compute.joules && kind != "Dummy")
    diags.note(reader.loc(),
               "the energy of '" + name + "' is not given and taken as 0");
  unit.joules = compute.joules.value_or(0);
  readCosts(reader, unit.array, false);
  unit.array["provenance"] = "imported";
  // `enabled: len(All) == 3` is about the tensors of an Einsum, its result too.
  std::string enabled = reader.string("enabled");
  llvm::StringRef rest(enabled);
  unsigned tensors;
  if (!enabled.empty()) {
    rest = rest.trim();
    if (rest.consume_front("len(All)") &&
        (rest = rest.ltrim(), rest.consume_front("==")) &&
        !rest.trim().getAsInteger(10, tensors) && tensors > 1)
      constraints.push_back({{"arrays", {name}}, {"operands", tensors - 1}});
    else
      reader.ignore(reader.get("enabled"), "enabled",
                    "whose expression is not understood");
  }
  units.push_back(std::move(unit));
}

void AccelForgeImporter::chooseClock() {
  double slowest = INFINITY;
  for (const Unit &unit : units)
    slowest = std::min(slowest, unit.perSecond);
  if (std::isfinite(slowest) && slowest > 0)
    clockHz = slowest;
  for (Unit &unit : units) {
    double lanes = unit.perSecond / clockHz;
    SpecJson op = {{"energy", quantity(unit.joules * 1e12, "pJ")}};
    if (!std::isfinite(lanes))
      op["cycles"] = 0;
    else if (lanes >= 1.5) {
      if (lanes != std::floor(lanes))
        diags.note(file.locOf(file.root()),
                   "the rate of '" + unit.array["name"].get<std::string>() +
                       "' is not a whole number of operations per cycle of the "
                       "slowest unit; it is rounded down");
      unit.array["shape"]["lane"] = toCount(lanes);
    }
    unit.array["ops"] = {{"compute", op}};
  }
}

} // namespace

std::optional<std::string> arch::importAccelForge(llvm::StringRef text,
                                                  llvm::StringRef file,
                                                  Diagnostics &diags) {
  YamlFile yaml(text, file, diags);
  if (diags.hasErrors())
    return std::nullopt;
  return AccelForgeImporter(yaml).import();
}
