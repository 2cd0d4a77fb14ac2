//===- MergedRanks.cpp - Ranks that always come together ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/MergedRanks.h"

#include "llvm/ADT/STLExtras.h"

#include <numeric>
#include <set>
#include <tuple>

using namespace einsum;
using namespace einsum::mapper;

/// Whether ranks of this nest are told apart by nothing but their tensors.
static bool isPlain(const EinsumOnArray &nest) {
  return nest.mergesRanks && !nest.cut && nest.walked == 0 && nest.sharesDims &&
         !nest.constraints->ordersLoops() &&
         llvm::none_of(nest.path, [&](int level) {
           return nest.constraints->boundsTiles(level);
         });
}

static bool mayMerge(const EinsumOnArray &nest, int r) {
  const LocalRank &rank = nest.ranks[r];
  return rank.extent > 1 && !rank.isFollowing() &&
         llvm::all_of(rank.tiles,
                      [&](int64_t tile) { return rank.extent % tile == 0; }) &&
         llvm::all_of(nest.operands, [&](const Operand &operand) {
           return operand.along != r &&
                  (operand.grid.empty() || operand.grid[r] == 1) &&
                  llvm::none_of(operand.uses, [&](const Operand::Use &use) {
                    return use.rank == r;
                  });
         });
}

/// Whether the two are in the same tensors and along the same dimensions.
static bool areTogether(const EinsumOnArray &nest, int r, int s) {
  auto isSame = [&](uint32_t mask) { return !((mask >> r ^ mask >> s) & 1); };
  return llvm::all_of(nest.fans,
                      [&](const Fan &fan) { return isSame(fan.ranks); }) &&
         llvm::all_of(nest.operands, [&](const Operand &operand) {
           return isSame(operand.relevant) && isSame(operand.atLeaf) &&
                  llvm::all_of(operand.uses, [&](const Operand::Use &use) {
                    return isSame(use.relevant);
                  });
         });
}

/// Whether units of the array never walk a rank that is dealt to others of
/// them: below its dimensions there is nothing but the leaf, or what has to be
/// held there has the rank, and is one element.
static bool isOnePoint(const EinsumOnArray &nest, const arch::ArchSpec &arch,
                       int r) {
  if (llvm::count_if(nest.fans, [&](const Fan &fan) {
        return fan.stage == nest.lastStage && fan.size > 1 &&
               (fan.ranks >> r & 1);
      }) > 1)
    return false;
  if (!nest.feedsRegisters)
    return true;
  int level = nest.path.back();
  auto isSingle = [&](const Operand &operand) {
    const std::optional<uint64_t> &room = arch.levels[level].capacityBytes;
    return operand.usesRank(r) && room &&
           *room < operand.tileBits().countBytes(2) &&
           nest.constraints->mustKeep(level, {operand.tensor, true}) &&
           nest.constraints->mustKeep(level, {operand.tensor, false});
  };
  return llvm::any_of(nest.operands, isSingle) ||
         llvm::none_of(nest.operands, [&](const Operand &operand) {
           return nest.constraints->mayKeep(level, {operand.tensor, true}) ||
                  nest.constraints->mayKeep(level, {operand.tensor, false});
         });
}

/// Whether it matters among which ranks units that add to one sum are dealt:
/// others may wait until it has passed along the loops of each.
static bool isDrained(const EinsumOnArray &nest, const arch::ArchSpec &arch,
                      int r) {
  return nest.feedsOthers && arch.arrays.size() > 1 &&
         !arch.accounting.freeSums &&
         llvm::none_of(nest.operands, [&](const Operand &operand) {
           return operand.isWritten() && operand.usesRank(r);
         });
}

/// The products of tiles of both, and what may stand inside each.
static void multiply(LocalRank &rank, const LocalRank &other) {
  std::set<int64_t, std::greater<>> products;
  for (int64_t tile : rank.tiles)
    for (int64_t inner : other.tiles)
      products.insert(tile * inner);
  rank.extent *= other.extent;
  rank.tiles.assign(products.begin(), products.end());
}

MergedRanks::MergedRanks(const EinsumOnArray &nest, const arch::ArchSpec &arch)
    : apart(nest) {
  int count = static_cast<int>(nest.ranks.size());
  if (!isPlain(nest))
    return;
  llvm::SmallVector<int, 8> first; // own rank of each merged one
  for (int r = 0; r < count; ++r) {
    auto *found = llvm::find_if(first, [&](int other) {
      return mayMerge(nest, r) && mayMerge(nest, other) &&
             areTogether(nest, r, other) && isOnePoint(nest, arch, r) &&
             !isDrained(nest, arch, r);
    });
    into.push_back(static_cast<int>(found - first.begin()));
    if (found == first.end())
      first.push_back(r);
  }
  if (first.size() == nest.ranks.size())
    return;
  auto taken = [&](uint32_t mask) {
    uint32_t some = 0;
    for (auto [i, r] : llvm::enumerate(first))
      some |= (mask >> r & 1) << i;
    return some;
  };
  merged = nest;
  merged->ranks.clear();
  for (int r = 0; r < count; ++r)
    if (first[into[r]] == r)
      merged->ranks.push_back(nest.ranks[r]);
    else
      multiply(merged->ranks[into[r]], nest.ranks[r]);
  for (auto [i, r] : llvm::enumerate(first))
    if (merged->ranks[i].extent != nest.ranks[r].extent)
      merged->ranks[i].listInner();
  for (Fan &fan : merged->fans)
    fan.ranks = taken(fan.ranks);
  for (Operand &operand : merged->operands) {
    operand.relevant = taken(operand.relevant);
    operand.atLeaf = taken(operand.atLeaf);
    if (operand.along >= 0)
      operand.along = into[operand.along];
    if (!operand.grid.empty()) {
      auto grid = std::exchange(operand.grid, {});
      for (int r : first)
        operand.grid.push_back(grid[r]);
    }
    for (Operand::Use &use : operand.uses) {
      use.relevant = taken(use.relevant);
      if (use.rank >= 0)
        use.rank = into[use.rank];
    }
  }
}

void MergedRanks::merge(llvm::ArrayRef<int64_t> tiles,
                        llvm::SmallVectorImpl<int64_t> &products) const {
  if (!merged) {
    products.assign(tiles.begin(), tiles.end());
    return;
  }
  products.assign(merged->ranks.size(), 1);
  for (auto [r, tile] : llvm::enumerate(tiles))
    products[into[r]] *= tile;
}

Deals MergedRanks::merge(const Deals &deals) const {
  if (!merged)
    return deals;
  Deals all;
  for (const Deal &deal : deals) {
    int rank = into[deal.rank];
    auto *same = llvm::find_if(all, [&](const Deal &other) {
      return other.fan == deal.fan && other.rank == rank;
    });
    if (same == all.end()) {
      all.push_back(deal);
      all.back().rank = rank;
    } else {
      same->units *= deal.units;
    }
  }
  llvm::sort(all, [](const Deal &a, const Deal &b) {
    return std::tie(a.fan, a.rank) < std::tie(b.fan, b.rank);
  });
  return all;
}

void MergedRanks::split(llvm::ArrayRef<int64_t> products,
                        llvm::MutableArrayRef<int64_t> at) const {
  if (!merged) {
    llvm::copy(products, at.begin());
    return;
  }
  // By how much each merged rank has to shrink.
  llvm::SmallVector<int64_t, 8> left(products.size(), 1);
  for (auto [r, tile] : llvm::enumerate(at))
    left[into[r]] *= tile;
  llvm::SmallVector<unsigned, 8> members(products.size(), 0);
  for (int to : into)
    ++members[to];
  for (auto [quotient, product] : llvm::zip(left, products))
    quotient = quotient % product == 0 ? quotient / product : 1;
  for (auto [r, tile] : llvm::enumerate(at)) {
    int to = into[r];
    if (members[to] == 1) { // whose tiles need not divide
      tile = products[to];
      continue;
    }
    int64_t part = std::gcd(left[to], tile);
    tile /= part;
    left[to] /= part;
  }
}

Deals MergedRanks::split(const Deals &deals, int stage,
                         llvm::ArrayRef<int64_t> at) const {
  Deals all;
  llvm::SmallVector<int64_t, 8> rest(at.begin(), at.end());
  for (const Deal &deal : deals) {
    if (apart.fans[deal.fan].stage != stage)
      continue;
    if (!merged) {
      all.push_back(deal);
      continue;
    }
    int64_t left = deal.units;
    bool isAlone = llvm::count(into, deal.rank) == 1;
    for (auto [r, tile] : llvm::enumerate(rest)) {
      if (into[r] != deal.rank)
        continue;
      Deal part = deal;
      part.rank = static_cast<int>(r);
      part.units = isAlone ? left : std::gcd(left, tile);
      if (part.units == 1 && !isAlone)
        continue;
      all.push_back(part);
      left /= part.units;
      if (!isAlone)
        tile /= part.units;
    }
  }
  llvm::sort(all, [](const Deal &a, const Deal &b) {
    return std::tie(a.fan, a.rank) < std::tie(b.fan, b.rank);
  });
  return all;
}
