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

#include "lib/Analysis/RunningValues.h"
#include "lib/CostModel/TileComponent.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::cost;

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

/// Where a rank of the tensor stands among its coordinates.
static Window windowAlong(const TensorFact &tensor, int rank, int64_t width) {
  return {static_cast<unsigned>(llvm::find(tensor.ranks, rank) -
                                tensor.ranks.begin()),
          width};
}

/// Whether a step of the loop reads what an earlier one has made: its reader
/// runs in steps in which its producer does not, or reads further back.
static bool readsEarlierSteps(const LoopTree &tree, const HeldTensor &held,
                              int loop) {
  auto guardOf = [&](const Use &use) -> std::optional<schedule::Guard> {
    for (auto [node, guard] : tree.nodes[use.leaf].guards)
      if (node == loop)
        return guard;
    return std::nullopt;
  };
  auto write = llvm::find_if(held.uses, [](const Use &u) { return u.isWrite; });
  if (write == held.uses.end())
    return true;
  std::optional<schedule::Guard> made = guardOf(*write);
  return llvm::any_of(held.uses, [&](const Use &use) {
    if (made && guardOf(use) != made)
      return true;
    return llvm::any_of(use.access->coordinates, [&](const Coordinate &c) {
      return c.uses(tree.nodes[loop].rank) &&
             (c.terms.size() > 1 || c.constant != 0);
    });
  });
}

/// Whether slots of a pipeline reach over several steps of a loop above it:
/// between them no other pipeline, and no sequence but one right around it.
static bool reachesOverSteps(const LoopTree &tree, int pipeline, int loop) {
  bool loops = false, sequence = false;
  for (int i = tree.nodes[pipeline].parent; i > loop;
       i = tree.nodes[i].parent) {
    const Node &node = tree.nodes[i];
    if (node.kind == NodeKind::pipeline ||
        (node.kind == NodeKind::sequence && (loops || sequence)))
      return false;
    sequence |= node.kind == NodeKind::sequence;
    loops |= node.isLoop();
  }
  return true;
}

/// Steps of the loop that carries a running value which one read keeps.
static std::optional<int64_t> keptBy(const LoopTree &tree, const Use &read,
                                     int producer, int loop) {
  StepsBack back = findStepsBack(*tree.facts, *read.access);
  int64_t tile = tree.nodes[loop].tile;
  if (read.leaf == producer)
    return countStepsKept(back, ReadTurn::before, tile);
  int split = producer;
  while (!tree.contains(split, read.leaf))
    split = tree.nodes[split].parent;
  const Node &node = tree.nodes[split];
  auto childWith = [&](int leaf) {
    return llvm::upper_bound(node.children, leaf) - node.children.begin() - 1;
  };
  int64_t reader = childWith(read.leaf), writer = childWith(producer);
  if (node.kind == NodeKind::sequence)
    return countStepsKept(
        back, reader < writer ? ReadTurn::before : ReadTurn::after, tile);
  bool lags = !tree.arch->accounting.singleBuffers &&
              reachesOverSteps(tree, split, loop);
  return countStepsKept(back, ReadTurn::stage, tile,
                        lags ? node.stages[reader].lag - node.stages[writer].lag
                             : 0);
}

/// If a loop below over the iterative rank encloses everything that touches the
/// tensor, only the last steps of the innermost such loop have to be here, as
/// many as its readers ask for, as long as no loop around it reads what is
/// gone.
static std::optional<Window> carriedBelow(const LoopTree &tree, int id,
                                          const HeldTensor &held) {
  const TensorFact &tensor = tree.facts->tensors[held.tensor];
  if (tensor.iterativeRank < 0 || !tensor.hasInitialValue || tensor.isOutput)
    return std::nullopt;
  for (auto [leaf, access] : tree.accessesOf[held.tensor])
    if (!tree.contains(id, leaf))
      return std::nullopt;
  auto write = llvm::find_if(held.uses, [](const Use &u) { return u.isWrite; });
  if (write == held.uses.end())
    return std::nullopt;
  int carrying = -1;
  for (int i = id + 1; i < tree.nodes[id].end; ++i) {
    const Node &node = tree.nodes[i];
    if (!node.isLoop() || !llvm::all_of(held.uses, [&](const Use &use) {
          return tree.contains(i, use.leaf);
        }))
      continue;
    if (node.kind == NodeKind::temporal && node.rank == tensor.iterativeRank)
      carrying = i;
    else if (readsEarlierSteps(tree, held, i))
      break;
  }
  if (carrying < 0)
    return std::nullopt;
  int64_t most = tree.nodes[carrying].tile;
  for (auto [leaf, access] : tree.accessesOf[held.tensor]) {
    const Use &use = tree.nodes[leaf].accesses[access].use;
    if (use.isWrite)
      continue;
    std::optional<int64_t> kept = keptBy(tree, use, write->leaf, carrying);
    if (!kept)
      return std::nullopt;
    most = std::max(most, *kept);
  }
  return windowAlong(tensor, tensor.iterativeRank, most);
}

/// Along an iterative rank walked below, only carried steps are held; along a
/// stream, as many as it is deep.
static llvm::SmallVector<Window, 2> windowsOf(const LoopTree &tree, int id,
                                              const HeldTensor &held) {
  llvm::SmallVector<Window, 2> windows;
  const Node &node = tree.nodes[id];
  if (std::optional<Window> window = carriedBelow(tree, id, held))
    windows.push_back(*window);
  const TensorFact &tensor = tree.facts->tensors[held.tensor];
  if (node.streamRank < 0 || !llvm::is_contained(tensor.ranks, node.streamRank))
    return windows;
  Window stream = windowAlong(tensor, node.streamRank, node.streamDepth);
  if (!windows.empty() && windows.front().coordinate == stream.coordinate)
    windows.front().width = std::min(windows.front().width, stream.width);
  else
    windows.push_back(stream);
  return windows;
}

/// True if a tile's accesses differ at most along windowed ranks and no
/// constraint cuts it, so that it is a product of spans, whatever the sizes.
static bool isProductOfSpans(const LoopTree &tree, const HeldTensor &held,
                             llvm::ArrayRef<Window> windows) {
  if (tree.hasDemands)
    return false; // ranks of what is below may follow from others
  auto isWindowed = [&](unsigned k) {
    return llvm::any_of(windows,
                        [&](const Window &w) { return w.coordinate == k; });
  };
  // Steps before the first are no elements, so that a tile of which all reads
  // are some steps back is smaller than they span.
  const TensorFact &tensor = tree.facts->tensors[held.tensor];
  const auto *along = llvm::find(tensor.ranks, tensor.iterativeRank);
  if (tensor.hasInitialValue && along != tensor.ranks.end() &&
      llvm::none_of(held.uses,
                    [&](const Use &use) {
                      const Coordinate &at =
                          use.access->coordinates[along - tensor.ranks.begin()];
                      return at.terms.size() <= 1 && at.constant == 0;
                    }) &&
      llvm::any_of(held.uses, [&](const Use &use) {
        return !use.access->coordinates[along - tensor.ranks.begin()]
                    .terms.empty();
      }))
    return false;
  const AccessFact &first = *held.uses.front().access;
  for (const Use &use : held.uses) {
    if (!tree.facts->einsums[tree.nodes[use.leaf].einsum].domain.empty())
      return false;
    for (auto [k, pair] : llvm::enumerate(
             llvm::zip(first.coordinates, use.access->coordinates))) {
      const auto &[a, b] = pair;
      if (isWindowed(k)) {
        // A window holds as many as it is wide only where none are left out.
        if (b.terms.size() > 1 ||
            (b.terms.size() == 1 && std::abs(b.terms[0].coefficient) != 1))
          return false;
        continue;
      }
      AffineForm difference = a.form();
      difference.add(b.form(), -1);
      if (!difference.isConstant() || difference.constant != 0)
        return false;
    }
  }
  llvm::SmallVector<int, 8> used; // a rank in two coordinates correlates them
  for (const Coordinate &coordinate : first.coordinates)
    for (const Coordinate::Term &term : coordinate.terms) {
      if (llvm::is_contained(used, term.rank))
        return false;
      used.push_back(term.rank);
    }
  return true;
}

/// The product, unless sizes say that it is none.
static std::optional<uint64_t>
productOfSpans(const LoopTree &tree, int id, const HeldTensor &held,
               llvm::ArrayRef<Window> windows,
               llvm::SmallVectorImpl<int64_t> &tiles, Counter &counter) {
  const TensorFact &tensor = tree.facts->tensors[held.tensor];
  tree.tilesAt(id, tiles);
  uint64_t words = 1;
  for (auto [k, rank] : llvm::enumerate(tensor.ranks)) {
    uint64_t span = 1;
    for (const Use &use : held.uses)
      if (!use.access->coordinates[k].terms.empty())
        span = std::max(span, spanOf(use.access->coordinates[k], tiles));
    span = std::min<uint64_t>(span, tree.facts->ranks[rank].extent);
    for (const Window &window : windows) {
      if (window.coordinate != k)
        continue;
      // Less than the window, accesses that differ may add up.
      if (span < static_cast<uint64_t>(window.width) && held.uses.size() > 1)
        return std::nullopt;
      span = std::min<uint64_t>(span, window.width);
    }
    words = counter.mul(words, span);
  }
  return words;
}

/// Blocks of a product of spans, if tiles do not cut blocks in different
/// places: along each rank they are of whole blocks, or each is within one.
static std::optional<uint64_t> productOfBlocks(const LoopTree &tree, int id,
                                               const HeldTensor &held,
                                               llvm::ArrayRef<Window> windows,
                                               llvm::ArrayRef<int64_t> tiles,
                                               Counter &counter) {
  const TensorFact &tensor = tree.facts->tensors[held.tensor];
  if (tensor.isShared && tree.nodes[id].resident >= 0)
    return std::nullopt;
  uint64_t blocks = 1;
  for (auto [k, size] : llvm::enumerate(tensor.grid)) {
    const Coordinate &coordinate = held.uses.front().access->coordinates[k];
    auto window = llvm::find_if(
        windows, [k = k](const Window &w) { return w.coordinate == k; });
    if (size == 0 || (coordinate.terms.empty() && window == windows.end()))
      continue;
    if (size == 1) {
      uint64_t span = 1;
      for (const Use &use : held.uses)
        if (!use.access->coordinates[k].terms.empty())
          span = std::max(span, spanOf(use.access->coordinates[k], tiles));
      span =
          std::min<uint64_t>(span, tree.facts->ranks[tensor.ranks[k]].extent);
      if (window != windows.end())
        span = std::min<uint64_t>(span, window->width);
      blocks = counter.mul(blocks, span);
      continue;
    }
    if (window != windows.end() || coordinate.terms.size() != 1 ||
        coordinate.terms[0].coefficient != 1 || coordinate.constant % size != 0)
      return std::nullopt;
    int rank = coordinate.terms[0].rank;
    int64_t tile = tiles[rank];
    bool isWhole = tile % size == 0, isWithin = size % tile == 0;
    for (int i = tree.nodes[id].parent; i >= 0; i = tree.nodes[i].parent)
      if (tree.nodes[i].isLoop() && tree.nodes[i].rank == rank) {
        isWhole &= tree.nodes[i].tile % size == 0;
        isWithin &= tree.nodes[i].tile % tile == 0;
      }
    if (!isWhole && !isWithin)
      return std::nullopt;
    blocks = counter.mul(blocks, std::max<int64_t>(1, tile / size));
  }
  return tensor.isShared ? blocks : 0;
}

void einsum::cost::computeReservations(const LoopTree &tree, Queries &queries,
                                       Scratch &scratch) {
  scratch.reserved.assign(queries.tiles.size(), {});
  for (auto [i, tile] : llvm::enumerate(queries.tiles)) {
    const Node &node = tree.nodes[tile.node];
    const HeldTensor &held = node.held[tile.held];
    TileLoad &load = scratch.reserved[i];
    if (held.uses.empty())
      continue;
    llvm::SmallVector<Window, 2> windows = windowsOf(tree, tile.node, held);
    std::optional<uint64_t> product, blocks;
    if (!tile.isProduct)
      tile.isProduct = isProductOfSpans(tree, held, windows);
    if (*tile.isProduct && !scratch.generalOnly)
      product = productOfSpans(tree, tile.node, held, windows, scratch.tiles,
                               scratch.counter);
    if (product)
      blocks = productOfBlocks(tree, tile.node, held, windows, scratch.tiles,
                               scratch.counter);
    if (blocks) {
      load = {*product, *blocks};
      continue;
    }
    std::optional<TileLoad> largest =
        queries.of(tile).largest(windows, scratch.counter);
    if (!largest && scratch.unanswered < 0)
      scratch.unanswered = tile.node;
    load = largest.value_or(TileLoad{});
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

  /// Bytes at a level while a leaf runs: what is held around it, and by the
  /// other stages of pipelines.
  uint64_t whileRuns(int leaf, size_t level) const {
    uint64_t bytes = constant[leaf * levels + level];
    for (int id = leaf; tree.nodes[id].parent >= 0;
         id = tree.nodes[id].parent) {
      int parent = tree.nodes[id].parent;
      bytes += constant[parent * levels + level];
      if (tree.nodes[parent].kind == NodeKind::pipeline)
        for (int sibling : tree.nodes[parent].children)
          bytes += sibling == id ? 0 : peaks[sibling * levels + level];
    }
    return bytes;
  }

  /// Bytes that one tensor takes at a storage node on one unit.
  uint64_t heldBytes(size_t tile) const {
    const Node &node = tree.nodes[queries.tiles[tile].node];
    const HeldTensor &held = node.held[queries.tiles[tile].held];
    return scratch.counter.mul(bytesOfCopy(held.tensor, tile), copiesOf(tile));
  }

  uint64_t bytesOfCopy(int tensor, size_t tile) const {
    return facts.tensors[tensor].wholeBytes(heldWords(tile),
                                            scratch.reserved[tile].blocks);
  }

  uint64_t heldWords(size_t tile) const {
    const Node &node = tree.nodes[queries.tiles[tile].node];
    uint64_t words = scratch.reserved[tile].words;
    return node.resident >= 0 ? std::min<uint64_t>(words, node.resident)
                              : words;
  }

  uint64_t copiesOf(size_t tile) const {
    const Node &node = tree.nodes[queries.tiles[tile].node];
    if (tree.arch->accounting.singleBuffers)
      return 1;
    int64_t slots = node.streamRank >= 0 || node.shared
                        ? 1
                        : node.held[queries.tiles[tile].held].slots;
    return std::max<int64_t>(node.buffers, slots);
  }

private:
  /// Tiles [first, end) of one storage node.
  void reserve(size_t first, size_t end) {
    int id = queries.tiles[first].node;
    const Node &node = tree.nodes[id];
    uint64_t units = 1;
    const arch::Level &level = tree.arch->levels[node.level];
    auto isAcross = [&](const Node &loop) {
      return llvm::any_of(level.dims, [&](const arch::ArrayDim &dim) {
        return dim.level == loop.dimLevel && dim.name == loop.dim;
      });
    };
    for (int i = node.parent; i >= 0; i = tree.nodes[i].parent)
      if (tree.nodes[i].isLoop() && tree.nodes[i].outer < 0)
        units = scratch.counter.mul(
            units, countUnits(id, i, tree.nodes[i].around, isAcross));
    // Each instance reserves what the fullest needs, in use or not.
    for (const arch::ArrayDim &dim : level.dims)
      units = scratch.counter.mul(units, dim.size);
    bool frees = node.halo != Halo::retained;
    if (node.shared) {
      uint64_t largest = 0;
      for (size_t tile = first; tile < end; ++tile)
        largest = std::max(largest, heldBytes(tile));
      Space space{{},
                  static_cast<size_t>(node.level),
                  scratch.counter.mul(largest, units)};
      for (const HeldTensor &held : node.held)
        space.tensors.push_back(held.tensor);
      note(first, end, units);
      occupy(id, space, frees, frees);
      return;
    }
    for (size_t tile = first; tile < end; ++tile) {
      Space space{{node.held[queries.tiles[tile].held].tensor},
                  static_cast<size_t>(node.level),
                  scratch.counter.mul(heldBytes(tile), units)};
      note(tile, tile + 1, units);
      occupy(id, space, frees, frees);
    }
  }

  /// Tiles [first, end) have one space.
  /// Units above a node to which `size` points of a rank are dealt, by the loop
  /// and those over the same rank further in; of instances, in the fullest.
  uint64_t countUnits(int id, int at, int64_t size,
                      llvm::function_ref<bool(const Node &)> isAcross) {
    const Node &loop = tree.nodes[at];
    int inner = at + 1;
    while (inner < id &&
           !(tree.nodes[inner].isLoop() && tree.nodes[inner].outer == at &&
             tree.contains(inner, id)))
      ++inner;
    auto within = [&](int64_t part) -> uint64_t {
      return inner < id ? countUnits(id, inner, part, isAcross) : 1;
    };
    if (loop.kind != NodeKind::spatial || isAcross(loop) || size <= loop.tile)
      return within(std::min(size, loop.tile));
    uint64_t units = scratch.counter.mul(
        static_cast<uint64_t>(size / loop.tile), within(loop.tile));
    return size % loop.tile ? units + within(size % loop.tile) : units;
  }

  void note(size_t first, size_t end, uint64_t units) {
    if (!scratch.profile)
      return;
    Reservation &one = scratch.profile->reservations.emplace_back();
    one.node = queries.tiles[first].node;
    one.level = tree.nodes[one.node].level;
    one.units = units;
    for (size_t tile = first; tile < end; ++tile) {
      int tensor = tree.nodes[one.node].held[queries.tiles[tile].held].tensor;
      one.tensors.push_back(tensor);
      if (uint64_t bytes = bytesOfCopy(tensor, tile);
          tile == first || bytes > one.bytes) {
        one.bytes = bytes;
        one.words = heldWords(tile);
        one.copies = copiesOf(tile);
      }
    }
  }

  /// The first and the last child of a sequence that touches one of the
  /// tensors; the last and the first if none does.
  std::pair<int, int> childrenTouching(const Node &sequence,
                                       llvm::ArrayRef<int> tensors) const {
    int begin = sequence.children.front(),
        end = tree.nodes[sequence.children.back()].end;
    int first = sequence.children.back(), last = begin;
    for (int tensor : tensors)
      if (auto nodes = tree.touchesWithin(tensor, begin, end); !nodes.empty()) {
        first = std::min(first, nodes.front());
        last = std::max(last, nodes.back());
      }
    auto childWith = [&](int node) -> int {
      return llvm::upper_bound(sequence.children, node) -
             sequence.children.begin() - 1;
    };
    return {childWith(first), childWith(last)};
  }

  /// One space, for one tensor or for several that share it.
  struct Space {
    llvm::SmallVector<int, 2> tensors;
    size_t level;
    uint64_t bytes;
  };

  /// Space at a node; with `late`, only from the first child of sequences on
  /// that touches the tensor, with `early`, only up to the last. Storage nodes
  /// and loops of one step are seen through.
  void occupy(int id, const Space &space, bool late, bool early) {
    const Node &node = tree.nodes[id];
    bool passes =
        node.kind == NodeKind::storage || (node.isLoop() && node.steps == 1);
    if (passes && (late || early))
      return occupy(node.children.front(), space, late, early);
    int first = 0, last = static_cast<int>(node.children.size()) - 1;
    if (node.kind == NodeKind::sequence && (late || early)) {
      auto [begin, end] = childrenTouching(node, space.tensors);
      first = late ? begin : first;
      last = early ? std::max(first, end) : last;
      for (int i = first; i <= last; ++i)
        occupy(node.children[i], space, late && i == first, early && i == last);
      return;
    }
    if (scratch.profile)
      scratch.profile->reservations.back().occupied.push_back(id);
    scratch.counter.add(constant[id * levels + space.level], space.bytes);
  }

  void combine(int id) {
    const Node &node = tree.nodes[id];
    for (size_t level = 0; level < levels; ++level) {
      uint64_t below = 0;
      for (int child : node.children) {
        uint64_t one = peaks[child * levels + level];
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
  if (scratch.profile)
    for (int leaf : tree.leaves)
      for (size_t level = 0; level < tree.arch->levels.size(); ++level)
        scratch.profile->occupancy.push_back(counter.whileRuns(leaf, level));
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
