//===- LoopTree.cpp - A schedule prepared for evaluation ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/LoopTree.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::cost;

bool Node::isGuardedBy(int loop) const {
  return llvm::any_of(guards, [&](const auto &g) { return g.first == loop; });
}

void LoopTree::tilesAt(int node, SmallVectorImpl<int64_t> &tiles) const {
  tiles.assign(facts->ranks.size(), 0);
  for (int i = node; i >= 0; i = nodes[i].parent)
    if (nodes[i].isLoop() && tiles[nodes[i].rank] == 0)
      tiles[nodes[i].rank] = nodes[i].tile;
  for (auto [tile, rank] : llvm::zip(tiles, facts->ranks))
    if (tile == 0)
      tile = rank.extent;
}

int LoopTree::updateSteps() {
  for (auto [i, node] : llvm::enumerate(nodes)) {
    if (!node.isLoop())
      continue;
    int64_t around =
        node.outer < 0 ? facts->ranks[node.rank].extent : nodes[node.outer].tile;
    if (node.tile < 1 || around % node.tile != 0)
      return static_cast<int>(i);
    node.steps = around / node.tile;
  }
  return -1;
}

namespace {

class TreeBuilder {
public:
  TreeBuilder(const CascadeFacts &facts, const arch::ArchSpec &arch)
      : facts(facts), arch(arch) {
    tree.facts = &facts;
    tree.arch = &arch;
  }

  FailureOr<LoopTree> build(schedule::MappingOp mapping) {
    for (Operation *child : schedule::getChildren(mapping))
      if (failed(addNode(child, -1)))
        return failure();
    if (int loop = tree.updateSteps(); loop >= 0)
      return tree.nodes[loop].op->emitError()
             << "tile " << tree.nodes[loop].tile << " of rank '"
             << facts.ranks[tree.nodes[loop].rank].name
             << "' does not divide the tile around it";
    for (int leaf : tree.leaves)
      if (failed(priceLeaf(leaf)))
        return failure();
    resolveGuards();
    resolveLeafAccesses();
    resolveStorage();
    resolvePipelines();
    resolveDrains();
    return std::move(tree);
  }

private:
  //===--------------------------------------------------------------------===//
  // Nodes
  //===--------------------------------------------------------------------===//

  LogicalResult addNode(Operation *op, int parent) {
    int id = tree.nodes.size();
    tree.nodes.emplace_back();
    tree.nodes[id].op = op;
    tree.nodes[id].parent = parent;
    if (parent >= 0)
      tree.nodes[parent].children.push_back(id);
    if (failed(describe(op, tree.nodes[id], id)))
      return failure();
    for (Operation *child : schedule::getChildren(op))
      if (failed(addNode(child, id)))
        return failure();
    tree.nodes[id].end = tree.nodes.size();
    return success();
  }

  LogicalResult describe(Operation *op, Node &node, int id) {
    if (auto temporal = dyn_cast<schedule::TemporalOp>(op))
      return describeLoop(node, NodeKind::temporal, temporal.getRank(),
                          temporal.getTile());
    if (auto spatial = dyn_cast<schedule::SpatialOp>(op))
      return describeLoop(node, NodeKind::spatial, spatial.getRank(), spatial.getTile());
    if (auto storage = dyn_cast<schedule::StorageOp>(op))
      return describeStorage(storage, node);
    if (auto leaf = dyn_cast<schedule::LeafOp>(op))
      return describeLeaf(leaf, node, id);
    node.kind = isa<schedule::PipelineOp>(op) ? NodeKind::pipeline : NodeKind::sequence;
    return success();
  }

  LogicalResult describeLoop(Node &node, NodeKind kind, StringRef rank, int64_t tile) {
    node.kind = kind;
    node.rank = facts.findRank(rank);
    node.tile = tile;
    if (node.rank < 0)
      return node.op->emitError() << "cascade '" << facts.name << "' has no rank '"
                                  << rank << "'";
    for (int i = node.parent; i >= 0 && node.outer < 0; i = tree.nodes[i].parent)
      if (tree.nodes[i].isLoop() && tree.nodes[i].rank == node.rank)
        node.outer = i;
    return success();
  }

  LogicalResult describeStorage(schedule::StorageOp op, Node &node) {
    node.kind = NodeKind::storage;
    node.level = arch.findLevel(op.getLevel());
    if (node.level < 0)
      return op.emitError() << "architecture '" << arch.name << "' has no level '"
                            << op.getLevel() << "'; it has "
                            << llvm::join(llvm::map_range(arch.levels,
                                                          [](const arch::Level &level) {
                                                            return level.name;
                                                          }),
                                          ", ");
    for (Attribute name : op.getTensors()) {
      HeldTensor held;
      held.tensor = facts.findTensor(cast<StringAttr>(name).getValue());
      if (held.tensor < 0)
        return op.emitError() << "cascade '" << facts.name << "' has no tensor " << name;
      node.held.push_back(held);
    }
    node.buffers = op.getBuffers().value_or(1);
    node.resident = op.getResident().value_or(-1);
    node.shared = op.getShared();
    node.passthrough = op.getPassthrough();
    if (op.getStream()) {
      node.streamRank = facts.findRank(*op.getStream());
      node.streamDepth = op.getDepth().value_or(1);
    }
    return success();
  }

  LogicalResult describeLeaf(schedule::LeafOp op, Node &node, int id) {
    node.kind = NodeKind::leaf;
    node.einsum = facts.findEinsum(op.getEinsum());
    node.array = arch.findArray(op.getArray());
    if (node.einsum < 0)
      return op.emitError() << "cascade '" << facts.name << "' has no Einsum '"
                            << op.getEinsum() << "'";
    if (node.array < 0)
      return op.emitError() << "architecture '" << arch.name << "' has no array '"
                            << op.getArray() << "'; it has "
                            << llvm::join(llvm::map_range(arch.arrays,
                                                          [](const arch::Array &array) {
                                                            return array.name;
                                                          }),
                                          ", ");
    tree.leaves.push_back(id);
    for (int i = node.parent; i >= 0; i = tree.nodes[i].parent)
      if (tree.nodes[i].isLoop())
        node.path.push_back(i);
    std::reverse(node.path.begin(), node.path.end());
    return checkUnits(op, node);
  }

  LogicalResult checkUnits(schedule::LeafOp op, const Node &leaf) {
    const arch::Array &array = arch.arrays[leaf.array];
    for (int i : leaf.path) {
      auto spatial = dyn_cast<schedule::SpatialOp>(tree.nodes[i].op);
      if (!spatial)
        continue;
      auto dim = llvm::find_if(array.dims, [&](const arch::ArrayDim &d) {
        return d.name == spatial.getDim();
      });
      if (dim == array.dims.end())
        return spatial.emitError() << "array '" << array.name << "' has no dimension '"
                                   << spatial.getDim() << "'";
      const Node &loop = tree.nodes[i];
      int64_t around = loop.outer < 0 ? facts.ranks[loop.rank].extent
                                      : tree.nodes[loop.outer].tile;
      if (loop.tile >= 1 && around / loop.tile > static_cast<int64_t>(dim->size)) {
        InFlightDiagnostic diag = spatial.emitError()
                                  << "needs " << around / loop.tile << " units along '"
                                  << dim->name << "' of array '" << array.name
                                  << "', which has " << dim->size;
        diag.attachNote(op.getLoc()) << "for Einsum '" << op.getEinsum() << "' here";
        return diag;
      }
    }
    return success();
  }

  //===--------------------------------------------------------------------===//
  // Operators
  //===--------------------------------------------------------------------===//

  LogicalResult priceLeaf(int id) {
    Node &leaf = tree.nodes[id];
    const EinsumFact &einsum = facts.einsums[leaf.einsum];
    const arch::Array &array = arch.arrays[leaf.array];
    bool chained = cast<schedule::LeafOp>(leaf.op).getChained();
    for (const auto &[name, count] : einsum.operators) {
      SmallVector<const arch::OpCost *, 2> costs;
      if (const arch::OpCost *cost = array.findOp(name, einsum.datatype))
        costs.push_back(cost);
      else if (name == "mac")
        costs = {array.findOp("mul", einsum.datatype), array.findOp("add", einsum.datatype)};
      if (costs.empty() || llvm::is_contained(costs, nullptr))
        return refuseOperator(leaf, einsum, array, name);
      for (const arch::OpCost *cost : costs) {
        uint64_t cycles = cost->cycles * count;
        leaf.cyclesPerPoint =
            chained ? std::max(leaf.cyclesPerPoint, cycles) : leaf.cyclesPerPoint + cycles;
        leaf.energyPerPoint += cost->energyPj * count;
      }
    }
    return success();
  }

  LogicalResult refuseOperator(const Node &leaf, const EinsumFact &einsum,
                               const arch::Array &array, StringRef name) {
    bool otherType = array.findOp(name) != nullptr;
    InFlightDiagnostic diag = leaf.op->emitError()
                              << "array '" << array.name << "' has no operator '" << name
                              << "'";
    if (otherType)
      diag << " for " << einsum.datatype;
    diag << ", which Einsum '" << einsum.name << "' needs; it has "
         << llvm::join(llvm::make_first_range(array.ops), ", ");
    diag.attachNote(einsum.op->getLoc()) << "the Einsum is defined here";
    return diag;
  }

  //===--------------------------------------------------------------------===//
  // Relations
  //===--------------------------------------------------------------------===//

  int leafOf(int einsum) const {
    for (int leaf : tree.leaves)
      if (tree.nodes[leaf].einsum == einsum)
        return leaf;
    return -1;
  }

  /// Facts list producers first, so a producer's guards are known in time.
  void resolveGuards() {
    for (auto [id, einsum] : llvm::enumerate(facts.einsums)) {
      int leafId = leafOf(id);
      if (leafId < 0)
        continue;
      Node &leaf = tree.nodes[leafId];
      for (int loop : leaf.path) {
        if (einsum.iterates(tree.nodes[loop].rank))
          continue;
        bool last = llvm::any_of(einsum.reads, [&](const AccessFact &read) {
          return producedUnder(loop, read.tensor);
        });
        leaf.guards.push_back({loop, last ? schedule::Guard::last : schedule::Guard::first});
        (last ? tree.nodes[loop].guardsLast : tree.nodes[loop].guardsFirst) = true;
      }
    }
  }

  /// True if `tensor` is complete only when `loop` ends.
  bool producedUnder(int loop, int tensor) const {
    int producer = facts.tensors[tensor].producer;
    int leaf = producer < 0 ? -1 : leafOf(producer);
    if (leaf < 0 || !tree.contains(loop, leaf))
      return false;
    if (facts.einsums[producer].iterates(tree.nodes[loop].rank))
      return true;
    return llvm::is_contained(tree.nodes[leaf].guards,
                              std::pair(loop, schedule::Guard::last));
  }

  /// Nearest storage node above `node` that holds `tensor` and is charged.
  std::pair<int, int> findStorage(int node, int tensor) const {
    for (int i = tree.nodes[node].parent; i >= 0; i = tree.nodes[i].parent)
      for (auto [h, held] : llvm::enumerate(tree.nodes[i].held))
        if (held.tensor == tensor && !tree.nodes[i].passthrough)
          return {i, static_cast<int>(h)};
    return {-1, -1};
  }

  void resolveLeafAccesses() {
    for (int leafId : tree.leaves) {
      Node &leaf = tree.nodes[leafId];
      const EinsumFact &einsum = facts.einsums[leaf.einsum];
      auto add = [&](const AccessFact &access, bool isWrite) {
        LeafAccess use;
        use.access = &access;
        use.isWrite = isWrite;
        std::tie(use.storage, use.held) = findStorage(leafId, access.tensor);
        use.inRegisters =
            use.storage >= 0 &&
            tree.isRegisterFileOf(tree.nodes[use.storage].level, leaf.array);
        leaf.accesses.push_back(use);
      };
      for (const AccessFact &read : einsum.reads)
        add(read, false);
      for (const AccessFact &write : einsum.writes)
        if (!facts.tensors[write.tensor].name.empty())
          add(write, true);
    }
  }

  void resolveStorage() {
    for (auto [id, node] : llvm::enumerate(tree.nodes))
      for (HeldTensor &held : node.held)
        resolveHeld(id, held);
  }

  void resolveHeld(int id, HeldTensor &held) {
    const TensorFact &tensor = facts.tensors[held.tensor];
    SmallVector<int> users; // leaves below that touch the tensor
    bool usedOutside = tensor.isOutput, producedBelow = false;
    for (int leafId : tree.leaves) {
      const Node &leaf = tree.nodes[leafId];
      bool below = tree.contains(id, leafId);
      for (const LeafAccess &use : leaf.accesses) {
        if (use.access->tensor != held.tensor)
          continue;
        usedOutside |= !below && !use.isWrite;
        if (!below)
          continue;
        producedBelow |= use.isWrite;
        held.accesses.push_back(use.access);
        if (users.empty() || users.back() != leafId)
          users.push_back(leafId);
      }
    }
    held.parent = findStorage(id, held.tensor).first;
    held.fill = held.parent >= 0 && !producedBelow;
    held.drain = held.parent >= 0 && producedBelow && usedOutside;
    if (!users.empty())
      held.einsum = tree.nodes[users.front()].einsum;
    resolveHeldLoops(id, held, users, producedBelow);
  }

  void resolveHeldLoops(int id, HeldTensor &held, ArrayRef<int> users,
                        bool producedBelow) {
    const TensorFact &tensor = facts.tensors[held.tensor];
    for (int i = tree.nodes[id].parent; i >= 0; i = tree.nodes[i].parent) {
      const Node &loop = tree.nodes[i];
      bool entersOnce = llvm::all_of(
          users, [&](int leaf) { return tree.nodes[leaf].isGuardedBy(i); });
      if (!loop.isLoop() || entersOnce)
        continue;
      if (loop.kind == NodeKind::spatial && i > held.parent)
        held.spatialBetween.push_back(i);
      else
        held.loops.push_back(i);
      if (producedBelow && facts.einsums[tensor.producer].reduces(loop.rank))
        held.reductionLoops.push_back(i);
    }
  }

  /// Slots for which a tile stays live in the pipeline right below its node.
  void resolvePipelines() {
    for (auto [id, node] : llvm::enumerate(tree.nodes)) {
      if (node.kind != NodeKind::pipeline)
        continue;
      auto op = cast<schedule::PipelineOp>(node.op);
      for (auto [i, child] : llvm::enumerate(node.children)) {
        tree.nodes[child].lag = op.getLag(i);
        for (int leaf : tree.leaves)
          if (tree.contains(child, leaf))
            tree.nodes[child].array = tree.nodes[leaf].array;
      }
      for (int i = node.parent; i >= 0; i = tree.nodes[i].parent) {
        if (tree.nodes[i].kind != NodeKind::storage)
          break;
        for (HeldTensor &held : tree.nodes[i].held)
          held.slots = liveSlots(node, held.tensor);
      }
    }
  }

  int64_t liveSlots(const Node &pipeline, int tensor) const {
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (int child : pipeline.children)
      for (int leaf : tree.leaves)
        if (tree.contains(child, leaf))
          for (const LeafAccess &use : tree.nodes[leaf].accesses)
            if (use.access->tensor == tensor) {
              first = std::min(first, tree.nodes[child].lag);
              last = std::max(last, tree.nodes[child].lag);
            }
    return first > last ? 1 : last - first + 1;
  }

  void resolveDrains() {
    for (Node &node : tree.nodes) {
      if (node.kind != NodeKind::sequence)
        continue;
      for (size_t i = 0; i + 1 < node.children.size(); ++i)
        node.drains.push_back(drainLoops(node.children[i], node.children[i + 1]));
    }
  }

  /// Spatial loops that reduce in `before` what `after` reads on another array.
  SmallVector<int, 2> drainLoops(int before, int after) const {
    SmallVector<int, 2> loops;
    for (int consumerId : tree.leaves) {
      const Node &consumer = tree.nodes[consumerId];
      if (!tree.contains(after, consumerId))
        continue;
      for (const LeafAccess &use : consumer.accesses) {
        int producer = facts.tensors[use.access->tensor].producer;
        int producerId = use.isWrite || producer < 0 ? -1 : leafOf(producer);
        if (producerId < 0 || !tree.contains(before, producerId) ||
            tree.nodes[producerId].array == consumer.array)
          continue;
        for (int loop : tree.nodes[producerId].path)
          if (tree.nodes[loop].kind == NodeKind::spatial &&
              facts.einsums[producer].reduces(tree.nodes[loop].rank) &&
              !llvm::is_contained(loops, loop))
            loops.push_back(loop);
      }
    }
    return loops;
  }

  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  LoopTree tree;
};

} // namespace

FailureOr<LoopTree> einsum::cost::buildLoopTree(schedule::MappingOp mapping,
                                                const CascadeFacts &facts,
                                                const arch::ArchSpec &arch) {
  return TreeBuilder(facts, arch).build(mapping);
}
