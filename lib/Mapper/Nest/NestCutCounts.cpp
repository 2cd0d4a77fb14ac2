//===- NestCutCounts.cpp - What a nest of cut tiles moves at least --------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The rules of NestCounts.cpp for tiles of different sizes. Mostly exact; too
// low where
//
// - units of a level walk their parts of a rank that is cut: what they have in
//   common is taken to be what one of them has on average;
// - several accesses to a tensor differ in several components: one counts;
// - partial values: their bytes count, not how transfers round them up;
// - which elements others need cannot be told (`mayStay`).
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/NestCounts.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace einsum;
using namespace einsum::mapper;

void NestCounts::chargeWords(Costs &costs, int level, bool isWrite,
                             double words,
                             const formats::BitsPerElement &bits) const {
  if (words <= 0)
    return;
  const arch::Level &fact = arch.levels[level];
  double bytes = words * bits.toDouble() / 8,
         accesses = bytes / static_cast<double>(fact.accessBytes);
  addEnergy(costs, accesses * (isWrite ? fact.writePj : fact.readPj));
  if (axes.trafficLevel == level)
    costs[axes.traffic] += bytes;
  for (int i : resourcesOf[level]) {
    const Resource &resource = axes.resources[i];
    if (resource.kind !=
        (isWrite ? Resource::Kind::reads : Resource::Kind::writes))
      costs[axes.resource + i] +=
          (resource.inAccesses ? accesses : bytes) * resource.cyclesPerUnit;
  }
}

/// The tile that units of stages in (parentStage, place.stage] have together.
NestCounts::Tile NestCounts::united(int parentStage, const Place &place) const {
  Tile tile(place.tile.begin(), place.tile.end());
  for (int rank = 0; rank < static_cast<int>(tile.size()); ++rank)
    tile[rank] *= unitsOf(rank, parentStage, place.stage);
  return tile;
}

/// Whether the tiles of these units lie side by side, or do not have to.
bool NestCounts::isTogether(int parentStage, int stage) const {
  auto isApart = [&](const Deal &deal) {
    // They do unless units walk their parts, or have unlike ones.
    if (!nest.mayWalk(deal.rank))
      return false;
    return deal.chunk || nest.cut->isCutAlong(deal.rank);
  };
  return llvm::none_of(deals, [&](const Deal &deal) {
    int own = nest.fans[deal.fan].stage;
    return own > parentStage && own <= stage && own != nest.lastStage &&
           isApart(deal);
  });
}

/// Where all units are in use in every step.
uint64_t NestCounts::certainRepeats(uint32_t relevant, int parentStage,
                                    int stage, bool isWrite,
                                    uint64_t levelWidth) const {
  bool isCertain = llvm::all_of(deals, [&](const Deal &deal) {
    return nest.ranks[deal.rank].extent % deal.units == 0 &&
           !nest.cut->isCutAlong(deal.rank);
  });
  return isCertain ? repeats(relevant, parentStage, stage, isWrite, levelWidth)
                   : 1;
}

double NestCounts::addCutMoves(Costs &costs, const Operand &operand,
                               CutTiles::Part part, int level, int parent,
                               int parentStage, const Place &place,
                               bool isDrain) const {
  int index = nest.indexOf(operand);
  auto sumAt = [&](int where, llvm::ArrayRef<int64_t> tile) {
    return nest.cut->sum(index, part, tile, arch.levels[where].accessBytes);
  };
  CutSums here = sumAt(level, place.tile);
  chargeAll(costs, level, !isDrain, here.bytes, here.accesses);
  double own = static_cast<double>(here.words), shared = 0;
  const arch::Fanout &multicast = arch.levels[parent].multicast;
  const arch::Fanout &reduction = arch.arrays[nest.array].reduction;
  uint64_t times =
      certainRepeats(operand.relevant, parentStage, place.stage, isDrain,
                     isDrain ? reduction.width : multicast.width);
  if (isTogether(parentStage, place.stage)) {
    CutSums there = sumAt(parent, united(parentStage, place));
    chargeAll(costs, parent, isDrain, there.bytes * times,
              there.accesses * times);
    shared = static_cast<double>(there.words);
  } else {
    uint64_t units = unitsAt(place.stage) / unitsAt(parentStage);
    shared = own / static_cast<double>(units);
    chargeWords(costs, parent, isDrain, shared, operand.tileBits());
  }
  cross(costs, parent, level, shared * operand.tileBits().toDouble() / 8);
  bool isKnown = isTogether(parentStage, place.stage);
  if (own > shared && isKnown)
    addEnergy(costs, (own - shared) * static_cast<double>(operand.whole) *
                         (isDrain ? reduction.energyPj : multicast.energyPj));
  return shared;
}

void NestCounts::addCutHolder(Costs &costs, const Operand &operand, int level,
                              int parent, int parentStage,
                              const Place &place) const {
  if (operand.reads)
    addCutMoves(costs, operand, CutTiles::Part::fetched, level, parent,
                parentStage, place, /*isDrain=*/false);
  if (operand.isWritten() && !operand.mayStay && !operand.needed) {
    double shared = addCutMoves(costs, operand, CutTiles::Part::written, level,
                                parent, parentStage, place, /*isDrain=*/true);
    double partial =
        shared -
        static_cast<double>(nest.cut->countWritten(nest.indexOf(operand)));
    if (parentStage == 0 && isTogether(0, place.stage)) {
      chargeWords(costs, parent, false, partial, operand.bits);
      chargeWords(costs, level, true, partial, operand.bits);
    }
  }
  if (int axis = axes.heldAt(level); axis >= 0)
    costs[axis] += static_cast<double>(heldBytes(operand, level, place));
}

void NestCounts::addCutAccesses(Costs &costs, const Operand &operand, int home,
                                int homeStage, const Place &latch) const {
  int index = nest.indexOf(operand);
  const arch::Fanout &multicast = arch.levels[home].multicast;
  const arch::Fanout &reduction = arch.arrays[nest.array].reduction;
  bool isKnown = isTogether(homeStage, latch.stage);
  for (auto [u, use] : llvm::enumerate(operand.uses)) {
    uint64_t times =
        certainRepeats(operand.atLeaf, homeStage, nest.lastStage, use.isWrite,
                       use.isWrite ? reduction.width : multicast.width);
    Tile tile;
    if (use.relevant == operand.atLeaf && isKnown)
      tile = united(homeStage, latch);
    else // at least once
      for (const LocalRank &rank : nest.ranks)
        tile.push_back(rank.extent);
    bool isWrite = use.isWrite;
    CutSums all = nest.cut->sumOfUse(index, static_cast<int>(u), tile,
                                     arch.levels[home].accessBytes);
    chargeAll(costs, home, isWrite, all.bytes * times, all.accesses * times);
    auto shared = static_cast<double>(all.words);
    if (isWrite && homeStage == 0) {
      bool once = arch.accounting.unreadSums;
      chargeWords(costs, home, false,
                  shared * static_cast<double>(once ? 1 : times) -
                      static_cast<double>(nest.cut->countWritten(index)),
                  operand.bits);
    }
    cross(costs, home, -1, shared * operand.bits.toDouble() / 8);
    double price = isWrite ? reduction.energyPj : multicast.energyPj;
    if (!nest.feedsRegisters && price == 0)
      continue;
    double each = std::max(
        shared,
        isKnown ? cutDeliveries(operand, static_cast<int>(u), latch) : 0);
    if (isKnown && use.relevant == operand.atLeaf)
      addEnergy(costs, (each - shared) * price);
    if (!nest.feedsRegisters)
      continue;
    int registers = nest.path.back();
    if (isWrite)
      charge(costs, registers, true, nest.points, 1, operand.bits);
    else
      charge(costs, registers, true, static_cast<uint64_t>(each), 1,
             operand.bits);
    charge(costs, registers, false, nest.points, 1, operand.bits);
  }
}

/// Words that units get or give, each counted: once per unit and group.
double NestCounts::cutDeliveries(const Operand &operand, int use,
                                 const Place &latch) const {
  if (operand.uses[use].relevant != operand.atLeaf)
    return 0;
  Tile tile(latch.tile.begin(), latch.tile.end());
  for (int rank = 0; rank < static_cast<int>(tile.size()); ++rank) {
    int64_t below = unitsOf(rank, latch.stage, nest.lastStage);
    if ((operand.atLeaf >> rank & 1))
      tile[rank] = 1;
    else if (tile[rank] % below != 0)
      return 0;
    else
      tile[rank] /= below;
  }
  return static_cast<double>(
      nest.cut->sumOfUse(nest.indexOf(operand), use, tile, 1).words);
}

/// Runs in which some unit has a point.
uint64_t NestCounts::cutRuns() const {
  Tile tile;
  uint64_t units = 1;
  for (int rank = 0; rank < static_cast<int>(nest.ranks.size()); ++rank) {
    tile.push_back(unitsOf(rank, 0, nest.lastStage));
    units *= tile.back();
  }
  if (isTogether(0, nest.lastStage))
    return nest.cut->countVisits(tile);
  return llvm::divideCeil(nest.points, units);
}
