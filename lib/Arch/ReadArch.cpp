//===- ReadArch.cpp - From a JSON document to a ParsedArch ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/ParsedArch.h"
#include "lib/Arch/ReadProvenance.h"
#include "lib/Support/Installation.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cmath>

using namespace einsum;
using namespace einsum::arch;

namespace {

class Reader {
public:
  Reader(ParsedArch &arch, Diagnostics &diags)
      : arch(arch), parameters(arch.parameters), diags(diags) {}

  void read(const JsonValue &json,
            const std::map<std::string, double> &overrides);

private:
  void readParameters(const JsonValue *json,
                      const std::map<std::string, double> &overrides);
  void readWord(ObjectReader &reader);
  void readTechnology(const JsonValue &json);
  LogTable readByNode(const JsonValue &json, const std::string &what);
  void readList(ObjectReader &reader, llvm::StringRef key,
                void (Reader::*readOne)(const JsonValue &));
  void readLevel(const JsonValue &json);
  void readLevelEnergy(ObjectReader &reader, ParsedLevel &parsed,
                       const std::string &what);
  void readArray(const JsonValue &json);
  void readEngine(const JsonValue &json);
  void readAccounting(const JsonValue &json);
  Fanout readFanout(ObjectReader &reader, const char *key,
                    const std::string &what);
  uint64_t readCycles(ObjectReader &reader, const char *key);
  uint64_t readLatency(ObjectReader &reader);
  int readLink(ObjectReader &reader, const std::string &what,
               const std::string &name);
  void readDims(const JsonValue &shape, const std::string &what,
                std::vector<ArrayDim> &dims, std::vector<SourceLocation> &locs);
  ArrayDim readDim(const JsonMember &json, const std::string &what);
  ParsedOp readOp(const JsonMember &json, const Array &array);
  ParsedOp readOpNumbers(ObjectReader &reader, const Sources &inherited);
  std::optional<ExecutionStyle> readStyle(const JsonValue &json);

  std::string readName(ObjectReader &reader);

  ParsedArch &arch;
  Parameters &parameters;
  Diagnostics &diags;
};

/// "level 'DRAM'", or "a level" while its name is not known.
std::string title(llvm::StringRef noun, const JsonValue &json) {
  const JsonValue *name = json.find("name");
  if (!name || name->string.empty())
    return (llvm::Twine("the ") + noun).str();
  return (noun + " '" + name->string + "'").str();
}

std::string Reader::readName(ObjectReader &reader) {
  reader.require("name");
  const JsonValue *name = reader.get("name", JsonValue::Kind::String);
  if (name && name->string.empty())
    diags.error(name->loc, "a name must not be empty");
  return name ? name->string : "";
}

bool isIdentifier(llvm::StringRef name) {
  return !name.empty() && !llvm::isDigit(name[0]) &&
         llvm::all_of(name,
                      [](char c) { return llvm::isAlnum(c) || c == '_'; });
}

void Reader::readParameters(const JsonValue *json,
                            const std::map<std::string, double> &overrides) {
  auto members =
      json ? llvm::ArrayRef(json->members) : llvm::ArrayRef<JsonMember>();
  for (const JsonMember &member : members) {
    if (!isIdentifier(member.key))
      diags.error(member.keyLoc, "parameter '" + member.key +
                                     "' must be a word of letters, digits "
                                     "and '_', or no expression can name it");
    auto value = readQuantity(member.value, member.key, Dimension::Count,
                              Range::NonNegative, parameters, diags);
    auto override = overrides.find(member.key);
    // A parameter that could not be read still exists for the expressions.
    parameters.values[member.key] =
        override != overrides.end() ? override->second : value.value_or(1);
    arch.parameterLocs[member.key] = member.keyLoc;
  }
  for (const auto &[name, value] : overrides) {
    const SourceLocation &loc = arch.at.of("parameters");
    if (!arch.parameterLocs.count(name))
      diags.error(loc, "there is no parameter '" + name + "' to set" +
                           didYouMean(name, parameters.names()));
    else if (!std::isfinite(value) || value < 0)
      diags.error(loc, "parameter '" + name +
                           "' must be set to a finite number, zero or more");
  }
}

void Reader::readWord(ObjectReader &reader) {
  constexpr double maxBits = 1024;
  auto bytes = reader.quantity("word", Dimension::Bytes, Range::Positive);
  if (!bytes)
    return;
  double bits = *bytes * 8;
  if (bits != std::floor(bits) || bits > maxBits)
    diags.error(reader.places().of("word"),
                "word must be a whole number of bits, at most 1024");
  else
    arch.spec.wordBits = unsigned(bits);
}

void Reader::read(const JsonValue &json,
                  const std::map<std::string, double> &overrides) {
  ArchSpec &spec = arch.spec;
  ObjectReader reader(json, "the architecture", parameters, diags);
  arch.at = reader.places();
  checkSchema(reader, "einsum-arch/1", diags);
  spec.name = readName(reader);
  spec.loc = reader.places().of("name");
  spec.description = reader.string("description");
  readParameters(reader.get("parameters", JsonValue::Kind::Object), overrides);
  spec.parameters = parameters.values;

  for (const char *key : {"clock", "word", "levels", "arrays"})
    reader.require(key);
  spec.clockHz =
      reader.quantity("clock", Dimension::Hertz, Range::Positive).value_or(1);
  readWord(reader);
  spec.energyProfile = reader.string("energy_profile");
  if (const JsonValue *technology = reader.any("technology"))
    readTechnology(*technology);
  readList(reader, "levels", &Reader::readLevel);
  readList(reader, "arrays", &Reader::readArray);
  if (const JsonValue *engines = reader.get("engines", JsonValue::Kind::Array))
    for (const JsonValue &engine : engines->elements)
      readEngine(engine);
  if (const JsonValue *accounting = reader.any("accounting"))
    readAccounting(*accounting);
  arch.constraints = reader.get("constraints", JsonValue::Kind::Array);
  reader.finish();
}

/// Energies or areas relative to each other, by node: {"45 nm": 1, "7 nm": .1}.
LogTable Reader::readByNode(const JsonValue &json, const std::string &what) {
  std::map<double, double> points;
  for (const JsonMember &member : json.members) {
    JsonValue node = member.value;
    node.kind = JsonValue::Kind::String;
    node.loc = member.keyLoc;
    node.string = member.key;
    auto nm = readQuantity(node, "a node of " + what, Dimension::Nanometres,
                           Range::Positive, parameters, diags);
    auto value =
        readQuantity(member.value, what + " at " + member.key, Dimension::Count,
                     Range::Positive, parameters, diags);
    if (nm && value)
      points[*nm] = *value;
  }
  if (points.size() < 2) {
    if (!diags.hasErrors())
      diags.error(json.loc, what + " needs two nodes at least");
    return LogTable({{1, 1}});
  }
  return LogTable(LogTable::Points(points.begin(), points.end()));
}

/// A node, or a node and how to get there.
void Reader::readTechnology(const JsonValue &json) {
  Technology technology;
  technology.scaling = "stillmaker2017";
  if (json.kind == JsonValue::Kind::String) {
    technology.nodeNm = readQuantity(json, "technology", Dimension::Nanometres,
                                     Range::Positive, parameters, diags)
                            .value_or(45);
    arch.spec.technology = std::move(technology);
    return;
  }
  ObjectReader reader(json, "technology", parameters, diags);
  if (json.kind != JsonValue::Kind::Object)
    return;
  reader.require("node");
  technology.nodeNm =
      reader.quantity("node", Dimension::Nanometres, Range::Positive)
          .value_or(45);
  technology.volts =
      reader.quantity("voltage", Dimension::Volts, Range::Positive)
          .value_or(technology.volts);
  const JsonValue *scaling = reader.any("scaling");
  if (scaling && scaling->kind == JsonValue::Kind::Object) {
    technology.scaling = "table";
    ObjectReader table(*scaling, "scaling of technology", parameters, diags);
    for (const char *key : {"energy", "area"})
      table.require(key);
    if (auto *energy = table.get("energy", JsonValue::Kind::Object))
      technology.energy = readByNode(*energy, "energy of scaling");
    if (auto *area = table.get("area", JsonValue::Kind::Object))
      technology.area = readByNode(*area, "area of scaling");
    technology.provenance = readProvenance(table, {"energy", "area"}, diags);
    table.finish();
    if (reader.places().has("voltage"))
      diags.error(reader.places().of("voltage"),
                  "a scaling table knows no voltage; leave it out");
  } else if (scaling) {
    std::string name = reader.string("scaling");
    if (scaling->kind == JsonValue::Kind::String && name != "stillmaker2017")
      diags.error(scaling->loc,
                  "there is no scaling '" + name +
                      "'; it is 'stillmaker2017', or an object with tables "
                      "'energy' and 'area' by node");
  }
  reader.finish();
  arch.spec.technology = std::move(technology);
}

/// A number of cycles that may be zero.
uint64_t Reader::readCycles(ObjectReader &reader, const char *key) {
  constexpr double most = 9007199254740992.0; // 2^53
  auto cycles = reader.quantity(key, Dimension::Cycles, Range::NonNegative);
  if (!cycles)
    return 0;
  if (*cycles == std::floor(*cycles) && *cycles <= most)
    return uint64_t(*cycles);
  diags.error(reader.places().of(key), std::string(key) + " of " +
                                           reader.name() +
                                           " must be a whole number of cycles, "
                                           "at most 2^53");
  return 0;
}

/// Cycles, or a time, of which each begun cycle counts.
uint64_t Reader::readLatency(ObjectReader &reader) {
  const JsonValue *json = reader.any("latency");
  if (!json || json->kind != JsonValue::Kind::String)
    return readCycles(reader, "latency");
  Parameters scratch = parameters;
  QuantityError ignored;
  if (!parseQuantity(json->string, "latency", Dimension::Seconds, scratch,
                     ignored))
    return readCycles(reader, "latency");
  auto seconds =
      reader.quantity("latency", Dimension::Seconds, Range::NonNegative);
  double cycles = std::ceil(seconds.value_or(0) * arch.spec.clockHz *
                            (1 - 1e-12)); // 5 ns at 1 GHz are 5 cycles
  if (cycles <= 9007199254740992.0)
    return uint64_t(cycles);
  diags.error(json->loc,
              "latency of " + reader.name() + " is more than 2^53 cycles");
  return 0;
}

/// The index of the new link, or -1.
int Reader::readLink(ObjectReader &reader, const std::string &what,
                     const std::string &name) {
  const JsonValue *json = reader.get("link", JsonValue::Kind::Object);
  if (!json)
    return -1;
  ObjectReader inner(*json, "link of " + what, parameters, diags);
  Link link;
  link.name = name;
  link.loc = json->loc;
  if (inner.places().has("topology")) {
    std::string word = inner.string("topology");
    std::vector<std::string> words;
    for (Topology topology :
         {Topology::Bus, Topology::Mesh, Topology::Ring, Topology::AllToAll}) {
      words.push_back(spell(topology).str());
      if (word == words.back())
        link.topology = topology;
    }
    if (!llvm::is_contained(words, word))
      diags.error(inner.places().of("topology"),
                  "topology is one of " + llvm::join(words, ", ") +
                      ", found '" + word + "'" + didYouMean(word, words));
  }
  link.bytesPerS =
      inner.quantity("bandwidth", Dimension::BytesPerSecond, Range::Positive);
  link.pjPerByte =
      inner.quantity("energy", Dimension::PicojoulesPerByte, Range::NonNegative)
          .value_or(0);
  link.latencyCycles = readLatency(inner);
  link.provenance = readProvenance(inner, {"bandwidth", "energy"}, diags);
  inner.finish();
  const Places &at = inner.places();
  if (!at.has("bandwidth") && !at.has("energy") && !at.has("latency"))
    diags.error(json->loc, "link of " + what +
                               " costs nothing; give 'bandwidth', 'energy' or "
                               "'latency', or leave it out");
  arch.spec.links.push_back(std::move(link));
  return int(arch.spec.links.size()) - 1;
}

Fanout Reader::readFanout(ObjectReader &reader, const char *key,
                          const std::string &what) {
  Fanout fanout;
  const JsonValue *json = reader.get(key, JsonValue::Kind::Object);
  if (!json)
    return fanout;
  ObjectReader inner(*json, key + (" of " + what), parameters, diags);
  fanout.width = inner.whole("width", Dimension::Count).value_or(0);
  fanout.energyPj =
      inner.quantity("energy", Dimension::Picojoules, Range::NonNegative)
          .value_or(0);
  fanout.provenance = readProvenance(inner, {"energy"}, diags);
  inner.finish();
  return fanout;
}

void Reader::readEngine(const JsonValue &json) {
  std::string what = title("DMA engine", json);
  ObjectReader reader(json, what, parameters, diags);
  if (json.kind != JsonValue::Kind::Object)
    return;
  Engine engine;
  engine.loc = json.loc;
  engine.name = readName(reader);
  engine.bytesPerS =
      reader.quantity("bandwidth", Dimension::BytesPerSecond, Range::Positive);
  engine.latencyCycles = readCycles(reader, "latency");
  engine.provenance = readProvenance(reader, {"bandwidth"}, diags);
  reader.finish();
  arch.engines.push_back({reader.places()});
  arch.spec.engines.push_back(std::move(engine));
}

/// The name of a profile, or an object that names one and departs from it.
void Reader::readAccounting(const JsonValue &json) {
  auto chooseProfile = [&](const std::string &name, const SourceLocation &loc) {
    if (auto profile = Accounting::named(name)) {
      arch.spec.accounting = *profile;
      return;
    }
    std::vector<std::string> names(Accounting::names().begin(),
                                   Accounting::names().end());
    diags.error(loc, "there is no accounting profile '" + name +
                         "'; there are " + llvm::join(names, ", ") +
                         didYouMean(name, names));
  };
  if (json.kind == JsonValue::Kind::String)
    return chooseProfile(json.string, json.loc);
  ObjectReader reader(json, "accounting", parameters, diags);
  if (json.kind != JsonValue::Kind::Object)
    return;
  if (reader.places().has("profile"))
    chooseProfile(reader.string("profile"), reader.places().of("profile"));
  auto choose = [&](const char *key, const char *no, const char *yes,
                    bool &flag) {
    if (!reader.places().has(key))
      return;
    std::string word = reader.string(key);
    if (word == yes || word == no)
      flag = word == yes;
    else
      diags.error(reader.places().of(key),
                  std::string(key) + " of accounting is '" + no + "' or '" +
                      yes + "', found '" + word + "'");
  };
  Accounting &accounting = arch.spec.accounting;
  choose("operands", "latched", "per_point", accounting.everyRun);
  choose("operators", "each", "one_per_point", accounting.onePerPoint);
  choose("overlap", "perfect", "buffered", accounting.buffered);
  choose("einsums", "as_scheduled", "sequential", accounting.sequential);
  choose("buffers", "counted", "ignored", accounting.singleBuffers);
  choose("sums", "drained", "free", accounting.freeSums);
  choose("first_sums", "read", "unread", accounting.unreadSums);
  reader.finish();
}

void Reader::readList(ObjectReader &reader, llvm::StringRef key,
                      void (Reader::*readOne)(const JsonValue &)) {
  const JsonValue *list = reader.get(key, JsonValue::Kind::Array);
  if (!list)
    return;
  if (list->elements.empty())
    diags.error(list->loc, "the architecture has no " + key);
  for (const JsonValue &element : list->elements)
    (this->*readOne)(element);
}

void Reader::readLevel(const JsonValue &json) {
  std::string what = title("level", json);
  ObjectReader reader(json, what, parameters, diags);
  if (json.kind != JsonValue::Kind::Object)
    return;
  Level level;
  ParsedLevel parsed;
  parsed.at = reader.places();
  level.loc = json.loc;
  level.name = readName(reader);
  parsed.parent = reader.string("parent");
  parsed.per = reader.string("per");
  parsed.beside = reader.string("beside");
  if (const JsonValue *instances =
          reader.get("instances", JsonValue::Kind::Object)) {
    readDims(*instances, what, level.dims, parsed.dimLocs);
    if (reader.places().has("per"))
      diags.error(instances->loc,
                  what + " has both 'instances' and 'per'; a level that is "
                         "private to PEs has one instance in each");
  }
  level.capacityBytes = reader.whole("capacity", Dimension::Bytes);
  reader.require("access");
  level.accessBytes = reader.whole("access", Dimension::Bytes).value_or(1);
  level.banks = reader.whole("banks", Dimension::Count).value_or(1);
  level.readPorts = reader.whole("read_ports", Dimension::Count).value_or(0);
  level.writePorts = reader.whole("write_ports", Dimension::Count).value_or(0);
  level.sharedPorts = reader.whole("ports", Dimension::Count).value_or(0);
  level.multicast = readFanout(reader, "multicast", what);
  level.chunkBytes = reader.whole("chunk", Dimension::Bytes).value_or(1);
  level.latencyCycles = readLatency(reader);
  level.link = readLink(reader, what, level.name);
  if (level.link >= 0)
    arch.spec.links.back().level = int(arch.spec.levels.size());

  auto bandwidth = [&](const char *key) {
    return reader.quantity(key, Dimension::BytesPerSecond, Range::Positive);
  };
  level.sharedBytesPerS = bandwidth("bandwidth");
  level.readBytesPerS = bandwidth("read_bandwidth");
  level.writeBytesPerS = bandwidth("write_bandwidth");

  level.memory = reader.string("memory");
  level.estimate = reader.string("estimate");
  readLevelEnergy(reader, parsed, what);
  parsed.areaUm2 =
      reader.quantity("area", Dimension::SquareMicrometres, Range::NonNegative);
  parsed.leakageW =
      reader.quantity("leakage", Dimension::Watts, Range::NonNegative);
  level.sources = readSources(reader,
                              {"bandwidth", "read_bandwidth", "write_bandwidth",
                               "energy", "area", "leakage"},
                              diags);
  reader.finish();
  arch.spec.levels.push_back(std::move(level));
  arch.levels.push_back(std::move(parsed));
}

void Reader::readLevelEnergy(ObjectReader &reader, ParsedLevel &parsed,
                             const std::string &what) {
  const JsonValue *json = reader.get("energy", JsonValue::Kind::Object);
  if (!json)
    return;
  for (const char *other : {"memory", "estimate"})
    if (reader.places().has(other))
      diags.error(json->loc,
                  what + " has both 'energy' and '" + other + "'; keep one");
  ObjectReader energy(*json, "energy of " + what, parameters, diags);
  energy.require("read");
  energy.require("write");
  parsed.readPj =
      energy.quantity("read", Dimension::Picojoules, Range::NonNegative);
  parsed.writePj =
      energy.quantity("write", Dimension::Picojoules, Range::NonNegative);
  energy.finish();
}

void Reader::readArray(const JsonValue &json) {
  std::string what = title("array", json);
  ObjectReader reader(json, what, parameters, diags);
  if (json.kind != JsonValue::Kind::Object)
    return;
  Array array;
  ParsedArray parsed;
  parsed.at = reader.places();
  array.loc = json.loc;
  array.name = readName(reader);
  for (const char *key : {"level", "ops"})
    reader.require(key);
  parsed.level = reader.string("level");
  if (const JsonValue *shape = reader.get("shape", JsonValue::Kind::Object))
    readDims(*shape, what, array.dims, parsed.dimLocs);
  if (const JsonValue *types = reader.get("datatypes", JsonValue::Kind::Array))
    for (const JsonValue &type : types->elements) {
      if (type.kind != JsonValue::Kind::String || type.string.empty())
        diags.error(type.loc, "a datatype must be a name such as \"f16\"");
      else if (llvm::is_contained(array.datatypes, type.string))
        diags.error(type.loc, "datatype '" + type.string + "' is listed twice");
      else
        array.datatypes.push_back(type.string);
    }
  parsed.areaUm2PerPe =
      reader.quantity("area", Dimension::SquareMicrometres, Range::NonNegative);
  array.leakageW =
      reader.quantity("leakage", Dimension::Watts, Range::NonNegative)
          .value_or(0);
  array.fillCycles = readCycles(reader, "fill");
  array.drainCycles = readCycles(reader, "drain");
  array.reduction = readFanout(reader, "reduction", what);
  array.link = readLink(reader, what, array.name);
  if (array.link >= 0)
    arch.spec.links.back().array = int(arch.spec.arrays.size());
  array.sources = readSources(reader, {"area", "leakage"}, diags);
  if (const JsonValue *ops = reader.get("ops", JsonValue::Kind::Object))
    for (const JsonMember &op : ops->members)
      parsed.ops.push_back(readOp(op, array));
  reader.finish();
  arch.spec.arrays.push_back(std::move(array));
  arch.arrays.push_back(std::move(parsed));
}

void Reader::readDims(const JsonValue &shape, const std::string &what,
                      std::vector<ArrayDim> &dims,
                      std::vector<SourceLocation> &locs) {
  for (const JsonMember &dim : shape.members) {
    dims.push_back(readDim(dim, what));
    locs.push_back(dim.keyLoc);
  }
}

/// A size, or a size and how far words reach along the dimension.
ArrayDim Reader::readDim(const JsonMember &json, const std::string &what) {
  std::string name = "dimension '" + json.key + "' of " + what;
  ArrayDim dim{json.key};
  if (json.value.kind != JsonValue::Kind::Object) {
    dim.size = readWhole(json.value, name, Dimension::Count, parameters, diags)
                   .value_or(1);
    return dim;
  }
  ObjectReader reader(json.value, name, parameters, diags);
  reader.require("size");
  auto count = [&](const char *key, uint64_t absent) {
    return reader.whole(key, Dimension::Count).value_or(absent);
  };
  dim.size = count("size", 1);
  dim.multicastWidth = count("multicast", 0);
  dim.reductionWidth = count("reduction", 0);
  reader.finish();
  return dim;
}

/// {"bit-serial": {"bits_per_step": 2}}
std::optional<ExecutionStyle> Reader::readStyle(const JsonValue &json) {
  std::vector<std::string> names;
  for (const StyleName &style : getStyleNames())
    names.emplace_back(style.name);
  if (json.members.size() != 1) {
    diags.error(json.loc, "a style is one of " + llvm::join(names, ", ") +
                              ", as in {\"bit-serial\": {\"bits_per_step\": "
                              "2}}");
    return std::nullopt;
  }
  const JsonMember &member = json.members.front();
  for (const StyleName &style : getStyleNames()) {
    if (member.key != style.name)
      continue;
    ObjectReader reader(member.value, "style '" + member.key + "'", parameters,
                        diags);
    ExecutionStyle read{style.kind, 1};
    if (*style.key) {
      reader.require(style.key);
      read.perStep = reader.whole(style.key, Dimension::Count).value_or(1);
    }
    reader.finish();
    return read;
  }
  diags.error(member.keyLoc, "there is no style '" + member.key +
                                 "'; there are " + llvm::join(names, ", ") +
                                 didYouMean(member.key, names));
  return std::nullopt;
}

/// What may differ between datatypes.
ParsedOp Reader::readOpNumbers(ObjectReader &reader, const Sources &inherited) {
  ParsedOp op;
  op.at = reader.places();
  if (reader.any("cycles"))
    op.cycles = readCycles(reader, "cycles");
  op.latency = reader.whole("latency", Dimension::Cycles);
  op.energyPj =
      reader.quantity("energy", Dimension::Picojoules, Range::NonNegative);
  op.areaUm2 =
      reader.quantity("area", Dimension::SquareMicrometres, Range::NonNegative);
  if (const JsonValue *style = reader.get("style", JsonValue::Kind::Object))
    op.style = readStyle(*style);
  op.sources = readSources(reader, {"energy", "area"}, diags, inherited);
  return op;
}

ParsedOp Reader::readOp(const JsonMember &json, const Array &array) {
  std::string what =
      "operator '" + json.key + "' of array '" + array.name + "'";
  ObjectReader reader(json.value, what, parameters, diags);
  ParsedOp op = readOpNumbers(reader, {array.sources.of("ops"), {}});
  op.name = json.key;
  op.nameLoc = json.keyLoc;
  auto checkType = [&](const std::string &type, const SourceLocation &loc) {
    if (!llvm::is_contained(array.datatypes, type))
      diags.error(loc, "array '" + array.name + "' does not compute in '" +
                           type + "'" + didYouMean(type, array.datatypes));
  };
  if (const JsonValue *only = reader.get("only", JsonValue::Kind::Array))
    for (const JsonValue &type : only->elements) {
      checkType(type.string, type.loc);
      op.only.push_back(type.string);
    }
  if (const JsonValue *types = reader.get("datatypes", JsonValue::Kind::Object))
    for (const JsonMember &type : types->members) {
      checkType(type.key, type.keyLoc);
      ObjectReader own(type.value, what + " at " + type.key, parameters, diags);
      op.byDatatype[type.key] = readOpNumbers(own, op.sources);
      own.finish();
    }
  if (const JsonValue *as = reader.get("as", JsonValue::Kind::Object)) {
    for (const JsonMember &part : as->members)
      op.as[part.key] =
          readWhole(part.value, "the number of '" + part.key + "'",
                    Dimension::Count, parameters, diags)
              .value_or(1);
    if (as->members.empty())
      diags.error(as->loc, what + " is made of nothing; list operators and how "
                                  "many of each it takes");
    for (const char *key : {"energy", "area", "style"})
      if (op.at.has(key))
        diags.error(op.at.of(key),
                    what + " has both 'as' and '" + key + "'; keep one");
  }
  reader.finish();
  return op;
}

/// One note for all numbers that nobody has looked up in a publication.
void noteDoubtful(const ArchSpec &spec, Diagnostics &diags) {
  std::map<Certainty, unsigned> counts;
  for (const DoubtfulNumber &number : listDoubtful(spec))
    counts[number.provenance.certainty] += number.count;
  // Guesses alone are said where they are used: as placeholders.
  if (counts[Certainty::Secondary] + counts[Certainty::Recalled] == 0)
    return;
  std::vector<std::string> parts;
  for (auto [certainty, what] :
       {std::pair(Certainty::Secondary, " from secondary sources"),
        {Certainty::Recalled, " recalled, not looked up"},
        {Certainty::Guess, " guessed"}})
    if (unsigned count = counts[certainty])
      parts.push_back(llvm::utostr(count) + what);
  if (!parts.empty())
    diags.note(spec.loc, "of the numbers of '" + spec.name + "', " +
                             llvm::join(parts, ", ") +
                             "; einsum-arch-check marks them");
}

std::optional<ArchSpec> build(const std::optional<JsonValue> &json,
                              llvm::StringRef path, Diagnostics &diags,
                              const std::map<std::string, double> &overrides,
                              llvm::StringRef energyProfile) {
  if (!json)
    return std::nullopt;
  unsigned before = diags.errorCount();
  ParsedArch arch;
  Reader(arch, diags).read(*json, overrides);
  if (!energyProfile.empty())
    arch.spec.energyProfile = energyProfile.str();
  resolveArch(arch, llvm::sys::path::parent_path(path), diags);
  readConstraints(arch, diags);
  verifyArch(arch, diags);
  if (diags.errorCount() != before)
    return std::nullopt;
  noteDoubtful(arch.spec, diags);
  return std::move(arch.spec);
}

} // namespace

std::optional<ArchSpec>
arch::readArchSpec(llvm::StringRef path, Diagnostics &diags,
                   const std::map<std::string, double> &parameterOverrides,
                   llvm::StringRef energyProfile) {
  std::string file = findArchSpec(path);
  if (path != "-" && !path.contains('/') && !path.ends_with(".json") &&
      !llvm::sys::fs::exists(file)) {
    std::vector<std::string> known = listArchSpecs();
    diags.error({path.str(), 0, 0},
                "there is no file and no installed architecture of this name" +
                    (known.empty() ? " (none is installed)"
                                   : "; there are " + llvm::join(known, ", ")) +
                    didYouMean(path, known));
    return std::nullopt;
  }
  return build(readSourceJson(file, diags), file, diags, parameterOverrides,
               energyProfile);
}

std::optional<ArchSpec>
arch::parseArchSpec(llvm::StringRef text, llvm::StringRef path,
                    Diagnostics &diags,
                    const std::map<std::string, double> &parameterOverrides,
                    llvm::StringRef energyProfile) {
  return build(parseSourceJson(text, path, diags), path, diags,
               parameterOverrides, energyProfile);
}
