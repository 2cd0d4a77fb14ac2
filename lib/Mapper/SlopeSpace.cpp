//===- SlopeSpace.cpp - Fused tilings of a two-level machine --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/SlopeSpace.h"

#include "lib/Analysis/IoBounds/Values.h"
#include "lib/Analysis/RunningValues.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace einsum;
using namespace einsum::mapper;

/// Tile combinations per loop order and placement, and placements per order.
static constexpr size_t kMaxTilings = 4096, kMaxPlacements = 1024;
static constexpr size_t kMaxShared = 3, kMaxCandidates = 4;

//===----------------------------------------------------------------------===//
// What a group touches
//===----------------------------------------------------------------------===//

namespace {

/// One use of a tensor by an Einsum.
struct Touch {
  int einsum;
  const AccessFact *access;
  bool isWrite;
};

llvm::SmallVector<Touch, 4> touchesOf(const CascadeFacts &facts,
                                      llvm::ArrayRef<int> einsums, int tensor) {
  llvm::SmallVector<Touch, 4> touches;
  for (int id : einsums) {
    for (const AccessFact &read : facts.einsums[id].reads)
      if (read.tensor == tensor)
        touches.push_back({id, &read, false});
    for (const AccessFact &write : facts.einsums[id].writes)
      if (write.tensor == tensor)
        touches.push_back({id, &write, true});
  }
  return touches;
}

/// True if steps of the rank touch elements that no other step touches.
bool isRelevant(const CascadeFacts &facts, const Touch &touch, int rank) {
  const TensorFact &tensor = facts.tensors[touch.access->tensor];
  int alone = 0, shared = 0;
  for (auto [own, coordinate] :
       llvm::zip(tensor.ranks, touch.access->coordinates))
    if (coordinate.uses(rank)) {
      bool carries =
          own == tensor.iterativeRank && tensor.producer == touch.einsum;
      (coordinate.terms.size() == 1 && !carries ? alone : shared)++;
    }
  return alone == 1 && shared == 0;
}

bool isRelevant(const CascadeFacts &facts, llvm::ArrayRef<Touch> touches,
                int rank) {
  return llvm::all_of(touches, [&](const Touch &touch) {
    return isRelevant(facts, touch, rank);
  });
}

bool isSameAccess(const AccessFact &a, const AccessFact &b) {
  return llvm::all_of(llvm::zip(a.coordinates, b.coordinates), [](auto pair) {
    auto &[x, y] = pair;
    return x.constant == y.constant && x.terms.size() == y.terms.size() &&
           llvm::all_of(llvm::zip(x.terms, y.terms), [](auto terms) {
             auto &[s, t] = terms;
             return s.rank == t.rank && s.coefficient == t.coefficient;
           });
  });
}

/// Touches whose accesses differ: each adds its tile.
llvm::SmallVector<Touch, 4> distinct(llvm::ArrayRef<Touch> touches) {
  llvm::SmallVector<Touch, 4> result;
  for (const Touch &touch : touches)
    if (llvm::none_of(result, [&](const Touch &other) {
          return isSameAccess(*touch.access, *other.access);
        }))
      result.push_back(touch);
  return result;
}

//===----------------------------------------------------------------------===//
// Closed forms
//===----------------------------------------------------------------------===//

/// Steps of a running value beside a tile of the loop that carries it, and one
/// of its own; Einsums of a group stand in their order.
int64_t stepsBeside(const CascadeFacts &facts, const Touch &touch) {
  int id = touch.access->tensor;
  const TensorFact &tensor = facts.tensors[id];
  return countStepsInSequence(facts, id, 1,
                              [&](int e) { return e <= tensor.producer; })
      .value_or(facts.ranks[tensor.iterativeRank].extent);
}

/// Elements as a function of the tiles of the shared loops: a constant, times
/// some tiles, times the values of coordinates such as p + r.
class Words {
public:
  Words() = default;
  /// Ranks are whole but for shared loops in `loops`, whose tiles come later,
  /// and ranks in `single`, which are at one value. `carried` is the loop that
  /// carries a recurrence, or -1: of its rank, one tile and the steps before.
  Words(const CascadeFacts &facts, const Touch &touch,
        llvm::ArrayRef<SlopeLoop> loops, llvm::ArrayRef<int> single,
        int carried = -1) {
    const TensorFact &tensor = facts.tensors[touch.access->tensor];
    for (auto [rank, coordinate] :
         llvm::zip(tensor.ranks, touch.access->coordinates)) {
      if (coordinate.terms.empty())
        continue;
      if (carried >= 0 && rank == tensor.iterativeRank) {
        sums.push_back({{{1, carried, 1}, {1, -1, stepsBeside(facts, touch)}},
                        static_cast<uint64_t>(facts.ranks[rank].extent)});
        continue;
      }
      Sum sum;
      for (const Coordinate::Term &term : coordinate.terms) {
        auto loop = llvm::find_if(
            loops, [&](const SlopeLoop &l) { return l.rank == term.rank; });
        int at = loop == loops.end() ? -1 : loop - loops.begin();
        bool one = llvm::is_contained(single, term.rank);
        sum.terms.push_back({std::abs(term.coefficient), at,
                             one ? 1 : facts.ranks[term.rank].extent});
      }
      sum.extent = facts.ranks[rank].extent;
      if (sum.terms.size() > 1)
        sums.push_back(std::move(sum));
      else if (sum.terms[0].loop >= 0)
        factors.push_back(sum.terms[0].loop);
      else
        constant *= std::min<uint64_t>(sum.terms[0].extent, sum.extent);
    }
  }

  uint64_t at(llvm::ArrayRef<int64_t> tiles) const {
    uint64_t words = constant;
    for (int loop : factors)
      words *= tiles[loop];
    for (const Sum &sum : sums)
      words *= sum.at(tiles);
    return words;
  }

private:
  struct Term {
    int64_t coefficient;
    int loop;
    int64_t extent;
  };
  struct Sum {
    llvm::SmallVector<Term, 2> terms;
    uint64_t extent = 1;

    uint64_t at(llvm::ArrayRef<int64_t> tiles) const {
      auto count = [&](const Term &t) {
        return t.loop < 0 ? t.extent : tiles[t.loop];
      };
      if (terms.size() == 2 && terms[0].coefficient == 1 &&
          terms[1].coefficient == 1)
        return std::min<uint64_t>(count(terms[0]) + count(terms[1]) - 1,
                                  extent);
      Coordinate coordinate;
      llvm::SmallVector<int64_t, 4> extents;
      for (const Term &term : terms) {
        coordinate.terms.push_back(
            {static_cast<int>(extents.size()), term.coefficient});
        extents.push_back(count(term));
      }
      return std::min(bounds::countValues(coordinate, extents), extent);
    }
  };

  uint64_t constant = 1;
  llvm::SmallVector<int, 4> factors;
  llvm::SmallVector<Sum, 2> sums;
};

/// The cost of a configuration as a function of its tiles.
class Coster {
public:
  Coster(const CascadeFacts &facts, const SlopeConfig &config)
      : facts(facts), config(config) {
    for (const SlopeHold &hold : config.holds) {
      if (hold.isFar)
        addMove(hold);
      if (hold.depth >= 0 && hold.overwrittenBy < 0)
        addHeld(hold);
    }
    for (int einsum : config.einsums)
      addStreams(einsum);
    for (const SlopeLoop &loop : config.loops)
      extents.push_back(facts.ranks[loop.rank].extent);
  }

  SlopeCost at(llvm::ArrayRef<int64_t> tiles) const {
    SlopeCost cost;
    for (const Move &move : moves)
      cost.movedBytes =
          llvm::SaturatingAdd(cost.movedBytes, moved(move, tiles));
    for (const Held &held : helds)
      cost.heldBytes =
          llvm::SaturatingAdd(cost.heldBytes, bytesOf(held, tiles));
    uint64_t privately = 0;
    for (const std::vector<std::vector<Held>> &orders : streams) {
      uint64_t least = UINT64_MAX;
      for (const std::vector<Held> &order : orders) {
        uint64_t bytes = 0;
        for (const Held &held : order)
          bytes += bytesOf(held, tiles);
        least = std::min(least, bytes);
      }
      privately = std::max(privately, least);
    }
    cost.heldBytes = llvm::SaturatingAdd(cost.heldBytes, privately);
    return cost;
  }

private:
  struct Move {
    int tensor = -1;
    bool isWritten = false;
    Words words;                      ///< with whole ranks, but for windows
    llvm::SmallVector<int, 4> repeat; ///< loops that fetch or revisit all of it
    llvm::SmallVector<int, 2> windows; ///< loops whose steps overlap
  };
  struct Held {
    int tensor = -1;
    bool isUnion = false; ///< one tile holds all: the largest counts
    llvm::SmallVector<Words, 2> words;
  };

  llvm::ArrayRef<SlopeLoop> above(const SlopeHold &hold) const {
    llvm::ArrayRef<SlopeLoop> loops(config.loops);
    return hold.depth < 0 ? loops : loops.take_front(hold.depth);
  }

  void addMove(const SlopeHold &hold) {
    auto touches = touchesOf(facts, config.einsums, hold.tensor);
    auto written =
        llvm::find_if(touches, [](const Touch &t) { return t.isWrite; });
    if (written != touches.end()) {
      Move move{hold.tensor, true, Words(facts, *written, {}, {}), {}, {}};
      for (auto [i, loop] : llvm::enumerate(above(hold)))
        if (facts.einsums[written->einsum].reduces(loop.rank))
          move.repeat.push_back(i);
      moves.push_back(std::move(move));
      return;
    }
    for (const Touch &touch : hold.depth < 0 ? touches : distinct(touches)) {
      Move move{hold.tensor, false, {}, {}, {}};
      llvm::SmallVector<SlopeLoop, 4> windows(config.loops);
      for (SlopeLoop &loop : windows)
        loop.rank = -1;
      for (size_t i = 0; i < above(hold).size(); ++i) {
        int rank = config.loops[i].rank;
        bool entersOnce = llvm::none_of(touches, [&](const Touch &t) {
          return facts.einsums[t.einsum].iterates(rank);
        });
        if (entersOnce || isRelevant(facts, touch, rank))
          continue;
        if (!touch.access->uses(rank)) {
          move.repeat.push_back(i);
          continue;
        }
        move.windows.push_back(i);
        windows[i].rank = rank;
      }
      move.words = Words(facts, touch, windows, {});
      moves.push_back(std::move(move));
    }
  }

  bool isWantedOutside(int tensor) const {
    return facts.tensors[tensor].isOutput ||
           llvm::any_of(facts.einsums, [&](const EinsumFact &einsum) {
             int id = &einsum - facts.einsums.data();
             return !llvm::is_contained(config.einsums, id) &&
                    llvm::any_of(einsum.reads, [&](const AccessFact &read) {
                      return read.tensor == tensor;
                    });
           });
  }

  /// Whether a reader goes round, below the hold and above the loop that
  /// carries the tensor, in a loop that its producer lacks: then it reads all
  /// of it each time, and the last steps do not do.
  bool isReadAgain(const SlopeHold &hold, size_t carrying) const {
    auto iterates = [&](int einsum, int rank) {
      return facts.einsums[einsum].iterates(rank);
    };
    auto reads = [&](int einsum) {
      return llvm::any_of(
          facts.einsums[einsum].reads,
          [&](const AccessFact &read) { return read.tensor == hold.tensor; });
    };
    int producer = facts.tensors[hold.tensor].producer;
    for (size_t i = hold.depth; i < carrying; ++i) {
      int rank = config.loops[i].rank;
      if (!iterates(producer, rank) &&
          llvm::any_of(config.einsums, [&](int einsum) {
            return reads(einsum) && iterates(einsum, rank);
          }))
        return true;
    }
    return false;
  }

  void addHeld(const SlopeHold &hold) {
    // A loop below over the iterative rank carries a few steps from one of its
    // steps to the next, and nothing else, if only this group wants the tensor.
    const TensorFact &tensor = facts.tensors[hold.tensor];
    int carried = -1;
    if (llvm::is_contained(config.einsums, tensor.producer) &&
        !isWantedOutside(hold.tensor))
      for (size_t i = hold.depth; i < config.loops.size(); ++i)
        if (config.loops[i].rank == tensor.iterativeRank &&
            !isReadAgain(hold, i))
          carried = i;
    auto touches = touchesOf(facts, config.einsums, hold.tensor);
    Held held{hold.tensor,
              llvm::any_of(touches, [](const Touch &t) { return t.isWrite; }),
              {}};
    for (const Touch &touch : distinct(touches))
      held.words.push_back(Words(facts, touch, above(hold), {}, carried));
    helds.push_back(std::move(held));
  }

  void addStreams(int einsum);

  uint64_t bytesOf(const Held &held, llvm::ArrayRef<int64_t> tiles) const {
    uint64_t words = 0;
    for (const Words &own : held.words)
      words =
          held.isUnion ? std::max(words, own.at(tiles)) : words + own.at(tiles);
    return facts.tensors[held.tensor].bytes(words);
  }

  uint64_t moved(const Move &move, llvm::ArrayRef<int64_t> tiles) const {
    uint64_t repeats = 1;
    for (int loop : move.repeat)
      repeats *= (extents[loop] + tiles[loop] - 1) / tiles[loop];
    if (move.isWritten)
      repeats = 2 * repeats - 1;
    llvm::SmallVector<int64_t, 6> current(tiles);
    return llvm::SaturatingMultiply(
        repeats, facts.tensors[move.tensor].bytes(
                     sumWindows(move, move.windows, tiles, current)));
  }

  /// Over all steps of the loops whose windows overlap, the shorter last step
  /// counted as it is.
  uint64_t sumWindows(const Move &move, llvm::ArrayRef<int> windows,
                      llvm::ArrayRef<int64_t> tiles,
                      llvm::MutableArrayRef<int64_t> current) const {
    if (windows.empty())
      return move.words.at(current);
    int loop = windows.front();
    current[loop] = tiles[loop];
    uint64_t sum = (extents[loop] / tiles[loop]) *
                   sumWindows(move, windows.drop_front(), tiles, current);
    current[loop] = extents[loop] % tiles[loop];
    if (current[loop] != 0)
      sum += sumWindows(move, windows.drop_front(), tiles, current);
    return sum;
  }

  const CascadeFacts &facts;
  const SlopeConfig &config;
  std::vector<Move> moves;
  std::vector<Held> helds;
  std::vector<std::vector<std::vector<Held>>>
      streams;                           ///< per Einsum, per order
  llvm::SmallVector<int64_t, 6> extents; ///< of the shared loops
};

/// Every order in which an Einsum can stream its private tensors: a loop may
/// stand above a tensor only if it is relevant to it and to all that come
/// later.
std::vector<std::vector<SlopeStream>>
streamOrders(const CascadeFacts &facts, const SlopeConfig &config, int einsum) {
  llvm::SmallVector<int, 4> tensors;
  for (const SlopeHold &hold : config.holds)
    if (hold.depth < 0 && !touchesOf(facts, einsum, hold.tensor).empty())
      tensors.push_back(hold.tensor);
  llvm::sort(tensors);
  std::vector<std::vector<SlopeStream>> orders;
  do {
    std::vector<SlopeStream> order;
    llvm::SmallVector<int, 6> looped;
    for (const SlopeLoop &loop : config.loops)
      looped.push_back(loop.rank);
    for (size_t i = 0; i < tensors.size(); ++i) {
      SlopeStream stream{tensors[i], {}};
      for (int rank : facts.einsums[einsum].ranks) {
        bool relevant = llvm::all_of(
            llvm::ArrayRef(tensors).drop_front(i), [&](int tensor) {
              return isRelevant(facts, touchesOf(facts, einsum, tensor), rank);
            });
        if (!relevant || llvm::is_contained(looped, rank))
          continue;
        stream.loops.push_back(rank);
        looped.push_back(rank);
      }
      order.push_back(std::move(stream));
    }
    orders.push_back(std::move(order));
  } while (tensors.size() <= 4 &&
           std::next_permutation(tensors.begin(), tensors.end()));
  return orders;
}

void Coster::addStreams(int einsum) {
  auto &own = streams.emplace_back();
  for (const std::vector<SlopeStream> &order :
       streamOrders(facts, config, einsum)) {
    auto &helds = own.emplace_back();
    llvm::SmallVector<int, 6> single;
    for (const SlopeStream &stream : order) {
      single.append(stream.loops.begin(), stream.loops.end());
      Held held{stream.tensor, false, {}};
      for (const Touch &touch :
           distinct(touchesOf(facts, einsum, stream.tensor)))
        held.words.push_back(Words(facts, touch, config.loops, single));
      helds.push_back(std::move(held));
    }
  }
}

} // namespace

static llvm::SmallVector<int64_t, 6> sizesOf(const SlopeConfig &config) {
  llvm::SmallVector<int64_t, 6> tiles;
  for (const SlopeLoop &loop : config.loops)
    tiles.push_back(loop.tile);
  return tiles;
}

SlopeCost einsum::mapper::evaluate(const CascadeFacts &facts,
                                   const SlopeConfig &config) {
  return Coster(facts, config).at(sizesOf(config));
}

std::vector<SlopeStream> einsum::mapper::orderStreams(const CascadeFacts &facts,
                                                      const SlopeConfig &config,
                                                      int einsum) {
  std::vector<SlopeStream> best;
  uint64_t least = UINT64_MAX;
  for (std::vector<SlopeStream> &order : streamOrders(facts, config, einsum)) {
    llvm::SmallVector<int, 6> single;
    uint64_t bytes = 0;
    for (const SlopeStream &stream : order) {
      single.append(stream.loops.begin(), stream.loops.end());
      uint64_t words = 0;
      for (const Touch &touch :
           distinct(touchesOf(facts, einsum, stream.tensor)))
        words += Words(facts, touch, config.loops, single).at(sizesOf(config));
      bytes += facts.tensors[stream.tensor].bytes(words);
    }
    if (bytes < least) {
      least = bytes;
      best = std::move(order);
    }
  }
  return best;
}

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
               !isRelevantTo(hold.tensor, config.loops[i].rank);
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
    tileFrom(config, Coster(facts, config), free, most, sizes);
  }

  void tileFrom(SlopeConfig &config, const Coster &coster,
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
