//===- Space.cpp - How much every level holds at most ---------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/Space.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::sim;

namespace {

struct Moment {
  int node = -1; ///< a leaf or a pipeline
  std::vector<uint64_t> bytes;
};

class SpaceMeter {
public:
  SpaceMeter(const Program &program, const Plan &plan,
             const arch::ArchSpec &arch)
      : program(program), plan(plan), arch(arch), levels(arch.levels.size()) {}

  std::vector<Moment> moments(int id) const {
    const Node &node = program.nodes[id];
    if (node.kind == NodeKind::transfer)
      return {};
    if (node.kind == NodeKind::leaf)
      return {{id, std::vector<uint64_t>(levels, 0)}};
    if (node.kind == NodeKind::pipeline)
      return {together(id)};
    std::vector<Moment> all;
    for (int child : node.children)
      llvm::append_range(all, moments(child));
    if (node.kind == NodeKind::storage)
      for (Moment &moment : all)
        moment.bytes[node.level] += heldAt(id, moment.node);
    return all;
  }

  std::vector<uint64_t> largest(const std::vector<Moment> &all) const {
    std::vector<uint64_t> most(levels, 0);
    for (const Moment &moment : all)
      for (size_t level = 0; level < levels; ++level)
        most[level] = std::max(most[level], moment.bytes[level]);
    return most;
  }

private:
  /// Stages contribute their own peaks.
  Moment together(int pipeline) const {
    Moment sum{pipeline, std::vector<uint64_t>(levels, 0)};
    for (int child : program.nodes[pipeline].children) {
      std::vector<uint64_t> own = largest(moments(child));
      for (size_t level = 0; level < levels; ++level)
        sum.bytes[level] += own[level];
    }
    return sum;
  }

  uint64_t heldAt(int id, int moment) const {
    const Node &node = program.nodes[id];
    uint64_t sum = 0, most = 0;
    llvm::SmallVector<int, 4> all;
    for (auto [slot, held] : llvm::enumerate(node.held)) {
      uint64_t bytes = reservedBytes(id, slot);
      most = std::max(most, bytes);
      sum += isLive(id, held.tensor, moment) ? bytes : 0;
      all.push_back(held.tensor);
    }
    if (node.shared) // one space, which is there as long as any needs it
      return isLive(id, all, moment) ? most : 0;
    return sum;
  }

  uint64_t reservedBytes(int id, int slot) const {
    const Node &node = program.nodes[id];
    const StoragePlan &storage = plan.storages[id];
    int64_t slots = node.streamRank >= 0 || node.shared ? 1 : slotsOf(id, slot);
    int64_t copies =
        arch.accounting.singleBuffers ? 1 : std::max(node.buffers, slots);
    return storage.held[slot].reserved * unitsOf(id) * copies;
  }

  /// Units that hold a tile each, used or not; of a level that exists several
  /// times, all instances reserve what the fullest needs.
  uint64_t unitsOf(int id) const {
    const arch::Level &level = arch.levels[program.nodes[id].level];
    uint64_t units = 1;
    for (const arch::ArrayDim &dim : level.dims)
      units *= dim.size;
    std::map<int, std::vector<int>> loopsOver; // outermost first
    for (int i = program.nodes[id].parent; i >= 0; i = program.nodes[i].parent)
      if (program.nodes[i].isLoop()) {
        std::vector<int> &loops = loopsOver[program.nodes[i].rank];
        loops.insert(loops.begin(), i);
      }
    for (const auto &[rank, loops] : loopsOver)
      units *= unitsIn(level, loops);
    return units;
  }

  /// Parts that the loops over one rank deal out inside one instance, of a
  /// full one.
  uint64_t unitsIn(const arch::Level &level,
                   const std::vector<int> &loops) const {
    std::map<int64_t, uint64_t> parts = {
        {program.nodes[loops.front()].asked, 1}};
    for (int id : loops) {
      const Node &loop = program.nodes[id];
      bool across = llvm::any_of(level.dims, [&](const arch::ArrayDim &dim) {
        return dim.name == loop.dim;
      });
      std::map<int64_t, uint64_t> inner;
      for (auto [size, count] : parts) {
        if (loop.kind == NodeKind::temporal || across) {
          inner[std::min(size, loop.tile)] += count;
          continue;
        }
        if (size >= loop.tile)
          inner[loop.tile] += count * static_cast<uint64_t>(size / loop.tile);
        if (size % loop.tile)
          inner[size % loop.tile] += count;
      }
      parts = std::move(inner);
    }
    uint64_t units = 0;
    for (auto [size, count] : parts)
      units += count;
    return units;
  }

  /// Slots between the first and the last stage that touches the tensor, if
  /// only storage nodes lie between the node and its pipeline.
  int64_t slotsOf(int id, int slot) const {
    int below = program.nodes[id].children.front();
    while (program.nodes[below].kind == NodeKind::storage)
      below = program.nodes[below].children.front();
    const Node &pipeline = program.nodes[below];
    if (pipeline.kind != NodeKind::pipeline)
      return 1;
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (auto [child, lag] : llvm::zip(pipeline.children, pipeline.lags))
      if (program.occupies(child, program.nodes[id].held[slot].tensor)) {
        first = std::min(first, lag);
        last = std::max(last, lag);
      }
    return first > last ? 1 : last - first + 1;
  }

  /// From the first to the last child of a sequence that touches one of the
  /// tensors, as far down as only storage nodes and loops with one step lead
  /// there.
  bool isLive(int id, llvm::ArrayRef<int> tensors, int moment) const {
    if (program.nodes[id].halo == Halo::retained)
      return true;
    bool checkStart = true, checkEnd = true;
    int below = program.nodes[id].children.front();
    while (below != moment) {
      const Node &node = program.nodes[below];
      if (node.kind == NodeKind::storage ||
          (node.isLoop() && node.mostSteps() == 1)) {
        below = node.children.front();
        continue;
      }
      if (node.kind != NodeKind::sequence)
        return true;
      int first = -1, last = -1, at = -1;
      for (auto [i, child] : llvm::enumerate(node.children)) {
        if (program.isBelow(moment, child))
          at = i;
        bool occupied = false;
        for (int tensor : tensors)
          occupied |= program.occupies(child, tensor);
        if (!occupied)
          continue;
        first = first < 0 ? i : first;
        last = i;
      }
      if ((checkStart && at < first) || (checkEnd && at > last) || first < 0)
        return false;
      checkStart &= at == first;
      checkEnd &= at == last;
      if (!checkStart && !checkEnd)
        return true;
      below = node.children[at];
    }
    return true;
  }

  const Program &program;
  const Plan &plan;
  const arch::ArchSpec &arch;
  size_t levels;
};

} // namespace

std::vector<uint64_t> einsum::sim::measurePeaks(const Program &program,
                                                const Plan &plan,
                                                const arch::ArchSpec &arch) {
  SpaceMeter meter(program, plan, arch);
  return meter.largest(meter.moments(0));
}
