//===- Timeloop.cpp - Architectures of Timeloop v4 ------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Version 0.4: a list of nodes, each !Component or !Container, in the order
// from the outside in; !Parallel and !Hierarchical hold further lists.
// `spatial: {meshX, meshY}` of a node repeats it and all that follows.
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

bool contains(llvm::StringRef text, llvm::StringRef part) {
  return text.contains_insensitive(part);
}

class TimeloopImporter {
public:
  TimeloopImporter(YamlFile &file) : file(file), diags(file.diags) {}

  std::optional<std::string> import();

private:
  void readVariables();
  void readNodes(const YAML::Node &nodes, std::string parent, SpecJson dims);
  void readSpatial(YamlReader &reader, const std::string &name, SpecJson &dims);
  void readComponent(const YAML::Node &node, std::string &parent,
                     SpecJson &dims);
  void addLevel(YamlReader &attributes, const std::string &name,
                const std::string &kind, std::string &parent, SpecJson &dims);
  void addArray(YamlReader &attributes, const std::string &name,
                const std::string &kind, const std::string &parent,
                SpecJson &dims);
  void addEnergy(SpecJson &level, const std::string &kind, double bits,
                 double bytes, YamlReader &attributes);
  void readConstraints(YamlReader &reader, const std::string &level);

  YamlFile &file;
  Diagnostics &diags;
  double clockHz = 1e9;
  std::string node;
  double wordBits = 0;
  SpecJson levels = SpecJson::array(), arrays = SpecJson::array(),
           constraints = SpecJson::array();
};

void TimeloopImporter::readVariables() {
  YAML::Node variables = file.root()["variables"];
  YamlReader reader(file, variables, "variables");
  reader.get("version");
  std::string technology = reader.string("technology");
  auto cycle = reader.number("global_cycle_seconds");
  if (cycle && *cycle > 0)
    clockHz = 1 / *cycle;
  else
    diags.note(file.locOf(file.root()), "there is no 'global_cycle_seconds'; a "
                                        "clock of 1 GHz is assumed");
  llvm::StringRef digits = llvm::StringRef(technology).trim("\"' ");
  if (digits.consume_back_insensitive("nm") || !digits.empty())
    if (double nm; !digits.trim().getAsDouble(nm) && nm > 0)
      node = quantity(nm < 1e-6 ? nm * 1e9 : nm, "nm");
  if (node.empty()) {
    diags.note(file.locOf(file.root()),
               "there is no 'technology' in nm; 45 nm is assumed");
    node = "45 nm";
  }
  // Every other variable may be used by attributes.
  if (variables.IsMap())
    for (const auto &entry : variables) {
      double value;
      if (entry.second.IsScalar() &&
          !llvm::StringRef(entry.second.Scalar()).getAsDouble(value))
        file.variables.values[entry.first.Scalar()] = value;
    }
}

std::optional<std::string> TimeloopImporter::import() {
  if (!file.root().IsMap())
    return std::nullopt;
  YAML::Node architecture = file.root()["architecture"];
  if (!architecture.IsDefined()) {
    diags.error(file.locOf(file.root()),
                "there is no 'architecture'; a Timeloop v4 file has one, with "
                "a list of 'nodes'");
    return std::nullopt;
  }
  YamlReader top(file, file.root(), "the file");
  top.get("architecture");
  top.get("variables");
  readVariables();
  YamlReader reader(file, architecture, "the architecture");
  std::string version = reader.string("version");
  if (!version.empty() && version.rfind("0.4", 0) != 0) {
    diags.error(file.locOf(architecture["version"]),
                "version " + version + " is not read; only 0.4 is");
    return std::nullopt;
  }
  YAML::Node nodes = reader.get("nodes");
  if (!nodes.IsDefined() || !nodes.IsSequence()) {
    diags.error(file.locOf(architecture),
                "the architecture has no list of 'nodes'");
    return std::nullopt;
  }
  readNodes(nodes, "", SpecJson::object());
  reader.finish();
  top.finish();
  if (levels.empty() || arrays.empty()) {
    diags.error(file.locOf(nodes), levels.empty()
                                       ? "no component stores anything"
                                       : "no component computes anything");
    return std::nullopt;
  }
  if (diags.hasErrors())
    return std::nullopt;
  SpecJson spec = {{"schema", "einsum-arch/1"},
                   {"name", "imported"},
                   {"description", "Imported from a Timeloop v4 architecture"},
                   {"clock", quantity(clockHz, "Hz")},
                   {"word", quantity(wordBits == 0 ? 16 : wordBits, "bit")},
                   {"technology", node},
                   {"levels", levels},
                   {"arrays", arrays}};
  if (!constraints.empty())
    spec["constraints"] = constraints;
  return spec.dump(2) + "\n";
}

void TimeloopImporter::readNodes(const YAML::Node &nodes, std::string parent,
                                 SpecJson dims) {
  for (const YAML::Node &node : nodes) {
    std::string tag = node.Tag();
    if (tag == "!Parallel" || tag == "!Hierarchical" || tag == "!Pipelined") {
      YamlReader reader(file, node, "this group");
      YAML::Node inner = reader.get("nodes");
      reader.finish();
      if (!inner.IsSequence())
        continue;
      if (tag != "!Parallel") {
        readNodes(inner, parent, dims);
        continue;
      }
      for (const YAML::Node &branch : inner) {
        YAML::Node alone(YAML::NodeType::Sequence);
        alone.push_back(branch);
        readNodes(alone, parent, dims);
      }
      continue;
    }
    if (tag == "!Nothing")
      continue;
    readComponent(node, parent, dims);
  }
}

void TimeloopImporter::readSpatial(YamlReader &reader, const std::string &name,
                                   SpecJson &dims) {
  YAML::Node spatial = reader.get("spatial");
  if (!spatial.IsDefined())
    return;
  YamlReader mesh(file, spatial, "spatial of '" + name + "'");
  for (const char *along : {"meshX", "meshY"})
    if (auto size = mesh.number(along); size && *size > 1)
      dims[name + "_" + along] = toCount(*size);
  mesh.finish();
}

void TimeloopImporter::readComponent(const YAML::Node &node,
                                     std::string &parent, SpecJson &dims) {
  YamlReader reader(file, node, "this node");
  std::string name = reader.requiredName();
  YamlReader named(file, node, "component '" + name + "'");
  named.get("name");
  readSpatial(named, name, dims);
  std::string kind = named.string("class");
  std::string subkind = named.string("subclass");
  if (!subkind.empty())
    kind = subkind;
  YAML::Node given = named.get("attributes");
  YamlReader attributes(file, given, "attributes of '" + name + "'");
  if (node.Tag() == "!Container") {
    attributes.finish();
    named.finish();
    return;
  }
  bool computes = contains(kind, "mac") || contains(kind, "compute") ||
                  contains(kind, "adder") || contains(kind, "multiplier");
  if (computes) {
    addArray(attributes, name, kind, parent, dims);
  } else {
    addLevel(attributes, name, kind, parent, dims);
    readConstraints(named, name);
  }
  attributes.finish();
  named.finish();
}

void TimeloopImporter::addEnergy(SpecJson &level, const std::string &kind,
                                 double bits, double bytes,
                                 YamlReader &attributes) {
  std::string type = attributes.string("type");
  if (contains(kind, "dram")) {
    struct Dram {
      const char *name;
      double pjPerBit;
    };
    // hwcomponents and accelergy's CACTI plug-in.
    const Dram drams[] = {{"LPDDR4", 8},  {"LPDDR", 40}, {"HBM2", 3.9},
                          {"HBM3", 4.05}, {"GDDR5", 14}, {"DDR3", 70}};
    const Dram *found = nullptr;
    for (const Dram &dram : drams)
      if (!found && contains(type, dram.name))
        found = &dram;
    if (!found)
      found = &drams[0];
    std::string energy = quantity(bits * found->pjPerBit, "pJ");
    level["energy"] = {{"read", energy}, {"write", energy}};
    level["provenance"] = {
        {"text", std::string("imported; ") + found->name +
                     " energy per bit as hwcomponents has it"},
        {"certainty", contains(type, found->name) ? "secondary" : "guess"}};
    return;
  }
  if (!level.contains("capacity")) {
    level["provenance"] = "imported";
    return;
  }
  bool isRegister = contains(kind, "reg") || contains(kind, "rf");
  level["estimate"] = chooseEstimate(bytes, bits / 8, isRegister);
  level["provenance"] = "imported";
}

void TimeloopImporter::addLevel(YamlReader &attributes, const std::string &name,
                                const std::string &kind, std::string &parent,
                                SpecJson &dims) {
  auto value = [&](const char *key, double absent) {
    return attributes.number(key).value_or(absent);
  };
  double datawidth = value("datawidth", value("word-bits", 16));
  double cluster = value("cluster_size", 1), block = value("block_size", 1);
  double width = value("width", datawidth * cluster * block);
  auto depth = attributes.number("depth");
  auto entries = attributes.number("entries");
  auto sizeKb = attributes.number("sizeKB");
  if (wordBits == 0)
    wordBits = datawidth;
  SpecJson level = {{"name", name}};
  if (!parent.empty())
    level["parent"] = parent;
  if (!dims.empty())
    level["instances"] = dims;
  dims = SpecJson::object();
  double bits = depth     ? *depth * width
                : entries ? *entries * datawidth
                : sizeKb  ? *sizeKb * 8192
                          : 0;
  if (bits >= 8 && std::isfinite(bits))
    level["capacity"] = quantity(std::floor(bits / 8), "B");
  double access = std::max(1.0, std::ceil(width / 8));
  level["access"] = quantity(access, "B");
  if (double banks = value("n_banks", 1); banks > 1)
    level["banks"] = toCount(banks);
  if (double ports = value("n_rw_ports", 0); ports > 0)
    level["ports"] = toCount(ports);
  // Words per cycle.
  for (auto [theirs, ours] : {std::pair("shared_bandwidth", "bandwidth"),
                              {"read_bandwidth", "read_bandwidth"},
                              {"write_bandwidth", "write_bandwidth"}})
    if (auto words = attributes.number(theirs); words && std::isfinite(*words))
      level[ours] = quantity(*words * datawidth / 8 * clockHz, "B/s");
  addEnergy(level, kind, access * 8, std::floor(bits / 8), attributes);
  if (!level.contains("energy") && !level.contains("estimate"))
    diags.note(attributes.loc(), "the energy of '" + name +
                                     "' is not known: its class '" + kind +
                                     "' has no table and no depth");
  levels.push_back(std::move(level));
  parent = name;
}

void TimeloopImporter::addArray(YamlReader &attributes, const std::string &name,
                                const std::string &kind,
                                const std::string &parent, SpecJson &dims) {
  if (parent.empty()) {
    diags.error(attributes.loc(),
                "array '" + name + "' comes before anything that stores");
    return;
  }
  bool isFloat = contains(kind, "fp") || contains(kind, "float");
  double bits = attributes.number("datawidth").value_or(0);
  if (auto width = attributes.number("multiplier_width"))
    bits = *width;
  attributes.number("adder_width");
  if (bits <= 0)
    bits = wordBits == 0 ? 16 : wordBits;
  std::string type =
      datatypeName(isFloat, unsigned(std::min(toCount(bits), kWidestWord)));
  SpecJson array = {{"name", name}, {"level", parent}};
  if (!dims.empty())
    array["shape"] = dims;
  dims = SpecJson::object();
  if (!type.empty())
    array["datatypes"] = {type};
  array["provenance"] = {
      {"text", "imported; energies fitted to Horowitz, ISSCC 2014, 45 nm"},
      {"certainty", "secondary"}};
  unsigned width = unsigned(std::min(toCount(bits), kWidestWord));
  array["ops"] = {
      {"mac", {{"energy", quantity(macEnergy(isFloat, width), "pJ")}}},
      {"mul", {{"energy", quantity(mulEnergy(isFloat, width), "pJ")}}},
      {"add", {{"energy", quantity(arch::addEnergy(isFloat, width), "pJ")}}}};
  arrays.push_back(std::move(array));
}

/// Bypassing is a constraint of ours too; the rest is about one mapper.
void TimeloopImporter::readConstraints(YamlReader &reader,
                                       const std::string &level) {
  YAML::Node given = reader.get("constraints");
  if (!given.IsDefined())
    return;
  YamlReader all(file, given, "constraints of '" + level + "'");
  YAML::Node dataspace = all.get("dataspace");
  if (dataspace.IsDefined()) {
    YamlReader spaces(file, dataspace,
                      "dataspace constraints of '" + level + "'");
    auto list = [&](const char *key, const char *prefix) {
      SpecJson set = SpecJson::array();
      YAML::Node names = spaces.get(key);
      if (names.IsSequence())
        for (const YAML::Node &name : names) {
          std::string role = llvm::StringRef(name.Scalar()).lower();
          bool isRole =
              role == "inputs" || role == "outputs" || role == "weights";
          set.push_back(prefix + (isRole ? role : name.Scalar()));
        }
      return set;
    };
    SpecJson constraint = {{"level", level}};
    SpecJson only = list("keep_only", ""), keep = list("keep", ""),
             bypass = list("bypass", "not ");
    if (!only.empty() || !keep.empty())
      constraint["must_keep"] = only.empty() ? keep : only;
    if (!only.empty())
      constraint["may_keep"] = only;
    else if (!bypass.empty())
      constraint["may_keep"] = bypass;
    if (constraint.size() > 1)
      constraints.push_back(std::move(constraint));
    spaces.finish();
  }
  all.finish();
}

} // namespace

std::optional<std::string> arch::importTimeloop(llvm::StringRef text,
                                                llvm::StringRef file,
                                                Diagnostics &diags) {
  YamlFile yaml(text, file, diags);
  if (diags.hasErrors())
    return std::nullopt;
  return TimeloopImporter(yaml).import();
}
