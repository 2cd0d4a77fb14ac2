//===- ReadSchedule.cpp - Schedules from JSON -----------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Export/ReadSchedule.h"

#include "lib/Export/ScheduleFormats.h"

#include "lib/Support/ObjectReader.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <map>

using namespace mlir;
using namespace einsum;
using namespace einsum::exporting;
using namespace einsum::schedule;

/// Nodes below one another. What walks a tree descends with it.
static constexpr unsigned kDeepestTree = 400;

namespace {

class Reader {
public:
  Reader(MLIRContext *context, Diagnostics &diags)
      : builder(context), diags(diags) {}

  std::optional<ScheduleFile> read(const JsonValue &json) {
    ObjectReader object(json, "the schedule", parameters, diags);
    for (const char *key : {"schema", "name", "cascade", "arch", "nodes"})
      object.require(key);
    readHead(object);
    // Facts, which are computed again.
    for (const char *key :
         {"ranks", "cycles", "latency_s", "energy_j", "clock_hz", "levels",
          "reservations", "occupancy", "traffic", "timeline", "allocation",
          "movement", "roofline", "energy"})
      object.any(key);
    std::optional<ScheduleFormats> formats = readFormats(object);
    const JsonValue *nodes = object.get("nodes", JsonValue::Kind::Array);
    object.finish();
    if (diags.hasErrors())
      return std::nullopt;
    file.mapping = builder.create<MappingOp>(
        locOf(file.nameLoc), builder.getStringAttr(file.name),
        FlatSymbolRefAttr::get(builder.getStringAttr(file.cascade)),
        builder.getStringAttr(file.arch));
    file.mapping->getBody().emplaceBlock();
    if (formats)
      setFormats(*file.mapping, *formats);
    readNodes(*nodes);
    if (diags.hasErrors())
      return std::nullopt;
    return std::move(file);
  }

private:
  Location locOf(const SourceLocation &loc) {
    return FileLineColLoc::get(builder.getContext(), loc.file, loc.line,
                               loc.col);
  }

  //===--------------------------------------------------------------------===//
  // The head
  //===--------------------------------------------------------------------===//

  void readHead(ObjectReader &object) {
    const JsonValue *schema = object.get("schema", JsonValue::Kind::String);
    if (schema && schema->string != "einsum-schedule/1")
      diags.error(schema->loc, "the schema is '" + schema->string +
                                   "', and this reads 'einsum-schedule/1'");
    file.name = readName(object, "name");
    file.cascade = readName(object, "cascade");
    file.arch = readName(object, "arch");
    file.nameLoc = object.places().of("name");
    file.cascadeLoc = object.places().of("cascade");
    file.programLoc = object.places().of("program");
    file.program = readLines(object, "program");
    file.origin = readLines(object, "origin");
    if (const JsonValue *from =
            object.get("derived_from", JsonValue::Kind::String))
      file.derivedFrom = from->string;
    const JsonValue *binding = object.get("binding", JsonValue::Kind::Object);
    if (!binding)
      return;
    for (const JsonMember &member : binding->members)
      if (auto value = readNumber(member.value, member.key, 1))
        file.binding.push_back({member.key, *value, member.value.loc});
  }

  std::optional<ScheduleFormats> readFormats(ObjectReader &object) {
    const JsonValue *json = object.get("quantisation", JsonValue::Kind::Object);
    if (!json)
      return std::nullopt;
    ObjectReader said(*json, "'quantisation'", parameters, diags);
    for (const char *key : {"formats", "accumulator", "objective"})
      said.require(key);
    ScheduleFormats formats;
    formats.formats = said.string("formats");
    formats.objective = said.string("objective");
    if (const JsonValue *bits =
            said.get("accumulator", JsonValue::Kind::Number)) {
      if (bits->int64 && *bits->int64 >= 8 && *bits->int64 <= 64)
        formats.accumulatorBits = static_cast<unsigned>(*bits->int64);
      else
        diags.error(bits->loc, "an accumulator has 8 to 64 bits");
    }
    said.finish();
    return formats;
  }

  std::string readName(ObjectReader &object, StringRef key) {
    const JsonValue *value = object.get(key, JsonValue::Kind::String);
    if (value && value->string.empty())
      diags.error(value->loc, "'" + key + "' is empty; give it a name");
    return value ? value->string : "";
  }

  std::string readLines(ObjectReader &object, StringRef key) {
    const JsonValue *lines = object.get(key, JsonValue::Kind::Array);
    std::string text;
    if (lines)
      for (const JsonValue &line : lines->elements)
        if (checkKind(line, JsonValue::Kind::String, "a line of '" + key + "'"))
          text += line.string + "\n";
    return text;
  }

  bool checkKind(const JsonValue &value, JsonValue::Kind kind,
                 const llvm::Twine &what) {
    if (value.kind == kind)
      return true;
    diags.error(value.loc, what + " must be " + describe(kind) + ", found " +
                               describe(value.kind));
    return false;
  }

  /// A whole number that IR can hold.
  std::optional<int64_t> readNumber(const JsonValue &value, StringRef what,
                                    int64_t least) {
    if (!checkKind(value, JsonValue::Kind::Number, "'" + what + "'"))
      return std::nullopt;
    if (value.int64 && *value.int64 >= least)
      return value.int64;
    diags.error(value.loc, "'" + what + "' must be a whole number from " +
                               llvm::Twine(least) + " to 2^63 - 1");
    return std::nullopt;
  }

  //===--------------------------------------------------------------------===//
  // Nodes
  //===--------------------------------------------------------------------===//

  void readNodes(const JsonValue &list) {
    if (list.elements.empty())
      diags.error(list.loc, "there is no node; a schedule has at least a "
                            "storage node and a compute node");
    std::vector<Operation *> nodes;
    std::map<Operation *, unsigned> depths; // below the mapping
    for (auto [i, json] : llvm::enumerate(list.elements)) {
      ObjectReader object(json, "node " + std::to_string(i), parameters, diags);
      Operation *parent = readParent(object, i, nodes);
      object.any("facts");
      checkId(object, i);
      nodes.push_back(nullptr);
      if (!parent)
        continue; // that has its error
      if (depths[parent] >= kDeepestTree) {
        diags.error(json.loc, "this node stands below more than " +
                                  llvm::Twine(kDeepestTree) + " others");
        return;
      }
      builder.setInsertionPointToEnd(&parent->getRegion(0).front());
      nodes.back() = readNode(object, json.loc);
      if (nodes.back()) {
        depths[nodes.back()] = depths[parent] + 1;
        object.finish();
      }
    }
  }

  void checkId(ObjectReader &object, size_t i) {
    const JsonValue *id = object.any("id");
    if (id && id->int64 != static_cast<int64_t>(i))
      diags.error(id->loc, "'id' must be the node's place in the list, " +
                               llvm::Twine(i));
  }

  Operation *readParent(ObjectReader &object, size_t i,
                        ArrayRef<Operation *> nodes) {
    const JsonValue *parent = object.any("parent");
    if (i == 0) {
      if (!parent || parent->kind == JsonValue::Kind::Null)
        return *file.mapping;
      diags.error(parent->loc, "the first node is the root and has no parent; "
                               "leave it out, or give null");
      return nullptr;
    }
    if (!parent)
      return checkParent(nodes.back(), i - 1, object.places().object);
    if (parent->kind != JsonValue::Kind::Number || !parent->int64 ||
        *parent->int64 < 0 || *parent->int64 >= static_cast<int64_t>(i)) {
      diags.error(parent->loc, "'parent' must be the number of an earlier "
                               "node, from 0 to " +
                                   llvm::Twine(i - 1));
      return nullptr;
    }
    return checkParent(nodes[*parent->int64], *parent->int64, parent->loc);
  }

  /// Null, with an error, if a node can have no children. One that could not be
  /// read has its own error.
  Operation *checkParent(Operation *parent, int64_t id,
                         const SourceLocation &loc) {
    if (!parent || parent->getNumRegions() == 1)
      return parent;
    diags.error(loc, "node " + llvm::Twine(id) + " is a '" +
                         parent->getName().stripDialect() +
                         "', which has no nodes below it");
    return nullptr;
  }

  Operation *readNode(ObjectReader &object, const SourceLocation &at) {
    object.require("node");
    const JsonValue *kind = object.get("node", JsonValue::Kind::String);
    if (!kind)
      return nullptr;
    Location loc = locOf(at);
    StringRef name = kind->string;
    if (name == "temporal" || name == "spatial")
      return readLoop(object, name, loc);
    if (name == "storage")
      return readStorage(object, loc);
    if (name == "sequence")
      return builder.create<SequenceOp>(loc);
    if (name == "pipeline")
      return readPipeline(object, loc);
    if (name == "compute")
      return readLeaf(object, loc);
    if (name == "transfer")
      return readTransfer(object, loc);
    std::vector<std::string> names = {"temporal", "spatial",  "storage",
                                      "sequence", "pipeline", "compute",
                                      "transfer"};
    diags.error(kind->loc, "unknown node '" + name + "'; there are " +
                               llvm::join(names, ", ") +
                               didYouMean(name, names));
    return nullptr;
  }

  std::optional<int64_t> number(ObjectReader &object, StringRef key,
                                int64_t least = 1) {
    const JsonValue *value = object.any(key);
    return value ? readNumber(*value, key, least) : std::nullopt;
  }

  std::vector<std::string> names(ObjectReader &object, StringRef key) {
    std::vector<std::string> list;
    object.require(key);
    if (const JsonValue *value = object.get(key, JsonValue::Kind::Array))
      for (const JsonValue &name : value->elements)
        if (checkKind(name, JsonValue::Kind::String, "a name in '" + key + "'"))
          list.push_back(name.string);
    return list;
  }

  std::string requiredName(ObjectReader &object, StringRef key) {
    object.require(key);
    return readName(object, key);
  }

  Operation *readLoop(ObjectReader &object, StringRef kind, Location loc) {
    std::string rank = requiredName(object, "rank");
    object.require("tile");
    int64_t tile = number(object, "tile").value_or(1);
    if (kind == "temporal")
      return builder.create<TemporalOp>(loc, rank, tile);
    std::string dim = requiredName(object, "across");
    return builder.create<SpatialOp>(loc, rank, tile, dim);
  }

  Operation *readStorage(ObjectReader &object, Location loc) {
    std::string level = requiredName(object, "level");
    std::vector<std::string> tensors = names(object, "tensors");
    SmallVector<StringRef> views(tensors.begin(), tensors.end());
    auto storage = builder.create<StorageOp>(loc, level, views);
    if (auto buffers = number(object, "buffers"))
      storage.setBuffers(*buffers);
    if (auto resident = number(object, "resident"))
      storage.setResident(*resident);
    if (object.boolean("shared"))
      storage.setShared(true);
    if (object.boolean("passthrough"))
      storage.setPassthrough(true);
    readStream(object, storage);
    if (std::string halo = readName(object, "halo"); !halo.empty())
      storage.setHalo(halo);
    return storage;
  }

  void readStream(ObjectReader &object, StorageOp storage) {
    std::string stream = readName(object, "stream");
    std::optional<int64_t> depth = number(object, "depth");
    if (stream.empty() == !depth) {
      if (depth) {
        storage.setStream(stream);
        storage.setDepth(*depth);
      }
      return;
    }
    diags.error(object.places().of(depth ? "depth" : "stream"),
                "'stream' and 'depth' go together: the rank, and how many "
                "steps of it are held");
  }

  Operation *readPipeline(ObjectReader &object, Location loc) {
    SmallVector<int64_t> lags;
    const JsonValue *list = object.get("lags", JsonValue::Kind::Array);
    if (list)
      for (const JsonValue &lag : list->elements)
        lags.push_back(readNumber(lag, "lag", 0).value_or(0));
    auto pipeline = builder.create<PipelineOp>(loc, lags);
    if (list && list->elements.empty())
      pipeline.removeLagsAttr();
    return pipeline;
  }

  Operation *readLeaf(ObjectReader &object, Location loc) {
    std::string einsum = requiredName(object, "einsum");
    std::string array = requiredName(object, "array");
    bool chained = object.boolean("chained");
    return builder.create<LeafOp>(loc, einsum, array, chained);
  }

  Operation *readTransfer(ObjectReader &object, Location loc) {
    std::vector<std::string> tensors = names(object, "tensors");
    std::string engine = requiredName(object, "engine");
    SmallVector<StringRef> views(tensors.begin(), tensors.end());
    return builder.create<TransferOp>(loc, views, engine);
  }

  OpBuilder builder;
  Diagnostics &diags;
  Parameters parameters;
  ScheduleFile file;
};

} // namespace

std::optional<ScheduleFile>
einsum::exporting::readSchedule(const JsonValue &json, MLIRContext *context,
                                Diagnostics &diags) {
  return Reader(context, diags).read(json);
}
