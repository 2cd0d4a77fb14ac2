//===- Occupancy.cpp - What a schedule holds at once ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A storage node occupies its level while control is below it. Children of a
// sequence take turns, so the largest counts; stages of a pipeline are live
// together, so they add up.
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/Model.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::cost;

namespace {

class OccupancyCounter {
public:
  OccupancyCounter(const LoopTree &tree, Scratch &scratch)
      : tree(tree), facts(*tree.facts), scratch(scratch),
        levels(tree.arch->levels.size()) {}

  /// Bytes that one tensor takes at a storage node, copies included.
  uint64_t heldBytes(int id, const Node &node, const HeldTensor &held) {
    tree.tilesAt(id, scratch.tiles);
    if (node.streamRank >= 0) {
      int64_t &tile = scratch.tiles[node.streamRank];
      tile = std::min(tile, node.streamDepth);
    }
    uint64_t words =
        tileWords(facts, held.tensor, held.accesses, scratch.tiles, /*carried=*/true);
    if (node.resident >= 0)
      words = std::min<uint64_t>(words, node.resident);
    int64_t slots = node.streamRank >= 0 || node.shared ? 1 : held.slots;
    return facts.tensors[held.tensor].bytes(words) * std::max(node.buffers, slots);
  }

  uint64_t nodeBytes(int id, const Node &node) {
    uint64_t bytes = 0;
    for (const HeldTensor &held : node.held) {
      uint64_t own = heldBytes(id, node, held);
      bytes = node.shared ? std::max(bytes, own) : bytes + own;
    }
    // A node inside spatial loops is there once per unit.
    for (int i = node.parent; i >= 0; i = tree.nodes[i].parent)
      if (tree.nodes[i].kind == NodeKind::spatial)
        bytes *= tree.nodes[i].steps;
    return bytes;
  }

  void run() {
    scratch.occupancy.assign(tree.nodes.size() * levels, 0);
    for (int id = tree.nodes.size() - 1; id >= 0; --id) {
      const Node &node = tree.nodes[id];
      if (node.kind == NodeKind::storage)
        at(id, node.level) += nodeBytes(id, node);
      if (node.parent < 0)
        continue;
      bool together = tree.nodes[node.parent].kind == NodeKind::pipeline;
      for (size_t level = 0; level < levels; ++level) {
        uint64_t &above = at(node.parent, level);
        above = together ? above + at(id, level) : std::max(above, at(id, level));
      }
    }
  }

  uint64_t &at(int node, size_t level) { return scratch.occupancy[node * levels + level]; }

private:
  const LoopTree &tree;
  const CascadeFacts &facts;
  Scratch &scratch;
  size_t levels;
};

} // namespace

static std::string describeTile(const LoopTree &tree, int id, const HeldTensor &held) {
  llvm::SmallVector<int64_t> tiles;
  tree.tilesAt(id, tiles);
  const CascadeFacts &facts = *tree.facts;
  std::string text = facts.tensors[held.tensor].name + " tile [";
  for (auto [i, rank] : llvm::enumerate(facts.tensors[held.tensor].ranks))
    text += (i ? ", " : "") + facts.ranks[rank].name + "=" + std::to_string(tiles[rank]);
  return text + "]";
}

void einsum::cost::computeOccupancy(const LoopTree &tree, Scratch &scratch,
                                    Evaluation &result,
                                    std::vector<CapacityViolation> &violations,
                                    llvm::SmallVectorImpl<int> &violatedAt) {
  OccupancyCounter counter(tree, scratch);
  counter.run();
  for (auto [i, level] : llvm::enumerate(tree.arch->levels)) {
    uint64_t peak = counter.at(0, i);
    result.levels[i].peakBytes = peak;
    if (!level.capacityBytes)
      continue;
    uint64_t available = *level.capacityBytes * tree.arch->instances(level);
    if (peak <= available)
      continue;
    CapacityViolation violation{level.name, peak, available, {}};
    uint64_t largest = 0;
    int where = 0;
    for (auto [id, node] : llvm::enumerate(tree.nodes)) {
      if (node.kind != NodeKind::storage || node.level != static_cast<int>(i))
        continue;
      for (const HeldTensor &held : node.held) {
        uint64_t bytes = counter.heldBytes(id, node, held);
        violation.tiles.emplace_back(describeTile(tree, id, held), bytes);
        if (bytes > largest) {
          largest = bytes;
          where = id;
        }
      }
    }
    llvm::sort(violation.tiles, [](const auto &a, const auto &b) {
      return std::pair(b.second, a.first) < std::pair(a.second, b.first);
    });
    violations.push_back(std::move(violation));
    violatedAt.push_back(where);
  }
}
