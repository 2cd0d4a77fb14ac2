//===- AccessCounts.cpp - What a schedule moves ---------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Two kinds of event move data: control entering or leaving a storage node
// (fills and drains), and a leaf reading or writing one spatial step. Each is a
// number of times and a number of words; both are products of loop steps.
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/Model.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace einsum;
using namespace einsum::cost;

Traffic &Traffic::operator+=(const Traffic &other) {
  readBytes += other.readBytes;
  writeBytes += other.writeBytes;
  readAccesses += other.readAccesses;
  writeAccesses += other.writeAccesses;
  return *this;
}

static uint64_t accessWords(const CascadeFacts &facts, const AccessFact &access,
                            llvm::ArrayRef<int64_t> tiles, bool carried) {
  const TensorFact &tensor = facts.tensors[access.tensor];
  uint64_t words = 1;
  for (auto [rank, coordinate] : llvm::zip(tensor.ranks, access.coordinates)) {
    int64_t span = std::min(coordinate.span(tiles), facts.ranks[rank].extent);
    if (carried && rank == tensor.iterativeRank && span > 1)
      span = tensor.carriedSteps;
    words *= span;
  }
  return words;
}

uint64_t einsum::cost::tileWords(const CascadeFacts &facts, int tensor,
                                 llvm::ArrayRef<const AccessFact *> accesses,
                                 llvm::ArrayRef<int64_t> tiles, bool carried) {
  uint64_t words = accesses.empty() ? facts.tensors[tensor].elements : 0;
  for (const AccessFact *access : accesses)
    words = std::max(words, accessWords(facts, *access, tiles, carried));
  return words;
}

uint64_t einsum::cost::leafRuns(const LoopTree &tree, const Node &leaf,
                                Counter &counter) {
  uint64_t runs = 1;
  for (int i : leaf.path)
    if (tree.nodes[i].kind == NodeKind::temporal && !leaf.isGuardedBy(i))
      runs = counter.mul(runs, tree.nodes[i].steps);
  return runs;
}

namespace {

class AccessCounter {
public:
  AccessCounter(const LoopTree &tree, Scratch &scratch, Evaluation &result)
      : tree(tree), facts(*tree.facts), arch(*tree.arch), scratch(scratch),
        counter(scratch.counter), result(result), levels(arch.levels.size()) {}

  void run() {
    for (auto [id, node] : llvm::enumerate(tree.nodes)) {
      if (node.kind == NodeKind::storage && !node.passthrough)
        for (const HeldTensor &held : node.held)
          countTile(id, node, held);
      if (node.kind == NodeKind::leaf)
        countLeaf(id, node);
    }
  }

private:
  enum Direction { reading, writing };

  /// `times` transfers of `words` each at the level of storage node `storage`,
  /// caused by node `where`.
  void charge(int where, int storage, int tensor, int einsum, Direction direction,
              uint64_t times, uint64_t words) {
    chargeLevel(where, tree.nodes[storage].level, tensor, einsum, direction, times,
                words);
  }

  void chargeLevel(int where, int level, int tensor, int einsum, Direction direction,
                   uint64_t times, uint64_t words) {
    if (times == 0 || words == 0)
      return;
    uint64_t bytes = facts.tensors[tensor].bytes(words);
    uint64_t accesses = llvm::divideCeil(bytes, arch.levels[level].accessBytes);
    Traffic traffic;
    (direction == reading ? traffic.readBytes : traffic.writeBytes) =
        counter.mul(times, bytes);
    (direction == reading ? traffic.readAccesses : traffic.writeAccesses) =
        counter.mul(times, accesses);
    result.levels[level].traffic += traffic;
    result.tensorTraffic[tensor * levels + level] += traffic;
    if (einsum >= 0)
      result.einsumTraffic[einsum * levels + level] += traffic;
    scratch.nodeTraffic[where * levels + level] += traffic;
  }

  /// Moves words between node `where` and a storage node above it; what is not
  /// resident there goes on to that node's parent.
  void transfer(int where, int storage, int tensor, int einsum, Direction direction,
                uint64_t times, uint64_t words) {
    const Node &node = tree.nodes[storage];
    const HeldTensor &held = *llvm::find_if(
        node.held, [&](const HeldTensor &held) { return held.tensor == tensor; });
    if (node.resident < 0 || held.parent < 0) {
      charge(where, storage, tensor, einsum, direction, times, words);
      return;
    }
    tree.tilesAt(storage, scratch.tiles);
    uint64_t tile =
        tileWords(facts, tensor, held.accesses, scratch.tiles, /*carried=*/true);
    uint64_t kept = std::min<uint64_t>(node.resident, tile);
    uint64_t total = counter.mul(times, words);
    uint64_t spilled = counter.mulDiv(total, tile - kept, tile);
    // Elements are kept or spilled as a whole, so both shares keep the shape of
    // a step; only the number of steps is divided.
    charge(where, storage, tensor, einsum, direction, (total - spilled) / words, words);
    charge(where, held.parent, tensor, einsum, direction, 1, spilled);
  }

  //===--------------------------------------------------------------------===//
  // Fills and drains
  //===--------------------------------------------------------------------===//

  uint64_t product(llvm::ArrayRef<int> loops) {
    uint64_t steps = 1;
    for (int loop : loops)
      steps = counter.mul(steps, tree.nodes[loop].steps);
    return steps;
  }

  void countTile(int id, const Node &node, const HeldTensor &held) {
    if (held.parent < 0)
      return;
    uint64_t revisits = product(held.reductionLoops);
    if (!held.fill && !held.drain && revisits == 1)
      return;
    tree.tilesAt(id, scratch.tiles);
    uint64_t words =
        tileWords(facts, held.tensor, held.accesses, scratch.tiles, /*carried=*/false);
    for (int loop : held.spatialBetween)
      scratch.tiles[tree.nodes[loop].rank] *= tree.nodes[loop].steps;
    uint64_t together =
        tileWords(facts, held.tensor, held.accesses, scratch.tiles, /*carried=*/false);
    uint64_t entries = product(held.loops), copies = product(held.spatialBetween);
    uint64_t filled = held.fill ? entries : entries - entries / revisits;
    uint64_t drained = held.drain || revisits > 1 ? entries : 0;
    auto move = [&](Direction outside, Direction inside, uint64_t times) {
      transfer(id, held.parent, held.tensor, held.einsum, outside, times, together);
      charge(id, id, held.tensor, held.einsum, inside, counter.mul(times, copies), words);
    };
    move(reading, writing, filled);
    move(writing, reading, drained);
  }

  //===--------------------------------------------------------------------===//
  // Leaves
  //===--------------------------------------------------------------------===//

  /// How often a leaf repeats an access, one spatial step at a time.
  struct Repetition {
    uint64_t times = 1;
    uint64_t revisits = 1; ///< of which this many touch the same words
    uint64_t units = 1;    ///< units that take part
  };

  Repetition repetition(const Node &leaf, const LeafAccess &use) {
    const EinsumFact &einsum = facts.einsums[leaf.einsum];
    Repetition result;
    bool latched = true;
    for (int i : llvm::reverse(leaf.path)) {
      const Node &loop = tree.nodes[i];
      if (loop.steps == 1 || leaf.isGuardedBy(i))
        continue;
      bool below = i > use.storage, relevant = use.access->uses(loop.rank);
      if (loop.kind == NodeKind::spatial) {
        result.units *= loop.steps;
        if (!below)
          result.times = counter.mul(result.times, loop.steps);
        continue;
      }
      // What the innermost loops do not change stays in the unit.
      latched &= below && !relevant;
      if (latched)
        continue;
      result.times = counter.mul(result.times, loop.steps);
      if (use.isWrite && einsum.reduces(loop.rank))
        result.revisits = counter.mul(result.revisits, loop.steps);
    }
    return result;
  }

  /// The share of an access that lies within its tensor: reading one step before
  /// the first element is the initial value.
  uint64_t withinTensor(const AccessFact &access, uint64_t times) {
    const TensorFact &tensor = facts.tensors[access.tensor];
    for (auto [rank, coordinate] : llvm::zip(tensor.ranks, access.coordinates)) {
      if (rank != tensor.iterativeRank || coordinate.terms.size() != 1)
        continue;
      uint64_t extent = facts.ranks[rank].extent;
      uint64_t outside = std::min<uint64_t>(std::abs(coordinate.constant), extent);
      times = counter.mulDiv(times, extent - outside, extent);
    }
    return times;
  }

  uint64_t spatialWords(const Node &leaf, const LeafAccess &use) {
    scratch.tiles.assign(facts.ranks.size(), 1);
    for (int i : leaf.path)
      if (tree.nodes[i].kind == NodeKind::spatial && i > use.storage)
        scratch.tiles[tree.nodes[i].rank] *= tree.nodes[i].steps;
    return accessWords(facts, *use.access, scratch.tiles, /*carried=*/false);
  }

  void countLeaf(int id, const Node &leaf) {
    for (const LeafAccess &use : leaf.accesses)
      if (use.inRegisters)
        countRegisterAccess(id, leaf, use);
      else if (use.storage >= 0)
        countLeafAccess(id, leaf, use);
  }

  void countLeafAccess(int id, const Node &leaf, const LeafAccess &use) {
    Repetition repeat = repetition(leaf, use);
    uint64_t times = withinTensor(*use.access, repeat.times);
    uint64_t words = spatialWords(leaf, use);
    auto move = [&](Direction direction, uint64_t count) {
      transfer(id, use.storage, use.access->tensor, leaf.einsum, direction, count, words);
    };
    move(use.isWrite ? writing : reading, times);
    if (use.isWrite)
      move(reading, times - times / repeat.revisits);
    countOperandRegisters(id, leaf, use, times, repeat.units);
  }

  //===--------------------------------------------------------------------===//
  // Registers
  //===--------------------------------------------------------------------===//

  /// The tensor itself lives in the register file: one read or write per point.
  void countRegisterAccess(int id, const Node &leaf, const LeafAccess &use) {
    const EinsumFact &einsum = facts.einsums[leaf.einsum];
    charge(id, use.storage, use.access->tensor, leaf.einsum,
           use.isWrite ? writing : reading, einsum.points, 1);
    if (use.isWrite && !einsum.reduced.empty())
      charge(id, use.storage, use.access->tensor, leaf.einsum, reading, einsum.points, 1);
  }

  /// An operand that comes from elsewhere is latched in each unit's registers,
  /// then read at every point; a result is written there at every point and read
  /// to be accumulated or sent on.
  void countOperandRegisters(int id, const Node &leaf, const LeafAccess &use,
                             uint64_t deliveries, uint64_t units) {
    int level = arch.arrays[leaf.array].level;
    if (level < 0 || !tree.isRegisterFileOf(level, leaf.array))
      return;
    const EinsumFact &einsum = facts.einsums[leaf.einsum];
    int tensor = use.access->tensor;
    uint64_t arrivals = use.isWrite ? einsum.points : counter.mul(deliveries, units);
    chargeLevel(id, level, tensor, leaf.einsum, writing, arrivals, 1);
    chargeLevel(id, level, tensor, leaf.einsum, reading, einsum.points, 1);
  }

  const LoopTree &tree;
  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  Scratch &scratch;
  Counter &counter;
  Evaluation &result;
  size_t levels;
};

} // namespace

void einsum::cost::countAccesses(const LoopTree &tree, Scratch &scratch,
                                 Evaluation &result) {
  AccessCounter(tree, scratch, result).run();
}
