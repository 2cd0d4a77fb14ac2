//===- AccessCounts.cpp - What a schedule moves ---------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Two kinds of event move data: control entering or leaving a storage node
// (fills and drains), and a leaf reading or writing for a group of runs. How
// large these are how often, a TileQuery says; here they become bytes, accesses
// and the energy of delivering them.
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/Delivery.h"
#include "lib/CostModel/Model.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace einsum;
using namespace einsum::cost;

bool Traffic::addOverflows(const Traffic &other) {
  bool overflow = false;
  overflow |= __builtin_add_overflow(readBytes, other.readBytes, &readBytes);
  overflow |= __builtin_add_overflow(writeBytes, other.writeBytes, &writeBytes);
  overflow |=
      __builtin_add_overflow(readAccesses, other.readAccesses, &readAccesses);
  overflow |= __builtin_add_overflow(writeAccesses, other.writeAccesses,
                                     &writeAccesses);
  return overflow;
}

Traffic &Traffic::operator+=(const Traffic &other) {
  addOverflows(other);
  return *this;
}

namespace {

class AccessCounter {
public:
  AccessCounter(const LoopTree &tree, Queries &queries, Scratch &scratch,
                Evaluation &result)
      : tree(tree), facts(*tree.facts), arch(*tree.arch), queries(queries),
        scratch(scratch), counter(scratch.counter), result(result),
        levels(arch.levels.size()), ports(countPorts(arch)) {}

  void run() {
    countPoints();
    for (auto [i, tile] : llvm::enumerate(queries.tiles)) {
      const Node &node = tree.nodes[tile.node];
      if (!node.passthrough && node.held[tile.held].parent >= 0)
        countTile(tile, node, node.held[tile.held]);
    }
    for (Queries::Access &access : queries.accesses) {
      const Node &leaf = tree.nodes[access.leaf];
      const LeafAccess &use = leaf.accesses[access.access];
      if (use.inRegisters)
        countRegisterAccess(access.leaf, leaf, use);
      else
        countLeafAccess(access, leaf, use);
    }
  }

private:
  enum Direction { reading, writing };
  static uint64_t once(int) { return 1; }

  /// Asks, and remembers where there was no answer.
  void ask(TileQuery &query, bool unitsApart, TileQuery::Visit visit) {
    bool answered = scratch.generalOnly
                        ? query.runGeneral(unitsApart, counter, visit)
                        : query.run(unitsApart, counter, visit);
    if (answered || scratch.unanswered >= 0)
      return;
    scratch.unanswered = query.place().node;
    scratch.isMixed = query.isMixed();
  }

  //===--------------------------------------------------------------------===//
  // Charging
  //===--------------------------------------------------------------------===//

  /// Words that move together. Those of nodes bring every scale of the blocks
  /// that they touch; those of leaves and registers have their share.
  struct Load {
    uint64_t words;
    std::optional<uint64_t> blocks = std::nullopt;
  };

  uint64_t bytesOf(int tensor, const Load &load) const {
    const TensorFact &fact = facts.tensors[tensor];
    return load.blocks ? fact.wholeBytes(load.words, *load.blocks)
                       : fact.bytes(load.words);
  }

  void charge(int where, int level, int tensor, int einsum, Direction direction,
              uint64_t times, const Load &load) {
    if (times == 0 || load.words == 0)
      return;
    uint64_t bytes = bytesOf(tensor, load);
    if (uint64_t chunk = arch.levels[level].chunkBytes; chunk > 1)
      bytes = llvm::alignTo(bytes, chunk);
    uint64_t accesses = llvm::divideCeil(bytes, arch.levels[level].accessBytes);
    Traffic traffic;
    (direction == reading ? traffic.readBytes : traffic.writeBytes) =
        counter.mul(times, bytes);
    (direction == reading ? traffic.readAccesses : traffic.writeAccesses) =
        counter.mul(times, accesses);
    counter.overflowed |= result.levels[level].traffic.addOverflows(traffic);
    result.tensorTraffic[tensor * levels + level] += traffic;
    if (einsum >= 0)
      result.einsumTraffic[einsum * levels + level] += traffic;
    scratch.ownTraffic[where * ports + level] += traffic;
    if (scratch.profile)
      scratch.profile->traffic[{einsum, tensor, level}] += traffic;
  }

  /// Calls `act` with each storage node at which a part of a transfer is, from
  /// the home outwards, and the sizes of that part.
  template <typename Act>
  void forEachShare(int storage, int tensor, const TileClass &c, Act act) {
    if (c.shares.empty())
      return act(storage, c.sizes);
    for (const TileSizes &share : c.shares) {
      act(storage, share);
      const HeldTensor *part = findPart(tree, storage, tensor);
      if (!part)
        return; // all that is left is here
      storage = part->parent;
    }
  }

  /// Moves between node `where` and a storage node above it what `words` says
  /// of the sizes, so many times as `timesAt` says for a level.
  struct Move {
    int where, storage, tensor, einsum;
  };
  template <typename Times, typename Loads>
  void transfer(const Move &move, Direction direction, const TileClass &c,
                Times timesAt, Loads loadOf) {
    forEachShare(
        move.storage, move.tensor, c, [&](int storage, const TileSizes &sizes) {
          int level = tree.nodes[storage].level;
          charge(move.where, level, move.tensor, move.einsum, direction,
                 counter.mul(c.times, timesAt(level)), loadOf(sizes));
        });
  }

  /// How often a level repeats a read for so many units.
  auto repeatsFor(uint64_t sharing, uint64_t repeats) const {
    return [=](int level) {
      return std::max(accesses(sharing, arch.levels[level].multicast), repeats);
    };
  }

  /// Of the words of several writes, those that all but the first one read.
  uint64_t countRead(const TileSizes &sizes, uint64_t words) const {
    return arch.accounting.unreadSums
               ? std::min(words, sizes.partial + sizes.joined)
               : words;
  }

  static Load fetched(const TileSizes &sizes) {
    return {sizes.fetched, sizes.blocks.fetched};
  }
  static Load brought(const TileSizes &sizes) {
    return {sizes.fetched + sizes.partial, sizes.blocks.brought};
  }
  static Load received(const TileSizes &sizes) {
    return {sizes.fetched + sizes.ownPartial, sizes.blocks.received};
  }
  static Load drained(const TileSizes &sizes) {
    return {sizes.drained, sizes.blocks.drained};
  }
  static Load joined(const TileSizes &sizes) {
    return {sizes.joined, sizes.blocks.joined};
  }
  Load drainedAgain(const TileSizes &sizes) const {
    return {countRead(sizes, sizes.drained), arch.accounting.unreadSums
                                                 ? sizes.blocks.begun
                                                 : sizes.blocks.drained};
  }

  static uint64_t accesses(uint64_t units, const arch::Fanout &fanout) {
    return fanout.width == 0 ? 1 : llvm::divideCeil(units, fanout.width);
  }

  //===--------------------------------------------------------------------===//
  // The way in
  //===--------------------------------------------------------------------===//

  enum class Along { shared, dealt, nothing };

  /// How words of one transfer spread over units, and the links they pass.
  struct Way {
    uint64_t repeats = 1;
    std::vector<arch::Crossing> crossings;
  };

  /// From `home` to a node of the tree, whose links are `into`.
  Way findWay(int home, int place, bool isWrite,
              llvm::function_ref<Along(int)> along) const {
    if (!isFannedOut && arch.links.empty())
      return {};
    llvm::SmallVector<arch::Fan, 4> fans;
    for (int i = tree.nodes[place].parent; i > home; i = tree.nodes[i].parent) {
      const Node &loop = tree.nodes[i];
      if (loop.kind != NodeKind::spatial)
        continue;
      if (Along how = along(loop.rank); how != Along::nothing)
        fans.push_back({loop.dimLevel, loop.dim.str(),
                        static_cast<uint64_t>(loop.steps), how == Along::shared,
                        loop.stride});
    }
    int leaf = place;
    while (tree.nodes[leaf].kind != NodeKind::leaf)
      ++leaf;
    int array = tree.nodes[leaf].array;
    std::vector<int> into =
        tree.nodes[place].kind == NodeKind::leaf
            ? arch::linksIntoArray(arch, array)
            : arch::linksInto(arch, tree.nodes[place].level);
    std::vector<int> links =
        arch::linksBetween(arch::linksInto(arch, tree.nodes[home].level), into);
    return {arch::repeatsOf(arch, array, fans, isWrite),
            arch::crossingsOf(arch, array, links, fans, isWrite)};
  }

  void cross(int where, int tensor, const Way &way, uint64_t times,
             const Load &load) {
    if (times == 0 || load.words == 0)
      return;
    uint64_t bytes = counter.mul(times, bytesOf(tensor, load));
    for (const arch::Crossing &crossing : way.crossings) {
      uint64_t passing = counter.mul(bytes, crossing.copies);
      counter.add(result.links[crossing.link].bytes, passing);
      counter.add(
          scratch.ownTraffic[where * ports + levels + crossing.link].readBytes,
          passing);
      result.links[crossing.link].energyPj +=
          static_cast<double>(bytes) * crossing.hops *
          arch.links[crossing.link].pjPerByte;
    }
  }

  /// Of a tile: what no leaf below uses to address it is shared; partial values
  /// go to one unit each.
  Way findFillWay(const Queries::Tile &tile, const HeldTensor &held) const {
    return findWay(held.parent, tile.node, false, [&](int rank) {
      bool used = llvm::any_of(
          held.uses, [&](const Use &use) { return use.access->uses(rank); });
      return used || held.isProducedBelow ? Along::dealt : Along::shared;
    });
  }

  Way findDrainWay(const Queries::Tile &tile, const HeldTensor &held) const {
    int producer = facts.tensors[held.tensor].producer;
    return findWay(held.parent, tile.node, true, [&](int rank) {
      return producer >= 0 && facts.einsums[producer].reduces(rank)
                 ? Along::shared
                 : Along::dealt;
    });
  }

  /// A loop that guards the leaf has one unit at work.
  Way findLeafWay(int id, const Node &leaf, const LeafAccess &use,
                  bool isWrite) const {
    const EinsumFact &einsum = facts.einsums[leaf.einsum];
    return findWay(use.storage, id, isWrite, [&](int rank) {
      if (!einsum.iterates(rank))
        return Along::nothing;
      bool shared =
          isWrite ? einsum.reduces(rank) : !use.use.access->atLeaf().uses(rank);
      return shared ? Along::shared : Along::dealt;
    });
  }

  /// Partial values that one unit continues.
  Way findPartialWay(int id, const LeafAccess &use) const {
    return findWay(use.storage, id, false, [](int) { return Along::dealt; });
  }

  //===--------------------------------------------------------------------===//
  // Fills and drains
  //===--------------------------------------------------------------------===//

  void countTile(Queries::Tile &tile, const Node &node,
                 const HeldTensor &held) {
    const arch::Fanout &reduction = reductionBelow(held);
    auto placeOf = [&](int mover) { return mover >= 0 ? mover : tile.node; };
    ReadWords fills;
    Delivery drains;
    Way in = findFillWay(tile, held);
    Way out = findDrainWay(tile, held);
    auto outside = [&](const TileClass &c) {
      auto move = [&](int mover, Direction direction, auto timesAt,
                      auto loadOf) {
        transfer({placeOf(mover), held.parent, held.tensor, held.einsum},
                 direction, c, timesAt, loadOf);
        if (mover < 0)
          return;
        forEachShare(held.parent, held.tensor, c,
                     [&](int storage, const TileSizes &sizes) {
                       uint64_t times = counter.mul(
                           c.times, timesAt(tree.nodes[storage].level));
                       counter.add(scratch.moved[mover],
                                   counter.mul(times, bytesOf(held.tensor,
                                                              loadOf(sizes))));
                     });
      };
      cross(placeOf(held.fillMover), held.tensor, in, c.times,
            brought(c.sizes));
      cross(placeOf(held.drainMover), held.tensor, out, c.times,
            drained(c.sizes));
      auto repeats = repeatsFor(c.sharing, in.repeats);
      move(
          held.fillMover, reading,
          [&](int level) { return repeats(level) - 1; }, fetched);
      move(held.fillMover, reading, once, brought);
      uint64_t writes = std::max(accesses(c.reducing, reduction), out.repeats);
      move(held.drainMover, writing, [&](int) { return writes; }, drained);
      move(
          held.drainMover, reading, [&](int) { return writes - 1; },
          [&](const TileSizes &sizes) { return drainedAgain(sizes); });
      move(held.drainMover, reading, once, joined);
      noteFetched(fills, &Delivery::shared, held.parent, held.tensor, c);
      drains.shared += counter.mul(c.times, c.sizes.drained);
    };
    auto inside = [&](const TileClass &c) {
      charge(placeOf(held.fillMover), node.level, held.tensor, held.einsum,
             writing, c.times, received(c.sizes));
      charge(placeOf(held.drainMover), node.level, held.tensor, held.einsum,
             reading, c.times, drained(c.sizes));
      noteFetched(fills, &Delivery::each, held.parent, held.tensor, c);
      drains.each += counter.mul(c.times, c.sizes.drained);
    };
    TileQuery &query = queries.of(tile);
    if (tile.hasUnits) {
      ask(query, /*unitsApart=*/false, outside);
      ask(query, /*unitsApart=*/true, inside);
    } else {
      ask(query, /*unitsApart=*/false, [&](const TileClass &c) {
        outside(c);
        TileClass own = c;
        own.sizes.ownPartial = c.sizes.partial;
        own.sizes.blocks.received = c.sizes.blocks.brought;
        inside(own);
      });
    }
    deliver(fills);
    reduce(held.uses, reduction, drains);
  }

  /// Words moved once for all units that share them, and once for each.
  struct Delivery {
    uint64_t shared = 0, each = 0;
    double further() const {
      return each > shared ? static_cast<double>(each - shared) : 0;
    }
  };

  /// By level, as parts of what is read may be further out.
  using ReadWords = llvm::SmallMapVector<int, Delivery, 2>;

  void noteFetched(ReadWords &words, uint64_t Delivery::*whose, int storage,
                   int tensor, const TileClass &c) {
    forEachShare(storage, tensor, c, [&](int at, const TileSizes &sizes) {
      words[tree.nodes[at].level].*whose += counter.mul(c.times, sizes.fetched);
    });
  }

  void deliver(const ReadWords &words) {
    for (const auto &[level, some] : words)
      result.levels[level].multicastPj +=
          some.further() * arch.levels[level].multicast.energyPj;
  }

  void reduce(llvm::ArrayRef<Use> uses, const arch::Fanout &reduction,
              const Delivery &words) {
    for (const Use &use : uses)
      if (use.isWrite)
        result.arrays[tree.nodes[use.leaf].array].reductionPj +=
            words.further() * reduction.energyPj;
  }

  const arch::Fanout &reductionBelow(const HeldTensor &held) const {
    static const arch::Fanout free;
    for (const Use &use : held.uses)
      if (use.isWrite)
        return arch.arrays[tree.nodes[use.leaf].array].reduction;
    return free;
  }

  //===--------------------------------------------------------------------===//
  // Leaves
  //===--------------------------------------------------------------------===//

  void countPoints() {
    scratch.points.assign(tree.leaves.size(), 0);
    scratch.runs.assign(tree.leaves.size(), 0);
    for (auto [i, leaf] : llvm::enumerate(tree.leaves)) {
      const EinsumFact &einsum = facts.einsums[tree.nodes[leaf].einsum];
      uint64_t &points = scratch.points[i], &runs = scratch.runs[i];
      if (tree.hasDemands || scratch.generalOnly)
        ask(queries.pointsOf(i), true, [&](const TileClass &c) {
          counter.add(points, counter.mul(c.times, c.sizes.fetched));
        });
      else
        points = einsum.points;
      if (tree.perfect && einsum.domain.empty() && !scratch.generalOnly)
        runs = countSteps(tree.nodes[leaf]);
      else
        ask(queries.runsOf(i), false,
            [&](const TileClass &c) { counter.add(runs, c.times); });
      result.einsums[tree.nodes[leaf].einsum].points = points;
    }
  }

  /// Runs of a leaf where every tile divides and no domain is cut.
  uint64_t countSteps(const Node &leaf) {
    uint64_t steps = 1;
    for (int loop : leaf.path)
      if (tree.nodes[loop].kind == NodeKind::temporal &&
          !leaf.isGuardedBy(loop))
        steps = counter.mul(steps, tree.nodes[loop].steps);
    return steps;
  }

  uint64_t pointsOf(int leaf) const {
    return scratch.points[llvm::find(tree.leaves, leaf) - tree.leaves.begin()];
  }

  void countLeafAccess(Queries::Access &access, const Node &leaf,
                       const LeafAccess &use) {
    int tensor = use.use.access->tensor;
    const arch::Fanout &reduction = arch.arrays[leaf.array].reduction;
    Delivery sums;
    ReadWords read;
    Way way = findLeafWay(access.leaf, leaf, use, use.use.isWrite);
    Way partials = findPartialWay(access.leaf, use);
    TileQuery &query = queries.of(access);
    ask(query, /*unitsApart=*/false, [&](const TileClass &c) {
      auto move = [&](Direction direction, auto timesAt, auto count) {
        transfer({access.leaf, use.storage, tensor, leaf.einsum}, direction, c,
                 timesAt,
                 [&](const TileSizes &sizes) { return Load{count(sizes)}; });
      };
      auto written = [](const TileSizes &sizes) { return sizes.written; };
      if (!use.use.isWrite) {
        cross(access.leaf, tensor, way, c.times, {c.sizes.fetched});
        move(reading, repeatsFor(c.sharing, way.repeats),
             [](const TileSizes &sizes) { return sizes.fetched; });
        noteFetched(read, &Delivery::shared, use.storage, tensor, c);
        return;
      }
      cross(access.leaf, tensor, way, c.times, {c.sizes.written});
      cross(access.leaf, tensor, partials, c.times, {c.sizes.partial});
      uint64_t writes = std::max(accesses(c.reducing, reduction), way.repeats);
      move(writing, [&](int) { return writes; }, written);
      move(
          reading, [&](int) { return writes - 1; },
          [&](const TileSizes &sizes) {
            return countRead(sizes, sizes.written);
          });
      move(reading, once, [](const TileSizes &sizes) { return sizes.partial; });
      sums.shared += counter.mul(c.times, c.sizes.written);
    });
    bool feedsRegisters = hasRegisters(leaf);
    bool isPaid = paysEach(tree, access.leaf, use);
    if (!feedsRegisters && !isPaid)
      return;
    uint64_t latches = 0; // groups of each unit with an element
    if (!use.use.isWrite || isPaid)
      ask(query, /*unitsApart=*/true, [&](const TileClass &c) {
        sums.each += counter.mul(c.times, c.sizes.written);
        noteFetched(read, &Delivery::each, use.storage, tensor, c);
        latches += c.sizes.fetched != 0 ? c.times : 0;
      });
    if (use.use.isWrite)
      reduce(use.use, reduction, sums);
    else
      deliver(read);
    if (feedsRegisters)
      countOperandRegisters(access.leaf, leaf, use, latches);
  }

  //===--------------------------------------------------------------------===//
  // Registers
  //===--------------------------------------------------------------------===//

  bool hasRegisters(const Node &leaf) const {
    int level = arch.arrays[leaf.array].level;
    return level >= 0 && tree.isRegisterFileOf(level, leaf.array);
  }

  /// The tensor itself lives in the register file: one read or write per point.
  void countRegisterAccess(int id, const Node &leaf, const LeafAccess &use) {
    const EinsumFact &einsum = facts.einsums[leaf.einsum];
    int level = tree.nodes[use.storage].level, tensor = use.use.access->tensor;
    charge(id, level, tensor, leaf.einsum, use.use.isWrite ? writing : reading,
           pointsOf(id), {1});
    if (use.use.isWrite && !einsum.reduced.empty())
      charge(id, level, tensor, leaf.einsum, reading, pointsOf(id), {1});
  }

  /// An operand that comes from elsewhere is latched in each unit's registers,
  /// then read at every point; a result is written there at every point and
  /// read to be accumulated or sent on.
  void countOperandRegisters(int id, const Node &leaf, const LeafAccess &use,
                             uint64_t deliveries) {
    int level = arch.arrays[leaf.array].level, tensor = use.use.access->tensor;
    uint64_t points = pointsOf(id);
    charge(id, level, tensor, leaf.einsum, writing,
           use.use.isWrite ? points : deliveries, {1});
    charge(id, level, tensor, leaf.einsum, reading, points, {1});
  }

  const LoopTree &tree;
  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  Queries &queries;
  Scratch &scratch;
  Counter &counter;
  Evaluation &result;
  size_t levels, ports;
  /// Some dimension limits how far a word reaches along it.
  bool isFannedOut = llvm::any_of(arch.arrays, [](const arch::Array &array) {
    return llvm::any_of(array.dims, [](const arch::ArrayDim &dim) {
      return dim.multicastWidth != 0 || dim.reductionWidth != 0;
    });
  });
};

} // namespace

void einsum::cost::countAccesses(const LoopTree &tree, Queries &queries,
                                 Scratch &scratch, Evaluation &result) {
  AccessCounter(tree, queries, scratch, result).run();
}
