//===- CandidateTiles.cpp - Tiles that a search looks at ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/CandidateTiles.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <set>

using namespace einsum;
using namespace einsum::mapper;

/// Up to this extent every tile size is a candidate.
static constexpr int64_t kAllTiles = 16;
/// Beyond, those that make up to so many equal steps.
static constexpr int64_t kEqualSteps = 8;

/// Parts of at most `most` equal ones but the last, multiples of what an array
/// takes at once.
static int64_t chunkFor(int64_t extent, int64_t most, int64_t unit) {
  int64_t chunk = llvm::divideCeil(extent, most);
  return llvm::alignTo(chunk, unit);
}

/// Of a rank that is dealt to instances of a level beside another one like it,
/// which leaves a full dimension of a matrix unit inside: 1024 in 64 times 16
/// leave room for 2 parts of 512 along 132 units.
static int64_t partBeside(int64_t extent, const arch::Array &array,
                          const arch::ArrayDim &dim) {
  auto count = llvm::count_if(array.dims, [](const arch::ArrayDim &inner) {
    return inner.level < 0 && inner.size > 1;
  });
  if (dim.level < 0 || count < 2)
    return 0;
  auto size = static_cast<int64_t>(dim.size);
  for (const arch::ArrayDim &inner : array.dims) {
    auto unit = static_cast<int64_t>(inner.size);
    if (inner.level >= 0 || unit < 2 || extent % unit != 0)
      continue;
    int64_t parts = extent / unit;
    if (parts < 2 || size / parts < 2)
      continue;
    for (int64_t others = size / parts; others > 1; --others)
      if (extent % others == 0)
        return extent / others;
  }
  return 0;
}

/// Parts for the instances of a level: as many equal ones as there can be, and
/// more where these would not keep all busy, or cannot be dealt on inside: 4096
/// over 108 of them, 16 at a time inside, are 48 each for 86; or, where another
/// rank is dealt to 8 of 108, 320 each for 13.
static void addChunks(int64_t extent, const arch::ArchSpec &arch,
                      std::set<int64_t, std::greater<>> &tiles,
                      std::set<int64_t> &wanted) {
  constexpr size_t kMostBeside = 2;
  std::set<int64_t> chunks;
  for (const arch::Array &array : arch.arrays)
    for (const arch::ArrayDim &dim : array.dims) {
      int64_t size = static_cast<int64_t>(dim.size), equal = 1;
      if (int64_t beside = partBeside(extent, array, dim))
        wanted.insert(beside);
      if (dim.level < 0 || size >= extent)
        continue;
      for (int64_t tile : tiles)
        if (extent / tile <= size)
          equal = std::max(equal, extent / tile);
      if (equal > 1)
        wanted.insert(extent / equal);
      std::set<int64_t> units;
      for (const arch::ArrayDim &inner : array.dims)
        if (inner.level < 0)
          units.insert(static_cast<int64_t>(inner.size));
      if (units.empty())
        units.insert(1);
      for (int64_t unit : units) {
        int64_t chunk = chunkFor(extent, size, unit), single = equal;
        int64_t parts = llvm::divideCeil(extent, chunk);
        bool isEven = extent / equal % unit == 0;
        if (chunk < extent && (parts > equal || !isEven)) {
          chunks.insert(chunk);
          single = parts;
        }
        // By units left idle, then by how unlike the parts of both ranks are.
        std::set<std::tuple<int64_t, int64_t, int64_t, int64_t>> beside;
        for (int64_t tile : tiles) {
          int64_t others = extent / tile;
          if (others < 2 || others > size / 2)
            continue;
          chunk = chunkFor(extent, size / others, unit);
          parts = llvm::divideCeil(extent, chunk);
          if (extent % chunk != 0 && parts * others > single)
            beside.insert(
                {size - parts * others, std::abs(parts - others), chunk, tile});
        }
        size_t count = 0;
        for (auto [idle, unlike, part, other] : beside)
          if (count++ < kMostBeside)
            chunks.insert({part, other});
      }
    }
  wanted.insert(chunks.begin(), chunks.end());
  tiles.insert(chunks.begin(), chunks.end());
}

/// Where divisors are far apart, as those of 197 or 50257, tiles of equal steps
/// between them, and those that fill a dimension of an array.
static void fillGaps(int64_t extent, const arch::ArchSpec &arch,
                     std::set<int64_t, std::greater<>> &tiles) {
  constexpr int64_t far = 4;
  auto isFilled = [&](int64_t tile) {
    auto below = tiles.lower_bound(tile); // the largest that is not above
    return below != tiles.end() && tile < far * *below;
  };
  for (const arch::Array &array : arch.arrays)
    for (const arch::ArrayDim &dim : array.dims)
      if (auto size = static_cast<int64_t>(dim.size);
          size > 1 && size < extent && !isFilled(size))
        tiles.insert(llvm::divideCeil(extent, llvm::divideCeil(extent, size)));
  for (int64_t steps = 2; steps < extent; steps *= 2)
    if (int64_t tile = llvm::divideCeil(extent, steps); !isFilled(tile))
      tiles.insert(tile);
}

/// Where divisors leave many units of an array idle, tiles that fill them: 64
/// over 14 units is 5 steps of 13 and not 8 of 8. And some times so many, for
/// what is held around.
static void fillUnits(int64_t extent, const arch::ArchSpec &arch,
                      std::set<int64_t, std::greater<>> &tiles,
                      std::set<int64_t> &wanted) {
  constexpr int64_t kTimes = 8;
  auto stepsOf = [&](int64_t tile) {
    return static_cast<int64_t>(llvm::divideCeil(extent, tile));
  };
  for (const arch::Array &array : arch.arrays)
    for (const arch::ArrayDim &dim : array.dims) {
      auto size = static_cast<int64_t>(dim.size);
      if (dim.level >= 0 || size >= extent)
        continue;
      int64_t even = size;
      while (extent % even != 0)
        --even;
      int64_t tile = stepsOf(stepsOf(size));
      if (5 * stepsOf(size) > 4 * stepsOf(even))
        continue;
      wanted.insert(tile);
      for (; tile < extent; tile *= kTimes)
        tiles.insert(tile);
    }
}

std::vector<int64_t> mapper::listTiles(int64_t extent, const NestLimits &limits,
                                       const arch::ArchSpec &arch,
                                       bool isCommon) {
  std::set<int64_t, std::greater<>> tiles;
  for (int64_t d = 1; d * d <= extent; ++d)
    if (extent % d == 0)
      tiles.insert({d, extent / d});
  bool imperfect = limits.imperfect && limits.coarse == 0 && !limits.fewTiles;
  if (imperfect && extent <= kAllTiles)
    for (int64_t tile = 1; tile <= extent; ++tile)
      tiles.insert(tile);
  if (imperfect && extent > kAllTiles) {
    for (int64_t steps = 1; steps <= kEqualSteps; ++steps)
      tiles.insert(llvm::divideCeil(extent, steps));
    for (const arch::Array &array : arch.arrays)
      for (const arch::ArrayDim &dim : array.dims)
        if (dim.size < static_cast<uint64_t>(extent))
          tiles.insert(dim.size);
  }
  if (limits.coarse == 0 && !limits.fewTiles)
    return {tiles.begin(), tiles.end()};
  if (limits.imperfect)
    fillGaps(extent, arch, tiles);
  std::set<int64_t> wanted = {extent, 1};
  addChunks(extent, arch, tiles, wanted);
  if (limits.imperfect)
    fillUnits(extent, arch, tiles, wanted);
  if (limits.coarse == 0)
    return {tiles.begin(), tiles.end()};
  // As many units as possible are worth a tile.
  for (const arch::Array &array : arch.arrays)
    for (const arch::ArrayDim &dim : array.dims)
      for (int64_t tile : tiles)
        if (static_cast<uint64_t>(tile) <= dim.size) {
          wanted.insert(tile);
          break;
        }
  std::vector<int64_t> kept;
  int64_t ratio = int64_t(1) << (limits.coarse - 1);
  for (int64_t tile : tiles)
    if (wanted.count(tile) ||
        (!isCommon && (kept.empty() || kept.back() >= ratio * tile)))
      kept.push_back(tile);
  return kept;
}

/// The largest tiles that divide `tiles[outer]`; inside the whole extent any.
static llvm::SmallVector<int, 4> listInside(llvm::ArrayRef<int64_t> tiles,
                                            int outer) {
  llvm::SmallVector<int, 4> inner;
  for (int i = outer + 1; i < static_cast<int>(tiles.size()); ++i) {
    bool divides = tiles[outer] % tiles[i] == 0;
    if (!divides && outer != 0)
      continue;
    // Reached through another one already?
    bool reached = llvm::any_of(
        inner, [&](int other) { return tiles[other] % tiles[i] == 0; });
    if (!reached)
      inner.push_back(i);
  }
  return inner;
}

void LocalRank::listInner() {
  inner.clear();
  for (int i = 0; i < static_cast<int>(tiles.size()); ++i)
    inner.push_back(listInside(tiles, i));
}

/// The most that is asked for at once.
static int64_t longestOf(llvm::ArrayRef<Interval> visits) {
  int64_t most = 1;
  for (const Interval &visit : visits)
    most = std::max(most, visit.size());
  return most;
}

void mapper::follow(LocalRank &rank, const FollowedRank &followed) {
  rank.visits = followed.visits;
  rank.movedBy = followed.movedBy;
  rank.extent = std::max(rank.extent, longestOf(rank.visits) + 1);
}

void mapper::listPartsOfSteps(LocalRank &rank, const NestLimits &limits,
                              const arch::ArchSpec &arch, bool isCommon) {
  std::vector<int64_t> parts =
      listTiles(longestOf(rank.visits), limits, arch, isCommon);
  rank.tiles = {rank.extent};
  rank.inner = {{}};
  rank.tiles.insert(rank.tiles.end(), parts.begin(), parts.end());
  for (int i = 0; i < static_cast<int>(parts.size()); ++i) {
    rank.inner.push_back(listInside(parts, i));
    for (int &inner : rank.inner.back())
      ++inner;
  }
}

void mapper::keepDivisors(LocalRank &rank) {
  constexpr size_t kEnough = 4;
  std::vector<int64_t> divisors;
  llvm::copy_if(rank.tiles, std::back_inserter(divisors),
                [&](int64_t tile) { return rank.extent % tile == 0; });
  if (divisors.size() >= kEnough)
    rank.tiles = std::move(divisors);
}
