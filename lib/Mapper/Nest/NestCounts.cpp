//===- NestCounts.cpp - What a nest moves, from tile vectors --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/NestCounts.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace einsum;
using namespace einsum::mapper;

NestCounts::NestCounts(const EinsumOnArray &nest, const arch::ArchSpec &arch,
                       const Axes &axes, const Deals &deals)
    : nest(nest), arch(arch), axes(axes), deals(deals),
      resourcesOf(arch.levels.size()) {
  resourceOfLink.assign(arch.links.size(), -1);
  for (auto [i, resource] : llvm::enumerate(axes.resources))
    if (resource.link >= 0)
      resourceOfLink[resource.link] = static_cast<int>(i);
    else
      resourcesOf[resource.level].push_back(i);
  if (arch.links.empty())
    return;
  int levels = static_cast<int>(arch.levels.size());
  for (int from = 0; from < levels; ++from)
    for (int to = -1; to < levels; ++to)
      ways.push_back(arch::crossingsOf(
          arch, nest.array,
          arch::linksBetween(arch::linksInto(arch, from),
                             to < 0 ? arch::linksIntoArray(arch, nest.array)
                                    : arch::linksInto(arch, to)),
          /*fans=*/{}, /*isWrite=*/false));
}

void NestCounts::cross(Costs &costs, int from, int to, double bytes) const {
  if (ways.empty())
    return;
  for (const arch::Crossing &way :
       ways[from * (arch.levels.size() + 1) + to + 1]) {
    addEnergy(costs, bytes * way.hops * arch.links[way.link].pjPerByte);
    if (int i = resourceOfLink[way.link]; i >= 0)
      costs[axes.resource + i] += bytes * static_cast<double>(way.copies) *
                                  axes.resources[i].cyclesPerUnit;
  }
}

void NestCounts::noteWay(Costs &costs, int from, int to) const {
  for (size_t i = 0; i < axes.waits.size(); ++i) {
    int link = axes.waits[i].link;
    if (link < 0)
      continue;
    auto isIt = [&](const arch::Crossing &way) { return way.link == link; };
    if (llvm::any_of(ways[from * (arch.levels.size() + 1) + to + 1], isIt))
      costs[axes.wait + i] = 1;
  }
}

void NestCounts::noteRead(Costs &costs, int level) const {
  for (auto [i, wait] : llvm::enumerate(axes.waits))
    if (wait.level == level)
      costs[axes.wait + i] = 1;
}

void NestCounts::charge(Costs &costs, int level, bool isWrite, uint64_t times,
                        uint64_t words,
                        const formats::BitsPerElement &bits) const {
  if (words != 0)
    chargeBytes(costs, level, isWrite, times, bits.countBytes(words));
}

void NestCounts::chargeBytes(Costs &costs, int level, bool isWrite,
                             uint64_t times, uint64_t bytes) const {
  if (times == 0 || bytes == 0)
    return;
  if (uint64_t chunk = arch.levels[level].chunkBytes; chunk > 1)
    bytes = llvm::alignTo(bytes, chunk);
  uint64_t accesses = llvm::divideCeil(bytes, arch.levels[level].accessBytes);
  chargeAll(costs, level, isWrite, times * bytes, times * accesses);
}

void NestCounts::chargeAll(Costs &costs, int level, bool isWrite,
                           uint64_t bytes, uint64_t accesses) const {
  const arch::Level &fact = arch.levels[level];
  addEnergy(costs, static_cast<double>(accesses) *
                       (isWrite ? fact.writePj : fact.readPj));
  if (axes.trafficLevel == level)
    costs[axes.traffic] += static_cast<double>(bytes);
  for (int i : resourcesOf[level]) {
    const Resource &resource = axes.resources[i];
    if (resource.kind ==
        (isWrite ? Resource::Kind::reads : Resource::Kind::writes))
      continue;
    costs[axes.resource + i] +=
        static_cast<double>(resource.inAccesses ? accesses : bytes) *
        resource.cyclesPerUnit;
  }
}

//===----------------------------------------------------------------------===//
// Units
//===----------------------------------------------------------------------===//

int64_t NestCounts::unitsOf(int rank, int fromStage, int toStage) const {
  int64_t units = 1;
  for (const Deal &deal : deals) {
    int stage = nest.fans[deal.fan].stage;
    if (deal.rank == rank && stage > fromStage && stage <= toStage)
      units *= deal.units;
  }
  return units;
}

uint64_t NestCounts::unitsAt(int stage) const {
  uint64_t units = 1;
  for (const Deal &deal : deals)
    if (nest.fans[deal.fan].stage <= stage)
      units *= deal.units;
  return units;
}

uint64_t NestCounts::dimensionRepeats(uint32_t relevant, int parentStage,
                                      int stage, bool isWrite) const {
  uint64_t times = 1;
  for (auto deal = deals.begin(); deal != deals.end();) {
    const Fan &fan = nest.fans[deal->fan];
    uint64_t sharing = 1; // along this dimension
    for (int at = deal->fan; deal != deals.end() && deal->fan == at; ++deal)
      if (!(relevant >> deal->rank & 1))
        sharing *= deal->units;
    uint64_t width = isWrite ? fan.reductionWidth : fan.multicastWidth;
    if (width && fan.stage > parentStage && fan.stage <= stage)
      times *= llvm::divideCeil(sharing, width);
  }
  return times;
}

/// The dimensions together, or the level or array: what is more counts.
uint64_t NestCounts::repeats(uint32_t relevant, int parentStage, int stage,
                             bool isWrite, uint64_t levelWidth) const {
  uint64_t times = dimensionRepeats(relevant, parentStage, stage, isWrite),
           sharing = 1;
  for (int rank = 0; rank < static_cast<int>(nest.ranks.size()); ++rank)
    if (!(relevant >> rank & 1))
      sharing *= unitsOf(rank, parentStage, stage);
  return levelWidth ? std::max(times, llvm::divideCeil(sharing, levelWidth))
                    : times;
}

/// Units at work in visits of the place, of a rank: (units, visits).
llvm::SmallVector<std::pair<uint64_t, uint64_t>, 2>
NestCounts::unitsAtWork(int rank, int parentStage, const Place &place,
                        bool withBelow) const {
  if (unevenDeal(rank, parentStage, place.stage)) // one at least
    return {{1, visits(rank, parentStage, place)}};
  auto extent = static_cast<uint64_t>(nest.ranks[rank].extent);
  auto tile = static_cast<uint64_t>(place.tile[rank]);
  auto below = [&](uint64_t steps) -> uint64_t {
    return withBelow ? unitsBelow(rank, place.stage, steps) : steps > 0;
  };
  uint64_t units = unitsOf(rank, parentStage, place.stage),
           rest = extent % (tile * units);
  llvm::SmallVector<std::pair<uint64_t, uint64_t>, 2> parts;
  if (uint64_t full = extent / (tile * units))
    parts.push_back({units * below(tile), full});
  if (rest)
    parts.push_back({rest / tile * below(tile) + below(rest % tile), 1});
  return parts;
}

/// Accesses to one word in all visits that differ in ranks which the operand
/// lacks: in each as many as it takes to serve the units that share the word.
uint64_t NestCounts::sharedAccesses(uint32_t relevant, int parentStage,
                                    const Place &place, bool withBelow,
                                    bool isWrite, uint64_t levelWidth) const {
  uint64_t times = dimensionRepeats(
      relevant, parentStage, withBelow ? nest.lastStage : place.stage, isWrite);
  if (!levelWidth)
    return times * otherVisits(relevant, parentStage, place);
  auto visit = [&](auto &self, int rank, uint64_t units) -> uint64_t {
    while (rank < static_cast<int>(nest.ranks.size()) && (relevant >> rank & 1))
      ++rank;
    if (rank == static_cast<int>(nest.ranks.size()))
      return std::max(times, llvm::divideCeil(units, levelWidth));
    uint64_t total = 0;
    for (auto [some, count] : unitsAtWork(rank, parentStage, place, withBelow))
      total += count * self(self, rank + 1, units * some);
    return total;
  };
  return visit(visit, 0, 1);
}

uint64_t NestCounts::readsOf(uint64_t accesses, uint64_t first,
                             uint64_t begun) const {
  uint64_t unread = (begun + 1) * (arch.accounting.unreadSums ? first : 1);
  return accesses - std::min(unread, accesses);
}

//===----------------------------------------------------------------------===//
// Visits
//===----------------------------------------------------------------------===//

const Deal *NestCounts::unevenDeal(int rank, int fromStage, int toStage) const {
  for (const Deal &deal : deals) {
    int stage = nest.fans[deal.fan].stage;
    if (deal.rank == rank && deal.chunk && stage > fromStage &&
        stage <= toStage)
      return &deal;
  }
  return nullptr;
}

NestCounts::Pieces NestCounts::pieces(int rank, int parentStage,
                                      const Place &place) const {
  uint64_t extent = nest.ranks[rank].extent;
  uint64_t united = place.tile[rank];
  for (const Deal &deal : deals) {
    int stage = nest.fans[deal.fan].stage;
    if (deal.rank == rank && !deal.chunk && stage > parentStage &&
        stage <= place.stage)
      united *= deal.units;
  }
  Pieces result;
  auto add = [&](uint64_t size, uint64_t count) {
    if (size && count)
      result.push_back({size, count});
  };
  const Deal *uneven = unevenDeal(rank, parentStage, place.stage);
  if (!uneven) {
    add(united, extent / united);
    add(extent % united, 1);
    return result;
  }
  // The last unit runs out of elements before the others.
  uint64_t around = uneven->around, chunk = uneven->chunk;
  auto dealOut = [&](uint64_t steps, uint64_t times) {
    uint64_t full = steps / chunk, rest = steps % chunk;
    add((full + 1) * united, times * (rest / united));
    add(full * united + rest % united, rest % united ? times : 0);
    add(full * united,
        times * (chunk / united - llvm::divideCeil(rest, united)));
  };
  dealOut(around, extent / around);
  dealOut(extent % around, 1);
  return result;
}

/// The tile that units have together; all ones beyond the extent if the units'
/// tiles differ.
uint64_t NestCounts::unitedTile(int rank, int parentStage,
                                const Place &place) const {
  if (unevenDeal(rank, parentStage, place.stage))
    return ~uint64_t(0);
  return place.tile[rank] * unitsOf(rank, parentStage, place.stage);
}

uint64_t NestCounts::visits(int rank, int parentStage,
                            const Place &place) const {
  uint64_t united = unitedTile(rank, parentStage, place);
  if (united != ~uint64_t(0))
    return llvm::divideCeil(nest.ranks[rank].extent, united);
  uint64_t count = 0;
  for (const Piece &piece : pieces(rank, parentStage, place))
    count += piece.count;
  return count;
}

uint64_t NestCounts::otherVisits(uint32_t relevant, int parentStage,
                                 const Place &place) const {
  uint64_t count = 1;
  for (size_t rank = 0; rank < nest.ranks.size(); ++rank)
    if (!(relevant >> rank & 1))
      count *= visits(rank, parentStage, place);
  return count;
}

/// The first steps, or with a positive shift the last, are no elements.
template <typename Pieces> static void leaveOut(Pieces &side, int64_t shift) {
  auto absent = static_cast<uint64_t>(std::abs(shift));
  while (absent && !side.empty()) {
    auto at = shift < 0 ? side.begin() : std::prev(side.end());
    uint64_t whole = std::min(at->count, absent / at->size);
    at->count -= whole;
    absent -= whole * at->size;
    if (at->count == 0) {
      side.erase(at);
      continue;
    }
    if (absent == 0)
      return;
    uint64_t left = at->size - absent;
    --at->count;
    absent = 0;
    auto rest = *at;
    rest.size = left;
    rest.count = 1;
    if (at->count == 0)
      *at = rest;
    else
      side.insert(shift < 0 ? at : std::next(at), rest);
  }
}

template <typename Fn>
void NestCounts::forEachTile(uint32_t relevant, int parentStage,
                             const Place &place, const Operand::Use *use,
                             Fn fn) const {
  if (!use || use->rank < 0) {
    // Where every tile divides there is one size.
    uint64_t words = 1, count = 1;
    bool even = true;
    for (int rank = 0; rank < static_cast<int>(nest.ranks.size()); ++rank) {
      if (!(relevant >> rank & 1))
        continue;
      uint64_t united = unitedTile(rank, parentStage, place);
      uint64_t extent = nest.ranks[rank].extent, steps = extent / united;
      even &= united != 0 && steps * united == extent;
      words *= united;
      count *= steps;
    }
    if (even)
      return fn(words, count);
  }
  llvm::SmallVector<Pieces, 6> sides;
  for (int rank = 0; rank < static_cast<int>(nest.ranks.size()); ++rank) {
    if (!(relevant >> rank & 1))
      continue;
    Pieces side = pieces(rank, parentStage, place);
    if (use && use->rank == rank) {
      leaveOut(side, use->shift);
    }
    sides.push_back(std::move(side));
  }
  auto visit = [&](auto &self, size_t at, uint64_t words,
                   uint64_t count) -> void {
    if (at == sides.size())
      return fn(words, count);
    for (const Piece &piece : sides[at])
      self(self, at + 1, words * piece.size, count * piece.count);
  };
  visit(visit, 0, 1, 1);
}

//===----------------------------------------------------------------------===//
// Blocks of number formats
//===----------------------------------------------------------------------===//

static uint64_t blocksBetween(uint64_t begin, uint64_t end, uint64_t size) {
  return (end - 1) / size - begin / size + 1;
}

llvm::SmallVector<NestCounts::Load, 4>
NestCounts::loadsAlong(const Operand &operand, int rank, int parentStage,
                       const Place &place) const {
  llvm::SmallVector<Load, 4> loads;
  auto size = static_cast<uint64_t>(operand.grid[rank]);
  auto add = [&](uint64_t words, uint64_t blocks, uint64_t count) {
    for (Load &known : loads)
      if (known.words == words && known.blocks == blocks) {
        known.count += count;
        return;
      }
    loads.push_back({words, blocks, count});
  };
  Pieces all = pieces(rank, parentStage, place);
  bool isPlain = unitsOf(rank, parentStage, place.stage) == 1 &&
                 !unevenDeal(rank, parentStage, place.stage);
  if (size <= 1 || !isPlain) {
    for (const Piece &piece : all)
      add(piece.size, size == 0 ? 1 : llvm::divideCeil(piece.size, size),
          piece.count);
    return loads;
  }
  uint64_t at = 0;
  for (const Piece &piece : all) {
    // Tiles begin at the same place in a block again after so many.
    uint64_t places = std::min(piece.count, size / std::gcd(size, piece.size));
    for (uint64_t i = 0; i < places; ++i)
      add(piece.size,
          blocksBetween(at + i * piece.size, at + (i + 1) * piece.size, size),
          (piece.count - i - 1) / places + 1);
    at += piece.size * piece.count;
  }
  return loads;
}

template <typename Fn>
void NestCounts::forEachLoad(const Operand &operand, int parentStage,
                             const Place &place, Fn fn) const {
  if (!operand.stored) {
    const formats::BitsPerElement bits = operand.tileBits();
    return forEachTile(operand.relevant, parentStage, place, nullptr,
                       [&](uint64_t words, uint64_t count) {
                         fn(bits.countBytes(words), words, count);
                       });
  }
  llvm::SmallVector<llvm::SmallVector<Load, 4>, 6> sides;
  for (int rank = 0; rank < static_cast<int>(nest.ranks.size()); ++rank)
    if (operand.usesRank(rank))
      sides.push_back(loadsAlong(operand, rank, parentStage, place));
  auto visit = [&](auto &self, size_t at, const Load &load) -> void {
    if (at == sides.size())
      return fn(operand.stored->countWholeBytes(load.words, load.blocks),
                load.words, load.count);
    for (const Load &side : sides[at])
      self(self, at + 1,
           Load{load.words * side.words, load.blocks * side.blocks,
                load.count * side.count});
  };
  visit(visit, 0, Load{1, 1, 1});
}

//===----------------------------------------------------------------------===//
// Holders
//===----------------------------------------------------------------------===//

uint64_t NestCounts::heldBytes(const Operand &operand, int level,
                               const Place &place) const {
  uint64_t words =
      nest.cut ? nest.cut->largest(nest.indexOf(operand), place.tile) : 1;
  for (int rank = 0; rank < static_cast<int>(nest.ranks.size()); ++rank) {
    if (nest.cut || !operand.usesRank(rank))
      continue;
    if (rank != operand.along) {
      words *= place.tile[rank];
      continue;
    }
    uint64_t steps = 0; // fewer than points, where reads begin before the first
    for (const Walk &visit : walk(operand, place.stage, place))
      steps = std::max(steps, visit.held);
    words *= steps;
  }
  uint64_t units = 1;
  for (const arch::ArrayDim &dim : arch.levels[level].dims)
    units *= dim.size;
  for (const Deal &deal : deals) {
    const Fan &fan = nest.fans[deal.fan];
    bool isInstance = arch.arrays[nest.array].dims[fan.dim].level >= 0;
    if (fan.stage <= place.stage && !isInstance)
      units *= deal.units;
  }
  if (operand.scaled && words != 0 && (!operand.stored || nest.cut))
    return operand.scaled->countWholeBytes(
               words, llvm::divideCeil(words, operand.perBlock)) *
           units;
  if (!operand.stored || nest.cut)
    return operand.tileBits().countBytes(words) * units;
  uint64_t largest = 0;
  forEachLoad(operand, place.stage, place,
              [&](uint64_t bytes, uint64_t, uint64_t) {
                largest = std::max(largest, bytes);
              });
  return largest * units;
}

uint64_t NestCounts::beginAnew(const Operand &operand, int parentStage,
                               const Place &place, uint64_t begun) const {
  return begun + otherVisits(operand.relevant, place.stage, place) -
         otherVisits(operand.relevant, parentStage, place);
}

bool NestCounts::pricesBegun(int level) const {
  auto isPriced = [&](int at) {
    const arch::Level &fact = arch.levels[at];
    return (axes.energy >= 0 && (fact.readPj != 0 || fact.writePj != 0)) ||
           axes.trafficLevel == at || !resourcesOf[at].empty();
  };
  return !ways.empty() ||
         std::any_of(llvm::find(nest.path, level), nest.path.end(), isPriced);
}

/// What moves for certain: where a result is walked or cut, it may be that
/// nobody takes it from here.
void NestCounts::noteHolder(Costs &costs, const Operand &operand, int level,
                            int parent) const {
  bool isSure = operand.isWritten() ? !nest.cut && operand.along < 0
                                    : nest.readsSurely(operand);
  if (!isSure)
    return;
  noteRead(costs, operand.isWritten() ? level : parent);
  noteWay(costs, parent, level);
}

/// Sums may begin anew: what is written is not always read.
void NestCounts::noteLeaf(Costs &costs, const Operand &operand,
                          int home) const {
  bool reads = nest.readsSurely(operand);
  if (operand.isWritten() || reads)
    noteWay(costs, home, -1);
  if (operand.isWritten() || !reads)
    return;
  noteRead(costs, home);
  if (nest.feedsRegisters)
    noteRead(costs, nest.path.back());
}

void NestCounts::addHolder(Costs &costs, const Operand &operand, int level,
                           int parent, int parentStage, const Place &place,
                           uint64_t begun) const {
  noteHolder(costs, operand, level, parent);
  if (nest.cut)
    return addCutHolder(costs, operand, level, parent, parentStage, place);
  if (operand.along >= 0)
    return addWalked(costs, operand, level, parent, parentStage, place);
  const arch::Fanout &multicast = arch.levels[parent].multicast;
  const arch::Fanout &reduction = arch.arrays[nest.array].reduction;
  uint64_t joint = otherVisits(operand.relevant, parentStage, place);
  uint64_t each = otherVisits(operand.relevant, place.stage, place);
  uint64_t continued = joint - std::min(joint, begun + 1);
  double shared = 0, own = 0, passed = 0; // passed: to go on with
  uint64_t width = operand.isWritten() ? reduction.width : multicast.width;
  uint64_t accesses =
      sharedAccesses(operand.relevant, parentStage, place, /*withBelow=*/false,
                     operand.isWritten(), width);
  uint64_t first = repeats(operand.relevant, parentStage, place.stage,
                           operand.isWritten(), width);
  forEachLoad(operand, parentStage, place,
              [&](uint64_t bytes, uint64_t words, uint64_t count) {
                shared += static_cast<double>(words) * count * joint;
                if (!operand.isWritten())
                  return chargeBytes(costs, parent, false, count * accesses,
                                     bytes);
                passed += static_cast<double>(words) * count * continued;
                chargeBytes(costs, parent, true, count * accesses, bytes);
                chargeBytes(costs, parent, false,
                            count * readsOf(accesses, first, begun), bytes);
              });
  forEachLoad(operand, place.stage, place,
              [&](uint64_t bytes, uint64_t words, uint64_t count) {
                own += static_cast<double>(words) * count * each;
                if (!operand.isWritten())
                  return chargeBytes(costs, level, true, count * each, bytes);
                chargeBytes(costs, level, false, count * each, bytes);
                chargeBytes(costs, level, true, count * continued, bytes);
              });
  cross(costs, parent, level,
        (shared + passed) * operand.tileBits().toDouble() / 8);
  if (own > shared)
    addEnergy(costs, (own - shared) * static_cast<double>(operand.whole) *
                         (operand.isWritten() ? reduction.energyPj
                                              : multicast.energyPj));
  if (int axis = axes.heldAt(level); axis >= 0)
    costs[axis] += static_cast<double>(heldBytes(operand, level, place));
}

//===----------------------------------------------------------------------===//
// Holders of what is read at several steps along a rank
//===----------------------------------------------------------------------===//

/// Steps of [lo, hi) shifted by any of `shifts`, of those in [0, extent), that
/// are not in [lo, hi) itself if `outside`.
static uint64_t countSteps(llvm::ArrayRef<int64_t> shifts, int64_t lo,
                           int64_t hi, int64_t extent, bool outside) {
  llvm::SmallVector<std::pair<int64_t, int64_t>, 4> parts;
  for (int64_t shift : shifts) {
    int64_t from = std::max<int64_t>(0, lo + shift),
            to = std::min(extent, hi + shift);
    if (!outside) {
      parts.emplace_back(from, to);
      continue;
    }
    parts.emplace_back(from, std::min(to, lo));
    parts.emplace_back(std::max(from, hi), to);
  }
  llvm::sort(parts);
  uint64_t count = 0;
  int64_t reached = 0;
  for (auto [from, to] : parts) {
    from = std::max(from, reached);
    if (from >= to)
      continue;
    count += to - from;
    reached = to;
  }
  return count;
}

NestCounts::Walk NestCounts::walkOne(const Operand &operand, int64_t lo,
                                     int64_t hi) const {
  int64_t extent = nest.ranks[operand.along].extent;
  llvm::SmallVector<int64_t, 3> reads;
  for (const Operand::Use &use : operand.uses)
    if (!use.isWrite)
      reads.push_back(use.shift);
  Walk visit;
  if (!operand.isWritten()) {
    visit.fetched = visit.held = countSteps(reads, lo, hi, extent, false);
    return visit;
  }
  visit.fetched = countSteps(reads, lo, hi, extent, true);
  visit.held = hi - lo + visit.fetched;
  visit.delivered = hi - lo;
  if (!operand.needed)
    return visit;
  // Only what others need, and what other visits of the walk read.
  visit.delivered = 0;
  for (int64_t step = lo; step < hi; ++step) {
    bool isNeeded = llvm::is_contained(*operand.needed, step);
    for (int64_t shift : reads) {
      int64_t reader = step - shift;
      isNeeded |=
          reader >= 0 && reader < extent && (reader < lo || reader >= hi);
    }
    visit.delivered += isNeeded;
  }
  return visit;
}

/// One by one at the ends and where others need a step; equal ones between.
llvm::SmallVector<NestCounts::Walk, 8>
NestCounts::walk(const Operand &operand, int parentStage,
                 const Place &place) const {
  int64_t extent = nest.ranks[operand.along].extent;
  int64_t tile = place.tile[operand.along] *
                 unitsOf(operand.along, parentStage, place.stage);
  int64_t visits = llvm::divideCeil(static_cast<uint64_t>(extent),
                                    static_cast<uint64_t>(tile));
  int64_t reach = 1;
  for (const Operand::Use &use : operand.uses)
    reach = std::max(reach, std::abs(use.shift));
  int64_t ends = 1 + llvm::divideCeil(static_cast<uint64_t>(reach),
                                      static_cast<uint64_t>(tile));
  auto isSpecial = [&](int64_t at) {
    return at < ends || at >= visits - ends ||
           (operand.needed &&
            llvm::any_of(
                *operand.needed,
                [&](int64_t step) { return step / tile == at; }));
  };
  llvm::SmallVector<Walk, 8> all;
  auto add = [&](int64_t at, uint64_t count) {
    int64_t lo = at * tile;
    Walk visit = walkOne(operand, lo, std::min(extent, lo + tile));
    visit.count = count;
    all.push_back(visit);
  };
  llvm::SmallVector<int64_t, 8> special;
  for (int64_t at = 0; at < std::min(ends, visits); ++at)
    special.push_back(at);
  for (int64_t at = std::max(ends, visits - ends); at < visits; ++at)
    special.push_back(at);
  if (operand.needed)
    for (int64_t step : *operand.needed)
      special.push_back(step / tile);
  llvm::sort(special);
  special.erase(std::unique(special.begin(), special.end()), special.end());
  for (int64_t at : special)
    add(at, 1);
  int64_t others = visits - static_cast<int64_t>(special.size());
  for (int64_t at = ends; others > 0; ++at)
    if (!isSpecial(at)) {
      add(at, others);
      break;
    }
  return all;
}

template <typename Fn>
void NestCounts::forEachSlice(const Operand &operand, int parentStage,
                              const Place &place, Fn fn) const {
  forEachTile(operand.relevant & ~(1u << operand.along), parentStage, place,
              nullptr, fn);
}

void NestCounts::addWalked(Costs &costs, const Operand &operand, int level,
                           int parent, int parentStage,
                           const Place &place) const {
  const formats::BitsPerElement &bits = operand.bits;
  const arch::Fanout &multicast = arch.levels[parent].multicast;
  const arch::Fanout &reduction = arch.arrays[nest.array].reduction;
  uint64_t joint = otherVisits(operand.relevant, parentStage, place);
  uint64_t each = otherVisits(operand.relevant, place.stage, place);
  uint64_t reads =
      sharedAccesses(operand.relevant, parentStage, place, /*withBelow=*/false,
                     /*isWrite=*/false, multicast.width);
  uint64_t writes =
      sharedAccesses(operand.relevant, parentStage, place, /*withBelow=*/false,
                     /*isWrite=*/true, reduction.width);
  double fetched = 0, delivered = 0;
  for (const Walk &visit : walk(operand, parentStage, place))
    forEachSlice(
        operand, parentStage, place, [&](uint64_t words, uint64_t slices) {
          uint64_t count = slices * visit.count * joint;
          fetched -= static_cast<double>(words * visit.fetched) * count;
          delivered -= static_cast<double>(words * visit.delivered) * count;
          charge(costs, parent, false, slices * visit.count * reads,
                 words * visit.fetched, bits);
          charge(costs, parent, true, slices * visit.count * writes,
                 words * visit.delivered, bits);
        });
  cross(costs, parent, level, -(fetched + delivered) * bits.toDouble() / 8);
  for (const Walk &visit : walk(operand, place.stage, place))
    forEachSlice(
        operand, place.stage, place, [&](uint64_t words, uint64_t slices) {
          uint64_t count = slices * visit.count * each;
          fetched += static_cast<double>(words * visit.fetched) * count;
          delivered += static_cast<double>(words * visit.delivered) * count;
          charge(costs, level, true, count, words * visit.fetched, bits);
          charge(costs, level, false, count, words * visit.delivered, bits);
        });
  addEnergy(costs, std::max(0.0, fetched) * multicast.energyPj +
                       std::max(0.0, delivered) * reduction.energyPj);
  if (int axis = axes.heldAt(level); axis >= 0)
    costs[axis] += static_cast<double>(heldBytes(operand, level, place));
}

//===----------------------------------------------------------------------===//
// Leaves
//===----------------------------------------------------------------------===//

void NestCounts::addPoints(Costs &costs) const {
  addEnergy(costs, static_cast<double>(nest.points) * nest.energyPerPoint);
  if (axes.cycles < 0)
    return;
  if (nest.cut) {
    costs[axes.cycles] += static_cast<double>(cutRuns()) * nest.cyclesPerPoint;
    return;
  }
  costs[axes.cycles] +=
      static_cast<double>(countRuns(nest, deals)) * nest.cyclesPerPoint;
}

uint64_t mapper::countRuns(const EinsumOnArray &nest, const Deals &deals) {
  uint64_t runs = 1;
  for (size_t r = 0; r < nest.ranks.size(); ++r) {
    auto extent = static_cast<uint64_t>(nest.ranks[r].extent);
    uint64_t dealt = 1, around = extent, chunk = extent;
    for (const Deal &deal : deals) {
      if (deal.rank != static_cast<int>(r))
        continue;
      if (!deal.chunk) {
        dealt *= deal.units;
        continue;
      }
      around = deal.around;
      chunk = deal.chunk;
    }
    runs *= extent / around * llvm::divideCeil(chunk, dealt) +
            llvm::divideCeil(std::min(chunk, extent % around), dealt);
  }
  return runs;
}

uint64_t NestCounts::deliveries(const Operand &operand, const Operand::Use &use,
                                const Place &latch) const {
  uint64_t words = 1;
  for (int rank = 0; rank < static_cast<int>(nest.ranks.size()); ++rank) {
    uint64_t extent = nest.ranks[rank].extent;
    if ((operand.atLeaf >> rank & 1)) {
      uint64_t initial = use.rank == rank ? std::abs(use.shift) : 0;
      words *= extent - std::min(extent, initial);
      continue;
    }
    uint64_t tile = latch.tile[rank];
    words *= extent / tile * unitsBelow(rank, latch.stage, tile) +
             unitsBelow(rank, latch.stage, extent % tile);
  }
  return words;
}

uint64_t NestCounts::unitsBelow(int rank, int stage, uint64_t steps) const {
  uint64_t units = 1;
  for (const Deal &deal : deals)
    if (deal.rank == rank && !deal.chunk && nest.fans[deal.fan].stage > stage)
      units *= deal.units;
  const Deal *uneven = unevenDeal(rank, stage, nest.lastStage);
  if (!uneven)
    return std::min(units, steps);
  steps = std::min<uint64_t>(steps, uneven->around);
  return steps / uneven->chunk * units + std::min(units, steps % uneven->chunk);
}

void NestCounts::addAccesses(Costs &costs, const Operand &operand, int home,
                             int homeStage, const Place &latch,
                             uint64_t begun) const {
  noteLeaf(costs, operand, home);
  if (nest.cut)
    return addCutAccesses(costs, operand, home, homeStage, latch);
  const arch::Fanout &multicast = arch.levels[home].multicast;
  const arch::Fanout &reduction = arch.arrays[nest.array].reduction;
  uint64_t groups = otherVisits(operand.atLeaf, homeStage, latch);
  for (const Operand::Use &use : operand.uses) {
    double shared = 0, passed = 0;
    uint64_t width = use.isWrite ? reduction.width : multicast.width;
    uint64_t accesses = sharedAccesses(operand.atLeaf, homeStage, latch,
                                       /*withBelow=*/true, use.isWrite, width);
    uint64_t first =
        repeats(operand.atLeaf, homeStage, nest.lastStage, use.isWrite, width);
    forEachTile(
        operand.atLeaf, homeStage, latch, &use,
        [&](uint64_t words, uint64_t count) {
          shared += static_cast<double>(words) * count * groups;
          if (!use.isWrite)
            return charge(costs, home, false, count * accesses, words,
                          operand.bits);
          charge(costs, home, true, count * accesses, words, operand.bits);
          charge(costs, home, false, count * readsOf(accesses, first, begun),
                 words, operand.bits);
          passed += static_cast<double>(words) * count *
                    (groups - std::min(groups, begun + 1));
        });
    cross(costs, home, -1, (shared + passed) * operand.bits.toDouble() / 8);
    double price = use.isWrite ? reduction.energyPj : multicast.energyPj;
    if (!nest.feedsRegisters && price == 0)
      continue;
    uint64_t each = deliveries(operand, use, latch);
    if (static_cast<double>(each) > shared)
      addEnergy(costs, (static_cast<double>(each) - shared) * price);
    if (!nest.feedsRegisters)
      continue;
    int registers = nest.path.back();
    charge(costs, registers, true, use.isWrite ? nest.points : each, 1,
           operand.bits);
    charge(costs, registers, false, nest.points, 1, operand.bits);
  }
}

void NestCounts::addRegisterAccesses(Costs &costs, const Operand &operand,
                                     int home) const {
  noteLeaf(costs, operand, home);
  for (const Operand::Use &use : operand.uses) {
    charge(costs, home, use.isWrite, nest.points, 1, operand.bits);
    if (use.isWrite && nest.reduces)
      charge(costs, home, false, nest.points, 1, operand.bits);
  }
}
