//===- SketchTiles.cpp - Tiles that ways to deal ranks need ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/SketchTiles.h"

#include "llvm/ADT/STLExtras.h"

#include <set>

using namespace einsum;
using namespace einsum::mapper;

/// Tiles below which nothing is left but loops over units, one point each: that
/// is where a way to deal ranks starts if nothing is held between its loops.
static void listUnitTiles(const EinsumOnArray &nest, const Deals &way,
                          std::vector<std::set<int64_t>> &wanted) {
  llvm::SmallVector<int64_t, 8> tiles(nest.ranks.size(), 1);
  for (const Deal &deal : llvm::reverse(way)) {
    int64_t &tile = tiles[deal.rank];
    int64_t extent = nest.ranks[deal.rank].extent;
    if (deal.units <= extent / tile && extent % (tile * deal.units) == 0)
      wanted[deal.rank].insert(tile *= deal.units);
  }
}

void mapper::addDealtTiles(EinsumOnArray &nest, llvm::ArrayRef<Deals> ways,
                           size_t mostWays) {
  std::vector<std::set<int64_t>> wanted(nest.ranks.size());
  bool hasEven = false;
  for (auto [i, way] : llvm::enumerate(ways)) {
    bool isFirstEven = !hasEven && !way.empty() && isEven(way);
    if (i < mostWays || isFirstEven)
      listUnitTiles(nest, way, wanted);
    hasEven |= isFirstEven;
  }
  for (auto [rank, some] : llvm::zip(nest.ranks, wanted)) {
    if (rank.isFollowing() || some.empty())
      continue;
    some.insert(rank.tiles.begin(), rank.tiles.end());
    rank.tiles.assign(some.rbegin(), some.rend());
    rank.listInner();
  }
}

/// Of each rank the tiles that its ways to deal ranks make, and others in steps
/// of `ratio`; with `larger` also larger ones for the same units.
static std::vector<std::vector<int64_t>>
listDealtTiles(const EinsumOnArray &nest, llvm::ArrayRef<Deals> ways,
               int64_t ratio, bool larger) {
  std::vector<std::set<int64_t>> wanted(nest.ranks.size());
  for (const Deals &way : ways) {
    llvm::SmallVector<int64_t, 8> inside;
    for (const LocalRank &rank : nest.ranks)
      inside.push_back(rank.extent);
    for (const Deal &deal : way) {
      int64_t &part = inside[deal.rank];
      part = deal.chunk ? deal.chunk : part / deal.units;
      wanted[deal.rank].insert({part, part * deal.units, deal.around});
    }
    // The least tiles that units of an array, and of levels around it, share.
    llvm::SmallVector<int64_t, 8> shared(nest.ranks.size(), 1);
    for (const Deal &deal : llvm::reverse(way)) {
      wanted[deal.rank].insert(shared[deal.rank] *= deal.units);
      if (larger)
        wanted[deal.rank].insert(shared[deal.rank] * 4);
    }
  }
  std::vector<std::vector<int64_t>> kept(nest.ranks.size());
  for (auto [rank, some, mine] : llvm::zip(nest.ranks, wanted, kept))
    for (int64_t tile : rank.tiles)
      if (tile == rank.extent || tile == 1 || some.count(tile) ||
          mine.back() / ratio >= tile)
        mine.push_back(tile);
  return kept;
}

void mapper::keepDealtTiles(EinsumOnArray &nest, std::vector<Deals> ways) {
  auto count = [](const std::vector<std::vector<int64_t>> &tiles) {
    double vectors = 1;
    for (const std::vector<int64_t> &some : tiles)
      vectors *= static_cast<double>(some.size());
    return vectors;
  };
  constexpr int64_t kNoOthers = int64_t(1) << 40;
  std::vector<std::vector<int64_t>> tiles;
  auto tryAll = [&] {
    for (int64_t ratio : {NestLimits::kInstantRatio, kNoOthers})
      for (bool larger : {true, false}) {
        tiles = listDealtTiles(nest, ways, ratio, larger);
        if (count(tiles) <= NestLimits::kMostVectors)
          return true;
      }
    return false;
  };
  if (!tryAll() && ways.size() > NestLimits::kInstantDeals) {
    nest.mostDeals = 1;
    ways.erase(ways.begin() + 1, ways.begin() + NestLimits::kInstantDeals);
    tryAll();
  }
  for (auto [rank, some] : llvm::zip(nest.ranks, tiles)) {
    rank.tiles = std::move(some);
    rank.listInner();
  }
}
