//===- SlopeSpace.cpp - Fused tilings of a two-level machine --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/SlopeSpace.h"

#include "lib/Mapper/SlopeCost.h"
#include "lib/Mapper/SlopeTouches.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <map>

using namespace einsum;
using namespace einsum::mapper;

/// Tile combinations per loop order and placement, and placements per order.
static constexpr size_t kMaxTilings = 4096, kMaxPlacements = 1024;
static constexpr size_t kMaxShared = 3, kMaxCandidates = 4;

//===----------------------------------------------------------------------===//
// Tiles and cuts
//===----------------------------------------------------------------------===//

std::vector<int64_t> einsum::mapper::tilesOf(int64_t extent, size_t most) {
  std::vector<int64_t> tiles;
  // The smallest tile for each number of steps, and all divisors.
  for (int64_t tile = 1; tile <= extent;) {
    int64_t count = (extent + tile - 1) / tile;
    tiles.push_back((extent + count - 1) / count);
    // The next tile that takes fewer steps.
    tile = count == 1 ? extent + 1 : (extent + count - 2) / (count - 1);
  }
  tiles.erase(std::unique(tiles.begin(), tiles.end()), tiles.end());
  if (tiles.size() <= most)
    return tiles;
  // Keep the nearest to each of `most` sizes in geometric progression, divisors
  // preferred.
  std::vector<int64_t> kept = {1};
  double ratio = std::pow(static_cast<double>(extent),
                          1.0 / static_cast<double>(most - 1));
  for (size_t i = 1; i < most; ++i) {
    double wanted = std::pow(ratio, static_cast<double>(i));
    auto distance = [&](int64_t tile) {
      double off = std::abs(std::log(static_cast<double>(tile) / wanted));
      return off + (extent % tile == 0 ? 0 : std::log(ratio) / 2);
    };
    kept.push_back(*std::min_element(
        tiles.begin(), tiles.end(),
        [&](int64_t a, int64_t b) { return distance(a) < distance(b); }));
  }
  kept.push_back(extent);
  llvm::sort(kept);
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  return kept;
}

std::vector<int> einsum::mapper::findCuts(const CascadeFacts &facts) {
  int count = facts.einsums.size();
  std::vector<bool> isCut(count + 1, true);
  for (auto [id, einsum] : llvm::enumerate(facts.einsums))
    for (const AccessFact &read : einsum.reads)
      for (int i = id + 1; i <= facts.tensors[read.tensor].producer; ++i)
        isCut[i] = false; // read before it is listed: a recurrence
  std::vector<int> cuts;
  for (int i = 0; i <= count; ++i)
    if (isCut[i])
      cuts.push_back(i);
  return cuts;
}

//===----------------------------------------------------------------------===//
// Enumeration
//===----------------------------------------------------------------------===//

namespace {

using Visit = llvm::function_ref<void(const SlopeConfig &, SlopeCost)>;

class GroupEnumerator {
public:
  GroupEnumerator(const CascadeFacts &facts, int first, int last, Visit visit)
      : facts(facts), visit(visit) {
    for (int id = first; id < last; ++id)
      group.push_back(id);
    for (int id : group) {
      for (const AccessFact &read : facts.einsums[id].reads)
        addTensor(read.tensor);
      for (const AccessFact &write : facts.einsums[id].writes)
        addTensor(write.tensor);
      for (int rank : facts.einsums[id].ranks)
        if (!llvm::is_contained(ranks, rank))
          ranks.push_back(rank);
    }
  }

  void run() {
    if (group.size() == 1)
      enumerateSingle();
    else
      enumerateFused();
  }

private:
  void addTensor(int tensor) {
    if (!llvm::is_contained(tensors, tensor))
      tensors.push_back(tensor);
  }

  bool isProduced(int tensor) const {
    return llvm::is_contained(group, facts.tensors[tensor].producer);
  }
  bool isConsumed(int tensor) const {
    return llvm::any_of(touches(tensor), [&](const Touch &touch) {
      return !touch.isWrite && touch.einsum != facts.tensors[tensor].producer;
    });
  }
  bool isFar(int tensor) const {
    if (!isProduced(tensor) || facts.tensors[tensor].isOutput)
      return true;
    return llvm::any_of(llvm::enumerate(facts.einsums), [&](auto entry) {
      return !llvm::is_contained(group, static_cast<int>(entry.index())) &&
             llvm::any_of(entry.value().reads, [&](const AccessFact &read) {
               return read.tensor == tensor;
             });
    });
  }
  llvm::SmallVector<Touch, 4> touches(int tensor) const {
    return touchesOf(facts, group, tensor);
  }
  bool isRelevantTo(int tensor, int rank) const {
    return isRelevant(facts, touches(tensor), rank);
  }
  bool uses(int tensor, int rank) const {
    return llvm::any_of(touches(tensor), [&](const Touch &touch) {
      return touch.access->uses(rank);
    });
  }
  /// Steps of the rank have parts of blocks of the tensor's format, or of
  /// bytes.
  bool cutsBlocks(int tensor, int rank) const {
    const TensorFact &fact = facts.tensors[tensor];
    bool isWhole =
        fact.weight.denominator == 1 && fact.weight.numerator % 8 == 0;
    return (fact.isShared || !isWhole) && uses(tensor, rank);
  }
  /// A value crosses from step to step of the rank, so a loop over it stands
  /// below the place that holds the tensor.
  bool isCarried(int tensor, int rank) const {
    return isProduced(tensor) && facts.tensors[tensor].iterativeRank == rank;
  }

  /// Tile sizes of the loops that matter, and 1 for those that do not.
  void tile(SlopeConfig &config) {
    llvm::SmallVector<size_t, 4> free;
    for (size_t i = 0; i < config.loops.size(); ++i) {
      bool matters = llvm::any_of(config.holds, [&](const SlopeHold &hold) {
        bool below = hold.depth < 0 || hold.depth > static_cast<int>(i);
        return hold.isFar && below &&
               (!isRelevantTo(hold.tensor, config.loops[i].rank) ||
                cutsBlocks(hold.tensor, config.loops[i].rank));
      });
      config.loops[i].tile = 1;
      if (matters)
        free.push_back(i);
    }
    size_t most =
        free.empty() ? 1
                     : std::max<size_t>(
                           4, std::pow(static_cast<double>(kMaxTilings),
                                       1.0 / static_cast<double>(free.size())));
    llvm::SmallVector<int64_t, 6> sizes(config.loops.size(), 1);
    tileFrom(config, SlopeCoster(facts, config), free, most, sizes);
  }

  void tileFrom(SlopeConfig &config, const SlopeCoster &coster,
                llvm::ArrayRef<size_t> free, size_t most,
                llvm::MutableArrayRef<int64_t> sizes) {
    if (free.empty()) {
      visit(config, coster.at(sizes));
      return;
    }
    size_t at = free.front();
    for (int64_t size : tiles(config.loops[at].rank, most)) {
      config.loops[at].tile = sizes[at] = size;
      tileFrom(config, coster, free.drop_front(), most, sizes);
    }
  }

  const std::vector<int64_t> &tiles(int rank, size_t most) {
    auto [entry, isNew] = tileCache.try_emplace({rank, most});
    if (isNew)
      entry->second = tilesOf(facts.ranks[rank].extent, most);
    return entry->second;
  }

  //===--------------------------------------------------------------------===//
  // One Einsum
  //===--------------------------------------------------------------------===//

  /// Tensors in every order; each rank is looped over above one of them to
  /// which it is relevant, or not at all.
  void enumerateSingle() {
    llvm::sort(tensors);
    do {
      llvm::SmallVector<int, 8> block(ranks.size(), -1);
      assignBlock(0, block);
    } while (std::next_permutation(tensors.begin(), tensors.end()));
  }

  void assignBlock(size_t next, llvm::SmallVectorImpl<int> &block) {
    if (next == ranks.size()) {
      visitBlocks(block);
      return;
    }
    int rank = ranks[next];
    if (llvm::all_of(tensors, [&](int t) { return isRelevantTo(t, rank); })) {
      block[next] = 0; // costs nothing outermost
      assignBlock(next + 1, block);
      return;
    }
    for (int i = -1; i < static_cast<int>(tensors.size()); ++i) {
      bool carried =
          i >= 0 && llvm::any_of(llvm::ArrayRef(tensors).drop_front(i),
                                 [&](int t) { return isCarried(t, rank); });
      if (i >= 0 && (carried || !uses(tensors[i], rank)))
        continue;
      block[next] = i;
      assignBlock(next + 1, block);
    }
  }

  void visitBlocks(llvm::ArrayRef<int> block) {
    // Tensors held below the same loops come in one order only.
    for (size_t i = 1; i < tensors.size(); ++i)
      if (!llvm::is_contained(block, static_cast<int>(i)) &&
          tensors[i - 1] > tensors[i])
        return;
    SlopeConfig config;
    config.einsums = group;
    for (auto [i, tensor] : llvm::enumerate(tensors)) {
      for (auto [rank, at] : llvm::zip(ranks, block))
        if (at == static_cast<int>(i))
          config.loops.push_back({rank, 1});
      config.holds.push_back(
          {tensor, static_cast<int>(config.loops.size()), true, -1});
    }
    tile(config);
  }

  //===--------------------------------------------------------------------===//
  // Several Einsums
  //===--------------------------------------------------------------------===//

  void enumerateFused() {
    llvm::SmallVector<int, 6> everywhere, candidates;
    for (int rank : ranks) {
      if (!isFusable(rank))
        continue;
      bool universal = llvm::all_of(tensors, [&](int t) {
        return isRelevantTo(t, rank) && !isCarried(t, rank);
      });
      (universal ? everywhere : candidates).push_back(rank);
    }
    llvm::sort(candidates, [&](int a, int b) {
      return std::pair(-facts.ranks[a].extent, a) <
             std::pair(-facts.ranks[b].extent, b);
    });
    candidates.resize(std::min(candidates.size(), kMaxCandidates));
    SlopeConfig config;
    config.einsums = group;
    for (int rank : everywhere)
      config.loops.push_back({rank, 1});
    addLoop(config, candidates, 0);
  }

  /// All orders of up to kMaxShared of the candidates.
  void addLoop(SlopeConfig &config, llvm::ArrayRef<int> candidates,
               size_t added) {
    place(config);
    if (added == kMaxShared)
      return;
    for (int rank : candidates) {
      if (llvm::any_of(config.loops,
                       [&](const SlopeLoop &l) { return l.rank == rank; }))
        continue;
      config.loops.push_back({rank, 1});
      addLoop(config, candidates, added + 1);
      config.loops.pop_back();
    }
  }

  /// Most of the group iterates over the rank; no consumer does of a sum over
  /// it; and what passes from Einsum to Einsum is indexed by it plainly.
  bool isFusable(int rank) const {
    llvm::SmallVector<int, 8> late; // Einsums that run in the last step
    size_t iterating = 0;
    for (int id : group) {
      const EinsumFact &einsum = facts.einsums[id];
      bool iterates = einsum.iterates(rank), readsUnder = false;
      iterating += iterates;
      for (const AccessFact &read : einsum.reads) {
        int producer = facts.tensors[read.tensor].producer;
        if (!llvm::is_contained(group, producer) || producer == id)
          continue;
        bool isStep = isCarried(read.tensor, rank);
        if (iterates && !isStep &&
            (facts.einsums[producer].reduces(rank) ||
             llvm::is_contained(late, producer)))
          return false;
        readsUnder |= facts.einsums[producer].iterates(rank) ||
                      llvm::is_contained(late, producer);
        for (auto [own, coordinate] :
             llvm::zip(facts.tensors[read.tensor].ranks, read.coordinates)) {
          bool plain = coordinate.terms.size() == 1 && coordinate.uses(rank) &&
                       coordinate.terms.front().coefficient == 1 &&
                       (coordinate.constant == 0 || isStep);
          if (own == rank && iterates && !plain)
            return false;
          if (own == rank && !iterates && !isStep)
            return false;
          if (own != rank && coordinate.uses(rank))
            return false;
        }
      }
      if (!iterates && readsUnder)
        late.push_back(id);
    }
    return 2 * iterating > group.size();
  }

  /// How deep a tensor that is produced and consumed here can be held: loops
  /// above it are kept ranks of it that nothing carries.
  int deepest(const SlopeConfig &config, int tensor) const {
    int depth = 0;
    for (const SlopeLoop &loop : config.loops) {
      bool kept = llvm::is_contained(facts.tensors[tensor].ranks, loop.rank);
      if (!kept || isCarried(tensor, loop.rank) ||
          !isRelevantTo(tensor, loop.rank))
        break;
      ++depth;
    }
    return depth;
  }

  /// Where a tensor of the far side may be held.
  llvm::SmallVector<int, 5> depthsOf(const SlopeConfig &config,
                                     int tensor) const {
    if (isProduced(tensor) && isConsumed(tensor))
      return {deepest(config, tensor)};
    llvm::SmallVector<int, 5> depths;
    size_t limit = 0;
    while (limit < config.loops.size() &&
           !isCarried(tensor, config.loops[limit].rank))
      ++limit;
    for (size_t depth = 0; depth <= limit; ++depth) {
      // Moving up past a loop that is not relevant saves traffic, moving down
      // past one that is saves space.
      bool up = depth > 0 && !uses(tensor, config.loops[depth - 1].rank);
      bool down =
          depth < limit && isRelevantTo(tensor, config.loops[depth].rank);
      if (!up && !down)
        depths.push_back(depth);
    }
    if (limit < config.loops.size())
      return depths;
    // A stream takes less space than a tile below all shared loops, but each
    // Einsum has its own.
    if (!depths.empty() && depths.back() == static_cast<int>(limit) &&
        countUsers(tensor) == 1)
      depths.pop_back();
    depths.push_back(-1);
    return depths;
  }

  size_t countUsers(int tensor) const {
    llvm::SmallVector<int, 4> users;
    for (const Touch &touch : touches(tensor))
      if (!llvm::is_contained(users, touch.einsum))
        users.push_back(touch.einsum);
    return users.size();
  }

  void place(SlopeConfig &config) {
    config.holds.clear();
    std::vector<llvm::SmallVector<int, 5>> choices;
    size_t combinations = 1;
    for (int tensor : tensors) {
      bool far = isFar(tensor);
      config.holds.push_back(
          {tensor, far ? 0 : deepest(config, tensor), far, -1});
      choices.push_back(
          far ? depthsOf(config, tensor)
              : llvm::SmallVector<int, 5>{config.holds.back().depth});
      combinations *= choices.back().size();
    }
    if (combinations > kMaxPlacements)
      for (auto &depths : choices)
        if (depths.size() > 2)
          depths = {depths.front(), depths.back()};
    overwrite(config);
    size_t tried = 0;
    placeFrom(config, choices, 0, tried);
  }

  void placeFrom(SlopeConfig &config,
                 llvm::ArrayRef<llvm::SmallVector<int, 5>> choices, size_t next,
                 size_t &tried) {
    if (next == choices.size()) {
      if (tried++ < kMaxPlacements)
        tile(config);
      return;
    }
    for (int depth : choices[next]) {
      config.holds[next].depth = depth;
      placeFrom(config, choices, next + 1, tried);
    }
  }

  /// SN[m,p] = exp(QK[m,p] - GM[p]) takes the place of QK if nobody reads QK
  /// later.
  void overwrite(SlopeConfig &config) const {
    llvm::SmallVector<int, 4> taken;
    for (SlopeHold &hold : config.holds) {
      if (hold.isFar)
        continue;
      for (const SlopeHold &next : config.holds)
        if (!next.isFar && next.depth == hold.depth &&
            !llvm::is_contained(taken, next.tensor) &&
            replaces(next.tensor, hold.tensor)) {
          hold.overwrittenBy = next.tensor;
          taken.push_back(next.tensor);
          break;
        }
    }
  }

  bool replaces(int next, int tensor) const {
    int producer = facts.tensors[next].producer;
    const EinsumFact &einsum = facts.einsums[producer];
    if (!(facts.tensors[next].weight == facts.tensors[tensor].weight) ||
        facts.tensors[next].iterativeRank >= 0 ||
        facts.tensors[tensor].iterativeRank >= 0 || !einsum.reduced.empty() ||
        einsum.writes.size() != 1)
      return false;
    bool reads = false;
    for (const Touch &touch : touches(tensor)) {
      if (touch.einsum > producer)
        return false;
      if (touch.einsum != producer)
        continue;
      if (touch.access->coordinates.size() !=
              einsum.writes[0].coordinates.size() ||
          !isSameAccess(*touch.access, einsum.writes[0]))
        return false;
      reads = true;
    }
    return reads;
  }

  const CascadeFacts &facts;
  Visit visit;
  llvm::SmallVector<int, 8> group, ranks, tensors;
  std::map<std::pair<int, size_t>, std::vector<int64_t>> tileCache;
};

} // namespace

void einsum::mapper::enumerateGroup(const CascadeFacts &facts, int first,
                                    int last, Visit visit) {
  GroupEnumerator(facts, first, last, visit).run();
}

//===----------------------------------------------------------------------===//
// In words
//===----------------------------------------------------------------------===//

std::string SlopeConfig::describe(const CascadeFacts &facts) const {
  std::string text;
  for (int einsum : einsums)
    text += (text.empty() ? "" : ",") + facts.einsums[einsum].name;
  text += ":";
  for (const SlopeLoop &loop : loops)
    text += " " + facts.ranks[loop.rank].name + "/" + std::to_string(loop.tile);
  for (const SlopeHold &hold : holds)
    text += " " + facts.tensors[hold.tensor].name +
            (hold.depth < 0 ? "@stream" : "@" + std::to_string(hold.depth)) +
            (hold.isFar ? "" : "*");
  return text;
}
