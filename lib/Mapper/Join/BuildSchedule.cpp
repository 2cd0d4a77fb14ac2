//===- BuildSchedule.cpp - The loop tree of a plan ------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The nests of a plan are merged: a run of Einsums that share one more loop is
// one child of a sequence. Below d shared loops stand, outermost first: the
// homes of fused tensors and shared holders, the sequence, and in each child
// the holders of its Einsums at depth d and the next loop.
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Join/Plan.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"

#include <map>

using namespace mlir;
using namespace einsum;
using namespace einsum::mapper;

namespace {

class ScheduleBuilder {
public:
  ScheduleBuilder(CascadeOp cascade, const CascadeFacts &facts,
                  const arch::ArchSpec &arch, const PlanStep &last)
      : cascade(cascade), facts(facts), arch(arch),
        builder(cascade.getContext()), loc(cascade.getLoc()) {
    for (const PlanStep *step = &last; step; step = step->previous.get())
      steps.insert(steps.begin(), step);
    for (const PlanStep *step : steps)
      llvm::append_range(homes, step->place->homes);
  }

  schedule::MappingOp run(StringRef name) {
    builder.setInsertionPointAfter(cascade);
    auto mapping = builder.create<schedule::MappingOp>(
        loc, name, cascade.getSymName(), arch.name);
    enter(mapping->getRegion(0));
    holdBacking();
    buildRun(0, steps.size(), 0);
    return mapping;
  }

private:
  void enter(Region &body) {
    if (body.empty())
      body.emplaceBlock();
    builder.setInsertionPointToEnd(&body.front());
  }

  void hold(int level, ArrayRef<int> tensors, StringRef halo = "") {
    if (tensors.empty())
      return;
    SmallVector<StringRef> names;
    for (int tensor : tensors)
      names.push_back(facts.tensors[tensor].name);
    auto storage = builder.create<schedule::StorageOp>(
        loc, arch.levels[level].name, names);
    if (!halo.empty())
      storage.setHalo(halo);
    enter(storage->getRegion(0));
  }

  void holdBacking() {
    SmallVector<int> tensors;
    for (int tensor = 0; tensor < static_cast<int>(facts.tensors.size());
         ++tensor)
      if (llvm::none_of(homes, [&](const Home &h) {
            return h.tensor == tensor && !h.isHolder;
          }))
        tensors.push_back(tensor);
    hold(0, tensors);
  }

  void loop(int rank, int64_t tile) {
    enter(
        builder.create<schedule::TemporalOp>(loc, facts.ranks[rank].name, tile)
            ->getRegion(0));
  }

  /// Steps [begin, end) below `depth` shared loops.
  void buildRun(size_t begin, size_t end, size_t depth) {
    holdHomes(begin, end, depth);
    // Children: maximal runs that share one more loop.
    SmallVector<std::pair<size_t, size_t>> children;
    for (size_t i = begin; i < end;) {
      size_t next = i + 1;
      while (next < end && steps[next]->place->keep > static_cast<int>(depth))
        ++next;
      children.push_back({i, next});
      i = next;
    }
    if (children.size() == 1)
      return buildChild(begin, end, depth);
    Operation *split;
    if (steps[begin]->place->pipelineDepth == static_cast<int>(depth)) {
      SmallVector<int64_t> lags;
      for (auto [first, last] : children)
        lags.push_back(steps[first]->place->lag);
      split = builder.create<schedule::PipelineOp>(loc, lags);
    } else {
      split = builder.create<schedule::SequenceOp>(loc);
    }
    if (split->getRegion(0).empty())
      split->getRegion(0).emplaceBlock();
    for (auto [first, last] : children) {
      builder.setInsertionPointToEnd(&split->getRegion(0).front());
      buildChild(first, last, depth);
    }
  }

  void holdHomes(size_t begin, size_t end, size_t depth) {
    // What asks stands around what is asked for.
    std::map<int, SmallVector<int>> byLevel;
    for (size_t i = end; i-- > begin;)
      for (const Home &home : steps[i]->place->homes)
        if (home.depth == static_cast<int>(depth) && home.halo != Halo::none)
          hold(home.level, {home.tensor},
               home.halo == Halo::retained ? "retained" : "recomputed");
    for (size_t i = begin; i < end; ++i)
      for (const Home &home : steps[i]->place->homes)
        if (home.depth == static_cast<int>(depth) && home.halo == Halo::none)
          byLevel[home.level].push_back(home.tensor);
    for (auto &[level, tensors] : byLevel)
      hold(level, tensors);
  }

  void buildChild(size_t begin, size_t end, size_t depth) {
    if (end - begin == 1 && steps[begin]->place->loops.size() <= depth)
      return buildNest(*steps[begin], depth);
    for (size_t i = begin; i < end; ++i)
      for (const SharedHold &one : steps[i]->place->holds)
        if (one.depth == static_cast<int>(depth))
          hold(one.level,
               {steps[i]->place->fact->operands[one.operand].tensor});
    const SharedLoop &next = steps[begin]->place->loops[depth];
    loop(next.rank, next.tile);
    buildRun(begin, end, depth + 1);
  }

  void buildNest(const PlanStep &step, size_t) {
    const PlanPlace &place = *step.place;
    const EinsumOnArray &nest = *place.fact;
    SmallVector<int64_t, 8> at;
    for (const LocalRank &rank : nest.ranks)
      at.push_back(rank.isFollowing() ? rank.tiles[1] : rank.extent);
    for (const SharedLoop &shared : place.loops)
      if (int rank = nest.findRank(shared.rank); rank >= 0)
        at[rank] = shared.tile;
    uint8_t within = place.order.within;
    for (const NestNode &node : place.search->listNodes(step.nest, at)) {
      SmallVector<int> ranks;
      for (size_t rank = 0; rank < node.tiles.size(); ++rank)
        if (node.tiles[rank] != at[rank])
          ranks.push_back(static_cast<int>(rank));
      for (int rank : inOrder(*place.search, within, ranks))
        loop(nest.ranks[rank].rank, at[rank] = node.tiles[rank]);
      if (node.step->kind == NestStep::Kind::hold)
        within = llvm::find(nest.path, node.step->level) - nest.path.begin();
      addNode(nest, node, at);
    }
  }

  /// As given, but where the user wants some inside others.
  static SmallVector<int> inOrder(const NestSearch &search, uint8_t within,
                                  SmallVector<int> ranks) {
    SmallVector<int> sorted;
    while (!ranks.empty()) {
      auto *next = llvm::find_if(ranks, [&](int outer) {
        return llvm::all_of(ranks, [&](int inner) {
          return search.mayStandInside(within, outer, inner);
        });
      });
      next = next == ranks.end() ? ranks.begin() : next;
      sorted.push_back(*next);
      ranks.erase(next);
    }
    return sorted;
  }

  void addNode(const EinsumOnArray &nest, const NestNode &node,
               SmallVectorImpl<int64_t> &at) {
    switch (node.step->kind) {
    case NestStep::Kind::latch:
      return; // where loops stand says it
    case NestStep::Kind::hold:
      return hold(node.step->level, {nest.operands[node.step->operand].tensor});
    case NestStep::Kind::deal:
      for (const Deal &deal : node.deals) {
        const Fan &fan = nest.fans[deal.fan];
        at[deal.rank] = deal.chunk ? deal.chunk : at[deal.rank] / deal.units;
        enter(builder
                  .create<schedule::SpatialOp>(
                      loc, facts.ranks[nest.ranks[deal.rank].rank].name,
                      at[deal.rank], arch.arrays[nest.array].dims[fan.dim].name)
                  ->getRegion(0));
      }
      return;
    case NestStep::Kind::leaf:
      builder.create<schedule::LeafOp>(loc, facts.einsums[nest.einsum].name,
                                       arch.arrays[nest.array].name);
      return;
    }
  }

  CascadeOp cascade;
  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  OpBuilder builder;
  Location loc;
  std::vector<const PlanStep *> steps;
  std::vector<Home> homes;
};

} // namespace

schedule::MappingOp mapper::buildSchedule(CascadeOp cascade,
                                          const CascadeFacts &facts,
                                          const arch::ArchSpec &arch,
                                          const PlanStep &last,
                                          StringRef name) {
  return ScheduleBuilder(cascade, facts, arch, last).run(name);
}
