//===- SlopeSchedule.cpp - A point of a ski slope as a schedule -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/SlopeSchedule.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::mapper;
using namespace einsum::schedule;

arch::ArchSpec einsum::mapper::makeTwoLevelArch(const CascadeFacts &facts,
                                                uint64_t nearBytes) {
  arch::ArchSpec arch;
  arch.name = "two-level";
  arch.clockHz = 1e9;
  arch::Level far, near;
  far.name = "far";
  near.name = "near";
  near.parent = 0;
  near.capacityBytes = nearBytes;
  arch.levels = {far, near};
  arch::Array unit;
  unit.name = "unit";
  unit.level = 1;
  for (const EinsumFact &einsum : facts.einsums)
    for (const auto &[name, count] : einsum.operators)
      unit.ops[name] = {};
  unit.opsByDatatype[""] = unit.ops; // any datatype
  for (const EinsumFact &einsum : facts.einsums)
    unit.opsByDatatype[einsum.datatype] = unit.ops;
  arch.arrays = {unit};
  return arch;
}

namespace {

class ScheduleBuilder {
public:
  ScheduleBuilder(CascadeOp cascade, const CascadeFacts &facts)
      : facts(facts), builder(cascade.getContext()), loc(cascade.getLoc()) {}

  MappingOp build(CascadeOp cascade, ArrayRef<SlopeConfig> groups,
                  StringRef name) {
    builder.setInsertionPointAfter(cascade);
    auto mapping = builder.create<MappingOp>(
        loc, builder.getStringAttr(name),
        FlatSymbolRefAttr::get(cascade.getSymNameAttr()),
        builder.getStringAttr("two-level"));
    mapping.getBody().emplaceBlock();
    descend(mapping);
    llvm::SmallVector<int, 8> far;
    for (const SlopeConfig &group : groups)
      for (const SlopeHold &hold : group.holds)
        if (hold.isFar && !llvm::is_contained(far, hold.tensor))
          far.push_back(hold.tensor);
    store("far", far);
    if (groups.size() > 1)
      descend(builder.create<SequenceOp>(loc));
    Block *block = builder.getInsertionBlock();
    for (const SlopeConfig &group : groups) {
      builder.setInsertionPointToEnd(block);
      buildGroup(group);
    }
    return mapping;
  }

private:
  void descend(Operation *op) {
    builder.setInsertionPointToEnd(&op->getRegion(0).front());
  }

  StorageOp store(StringRef level, ArrayRef<int> tensors) {
    if (tensors.empty())
      return {};
    SmallVector<StringRef> names;
    for (int tensor : tensors)
      names.push_back(facts.tensors[tensor].name);
    auto op = builder.create<StorageOp>(loc, level, names);
    descend(op);
    return op;
  }

  void loop(int rank, int64_t tile, SmallVectorImpl<int64_t> &tiles) {
    if (tiles[rank] == tile)
      return;
    tiles[rank] = tile;
    descend(builder.create<TemporalOp>(loc, facts.ranks[rank].name, tile));
  }

  /// Tensors that one space holds in turn, last first.
  static SmallVector<int> chainInto(const SlopeConfig &config, int last) {
    SmallVector<int> chain = {last};
    for (size_t i = 0; i < chain.size(); ++i)
      for (const SlopeHold &hold : config.holds)
        if (hold.overwrittenBy == chain[i])
          chain.push_back(hold.tensor);
    return chain;
  }

  void holdAt(const SlopeConfig &config, int depth) {
    SmallVector<int> alone;
    for (const SlopeHold &hold : config.holds) {
      if (hold.depth != depth || hold.overwrittenBy >= 0)
        continue;
      SmallVector<int> chain = chainInto(config, hold.tensor);
      if (chain.size() == 1)
        alone.push_back(hold.tensor);
      else
        store("near", chain).setShared(true);
    }
    store("near", alone);
  }

  void buildGroup(const SlopeConfig &config) {
    SmallVector<int64_t> tiles;
    for (const RankFact &rank : facts.ranks)
      tiles.push_back(rank.extent);
    holdAt(config, 0);
    for (auto [i, shared] : llvm::enumerate(config.loops)) {
      loop(shared.rank, shared.tile, tiles);
      holdAt(config, i + 1);
    }
    if (config.einsums.size() > 1)
      descend(builder.create<SequenceOp>(loc));
    Block *block = builder.getInsertionBlock();
    for (int einsum : config.einsums) {
      builder.setInsertionPointToEnd(block);
      buildPhase(config, einsum, tiles);
    }
  }

  void buildPhase(const SlopeConfig &config, int einsum,
                  SmallVector<int64_t> tiles) {
    for (const SlopeStream &stream : orderStreams(facts, config, einsum)) {
      for (int rank : stream.loops)
        loop(rank, 1, tiles);
      store("near", stream.tensor);
    }
    for (int rank : facts.einsums[einsum].ranks)
      loop(rank, 1, tiles);
    builder.create<LeafOp>(loc, facts.einsums[einsum].name, "unit");
  }

  const CascadeFacts &facts;
  OpBuilder builder;
  Location loc;
};

} // namespace

MappingOp einsum::mapper::buildSchedule(CascadeOp cascade,
                                        const CascadeFacts &facts,
                                        ArrayRef<SlopeConfig> groups,
                                        StringRef name) {
  return ScheduleBuilder(cascade, facts).build(cascade, groups, name);
}
