//===- SlopeCost.cpp - What a configuration moves and holds ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Closed forms in the tile sizes: the words of a tensor times the steps of the
// loops above that it does not use, twice minus once for partial sums, windows
// summed over their steps; tensors in number formats tile by tile
// (SlopeBlocks.h).
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/SlopeCost.h"

#include "lib/Analysis/IoBounds/Values.h"
#include "lib/Analysis/RunningValues.h"
#include "lib/Mapper/SlopeBlocks.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace einsum;
using namespace einsum::mapper;

namespace {

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

} // namespace

/// The cost of a configuration as a function of its tiles.
class einsum::mapper::SlopeCoster::Costs {
public:
  Costs(const CascadeFacts &facts, const SlopeConfig &config)
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
    for (const std::vector<Order> &orders : streams) {
      auto [order, bytes] = choose(orders, tiles);
      privately = std::max(privately, bytes);
      for (const Move &move : orders[order].moves)
        cost.movedBytes =
            llvm::SaturatingAdd(cost.movedBytes, moved(move, tiles));
    }
    cost.heldBytes = llvm::SaturatingAdd(cost.heldBytes, privately);
    return cost;
  }

  /// Of the Einsum at a position in the group: the order of its streams that
  /// takes least space.
  std::vector<SlopeStream> orderOf(size_t position,
                                   llvm::ArrayRef<int64_t> tiles) const {
    const std::vector<Order> &orders = streams[position];
    return orders[choose(orders, tiles).first].streams;
  }

private:
  struct Move {
    int tensor = -1;
    bool isWritten = false;
    Words words;                      ///< with whole ranks, but for windows
    llvm::SmallVector<int, 4> repeat; ///< loops that fetch or revisit all of it
    llvm::SmallVector<int, 2> windows; ///< loops whose steps overlap
    std::optional<BlockTiles> blocks;  ///< in a number format: tile by tile
  };
  struct Held {
    int tensor = -1;
    bool isUnion = false; ///< one tile holds all: the largest counts
    llvm::SmallVector<Words, 2> words;
    /// In a number format: what counts instead.
    llvm::SmallVector<std::optional<BlockTiles>, 0> blocks;
  };
  /// The private tensors of an Einsum in one order.
  struct Order {
    std::vector<SlopeStream> streams;
    std::vector<Held> helds;
    std::vector<Move> moves; ///< that depend on the order
  };

  /// The order that takes least space, and how much.
  std::pair<size_t, uint64_t> choose(const std::vector<Order> &orders,
                                     llvm::ArrayRef<int64_t> tiles) const {
    std::pair<size_t, uint64_t> best = {0, UINT64_MAX};
    for (auto [i, order] : llvm::enumerate(orders)) {
      uint64_t bytes = 0;
      for (const Held &held : order.helds)
        bytes += bytesOf(held, tiles);
      if (bytes < best.second)
        best = {i, bytes};
    }
    return best;
  }

  llvm::ArrayRef<SlopeLoop> above(const SlopeHold &hold) const {
    llvm::ArrayRef<SlopeLoop> loops(config.loops);
    return hold.depth < 0 ? loops : loops.take_front(hold.depth);
  }

  void addMove(const SlopeHold &hold) {
    auto touches = touchesOf(facts, config.einsums, hold.tensor);
    auto written =
        llvm::find_if(touches, [](const Touch &t) { return t.isWrite; });
    if (written != touches.end()) {
      if (Move move = writtenOf(hold, *written, {});
          hold.depth >= 0 || !move.blocks)
        moves.push_back(std::move(move));
      return;
    }
    for (const Touch &touch : hold.depth < 0 ? touches : distinct(touches)) {
      Move move = moveOf(hold, touches, touch, {});
      if (hold.depth >= 0 || !move.blocks) // else `addStreams` does
        moves.push_back(std::move(move));
    }
  }

  /// What is written back below the loops of a hold.
  Move writtenOf(const SlopeHold &hold, const Touch &written,
                 llvm::ArrayRef<int> single) const {
    Move move{hold.tensor, true, Words(facts, written, {}, {}), {}, {}, {}};
    move.blocks = BlockTiles::create(facts, written, above(hold), single);
    for (auto [i, loop] : llvm::enumerate(above(hold)))
      if (facts.einsums[written.einsum].reduces(loop.rank))
        move.repeat.push_back(i);
    return move;
  }

  /// What one access fetches below the loops of a hold; ranks in `single` are
  /// stepped one by one below these.
  Move moveOf(const SlopeHold &hold, llvm::ArrayRef<Touch> touches,
              const Touch &touch, llvm::ArrayRef<int> single) const {
    Move move{hold.tensor, false, {}, {}, {}, {}};
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
    if (move.windows.empty())
      move.blocks = BlockTiles::create(facts, touch, above(hold), single);
    return move;
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
              {},
              {}};
    for (const Touch &touch : distinct(touches)) {
      held.words.push_back(Words(facts, touch, above(hold), {}, carried));
      held.blocks.push_back(
          carried < 0 ? BlockTiles::create(facts, touch, above(hold), {})
                      : std::nullopt);
    }
    helds.push_back(std::move(held));
  }

  void addStreams(int einsum);

  uint64_t bytesOf(const Held &held, llvm::ArrayRef<int64_t> tiles) const {
    uint64_t words = 0, bytes = 0;
    auto add = [&](uint64_t &sum, uint64_t own) {
      sum = held.isUnion ? std::max(sum, own) : sum + own;
    };
    for (auto [own, blocks] : llvm::zip(held.words, held.blocks))
      if (blocks)
        add(bytes, blocks->heldBytes(tiles));
      else
        add(words, own.at(tiles));
    add(bytes, facts.tensors[held.tensor].bytes(words));
    return bytes;
  }

  uint64_t moved(const Move &move, llvm::ArrayRef<int64_t> tiles) const {
    uint64_t repeats = 1;
    for (int loop : move.repeat)
      repeats *= (extents[loop] + tiles[loop] - 1) / tiles[loop];
    if (move.isWritten)
      repeats = 2 * repeats - 1;
    if (move.blocks)
      return llvm::SaturatingMultiply(repeats, move.blocks->movedBytes(tiles));
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
  std::vector<std::vector<Order>> streams; ///< per Einsum
  llvm::SmallVector<int64_t, 6> extents;   ///< of the shared loops
};

namespace {

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

} // namespace

void SlopeCoster::Costs::addStreams(int einsum) {
  auto &own = streams.emplace_back();
  for (std::vector<SlopeStream> &order : streamOrders(facts, config, einsum)) {
    Order &made = own.emplace_back();
    llvm::SmallVector<int, 6> single;
    for (const SlopeStream &stream : order) {
      single.append(stream.loops.begin(), stream.loops.end());
      auto touches = touchesOf(facts, einsum, stream.tensor);
      Held held{stream.tensor, false, {}, {}};
      for (const Touch &touch : distinct(touches)) {
        held.words.push_back(Words(facts, touch, config.loops, single));
        held.blocks.push_back(
            BlockTiles::create(facts, touch, config.loops, single));
      }
      made.helds.push_back(std::move(held));
      auto hold = llvm::find_if(config.holds, [&](const SlopeHold &one) {
        return one.tensor == stream.tensor;
      });
      auto all = touchesOf(facts, config.einsums, stream.tensor);
      bool isWritten =
          llvm::any_of(all, [](const Touch &t) { return t.isWrite; });
      for (const Touch &touch : touches)
        if (hold->isFar && touch.isWrite == isWritten)
          if (Move move = isWritten ? writtenOf(*hold, touch, single)
                                    : moveOf(*hold, all, touch, single);
              move.blocks)
            made.moves.push_back(std::move(move));
    }
    made.streams = std::move(order);
  }
}

SlopeCoster::SlopeCoster(const CascadeFacts &facts, const SlopeConfig &config)
    : costs(std::make_unique<Costs>(facts, config)) {}
SlopeCoster::~SlopeCoster() = default;

SlopeCost SlopeCoster::at(llvm::ArrayRef<int64_t> tiles) const {
  return costs->at(tiles);
}

static llvm::SmallVector<int64_t, 6> sizesOf(const SlopeConfig &config) {
  llvm::SmallVector<int64_t, 6> tiles;
  for (const SlopeLoop &loop : config.loops)
    tiles.push_back(loop.tile);
  return tiles;
}

SlopeCost einsum::mapper::evaluate(const CascadeFacts &facts,
                                   const SlopeConfig &config) {
  return SlopeCoster(facts, config).at(sizesOf(config));
}

std::vector<SlopeStream> einsum::mapper::orderStreams(const CascadeFacts &facts,
                                                      const SlopeConfig &config,
                                                      int einsum) {
  size_t position = llvm::find(config.einsums, einsum) - config.einsums.begin();
  return SlopeCoster::Costs(facts, config).orderOf(position, sizesOf(config));
}
