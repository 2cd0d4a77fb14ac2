//===- NestSearch.cpp - All nests of one Einsum that matter ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/NestSearch.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

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

//===----------------------------------------------------------------------===//
// Deals
//===----------------------------------------------------------------------===//

NestSearch::NestSearch(const EinsumOnArray &nest, const arch::ArchSpec &arch,
                       const Axes &axes)
    : nest(nest), arch(arch), axes(axes), codec(nest.ranks),
      shared(nest, arch, axes, noDeals) {
  Deals deals;
  listConfigs(0, deals);
}

/// Every way to deal ranks to the fans, those of one array to different ranks.
void NestSearch::listConfigs(size_t at, Deals &deals) {
  if (at == nest.fans.size()) {
    configs.emplace_back();
    configs.back().deals = deals;
    configs.back().counts =
        std::make_unique<NestCounts>(nest, arch, axes, configs.back().deals);
    for (size_t rank = 0; rank < nest.ranks.size(); ++rank)
      configs.back().dealt.push_back(
          configs.back().counts->unitsOf(rank, 0, nest.lastStage));
    return;
  }
  const Fan &fan = nest.fans[at];
  if (fan.leastUnits <= 1)
    listConfigs(at + 1, deals);
  bool isLast = fan.stage == nest.lastStage;
  for (int r = 0; r < static_cast<int>(nest.ranks.size()); ++r) {
    bool taken = llvm::any_of(deals, [&](const Deal &other) {
      return other.rank == r && nest.fans[other.fan].stage == fan.stage;
    });
    if (taken || !(fan.ranks >> r & 1))
      continue;
    const LocalRank &rank = nest.ranks[r];
    auto add = [&](int64_t units, int64_t chunk) {
      if (units < 2 || units > static_cast<int64_t>(fan.size) ||
          units < static_cast<int64_t>(fan.leastUnits))
        return;
      deals.push_back({static_cast<int>(at), r, units, chunk});
      listConfigs(at + 1, deals);
      deals.pop_back();
    };
    if (isLast) {
      for (int64_t tile : rank.tiles)
        add(tile, 0);
      continue;
    }
    for (int64_t units = 2; units <= static_cast<int64_t>(fan.size); ++units)
      if (rank.extent % units == 0)
        add(units, 0);
    for (int64_t chunk : rank.tiles)
      if (rank.extent % chunk != 0)
        add(llvm::divideCeil(rank.extent, chunk), chunk);
  }
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
    for (size_t rank = 0; rank < nest.ranks.size(); ++rank)
      if (fact.uses_(rank) &&
          !nest.constraints->mayHoldTile(level, nest.ranks[rank].rank,
                                         tiles[rank], nest.ranks[rank].extent))
        return false;
  return true;
}

bool NestSearch::hold(Costs &costs, int operand, uint8_t from, int pathIndex,
                      uint32_t tile) {
  const Operand &fact = nest.operands[operand];
  llvm::SmallVector<int64_t, 8> tiles;
  codec.tiles(tile, tiles);
  Place place{tiles, 0};
  int level = nest.path[pathIndex];
  if (nest.stages[pathIndex] != 0 || fact.isCarried ||
      !mayHold(operand, from, pathIndex, tiles)) {
    ++counts.ruledOut;
    return false;
  }
  if (!fits(level, shared.heldBytes(fact, place))) {
    ++counts.overCapacity;
    return false;
  }
  shared.addHolder(costs, fact, level, levelOf(from), stageOf(from), place);
  return true;
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

int NestSearch::numberOf(const Placement &placement) {
  std::vector<int> key(placement.holdings.begin(), placement.holdings.end());
  key.insert(key.end(),
             {placement.stage, placement.mustPlace, placement.config});
  auto [found, isNew] = numbers.try_emplace(std::move(key), placements.size());
  if (!isNew)
    return found->second;
  Placement made = placement;
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
    if (from >= Holding::kOffPath || nest.operands[o].isCarried)
      continue;
    KeptTensor tensor{nest.operands[o].tensor, from < Holding::kOutside};
    for (int i = from % Holding::kOutside + 1; i < levels; ++i) {
      if (nest.stages[i] != made.stage)
        continue;
      if (nest.constraints->mayKeep(nest.path[i], tensor) &&
          mayStayAt(o, from, i))
        made.holds.push_back({o, i});
      else
        ++counts.ruledOut;
    }
  }
  placements.push_back(std::move(made));
  known.emplace_back();
  leastOf.emplace_back();
  return found->second;
}

/// Whether some way to deal ranks is still possible.
bool NestSearch::isAlive(const Placement &placement, uint32_t tile) const {
  if (placement.config >= 0 || placement.stage > 0)
    return true;
  return llvm::any_of(configs, [&](const Config &config) {
    for (size_t rank = 0; rank < nest.ranks.size(); ++rank)
      if (nest.ranks[rank].tiles[codec.index(tile, rank)] < config.dealt[rank])
        return false;
    return true;
  });
}

/// One graph of states, walked from the top once: what costs least from there
/// to a state, and from a state to the leaf.
void NestSearch::explore(llvm::ArrayRef<Holdings> starts) {
  struct Edge {
    State to;
    double energy, traffic;
  };
  std::vector<Edge> edges;  // but for smaller tiles, which cost nothing
  std::vector<State> order; // children first
  std::vector<size_t> firstEdge = {0};
  auto axis = [](const Costs &costs, int axis) {
    return axis < 0 ? 0 : costs[axis];
  };
  std::vector<std::vector<uint8_t>> seen;
  auto visit = [&](auto &self, const State &state) -> void {
    if (seen.size() <= static_cast<size_t>(state.placement))
      seen.resize(placements.size());
    if (seen[state.placement].empty()) {
      seen[state.placement].resize(codec.count());
      leastOf[state.placement].resize(codec.count());
    }
    if (seen[state.placement][state.tile])
      return;
    seen[state.placement][state.tile] = 1;
    Least own;
    NestEntry leaf;
    llvm::SmallVector<Edge, 8> mine;
    if (finish(state, leaf)) {
      own.energyFrom = axis(leaf.costs, axes.energy);
      own.trafficFrom = axis(leaf.costs, axes.traffic);
      own.cyclesFrom = axis(leaf.costs, axes.cycles);
    }
    forEachMove(state, [&](const State &to, const Costs &added,
                           const NestStep *step) {
      self(self, to);
      Edge edge{to, axis(added, axes.energy), axis(added, axes.traffic)};
      if (step)
        mine.push_back(edge);
      const Least &below = leastOf[to.placement][to.tile];
      own.energyFrom = std::min(own.energyFrom, edge.energy + below.energyFrom);
      own.trafficFrom =
          std::min(own.trafficFrom, edge.traffic + below.trafficFrom);
      own.cyclesFrom = std::min(own.cyclesFrom, below.cyclesFrom);
    });
    leastOf[state.placement][state.tile] = own;
    order.push_back(state);
    edges.insert(edges.end(), mine.begin(), mine.end());
    firstEdge.push_back(edges.size());
  };
  least = {INFINITY, INFINITY, INFINITY};
  for (const Holdings &holdings : starts) {
    Placement top;
    top.holdings = holdings;
    State state{numberOf(top), 0};
    visit(visit, state);
    Least &own = leastOf[state.placement][0];
    own.energyTo = own.trafficTo = 0;
    least = {std::min(least[0], own.energyFrom),
             std::min(least[1], own.cyclesFrom),
             std::min(least[2], own.trafficFrom)};
  }
  auto reach = [&](const State &from, const State &to, double energy,
                   double traffic) {
    const Least &above = leastOf[from.placement][from.tile];
    Least &below = leastOf[to.placement][to.tile];
    below.energyTo = std::min(below.energyTo, above.energyTo + energy);
    below.trafficTo = std::min(below.trafficTo, above.trafficTo + traffic);
  };
  for (size_t i = order.size(); i-- > 0;) {
    const State &state = order[i];
    if (!placements[state.placement].mustPlace)
      shrink(state, [&](const State &to, const Costs &, const NestStep *) {
        reach(state, to, 0, 0);
      });
    for (size_t e = firstEdge[i]; e < firstEdge[i + 1]; ++e)
      reach(state, edges[e].to, edges[e].energy, edges[e].traffic);
  }
  counts.states += order.size();
}

void NestSearch::restart(NestBounds next) {
  for (auto &some : known)
    some.clear();
  bounds = std::move(next);
}

const std::vector<NestEntry> &
NestSearch::complete(uint32_t tile, const Holdings &holdings) {
  Placement top;
  top.holdings = holdings;
  return solve({numberOf(top), tile});
}

const NestSearch::Entries &NestSearch::solve(const State &state) {
  if (known[state.placement].empty())
    known[state.placement].resize(codec.count());
  if (const auto &found = known[state.placement][state.tile])
    return *found;
  Entries out;
  Least here;
  if (!leastOf[state.placement].empty())
    here = leastOf[state.placement][state.tile];
  else
    here.energyTo = here.trafficTo = here.energyFrom = 0;
  NestEntry leaf;
  if (finish(state, leaf))
    out.push_back(leaf);
  bool stopped = bounds.shouldStop && bounds.shouldStop();
  if (!stopped && !std::isinf(here.energyFrom))
    forEachMove(state, [&](const State &below, const Costs &added,
                           const NestStep *step) {
      const Entries &more = solve(below);
      if (step)
        append(out, more, added, *step,
               placements[below.placement].stage !=
                   placements[state.placement].stage,
               here);
      else
        out.insert(out.end(), more.begin(), more.end());
    });
  counts.entries += out.size();
  counts.dominated += keepPareto(out, axes.count);
  thin(out);
  auto &kept = known[state.placement][state.tile];
  kept = std::make_unique<Entries>(std::move(out));
  return *kept;
}

/// Of a beam, half are those of least energy (or whatever the first axis is),
/// half those that hold least.
void NestSearch::thin(std::vector<NestEntry> &entries) const {
  if (bounds.beam == 0 || entries.size() <= bounds.beam)
    return;
  std::vector<NestEntry> kept(entries.begin(),
                              entries.begin() + bounds.beam / 2);
  std::vector<NestEntry> rest(entries.begin() + bounds.beam / 2,
                              entries.end());
  auto held = [&](const NestEntry &entry) {
    double sum = 0;
    for (int i = axes.held; i < axes.count; ++i)
      sum += entry.costs[i];
    return sum;
  };
  std::sort(rest.begin(), rest.end(), [&](const auto &a, const auto &b) {
    return held(a) < held(b);
  });
  kept.insert(kept.end(), rest.begin(),
              rest.begin() + (bounds.beam - kept.size()));
  entries = std::move(kept);
}

/// What is below, below one more node.
void NestSearch::append(std::vector<NestEntry> &out,
                        const std::vector<NestEntry> &below,
                        const Costs &added, const NestStep &step,
                        bool leavesStage, const Least &here) {
  for (const NestEntry &entry : below) {
    NestEntry &mine = out.emplace_back();
    for (int i = 0; i < axes.count; ++i)
      mine.costs[i] = entry.costs[i] + added[i];
    mine.step = step;
    mine.step.next = &entry.step;
    bool isOver = false;
    for (auto [i, level] : llvm::enumerate(axes.levels)) {
      double &held = mine.costs[axes.held + i];
      isOver |= !fits(level, static_cast<uint64_t>(held));
      // Levels below this fan-out hold nothing more from here on.
      auto at = llvm::find(nest.path, level);
      if (leavesStage && at != nest.path.end() &&
          nest.stages[at - nest.path.begin()] >= step.stage &&
          axes.measured != static_cast<int>(i))
        held = 0;
    }
    if (isOver) {
      ++counts.overCapacity;
      out.pop_back();
      continue;
    }
    auto total = [&](int axis, double before) {
      return axis < 0 ? 0 : mine.costs[axis] + before;
    };
    if (bounds.isHopeless &&
        bounds.isHopeless(total(axes.energy, here.energyTo),
                          total(axes.cycles, 0),
                          total(axes.traffic, here.trafficTo))) {
      ++counts.overBound;
      out.pop_back();
    }
  }
}

//===----------------------------------------------------------------------===//
// Moves
//===----------------------------------------------------------------------===//

template <typename Fn>
void NestSearch::forEachMove(const State &state, Fn fn) {
  const Placement &placement = placements[state.placement];
  int first = placement.config, last = placement.config;
  if (placement.config < 0) {
    first = 0;
    last = static_cast<int>(configs.size()) - 1;
  }
  for (int config = first; config <= last; ++config) {
    if (placement.stage < nest.lastStage)
      deal(state, config, fn);
    if (!placement.latches.empty())
      latch(state, config, fn);
  }
  if (!placement.mustPlace)
    shrink(state, fn);
  holdBelow(state, fn);
}

/// A smaller tile of one rank. Merged with what goes on there, so that only
/// holders, latches and fan-outs are nodes.
template <typename Fn> void NestSearch::shrink(const State &state, Fn fn) {
  const Placement &placement = placements[state.placement];
  const NestCounts &moves = countsOf(placement.config);
  for (int rank = 0; rank < static_cast<int>(nest.ranks.size()); ++rank) {
    const LocalRank &fact = nest.ranks[rank];
    int64_t dealt = moves.unitsOf(rank, placement.stage, nest.lastStage);
    for (int inner : fact.inner[codec.index(state.tile, rank)]) {
      if (fact.tiles[inner] < dealt)
        continue;
      State below{state.placement, codec.with(state.tile, rank, inner)};
      if (isAlive(placement, below.tile))
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
    const Operand &operand = nest.operands[o];
    uint8_t from = placement.holdings[o];
    int level = nest.path[i];
    if (nest.constraints->boundsTiles(level) && !mayHold(o, from, i, tiles)) {
      ++counts.ruledOut;
      continue;
    }
    if (!fits(level, moves.heldBytes(operand, place))) {
      ++counts.overCapacity;
      continue;
    }
    Costs added{};
    moves.addHolder(added, operand, level, levelOf(from), stageOf(from), place);
    Placement below = placement;
    below.mustPlace = false;
    bool registers = nest.feedsRegisters && level == nest.path.back();
    below.holdings[o] =
        registers ? Holding::kRegisters
                  : static_cast<uint8_t>(i + (from / Holding::kOutside) *
                                                 Holding::kOutside);
    if (registers)
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
void NestSearch::latch(const State &state, int config, Fn fn) {
  const Placement &placement = placements[state.placement];
  llvm::SmallVector<int64_t, 8> tiles;
  codec.tiles(state.tile, tiles);
  Place place{tiles, placement.stage};
  const NestCounts &moves = *configs[config].counts;
  for (int o : placement.latches) {
    const Operand &operand = nest.operands[o];
    uint8_t from = placement.holdings[o];
    bool settled = true;
    for (int rank = 0; rank < static_cast<int>(nest.ranks.size()); ++rank) {
      int64_t dealt = moves.unitsOf(rank, placement.stage, nest.lastStage);
      settled &=
          operand.uses_(rank) ? tiles[rank] == dealt : tiles[rank] >= dealt;
    }
    if (!settled)
      continue;
    Costs added{};
    moves.addAccesses(added, operand, levelOf(from), stageOf(from), place);
    Placement below = placement;
    below.holdings[o] = Holding::kLatched;
    below.config = static_cast<int16_t>(config);
    NestStep step;
    step.kind = NestStep::Kind::latch;
    step.operand = o;
    step.stage = placement.stage;
    step.tile = state.tile;
    fn({nextPlacement(state, below), state.tile}, added, &step);
  }
}

/// Passes the next fan-out.
template <typename Fn>
void NestSearch::deal(const State &state, int config, Fn fn) {
  const Placement &placement = placements[state.placement];
  const Deals &deals = configs[config].deals;
  uint32_t tileBelow = state.tile;
  int stage = placement.stage + 1;
  bool toArray = stage == nest.lastStage;
  for (const Deal &deal : deals) {
    if (nest.fans[deal.fan].stage != stage)
      continue;
    const LocalRank &rank = nest.ranks[deal.rank];
    int64_t tile = rank.tiles[codec.index(tileBelow, deal.rank)];
    int64_t inside = deal.chunk ? deal.chunk : tile / deal.units;
    if (deal.chunk ? tile != rank.extent : tile % deal.units != 0)
      return;
    if (toArray && inside != 1)
      return;
    auto found = llvm::find(rank.tiles, inside);
    if (found == rank.tiles.end())
      return;
    tileBelow =
        codec.with(tileBelow, deal.rank, found - rank.tiles.begin());
  }
  Placement below = placement;
  below.stage = static_cast<uint8_t>(stage);
  below.mustPlace = true;
  below.config = static_cast<int16_t>(config);
  NestStep step;
  step.kind = NestStep::Kind::deal;
  step.stage = stage;
  step.tile = state.tile;
  step.deals = &deals;
  fn({nextPlacement(state, below), tileBelow}, Costs{}, &step);
}

int NestSearch::nextPlacement(const State &, Placement &next) {
  next.holds.clear();
  next.latches.clear();
  next.mayEnd = true;
  return numberOf(next);
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
  const NestCounts &moves = *configs[std::max<int>(0, placement.config)].counts;
  moves.addPoints(entry.costs);
  Place place{tiles, placement.stage};
  for (int o = 0; o < static_cast<int>(nest.operands.size()); ++o)
    if (uint8_t from = placement.holdings[o]; from < Holding::kRegisters)
      moves.addAccesses(entry.costs, nest.operands[o], levelOf(from),
                        stageOf(from), place);
  entry.step.kind = NestStep::Kind::leaf;
  entry.step.stage = placement.stage;
  entry.step.tile = state.tile;
  return true;
}
