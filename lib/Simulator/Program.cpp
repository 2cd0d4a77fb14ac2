//===- Program.cpp - A schedule, resolved ---------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/Program.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <functional>

using namespace mlir;
using namespace einsum;
using namespace einsum::sim;

int Node::findHeld(int tensor) const {
  for (auto [i, one] : llvm::enumerate(held))
    if (one.tensor == tensor)
      return i;
  return -1;
}

bool Program::makes(int node, int tensor) const {
  int producer = points->tensors[tensor].producer;
  return producer >= 0 && isBelow(leafOf[producer], node);
}

bool Program::touches(int node, int tensor) const {
  return makes(node, tensor) || llvm::any_of(leaves, [&](int leaf) {
           return isBelow(leaf, node) &&
                  llvm::any_of(
                      points->einsums[nodes[leaf].einsum].reads,
                      [&](const ReadInfo &r) { return r.tensor == tensor; });
         });
}

bool Program::uses(const Port &port, int einsum, int rank) const {
  const EinsumInfo &info = points->einsums[einsum];
  return port.read >= 0 ? info.reads[port.read].uses(rank)
                        : llvm::is_contained(info.outputRanks, rank);
}

bool Program::addresses(int node, int tensor, int rank) const {
  return llvm::any_of(leaves, [&](int leaf) {
    return isBelow(leaf, node) &&
           llvm::any_of(nodes[leaf].ports, [&](const Port &port) {
             const EinsumInfo &info = points->einsums[nodes[leaf].einsum];
             return port.tensor == tensor &&
                    (port.read >= 0 ? info.reads[port.read].reaches(rank)
                                    : uses(port, nodes[leaf].einsum, rank));
           });
  });
}

bool Program::occupies(int node, int tensor) const {
  if (touches(node, tensor))
    return true;
  for (int i = node; i < nodes[node].end; ++i)
    if (llvm::is_contained(nodes[i].tensors, tensor))
      return true;
  return false;
}

bool Program::isIteration(int node) const {
  while (nodes[node].kind == NodeKind::storage)
    node = nodes[node].children.front();
  return nodes[node].kind == NodeKind::pipeline && !sequential;
}

bool Program::isOverlapped(int node) const {
  while (!nodes[node].isSplit()) {
    if (nodes[node].children.empty())
      return false;
    node = nodes[node].children.front();
  }
  if (nodes[node].kind == NodeKind::pipeline && !sequential)
    return true;
  return llvm::any_of(nodes[node].children,
                      [&](int child) { return isIteration(child); });
}

/// Section 6: how many steps of the loop that carries a recurrence must be
/// there for all that is read: what the producer or an earlier child of a
/// sequence reads gives its place to what is made, all else is there beside it,
/// for as many iterations as a stage of a pipeline is late. Nullopt: all.
std::optional<int64_t> Program::countSteps(int loop, int tensor,
                                           size_t position) const {
  const TensorInfo &info = points->tensors[tensor];
  const int64_t tile = nodes[loop].tile;
  const int maker = leafOf[info.producer];
  int64_t most = tile;
  for (int leaf : leaves)
    for (const ReadInfo &read : points->einsums[nodes[leaf].einsum].reads) {
      if (read.tensor != tensor)
        continue;
      if (read.isOpaque(position))
        return std::nullopt;
      std::optional<int64_t> back = stepsBack(read, info, position);
      if (!back)
        return std::nullopt;
      if (*back < 0)
        continue; // of the last step, when all are over
      most = std::max(most, *back + tile + waitingSteps(leaf, maker, loop));
    }
  return most;
}

/// How far before its own step a leaf reads at most; -1 where it reads the last
/// step of all, nullopt if steps are left out or kept however far away.
std::optional<int64_t> Program::stepsBack(const ReadInfo &read,
                                          const TensorInfo &info,
                                          size_t position) const {
  const RankExpr &index = read.index[position];
  const bool ascends = info.direction[position] > 0;
  Coords at(points->ranks.size(), 0);
  const int64_t origin = index.at(at);
  if (!index.uses(info.ranks[position])) {
    int64_t last = ascends ? info.extents[position] - 1 : 0;
    if (index.getRanks().empty() && origin == last)
      return -1;
    return std::nullopt;
  }
  int64_t low = origin, high = origin; // where the tensor's own rank is 0
  for (int rank : index.getRanks()) {
    at[rank] = 1;
    int64_t slope = index.at(at) - origin;
    at[rank] = 0;
    if (rank == info.ranks[position]) {
      if (slope != 1)
        return std::nullopt;
      continue;
    }
    (slope < 0 ? low : high) += slope * (points->ranks[rank].extent - 1);
  }
  return std::clamp<int64_t>(ascends ? -low : high, 0, info.extents[position]);
}

/// Steps that are there beside one tile and what is read before: -1 if what is
/// read has been when its place is taken, 0 if it comes later in the same step,
/// more if that is so many steps of the loop later.
int64_t Program::waitingSteps(int leaf, int maker, int loop) const {
  if (leaf == maker)
    return -1;
  int split = maker;
  while (!isBelow(leaf, split))
    split = nodes[split].parent;
  auto under = [&](int node) {
    while (nodes[node].parent != split)
      node = nodes[node].parent;
    return nodes[node].child;
  };
  const Node &node = nodes[split];
  const int reader = under(leaf), writer = under(maker);
  if (node.kind == NodeKind::sequence)
    return reader < writer ? -1 : 0;
  bool isLate =
      !singleBuffers && (node.region < 0 || isBelow(loop, node.region));
  int64_t lag = isLate ? node.lags[reader] - node.lags[writer] : 0;
  return std::max<int64_t>(lag, 0) * nodes[loop].tile;
}

std::optional<int64_t> Program::heldSteps(int storage, int tensor,
                                          size_t position) const {
  const TensorInfo &info = points->tensors[tensor];
  if (info.producer < 0 || info.isOutput || info.direction[position] == 0)
    return std::nullopt;
  auto enclosesAll = [&](int node) {
    return llvm::all_of(leaves, [&](int leaf) {
      return isBelow(leaf, node) || !touches(leaf, tensor);
    });
  };
  int carrying = -1; // the innermost loop over the rank
  for (int i = nodes[leafOf[info.producer]].parent; i > storage;
       i = nodes[i].parent) {
    const Node &node = nodes[i];
    if (!node.isLoop() || !enclosesAll(i))
      continue;
    if (node.kind == NodeKind::temporal && node.rank == info.ranks[position]) {
      if (carrying < 0)
        carrying = i;
    } else if (readsEarlierSteps(i, tensor)) {
      carrying = -1; // one further out keeps what is read again
    }
  }
  if (carrying < 0)
    return std::nullopt;
  return countSteps(carrying, tensor, position);
}

/// Whether a step of the loop reads elements that an earlier one has made: the
/// reader runs in steps in which the producer does not, or asks for them.
bool Program::readsEarlierSteps(int loop, int tensor) const {
  auto guardAt = [&](int leaf) {
    for (const StepGuard &guard : nodes[leaf].guards)
      if (guard.loop == loop)
        return guard.last ? 2 : 1;
    return 0;
  };
  int made = guardAt(leafOf[points->tensors[tensor].producer]);
  Coords origin(points->ranks.size(), 0);
  for (int leaf : leaves) {
    if (!touches(leaf, tensor))
      continue;
    if (made && guardAt(leaf) != made)
      return true;
    for (const ReadInfo &read : points->einsums[nodes[leaf].einsum].reads)
      if (read.tensor == tensor &&
          llvm::any_of(read.index, [&](const RankExpr &index) {
            return index.uses(nodes[loop].rank) &&
                   (index.getRanks().size() > 1 || index.at(origin) != 0);
          }))
        return true;
  }
  return false;
}

template <typename T> static std::string listNames(const std::vector<T> &all) {
  return llvm::join(llvm::map_range(all, [](const T &one) { return one.name; }),
                    ", ");
}

namespace einsum::sim {

class ProgramBuilder {
public:
  ProgramBuilder(const Points &points, const arch::ArchSpec &arch)
      : points(points), arch(arch) {
    program.points = &points;
    program.sequential = arch.accounting.sequential;
    program.singleBuffers = arch.accounting.singleBuffers;
    program.leafOf.assign(points.einsums.size(), -1);
  }

  FailureOr<Program> build(schedule::MappingOp mapping) {
    for (Operation *op : schedule::getChildren(mapping))
      if (failed(add(op, -1, 0)))
        return failure();
    for (auto [einsum, leaf] : llvm::zip(points.einsums, program.leafOf))
      if (leaf < 0)
        return mapping.emitError()
               << "Einsum '" << einsum.name << "' has no compute leaf here";
    findDirections();
    findGuards();
    for (auto [id, node] : llvm::enumerate(program.nodes))
      if (node.kind == NodeKind::storage)
        resolveHeld(id, node);
    for (auto [id, node] : llvm::enumerate(program.nodes)) {
      if (node.kind == NodeKind::transfer && failed(resolveTransfer(id, node)))
        return failure();
      if (node.kind == NodeKind::pipeline)
        node.region = findRegion(id);
      if (node.kind == NodeKind::leaf && failed(resolvePorts(id, node)))
        return failure();
      if (node.isLoop())
        node.asked = findTiles(node.parent)[node.rank];
    }
    for (int leaf : program.leaves)
      if (failed(placeUnits(leaf)))
        return failure();
    return std::move(program);
  }

private:
  //===--------------------------------------------------------------------===//
  // Names
  //===--------------------------------------------------------------------===//

  LogicalResult add(Operation *op, int parent, int child) {
    int id = program.nodes.size();
    Node node;
    node.op = op;
    node.parent = parent;
    node.child = child;
    if (failed(describe(op, node)))
      return failure();
    program.nodes.push_back(std::move(node));
    if (parent >= 0)
      program.nodes[parent].children.push_back(id);
    if (program.nodes[id].kind == NodeKind::leaf) {
      program.leaves.push_back(id);
      program.leafOf[program.nodes[id].einsum] = id;
    }
    for (auto [i, below] : llvm::enumerate(schedule::getChildren(op)))
      if (failed(add(below, id, i)))
        return failure();
    program.nodes[id].end = program.nodes.size();
    return success();
  }

  LogicalResult describe(Operation *op, Node &node) {
    if (auto loop = dyn_cast<schedule::TemporalOp>(op))
      return describeLoop(node, NodeKind::temporal, loop.getRank(),
                          loop.getTile());
    if (auto loop = dyn_cast<schedule::SpatialOp>(op)) {
      node.dim = loop.getDim().str();
      return describeLoop(node, NodeKind::spatial, loop.getRank(),
                          loop.getTile());
    }
    if (auto storage = dyn_cast<schedule::StorageOp>(op))
      return describeStorage(node, storage);
    if (auto leaf = dyn_cast<schedule::LeafOp>(op))
      return describeLeaf(node, leaf);
    if (auto transfer = dyn_cast<schedule::TransferOp>(op)) {
      node.kind = NodeKind::transfer;
      node.engine = arch.findEngine(transfer.getEngine());
      if (node.engine < 0)
        return op->emitError()
               << "architecture '" << arch.name << "' has no DMA engine '"
               << transfer.getEngine() << "'; it has "
               << (arch.engines.empty() ? "none" : listNames(arch.engines));
      return findTensors(op, transfer.getTensors(), node.tensors);
    }
    node.kind = NodeKind::sequence;
    if (auto pipeline = dyn_cast<schedule::PipelineOp>(op)) {
      node.kind = NodeKind::pipeline;
      for (size_t i = 0; i < schedule::getChildren(op).size(); ++i)
        node.lags.push_back(pipeline.getLag(i));
    }
    return success();
  }

  LogicalResult describeLoop(Node &node, NodeKind kind, StringRef rank,
                             int64_t tile) {
    node.kind = kind;
    node.rank = points.findRank(rank);
    node.tile = tile;
    if (node.rank < 0)
      return node.op->emitError() << "the cascade has no rank '" << rank
                                  << "'; it has " << listNames(points.ranks);
    if (tile < 1)
      return node.op->emitError()
             << "a tile has at least one coordinate, found " << tile;
    node.around = points.ranks[node.rank].extent;
    for (int i = node.parent; i >= 0; i = program.nodes[i].parent)
      if (program.nodes[i].rank == node.rank)
        node.around = std::min(node.around, program.nodes[i].tile);
    return success();
  }

  LogicalResult findTensors(Operation *op, ArrayAttr names,
                            SmallVectorImpl<int> &ids) {
    for (StringAttr name : names.getAsRange<StringAttr>()) {
      ids.push_back(points.findTensor(name));
      if (ids.back() < 0)
        return op->emitError() << "the cascade has no tensor " << name
                               << "; it has " << listNames(points.tensors);
    }
    return success();
  }

  LogicalResult describeStorage(Node &node, schedule::StorageOp op) {
    node.kind = NodeKind::storage;
    node.level = arch.findLevel(op.getLevel());
    if (node.level < 0)
      return op.emitError()
             << "architecture '" << arch.name << "' has no level '"
             << op.getLevel() << "'; it has " << listNames(arch.levels);
    SmallVector<int> tensors;
    if (failed(findTensors(op, op.getTensors(), tensors)))
      return failure();
    for (int tensor : tensors) {
      Held held;
      held.tensor = tensor;
      node.held.push_back(held);
    }
    node.buffers = op.getBuffers().value_or(1);
    node.resident = op.getResident().value_or(-1);
    node.shared = op.getShared();
    node.passthrough = op.getPassthrough();
    node.depth = op.getDepth().value_or(1);
    if (op.getStream()) {
      node.streamRank = points.findRank(*op.getStream());
      if (node.streamRank < 0)
        return op.emitError() << "the cascade has no rank '" << *op.getStream()
                              << "'; it has " << listNames(points.ranks);
    }
    StringRef halo = op.getHalo().value_or("refetched");
    node.halo = halo == "retained"     ? Halo::retained
                : halo == "recomputed" ? Halo::recomputed
                                       : Halo::refetched;
    return success();
  }

  LogicalResult describeLeaf(Node &node, schedule::LeafOp op) {
    node.kind = NodeKind::leaf;
    node.einsum = points.findEinsum(op.getEinsum());
    node.array = arch.findArray(op.getArray());
    node.chained = op.getChained();
    if (node.einsum < 0)
      return op.emitError() << "the cascade has no Einsum '" << op.getEinsum()
                            << "'; it has " << listNames(points.einsums);
    if (program.leafOf[node.einsum] >= 0)
      return op.emitError()
             << "Einsum '" << op.getEinsum()
             << "' has a compute leaf already; every Einsum has one";
    if (node.array < 0)
      return op.emitError()
             << "architecture '" << arch.name << "' has no array '"
             << op.getArray() << "'; it has " << listNames(arch.arrays);
    int level = arch.arrays[node.array].level;
    if (level >= 0 && arch.levels[level].perArray == node.array)
      node.registers = level;
    for (int i = node.parent; i >= 0; i = program.nodes[i].parent)
      if (program.nodes[i].kind == NodeKind::spatial &&
          (failed(checkDimension(program.nodes[i], arch.arrays[node.array])) ||
           failed(checkInstances(program.nodes[i], arch.arrays[node.array]))))
        return failure();
    return success();
  }

  LogicalResult checkDimension(const Node &loop, const arch::Array &array) {
    if (llvm::any_of(array.dims, [&](const arch::ArrayDim &dim) {
          return dim.name == loop.dim;
        }))
      return success();
    return loop.op->emitError() << "array '" << array.name
                                << "' has no dimension '" << loop.dim << "'";
  }

  /// Units in one instance of a level do not reach what another holds.
  LogicalResult checkInstances(const Node &loop, const arch::Array &array) {
    for (const arch::ArrayDim &dim : array.dims) {
      if (dim.name != loop.dim || dim.level < 0)
        continue;
      for (int i = loop.parent; i >= 0; i = program.nodes[i].parent) {
        const Node &outer = program.nodes[i];
        if (outer.kind != NodeKind::storage ||
            llvm::none_of(
                arch.levels[outer.level].dims, [&](const arch::ArrayDim &own) {
                  return own.level == dim.level && own.name == dim.name;
                }))
          continue;
        return outer.op->emitError()
               << "level '" << arch.levels[outer.level].name
               << "' has one instance per '" << dim.name
               << "', so its tiles must stand below the loop across it";
      }
    }
    return success();
  }

  /// Section 1: where loops share a dimension, how far apart their units are.
  LogicalResult placeUnits(int leaf) {
    const arch::Array &array = arch.arrays[program.nodes[leaf].array];
    for (const arch::ArrayDim &dim : array.dims) {
      int64_t places = 1;
      int outermost = -1;
      for (int i = leaf; i >= 0; i = program.nodes[i].parent) {
        Node &loop = program.nodes[i];
        if (loop.kind != NodeKind::spatial || loop.dim != dim.name)
          continue;
        loop.stride = places;
        if (llvm::MulOverflow(places, loop.mostSteps(), places))
          places = INT64_MAX;
        outermost = i;
      }
      if (static_cast<uint64_t>(places) > dim.size)
        return program.nodes[outermost].op->emitError()
               << "Einsum '" << points.einsums[program.nodes[leaf].einsum].name
               << "' needs " << places << " units along '" << dim.name
               << "' of array '" << array.name << "', which has " << dim.size;
    }
    return success();
  }

  //===--------------------------------------------------------------------===//
  // Relations
  //===--------------------------------------------------------------------===//

  /// Section 1: descending if a recurrence below reads a later coordinate.
  void findDirections() {
    for (auto [id, node] : llvm::enumerate(program.nodes))
      if (node.kind == NodeKind::temporal)
        for (const TensorInfo &tensor : points.tensors)
          for (auto [rank, direction] :
               llvm::zip(tensor.ranks, tensor.direction))
            node.descends |=
                rank == node.rank && direction < 0 &&
                program.isBelow(program.leafOf[tensor.producer], id);
  }

  /// A node with a halo between the loop and the leaf that makes what it holds.
  bool followsDemand(int loop, int leaf) const {
    for (int i = program.nodes[leaf].parent; i > loop;
         i = program.nodes[i].parent)
      if (program.nodes[i].halo != Halo::refetched)
        for (const Held &held : program.nodes[i].held)
          if (points.tensors[held.tensor].producer ==
              program.nodes[leaf].einsum)
            return true;
    return false;
  }

  /// Section 1, guards: the least fixpoint of "reads what is produced under the
  /// loop, directly or through guarded leaves".
  void findGuards() {
    for (int leaf : program.leaves)
      for (int i = program.nodes[leaf].parent; i >= 0;
           i = program.nodes[i].parent)
        if (program.nodes[i].isLoop() &&
            !points.einsums[program.nodes[leaf].einsum].iterates(
                program.nodes[i].rank) &&
            !followsDemand(i, leaf))
          program.nodes[leaf].guards.push_back({i, false});
    for (bool changed = true; changed;) {
      changed = false;
      for (int leaf : program.leaves)
        for (StepGuard &guard : program.nodes[leaf].guards)
          if (!guard.last && readsProducedUnder(leaf, guard.loop))
            guard.last = changed = true;
    }
  }

  bool readsProducedUnder(int leaf, int loop) const {
    for (const ReadInfo &read :
         points.einsums[program.nodes[leaf].einsum].reads) {
      int producer = points.tensors[read.tensor].producer;
      if (producer < 0 || !program.isBelow(program.leafOf[producer], loop))
        continue;
      if (points.einsums[producer].iterates(program.nodes[loop].rank) &&
          !followsDemand(loop, program.leafOf[producer]))
        return true;
      for (const StepGuard &guard :
           program.nodes[program.leafOf[producer]].guards)
        if (guard.loop == loop && guard.last)
          return true;
    }
    return false;
  }

  /// Nearest storage node above that is charged for the tensor.
  std::pair<int, int> findStorage(int below, int tensor) const {
    for (int i = program.nodes[below].parent; i >= 0;
         i = program.nodes[i].parent) {
      int slot = program.nodes[i].findHeld(tensor);
      if (slot >= 0 && !program.nodes[i].passthrough)
        return {i, slot};
    }
    return {-1, -1};
  }

  void resolveHeld(int id, Node &node) {
    for (Held &held : node.held) {
      std::tie(held.parent, held.parentSlot) = findStorage(id, held.tensor);
      held.madeBelow = program.makes(id, held.tensor);
    }
  }

  /// Section 7: a transfer before all leaves that touch a tensor makes its
  /// fills, one after them its drains.
  //===--------------------------------------------------------------------===//
  // Sizes
  //===--------------------------------------------------------------------===//

  /// The tile of each rank where control reaches below a node, at most: of what
  /// follows demand, what readers ask for of full tiles, whatever filters
  /// leave.
  std::vector<int64_t> findTiles(int node) const {
    std::vector<int64_t> tiles;
    if (node < 0) {
      for (const RankInfo &rank : points.ranks)
        tiles.push_back(rank.extent);
      return tiles;
    }
    tiles = findTiles(program.nodes[node].parent);
    const Node &here = program.nodes[node];
    if (here.isLoop())
      tiles[here.rank] = std::min(tiles[here.rank], here.tile);
    if (here.kind != NodeKind::storage || here.halo == Halo::refetched)
      return tiles;
    std::vector<char> done(here.held.size(), 0);
    std::function<void(size_t)> follow = [&](size_t slot) {
      const Held &held = here.held[slot];
      if (done[slot] || !held.madeBelow)
        return;
      done[slot] = 1;
      for (size_t other = 0; other < here.held.size(); ++other)
        if (here.held[other].madeBelow &&
            points.feeds(held.tensor, here.held[other].tensor))
          follow(other);
      followDemand(node, held.tensor, tiles);
    };
    for (size_t slot = 0; slot < here.held.size(); ++slot)
      follow(slot);
    return tiles;
  }

  void followDemand(int node, int id, std::vector<int64_t> &tiles) const {
    const TensorInfo &tensor = points.tensors[id];
    std::vector<int64_t> sizes(tensor.ranks.size(), 0);
    for (auto [position, rank] : llvm::enumerate(tensor.ranks)) {
      std::pair<int64_t, int64_t> asked = {INT64_MAX, INT64_MIN};
      bool isFollowed = true;
      auto ask = [&, position = position, rank = rank](
                     int, const EinsumInfo &einsum, const ReadInfo &read) {
        isFollowed &= !einsum.iterates(rank);
        auto [low, high] = boundsOf(read.index[position], tiles);
        asked = {std::min(asked.first, low), std::max(asked.second, high)};
      };
      program.forEachReader(node, id, points, ask);
      if (isFollowed)
        sizes[position] = std::clamp<int64_t>(asked.second - asked.first + 1, 1,
                                              points.ranks[rank].extent);
    }
    for (auto [rank, size] : llvm::zip(tensor.ranks, sizes))
      if (size > 0)
        tiles[rank] = size;
  }

  /// Least and greatest value of a sum of ranks from 0 to below these sizes.
  static std::pair<int64_t, int64_t>
  boundsOf(const RankExpr &expr, const std::vector<int64_t> &sizes) {
    Coords at(sizes.size(), 0);
    int64_t low = expr.at(at), high = low, origin = low;
    for (int rank : expr.getRanks()) {
      at[rank] = sizes[rank] - 1;
      int64_t reach = expr.at(at) - origin;
      (reach > 0 ? high : low) += reach;
      at[rank] = 0;
    }
    return {low, high};
  }

  LogicalResult resolveTransfer(int id, Node &node) {
    for (int tensor : node.tensors) {
      auto [storage, slot] = findStorage(id, tensor);
      bool before = false, after = false;
      for (int leaf : program.leaves)
        if (storage >= 0 && program.isBelow(leaf, storage) &&
            program.touches(leaf, tensor))
          (comesBefore(id, leaf) ? before : after) = true;
      if (before == after)
        return node.op->emitError()
               << "moves '" << points.tensors[tensor].name
               << "' neither before nor after all leaves that touch it";
      Held &held = program.nodes[storage].held[slot];
      (before ? held.fillsAt : held.drainsAt) = id;
    }
    return success();
  }

  /// Whether a transfer works on a tile in an earlier slot, or, in one slot, is
  /// written earlier.
  bool comesBefore(int transfer, int leaf) const {
    int own = transfer;
    while (!program.isBelow(leaf, program.nodes[own].parent))
      own = program.nodes[own].parent;
    const Node &split = program.nodes[program.nodes[own].parent];
    int other = leaf;
    while (program.nodes[other].parent != program.nodes[own].parent)
      other = program.nodes[other].parent;
    int here = program.nodes[own].child, there = program.nodes[other].child;
    if (split.kind == NodeKind::pipeline &&
        split.lags[here] != split.lags[there])
      return split.lags[here] < split.lags[there];
    return here < there;
  }

  /// Section 7: the loops directly around a pipeline. They end at the next
  /// pipeline, or at the next sequence if loops lie between or at the second.
  int findRegion(int pipeline) const {
    bool loops = false, sequence = false;
    int below = pipeline;
    for (int i = program.nodes[pipeline].parent; i >= 0;
         i = program.nodes[i].parent) {
      const Node &node = program.nodes[i];
      if (node.kind == NodeKind::pipeline ||
          (node.kind == NodeKind::sequence && (loops || sequence)))
        return below;
      sequence |= node.kind == NodeKind::sequence;
      loops |= node.isLoop();
      below = i;
    }
    return -1;
  }

  LogicalResult resolvePorts(int id, Node &leaf) {
    const EinsumInfo &einsum = points.einsums[leaf.einsum];
    for (auto [i, read] : llvm::enumerate(einsum.reads))
      if (failed(addPort(id, leaf, read.tensor, i)))
        return failure();
    for (int result : einsum.results)
      if (!points.tensors[result].name.empty())
        if (failed(addPort(id, leaf, result, -1)))
          return failure();
    return success();
  }

  LogicalResult addPort(int id, Node &leaf, int tensor, int read) {
    Port port;
    port.tensor = tensor;
    port.read = read;
    std::tie(port.home, port.slot) = findStorage(id, tensor);
    if (port.home < 0)
      return leaf.op->emitError()
             << "Einsum '" << points.einsums[leaf.einsum].name << "' "
             << (read < 0 ? "makes" : "reads") << " '"
             << points.tensors[tensor].name
             << "', which no storage node above holds";
    port.inRegisters = program.nodes[port.home].level == leaf.registers;
    if (port.inRegisters && program.nodes[port.home].resident >= 0)
      return program.nodes[port.home].op->emitError()
             << "unsupported: 'resident' in the registers of Einsum '"
             << points.einsums[leaf.einsum].name
             << "'; hold whole tiles there, or a part of them at a level "
                "further out";
    port.group = findGroup(leaf, port);
    leaf.ports.push_back(port);
    return success();
  }

  /// Section 4, latch.
  int findGroup(const Node &leaf, const Port &port) const {
    for (int i = leaf.parent; i > port.home; i = program.nodes[i].parent) {
      const Node &node = program.nodes[i];
      if (node.kind == NodeKind::temporal &&
          program.uses(port, leaf.einsum, node.rank) && node.fullSteps() > 1)
        return i;
    }
    return -1;
  }

  const Points &points;
  const arch::ArchSpec &arch;
  Program program;
};

} // namespace einsum::sim

FailureOr<Program> Program::create(schedule::MappingOp mapping,
                                   const Points &points,
                                   const arch::ArchSpec &arch) {
  return ProgramBuilder(points, arch).build(mapping);
}
