//===- EinsumOnArray.cpp - What a nest of one Einsum depends on -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/EinsumOnArray.h"

#include "lib/Mapper/Nest/ListDeals.h"

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

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

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

/// The same for all Einsums, so that they can share loops.
static std::vector<int64_t> listTiles(int64_t extent, const NestLimits &limits,
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

/// All that is asked for is a tile of its own, larger than any step's.
static void follow(LocalRank &rank, const FollowedRank &followed) {
  rank.visits = followed.visits;
  rank.movedBy = followed.movedBy;
  rank.extent = std::max(rank.extent, longestOf(rank.visits) + 1);
}

/// The loop that moves the rank makes a step of all; no loop of a nest does.
static void listPartsOfSteps(LocalRank &rank, const NestLimits &limits,
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

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// Whether different points of the box of an access's ranks are different
/// elements: plain ranks, strides, and splits such as m1 * 256 + m0.
static bool isInjective(const CascadeFacts &facts, const AccessFact &access) {
  std::set<int> seen;
  for (const Coordinate &coordinate : access.coordinates) {
    llvm::SmallVector<Coordinate::Term, 2> terms(coordinate.terms);
    llvm::sort(terms, [](const auto &a, const auto &b) {
      return std::abs(a.coefficient) < std::abs(b.coefficient);
    });
    int64_t reach = 0; // of the terms so far
    for (const Coordinate::Term &term : terms) {
      if (!seen.insert(term.rank).second || std::abs(term.coefficient) <= reach)
        return false;
      reach += std::abs(term.coefficient) * (facts.ranks[term.rank].extent - 1);
    }
  }
  return true;
}

AccessFact mapper::withoutOpaque(const CascadeFacts &facts,
                                 const AccessFact &access) {
  AccessFact rest = access;
  for (Coordinate &coordinate : rest.coordinates)
    if (llvm::any_of(coordinate.terms, [&](const Coordinate::Term &term) {
          return facts.ranks[term.rank].isOpaque;
        }))
      coordinate.terms.clear();
  return rest;
}

/// Whether the reads of a leaf are as many as the points of the ranks that tell
/// them apart: beside a rank that is a coordinate, p + j tells j.
static bool isProduct(const CascadeFacts &facts, const AccessFact &choice) {
  std::set<int> alone;
  for (const Coordinate &coordinate : choice.coordinates)
    if (coordinate.terms.size() == 1)
      alone.insert(coordinate.terms[0].rank);
  AccessFact rest;
  for (const Coordinate &coordinate : choice.coordinates) {
    Coordinate more;
    for (const Coordinate::Term &term : coordinate.terms)
      if (!alone.count(term.rank))
        more.terms.push_back(term);
    rest.coordinates.push_back(std::move(more));
  }
  return isInjective(facts, rest);
}

/// Notes of an access that gathers what its tiles hold, and what its leaf uses.
static bool addGather(const CascadeFacts &facts, const EinsumOnArray &nest,
                      const AccessFact &access, Operand &operand,
                      uint32_t &atLeaf, bool isFirst) {
  const TensorFact &tensor = facts.tensors[access.tensor];
  uint64_t whole = 1;
  decltype(operand.opaque) opaque;
  for (auto [k, coordinate] : llvm::enumerate(access.coordinates))
    for (const Coordinate::Term &term : coordinate.terms)
      if (facts.ranks[term.rank].isOpaque) {
        whole *= static_cast<uint64_t>(facts.ranks[term.rank].extent);
        opaque.push_back({tensor.ranks[k], facts.ranks[term.rank].extent});
      }
  bool isSame = isFirst || operand.opaque == opaque;
  operand.whole = isSame ? whole : 1;
  operand.opaque.clear();
  if (isSame)
    operand.opaque = opaque;
  if (!access.gathers())
    return isSame;
  atLeaf = 0;
  for (const Coordinate &coordinate : access.atLeaf().coordinates)
    for (const Coordinate::Term &term : coordinate.terms)
      atLeaf |= 1u << nest.findRank(term.rank);
  return isSame && isProduct(facts, access.atLeaf());
}

/// False if what the access touches is no product of ranks.
static bool addUse(const CascadeFacts &facts, EinsumOnArray &nest,
                   const AccessFact &full, bool isWrite) {
  const TensorFact &tensor = facts.tensors[full.tensor];
  AccessFact access = withoutOpaque(facts, full);
  bool isPlain = isInjective(facts, access);
  Operand::Use use;
  use.isWrite = isWrite;
  for (auto [k, coordinate] : llvm::enumerate(access.coordinates)) {
    for (const Coordinate::Term &term : coordinate.terms)
      use.relevant |= 1u << nest.findRank(term.rank);
    // Steps before the first are no elements.
    isPlain &= isWrite || !tensor.hasInitialValue ||
               tensor.ranks[k] != tensor.iterativeRank ||
               coordinate.terms.size() <= 1;
    if (coordinate.constant == 0 || coordinate.terms.empty())
      continue;
    bool carried = tensor.ranks[k] == tensor.iterativeRank &&
                   tensor.hasInitialValue && coordinate.terms.size() == 1 &&
                   coordinate.terms[0].coefficient == 1;
    isPlain &= carried && use.rank < 0;
    use.rank = nest.findRank(coordinate.terms[0].rank);
    use.shift = coordinate.constant;
  }
  int at = nest.findOperand(access.tensor);
  if (at < 0) {
    at = nest.operands.size();
    Operand operand;
    operand.tensor = access.tensor;
    operand.bits = tensor.weight;
    operand.mustLiveAtBacking = tensor.isInput || tensor.isOutput;
    operand.mayHaveSharedHolder =
        tensor.iterativeRank < 0 && tensor.touchers.size() > 1;
    operand.relevant = use.relevant;
    nest.operands.push_back(operand);
  }
  Operand &operand = nest.operands[at];
  isPlain &= operand.relevant == use.relevant;
  operand.relevant |= use.relevant;
  bool isFirst = operand.uses.empty();
  isPlain &= addGather(facts, nest, full, operand, use.relevant, isFirst);
  isPlain &= isFirst || operand.atLeaf == use.relevant;
  operand.atLeaf |= use.relevant;
  (isWrite ? operand.writes : operand.reads)++;
  if (use.rank >= 0) {
    isPlain &= operand.along < 0 || operand.along == use.rank;
    operand.along = use.rank;
  }
  operand.uses.push_back(use);
  return isPlain;
}

/// Blocks as products along ranks, if they are: `m` for `K[m, ...]`, and both
/// of `m1 * 256 + m0` where blocks are parts of 256.
static void addBlocks(const CascadeFacts &facts, EinsumOnArray &nest,
                      Operand &operand, const AccessFact &access) {
  const TensorFact &tensor = facts.tensors[operand.tensor];
  if (!tensor.isShared || operand.whole != 1 || operand.along >= 0)
    return;
  llvm::SmallVector<int64_t, 6> grid(nest.ranks.size(), 1);
  for (auto [coordinate, size] : llvm::zip(access.coordinates, tensor.grid))
    for (const Coordinate::Term &term : coordinate.terms) {
      int64_t &along = grid[nest.findRank(term.rank)];
      bool isApart = size == 1 || (size > 1 && term.coefficient % size == 0);
      if (size == 0)
        along = 0;
      else if (!isApart && term.coefficient == 1 &&
               coordinate.constant % size == 0)
        along = size;
      else if (!isApart)
        return;
    }
  operand.grid = std::move(grid);
  operand.stored = std::make_shared<formats::Weight>(tensor.stored);
}

/// Ranks along which a tensor is read that is written in another step.
static void findWalked(const EinsumFact &einsum, EinsumOnArray &nest) {
  for (const AccessFact &write : einsum.writes)
    for (const AccessFact &read : einsum.reads) {
      if (read.tensor != write.tensor)
        continue;
      for (auto [w, r] : llvm::zip(write.coordinates, read.coordinates)) {
        AffineForm difference = w.form();
        difference.add(r.form(), -1);
        if (difference.isConstant() && difference.constant == 0)
          continue;
        for (const Coordinate *coordinate : {&w, &r})
          for (const Coordinate::Term &term : coordinate->terms)
            nest.walked |= 1u << nest.findRank(term.rank);
      }
    }
}

/// Elements of the box of an Einsum's ranks that an access touches.
static std::optional<uint64_t> countTouched(const CascadeFacts &facts,
                                            const EinsumFact &einsum,
                                            const AccessFact &access) {
  std::vector<Interval> box(facts.ranks.size(), Interval{0, 1});
  for (int rank : einsum.ranks)
    box[rank].hi = facts.ranks[rank].extent;
  for (auto [rank, fact] : llvm::enumerate(facts.ranks))
    if (fact.isOpaque) // a holder has all of it
      box[rank].hi = fact.extent;
  std::vector<AffineForm> coordinates;
  for (const Coordinate &coordinate : access.coordinates)
    coordinates.push_back(coordinate.form());
  return countImage(box, std::move(coordinates), einsum.domain);
}

/// Whether a reader needs everything that is written.
static bool needsAll(const CascadeFacts &facts, const EinsumFact &reader,
                     const AccessFact &read, const EinsumFact &writer,
                     const AccessFact &write) {
  if (reader.domain.empty() && isInjective(facts, read) &&
      llvm::all_of(
          llvm::zip(read.coordinates, facts.tensors[read.tensor].ranks),
          [&](const auto &pair) {
            const auto &[coordinate, rank] = pair;
            return coordinate.terms.size() == 1 && coordinate.constant == 0 &&
                   coordinate.terms[0].coefficient == 1 &&
                   facts.ranks[coordinate.terms[0].rank].extent ==
                       facts.ranks[rank].extent;
          }))
    return true;
  std::optional<uint64_t> touched = countTouched(facts, reader, read),
                          written = countTouched(facts, writer, write);
  return touched && written && *touched >= *written;
}

/// What others read of a tensor that this Einsum writes: all, or, along one
/// rank, only steps that they name. False if that cannot be told.
static bool addNeeds(const CascadeFacts &facts, EinsumOnArray &nest,
                     Operand &operand) {
  const TensorFact &tensor = facts.tensors[operand.tensor];
  const EinsumFact &einsum = facts.einsums[nest.einsum];
  bool isPlain = !(operand.reads && nest.reduces);
  if (tensor.isOutput)
    return isPlain;
  const AccessFact *write = nullptr;
  for (const AccessFact &access : einsum.writes)
    if (access.tensor == operand.tensor)
      write = &access;
  llvm::SmallVector<int64_t, 1> steps;
  int along = -1;
  bool isTold = true;
  for (int reader : tensor.readers) {
    if (reader == nest.einsum)
      continue;
    const EinsumFact &other = facts.einsums[reader];
    for (const AccessFact &access : other.reads) {
      if (access.tensor != operand.tensor)
        continue;
      if (needsAll(facts, other, access, einsum, *write))
        return isPlain;
      bool isPart = false;
      for (auto [k, coordinate] : llvm::enumerate(access.coordinates)) {
        if (!coordinate.terms.empty() || write->coordinates[k].terms.empty() ||
            facts.ranks[tensor.ranks[k]].extent == 1)
          continue;
        int rank = nest.findRank(write->coordinates[k].terms[0].rank);
        isTold &= !isPart && (along < 0 || along == rank) &&
                  write->coordinates[k].terms.size() == 1;
        isPart = true;
        along = rank;
        steps.push_back(coordinate.constant);
      }
      isTold &= isPart && other.domain.empty() && isInjective(facts, access);
    }
  }
  isTold &= along >= 0 && (operand.along < 0 || operand.along == along);
  if (!isTold) {
    operand.mayStay = true;
    return false;
  }
  operand.along = along;
  operand.needed = steps;
  return isPlain;
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

/// Where tiles are few, those that the fastest of the ways to deal ranks need.
static void addDealtTiles(EinsumOnArray &nest, llvm::ArrayRef<Deals> ways,
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

/// Tiles that do not divide are cut by a filter in very many ways; where there
/// are enough others, a sketch leaves them out.
static void keepDivisors(LocalRank &rank) {
  constexpr size_t kEnough = 4;
  std::vector<int64_t> divisors;
  llvm::copy_if(rank.tiles, std::back_inserter(divisors),
                [&](int64_t tile) { return rank.extent % tile == 0; });
  if (divisors.size() >= kEnough)
    rank.tiles = std::move(divisors);
}

/// As many tiles of these as make no more than `kMostVectors` vectors, if there
/// are so few; else those of a single way to deal ranks, the fastest.
static void keepDealtTiles(EinsumOnArray &nest, std::vector<Deals> ways) {
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
  for (const AccessFact &access : fact.reads)
    isCut |= !addUse(facts, nest, access, /*isWrite=*/false);
  for (const AccessFact &access : fact.writes)
    isCut |= !addUse(facts, nest, access, /*isWrite=*/true);
  for (const AccessFact &read : fact.reads)
    if (read.gathers() && (facts.tensors[read.tensor].producer == einsum ||
                           facts.tensors[read.tensor].hasInitialValue)) {
      unsupported = "that Einsum '" + fact.name + "' gathers from '" +
                    facts.tensors[read.tensor].name + "', a recurrence";
      return std::nullopt;
    }
  findWalked(fact, nest);
  // Inputs, outputs and what nobody else touches are nowhere else.
  for (const Operand &operand : nest.operands)
    if ((operand.mustLiveAtBacking ||
         facts.tensors[operand.tensor].touchers.size() < 2) &&
        !constraints.mayLiveAtBacking(operand.tensor))
      return std::nullopt;
  if (nest.operands.size() > kMaxOperands) {
    unsupported = "more than " + std::to_string(kMaxOperands) +
                  " tensors of Einsum '" + fact.name + "'";
    return std::nullopt;
  }
  if (arch.levels.size() > kMaxPath) {
    unsupported = "more than " + std::to_string(kMaxPath) + " levels";
    return std::nullopt;
  }
  for (Operand &operand : nest.operands)
    if (operand.isWritten())
      isCut |= !addNeeds(facts, nest, operand);
  auto countBlocks = [&](const AccessFact &access) {
    if (!isCut)
      addBlocks(facts, nest, nest.operands[nest.findOperand(access.tensor)],
                access);
  };
  llvm::for_each(fact.reads, countBlocks);
  llvm::for_each(fact.writes, countBlocks);
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
  if (!followed.empty())
    nest.points = nest.cut->countVisits(
        llvm::SmallVector<int64_t, 8>(nest.ranks.size(), 1));
  demandUnits(nest, constraints);
  std::vector<Deals> ways;
  if (limits.sketch)
    ways = listDeals(nest);
  addDealtTiles(nest, ways, NestLimits::kInstantDeals);
  double vectors = 1;
  for (const LocalRank &rank : nest.ranks)
    vectors *= static_cast<double>(rank.tiles.size());
  if (limits.instant && vectors <= NestLimits::kFewVectors)
    nest.mostDeals = NestLimits::kSketchedDeals / 2;
  else if (limits.instant && followed.empty())
    keepDealtTiles(nest, std::move(ways));
  // Of fewer tiles other ways to deal may be the fastest.
  if (limits.instant)
    addDealtTiles(nest, listDeals(nest), NestLimits::kInstantDeals);
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
    if (operand.stored)
      os << "'" << operand.stored->codeBits << "'" << operand.stored->regionBits
         << "'" << operand.stored->tensorBits;
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
