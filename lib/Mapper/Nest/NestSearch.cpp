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

uint64_t NestSearch::keyOf(const State &state) {
  uint64_t key = state.tile;
  for (uint8_t holding : state.holdings)
    key = key << 5 | holding;
  // 30 bits of tiles, 30 of holdings, 4 of the rest.
  return key << 4 | static_cast<uint64_t>(state.stage) << 1 | state.mustPlace;
}

const std::vector<NestEntry> &
NestSearch::complete(uint32_t tile, const Holdings &holdings) {
  State state{tile, holdings, 0, false};
  uint64_t key = keyOf(state);
  if (auto found = complete_.find(key); found != complete_.end())
    return found->second;
  std::vector<NestEntry> all;
  for (Config &config : configs) {
    const std::vector<NestEntry> &some = solve(config, state);
    all.insert(all.end(), some.begin(), some.end());
  }
  counts.dominated += keepPareto(all, axes.count);
  return complete_[key] = std::move(all);
}

const std::vector<NestEntry> &NestSearch::solve(Config &config,
                                                const State &state) {
  uint64_t key = keyOf(state);
  if (auto found = config.known.find(key); found != config.known.end())
    return found->second;
  ++counts.states;
  std::vector<NestEntry> out;
  if (state.stage == nest.lastStage)
    finish(config, state, out);
  else
    deal(config, state, out);
  if (!state.mustPlace) {
    latch(config, state, out);
    shrink(config, state, out);
  }
  holdBelow(config, state, out);
  counts.entries += out.size();
  counts.dominated += keepPareto(out, axes.count);
  return config.known[key] = std::move(out);
}

/// What is below, below one more node.
void NestSearch::append(std::vector<NestEntry> &out,
                        const std::vector<NestEntry> &below,
                        const Costs &added, const NestStep &step) {
  for (const NestEntry &entry : below) {
    NestEntry &mine = out.emplace_back();
    for (int i = 0; i < axes.count; ++i)
      mine.costs[i] = entry.costs[i] + added[i];
    mine.step = step;
    mine.step.next = &entry.step;
    for (auto [i, level] : llvm::enumerate(axes.levels))
      if (!fits(level, static_cast<uint64_t>(mine.costs[axes.held + i]))) {
        ++counts.overCapacity;
        out.pop_back();
        break;
      }
  }
}

//===----------------------------------------------------------------------===//
// Moves
//===----------------------------------------------------------------------===//

/// A smaller tile of one rank. Merged with what goes on there, so that only
/// holders, latches and fan-outs are nodes.
void NestSearch::shrink(Config &config, const State &state,
                        std::vector<NestEntry> &out) {
  for (int rank = 0; rank < static_cast<int>(nest.ranks.size()); ++rank) {
    const LocalRank &fact = nest.ranks[rank];
    int64_t dealt = config.counts->unitsOf(rank, state.stage, nest.lastStage);
    for (int inner : fact.inner[codec.index(state.tile, rank)]) {
      if (fact.tiles[inner] < dealt)
        continue;
      State below = state;
      below.tile = codec.with(state.tile, rank, inner);
      const std::vector<NestEntry> &more = solve(config, below);
      out.insert(out.end(), more.begin(), more.end());
    }
  }
}

void NestSearch::holdBelow(Config &config, const State &state,
                           std::vector<NestEntry> &out) {
  llvm::SmallVector<int64_t, 8> tiles;
  codec.tiles(state.tile, tiles);
  Place place{tiles, state.stage};
  for (int o = 0; o < static_cast<int>(nest.operands.size()); ++o) {
    const Operand &operand = nest.operands[o];
    uint8_t from = state.holdings[o];
    if (from >= Holding::kOffPath || operand.isCarried)
      continue;
    for (int i = from % Holding::kOutside + 1;
         i < static_cast<int>(nest.path.size()); ++i) {
      if (nest.stages[i] != state.stage)
        continue;
      int level = nest.path[i];
      if (!mayHold(o, from, i, tiles)) {
        ++counts.ruledOut;
        continue;
      }
      if (!fits(level, config.counts->heldBytes(operand, place))) {
        ++counts.overCapacity;
        continue;
      }
      Costs added{};
      config.counts->addHolder(added, operand, level, levelOf(from),
                               stageOf(from), place);
      State below = state;
      below.mustPlace = false;
      bool registers = nest.feedsRegisters && level == nest.path.back();
      below.holdings[o] =
          registers ? Holding::kRegisters
                    : static_cast<uint8_t>(i + (from / Holding::kOutside) *
                                                   Holding::kOutside);
      if (registers)
        config.counts->addRegisterAccesses(added, operand, level);
      NestStep step;
      step.kind = NestStep::Kind::hold;
      step.operand = o;
      step.level = level;
      step.stage = state.stage;
      step.tile = state.tile;
      append(out, solve(config, below), added, step);
    }
  }
}

/// From here on only loops that the operand does not depend on go round.
void NestSearch::latch(Config &config, const State &state,
                       std::vector<NestEntry> &out) {
  if (arch.accounting.everyRun)
    return;
  llvm::SmallVector<int64_t, 8> tiles;
  codec.tiles(state.tile, tiles);
  Place place{tiles, state.stage};
  for (int o = 0; o < static_cast<int>(nest.operands.size()); ++o) {
    const Operand &operand = nest.operands[o];
    uint8_t from = state.holdings[o];
    if (from >= Holding::kRegisters ||
        !mayStayAt(o, from, static_cast<int>(nest.path.size())))
      continue;
    bool settled = true;
    for (int rank = 0; rank < static_cast<int>(nest.ranks.size()); ++rank)
      settled &= !operand.uses_(rank) ||
                 tiles[rank] == config.counts->unitsOf(rank, state.stage,
                                                       nest.lastStage);
    if (!settled)
      continue;
    Costs added{};
    config.counts->addAccesses(added, operand, levelOf(from), stageOf(from),
                               place);
    State below = state;
    below.holdings[o] = Holding::kLatched;
    NestStep step;
    step.kind = NestStep::Kind::latch;
    step.operand = o;
    step.stage = state.stage;
    step.tile = state.tile;
    append(out, solve(config, below), added, step);
  }
}

/// Passes the next fan-out.
void NestSearch::deal(Config &config, const State &state,
                      std::vector<NestEntry> &out) {
  State below = state;
  below.stage = state.stage + 1;
  below.mustPlace = true;
  bool toArray = below.stage == nest.lastStage;
  for (const Deal &deal : config.deals) {
    if (nest.fans[deal.fan].stage != below.stage)
      continue;
    const LocalRank &rank = nest.ranks[deal.rank];
    int64_t tile = rank.tiles[codec.index(below.tile, deal.rank)];
    int64_t inside = deal.chunk ? deal.chunk : tile / deal.units;
    if (deal.chunk ? tile != rank.extent : tile % deal.units != 0)
      return;
    if (toArray && inside != 1)
      return;
    auto found = llvm::find(rank.tiles, inside);
    if (found == rank.tiles.end())
      return;
    below.tile = codec.with(below.tile, deal.rank, found - rank.tiles.begin());
  }
  NestStep step;
  step.kind = NestStep::Kind::deal;
  step.stage = below.stage;
  step.tile = state.tile;
  step.deals = &config.deals;
  append(out, solve(config, below), Costs{}, step);
}

/// All loops are done; operands that were not latched before are now.
void NestSearch::finish(Config &config, const State &state,
                        std::vector<NestEntry> &out) {
  llvm::SmallVector<int64_t, 8> tiles;
  codec.tiles(state.tile, tiles);
  if (llvm::any_of(tiles, [](int64_t tile) { return tile != 1; }))
    return;
  NestEntry entry;
  config.counts->addPoints(entry.costs);
  Place place{tiles, state.stage};
  for (int o = 0; o < static_cast<int>(nest.operands.size()); ++o) {
    uint8_t from = state.holdings[o];
    if (from >= Holding::kRegisters)
      continue;
    if (!mayStayAt(o, from, static_cast<int>(nest.path.size()))) {
      ++counts.ruledOut;
      return;
    }
    config.counts->addAccesses(entry.costs, nest.operands[o], levelOf(from),
                               stageOf(from), place);
  }
  entry.step.kind = NestStep::Kind::leaf;
  entry.step.stage = state.stage;
  entry.step.tile = state.tile;
  out.push_back(entry);
}
