//===- NestSearch.cpp - All nests of one Einsum that matter ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/NestSearch.h"

#include "lib/Mapper/Nest/ListDeals.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

#include <set>

using namespace einsum;
using namespace einsum::mapper;

SearchCounts &SearchCounts::operator+=(const SearchCounts &other) {
  states += other.states;
  entries += other.entries;
  dominated += other.dominated;
  overCapacity += other.overCapacity;
  ruledOut += other.ruledOut;
  overBound += other.overBound;
  return *this;
}

//===----------------------------------------------------------------------===//
// Tile vectors
//===----------------------------------------------------------------------===//

TileCodec::TileCodec(llvm::ArrayRef<LocalRank> ranks) : ranks(ranks) {
  for (const LocalRank &rank : ranks) {
    strides.push_back(static_cast<uint32_t>(total));
    sizes.push_back(rank.tiles.size());
    total *= rank.tiles.size();
  }
}

uint32_t TileCodec::pack(llvm::ArrayRef<int> indices) const {
  uint32_t code = 0;
  for (auto [i, index] : llvm::enumerate(indices))
    code += index * strides[i];
  return code;
}

void TileCodec::unpack(uint32_t code,
                       llvm::MutableArrayRef<int> indices) const {
  for (size_t i = 0; i < indices.size(); ++i)
    indices[i] = index(code, i);
}

void TileCodec::tiles(uint32_t code,
                      llvm::SmallVectorImpl<int64_t> &tiles) const {
  tiles.resize(ranks.size());
  for (size_t i = 0; i < ranks.size(); ++i)
    tiles[i] = ranks[i].tiles[index(code, i)];
}

uint32_t TileCodec::with(uint32_t code, int rank, int to) const {
  return code + (to - index(code, rank)) * strides[rank];
}

uint32_t NestSearch::mergeTile(uint32_t tile) {
  if (ranks.isEmpty())
    return tile;
  if (uint32_t found = mergedTiles.get(0, tile))
    return found - 1;
  llvm::SmallVector<int64_t, 8> own, merged;
  apartCodec.tiles(tile, own);
  ranks.merge(own, merged);
  llvm::SmallVector<int, 8> indices;
  for (auto [rank, wanted] : llvm::zip(nest.ranks, merged)) {
    auto found = llvm::lower_bound(rank.tiles, wanted, std::greater<>());
    assert(*found == wanted && "products of tiles");
    indices.push_back(static_cast<int>(found - rank.tiles.begin()));
  }
  uint32_t code = codec.pack(indices);
  mergedTiles.at(0, tile, apartCodec.count()) = code + 1;
  return code;
}

std::vector<NestNode> NestSearch::listNodes(const NestStep *first,
                                            llvm::ArrayRef<int64_t> at) const {
  std::vector<NestNode> nodes;
  llvm::SmallVector<int64_t, 8> own(at.begin(), at.end()), tiles;
  for (const NestStep *step = first; step; step = step->next) {
    NestNode &node = nodes.emplace_back();
    node.step = step;
    codec.tiles(step->tile, tiles);
    ranks.split(tiles, own);
    node.tiles = own;
    if (step->kind != NestStep::Kind::deal)
      continue;
    node.deals = ranks.split(*step->deals, step->stage, own);
    for (const Deal &deal : node.deals)
      own[deal.rank] = deal.chunk ? deal.chunk : own[deal.rank] / deal.units;
  }
  return nodes;
}

//===----------------------------------------------------------------------===//
// Deals
//===----------------------------------------------------------------------===//

/// Those that come to the same in merged ranks once.
static std::vector<Deals> listMerged(const EinsumOnArray &apart,
                                     const MergedRanks &ranks) {
  std::vector<Deals> ways;
  std::set<std::vector<std::array<int64_t, 3>>> seen;
  for (const Deals &way : listDeals(apart)) {
    Deals merged = ranks.merge(way);
    std::vector<std::array<int64_t, 3>> key;
    for (const Deal &deal : merged)
      key.push_back({deal.fan, deal.rank, deal.units});
    if (ranks.isEmpty() || seen.insert(std::move(key)).second)
      ways.push_back(std::move(merged));
  }
  return ways;
}

NestSearch::NestSearch(const EinsumOnArray &nest, const arch::ArchSpec &arch,
                       const Axes &axes)
    : apart(nest), ranks(nest, arch), nest(ranks.getNest()), arch(arch),
      axes(axes), apartCodec(apart.ranks), codec(this->nest.ranks),
      configs(this->nest, arch, axes, listMerged(apart, ranks)),
      apartShared(apart, arch, axes, noDeals) {
  drains = axes.cycles >= 0 && nest.reduces && nest.feedsOthers &&
           arch.arrays.size() > 1 && !arch.accounting.freeSums;
  ordered = nest.constraints->ordersLoops();
  holdsAtUnits = llvm::is_contained(this->nest.stages, this->nest.lastStage);
  markOperands();
}

//===----------------------------------------------------------------------===//
// Where operands are held
//===----------------------------------------------------------------------===//

uint8_t NestSearch::codeOffPath(int level) {
  auto found = llvm::find(offPath, level);
  if (found == offPath.end())
    found = offPath.insert(offPath.end(), level);
  return Holding::kOffPath + (found - offPath.begin());
}

int NestSearch::levelOf(uint8_t code) const {
  if (code >= Holding::kOffPath)
    return offPath[code - Holding::kOffPath];
  return nest.path[code % Holding::kOutside];
}

int NestSearch::stageOf(uint8_t code) const {
  return code >= Holding::kOffPath ? 0 : nest.stages[code % Holding::kOutside];
}

/// Operands of which constraints say the same if they live at the backing level
/// and if they live further in; and those without any reuse.
void NestSearch::markOperands() {
  for (auto [o, operand] : llvm::enumerate(nest.operands)) {
    KeptTensor backing{operand.tensor, true}, inside{operand.tensor, false};
    bool isSame = llvm::all_of(nest.path, [&](int level) {
      return nest.constraints->mayKeep(level, backing) ==
                 nest.constraints->mayKeep(level, inside) &&
             nest.constraints->mustKeep(level, backing) ==
                 nest.constraints->mustKeep(level, inside);
    });
    free |= static_cast<uint32_t>(isSame) << o;
    bool isOnce = true;
    for (auto [r, rank] : llvm::enumerate(nest.ranks))
      isOnce &= rank.extent == 1 || operand.usesRank(static_cast<int>(r));
    once |= static_cast<uint32_t>(isOnce) << o;
  }
}

/// What goes on below does not depend on whether an operand lives where it is
/// held.
Holdings NestSearch::canonical(const Holdings &holdings) const {
  Holdings result = holdings;
  for (size_t o = 0; o < nest.operands.size(); ++o)
    if ((free >> o & 1) && result[o] < Holding::kOffPath)
      result[o] %= Holding::kOutside;
  return result;
}

/// Whether some operand could be held at a level further out.
bool NestSearch::leavesOut(const Placement &placement, int pathIndex) const {
  for (size_t o = 0; o < nest.operands.size(); ++o) {
    uint8_t from = placement.holdings[o];
    if ((once >> o & 1) || from >= Holding::kOffPath)
      continue;
    KeptTensor tensor{nest.operands[o].tensor, from < Holding::kOutside};
    for (int i = from % Holding::kOutside + 1; i < pathIndex; ++i)
      if (isReached(placement, nest.stages[i]) &&
          nest.constraints->mayKeep(nest.path[i], tensor))
        return true;
  }
  return false;
}

/// Of a sketch: holders of outer levels come first, and nothing is held that is
/// used once.
bool NestSearch::isSketched(const Placement &placement, int operand,
                            int pathIndex) const {
  if (!nest.sketch)
    return true;
  uint8_t from = placement.holdings[operand];
  KeptTensor tensor{nest.operands[operand].tensor, from < Holding::kOutside};
  if ((once >> operand & 1) &&
      !nest.constraints->mustKeep(nest.path[pathIndex], tensor))
    return false;
  if (nest.instant && leavesOut(placement, pathIndex))
    return false;
  bool isLast = pathIndex + 1 == static_cast<int>(nest.path.size());
  return llvm::none_of(placement.holdings, [&](uint8_t code) {
    return code == Holding::kRegisters
               ? !isLast
               : code < Holding::kOffPath &&
                     code % Holding::kOutside > pathIndex;
  });
}

bool NestSearch::fits(int level, uint64_t bytes) const {
  const arch::Level &fact = arch.levels[level];
  return !fact.capacityBytes ||
         bytes <= *fact.capacityBytes * arch.instances(fact);
}

bool NestSearch::mayStayAt(int operand, uint8_t code, int upTo) const {
  if (code >= Holding::kOffPath)
    return true;
  KeptTensor tensor{nest.operands[operand].tensor, code < Holding::kOutside};
  for (int i = code % Holding::kOutside + 1; i < upTo; ++i)
    if (nest.constraints->mustKeep(nest.path[i], tensor))
      return false;
  return true;
}

bool NestSearch::mayHold(int operand, uint8_t from, int pathIndex,
                         llvm::ArrayRef<int64_t> tiles) const {
  const Operand &fact = nest.operands[operand];
  int level = nest.path[pathIndex];
  KeptTensor tensor{fact.tensor, from < Holding::kOutside};
  if (!nest.constraints->mayKeep(level, tensor) ||
      !mayStayAt(operand, from, pathIndex))
    return false;
  if (nest.constraints->boundsTiles(level))
    for (auto [rank, extent] : fact.opaque)
      if (!nest.constraints->mayHoldTile(level, rank, extent, extent))
        return false;
  if (nest.constraints->boundsTiles(level))
    for (size_t rank = 0; rank < nest.ranks.size(); ++rank)
      if (nest.constraints->isBounded(fact.tensor, nest.ranks[rank].rank) &&
          !nest.constraints->mayHoldTile(level, nest.ranks[rank].rank,
                                         tiles[rank], nest.ranks[rank].extent))
        return false;
  return true;
}

std::optional<uint8_t> NestSearch::hold(Costs &costs, Costs &atLeaf,
                                        int operand, uint8_t from,
                                        int pathIndex, uint32_t tile) {
  const Operand &fact = apart.operands[operand];
  llvm::SmallVector<int64_t, 8> tiles;
  apartCodec.tiles(tile, tiles);
  Place place{tiles, 0};
  int level = nest.path[pathIndex];
  if (nest.stages[pathIndex] != 0 ||
      !mayHold(operand, from, pathIndex, tiles)) {
    ++counts.ruledOut;
    return std::nullopt;
  }
  if (!fits(level, apartShared.heldBytes(fact, level, place))) {
    ++counts.overCapacity;
    return std::nullopt;
  }
  apartShared.addHolder(costs, fact, level, levelOf(from), stageOf(from),
                        place);
  if (isRegisters(pathIndex))
    apartShared.addRegisterAccesses(atLeaf, fact, level);
  return codeBelow(from, pathIndex);
}

/// Leaves take from registers at each point, wherever loops stand.
bool NestSearch::isRegisters(int pathIndex) const {
  return nest.feedsRegisters &&
         pathIndex + 1 == static_cast<int>(nest.path.size());
}

/// Where an operand is held further in than `from`.
uint8_t NestSearch::codeBelow(uint8_t from, int pathIndex) const {
  if (isRegisters(pathIndex))
    return Holding::kRegisters;
  return static_cast<uint8_t>(pathIndex +
                              (from / Holding::kOutside) * Holding::kOutside);
}

void NestSearch::addHolder(Costs &costs, int operand, int level,
                           uint32_t tile) const {
  llvm::SmallVector<int64_t, 8> tiles;
  apartCodec.tiles(tile, tiles);
  apartShared.addHolder(costs, apart.operands[operand], level, /*parent=*/0,
                        /*parentStage=*/0, {tiles, 0});
}

uint64_t NestSearch::heldBytes(int operand, int level, uint32_t tile) const {
  llvm::SmallVector<int64_t, 8> tiles;
  apartCodec.tiles(tile, tiles);
  return apartShared.heldBytes(apart.operands[operand], level, {tiles, 0});
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

/// Levels above fan-outs that deal nothing are no further out than those below.
bool NestSearch::isReached(const Placement &placement, int stage) const {
  if (stage >= placement.stage || placement.mustPlace)
    return stage == placement.stage;
  return llvm::none_of(configs[placement.config].deals, [&](const Deal &deal) {
    int at = nest.fans[deal.fan].stage;
    return at > stage && at <= placement.stage;
  });
}

int NestSearch::numberOf(const Placement &placement) {
  Holdings holdings = canonical(placement.holdings);
  PlacementKey key{holdings,         placement.stage,
                   placement.config, placement.mustPlace,
                   placement.order,  placement.begun};
  auto [found, isNew] = numbers.try_emplace(key, placements.size());
  if (!isNew)
    return found->second;
  Placement made = placement;
  made.holdings = holdings;
  int levels = nest.path.size();
  for (int o = 0; o < static_cast<int>(nest.operands.size()); ++o) {
    uint8_t from = made.holdings[o];
    if (from >= Holding::kRegisters)
      continue;
    if (mayStayAt(o, from, levels)) {
      if (!arch.accounting.everyRun && !made.mustPlace)
        made.latches.push_back(o);
    } else {
      made.mayEnd = false;
    }
    if (from >= Holding::kOffPath)
      continue;
    KeptTensor tensor{nest.operands[o].tensor, from < Holding::kOutside};
    for (int i = from % Holding::kOutside + 1; i < levels; ++i) {
      if (!isReached(made, nest.stages[i]) || !isSketched(made, o, i))
        continue;
      if (nest.constraints->mayKeep(nest.path[i], tensor) &&
          mayStayAt(o, from, i))
        made.holds.push_back({o, i});
      else
        ++counts.ruledOut;
    }
  }
  placements.push_back(std::move(made));
  return found->second;
}

bool NestSearch::mayStandInside(uint8_t within, int outer, int inner) const {
  if (within == LoopOrder::kFree || outer == inner)
    return true;
  for (size_t i = 0; i < nest.path.size(); ++i)
    if ((within == LoopOrder::kAny || within == i) &&
        !nest.constraints->mayStandInside(nest.path[i], nest.ranks[outer].rank,
                                          nest.ranks[inner].rank))
      return false;
  return true;
}

/// What costs the same in all cases is no reason to tell states apart.
void NestSearch::setBegun(Placement &placement, int operand, uint64_t begun) {
  uint8_t code = placement.holdings[operand];
  if (code >= Holding::kRegisters ||
      !countsOf(placement.config).pricesBegun(levelOf(code)))
    begun = 0;
  if (begunOf(placement, operand) == begun)
    return;
  BegunSet set = begunSets[placement.begun];
  set[operand] = begun;
  auto [found, isNew] = begunNumbers.try_emplace(set, begunSets.size());
  if (isNew)
    begunSets.push_back(set);
  placement.begun = found->second;
}

/// The placement after one more loop.
int NestSearch::belowLoop(int placement, int rank) {
  if (!ordered)
    return placement;
  Placement below = placements[placement];
  for (int inner = 0; inner < static_cast<int>(nest.ranks.size()); ++inner)
    if (!mayStandInside(below.order.within, rank, inner))
      below.order.barred |= 1u << inner;
  if (below.order == placements[placement].order)
    return placement;
  below.holds.clear();
  below.latches.clear();
  below.mayEnd = true;
  return numberOf(below);
}

/// One graph of states, walked from the top once: what costs least from there
/// to a state, and from a state to the leaf.
void NestSearch::explore(llvm::ArrayRef<Holdings> starts,
                         std::function<bool()> shouldStop, size_t mostStates) {
  bounds.shouldStop = std::move(shouldStop);
  /// Costs of the least energy, and of the least traffic, to and from a state.
  struct Least {
    double energyTo = INFINITY, energyFrom = INFINITY;
    double trafficTo = INFINITY, trafficFrom = INFINITY;
    double cyclesFrom = INFINITY;
    double trees = 0; ///< nests of single steps, told apart by their nodes
  };
  /// Rounded down, as what it is for.
  struct Edge {
    uint32_t to;
    float energy, traffic;
  };
  auto roundDown = [](double value) {
    auto rounded = static_cast<float>(value);
    return rounded > value ? std::nextafter(rounded, -INFINITY) : rounded;
  };
  // Children first; edges of one state lie together. Smaller tiles cost
  // nothing, and are found again.
  std::vector<Least> leastOf;
  std::vector<State> states;
  std::vector<Edge> edges;
  std::vector<uint32_t> firstEdge = {0};
  StateTable<uint32_t> ids; // plus one
  auto axis = [](const Costs &costs, int axis) {
    return axis < 0 ? 0 : costs[axis];
  };
  // Paths are no longer than there are factors and holders.
  bool isTooLarge = false;
  auto visit = [&](auto &self, const State &state) -> uint32_t {
    if (uint32_t id = ids.get(state.placement, state.tile))
      return id - 1;
    Least own;
    llvm::SmallVector<Edge, 8> mine;
    NestEntry leaf;
    if (finish(state, leaf)) {
      own.energyFrom = axis(leaf.costs, axes.energy);
      own.trafficFrom = axis(leaf.costs, axes.traffic);
      own.cyclesFrom = axis(leaf.costs, axes.cycles);
      own.trees = 1;
    }
    forEachMove(state, [&](const State &next, const Costs &added,
                           const NestStep *step) {
      uint32_t to = self(self, next);
      double energy = axis(added, axes.energy),
             traffic = axis(added, axes.traffic);
      const Least &below = leastOf[to];
      if (std::isinf(below.cyclesFrom))
        return; // no leaf there
      if (step)
        mine.push_back({to, roundDown(energy), roundDown(traffic)});
      own.energyFrom = std::min(own.energyFrom, energy + below.energyFrom);
      own.trafficFrom = std::min(own.trafficFrom, traffic + below.trafficFrom);
      own.cyclesFrom = std::min(own.cyclesFrom, below.cyclesFrom);
      if (!step || step->kind != NestStep::Kind::latch)
        own.trees += below.trees;
    });
    leastOf.push_back(own);
    states.push_back(state);
    edges.insert(edges.end(), mine.begin(), mine.end());
    firstEdge.push_back(static_cast<uint32_t>(edges.size()));
    auto id = static_cast<uint32_t>(states.size());
    ids.at(state.placement, state.tile, codec.count()) = id;
    isTooLarge |= states.size() > mostStates;
    stopped |= isTooLarge;
    return id - 1;
  };
  least = {INFINITY, INFINITY, INFINITY};
  alone.fill({INFINITY, INFINITY});
  for (const Holdings &holdings : starts) {
    Placement top;
    top.holdings = holdings;
    if (ordered) // whatever loops are above
      top.order.within = LoopOrder::kFree;
    Least &own = leastOf[visit(visit, {numberOf(top), 0})];
    own.energyTo = own.trafficTo = 0;
    least = {std::min(least[0], own.energyFrom),
             std::min(least[1], own.cyclesFrom),
             std::min(least[2], own.trafficFrom)};
    for (size_t o = 0; o < nest.operands.size(); ++o)
      if (holdings[o] == 0)
        alone[o] = {std::min(alone[o].first, own.energyFrom),
                    std::min(alone[o].second, own.trafficFrom)};
    trees = std::max(trees, own.trees);
  }
  counts.states += states.size();
  if (stopped) { // nothing is certain
    least = {0, 0, 0};
    alone.fill({0, 0});
    stopped = !isTooLarge;
    return;
  }
  for (size_t i = states.size(); i-- > 0;) {
    const Least &above = leastOf[i];
    auto reach = [&](uint32_t to, double energy, double traffic) {
      Least &below = leastOf[to];
      below.energyTo = std::min(below.energyTo, above.energyTo + energy);
      below.trafficTo = std::min(below.trafficTo, above.trafficTo + traffic);
    };
    for (size_t e = firstEdge[i]; e < firstEdge[i + 1]; ++e)
      reach(edges[e].to, edges[e].energy, edges[e].traffic);
    if (!placements[states[i].placement].mustPlace)
      shrink(states[i], [&](const State &below, const Costs &, NestStep *) {
        reach(ids.get(below.placement, below.tile) - 1, 0, 0);
      });
    LeastBefore &before =
        leastBefore.at(states[i].placement, states[i].tile, codec.count());
    if (!std::isinf(above.cyclesFrom))
      before = {roundDown(above.energyTo), roundDown(above.trafficTo)};
  }
}

void NestSearch::restart(NestBounds next) {
  // What was left out under a weaker bound may be left out under this one.
  bool isKept = !stopped && next.beam == bounds.beam && next.beam > 0 &&
                next.dominance == bounds.dominance;
  if (!isKept) {
    known.clear();
    solved.clear();
    knownOutside.clear();
    storage.Reset();
    remembered = 0;
  }
  bounds = std::move(next);
  stopped = false;
}

/// Stays where it is until the search starts again.
NestSearch::Solved NestSearch::keep(const Entries &entries) {
  static_assert(std::is_trivially_destructible_v<NestEntry>);
  auto *made = storage.Allocate<NestEntry>(entries.size());
  std::uninitialized_copy(entries.begin(), entries.end(), made);
  remembered += entries.size() * sizeof(NestEntry) + sizeof(Solved);
  return {made, entries.size()};
}

NestSearch::Solved NestSearch::complete(uint32_t tile, const Holdings &holdings,
                                        const LatchTiles &ownLatches,
                                        LoopOrder order) {
  tile = mergeTile(tile);
  LatchTiles latches = ownLatches;
  if (!ranks.isEmpty())
    for (size_t o = 0; o < nest.operands.size(); ++o)
      latches[o] = mergeTile(latches[o]);
  Placement start;
  start.holdings = holdings;
  if (ordered)
    start.order = order;
  State top{numberOf(start), tile};
  Solved inside = solve(top);
  llvm::SmallVector<int, 4> outside;
  for (int o : placements[top.placement].latches)
    if (latches[o] != tile)
      outside.push_back(o);
  if (outside.empty())
    return inside;
  std::vector<uint32_t> key = {static_cast<uint32_t>(top.placement), tile};
  key.insert(key.end(), latches.begin(), latches.end());
  auto [found, isNew] = knownOutside.try_emplace(std::move(key));
  if (!isNew)
    return found->second;
  Entries out(inside.begin(), inside.end());
  for (int config : configs[DealTree::kRoot].wholes)
    for (uint32_t chosen = 1; chosen < (1u << outside.size()); ++chosen) {
      uint32_t mask = 0;
      for (size_t i = 0; i < outside.size(); ++i)
        mask |= (chosen >> i & 1) << outside[i];
      latchOutside(top, config, mask, latches, out);
    }
  if (bounds.dominance)
    counts.dominated +=
        keepPareto(out, axesOfNests(), [this] { return isStopped(); });
  thin(out);
  return found->second = keep(out);
}

void NestSearch::latchOutside(const State &top, int config, uint32_t mask,
                              const LatchTiles &latches, Entries &out) {
  Placement below = placements[top.placement];
  const NestCounts &moves = *configs[config].counts;
  llvm::SmallVector<int64_t, 8> tiles;
  Costs added{};
  for (int o = 0; o < static_cast<int>(nest.operands.size()); ++o) {
    if (!(mask >> o & 1))
      continue;
    const Operand &operand = nest.operands[o];
    codec.tiles(top.tile, tiles);
    if (!isSettled(operand, tiles, moves, 0))
      return;
    uint8_t from = below.holdings[o];
    codec.tiles(latches[o], tiles);
    moves.addAccesses(added, operand, levelOf(from), stageOf(from), {tiles, 0});
    below.holdings[o] = Holding::kLatched;
  }
  below.config = config;
  below.holds.clear();
  below.latches.clear();
  below.mayEnd = true;
  NestStep step;
  step.kind = NestStep::Kind::latch;
  step.operand = llvm::countr_zero(mask);
  step.tile = top.tile;
  append(out, solve({numberOf(below), top.tile}), added, step,
         /*leavesStage=*/false, LeastBefore{0, 0});
}

/// No loop further in uses the operand, but those over units.
bool NestSearch::isSettled(const Operand &operand,
                           llvm::ArrayRef<int64_t> tiles,
                           const NestCounts &moves, int stage) const {
  for (int rank = 0; rank < static_cast<int>(nest.ranks.size()); ++rank) {
    int64_t dealt = moves.unitsOf(rank, stage, nest.lastStage);
    if (operand.atLeaf >> rank & 1 ? tiles[rank] != dealt : tiles[rank] < dealt)
      return false;
  }
  return true;
}

NestSearch::Solved NestSearch::solve(const State &state) {
  if (uint32_t found = known.get(state.placement, state.tile))
    return found == kNothing ? Solved() : solved[found - 2];
  Entries out;
  LeastBefore before{0, 0};
  if (leastBefore.has(state.placement))
    before = leastBefore.get(state.placement, state.tile);
  NestEntry leaf;
  if (finish(state, leaf))
    out.push_back(leaf);
  if (!isStopped() && !std::isinf(before.energy))
    forEachMove(state, [&](const State &below, const Costs &added,
                           const NestStep *step) {
      Solved more = solve(below);
      if (step)
        append(out, more, added, *step,
               placements[below.placement].stage !=
                   placements[state.placement].stage,
               before);
      else
        out.insert(out.end(), more.begin(), more.end());
    });
  counts.entries += out.size();
  if (nest.sketch && bounds.beam == 2) {
    keepTwo(out);
  } else {
    if (bounds.dominance)
      counts.dominated +=
          keepPareto(out, axesOfNests(), [this] { return isStopped(); });
    thin(out);
  }
  uint32_t &mine = known.at(state.placement, state.tile, codec.count());
  mine = kNothing;
  if (out.empty())
    return {};
  solved.push_back(keep(out));
  mine = static_cast<uint32_t>(solved.size() + 1);
  return solved.back();
}

/// What a beam is sorted by.
double NestSearch::scoreOf(const NestEntry &entry) const {
  auto at = [&](int axis) { return axis < 0 ? 0 : entry.costs[axis]; };
  double cycles = at(axes.cycles);
  for (size_t r = 0; r < axes.resources.size(); ++r)
    cycles = std::max(cycles, entry.costs[axes.resource + r]);
  return bounds.score(at(axes.energy), cycles, at(axes.traffic));
}

double NestSearch::heldBy(const NestEntry &entry) const {
  double sum = 0;
  for (int i = axes.held; i < axes.count; ++i)
    sum += entry.costs[i];
  return sum;
}

/// Of a sketch: the one of best score, and, if that holds more, the one that
/// holds least.
void NestSearch::keepTwo(std::vector<NestEntry> &entries) {
  if (entries.size() < 2)
    return;
  size_t best = 0, least = 0;
  double score = INFINITY, bestHeld = 0, held = INFINITY, heldScore = INFINITY;
  for (auto [i, entry] : llvm::enumerate(entries)) {
    double own = bounds.score ? scoreOf(entry) : static_cast<double>(i),
           bytes = heldBy(entry);
    if (std::tie(own, bytes) < std::tie(score, bestHeld) || i == 0)
      std::tie(best, score, bestHeld) = std::tuple(i, own, bytes);
    if (std::tie(bytes, own) < std::tie(held, heldScore))
      std::tie(least, held, heldScore) = std::tuple(i, bytes, own);
  }
  counts.dominated += entries.size() - (held < bestHeld ? 2 : 1);
  NestEntry second = entries[least];
  entries.front() = entries[best];
  entries.resize(1);
  if (held < bestHeld)
    entries.push_back(second);
}

void NestSearch::thin(std::vector<NestEntry> &entries) const {
  if (bounds.beam == 0 || entries.size() <= bounds.beam)
    return;
  // Without a score, as they are sorted.
  std::vector<std::pair<double, size_t>> ranked;
  for (size_t i = 0; i < entries.size(); ++i)
    ranked.push_back(
        {bounds.score ? scoreOf(entries[i]) : static_cast<double>(i), i});
  std::sort(ranked.begin(), ranked.end());
  size_t half = bounds.beam / 2;
  for (size_t i = half; i < ranked.size(); ++i)
    ranked[i].first = heldBy(entries[ranked[i].second]);
  std::sort(ranked.begin() + half, ranked.end());
  std::vector<NestEntry> kept;
  for (size_t i = 0; i < bounds.beam; ++i)
    kept.push_back(entries[ranked[i].second]);
  entries = std::move(kept);
}

/// What is below, below one more node.
void NestSearch::append(Entries &out, Solved below, const Costs &added,
                        const NestStep &step, bool leavesStage,
                        const LeastBefore &before) {
  for (const NestEntry &entry : below) {
    NestEntry &mine = out.emplace_back();
    for (int i = 0; i < axesOfNests(); ++i)
      mine.costs[i] = entry.costs[i] + added[i];
    for (size_t i = 0; i < axes.waits.size(); ++i)
      mine.costs[axes.wait + i] = std::min(1.0, mine.costs[axes.wait + i]);
    mine.step = step;
    mine.step.next = &entry.step;
    bool isOver = false;
    for (auto [i, level] : llvm::enumerate(axes.levels)) {
      double &held = mine.costs[axes.held + i];
      isOver |= !fits(level, static_cast<uint64_t>(held));
      // Levels below this fan-out hold nothing more from here on.
      auto at = llvm::find(nest.path, level);
      if (leavesStage && !axes.isHeldTogether && at != nest.path.end() &&
          nest.stages[at - nest.path.begin()] >= step.stage &&
          axes.measured != static_cast<int>(i))
        held = 0;
    }
    if (isOver) {
      ++counts.overCapacity;
      out.pop_back();
      continue;
    }
    auto total = [&](int axis, double outside) {
      return axis < 0 ? 0 : mine.costs[axis] + outside;
    };
    if (bounds.isHopeless &&
        bounds.isHopeless(total(axes.energy, before.energy),
                          total(axes.cycles, 0),
                          total(axes.traffic, before.traffic))) {
      ++counts.overBound;
      out.pop_back();
    }
  }
}

//===----------------------------------------------------------------------===//
// Moves
//===----------------------------------------------------------------------===//

template <typename Fn> void NestSearch::forEachMove(const State &state, Fn fn) {
  const Placement &placement = placements[state.placement];
  if (latchAtOnce(state, fn))
    return;
  const DealTree::Node &node = configs[placement.config];
  if (placement.stage < nest.lastStage)
    for (int config : node.next)
      if (!isStopped())
        deal(state, config, fn);
  if (!placement.latches.empty())
    for (int config : node.wholes)
      if (!isStopped())
        latch(state, config, fn);
  if (!placement.mustPlace)
    shrink(state, fn);
  if (!isStopped())
    holdBelow(state, fn);
}

/// Of a sketch: what may be latched is, no loop around would make it cheaper.
template <typename Fn> bool NestSearch::latchAtOnce(const State &state, Fn fn) {
  const Placement &placement = placements[state.placement];
  if (!nest.sketch || !configs[placement.config].isWhole)
    return false;
  for (int o : placement.latches) {
    bool isHeldOn = llvm::any_of(
        placement.holds, [&](const auto &hold) { return hold.first == o; });
    if (!isHeldOn && latchOne(state, placement.config, o, fn))
      return true;
  }
  return false;
}

/// A smaller tile of one rank. Merged with what goes on there, so that only
/// holders, latches and fan-outs are nodes.
template <typename Fn> void NestSearch::shrink(const State &state, Fn fn) {
  uint32_t barred = placements[state.placement].order.barred;
  for (int rank = 0; rank < static_cast<int>(nest.ranks.size()); ++rank) {
    if (barred >> rank & 1) {
      ++counts.ruledOut;
      continue;
    }
    const LocalRank &fact = nest.ranks[rank];
    int placement = belowLoop(state.placement, rank);
    for (int inner : fact.inner[codec.index(state.tile, rank)]) {
      if (stopped)
        return;
      State below{placement, codec.with(state.tile, rank, inner)};
      if (isAlive(placements[placement], below.tile))
        fn(below, Costs{}, nullptr);
    }
  }
}

template <typename Fn> void NestSearch::holdBelow(const State &state, Fn fn) {
  const Placement &placement = placements[state.placement];
  if (placement.holds.empty())
    return;
  llvm::SmallVector<int64_t, 8> tiles;
  codec.tiles(state.tile, tiles);
  Place place{tiles, placement.stage};
  const NestCounts &moves = countsOf(placement.config);
  for (auto [o, i] : placement.holds) {
    if (stopped)
      return;
    const Operand &operand = nest.operands[o];
    uint8_t from = placement.holdings[o];
    int level = nest.path[i];
    if (nest.constraints->boundsTiles(level) && !mayHold(o, from, i, tiles)) {
      ++counts.ruledOut;
      continue;
    }
    if (!fits(level, moves.heldBytes(operand, level, place))) {
      ++counts.overCapacity;
      continue;
    }
    Costs added{};
    uint64_t begun = begunOf(placement, o);
    moves.addHolder(added, operand, level, levelOf(from), stageOf(from), place,
                    begun);
    Placement below = placement;
    below.mustPlace = false;
    below.holdings[o] = codeBelow(from, i);
    if (operand.isWritten() && !nest.cut)
      setBegun(below, o, moves.beginAnew(operand, stageOf(from), place, begun));
    if (ordered)
      below.order = {static_cast<uint8_t>(i), 0};
    if (isRegisters(i))
      moves.addRegisterAccesses(added, operand, level);
    NestStep step;
    step.kind = NestStep::Kind::hold;
    step.operand = o;
    step.level = level;
    step.stage = placement.stage;
    step.tile = state.tile;
    fn({nextPlacement(state, below), state.tile}, added, &step);
  }
}

/// From here on only loops that the operand does not depend on go round.
template <typename Fn>
bool NestSearch::latchOne(const State &state, int config, int o, Fn fn) {
  const Placement &placement = placements[state.placement];
  llvm::SmallVector<int64_t, 8> tiles;
  codec.tiles(state.tile, tiles);
  const NestCounts &moves = *configs[config].counts;
  const Operand &operand = nest.operands[o];
  uint8_t from = placement.holdings[o];
  if (!isSettled(operand, tiles, moves, placement.stage))
    return false;
  Placement below = placement;
  below.config = config;
  if (!isAlive(below, state.tile))
    return false;
  Costs added{};
  moves.addAccesses(added, operand, levelOf(from), stageOf(from),
                    {tiles, placement.stage}, begunOf(placement, o));
  below.holdings[o] = Holding::kLatched;
  setBegun(below, o, 0);
  NestStep step;
  step.kind = NestStep::Kind::latch;
  step.operand = o;
  step.stage = placement.stage;
  step.tile = state.tile;
  fn({nextPlacement(state, below), state.tile}, added, &step);
  return true;
}

template <typename Fn>
void NestSearch::latch(const State &state, int config, Fn fn) {
  for (int o : placements[state.placement].latches)
    latchOne(state, config, o, fn);
}

/// Passes the next fan-out.
template <typename Fn>
void NestSearch::deal(const State &state, int config, Fn fn) {
  const Placement &placement = placements[state.placement];
  const DealTree::Node &node = configs[config];
  const Deals &deals = node.deals;
  uint32_t tileBelow = state.tile;
  int stage = placement.stage + 1;
  for (int rank = 0; rank < static_cast<int>(nest.ranks.size()); ++rank) {
    std::optional<int> index =
        configs.dealOut(node, stage, rank, codec.index(state.tile, rank));
    if (!index)
      return;
    tileBelow = codec.with(tileBelow, rank, *index);
  }
  Placement below = placement;
  below.stage = static_cast<uint8_t>(stage);
  below.mustPlace = true;
  below.config = config;
  bool isLast = stage == nest.lastStage && !holdsAtUnits;
  if (!isAlive(below, tileBelow) || (isLast && !placement.mayEnd))
    return;
  NestStep step;
  step.kind = NestStep::Kind::deal;
  step.stage = stage;
  step.tile = state.tile;
  step.deals = &deals;
  Costs added{};
  if (drains)
    added[axes.count] = drainSteps(deals, stage);
  if (isLast) {
    // No loop is left: how operands were held until here makes no difference.
    addAllAccesses(added, state, config);
    for (int o = 0; o < static_cast<int>(nest.operands.size()); ++o)
      below.holdings[o] = Holding::kLatched;
    below.begun = 0;
  }
  fn({nextPlacement(state, below), tileBelow}, added, &step);
}

/// Units along ranks that it reduces: its sums pass through them.
double NestSearch::drainSteps(const Deals &deals, int stage) const {
  double steps = 0;
  for (const Deal &deal : deals)
    if (nest.fans[deal.fan].stage == stage &&
        llvm::none_of(nest.operands, [&](const Operand &operand) {
          return operand.isWritten() && operand.usesRank(deal.rank);
        }))
      steps += static_cast<double>(deal.units);
  return steps;
}

int NestSearch::nextPlacement(const State &, Placement &next) {
  next.holds.clear();
  next.latches.clear();
  next.mayEnd = true;
  return numberOf(next);
}

/// Of operands that were not latched before.
void NestSearch::addAllAccesses(Costs &costs, const State &state,
                                int config) const {
  const Placement &placement = placements[state.placement];
  llvm::SmallVector<int64_t, 8> tiles;
  codec.tiles(state.tile, tiles);
  for (int o = 0; o < static_cast<int>(nest.operands.size()); ++o)
    if (uint8_t from = placement.holdings[o]; from < Holding::kRegisters)
      countsOf(config).addAccesses(costs, nest.operands[o], levelOf(from),
                                   stageOf(from), {tiles, placement.stage},
                                   begunOf(placement, o));
}

/// All loops are done; operands that were not latched before are now.
bool NestSearch::finish(const State &state, NestEntry &entry) {
  const Placement &placement = placements[state.placement];
  if (placement.stage != nest.lastStage || !placement.mayEnd)
    return false;
  llvm::SmallVector<int64_t, 8> tiles;
  codec.tiles(state.tile, tiles);
  if (llvm::any_of(tiles, [](int64_t tile) { return tile != 1; }))
    return false;
  // Without fan-outs there is one way to deal: none.
  int config = configs[placement.config].wholes.front();
  countsOf(config).addPoints(entry.costs);
  addAllAccesses(entry.costs, state, config);
  entry.step.kind = NestStep::Kind::leaf;
  entry.step.stage = placement.stage;
  entry.step.tile = state.tile;
  return true;
}
