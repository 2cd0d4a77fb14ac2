//===- NestSearch.h - All nests of one Einsum that matter -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A nest is a descending path in the lattice of tile vectors, with holders on
// it; what comes below a place depends on the tile vector there and on where
// each operand is held by then, not on how the path got there. So the Pareto
// set of completions of a state is computed once (Bellman's principle):
//
//   state   t = (m 64, n 64, k 8), A and B at the buffer, Z at DRAM
//   moves   a smaller tile of one rank           no cost
//           hold an operand at a level           fills, drains, bytes
//           latch an operand in the units        accesses of the leaf
//           deal ranks to the units of a fan     no cost
//           leaf, when every tile is 1           operators, cycles
//
// There may be any number of loops, in any order, and of holders; the number of
// states is the number of tile vectors times that of placements.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_NEST_NESTSEARCH_H
#define LIB_MAPPER_NEST_NESTSEARCH_H

#include "lib/Mapper/Nest/DealTree.h"
#include "lib/Mapper/Nest/MergedRanks.h"
#include "lib/Mapper/Nest/Pareto.h"
#include "lib/Mapper/Nest/StateTable.h"
#include "lib/Mapper/Nest/TileCodec.h"

#include "llvm/ADT/Hashing.h"
#include "llvm/Support/Allocator.h"

#include <cmath>
#include <deque>
#include <functional>
#include <map>
#include <unordered_map>

namespace einsum::mapper {

/// One node of a nest; `tile` is the tile vector where it stands.
struct NestStep {
  enum class Kind : uint8_t { hold, latch, deal, leaf } kind;
  int8_t operand = -1, level = -1, stage = 0;
  uint32_t tile = 0; ///< packed, see TileCodec
  const Deals *deals = nullptr;
  const NestStep *next = nullptr;
};

/// The same in the ranks of the Einsum (MergedRanks.h).
struct NestNode {
  const NestStep *step = nullptr;
  llvm::SmallVector<int64_t, 8> tiles; ///< where it stands
  Deals deals;                         ///< of a deal: those of its stage
};

struct NestEntry {
  Costs costs{};
  NestStep step; ///< the first node; the others hang from it
};

/// Where an operand is held innermost.
struct Holding {
  static constexpr uint8_t kOutside = kMaxPath; ///< added if it lives on chip
  static constexpr uint8_t kOffPath = 2 * kMaxPath;
  static constexpr uint8_t kRegisters = 254, kLatched = 255;
};
using Holdings = std::array<uint8_t, kMaxOperands>;
/// What a fixed order of loops (lib/Arch/Constraints.h) leaves: where the last
/// node above stands, and the ranks that no loop may have before the next one.
struct LoopOrder {
  static constexpr uint8_t kFree = 254; ///< as if no order were about it
  static constexpr uint8_t kAny = 255;  ///< the orders of all levels are
  uint8_t within = 0;                   ///< index into the path
  uint32_t barred = 0;
  bool operator==(const LoopOrder &other) const {
    return within == other.within && barred == other.barred;
  }
};

/// What tells placements apart.
struct PlacementKey {
  Holdings holdings;
  uint8_t stage;
  int config;
  bool mustPlace;
  LoopOrder order;
  int begun;

  bool operator==(const PlacementKey &other) const {
    return holdings == other.holdings && stage == other.stage &&
           config == other.config && mustPlace == other.mustPlace &&
           order == other.order && begun == other.begun;
  }
  struct Hash {
    size_t operator()(const PlacementKey &key) const {
      return llvm::hash_combine(
          llvm::hash_combine_range(key.holdings.begin(), key.holdings.end()),
          key.stage, key.config, key.mustPlace, key.order.within,
          key.order.barred, key.begun);
    }
  };
};
/// Per operand, the packed tile vector below which no loop uses it.
using LatchTiles = std::array<uint32_t, kMaxOperands>;

struct SearchCounts {
  uint64_t states = 0, entries = 0;
  uint64_t dominated = 0, overCapacity = 0, ruledOut = 0, overBound = 0;

  SearchCounts &operator+=(const SearchCounts &other);
};

/// What is known about the rest of a cascade when one nest is searched.
struct NestBounds {
  /// Whether no mapping of at least this energy, this many cycles and this
  /// traffic of the Einsum is of interest. Empty: all are.
  std::function<bool(double energy, double cycles, double traffic)> isHopeless;
  /// Entries kept per state, those of best `score` and those that hold least;
  /// 0: all.
  size_t beam = 0;
  std::function<double(double energy, double cycles, double traffic)> score;
  std::function<bool()> shouldStop;
  size_t mostBytes = ~size_t(0); ///< of memory; then it stops
  bool dominance = true;         ///< only the Pareto set of completions is kept
};

class NestSearch {
public:
  NestSearch(const EinsumOnArray &nest, const arch::ArchSpec &arch,
             const Axes &axes);

  /// Every way that an operand may be held at the outset; must come before
  /// `complete`. Finds the least costs of any nest, capacities aside; of more
  /// than so many states it says nothing, and all costs are 0.
  void explore(llvm::ArrayRef<Holdings> starts,
               std::function<bool()> shouldStop = {},
               size_t mostStates = ~size_t(0));
  double leastEnergy() const { return least[0]; }
  double leastCycles() const { return least[1]; }
  double leastTraffic() const { return least[2]; }
  /// The least energy and traffic where the operand has no holder outside.
  std::pair<double, double> leastAlone(int operand) const {
    return alone[operand];
  }
  /// Nests of one start, each loop a single step in its rank's tiles.
  double countTrees() const { return trees; }

  /// Goes on with bounds that are no weaker than before. Forgets what was
  /// found, but for the same beam.
  void restart(NestBounds bounds);
  /// The ways to go on below a place at which no fan-out has been passed.
  /// Operands that no loop further in uses are latched at `latches`, further
  /// out. `order` is what loops above leave of a fixed order, if there is one.
  llvm::ArrayRef<NestEntry> complete(uint32_t tile, const Holdings &holdings,
                                     const LatchTiles &latches,
                                     LoopOrder order = {});
  /// Whether a loop over local rank `inner` may stand inside one over `outer`
  /// below a node at `within`.
  bool mayStandInside(uint8_t within, int outer, int inner) const;
  /// Adds the cost of holding an operand at a place above fan-outs, innermost
  /// held as `from` says; how it is held then, or nothing if that is not
  /// allowed. Of registers, `atLeaf` has what leaves move to and from them.
  std::optional<uint8_t> hold(Costs &costs, Costs &atLeaf, int operand,
                              uint8_t from, int pathIndex, uint32_t tile);
  /// The same for a holder at any level of one instance, on the path or not,
  /// below the backing level; unchecked.
  void addHolder(Costs &costs, int operand, int level, uint32_t tile) const;
  uint64_t heldBytes(int operand, int level, uint32_t tile) const;

  const EinsumOnArray &getNest() const { return apart; }
  const TileCodec &getCodec() const { return apartCodec; }
  /// The nodes of a nest below a place with the tiles `at`.
  std::vector<NestNode> listNodes(const NestStep *first,
                                  llvm::ArrayRef<int64_t> at) const;
  /// A rank of the Einsum, of those that deals of steps have as one.
  int ownRank(int merged) const { return ranks.ownRank(merged); }
  /// Code of a level off the path that a tensor lives at.
  uint8_t codeOffPath(int level);
  const SearchCounts &getCounts() const { return counts; }
  /// Bytes of what was found.
  size_t memory() const { return remembered + known.memory(); }

private:
  /// What a state is besides its tile vector. Few, so they are numbered.
  struct Placement {
    Holdings holdings{};
    uint8_t stage = 0;
    bool mustPlace = false; ///< right below a fan-out: a holder, a fan-out or
                            ///< the leaf
    int config = DealTree::kRoot; ///< a whole one with the first latch
    LoopOrder order;
    /// Of what is written, NestCounts::beginAnew: an index into `begunSets`.
    int begun = 0;
    /// (operand, index into the path) that may be held next.
    llvm::SmallVector<std::pair<int, int>, 8> holds;
    llvm::SmallVector<int, 4> latches; ///< operands
    bool mayEnd = true;                ///< nothing else has to be held
  };
  struct State {
    int placement;
    uint32_t tile;
  };
  /// The least energy and the least traffic from the top to a state, rounded
  /// down; infinite if no leaf is reached from there.
  struct LeastBefore {
    float energy = INFINITY, traffic = INFINITY;
  };
  using Entries = std::vector<NestEntry>;   ///< of a state that is worked on
  using Solved = llvm::ArrayRef<NestEntry>; ///< of one that is done

  void markOperands();
  Holdings canonical(const Holdings &holdings) const;
  bool isSketched(const Placement &placement, int operand, int pathIndex) const;
  bool leavesOut(const Placement &placement, int pathIndex) const;
  bool isReached(const Placement &placement, int stage) const;
  int belowLoop(int placement, int rank);
  uint64_t begunOf(const Placement &placement, int operand) const {
    return begunSets[placement.begun][operand];
  }
  void setBegun(Placement &placement, int operand, uint64_t begun);
  bool isRegisters(int pathIndex) const;
  uint8_t codeBelow(uint8_t from, int pathIndex) const;
  int numberOf(const Placement &placement);
  int nextPlacement(const State &state, Placement &next);
  bool isAlive(const Placement &placement, uint32_t tile) const {
    return configs.isAlive(placement.config, placement.stage,
                           [&](int rank) { return codec.index(tile, rank); });
  }
  Solved solve(const State &state);
  Solved keep(const Entries &entries);

  /// Calls `fn(below, added, step)` for each move; a smaller tile is no node,
  /// and has the step null.
  template <typename Fn> void forEachMove(const State &state, Fn fn);
  template <typename Fn> bool latchAtOnce(const State &state, Fn fn);
  template <typename Fn> void shrink(const State &state, Fn fn);
  template <typename Fn> void holdBelow(const State &state, Fn fn);
  template <typename Fn> void latch(const State &state, int config, Fn fn);
  template <typename Fn>
  bool latchOne(const State &state, int config, int operand, Fn fn);
  template <typename Fn> void deal(const State &state, int config, Fn fn);
  void addAllAccesses(Costs &costs, const State &state, int config) const;
  bool finish(const State &state, NestEntry &entry);
  /// Adds the ways in which the operands of `mask` are latched further out.
  void latchOutside(const State &top, int config, uint32_t mask,
                    const LatchTiles &latches, Entries &out);
  bool isSettled(const Operand &operand, llvm::ArrayRef<int64_t> tiles,
                 const NestCounts &moves, int stage) const;
  void append(Entries &out, Solved below, const Costs &added,
              const NestStep &step, bool leavesStage,
              const LeastBefore &before);
  double scoreOf(const NestEntry &entry) const;
  double heldBy(const NestEntry &entry) const;
  void keepTwo(std::vector<NestEntry> &entries);
  void thin(std::vector<NestEntry> &entries) const;

  const NestCounts &countsOf(int config) const {
    return *configs[config].counts;
  }
  /// The axes of costs, and one more where sums drain before another array
  /// reads them: how long that takes follows from the ranks dealt.
  int axesOfNests() const { return axes.count + (drains ? 1 : 0); }
  double drainSteps(const Deals &deals, int stage) const;
  /// Once stopped, it stays so until the next start.
  bool isStopped() {
    stopped |= memory() > bounds.mostBytes;
    if (!stopped && bounds.shouldStop &&
        (nest.cut || ++asked % kAskEvery == 0)) // what is cut takes long
      stopped = bounds.shouldStop();
    return stopped;
  }
  int levelOf(uint8_t code) const;
  int stageOf(uint8_t code) const;
  /// Whether nothing further in on the path has to hold the operand.
  bool mayStayAt(int operand, uint8_t code, int upTo) const;
  bool fits(int level, uint64_t bytes) const;
  bool mayHold(int operand, uint8_t from, int pathIndex,
               llvm::ArrayRef<int64_t> tiles) const;

  /// The tile vector in merged ranks; those of callers are in the Einsum's own.
  uint32_t mergeTile(uint32_t tile);

  const EinsumOnArray &apart; ///< in the Einsum's own ranks
  MergedRanks ranks;
  const EinsumOnArray &nest; ///< that is searched
  const arch::ArchSpec &arch;
  const Axes &axes;
  TileCodec apartCodec, codec;
  StateTable<uint32_t> mergedTiles; ///< plus one; all in one placement
  using BegunSet = std::array<uint64_t, kMaxOperands>;
  std::vector<BegunSet> begunSets = {BegunSet{}};
  std::map<BegunSet, int> begunNumbers = {{BegunSet{}, 0}};
  DealTree configs;
  std::deque<Placement> placements;
  std::unordered_map<PlacementKey, int, PlacementKey::Hash> numbers;
  /// Which of `solved`, plus two. Most states have no completion at all.
  static constexpr uint32_t kUnknown = 0, kNothing = 1;
  StateTable<uint32_t> known;
  std::deque<Solved> solved;
  /// By placement, tile vector and where operands are latched outside.
  std::map<std::vector<uint32_t>, Solved> knownOutside;
  llvm::BumpPtrAllocator storage;      ///< of all entries
  size_t remembered = 0;               ///< bytes, about
  StateTable<LeastBefore> leastBefore; ///< of placements that were walked
  std::array<double, 3> least{};
  std::array<std::pair<double, double>, kMaxOperands> alone{};
  double trees = 0;
  std::vector<int> offPath;
  uint32_t free = 0; ///< operands that may be held alike wherever they live
  uint32_t once = 0; ///< operands of which each point has another element
  SearchCounts counts;
  NestBounds bounds;
  bool stopped = false;
  /// Clocks are slow: one look per so many states.
  static constexpr unsigned kAskEvery = 64;
  unsigned asked = 0;
  bool drains = false; ///< what it reduces, through units, for other arrays
  bool holdsAtUnits = false; ///< a level is private to the units
  bool ordered = false;      ///< some level has a fixed order of loops
  Deals noDeals;
  NestCounts apartShared; ///< above all fan-outs, for callers
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_NEST_NESTSEARCH_H
