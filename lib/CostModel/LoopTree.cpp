//===- LoopTree.cpp - A schedule prepared for evaluation ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/LoopTree.h"

#include "lib/Analysis/NameIndex.h"

#include "lib/Analysis/RunningValues.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::cost;

bool Node::isGuardedBy(int loop) const {
  return llvm::any_of(guards, [&](const auto &g) { return g.first == loop; });
}

/// Largest extent of what readers ask for while ranks have these sizes.
static int64_t demandedSize(const Demand &demand, ArrayRef<int64_t> tiles,
                            int64_t extent) {
  int64_t low = INT64_MAX, high = INT64_MIN;
  for (const Coordinate *reader : demand.readers) {
    int64_t least = reader->constant, greatest = reader->constant;
    for (const Coordinate::Term &term : reader->terms) {
      int64_t reach = term.coefficient * (tiles[term.rank] - 1);
      (reach > 0 ? greatest : least) += reach;
    }
    low = std::min(low, least);
    high = std::max(high, greatest);
  }
  return std::clamp<int64_t>(high - low + 1, 1, extent);
}

void LoopTree::tilesAt(int node, SmallVectorImpl<int64_t> &tiles) const {
  tiles.assign(facts->ranks.size(), 0);
  if (!hasDemands) {
    for (int i = node; i >= 0; i = nodes[i].parent)
      if (nodes[i].isLoop() && tiles[nodes[i].rank] == 0)
        tiles[nodes[i].rank] = std::min(nodes[i].tile, nodes[i].around);
    for (auto [tile, rank] : llvm::zip(tiles, facts->ranks))
      if (tile == 0)
        tile = rank.extent;
    return;
  }
  for (auto [tile, rank] : llvm::zip(tiles, facts->ranks))
    tile = rank.extent;
  SmallVector<int, 24> path;
  for (int i = node; i >= 0; i = nodes[i].parent)
    path.push_back(i);
  for (int i : llvm::reverse(path)) {
    const Node &step = nodes[i];
    if (step.isLoop())
      tiles[step.rank] = std::min(tiles[step.rank], step.tile);
    for (const Demand &demand : step.demands)
      tiles[demand.rank] =
          demandedSize(demand, tiles, facts->ranks[demand.rank].extent);
  }
}

static llvm::ArrayRef<int> within(llvm::ArrayRef<int> nodes, int first,
                                  int end) {
  const int *from = llvm::lower_bound(nodes, first);
  return {from, std::lower_bound(from, nodes.end(), end)};
}

llvm::ArrayRef<int> LoopTree::leavesBelow(int node) const {
  return within(leaves, node, nodes[node].end);
}

llvm::ArrayRef<int> LoopTree::touchesWithin(int tensor, int first,
                                            int end) const {
  return within(touchesOf[tensor], first, end);
}

int LoopTree::updateSteps() {
  perfect = !hasDemands;
  SmallVector<int64_t> tiles;
  for (auto [i, node] : llvm::enumerate(nodes)) {
    if (!node.isLoop())
      continue;
    if (hasDemands) {
      tilesAt(node.parent, tiles);
      node.around = tiles[node.rank];
    } else {
      node.around = node.outer < 0 ? facts->ranks[node.rank].extent
                                   : std::min(nodes[node.outer].tile,
                                              nodes[node.outer].around);
    }
    node.fullAround = node.outer < 0 ? facts->ranks[node.rank].extent
                                     : std::min(nodes[node.outer].tile,
                                                nodes[node.outer].fullAround);
    node.tile = std::min(node.given, std::max(node.around, node.fullAround));
    node.steps = llvm::divideCeil(node.around, node.tile);
    node.fullSteps = llvm::divideCeil(node.fullAround, node.tile);
    perfect &= node.around % node.tile == 0;
  }
  for (int leaf : leaves)
    if (int loop = placeUnits(leaf); loop >= 0)
      return loop;
  return -1;
}

/// Loops across one dimension are digits of the unit's number.
int LoopTree::placeUnits(int leaf) {
  const SmallVectorImpl<int> &path = nodes[leaf].path;
  for (size_t at = path.size(); at-- > 0;) {
    Node &loop = nodes[path[at]];
    if (loop.units == 0)
      continue;
    loop.stride = 1;
    for (int inner : llvm::ArrayRef(path).drop_front(at + 1))
      if (nodes[inner].units != 0 && nodes[inner].dim == loop.dim) {
        loop.stride =
            nodes[inner].stride * static_cast<uint64_t>(nodes[inner].steps);
        break;
      }
    if (static_cast<uint64_t>(loop.steps) > loop.units / loop.stride)
      return path[at];
  }
  return -1;
}

namespace {

class TreeBuilder {
public:
  TreeBuilder(const CascadeFacts &facts, const arch::ArchSpec &arch)
      : facts(facts), arch(arch), tensors(facts.tensors),
        einsums(facts.einsums) {
    tree.facts = &facts;
    tree.arch = &arch;
  }

  FailureOr<LoopTree> build(schedule::MappingOp mapping) {
    for (Operation *child : schedule::getChildren(mapping))
      if (failed(addNode(child, -1)))
        return failure();
    holdersOf.resize(facts.tensors.size());
    for (auto [id, node] : llvm::enumerate(tree.nodes))
      for (auto [index, held] : llvm::enumerate(node.held))
        if (!node.passthrough)
          holdersOf[held.tensor].push_back(
              {static_cast<int>(id), static_cast<int>(index)});
    leafOfEinsum.assign(facts.einsums.size(), -1);
    readersOf.resize(facts.einsums.size());
    for (int leaf : tree.leaves) {
      if (failed(priceLeaf(leaf)))
        return failure();
      indexLeaf(leaf);
    }
    resolveGuards();
    resolveLeafAccesses();
    if (failed(checkRegisters()))
      return failure();
    resolveStorage();
    resolveDemands();
    if (int loop = tree.updateSteps(); loop >= 0)
      return refuseUnits(tree, loop);
    resolveTransfers(mapping);
    resolvePipelines();
    resolveDrains();
    findUnevenSteps();
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
      return describeLoop(node, NodeKind::spatial, spatial.getRank(),
                          spatial.getTile());
    if (auto storage = dyn_cast<schedule::StorageOp>(op))
      return describeStorage(storage, node);
    if (auto leaf = dyn_cast<schedule::LeafOp>(op))
      return describeLeaf(leaf, node, id);
    if (auto transfer = dyn_cast<schedule::TransferOp>(op))
      return describeTransfer(transfer, node);
    node.kind =
        isa<schedule::PipelineOp>(op) ? NodeKind::pipeline : NodeKind::sequence;
    return success();
  }

  LogicalResult describeLoop(Node &node, NodeKind kind, StringRef rank,
                             int64_t tile) {
    node.kind = kind;
    node.rank = facts.findRank(rank);
    node.given = node.tile = tile;
    if (node.rank < 0)
      return node.op->emitError()
             << "cascade '" << facts.name << "' has no rank '" << rank << "'";
    for (int i = node.parent; i >= 0 && node.outer < 0;
         i = tree.nodes[i].parent)
      if (tree.nodes[i].isLoop() && tree.nodes[i].rank == node.rank)
        node.outer = i;
    return success();
  }

  LogicalResult describeStorage(schedule::StorageOp op, Node &node) {
    node.kind = NodeKind::storage;
    node.level = arch.findLevel(op.getLevel());
    if (node.level < 0)
      return op.emitError()
             << "architecture '" << arch.name << "' has no level '"
             << op.getLevel() << "'; it has "
             << llvm::join(llvm::map_range(arch.levels,
                                           [](const arch::Level &level) {
                                             return level.name;
                                           }),
                           ", ");
    for (Attribute name : op.getTensors()) {
      HeldTensor held;
      held.tensor = tensors.find(cast<StringAttr>(name).getValue());
      if (held.tensor < 0)
        return op.emitError()
               << "cascade '" << facts.name << "' has no tensor " << name;
      node.held.push_back(held);
    }
    node.buffers = op.getBuffers().value_or(1);
    node.resident = op.getResident().value_or(-1);
    node.halo = llvm::StringSwitch<Halo>(op.getHalo().value_or("refetched"))
                    .Case("retained", Halo::retained)
                    .Case("recomputed", Halo::recomputed)
                    .Default(Halo::refetched);
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
    node.einsum = einsums.find(op.getEinsum());
    node.array = arch.findArray(op.getArray());
    if (node.einsum < 0)
      return op.emitError() << "cascade '" << facts.name << "' has no Einsum '"
                            << op.getEinsum() << "'";
    if (node.array < 0)
      return op.emitError()
             << "architecture '" << arch.name << "' has no array '"
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
    return checkUnits(node);
  }

  LogicalResult describeTransfer(schedule::TransferOp op, Node &node) {
    node.kind = NodeKind::transfer;
    node.engine = arch.findEngine(op.getEngine());
    if (node.engine >= 0)
      return success();
    return op.emitError()
           << "architecture '" << arch.name << "' has no DMA engine '"
           << op.getEngine() << "'; it has "
           << (arch.engines.empty()
                   ? "none"
                   : llvm::join(llvm::map_range(arch.engines,
                                                [](const arch::Engine &engine) {
                                                  return engine.name;
                                                }),
                                ", "));
  }

  LogicalResult checkUnits(const Node &leaf) {
    const arch::Array &array = arch.arrays[leaf.array];
    for (int i : leaf.path) {
      auto spatial = dyn_cast<schedule::SpatialOp>(tree.nodes[i].op);
      if (!spatial)
        continue;
      auto dim = llvm::find_if(array.dims, [&](const arch::ArrayDim &d) {
        return d.name == spatial.getDim();
      });
      if (dim == array.dims.end())
        return spatial.emitError()
               << "array '" << array.name << "' has no dimension '"
               << spatial.getDim() << "'";
      tree.nodes[i].units = dim->size;
      tree.nodes[i].dim = spatial.getDim();
      tree.nodes[i].dimLevel = dim->level;
      if (failed(checkInstances(i)))
        return failure();
    }
    return success();
  }

  /// What a level holds in one of its instances, units of another do not reach.
  LogicalResult checkInstances(int loop) {
    const Node &spatial = tree.nodes[loop];
    if (spatial.dimLevel < 0)
      return success();
    for (int i = spatial.parent; i >= 0; i = tree.nodes[i].parent) {
      if (tree.nodes[i].kind != NodeKind::storage)
        continue;
      const arch::Level &level = arch.levels[tree.nodes[i].level];
      bool isAcross = llvm::any_of(level.dims, [&](const arch::ArrayDim &dim) {
        return dim.level == spatial.dimLevel && dim.name == spatial.dim;
      });
      if (!isAcross)
        continue;
      InFlightDiagnostic diag =
          tree.nodes[i].op->emitError()
          << "level '" << level.name << "' has one instance per '"
          << spatial.dim
          << "', so its tiles must stand below the loop across it";
      diag.attachNote(spatial.op->getLoc()) << "the loop is here";
      return diag;
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
    std::map<std::string, uint64_t> operators = einsum.operators;
    if (arch.accounting.onePerPoint)
      operators = {{"compute", 1}};
    for (const auto &[name, count] : operators) {
      SmallVector<const arch::OpCost *, 2> costs;
      if (const arch::OpCost *cost = array.findOp(name, einsum.datatype))
        costs.push_back(cost);
      else if (name == "mac")
        costs = {array.findOp("mul", einsum.datatype),
                 array.findOp("add", einsum.datatype)};
      if (costs.empty() || llvm::is_contained(costs, nullptr))
        return refuseOperator(leaf, einsum, array, name);
      double energy = 0;
      for (const arch::OpCost *cost : costs) {
        uint64_t cycles = cost->cycles * count;
        leaf.cyclesPerPoint = chained ? std::max(leaf.cyclesPerPoint, cycles)
                                      : leaf.cyclesPerPoint + cycles;
        leaf.latencyBeyond += cost->latency - cost->cycles;
        energy += cost->energyPj * count;
      }
      leaf.energyPerPoint += energy;
      leaf.operators.push_back({name, count, energy});
    }
    return success();
  }

  LogicalResult refuseOperator(const Node &leaf, const EinsumFact &einsum,
                               const arch::Array &array, StringRef name) {
    bool otherType = array.findOp(name) != nullptr;
    InFlightDiagnostic diag = leaf.op->emitError()
                              << "array '" << array.name
                              << "' has no operator '" << name << "'";
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

  void indexLeaf(int id) {
    int einsum = tree.nodes[id].einsum;
    if (leafOfEinsum[einsum] < 0)
      leafOfEinsum[einsum] = id;
    for (const AccessFact &read : facts.einsums[einsum].reads) {
      int producer = facts.tensors[read.tensor].producer;
      if (producer >= 0 &&
          (readersOf[producer].empty() || readersOf[producer].back() != id))
        readersOf[producer].push_back(id);
    }
  }

  int leafOf(int einsum) const { return leafOfEinsum[einsum]; }

  /// Section 1, guards: as schedule::resolveLeaves has it, but from numbers.
  void resolveGuards() {
    for (int id : tree.leaves) {
      Node &leaf = tree.nodes[id];
      for (int loop : leaf.path)
        if (!facts.einsums[leaf.einsum].iterates(tree.nodes[loop].rank) &&
            !isDemandedBelow(loop, id))
          leaf.guards.push_back({loop, schedule::Guard::first});
    }
    for (int id : tree.leaves)
      for (int loop : tree.nodes[id].path)
        if (!tree.nodes[id].isGuardedBy(loop) && !isDemandedBelow(loop, id))
          guardReaders(id, loop);
    for (int id : tree.leaves)
      for (auto [loop, guard] : tree.nodes[id].guards)
        (guard == schedule::Guard::last ? tree.nodes[loop].guardsLast
                                        : tree.nodes[loop].guardsFirst) = true;
    for (int id : tree.leaves)
      setDirections(id);
  }

  /// True if a node with a halo between the loop and the leaf holds what it
  /// makes: then the loop does not guard the leaf.
  bool isDemandedBelow(int loop, int leaf) const {
    for (int i = tree.nodes[leaf].parent; i > loop; i = tree.nodes[i].parent)
      if (tree.nodes[i].halo != Halo::refetched)
        for (const HeldTensor &held : tree.nodes[i].held)
          if (facts.tensors[held.tensor].producer == tree.nodes[leaf].einsum)
            return true;
    return false;
  }

  /// Readers below the loop of what is complete in its last step only run in
  /// that, and so do their readers.
  void guardReaders(int complete, int loop) {
    llvm::SmallVector<int> work = {complete};
    while (!work.empty())
      for (int id : readersOf[tree.nodes[work.pop_back_val()].einsum]) {
        Node &reader = tree.nodes[id];
        auto guard =
            llvm::find(reader.guards, std::pair(loop, schedule::Guard::first));
        if (guard == reader.guards.end())
          continue;
        guard->second = schedule::Guard::last;
        work.push_back(id);
      }
  }

  /// A loop goes down if a recurrence that is computed below does.
  void setDirections(int id) {
    const Node &leaf = tree.nodes[id];
    for (const AccessFact &write : facts.einsums[leaf.einsum].writes) {
      const TensorFact &tensor = facts.tensors[write.tensor];
      if (!tensor.hasInitialValue || stepDirection(facts, write.tensor) >= 0)
        continue;
      for (int loop : leaf.path)
        tree.nodes[loop].descends |=
            tree.nodes[loop].rank == tensor.iterativeRank;
    }
  }

  /// Nearest storage node above `node` that holds `tensor` and is charged.
  std::pair<int, int> findStorage(int node, int tensor) const {
    if (tensor >= 0)
      for (auto [holder, index] : llvm::reverse(holdersOf[tensor]))
        if (holder < node && tree.contains(holder, node))
          return {holder, index};
    return {-1, -1};
  }

  void resolveLeafAccesses() {
    for (int leafId : tree.leaves) {
      Node &leaf = tree.nodes[leafId];
      const EinsumFact &einsum = facts.einsums[leaf.einsum];
      auto add = [&](const AccessFact &access, bool isWrite) {
        LeafAccess use;
        use.use = {leafId, &access, isWrite};
        std::tie(use.storage, use.held) = findStorage(leafId, access.tensor);
        use.inRegisters =
            use.storage >= 0 &&
            tree.isRegisterFileOf(tree.nodes[use.storage].level, leaf.array);
        leaf.accesses.push_back(use);
      };
      for (const AccessFact &read : einsum.reads)
        add(read, false);
      for (const AccessFact &write : einsum.writes)
        add(write, true);
    }
    indexTensors();
  }

  /// The parts of a tile that are not in the registers would be read from
  /// further out while the rest is read here, at every point.
  LogicalResult checkRegisters() {
    for (int leafId : tree.leaves)
      for (const LeafAccess &access : tree.nodes[leafId].accesses) {
        if (!access.inRegisters || tree.nodes[access.storage].resident < 0)
          continue;
        InFlightDiagnostic diag =
            tree.nodes[access.storage].op->emitError()
            << "unsupported: 'resident' in the registers of array '"
            << arch.arrays[tree.nodes[leafId].array].name
            << "'; hold whole tiles there, or a part of them at a level "
               "further out";
        diag.attachNote(tree.nodes[leafId].op->getLoc())
            << "Einsum '" << facts.einsums[tree.nodes[leafId].einsum].name
            << "' uses '" << facts.tensors[access.use.access->tensor].name
            << "' from them";
        return diag;
      }
    return success();
  }

  void indexTensors() {
    tree.accessesOf.resize(facts.tensors.size());
    tree.touchesOf.resize(facts.tensors.size());
    for (auto [id, node] : llvm::enumerate(tree.nodes)) {
      auto touch = [&, id = static_cast<int>(id)](int tensor) {
        auto &all = tree.touchesOf[tensor];
        if (all.empty() || all.back() != id)
          all.push_back(id);
      };
      for (auto [a, access] : llvm::enumerate(node.accesses)) {
        tree.accessesOf[access.use.access->tensor].push_back(
            {static_cast<int>(id), static_cast<int>(a)});
        touch(access.use.access->tensor);
      }
      if (auto transfer = dyn_cast<schedule::TransferOp>(node.op))
        for (auto name : transfer.getTensors().getAsRange<StringAttr>())
          if (int tensor = tensors.find(name.getValue()); tensor >= 0)
            touch(tensor);
    }
  }

  void resolveStorage() {
    for (auto [id, node] : llvm::enumerate(tree.nodes))
      for (HeldTensor &held : node.held)
        resolveHeld(id, held);
  }

  void resolveHeld(int id, HeldTensor &held) {
    const auto &accesses = tree.accessesOf[held.tensor];
    for (auto at = llvm::lower_bound(accesses, std::pair(id, 0));
         at != accesses.end() && tree.contains(id, at->first); ++at) {
      const LeafAccess &access = tree.nodes[at->first].accesses[at->second];
      held.uses.push_back(access.use);
      held.isProducedBelow |= access.use.isWrite;
    }
    held.parent = findStorage(id, held.tensor).first;
    if (!held.uses.empty())
      held.einsum = tree.nodes[held.uses.front().leaf].einsum;
  }

  /// Ranks of what a node produces on demand: those that readers ask for by an
  /// expression of their own ranks.
  void resolveDemands() {
    for (Node &node : tree.nodes) {
      if (node.kind != NodeKind::storage || node.halo == Halo::refetched)
        continue;
      SmallVector<char, 4> done(node.held.size(), 0);
      for (size_t held = 0; held < node.held.size(); ++held)
        addDemandsAfterReaders(node, held, done);
      node.producesAnew = llvm::any_of(
          node.held, [](const HeldTensor &h) { return h.isProducedBelow; });
      tree.hasDemands |= node.producesAnew;
    }
  }

  /// What the readers of a tensor make is asked for before it.
  void addDemandsAfterReaders(Node &node, size_t index,
                              SmallVectorImpl<char> &done) {
    const HeldTensor &held = node.held[index];
    if (done[index] || !held.isProducedBelow)
      return;
    done[index] = 1;
    for (auto [other, reader] : llvm::enumerate(node.held)) {
      int producer = facts.tensors[reader.tensor].producer;
      if (producer >= 0 && reader.tensor != held.tensor &&
          llvm::any_of(facts.einsums[producer].reads,
                       [&](const AccessFact &read) {
                         return read.tensor == held.tensor;
                       }))
        addDemandsAfterReaders(node, other, done);
    }
    addDemands(node, held);
  }

  void addDemands(Node &node, const HeldTensor &held) {
    for (auto [k, rank] : llvm::enumerate(facts.tensors[held.tensor].ranks)) {
      Demand demand;
      demand.rank = rank;
      demand.tensor = held.tensor;
      demand.coordinate = k;
      bool iterated = false;
      for (const Use &use : held.uses) {
        // The producer's own earlier elements are no demand.
        if (use.isWrite ||
            tree.nodes[use.leaf].einsum == facts.tensors[held.tensor].producer)
          continue;
        iterated |= facts.einsums[tree.nodes[use.leaf].einsum].iterates(rank);
        demand.uses.push_back(use);
        demand.readers.push_back(&use.access->coordinates[k]);
        demand.forms.push_back(use.access->coordinates[k].form());
      }
      if (!iterated && !demand.readers.empty())
        node.demands.push_back(std::move(demand));
    }
  }

  void findUnevenSteps() {
    for (auto [id, node] : llvm::enumerate(tree.nodes))
      for (Demand &demand : node.demands) {
        demand.isHull = asksForHulls(id);
        tree.hasUnevenSteps |= !demand.isHull;
      }
    for (int leaf : tree.leaves)
      for (const Constraint &constraint :
           facts.einsums[tree.nodes[leaf].einsum].domain)
        tree.hasUnevenSteps |= isWalkedInUnits(leaf, constraint.form);
  }

  bool isCutAbove(int id, int rank) const {
    for (int i = tree.nodes[id].parent; i >= 0; i = tree.nodes[i].parent)
      if (tree.nodes[i].isLoop() && tree.nodes[i].rank == rank)
        return true;
    return false;
  }

  /// True if, whatever the tiles above a node, visits that follow one another
  /// ask for hulls without gaps between them and, if what is read is kept, each
  /// reads all of its hull.
  bool isWithoutGaps(int id, const Coordinate &coordinate, bool isKept) const {
    llvm::SmallVector<std::pair<int64_t, int64_t>, 4> within; // step, count
    int64_t farthest = 0;
    for (const Coordinate::Term &term : coordinate.terms) {
      int64_t step = std::abs(term.coefficient);
      if (isCutAbove(id, term.rank))
        farthest = std::max(farthest, step);
      else
        within.push_back({step, facts.ranks[term.rank].extent});
    }
    llvm::sort(within);
    int64_t reach = 1; // from the least value of a visit to the greatest
    for (auto [step, count] : within) {
      if (isKept && count > 1 && step > reach)
        return false;
      reach += step * (count - 1);
    }
    return farthest <= reach;
  }

  /// True if what readers below ask for is the hull of their coordinates over
  /// the box, in every visit: they are one tensor's, run whenever control comes
  /// by and at all points of the box, on one unit.
  bool asksForHulls(int id) const {
    const Node &node = tree.nodes[id];
    int around = node.parent; // the loop whose steps halos are kept from
    while (around >= 0 && tree.nodes[around].kind != NodeKind::temporal)
      around = tree.nodes[around].parent;
    for (int i = node.parent; i >= 0; i = tree.nodes[i].parent)
      if (tree.nodes[i].kind == NodeKind::spatial || tree.nodes[i].producesAnew)
        return false;
    bool keeps = node.halo == Halo::retained;
    if (keeps && around < 0)
      return false;
    // Along one rank each step asks for something that was not there.
    auto moves = [&](const Demand &demand) {
      return demand.uses.front().access->coordinates[demand.coordinate].uses(
          tree.nodes[around].rank);
    };
    if (keeps && llvm::count_if(node.demands, moves) != 1)
      return false;
    for (const Demand &demand : node.demands) {
      if (demand.tensor != node.demands.front().tensor ||
          (keeps && demand.uses.size() > 1))
        return false;
      for (const Use &use : demand.uses) {
        const Node &leaf = tree.nodes[use.leaf];
        if (!facts.einsums[leaf.einsum].domain.empty())
          return false;
        for (auto [loop, guard] : leaf.guards)
          if (loop < id)
            return false;
        for (int i = leaf.parent; i > id; i = tree.nodes[i].parent)
          if (tree.nodes[i].producesAnew)
            return false;
        if (!isWithoutGaps(id, use.access->coordinates[demand.coordinate],
                           keeps))
          return false;
        // ... in the same rows.
        for (auto [k, coordinate] : llvm::enumerate(use.access->coordinates))
          if (keeps && moves(demand) && k != demand.coordinate &&
              coordinate.uses(tree.nodes[around].rank))
            return false;
      }
    }
    return true;
  }

  /// True if one of the ranks is dealt to units and walked below them.
  bool isWalkedInUnits(int leaf, const AffineForm &form) const {
    for (const AffineForm::Floor &floor : form.floors)
      if (isWalkedInUnits(leaf, floor.inner))
        return true;
    ArrayRef<int> path = tree.nodes[leaf].path;
    for (int inner : path) {
      const Node &loop = tree.nodes[inner];
      if (loop.kind != NodeKind::temporal || !form.uses(loop.rank))
        continue;
      for (int outer : path)
        if (outer < inner && tree.nodes[outer].kind == NodeKind::spatial &&
            tree.nodes[outer].rank == loop.rank)
          return true;
    }
    return false;
  }

  /// A transfer makes, of each tensor it names, the fills or the drains of the
  /// tile at the nearest node above.
  void resolveTransfers(schedule::MappingOp mapping) {
    if (llvm::none_of(tree.nodes, [](const Node &node) {
          return node.kind == NodeKind::transfer;
        }))
      return;
    std::vector<schedule::Leaf> leaves =
        schedule::resolveLeaves(mapping, cast<CascadeOp>(facts.op));
    for (auto [id, node] : llvm::enumerate(tree.nodes)) {
      auto op = dyn_cast<schedule::TransferOp>(node.op);
      if (!op)
        continue;
      for (Attribute attr : op.getTensors()) {
        StringRef name = cast<StringAttr>(attr).getValue();
        auto [storage, index] = findStorage(id, tensors.find(name));
        std::optional<schedule::Moves> moves =
            schedule::findMoves(op, name, leaves);
        if (storage < 0 || !moves)
          continue;
        HeldTensor &held = tree.nodes[storage].held[index];
        (*moves == schedule::Moves::fills ? held.fillMover : held.drainMover) =
            id;
      }
    }
  }

  /// Slots for which a tile stays live in the pipeline right below its node.
  void resolvePipelines() {
    for (auto [id, node] : llvm::enumerate(tree.nodes)) {
      if (node.kind != NodeKind::pipeline)
        continue;
      auto op = cast<schedule::PipelineOp>(node.op);
      for (auto [i, child] : llvm::enumerate(node.children)) {
        Node::Stage &stage = node.stages.emplace_back();
        stage.lag = op.getLag(i);
        for (int below = child; below < tree.nodes[child].end; ++below) {
          const Node &worker = tree.nodes[below];
          if (worker.kind == NodeKind::leaf)
            stage.resource = worker.array;
          if (worker.kind == NodeKind::transfer && stage.resource < 0)
            stage.resource = arch.arrays.size() + worker.engine;
        }
      }
      numberStages(node);
      for (int i = node.parent; i >= 0; i = tree.nodes[i].parent) {
        if (tree.nodes[i].kind != NodeKind::storage)
          break;
        for (HeldTensor &held : tree.nodes[i].held)
          held.slots = liveSlots(node, held.tensor);
      }
    }
  }

  static void numberStages(Node &pipeline) {
    SmallVector<int, 4> resources;
    auto numberOf = [](auto &known, auto value) {
      auto *found = llvm::find(known, value);
      unsigned number = found - known.begin();
      if (found == known.end())
        known.push_back(value);
      return number;
    };
    for (Node::Stage &stage : pipeline.stages) {
      stage.resourceNumber = numberOf(resources, stage.resource);
      stage.lagNumber = numberOf(pipeline.lags, stage.lag);
    }
    pipeline.resources = resources.size();
    pipeline.longestLag =
        *std::max_element(pipeline.lags.begin(), pipeline.lags.end());
  }

  int64_t liveSlots(const Node &pipeline, int tensor) const {
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (auto [child, stage] : llvm::zip(pipeline.children, pipeline.stages))
      if (!tree.touchesWithin(tensor, child, tree.nodes[child].end).empty()) {
        first = std::min(first, stage.lag);
        last = std::max(last, stage.lag);
      }
    return first > last ? 1 : last - first + 1;
  }

  void resolveDrains() {
    for (Node &node : tree.nodes) {
      bool sequential =
          node.kind == NodeKind::sequence ||
          (node.kind == NodeKind::pipeline && arch.accounting.sequential);
      if (!sequential)
        continue;
      for (size_t i = 0; i + 1 < node.children.size(); ++i)
        node.drains.push_back(
            drainLoops(node.children[i], node.children[i + 1]));
    }
  }

  /// Spatial loops that reduce in `before` what `after` reads on another array.
  SmallVector<int, 2> drainLoops(int before, int after) const {
    SmallVector<int, 2> loops;
    for (int consumerId : tree.leavesBelow(after)) {
      const Node &consumer = tree.nodes[consumerId];
      for (const LeafAccess &use : consumer.accesses) {
        int producer = facts.tensors[use.use.access->tensor].producer;
        int producerId =
            use.use.isWrite || producer < 0 ? -1 : leafOf(producer);
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
  NameIndex tensors, einsums;
  LoopTree tree;
  /// By tensor: nodes that are charged, with the index there.
  std::vector<llvm::SmallVector<std::pair<int, int>, 2>> holdersOf;
  std::vector<int> leafOfEinsum;
  std::vector<llvm::SmallVector<int, 2>> readersOf; ///< by Einsum: leaves
};

} // namespace

InFlightDiagnostic einsum::cost::refuseUnits(const LoopTree &tree, int id) {
  const Node &loop = tree.nodes[id];
  const Node &leaf = *llvm::find_if(
      llvm::ArrayRef(tree.nodes).drop_front(id),
      [](const Node &node) { return node.kind == NodeKind::leaf; });
  InFlightDiagnostic diag = loop.op->emitError()
                            << "needs "
                            << loop.stride * static_cast<uint64_t>(loop.steps)
                            << " units along '"
                            << cast<schedule::SpatialOp>(loop.op).getDim()
                            << "' of array '"
                            << tree.arch->arrays[leaf.array].name
                            << "', which has " << loop.units;
  diag.attachNote(leaf.op->getLoc())
      << "for Einsum '" << tree.facts->einsums[leaf.einsum].name << "' here";
  for (int inner : leaf.path)
    if (inner > id && tree.nodes[inner].units != 0 &&
        tree.nodes[inner].dim == loop.dim)
      diag.attachNote(tree.nodes[inner].op->getLoc())
          << "each of its " << loop.steps << " steps takes "
          << tree.nodes[inner].steps << " units for the loop over '"
          << tree.facts->ranks[tree.nodes[inner].rank].name << "' here";
  return diag;
}

FailureOr<LoopTree> einsum::cost::buildLoopTree(schedule::MappingOp mapping,
                                                const CascadeFacts &facts,
                                                const arch::ArchSpec &arch) {
  return TreeBuilder(facts, arch).build(mapping);
}
