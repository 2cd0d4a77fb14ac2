//===- ListDeals.cpp - Ways to deal ranks to units ------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/ListDeals.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <numeric>
#include <set>

using namespace einsum;
using namespace einsum::mapper;

/// Pairs of ranks along one dimension that a coarse list has.
static constexpr size_t kMostPairs = 2;

/// Where a filter leaves few points, as `s == 256 k + n`, units along all its
/// ranks mostly have none. What is left of runs, shared by the parts that have
/// any: some part has as many.
static double countCutRuns(const EinsumOnArray &nest, const Deals &way) {
  llvm::SmallVector<int64_t, 8> inside(nest.ranks.size(), 1), part;
  for (const LocalRank &rank : nest.ranks)
    part.push_back(rank.extent);
  for (const Deal &deal : way)
    if (nest.fans[deal.fan].stage == nest.lastStage)
      inside[deal.rank] *= deal.units;
    else
      part[deal.rank] = deal.chunk
                            ? deal.chunk
                            : llvm::divideCeil(part[deal.rank], deal.units);
  return static_cast<double>(nest.cut->countVisits(inside)) /
         static_cast<double>(
             std::max<uint64_t>(1, nest.cut->countVisits(part)));
}

/// How often the busiest unit computes; infinite if its part of a rank cannot
/// be dealt on in equal parts, or may not be walked. The outermost loop over a
/// rank may have any tile: one that only units of the array have a part of.
static double countBusiest(const EinsumOnArray &nest, const Deals &way) {
  for (auto [r, rank] : llvm::enumerate(nest.ranks)) {
    int64_t part = rank.extent;
    bool isChunk = false, isOutside = false;
    for (const Deal &deal : way) { // outermost fans first
      if (deal.rank != static_cast<int>(r))
        continue;
      isOutside |= nest.fans[deal.fan].stage != nest.lastStage;
      if (!isOutside)
        continue;
      if (!deal.chunk && part % deal.units != 0)
        return INFINITY;
      part = deal.chunk ? deal.chunk : part / deal.units;
      isChunk |= deal.chunk != 0;
    }
    if (isChunk && part != 1 && !nest.mayWalk(static_cast<int>(r)))
      return INFINITY;
  }
  return static_cast<double>(countRuns(nest, way));
}

/// Places of the least costs, in order, of equal ones the first; all places, as
/// they are, if there are no more.
static std::vector<size_t>
findLeast(const std::vector<std::pair<double, double>> &costs, size_t most) {
  std::vector<size_t> places(costs.size());
  std::iota(places.begin(), places.end(), 0);
  if (places.size() <= most)
    return places;
  llvm::sort(places, [&](size_t a, size_t b) {
    return std::tie(costs[a], a) < std::tie(costs[b], b);
  });
  places.resize(most);
  return places;
}

namespace {

class DealLister {
public:
  explicit DealLister(const EinsumOnArray &nest) : nest(nest) {}

  std::vector<Deals> list() {
    addFan(0);
    return std::move(ways);
  }

  bool findOne() {
    oneIsEnough = true;
    addFan(0);
    return !ways.empty();
  }

  /// How many there are, nullopt if more than `most`.
  std::optional<size_t> count(size_t most) {
    enough = most;
    addFan(0);
    if (isDone())
      return std::nullopt;
    return ways.size();
  }

private:
  void addFan(size_t at) {
    if (isDone())
      return;
    if (at == nest.fans.size()) {
      ++met;
      if (seen.insert(describe()).second || nest.allDeals)
        ways.push_back(deals);
      return;
    }
    if (nest.fewPairs && !oneIsEnough)
      addFew(at);
    else
      addShare(at, 0, 1);
  }

  /// Where nothing limits what a dimension shares, it does not matter which of
  /// its stage a rank is dealt along, nor along how many of an array; sums
  /// drain along each of them.
  std::vector<int64_t> describe() const {
    std::vector<std::array<int64_t, 6>> parts;
    for (const Deal &deal : deals) {
      const Fan &fan = nest.fans[deal.fan];
      bool isLimited = fan.multicastWidth || fan.reductionWidth,
           isOne =
               fan.stage == nest.lastStage && !isLimited && isKept(deal.rank);
      auto known = llvm::find_if(parts, [&](const auto &part) {
        return isOne && part[0] == fan.stage && part[1] < 0 &&
               part[2] == deal.rank;
      });
      if (known != parts.end())
        (*known)[3] *= deal.units;
      else
        parts.push_back({fan.stage, isLimited ? deal.fan : -1, deal.rank,
                         deal.units, deal.chunk, deal.around});
    }
    llvm::sort(parts);
    std::vector<int64_t> all;
    for (const auto &part : parts)
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }

  bool isKept(int rank) const {
    return llvm::any_of(nest.operands, [&](const Operand &operand) {
      return operand.isWritten() && operand.usesRank(rank);
    });
  }

  /// Ranks from `first` on, to units of which each is `used` already.
  void addShare(size_t at, size_t first, uint64_t used) {
    const Fan &fan = nest.fans[at];
    if (used >= fan.leastUnits)
      addFan(at + 1);
    if ((used > 1 && !nest.sharesDims) || isDone())
      return;
    for (size_t r = first; r < nest.ranks.size(); ++r)
      for (const Deal &part : listParts(at, r, fan.size / used)) {
        deals.push_back(part);
        addShare(at, r + 1, used * static_cast<uint64_t>(part.units));
        deals.pop_back();
      }
  }

  /// One rank, or a few pairs that make the busiest unit no slower.
  void addFew(size_t at) {
    const Fan &fan = nest.fans[at];
    auto listOf = [&](size_t rank, uint64_t room) {
      return nest.coarse ? listMostParts(at, rank, room)
                         : listParts(at, rank, room);
    };
    if (fan.leastUnits <= 1)
      addFan(at + 1);
    std::vector<Deals> some, pairs;
    double fastest = INFINITY;
    for (size_t r = 0; r < nest.ranks.size(); ++r)
      for (const Deal &part : listOf(r, fan.size)) {
        some.push_back({part});
        fastest = std::min(fastest, countInside(at, some.back()));
      }
    for (size_t r = 0; r < nest.ranks.size() && nest.sharesDims; ++r)
      for (const Deal &part : listParts(at, r, fan.size / 2)) {
        deals.push_back(part);
        for (size_t s = r + 1; s < nest.ranks.size(); ++s)
          for (const Deal &other : listMostParts(
                   at, s, fan.size / static_cast<uint64_t>(part.units)))
            pairs.push_back({part, other});
        deals.pop_back();
      }
    llvm::erase_if(
        pairs, [&](const Deals &p) { return countInside(at, p) > fastest; });
    std::vector<std::pair<double, double>> costs;
    for (const Deals &pair : pairs)
      costs.emplace_back(countInside(at, pair), countWords(pair));
    for (size_t i : findLeast(costs, kMostPairs))
      some.push_back(pairs[i]);
    bool isReached = fan.leastUnits <= 1;
    for (const Deals &way : some)
      isReached |= addAll(at, way);
    if (!isReached)
      addShare(at, 0, 1);
  }

  /// False if more units have to be in use.
  bool addAll(size_t at, const Deals &some) {
    uint64_t units = 1;
    for (const Deal &deal : some)
      units *= static_cast<uint64_t>(deal.units);
    if (units < nest.fans[at].leastUnits)
      return false;
    deals.append(some.begin(), some.end());
    addFan(at + 1);
    deals.truncate(deals.size() - some.size());
    return true;
  }

public:
  /// That units get or give if each has what it needs once: an operand without
  /// a rank that is dealt goes to all of them.
  double countWords(const Deals &way) const {
    double words = 0;
    for (const Operand &operand : nest.operands) {
      double own = 1;
      for (auto [r, rank] : llvm::enumerate(nest.ranks))
        if (operand.atLeaf >> r & 1)
          own *= static_cast<double>(rank.extent);
      for (const Deal &deal : way)
        if (!(operand.atLeaf >> deal.rank & 1))
          own *= static_cast<double>(deal.units);
      words += own;
    }
    return words;
  }

private:
  /// How often the busiest unit computes after `more` at fan `at`, if fans
  /// further in take what they can of what is left: 1024 in 128 parts leave 8
  /// for a dimension of 16.
  double countInside(size_t at, const Deals &more) const {
    Deals all = deals;
    all.append(more.begin(), more.end());
    double busiest = countBusiest(nest, all);
    if (std::isinf(busiest))
      return busiest;
    llvm::SmallVector<int64_t, 8> left;
    for (size_t r = 0; r < nest.ranks.size(); ++r)
      left.push_back(leftOf(r, all));
    return busiest / mostInside(at + 1, left);
  }

  /// What each unit has of a rank.
  int64_t leftOf(size_t r, const Deals &all) const {
    int64_t left = nest.ranks[r].extent;
    for (const Deal &deal : all)
      if (deal.rank == static_cast<int>(r))
        left = deal.chunk ? deal.chunk : llvm::divideCeil(left, deal.units);
    return left;
  }

  /// The most units that one rank each along fans from `at` on can use.
  double mostInside(size_t at, llvm::SmallVectorImpl<int64_t> &left) const {
    if (at == nest.fans.size())
      return 1;
    const Fan &fan = nest.fans[at];
    double all = 1;
    for (size_t f = at; f < nest.fans.size(); ++f)
      all *= static_cast<double>(nest.fans[f].size);
    double best = mostInside(at + 1, left);
    for (size_t r = 0; r < nest.ranks.size() && best < all; ++r) {
      if (!(fan.ranks >> r & 1))
        continue;
      int64_t units = mostPartsOf(r, left[r], fan.size);
      if (units < 2)
        continue;
      int64_t before = std::exchange(left[r], stepsOf(left[r], units));
      double fewer = static_cast<double>(before) / static_cast<double>(left[r]);
      best = std::max(best, fewer * mostInside(at + 1, left));
      left[r] = before;
    }
    return best;
  }

  /// Of what is left of a rank, the parts that leave the fewest steps; equal
  /// ones, unless all of the rank is left.
  int64_t mostPartsOf(size_t r, int64_t left, uint64_t room) const {
    int64_t most = 1;
    for (int64_t tile : nest.ranks[r].tiles) // falling
      if (static_cast<uint64_t>(tile) <= room &&
          (left % tile == 0 || left == nest.ranks[r].extent) &&
          stepsOf(left, tile) <= stepsOf(left, most))
        most = tile;
    return most;
  }

  static int64_t stepsOf(int64_t left, int64_t parts) {
    return static_cast<int64_t>(llvm::divideCeil(left, parts));
  }

  /// Units' tiles may differ where nobody else outside the array deals that
  /// rank. An array's units get one point each, whatever dimensions they are
  /// along; of what follows demand that is dealt once.
  bool mayTake(size_t at, size_t rank, bool isUneven) const {
    const Fan &fan = nest.fans[at];
    bool isLast = fan.stage == nest.lastStage;
    // Of parts of parts, where some are cut, few can be counted.
    bool isOnce = isUneven || !nest.mayWalk(static_cast<int>(rank));
    return (fan.ranks >> rank & 1) &&
           llvm::none_of(deals, [&](const Deal &other) {
             bool alsoLast = nest.fans[other.fan].stage == nest.lastStage;
             if (other.rank != static_cast<int>(rank))
               return false;
             if (isLast)
               return alsoLast && nest.ranks[rank].isFollowing();
             return isOnce || other.chunk != 0;
           });
  }

  /// Units of the array that dimensions further out deal the rank to.
  int64_t takenBy(size_t rank) const {
    int64_t units = 1;
    for (const Deal &deal : deals)
      if (deal.rank == static_cast<int>(rank) &&
          nest.fans[deal.fan].stage == nest.lastStage)
        units *= deal.units;
    return units;
  }

  /// In two parts or more, no more than `room`.
  std::vector<Deal> listParts(size_t at, size_t r, uint64_t room) const {
    const LocalRank &rank = nest.ranks[r];
    std::vector<Deal> parts;
    auto most = static_cast<int64_t>(room);
    auto add = [&](int64_t units, int64_t chunk, int64_t around) {
      if (units >= 2 && units <= most && mayTake(at, r, chunk != 0))
        parts.push_back(
            {static_cast<int>(at), static_cast<int>(r), units, chunk, around});
    };
    auto isTile = [&](int64_t tile) {
      return llvm::is_contained(rank.tiles, tile);
    };
    if (nest.fans[at].stage == nest.lastStage) {
      int64_t taken = takenBy(r);
      for (int64_t tile :
           llvm::ArrayRef(rank.tiles).drop_front(rank.isFollowing() ? 1 : 0))
        if (tile % taken == 0 && llvm::is_contained(rank.tiles, tile / taken))
          add(tile / taken, 0, 0);
      return parts;
    }
    if (rank.isFollowing())
      return parts;
    // Of few tiles, most are not so many times another one.
    int64_t left = leftOf(r, deals);
    auto isTimes = [&](int64_t units) {
      return !nest.coarse || (left % units == 0 && isTile(left / units));
    };
    for (int64_t units = 2; units <= std::min(most, rank.extent); ++units)
      if ((rank.extent % units == 0 || isTile(units)) && isTimes(units))
        add(units, 0, 0);
    for (int64_t tile : rank.tiles) {
      if (rank.extent % tile == 0)
        continue;
      add(llvm::divideCeil(rank.extent, tile), tile, rank.extent);
      for (int64_t units = 2; units <= most && 2 * units <= tile; ++units)
        if (tile % units == 0 && isTile(tile / units) && !nest.coarse)
          add(units, tile / units, tile);
    }
    return parts;
  }

  /// Where equal parts leave many of an array's units idle, 64 to 14 units in 8
  /// steps of 8: as many as it takes to have the fewest steps, 5 of 13. Nobody
  /// outside has parts of the rank then.
  int64_t fillingParts(llvm::ArrayRef<Deal> all, int64_t left,
                       int64_t equal) const {
    int64_t fewest = stepsOf(left, equal), most = 0;
    for (const Deal &deal : all) // falling
      if (stepsOf(left, deal.units) <= fewest) {
        fewest = stepsOf(left, deal.units);
        most = deal.units;
      }
    return 5 * fewest <= 4 * stepsOf(left, equal) ? most : 0;
  }

  /// To units that hold a level: in as many equal parts as there can be, or
  /// more than half of that, as parts are dealt on inside; or in more parts of
  /// which the last is shorter.
  std::vector<Deal> listMostParts(size_t at, size_t r, uint64_t room) const {
    std::vector<Deal> all = listParts(at, r, room), parts;
    int64_t equal = 1;
    bool isLast = nest.fans[at].stage == nest.lastStage;
    int64_t left = leftOf(r, deals);
    if (isLast)
      for (const Deal &deal : all)
        if (left % deal.units == 0)
          equal = std::max(equal, deal.units);
    for (const Deal &deal : all)
      if (!isLast && !deal.chunk && nest.ranks[r].extent % deal.units == 0)
        equal = std::max(equal, deal.units);
    bool isWhole = isLast && left == nest.ranks[r].extent;
    int64_t filling = isWhole ? fillingParts(all, left, equal) : 0;
    for (const Deal &deal : all)
      if (deal.chunk ? deal.units > equal
          : isLast   ? deal.units == equal || deal.units == filling
                     : deal.units <= equal && 2 * deal.units > equal)
        parts.push_back(deal);
    return parts;
  }

  bool isDone() const {
    constexpr size_t kAlike = 8; // ways that come to the same, on average
    return (oneIsEnough && !ways.empty()) || ways.size() > enough ||
           met / kAlike > enough;
  }

  const EinsumOnArray &nest;
  bool oneIsEnough = false;
  size_t enough = SIZE_MAX, met = 0;
  Deals deals;
  std::vector<Deals> ways;
  std::set<std::vector<int64_t>> seen;
};

} // namespace

bool mapper::isEven(const Deals &way) {
  return llvm::none_of(way, [](const Deal &deal) { return deal.chunk != 0; });
}

static bool hasFilter(const EinsumOnArray &nest) {
  return nest.cut && llvm::none_of(nest.ranks, [](const LocalRank &rank) {
           return rank.isFollowing();
         });
}

/// The fastest ways, of an Einsum with a filter also those that are the fastest
/// on its points, an even one, and the one that deals the least, which tiles
/// never stand in the way of: the first.
std::vector<Deals> mapper::listDeals(const EinsumOnArray &nest) {
  DealLister lister(nest);
  std::vector<Deals> ways = lister.list();
  if (!nest.mostDeals || ways.size() <= nest.mostDeals)
    return ways;
  Deals least = ways.front();
  ways.erase(ways.begin());
  std::vector<std::pair<double, double>> costs; // runs and words, by way
  for (const Deals &way : ways)
    costs.emplace_back(countBusiest(nest, way), lister.countWords(way));
  std::vector<size_t> chosen = findLeast(costs, nest.mostDeals);
  if (hasFilter(nest)) {
    std::vector<std::pair<double, double>> onPoints = costs;
    for (auto [way, cost] : llvm::zip(ways, onPoints))
      if (!std::isinf(cost.first))
        cost.first = countCutRuns(nest, way);
    for (size_t i : findLeast(onPoints, nest.mostDeals))
      if (!llvm::is_contained(chosen, i))
        chosen.push_back(i);
  }
  auto isEvenWay = [&](size_t i) { return isEven(ways[i]); };
  if (llvm::none_of(chosen, isEvenWay)) {
    std::vector<size_t> even;
    llvm::copy_if(llvm::seq<size_t>(0, ways.size()), std::back_inserter(even),
                  isEvenWay);
    auto fastest =
        std::min_element(even.begin(), even.end(), [&](size_t a, size_t b) {
          return costs[a] < costs[b];
        });
    if (fastest != even.end())
      chosen.push_back(*fastest);
  }
  std::vector<Deals> list;
  for (size_t i : chosen)
    list.push_back(std::move(ways[i]));
  list.push_back(std::move(least));
  return list;
}

std::optional<size_t> mapper::countDeals(const EinsumOnArray &nest,
                                         size_t most) {
  return DealLister(nest).count(most);
}

bool mapper::hasDeals(const EinsumOnArray &nest) {
  return DealLister(nest).findOne();
}
