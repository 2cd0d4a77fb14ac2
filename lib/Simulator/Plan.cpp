//===- Plan.cpp - What every visit of a storage node needs ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/Plan.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"

#include <functional>
#include <map>

using namespace mlir;
using namespace einsum;
using namespace einsum::sim;

//===----------------------------------------------------------------------===//
// Space
//===----------------------------------------------------------------------===//

namespace {
/// At most `width` consecutive coordinates at `position` are held at once.
struct Window {
  int position;
  int64_t width;
};
} // namespace

static int64_t coordinateOf(const TensorInfo &tensor, int64_t element,
                            int position) {
  for (int i = tensor.extents.size() - 1; i > position; --i)
    element /= tensor.extents[i];
  return element % tensor.extents[position];
}

namespace {
/// Elements, and the blocks that they touch.
struct Load {
  uint64_t elements = 0, blocks = 0;
};
} // namespace

static uint64_t bytesOf(const TensorInfo &tensor, const Load &load) {
  return tensor.wholeBytes(load.elements, load.blocks);
}

/// The most of a tile, in bytes, that lies in all windows at once.
static Load countWithin(const TensorInfo &tensor, llvm::ArrayRef<int64_t> tile,
                        llvm::ArrayRef<Window> windows) {
  if (windows.empty())
    return {tile.size(), tensor.countBlocks(tile)};
  std::map<int64_t, std::vector<int64_t>> byCoordinate;
  for (int64_t element : tile)
    byCoordinate[coordinateOf(tensor, element, windows.front().position)]
        .push_back(element);
  Load most;
  for (auto first = byCoordinate.begin(); first != byCoordinate.end();
       ++first) {
    std::vector<int64_t> within;
    for (auto it = first; it != byCoordinate.end() &&
                          it->first - first->first < windows.front().width;
         ++it)
      within.insert(within.end(), it->second.begin(), it->second.end());
    Load here = countWithin(tensor, within, windows.drop_front());
    if (bytesOf(tensor, here) > bytesOf(tensor, most))
      most = here;
  }
  return most;
}

namespace {

/// The sets of one unit and tensor while control is below the node.
struct OpenTile {
  llvm::DenseSet<int64_t> reads;
  /// Of reads that gather, the first element of what is noted already.
  llvm::DenseSet<std::pair<int, int64_t>> reached;
  llvm::DenseMap<int64_t, uint32_t> made; ///< contributions
};

struct OpenVisit {
  std::vector<llvm::SmallVector<OpenTile, 3>> units;
};

/// Where the elements of a leaf's access are noted.
struct Place {
  int storage, slot, read; ///< `read` is -1 for a result
};

/// What each unit held at the end of its last visit.
using Remains = std::map<std::vector<int32_t>, std::vector<int64_t>>;

class Planner : public Walk {
public:
  Planner(const Points &points, const Program &program, int64_t limit)
      : Walk(points, program), limit(limit), open(program.nodes.size()),
        seen(program.nodes.size()), remains(program.nodes.size()),
        places(program.nodes.size()) {
    plan.storages.resize(program.nodes.size());
    plan.arrivals.resize(program.nodes.size());
    plan.happened.assign(program.nodes.size(), 0);
    for (auto [id, node] : llvm::enumerate(program.nodes)) {
      if (node.kind == NodeKind::storage)
        prepareStorage(id, node);
      if (node.kind == NodeKind::leaf)
        preparePlaces(id, node);
    }
  }

  FailureOr<Plan> make() {
    run();
    if (isStopped())
      return failure();
    return std::move(plan);
  }

private:
  //===--------------------------------------------------------------------===//
  // Preparation
  //===--------------------------------------------------------------------===//

  void prepareStorage(int id, const Node &node) {
    StoragePlan &storage = plan.storages[id];
    for (const Held &held : node.held) {
      const TensorInfo &tensor = points.tensors[held.tensor];
      HeldPlan heldPlan;
      heldPlan.lastFetch.assign(tensor.elements, -1);
      for (int leaf : program.leaves)
        heldPlan.readOutside |=
            !program.isBelow(leaf, id) && program.touches(leaf, held.tensor);
      storage.held.push_back(std::move(heldPlan));
      seen[id].emplace_back(held.madeBelow ? tensor.elements : 0, 0);
      remains[id].emplace_back();
    }
  }

  void preparePlaces(int id, const Node &leaf) {
    for (int i = leaf.parent; i >= 0; i = program.nodes[i].parent)
      for (auto [slot, held] : llvm::enumerate(program.nodes[i].held)) {
        const EinsumInfo &einsum = points.einsums[leaf.einsum];
        for (auto [r, read] : llvm::enumerate(einsum.reads))
          if (read.tensor == held.tensor)
            places[id].push_back(
                {i, static_cast<int>(slot), static_cast<int>(r)});
        if (llvm::is_contained(einsum.results, held.tensor))
          places[id].push_back({i, static_cast<int>(slot), -1});
      }
  }

  //===--------------------------------------------------------------------===//
  // Visits
  //===--------------------------------------------------------------------===//

  void enter(int id, Context &context) override {
    const Node &node = program.nodes[id];
    plan.storages[id].visits.emplace_back();
    VisitPlan &visit = plan.storages[id].visits.back();
    visit.units.resize(context.units.size());
    open[id].units.assign(context.units.size(),
                          llvm::SmallVector<OpenTile, 3>(node.held.size()));
    if (node.halo == Halo::refetched)
      return;
    for (auto [unit, unitPlan] : llvm::zip(context.units, visit.units)) {
      Coords lo = unit.lo, hi = unit.hi;
      followDemand(id, unit);
      for (size_t rank = 0; rank < lo.size(); ++rank)
        if (lo[rank] != unit.lo[rank] || hi[rank] != unit.hi[rank])
          unitPlan.halos.push_back({rank, unit.lo[rank], unit.hi[rank]});
    }
  }

  /// What all units contribute counts: below spatial loops there is one leaf
  /// only, so that their units share the points of each element, and no halo
  /// makes each of them produce it anew. Visits that do make it anew make all
  /// of it, one after the other.
  void leave(int id, Context &context) override {
    const Node &node = program.nodes[id];
    VisitPlan &visit = plan.storages[id].visits.back();
    plan.happened[id] += visit.happens;
    if (!visit.happens) {
      for (Remains &all : remains[id])
        for (const Unit &unit : context.units)
          all.erase(std::vector<int32_t>(unit.path.begin(), unit.path.end()));
      return;
    }
    for (size_t slot = 0; slot < node.held.size(); ++slot)
      for (OpenTile &tile :
           llvm::map_range(open[id].units, [&](auto &unit) -> OpenTile & {
             return unit[slot];
           }))
        for (auto [element, count] : tile.made)
          seen[id][slot][element] += count;
    for (auto [u, unit] : llvm::enumerate(context.units)) {
      visit.units[u].tiles.resize(node.held.size());
      for (size_t slot = 0; slot < node.held.size(); ++slot)
        close(id, slot, context, unit, open[id].units[u][slot],
              visit.units[u].tiles[slot]);
    }
  }

  /// What a retained halo still holds when the unit enters; null if nothing.
  const std::vector<int64_t> *getRemains(int id, int slot,
                                         const Unit &unit) const {
    if (!keepsRemains(id, unit))
      return nullptr;
    const Remains &all = remains[id][slot];
    auto found =
        all.find(std::vector<int32_t>(unit.path.begin(), unit.path.end()));
    return found == all.end() ? nullptr : &found->second;
  }

  void close(int id, int slot, const Context &context, const Unit &unit,
             const OpenTile &open, TilePlan &closed) {
    const Node &node = program.nodes[id];
    const Held &held = node.held[slot];
    const TensorInfo &tensor = points.tensors[held.tensor];
    for (auto [element, count] : open.made)
      closed.made.push_back(
          {element, seen[id][slot][element] % tensor.points[element] != 0});
    llvm::sort(closed.made, [](const MadeElement &a, const MadeElement &b) {
      return a.element < b.element;
    });
    const std::vector<int64_t> *before = getRemains(id, slot, unit);
    std::vector<int64_t> tile;
    for (const MadeElement &made : closed.made)
      tile.push_back(made.element);
    for (int64_t element : open.reads) {
      if (open.made.count(element))
        continue;
      tile.push_back(element);
      bool isHeld = before && llvm::binary_search(*before, element);
      (isHeld ? closed.kept : closed.fetch).push_back(element);
    }
    llvm::sort(closed.fetch);
    llvm::sort(closed.kept);
    llvm::sort(tile);
    HeldPlan &heldPlan = plan.storages[id].held[slot];
    for (int64_t element : closed.fetch)
      heldPlan.lastFetch[element] = context.visits[id];
    heldPlan.reserved =
        std::max(heldPlan.reserved, reservedBytes(id, held, tile));
    if (node.resident >= 0 || node.shared)
      closed.tile = tile;
    if (node.halo == Halo::retained)
      remains[id][slot]
             [std::vector<int32_t>(unit.path.begin(), unit.path.end())] =
                 std::move(tile);
  }

  /// Section 6, first sentence.
  uint64_t reservedBytes(int id, const Held &held,
                         ArrayRef<int64_t> tile) const {
    const Node &node = program.nodes[id];
    const TensorInfo &tensor = points.tensors[held.tensor];
    SmallVector<Window, 2> windows;
    for (size_t position = 0; position < tensor.ranks.size(); ++position)
      if (std::optional<int64_t> steps =
              program.heldSteps(id, held.tensor, position))
        windows.push_back({static_cast<int>(position), *steps});
    for (auto [position, rank] : llvm::enumerate(tensor.ranks))
      if (rank == node.streamRank)
        windows.push_back({static_cast<int>(position), node.depth});
    Load most = countWithin(tensor, tile, windows);
    auto kept = static_cast<uint64_t>(node.resident);
    if (node.resident >= 0 && most.elements > kept) {
      most.elements = kept;
      if (tile.size() > kept)
        tile = tile.take_front(kept);
      most.blocks = std::min(most.blocks, tensor.countBlocks(tile));
    }
    return bytesOf(tensor, most);
  }

  //===--------------------------------------------------------------------===//
  // Halos
  //===--------------------------------------------------------------------===//

  bool isDemanded(int id, int slot) const {
    return program.nodes[id].halo != Halo::refetched &&
           program.nodes[id].held[slot].madeBelow;
  }

  /// Sets the intervals of what follows demand, consumers before producers.
  void followDemand(int id, Unit &unit) const {
    const Node &node = program.nodes[id];
    SmallVector<char> done(node.held.size(), 0);
    std::function<void(size_t)> follow = [&](size_t slot) {
      if (done[slot] || !isDemanded(id, slot))
        return;
      done[slot] = 1;
      for (size_t other = 0; other < node.held.size(); ++other)
        if (isDemanded(id, other) &&
            points.feeds(node.held[slot].tensor, node.held[other].tensor))
          follow(other);
      setDemand(id, slot, unit);
    };
    for (size_t slot = 0; slot < node.held.size(); ++slot)
      follow(slot);
  }

  void setDemand(int id, int slot, Unit &unit) const {
    int held = program.nodes[id].held[slot].tensor;
    const TensorInfo &tensor = points.tensors[held];
    const std::vector<int64_t> *before = getRemains(id, slot, unit);
    llvm::DenseSet<int64_t> demanded;
    SmallVector<char> followed(tensor.ranks.size(), 1);
    program.forEachReader(
        id, held, points,
        [&](int leaf, const EinsumInfo &einsum, const ReadInfo &read) {
          for (auto [position, rank] : llvm::enumerate(tensor.ranks))
            if (einsum.iterates(rank))
              followed[position] = 0;
          scan(program.nodes[id].children.front(), unit, leaf,
               [&](ArrayRef<int64_t> coords) {
                 int64_t element;
                 if (points.locate(read, coords, element) != Found::element)
                   return;
                 points.forEachReached(read, element, [&](int64_t reached) {
                   if (!before || !llvm::binary_search(*before, reached))
                     demanded.insert(reached);
                 });
               });
        });
    for (auto [position, rank] : llvm::enumerate(tensor.ranks)) {
      if (!followed[position])
        continue;
      int64_t lo = points.ranks[rank].extent, hi = 0;
      for (int64_t element : demanded) {
        int64_t coordinate = coordinateOf(tensor, element, position);
        lo = std::min(lo, coordinate);
        hi = std::max(hi, coordinate + 1);
      }
      unit.lo[rank] = std::min(lo, hi);
      unit.hi[rank] = hi;
    }
  }

  /// True if a node below changes the box that the leaf sees.
  bool hasHaloBelow(int id, int leaf) const {
    for (int i = program.nodes[leaf].parent; i >= id;
         i = program.nodes[i].parent)
      if (program.nodes[i].halo != Halo::refetched)
        return true;
    return false;
  }

  /// Calls `act` for the points that the leaf executes in the unit's box.
  void scan(int id, Unit unit, int leaf,
            llvm::function_ref<void(ArrayRef<int64_t>)> act) const {
    const Node &node = program.nodes[id];
    if (!hasHaloBelow(id, leaf)) {
      if (passesGuards(program.nodes[leaf], unit, id))
        points.forEachPoint(points.einsums[program.nodes[leaf].einsum], unit.lo,
                            unit.hi, act);
      return;
    }
    if (node.kind == NodeKind::storage && node.halo != Halo::refetched)
      followDemand(id, unit);
    for (int child : node.children) {
      if (!program.isBelow(leaf, child))
        continue;
      if (!node.isLoop())
        return scan(child, unit, leaf, act);
      int64_t count = countSteps(node, unit);
      for (int64_t step = 0; step < count; ++step) {
        Unit inner = unit;
        setStep(id, step, count, inner);
        scan(child, inner, leaf, act);
      }
    }
  }

  //===--------------------------------------------------------------------===//
  // Leaves and pipelines
  //===--------------------------------------------------------------------===//

  void runLeaf(int id, Context &context) override {
    if (work > static_cast<uint64_t>(limit)) {
      program.nodes[id].op->emitError()
          << "the schedule unfolds into more than " << limit
          << " steps, too many to execute one by one; bind smaller extents";
      return stop();
    }
    const Node &leaf = program.nodes[id];
    const EinsumInfo &einsum = points.einsums[leaf.einsum];
    bool ran = false;
    for (const Unit &unit : context.units) {
      if (!passesGuards(leaf, unit, program.nodes.size()) ||
          !isPoint(leaf, unit) || !points.isExecuted(einsum, unit.lo))
        continue;
      ran = true;
      for (const Place &place : places[id])
        note(einsum, place, unit);
    }
    if (!ran)
      return;
    ++runs;
    for (int i = leaf.parent; i >= 0; i = program.nodes[i].parent) {
      if (program.nodes[i].kind == NodeKind::storage)
        plan.storages[i].visits.back().happens = true;
      if (program.nodes[i].kind == NodeKind::pipeline)
        plan.arrivals[i].back() = 1;
    }
  }

  /// Constraint C3 of the mapping.
  bool isPoint(const Node &leaf, const Unit &unit) {
    for (int rank : points.einsums[leaf.einsum].ranks) {
      int64_t size = unit.hi[rank] - unit.lo[rank];
      if (size == 1)
        continue;
      if (size > 1) {
        leaf.op->emitError()
            << "rank '" << points.ranks[rank].name << "' of Einsum '"
            << points.einsums[leaf.einsum].name
            << "' is not cut to one point by the loops above: " << size
            << " coordinates are left; add a loop with tile 1";
        stop();
      }
      return false;
    }
    return true;
  }

  void note(const EinsumInfo &einsum, const Place &place, const Unit &unit) {
    OpenTile &tile =
        open[place.storage].units[unit.entered[place.storage]][place.slot];
    if (place.read < 0) {
      ++tile.made[points.madeElement(einsum, unit.lo)];
      return;
    }
    int64_t element;
    const ReadInfo &read = einsum.reads[place.read];
    if (points.locate(read, unit.lo, element) != Found::element ||
        (read.gathers() && !tile.reached.insert({place.read, element}).second))
      return;
    points.forEachReached(read, element,
                          [&](int64_t reached) { tile.reads.insert(reached); });
  }

  void visitPipeline(int id, Context &context) override {
    plan.arrivals[id].push_back(0);
    visitChildren(id, context);
  }

  void visitSequence(int id, Context &context) override {
    visitChildren(id, context);
  }

  void visitChildren(int id, Context &context) {
    uint64_t atFirst = runs;
    for (int child : program.nodes[id].children) {
      uint64_t before = runs;
      visit(child, context);
      if (program.nodes[child].kind != NodeKind::transfer)
        noteArrival(child, runs != before);
    }
    for (int child : program.nodes[id].children)
      if (program.nodes[child].kind == NodeKind::transfer)
        noteArrival(child, runs != atFirst);
  }

  void noteArrival(int child, bool happens) {
    // A pipeline notes itself that control has come.
    if (program.nodes[child].kind != NodeKind::pipeline)
      plan.arrivals[child].push_back(happens);
    if (program.nodes[child].kind != NodeKind::storage)
      plan.happened[child] += happens;
  }

  int64_t limit;
  uint64_t runs = 0;
  Plan plan;
  std::vector<OpenVisit> open;
  /// Per node and slot: contributions to each element so far.
  std::vector<std::vector<std::vector<uint32_t>>> seen;
  /// Per node and slot: by unit.
  std::vector<std::vector<Remains>> remains;
  std::vector<std::vector<Place>> places;
};

} // namespace

FailureOr<Plan> einsum::sim::makePlan(const Points &points,
                                      const Program &program, int64_t limit) {
  return Planner(points, program, limit).make();
}
