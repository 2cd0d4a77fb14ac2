//===- CascadeNests.cpp - The nests of all Einsums on all arrays ----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/CascadeNests.h"

#include "lib/Mapper/Nest/ListDeals.h"
#include "lib/Mapper/Pipelines/LoadBound.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <set>
#include <thread>

using namespace einsum;
using namespace einsum::mapper;

/// Ranks that every tensor of every Einsum has.
static std::vector<int> listCommonRanks(const CascadeFacts &facts) {
  std::vector<int> common;
  for (int rank = 0; rank < static_cast<int>(facts.ranks.size()); ++rank) {
    auto uses = [&](const AccessFact &access) { return access.uses(rank); };
    if (llvm::all_of(facts.einsums, [&](const EinsumFact &einsum) {
          return llvm::all_of(einsum.reads, uses) &&
                 llvm::all_of(einsum.writes, uses);
        }))
      common.push_back(rank);
  }
  return common;
}

/// Ranks along which recurrences of several Einsums go: some member reads a
/// tensor before that is made, at an earlier step.
static std::vector<int> listCarriedRanks(const CascadeFacts &facts) {
  std::set<int> ranks;
  for (const TensorFact &tensor : facts.tensors)
    if (tensor.iterativeRank >= 0 && tensor.hasInitialValue &&
        facts.ranks[tensor.iterativeRank].extent > 1 &&
        !tensor.readers.empty() && tensor.readers.front() < tensor.producer)
      ranks.insert(tensor.iterativeRank);
  return {ranks.begin(), ranks.end()};
}

bool CascadeNests::describe() {
  constraints.reserve(facts.einsums.size());
  for (int e = 0; e < static_cast<int>(facts.einsums.size()); ++e) {
    constraints.emplace_back(facts, arch, e);
    if (!constraints.back().unsupported.empty())
      unsupported = constraints.back().unsupported;
  }
  followers = std::make_unique<FollowerNests>(facts, arch, axes, constraints,
                                              options.limits);
  finest.imperfect = options.limits.imperfect;
  finest.allDeals = !options.rules.deals;
  finest.mergesRanks = options.rules.ranks;
  finest.commonRanks = listCommonRanks(facts);
  finest.carriedRanks = listCarriedRanks(facts);
  // Every nest if that can be, else few tiles that do not divide, or fewer ways
  // to deal, then fewer tiles.
  auto isTooMuch = [&] {
    return !describeNests(finest, /*stopsEarly=*/true) && unsupported.empty() &&
           !noArray;
  };
  bool isLarge = isTooMuch();
  if (isLarge && finest.imperfect) {
    finest.fewTiles = true;
    isLarge = isTooMuch();
    finest.fewTiles = !isLarge;
  }
  while (isLarge && finest.coarse < NestLimits::kCoarsest) {
    finest.coarse += std::exchange(finest.fewPairs, true);
    isLarge = isTooMuch();
  }
  if (isLarge)
    describeNests(finest);
  leastSpace = sizeOfSpace();
  described = finest;
  areMany = !finest.isWhole() || placed > kManyStates;
  return unsupported.empty() && !noArray;
}

/// Einsums that look the same share one.
void CascadeNests::makeSearches() {
  isExplored = false;
  bySignature.clear();
  for (EinsumChoices &choice : choices)
    for (const auto &nest : choice.nests) {
      std::string name = nest->signature();
      if (!options.rules.canonical)
        name += "@" + std::to_string(searches.size());
      NestSearch *&search = bySignature[name];
      if (!search) {
        searches.push_back(std::make_unique<NestSearch>(*nest, arch, axes));
        search = searches.back().get();
      }
      choice.searches.push_back(search);
    }
}

/// Of a sketch: no array that takes several times as long as another one and,
/// where that counts, no less energy.
static void leaveSlowArrays(std::vector<std::shared_ptr<EinsumOnArray>> &nests,
                            bool isEnergyCounted) {
  constexpr double slow = 4;
  std::vector<std::shared_ptr<EinsumOnArray>> kept;
  std::vector<double> cycles;
  for (const auto &nest : nests)
    cycles.push_back(leastCycles(*nest));
  for (auto [nest, mine] : llvm::zip(nests, cycles)) {
    auto isBetter = [&, &nest = nest, &mine = mine](const auto &pair) {
      const auto &[other, others] = pair;
      return slow * others < mine &&
             (!isEnergyCounted ||
              other->energyPerPoint <= nest->energyPerPoint);
    };
    if (llvm::none_of(llvm::zip(nests, cycles), isBetter))
      kept.push_back(nest);
  }
  nests = std::move(kept);
}

/// How many more ways there are to hold operands than a product of two tensors
/// has below four levels.
static double countPlacements(const EinsumOnArray &nest) {
  double ways = static_cast<double>(nest.path.size()) + 1;
  return std::max(1.0, std::pow(ways, nest.operands.size()) / 125);
}

/// States of a search. Small ranks along many dimensions are dealt in far fewer
/// ways than the product over dimensions; these are counted one by one.
double CascadeNests::countStates(const EinsumOnArray &nest) {
  double tiles = nest.countTiles(), states = nest.countStates();
  if (states <= kMostStates || tiles > kMostStates)
    return states;
  auto [counted, isNew] = statesBySignature.try_emplace(nest.signature());
  if (isNew) {
    std::optional<size_t> deals =
        countDeals(nest, static_cast<size_t>(kMostStates / tiles));
    counted->second = deals ? tiles * static_cast<double>(*deals) : states;
  }
  return counted->second;
}

/// False if some Einsum has too many nests, or none; perhaps before all are
/// described.
bool CascadeNests::describeNests(const NestLimits &limits, bool stopsEarly) {
  choices.assign(facts.einsums.size(), {});
  statesBySignature.clear();
  noArray = false;
  double states = 0; // the most of any nest
  placed = 0;
  cuts.resize(facts.einsums.size() * arch.arrays.size());

  for (int e = 0; e < static_cast<int>(facts.einsums.size()); ++e) {
    for (int a = 0; a < static_cast<int>(arch.arrays.size()); ++a) {
      std::optional<EinsumOnArray> nest =
          describeEinsum(facts, arch, e, a, constraints[e], limits, unsupported,
                         cuts[e * arch.arrays.size() + a]);
      if (!nest)
        continue;
      double mine = countStates(MergedRanks(*nest, arch).getNest());
      states = std::max(states, mine);
      if (stopsEarly && states > kMostStates)
        return false;
      placed = std::max(placed, mine * countPlacements(*nest));
      choices[e].nests.push_back(
          std::make_shared<EinsumOnArray>(std::move(*nest)));
    }
    noArray |= choices[e].nests.empty();
    if (limits.sketch)
      leaveSlowArrays(choices[e].nests,
                      options.objective.metrics !=
                          std::vector<Metric>{Metric::latency});
  }
  return states <= kMostStates && !noArray;
}

void CascadeNests::describeFor(const Effort &effort) {
  NestLimits limits = finest;
  limits.coarse = effort.coarse;
  limits.fewTiles &= effort.coarse == 0;
  limits.sketch = effort.sketch;
  limits.instant = effort.instant;
  if (limits.coarse == described.coarse && limits.sketch == described.sketch &&
      limits.instant == described.instant)
    return;
  for (const auto &search : searches)
    counted += search->getCounts();
  searches.clear();
  describeNests(limits);
  described = limits;
}

/// The least that each Einsum costs by itself, without a look at its nests.
void CascadeNests::boundNests() {
  for (EinsumChoices &choice : choices) {
    choice.leastEnergy = choice.leastCycles = INFINITY;
    choice.leastTraffic = 0;
    choice.fetches.clear();
    for (const auto &nest : choice.nests) {
      choice.leastEnergy =
          std::min(choice.leastEnergy,
                   static_cast<double>(nest->points) * nest->energyPerPoint);
      choice.leastCycles = std::min(choice.leastCycles, leastCycles(*nest));
    }
  }
}

/// Finds what most of a join asks for: what lies below the whole Einsum, or
/// below a step of the loops that carry recurrences, if it has them.
void CascadeNests::completeAll(bool belowCarried) {
  inParallel(searches.size(), [&](size_t i) {
    NestSearch &search = *searches[i];
    const TileCodec &codec = search.getCodec();
    uint32_t tile = 0;
    LatchTiles latches{};
    for (auto [r, rank] : llvm::enumerate(search.getNest().ranks))
      if (belowCarried && llvm::is_contained(finest.carriedRanks, rank.rank))
        tile = codec.with(tile, static_cast<int>(r),
                          static_cast<int>(rank.tiles.size()) - 1);
    latches.fill(tile);
    (void)search.complete(tile, Holdings{}, latches);
  });
}

/// Calls `fn(i)` for each of `count` things that have nothing in common.
void CascadeNests::inParallel(size_t count,
                              llvm::function_ref<void(size_t)> fn) const {
  std::atomic<size_t> next{0};
  auto run = [&] {
    for (size_t i = next++; i < count; i = next++)
      fn(i);
  };
  size_t most =
      options.threads ? options.threads : std::thread::hardware_concurrency();
  std::vector<std::thread> threads;
  for (size_t i = 1; i < std::min(most, count); ++i)
    threads.emplace_back(run);
  run();
  for (std::thread &thread : threads)
    thread.join();
}

/// What inputs of several readers cost an Einsum that fetches them itself. Of
/// several of them each has its part of what is certain of any one.
void CascadeNests::noteFetches(EinsumChoices &choice) const {
  choice.fetches.clear();
  const EinsumOnArray &nest = *choice.nests.front();
  for (const Operand &operand : nest.operands) {
    const TensorFact &tensor = facts.tensors[operand.tensor];
    if (!tensor.isInput || !operand.mayHaveSharedHolder)
      continue;
    int at = nest.indexOf(operand);
    double energy = INFINITY, traffic = INFINITY;
    for (NestSearch *search : choice.searches) {
      auto [alone, moved] = search->leastAlone(at);
      energy = std::min(energy, alone);
      traffic = std::min(traffic, moved);
    }
    choice.fetches.push_back({operand.tensor, energy - choice.leastEnergy,
                              traffic - choice.leastTraffic});
  }
  auto count = static_cast<double>(choice.fetches.size());
  for (EinsumChoices::Fetch &fetch : choice.fetches) {
    fetch.energy = std::isfinite(fetch.energy) ? fetch.energy / count : 0;
    fetch.traffic = std::isfinite(fetch.traffic) ? fetch.traffic / count : 0;
  }
}

/// All combinations of places that the operands may live at.
std::vector<Holdings> CascadeNests::listStarts(const EinsumOnArray &nest,
                                               NestSearch &search) const {
  std::vector<Holdings> starts(1);
  for (auto [o, operand] : llvm::enumerate(nest.operands)) {
    std::vector<uint8_t> codes = {0};
    for (int level = 1; level < static_cast<int>(arch.levels.size()); ++level) {
      if (!options.limits.fusion || arch.levels[level].perArray >= 0 ||
          !arch.levels[level].dims.empty())
        continue;
      bool isShared =
          operand.mayHaveSharedHolder && options.limits.sharedHolders;
      auto found = llvm::find(nest.path, level);
      auto index = static_cast<uint8_t>(found - nest.path.begin());
      if (found == nest.path.end()) {
        if (isShared || !operand.mustLiveAtBacking)
          codes.push_back(search.codeOffPath(level));
        continue;
      }
      if (!operand.mustLiveAtBacking)
        codes.push_back(Holding::kOutside + index);
      if (isShared)
        codes.push_back(index);
    }
    std::vector<Holdings> more;
    for (const Holdings &start : starts)
      for (uint8_t code : codes) {
        more.push_back(start);
        more.back()[o] = code;
      }
    starts = std::move(more);
  }
  return starts;
}

/// The least that each Einsum costs by itself, wherever its tensors live.
void CascadeNests::explore(const std::function<bool()> &shouldStop) {
  if (std::exchange(isExplored, true))
    return;
  std::vector<std::pair<NestSearch *, std::vector<Holdings>>> work;
  std::set<NestSearch *> listed;
  for (EinsumChoices &choice : choices)
    for (auto [search, nest] : llvm::zip(choice.searches, choice.nests))
      if (listed.insert(search).second)
        work.emplace_back(search, listStarts(*nest, *search));
  inParallel(work.size(), [&](size_t i) {
    work[i].first->explore(work[i].second, shouldStop, kMostExplored);
  });
  for (EinsumChoices &choice : choices) {
    double energy = INFINITY, cycles = INFINITY, traffic = INFINITY;
    for (NestSearch *search : choice.searches) {
      energy = std::min(energy, search->leastEnergy());
      cycles = std::min(cycles, search->leastCycles());
      traffic = std::min(traffic, search->leastTraffic());
    }
    double energyBefore = choice.leastEnergy, cyclesBefore = choice.leastCycles,
           trafficBefore = choice.leastTraffic;
    choice.leastEnergy = energy;
    choice.leastCycles = cycles;
    choice.leastTraffic = traffic;
    noteFetches(choice);
    choice.leastEnergy = std::max(energyBefore, energy);
    // Of what is asked for, other parts may be dealt than of the whole.
    auto einsum = static_cast<int>(&choice - choices.data());
    bool mayFollow =
        followers->areThere() && !followers->ranksAround(einsum).empty();
    choice.leastCycles =
        mayFollow ? cyclesBefore : std::max(cyclesBefore, cycles);
    choice.leastTraffic = std::max(trafficBefore, traffic);
  }
}

/// Decimal logarithm of the mappings without fusion whose loops are single
/// steps; where nests were not walked, of tile vectors and ways to deal.
double CascadeNests::sizeOfSpace() const {
  double log10 = 0;
  for (const EinsumChoices &choice : choices) {
    double trees = 0;
    for (size_t i = 0; i < choice.nests.size(); ++i)
      trees += std::max(
          i < choice.searches.size() ? choice.searches[i]->countTrees() : 0,
          choice.nests[i]->countStates());
    log10 += std::log10(std::max(1.0, trees));
  }
  return std::max(log10, leastSpace);
}

SearchCounts CascadeNests::countAll() const {
  SearchCounts all = counted;
  for (const auto &search : searches)
    all += search->getCounts();
  if (followers)
    all += followers->countAll();
  return all;
}

bool CascadeNests::areFull() const {
  size_t bytes = followers ? followers->memory() : 0;
  for (const auto &search : searches)
    bytes += search->memory();
  return bytes > kMostBytes;
}
