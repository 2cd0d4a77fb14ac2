//===- NestPlacements.cpp - What a nest has made of operands --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a state of NestSearch is besides its tile vector: where each operand is
// held, which fan-outs have been passed, and what may stand next.
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/NestSearch.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::mapper;

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
