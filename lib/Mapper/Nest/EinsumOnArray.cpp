//===- EinsumOnArray.cpp - What a nest of one Einsum depends on -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/EinsumOnArray.h"

#include "lib/Mapper/Nest/CandidateTiles.h"
#include "lib/Mapper/Nest/NestOperands.h"
#include "lib/Mapper/Nest/SketchTiles.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <map>
#include <set>
#include <tuple>

using namespace einsum;
using namespace einsum::mapper;

int EinsumOnArray::findOperand(int tensor) const {
  for (auto [i, operand] : llvm::enumerate(operands))
    if (operand.tensor == tensor)
      return i;
  return -1;
}

int EinsumOnArray::findRank(int rank) const {
  for (auto [i, local] : llvm::enumerate(ranks))
    if (local.rank == rank)
      return i;
  return -1;
}

bool EinsumOnArray::readsSurely(const Operand &operand) const {
  return llvm::any_of(operand.uses, [&](const Operand::Use &use) {
    if (use.isWrite || use.shift == 0)
      return !use.isWrite;
    return !cut && std::abs(use.shift) < ranks[use.rank].extent;
  });
}

double EinsumOnArray::countBox() const {
  double points = 1;
  for (const LocalRank &rank : ranks)
    points *= static_cast<double>(rank.extent);
  return points;
}

double EinsumOnArray::countTiles() const {
  double tiles = 1;
  for (const LocalRank &rank : ranks)
    tiles *= static_cast<double>(rank.tiles.size());
  return tiles;
}

double EinsumOnArray::countStates() const {
  double deals = 1;
  for (const Fan &fan : fans) {
    if (fewPairs) {
      double ways = fan.leastUnits <= 1;
      for (size_t r = 0; r < ranks.size(); ++r)
        if (fan.ranks >> r & 1)
          ways += coarse ? 1
                         : static_cast<double>(llvm::count_if(
                               ranks[r].tiles, [&](int64_t tile) {
                                 auto units = static_cast<uint64_t>(tile);
                                 return units <= fan.size &&
                                        units >= fan.leastUnits;
                               }));
      deals *= std::max(1.0, ways);
      continue;
    }
    // By the units that they come to, so that there are few to add up.
    std::map<uint64_t, double> waysTo = {{1, 1}};
    for (size_t r = 0; r < ranks.size(); ++r) {
      if (!(fan.ranks >> r & 1))
        continue;
      std::map<uint64_t, double> more = waysTo;
      for (auto [units, ways] : waysTo)
        for (int64_t tile : ranks[r].tiles)
          if (tile > 1 && units * static_cast<uint64_t>(tile) <= fan.size)
            more[units * static_cast<uint64_t>(tile)] += ways;
      waysTo = std::move(more);
    }
    double all = 0;
    for (auto [units, ways] : waysTo)
      all += units >= fan.leastUnits ? ways : 0;
    deals *= std::max(1.0, all);
  }
  if (mostDeals)
    deals = std::min(deals, static_cast<double>(mostDeals));
  return countTiles() * deals;
}

//===----------------------------------------------------------------------===//
// Array
//===----------------------------------------------------------------------===//

static bool price(const CascadeFacts &facts, const arch::ArchSpec &arch,
                  EinsumOnArray &nest) {
  const EinsumFact &einsum = facts.einsums[nest.einsum];
  const arch::Array &array = arch.arrays[nest.array];
  auto add = [&](const arch::OpCost *cost, uint64_t count) {
    if (!cost)
      return false;
    nest.cyclesPerPoint += static_cast<double>(cost->cycles * count);
    nest.energyPerPoint += cost->energyPj * static_cast<double>(count);
    nest.startUpCycles += static_cast<double>(cost->latency - cost->cycles);
    return true;
  };
  nest.startUpCycles =
      static_cast<double>(array.fillCycles + array.drainCycles);
  std::map<std::string, uint64_t> operators = einsum.operators;
  if (arch.accounting.onePerPoint)
    operators = {{"compute", 1}};
  for (const auto &[name, count] : operators) {
    if (add(array.findOp(name, einsum.datatype), count))
      continue;
    if (name != "mac" || !add(array.findOp("mul", einsum.datatype), count) ||
        !add(array.findOp("add", einsum.datatype), count))
      return false;
  }
  return true;
}

static void describePath(const arch::ArchSpec &arch, EinsumOnArray &nest) {
  const arch::Array &array = arch.arrays[nest.array];
  for (int level = array.level; level >= 0; level = arch.levels[level].parent)
    nest.path.insert(nest.path.begin(), level);
  int stage = 0;
  size_t dims = 0, ofLevels = 0; // of those, of levels with instances
  for (int level : nest.path) {
    const arch::Level &fact = arch.levels[level];
    nest.feedsRegisters = fact.perArray == nest.array;
    if (fact.perArray >= 0 ? dims < array.dims.size()
                           : dims < fact.dims.size()) {
      ++stage;
      dims = fact.perArray >= 0 ? array.dims.size() : fact.dims.size();
    }
    if (fact.perArray < 0)
      ofLevels = dims;
    nest.stages.push_back(stage);
  }
  // An array of one unit, too, comes after the levels that have several.
  bool isSingle = ofLevels > 0 && ofLevels == array.dims.size();
  bool isApart = dims < array.dims.size() || isSingle;
  nest.lastStage = isApart ? stage + 1 : stage;
}

static void describeFans(const arch::ArchSpec &arch, EinsumOnArray &nest,
                         const EinsumConstraints &constraints) {
  const arch::Array &array = arch.arrays[nest.array];
  for (auto [d, dim] : llvm::enumerate(array.dims)) {
    Fan fan;
    fan.dim = d;
    fan.size = dim.size;
    fan.multicastWidth = dim.multicastWidth;
    fan.reductionWidth = dim.reductionWidth;
    fan.stage = nest.lastStage;
    if (dim.level >= 0)
      fan.stage =
          nest.stages[llvm::find(nest.path, dim.level) - nest.path.begin()];
    for (auto [r, rank] : llvm::enumerate(nest.ranks))
      if (constraints.mayDeal(nest.array, d, rank.rank) && !nest.walks(r))
        fan.ranks |= 1u << r;
    nest.fans.push_back(fan);
  }
}

/// The numbers of units along a fan that tiles of its ranks come to, together.
static std::set<uint64_t> listTogether(const EinsumOnArray &nest,
                                       const Fan &fan) {
  std::set<uint64_t> reached = {1};
  for (auto [r, rank] : llvm::enumerate(nest.ranks)) {
    if (!(fan.ranks >> r & 1))
      continue;
    std::set<uint64_t> more = reached;
    for (uint64_t units : reached)
      for (int64_t tile : rank.tiles)
        if (units * static_cast<uint64_t>(tile) <= fan.size)
          more.insert(units * static_cast<uint64_t>(tile));
    reached = std::move(more);
  }
  return reached;
}

/// As many units as the user wants, or where that cannot be, as can be. What
/// fans cannot have together, the first of them have.
static void demandUnits(EinsumOnArray &nest,
                        const EinsumConstraints &constraints) {
  std::vector<std::pair<Fan *, std::set<uint64_t>>> relaxed;
  for (Fan &fan : nest.fans) {
    auto [share, relax] = constraints.leastShare(nest.array, fan.dim);
    fan.leastUnits = std::max<uint64_t>(
        1, static_cast<uint64_t>(std::ceil(share * fan.size - 1e-9)));
    if (!relax || fan.leastUnits == 1)
      continue;
    std::set<uint64_t> reached = listTogether(nest, fan);
    fan.leastUnits = std::min(fan.leastUnits, *reached.rbegin());
    relaxed.emplace_back(&fan, std::move(reached));
  }
  if (relaxed.size() < 2 || hasDeals(nest))
    return;
  std::vector<uint64_t> wanted;
  for (auto &[fan, reached] : relaxed)
    wanted.push_back(std::exchange(fan->leastUnits, 1));
  for (auto [one, most] : llvm::zip(relaxed, wanted)) {
    auto &[fan, reached] = one;
    for (auto units = reached.rbegin(); units != reached.rend(); ++units) {
      fan->leastUnits = std::min(*units, most);
      if (hasDeals(nest))
        break;
    }
  }
}

//===----------------------------------------------------------------------===//
// All of it
//===----------------------------------------------------------------------===//

/// How much of the nests a search looks at.
static void limitSearch(EinsumOnArray &nest, const NestLimits &limits) {
  nest.coarse = limits.coarse > 0;
  nest.fewPairs = limits.fewPairs || limits.coarse > 0;
  nest.allDeals = limits.allDeals;
  nest.mergesRanks = limits.mergesRanks;
  nest.sketch = limits.sketch;
  nest.instant = limits.instant;
  if (limits.coarse > 1)
    nest.mostDeals =
        std::max<size_t>(16, NestLimits::kMostDeals >> (limits.coarse - 2));
  if (limits.sketch)
    nest.mostDeals =
        limits.instant ? NestLimits::kInstantDeals : NestLimits::kSketchedDeals;
}

/// What the Einsum touches, and in `isCut` whether tiles of that are no
/// products of ranks. The reason if such an Einsum is not covered, else empty.
static std::string describeOperands(const CascadeFacts &facts,
                                    EinsumOnArray &nest, bool &isCut) {
  const EinsumFact &fact = facts.einsums[nest.einsum];
  for (const AccessFact &access : fact.reads)
    isCut |= !addUse(facts, nest, access, /*isWrite=*/false);
  for (const AccessFact &access : fact.writes)
    isCut |= !addUse(facts, nest, access, /*isWrite=*/true);
  for (const AccessFact &read : fact.reads)
    if (read.gathers() && (facts.tensors[read.tensor].producer == nest.einsum ||
                           facts.tensors[read.tensor].hasInitialValue))
      return "that Einsum '" + fact.name + "' gathers from '" +
             facts.tensors[read.tensor].name + "', a recurrence";
  if (nest.operands.size() > kMaxOperands)
    return "more than " + std::to_string(kMaxOperands) +
           " tensors of Einsum '" + fact.name + "'";
  findWalked(fact, nest);
  for (Operand &operand : nest.operands)
    if (operand.isWritten())
      isCut |= !addNeeds(facts, nest, operand);
  if (isCut)
    return "";
  auto countBlocks = [&](const AccessFact &access) {
    addBlocks(facts, nest, nest.operands[nest.findOperand(access.tensor)],
              access);
  };
  llvm::for_each(fact.reads, countBlocks);
  llvm::for_each(fact.writes, countBlocks);
  return "";
}

/// Inputs, outputs and what nobody else touches are nowhere else.
static bool mayLiveAtBacking(const CascadeFacts &facts,
                             const EinsumOnArray &nest) {
  return llvm::all_of(nest.operands, [&](const Operand &operand) {
    bool isFree = !operand.mustLiveAtBacking &&
                  facts.tensors[operand.tensor].touchers.size() >= 2;
    return isFree || nest.constraints->mayLiveAtBacking(operand.tensor);
  });
}

static void describeTiles(const arch::ArchSpec &arch, EinsumOnArray &nest,
                          const NestLimits &limits) {
  for (auto [r, rank] : llvm::enumerate(nest.ranks)) {
    bool isCommon = llvm::is_contained(limits.commonRanks, rank.rank);
    if (rank.isFollowing()) {
      listPartsOfSteps(rank, limits, arch, isCommon);
      continue;
    }
    bool isCarried =
        limits.sketch && llvm::is_contained(limits.carriedRanks, rank.rank);
    rank.tiles = isCarried && rank.extent > 1
                     ? std::vector<int64_t>{rank.extent, 1}
                     : listTiles(rank.extent, limits, arch, isCommon);
    if (limits.sketch && nest.cut && nest.cut->isCutAlong(static_cast<int>(r)))
      keepDivisors(rank);
    rank.listInner();
  }
}

/// Tiles that the ways to deal ranks of a sketch need, and few others.
static void describeSketch(EinsumOnArray &nest, const NestLimits &limits,
                           bool follows) {
  std::vector<Deals> ways = listDeals(nest);
  addDealtTiles(nest, ways, NestLimits::kInstantDeals);
  if (!limits.instant)
    return;
  if (nest.countTiles() <= NestLimits::kFewVectors)
    nest.mostDeals = NestLimits::kSketchedDeals / 2;
  else if (!follows)
    keepDealtTiles(nest, std::move(ways));
  // Of fewer tiles other ways to deal may be the fastest.
  addDealtTiles(nest, listDeals(nest), NestLimits::kInstantDeals);
}

std::optional<EinsumOnArray> mapper::describeEinsum(
    const CascadeFacts &facts, const arch::ArchSpec &arch, int einsum,
    int array, const EinsumConstraints &constraints, const NestLimits &limits,
    std::string &unsupported, std::shared_ptr<CutTiles> &cut,
    llvm::ArrayRef<FollowedRank> followed) {
  const EinsumFact &fact = facts.einsums[einsum];
  EinsumOnArray nest;
  nest.einsum = einsum;
  nest.array = array;
  nest.points = fact.points;
  nest.reduces = !fact.reduced.empty();
  nest.feedsOthers = llvm::any_of(fact.writes, [&](const AccessFact &write) {
    return llvm::any_of(facts.tensors[write.tensor].readers,
                        [&](int reader) { return reader != einsum; });
  });
  nest.constraints = &constraints;
  limitSearch(nest, limits);
  if (!constraints.mayRunOn(array) || !price(facts, arch, nest))
    return std::nullopt;
  for (int rank : fact.ranks) {
    nest.ranks.emplace_back();
    nest.ranks.back().rank = rank;
    nest.ranks.back().extent = facts.ranks[rank].extent;
  }
  for (const FollowedRank &one : followed)
    follow(nest.ranks[nest.findRank(one.rank)], one);
  bool isCut = !fact.domain.empty() || !followed.empty();
  std::string reason = describeOperands(facts, nest, isCut);
  if (reason.empty() && !mayLiveAtBacking(facts, nest))
    return std::nullopt;
  if (reason.empty() && arch.levels.size() > kMaxPath)
    reason = "more than " + std::to_string(kMaxPath) + " levels";
  if (!reason.empty()) {
    unsupported = reason;
    return std::nullopt;
  }
  if (isCut) {
    if (!cut)
      cut = std::make_shared<CutTiles>(facts, nest);
    nest.cut = cut;
  }
  describePath(arch, nest);
  describeFans(arch, nest, constraints);
  if (limits.sketch || limits.coarse > 1)
    for (int carried : limits.carriedRanks)
      if (int r = nest.findRank(carried); r >= 0)
        for (Fan &fan : nest.fans)
          fan.ranks &= ~(1u << r);
  describeTiles(arch, nest, limits);
  if (!followed.empty())
    nest.points = nest.cut->countVisits(
        llvm::SmallVector<int64_t, 8>(nest.ranks.size(), 1));
  demandUnits(nest, constraints);
  if (limits.sketch)
    describeSketch(nest, limits, !followed.empty());
  return nest;
}

bool EinsumOnArray::mayWalk(int rank) const {
  return !coarse || !cut || !cut->isCutAlong(rank);
}

bool EinsumOnArray::walks(int rank) const { return walked >> rank & 1; }

std::string EinsumOnArray::signature() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << array << " " << cyclesPerPoint << " " << energyPerPoint << " "
     << reduces << feedsOthers << " " << points << "|";
  for (const LocalRank &rank : ranks) {
    os << rank.extent << ":" << rank.tiles.size() << ":";
    for (const Fan &fan : fans)
      os << (fan.ranks >> (&rank - ranks.data()) & 1);
    os << ",";
  }
  for (const Fan &fan : fans)
    os << "/" << fan.leastUnits;
  for (const Operand &operand : operands) {
    os << "|" << operand.relevant << " " << operand.atLeaf << " "
       << operand.whole << " " << operand.bits.numerator << "/"
       << operand.bits.denominator << " " << operand.reads << operand.writes
       << operand.mustLiveAtBacking << operand.mayHaveSharedHolder
       << operand.mayStay;
    for (int64_t size : operand.grid)
      os << "'" << size;
    if (operand.scaled)
      os << "'" << operand.scaled->codeBits << "'" << operand.scaled->regionBits
         << "'" << operand.scaled->tensorBits << "'" << operand.perBlock
         << (operand.stored ? "'" : "");
    for (const Operand::Use &use : operand.uses)
      os << " " << use.isWrite << use.rank << use.shift;
    os << " " << operand.along;
    if (operand.needed)
      for (int64_t step : *operand.needed)
        os << "," << step;
    for (int level : path)
      for (bool backing : {false, true})
        os << constraints->mustKeep(level, {operand.tensor, backing})
           << constraints->mayKeep(level, {operand.tensor, backing});
  }
  if (cut)
    os << "#" << cut->describe() << walked;
  for (int level : path)
    if (constraints->boundsTiles(level))
      os << "!" << einsum; // bounds name ranks: not shared
  if (constraints->ordersLoops())
    os << "!" << einsum;
  return text;
}
