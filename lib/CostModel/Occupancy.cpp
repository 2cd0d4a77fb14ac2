//===- Occupancy.cpp - What a schedule holds at once ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A storage node reserves the largest tile of any visit, from the first to the
// last child of a sequence that touches the tensor; dead tensors free their
// space. Children of a sequence take turns, so the largest sum counts; stages
// of a pipeline are live together, so they add up.
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/Model.h"

#include "lib/CostModel/TileComponent.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::cost;

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

namespace {

/// Along an iterative rank walked below, only carried steps are held; along a
/// stream, as many as it is deep.
struct Window {
  int rank = -1;
  int64_t steps = INT64_MAX;
};

} // namespace

static llvm::SmallVector<Window, 2> windowsOf(const LoopTree &tree, int id,
                                              const HeldTensor &held) {
  llvm::SmallVector<Window, 2> windows;
  const Node &node = tree.nodes[id];
  const TensorFact &tensor = tree.facts->tensors[held.tensor];
  bool isWalked = false;
  for (int i = id + 1; i < node.end; ++i)
    isWalked |= tree.nodes[i].kind == NodeKind::temporal &&
                tree.nodes[i].rank == tensor.iterativeRank &&
                tree.nodes[i].steps > 1;
  if (tensor.iterativeRank >= 0 && isWalked)
    windows.push_back({tensor.iterativeRank, tensor.carriedSteps});
  if (node.streamRank >= 0)
    windows.push_back({node.streamRank, node.streamDepth});
  return windows;
}

/// The elements of a tile whose accesses differ at most along windowed ranks
/// and which no constraint cuts: a product of spans.
static std::optional<uint64_t>
productOfSpans(const LoopTree &tree, int id, const HeldTensor &held,
               llvm::ArrayRef<Window> windows,
               llvm::SmallVectorImpl<int64_t> &tiles, Counter &counter) {
  const TensorFact &tensor = tree.facts->tensors[held.tensor];
  auto isWindowed = [&](int rank) {
    return llvm::any_of(windows,
                        [&](const Window &w) { return w.rank == rank; });
  };
  const AccessFact &first = *held.uses.front().access;
  for (const Use &use : held.uses) {
    if (!tree.facts->einsums[tree.nodes[use.leaf].einsum].domain.empty())
      return std::nullopt;
    for (auto [rank, a, b] :
         llvm::zip(tensor.ranks, first.coordinates, use.access->coordinates)) {
      if (isWindowed(rank))
        continue;
      AffineForm difference = a.form();
      difference.add(b.form(), -1);
      if (!difference.isConstant() || difference.constant != 0)
        return std::nullopt;
    }
  }
  tree.tilesAt(id, tiles);
  uint64_t words = 1;
  for (auto [k, rank] : llvm::enumerate(tensor.ranks)) {
    uint64_t span = 1;
    for (const Use &use : held.uses)
      if (!use.access->coordinates[k].terms.empty())
        span = std::max(span, spanOf(use.access->coordinates[k], tiles));
    span = std::min<uint64_t>(span, tree.facts->ranks[rank].extent);
    for (const Window &window : windows)
      if (window.rank == rank)
        span = std::min<uint64_t>(span, window.steps);
    words = counter.mul(words, span);
  }
  return words;
}

void einsum::cost::computeReservations(const LoopTree &tree, Queries &queries,
                                       Scratch &scratch) {
  scratch.reserved.assign(queries.tiles.size(), 0);
  for (auto [i, tile] : llvm::enumerate(queries.tiles)) {
    const Node &node = tree.nodes[tile.node];
    const HeldTensor &held = node.held[tile.held];
    uint64_t &words = scratch.reserved[i];
    if (held.uses.empty()) {
      words = tree.facts->tensors[held.tensor].elements;
      continue;
    }
    llvm::SmallVector<Window, 2> windows = windowsOf(tree, tile.node, held);
    if (auto product = productOfSpans(tree, tile.node, held, windows,
                                      scratch.tiles, scratch.counter)) {
      words = *product;
      continue;
    }
    llvm::SmallVector<std::pair<int, int64_t>, 2> limits;
    for (const Window &window : windows)
      limits.push_back({window.rank, window.steps});
    std::optional<uint64_t> largest =
        tile.query.largest(limits, scratch.counter);
    if (!largest && scratch.unanswered < 0)
      scratch.unanswered = tile.node;
    words = largest.value_or(0);
  }
}

//===----------------------------------------------------------------------===//
// Lifetimes
//===----------------------------------------------------------------------===//

namespace {

class OccupancyCounter {
public:
  OccupancyCounter(const LoopTree &tree, const Queries &queries,
                   Scratch &scratch)
      : tree(tree), facts(*tree.facts), queries(queries), scratch(scratch),
        levels(tree.arch->levels.size()) {}

  void run() {
    peaks.assign(tree.nodes.size() * levels, 0);
    constant.assign(tree.nodes.size() * levels, 0);
    for (size_t first = 0; first < queries.tiles.size();) {
      size_t end = first + 1;
      while (end < queries.tiles.size() &&
             queries.tiles[end].node == queries.tiles[first].node)
        ++end;
      reserve(first, end);
      first = end;
    }
    for (int id = tree.nodes.size() - 1; id >= 0; --id)
      combine(id);
  }

  uint64_t peak(size_t level) const { return peaks[level]; }

  /// Bytes that one tensor takes at a storage node on one unit.
  uint64_t heldBytes(size_t tile) const {
    const Node &node = tree.nodes[queries.tiles[tile].node];
    const HeldTensor &held = node.held[queries.tiles[tile].held];
    uint64_t words = scratch.reserved[tile];
    if (node.resident >= 0)
      words = std::min<uint64_t>(words, node.resident);
    int64_t slots = node.streamRank >= 0 || node.shared ? 1 : held.slots;
    uint64_t copies = std::max<int64_t>(node.buffers, slots);
    if (tree.arch->accounting.singleBuffers)
      copies = 1;
    return scratch.counter.mul(facts.tensors[held.tensor].bytes(words), copies);
  }

private:
  struct Life {
    int node;        ///< sequence, or any node that is live throughout
    int first, last; ///< children of the sequence
    size_t level;
    uint64_t bytes;
  };

  /// Tiles [first, end) of one storage node.
  void reserve(size_t first, size_t end) {
    int id = queries.tiles[first].node;
    const Node &node = tree.nodes[id];
    uint64_t units = 1;
    for (int i = node.parent; i >= 0; i = tree.nodes[i].parent)
      if (tree.nodes[i].kind == NodeKind::spatial)
        units = scratch.counter.mul(units, tree.nodes[i].steps);
    if (node.shared) {
      uint64_t largest = 0;
      for (size_t tile = first; tile < end; ++tile)
        largest = std::max(largest, heldBytes(tile));
      scratch.counter.add(constant[id * levels + node.level],
                          scratch.counter.mul(largest, units));
      return;
    }
    for (size_t tile = first; tile < end; ++tile) {
      Life life{id, 0, 0, static_cast<size_t>(node.level),
                scratch.counter.mul(heldBytes(tile), units)};
      if (node.halo != Halo::retained)
        shorten(life, node.held[queries.tiles[tile].held].tensor);
      if (tree.nodes[life.node].kind == NodeKind::sequence)
        lives.push_back(life);
      else
        scratch.counter.add(constant[life.node * levels + life.level],
                            life.bytes);
    }
  }

  bool touches(int subtree, int tensor) const {
    for (int id = subtree; id < tree.nodes[subtree].end; ++id) {
      for (const LeafAccess &access : tree.nodes[id].accesses)
        if (access.use.access->tensor == tensor)
          return true;
      if (auto transfer =
              llvm::dyn_cast<schedule::TransferOp>(tree.nodes[id].op))
        for (mlir::Attribute name : transfer.getTensors())
          if (llvm::cast<mlir::StringAttr>(name).getValue() ==
              facts.tensors[tensor].name)
            return true;
    }
    return false;
  }

  /// Follows storage nodes and loops of one step down to the first sequence,
  /// and into its only child that touches the tensor.
  void shorten(Life &life, int tensor) const {
    int id = life.node;
    while (true) {
      const Node &node = tree.nodes[id];
      bool passes =
          node.kind == NodeKind::storage || (node.isLoop() && node.steps == 1);
      if (passes && node.children.size() == 1) {
        id = node.children.front();
        continue;
      }
      if (node.kind != NodeKind::sequence)
        return;
      int first = -1, last = -1;
      for (auto [i, child] : llvm::enumerate(node.children))
        if (touches(child, tensor)) {
          first = first < 0 ? i : first;
          last = i;
        }
      if (first < 0)
        return;
      life.node = id;
      life.first = first;
      life.last = last;
      if (first != last)
        return;
      id = life.node = node.children[first];
      if (tree.nodes[id].kind == NodeKind::sequence) {
        life.first = 0;
        life.last = tree.nodes[id].children.size() - 1;
      }
    }
  }

  void combine(int id) {
    const Node &node = tree.nodes[id];
    for (size_t level = 0; level < levels; ++level) {
      uint64_t below = 0;
      for (auto [i, child] : llvm::enumerate(node.children)) {
        uint64_t one = peaks[child * levels + level];
        if (node.kind == NodeKind::sequence)
          for (const Life &life : lives)
            if (life.node == id && life.level == level &&
                life.first <= static_cast<int>(i) &&
                static_cast<int>(i) <= life.last)
              scratch.counter.add(one, life.bytes);
        if (node.kind == NodeKind::pipeline)
          scratch.counter.add(below, one);
        else
          below = std::max(below, one);
      }
      scratch.counter.add(below, constant[id * levels + level]);
      peaks[id * levels + level] = below;
    }
  }

  const LoopTree &tree;
  const CascadeFacts &facts;
  const Queries &queries;
  Scratch &scratch;
  size_t levels;
  std::vector<uint64_t> peaks, constant;
  std::vector<Life> lives;
};

} // namespace

static std::string describeTile(const LoopTree &tree, int id,
                                const HeldTensor &held) {
  llvm::SmallVector<int64_t> tiles;
  tree.tilesAt(id, tiles);
  const CascadeFacts &facts = *tree.facts;
  std::string text = facts.tensors[held.tensor].name + " tile [";
  for (auto [i, rank] : llvm::enumerate(facts.tensors[held.tensor].ranks))
    text += (i ? ", " : "") + facts.ranks[rank].name + "=" +
            std::to_string(tiles[rank]);
  return text + "]";
}

void einsum::cost::computeOccupancy(const LoopTree &tree,
                                    const Queries &queries, Scratch &scratch,
                                    Evaluation &result,
                                    std::vector<CapacityViolation> &violations,
                                    llvm::SmallVectorImpl<int> &violatedAt) {
  OccupancyCounter counter(tree, queries, scratch);
  counter.run();
  for (auto [i, level] : llvm::enumerate(tree.arch->levels)) {
    uint64_t peak = counter.peak(i);
    result.levels[i].peakBytes = peak;
    if (!level.capacityBytes)
      continue;
    uint64_t available = *level.capacityBytes * tree.arch->instances(level);
    if (peak <= available)
      continue;
    CapacityViolation violation{level.name, peak, available, {}};
    uint64_t largest = 0;
    int where = 0;
    for (auto [t, tile] : llvm::enumerate(queries.tiles)) {
      const Node &node = tree.nodes[tile.node];
      if (node.level != static_cast<int>(i))
        continue;
      uint64_t bytes = counter.heldBytes(t);
      violation.tiles.emplace_back(
          describeTile(tree, tile.node, node.held[tile.held]), bytes);
      if (bytes > largest) {
        largest = bytes;
        where = tile.node;
      }
    }
    llvm::sort(violation.tiles, [](const auto &a, const auto &b) {
      return std::pair(b.second, a.first) < std::pair(a.second, b.first);
    });
    violations.push_back(std::move(violation));
    violatedAt.push_back(where);
  }
}
