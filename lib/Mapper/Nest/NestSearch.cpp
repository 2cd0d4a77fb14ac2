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
// Tiles and nodes
//===----------------------------------------------------------------------===//

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
// The search
//===----------------------------------------------------------------------===//

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
