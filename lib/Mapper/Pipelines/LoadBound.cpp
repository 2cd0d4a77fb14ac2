//===- LoadBound.cpp - No mapping is faster than its arrays ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Pipelines/LoadBound.h"

#include "lib/Mapper/PipelineGroup.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace einsum;
using namespace einsum::mapper;

/// Calls back with what ranks of `free` can come to along a fan, together, and
/// with the ranks that are left.
static void
forEachShare(const EinsumOnArray &nest, UnitsOf unitsOf, const Fan &fan,
             uint32_t free,
             llvm::function_ref<void(double units, uint32_t left)> visit,
             double units = 1, size_t first = 0) {
  visit(units, free);
  if (units > 1 && !nest.sharesDims)
    return;
  double room = static_cast<double>(fan.size) / units;
  for (size_t rank = first; rank < nest.ranks.size(); ++rank) {
    if (!(fan.ranks & free & (1u << rank)))
      continue;
    if (double parts = unitsOf(nest.ranks[rank], room); parts > 1)
      forEachShare(nest, unitsOf, fan, free & ~(1u << rank), visit,
                   units * parts, rank + 1);
  }
}

double mapper::mostAlong(const EinsumOnArray &nest, UnitsOf unitsOf,
                         const Fan &fan) {
  double most = 1;
  forEachShare(nest, unitsOf, fan, ~0u,
               [&](double units, uint32_t) { most = std::max(most, units); });
  return most;
}

/// Units that fans from `at` on have at work: those of the array on ranks in
/// `free`, each once, those of levels further out on any.
static double unitsReached(const EinsumOnArray &nest, UnitsOf unitsOf,
                           size_t at, uint32_t free) {
  if (at == nest.fans.size())
    return 1;
  const Fan &fan = nest.fans[at];
  if (fan.stage != nest.lastStage)
    return mostAlong(nest, unitsOf, fan) *
           unitsReached(nest, unitsOf, at + 1, free);
  double most = 1;
  forEachShare(nest, unitsOf, fan, free, [&](double units, uint32_t left) {
    most = std::max(most, units * unitsReached(nest, unitsOf, at + 1, left));
  });
  return most;
}

double mapper::reachedCycles(const EinsumOnArray &nest, UnitsOf unitsOf) {
  return static_cast<double>(nest.points) * nest.cyclesPerPoint /
         unitsReached(nest, unitsOf, 0, ~0u);
}

/// The most units that can be at work: those of an array get one point each, so
/// that there are no more than its ranks have parts.
static double mostUnits(const EinsumOnArray &nest, UnitsOf unitsOf) {
  double outside = 1, onArray = 1, parts = 1;
  for (const Fan &fan : nest.fans)
    (fan.stage == nest.lastStage ? onArray : outside) *=
        mostAlong(nest, unitsOf, fan);
  for (size_t rank = 0; rank < nest.ranks.size(); ++rank) {
    double room = 1;
    for (const Fan &fan : nest.fans)
      if (fan.stage == nest.lastStage && (fan.ranks >> rank & 1))
        room *= static_cast<double>(fan.size);
    parts *= std::max(1.0, unitsOf(nest.ranks[rank], room));
  }
  return outside * std::min(onArray, parts);
}

double mapper::leastCycles(const EinsumOnArray &nest, UnitsOf unitsOf) {
  return static_cast<double>(nest.points) * nest.cyclesPerPoint /
         mostUnits(nest, unitsOf);
}

static double anyParts(const LocalRank &rank, double room) {
  return std::min(static_cast<double>(rank.extent), room);
}

namespace {

/// The fewest runs of a box of points: each rank takes whole steps, and units
/// are no more than there are.
///
///   64 x 64 x 64 on 14 x 12 units   16 * 13 * 8 = 1664, not 64^3 / 168 = 1560
class WholeSteps {
public:
  explicit WholeSteps(const EinsumOnArray &nest) : nest(nest) {}

  double count() {
    uint64_t units = 1;
    for (const Fan &fan : nest.fans)
      units = llvm::SaturatingMultiply(units, fan.size);
    choose(0, units, 1);
    return tried > kMostTried ? 0 : fewest;
  }

private:
  void choose(size_t at, uint64_t units, double steps) {
    if (++tried > kMostTried)
      return;
    if (at == nest.ranks.size()) {
      fewest = std::min(fewest, steps);
      return;
    }
    double left = 1;
    for (size_t r = at; r < nest.ranks.size(); ++r)
      left *= static_cast<double>(nest.ranks[r].extent);
    // `units`: what is left of them for these ranks, multiplied.
    if (steps * std::max(1.0, left / static_cast<double>(units)) >= fewest)
      return;
    auto extent = static_cast<uint64_t>(nest.ranks[at].extent);
    uint64_t own = 1;
    for (const Fan &fan : nest.fans)
      if (fan.ranks >> at & 1)
        own = llvm::SaturatingMultiply(own, fan.size);
    // From the fewest steps on; of as many the fewest units.
    uint64_t mine = llvm::divideCeil(extent, std::min({units, own, extent}));
    while (true) {
      uint64_t parts = llvm::divideCeil(extent, mine);
      choose(at + 1, units / parts, steps * static_cast<double>(mine));
      if (parts == 1)
        return;
      mine = llvm::divideCeil(extent, parts - 1);
    }
  }

  const EinsumOnArray &nest;
  double fewest = INFINITY;
  static constexpr size_t kMostTried = 20000;
  size_t tried = 0;
};

} // namespace

double mapper::leastCycles(const EinsumOnArray &nest) {
  double cycles = leastCycles(nest, anyParts);
  if (nest.cut)
    return cycles;
  return std::max(cycles, WholeSteps(nest).count() * nest.cyclesPerPoint);
}

/// Whatever the shares, they add up to one: the busiest array has no less to do
/// than the shares of the arrays' loads are together, and those are least if
/// each Einsum goes where its share of cycles is.
///
///   max over arrays of load >= sum over Einsums of min over arrays of
///                              share(array) * cycles(Einsum, array)
static double shareLoad(llvm::ArrayRef<std::vector<double>> cycles,
                        llvm::ArrayRef<double> shares) {
  double load = 0;
  for (const std::vector<double> &einsum : cycles) {
    double least = INFINITY;
    for (auto [share, own] : llvm::zip(shares, einsum))
      if (!std::isinf(own))
        least = std::min(least, share * own);
    load += least;
  }
  return load;
}

/// The best shares, one array's against the others' at a time: between two
/// shares at which an Einsum changes arrays the bound is linear, so that these
/// are all candidates there are.
static double boundByShares(llvm::ArrayRef<std::vector<double>> cycles,
                            size_t arrays) {
  std::vector<double> shares(arrays, 1.0 / static_cast<double>(arrays));
  double best = shareLoad(cycles, shares);
  constexpr int rounds = 3;
  for (int round = 0; round < rounds; ++round)
    for (size_t a = 0; a < arrays; ++a) {
      std::vector<double> found = shares;
      for (const std::vector<double> &einsum : cycles) {
        double others = INFINITY; // the least share of cycles elsewhere
        for (size_t b = 0; b < arrays; ++b)
          if (b != a && !std::isinf(einsum[b]))
            others = std::min(others, shares[b] * einsum[b]);
        if (std::isinf(others) || std::isinf(einsum[a]) || einsum[a] <= 0 ||
            others <= 0)
          continue;
        std::vector<double> tried = shares;
        tried[a] = others / einsum[a];
        double sum = 0;
        for (double share : tried)
          sum += share;
        for (double &share : tried)
          share /= sum;
        if (double load = shareLoad(cycles, tried); load > best) {
          best = load;
          found = tried;
        }
      }
      shares = std::move(found);
    }
  return best;
}

static double
boundLoadBy(llvm::ArrayRef<EinsumChoices> choices,
            llvm::function_ref<double(const EinsumOnArray &nest)> cyclesOf) {
  // Beyond so many Einsums, parts of them may go to different arrays.
  constexpr size_t kMost = 24;
  PipelineGroup group;
  double alone = 0;
  size_t arrays = 1;
  for (const EinsumChoices &einsum : choices)
    for (const auto &nest : einsum.nests)
      arrays = std::max<size_t>(arrays, nest->array + 1);
  std::vector<std::vector<double>> all;
  for (const EinsumChoices &einsum : choices) {
    double least = INFINITY;
    all.emplace_back(arrays, INFINITY);
    auto &stage = group.stages.emplace_back();
    for (const auto &nest : einsum.nests) {
      StageChoice choice;
      choice.array = nest->array;
      double cycles = std::floor(cyclesOf(*nest));
      least = std::min(least, cycles);
      all.back()[nest->array] = cycles;
      choice.cycles = cycles < 1e16 ? static_cast<uint64_t>(cycles)
                                    : uint64_t{10'000'000'000'000'000};
      stage.push_back(choice);
    }
    if (einsum.nests.empty())
      return 0;
    alone = std::max(alone, least);
  }
  double simple = std::max(alone, boundByShares(all, arrays));
  if (choices.size() > kMost)
    return simple;
  PipelineLimits limits;
  limits.leastLags = true; // nothing depends on anything: all in one slot
  PipelineResult result =
      schedulePipeline(group, PipelineGoal::latency, limits);
  if (result.plans.empty() || !result.statistics.complete)
    return simple;
  return std::max(simple, result.plans.front().cycles);
}

double mapper::boundLoad(llvm::ArrayRef<EinsumChoices> choices,
                         UnitsOf unitsOf) {
  return boundLoadBy(choices, [&](const EinsumOnArray &nest) {
    return leastCycles(nest, unitsOf);
  });
}

double mapper::boundLoad(llvm::ArrayRef<EinsumChoices> choices) {
  return boundLoadBy(
      choices, [](const EinsumOnArray &nest) { return leastCycles(nest); });
}
