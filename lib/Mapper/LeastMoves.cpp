//===- LeastMoves.cpp - What an Einsum moves at least ---------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/LeastMoves.h"

#include "lib/Arch/Delivery.h"
#include "lib/Mapper/UnitShares.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace einsum;
using namespace einsum::mapper;

/// One level that a leaf may take an operand from, or put a result to.
struct LeastMoves::Way {
  int stage = 0;       ///< fan-outs around it
  double crossing = 0; ///< to get there from where the tensor lives
  double latched = 0;  ///< each element once
  double perWord = 0;  ///< all points, if each word served one of them
  double most = 0;     ///< units that a read serves at most, of those that
                       ///< differ along ranks which are not used; 0: any number
  double runs = 0;     ///< one group for each run
  double begun = 0;    ///< of these, sums that begin and are not read
};

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

uint64_t mapper::countTouched(const EinsumOnArray &nest,
                              const Operand &operand) {
  llvm::SmallVector<int64_t, 8> whole;
  uint64_t words = 1;
  for (auto [r, rank] : llvm::enumerate(nest.ranks)) {
    whole.push_back(rank.extent);
    if (operand.usesRank(static_cast<int>(r)))
      words *= static_cast<uint64_t>(rank.extent);
  }
  return nest.cut ? nest.cut->largest(nest.indexOf(operand), whole) : words;
}

/// Which of its elements a leaf moves is known: all that its points name.
bool LeastMoves::isPlain(const EinsumOnArray &nest,
                         const Operand &operand) const {
  auto gathers = [&](const AccessFact &access) {
    return access.tensor == operand.tensor && access.gathers();
  };
  return operand.whole == 1 && operand.along < 0 &&
         (operand.reads == 0 || operand.writes == 0) &&
         llvm::none_of(facts.einsums[nest.einsum].reads, gathers);
}

/// Uses are in the order of accesses.
const AccessFact &LeastMoves::accessOf(const EinsumOnArray &nest,
                                       const Operand &operand,
                                       const Operand::Use &use) const {
  const EinsumFact &einsum = facts.einsums[nest.einsum];
  llvm::ArrayRef<AccessFact> accesses(einsum.reads);
  if (use.isWrite)
    accesses = einsum.writes;
  auto before =
      std::count_if(operand.uses.begin(), &use, [&](const Operand::Use &other) {
        return other.isWrite == use.isWrite;
      });
  for (const AccessFact &access : accesses)
    if (access.tensor == operand.tensor && before-- == 0)
      return access;
  llvm_unreachable("a use without an access");
}

/// Of `a + r` all ranks but one, the longest, may differ where the element does
/// not; of `m1 * 256 + m0` none.
uint32_t LeastMoves::ranksApart(const EinsumOnArray &nest,
                                const AccessFact &access) const {
  uint32_t ranks = 0;
  for (const Coordinate &coordinate : access.coordinates) {
    llvm::SmallVector<Coordinate::Term, 2> terms(coordinate.terms);
    llvm::sort(terms, [](const auto &a, const auto &b) {
      return std::abs(a.coefficient) < std::abs(b.coefficient);
    });
    int64_t reach = 0;
    uint32_t all = 0, longest = 0;
    int64_t most = 0;
    bool isApart = true;
    for (const Coordinate::Term &term : terms) {
      int64_t extent = facts.ranks[term.rank].extent;
      uint32_t rank = 1u << nest.findRank(term.rank);
      isApart &= std::abs(term.coefficient) > reach;
      reach += std::abs(term.coefficient) * (extent - 1);
      all |= rank;
      if (extent > most)
        std::tie(most, longest) = std::pair(extent, rank);
    }
    ranks |= isApart ? all : longest;
  }
  return ranks;
}

LeastMoves::LeastMoves(const CascadeFacts &facts, const arch::ArchSpec &arch,
                       llvm::ArrayRef<EinsumChoices> choices,
                       std::vector<bool> mayFollow)
    : facts(facts), arch(arch), mayFollow(std::move(mayFollow)),
      levelsOf(facts.tensors.size()), neededWords(facts.tensors.size()) {
  std::vector<uint64_t> written(facts.tensors.size());
  for (const EinsumChoices &choice : choices) {
    for (const auto &nest : choice.nests)
      for (const Operand &operand : nest->operands)
        levelsOf[operand.tensor].insert(nest->path.begin(), nest->path.end());
    if (choice.nests.empty() || choice.nests.front()->points == 0)
      continue;
    const EinsumOnArray &nest = *choice.nests.front();
    for (const Operand &operand : nest.operands)
      if (isPlain(nest, operand)) {
        uint64_t &most = operand.isWritten() ? written[operand.tensor]
                                             : neededWords[operand.tensor];
        most = std::max(most, countTouched(nest, operand));
      }
  }
  // What is read may be an element that nobody writes: the identity of a sum.
  for (auto [tensor, needed, made] :
       llvm::zip(facts.tensors, neededWords, written))
    needed = tensor.isOutput                   ? made
             : made + needed > tensor.elements ? made + needed - tensor.elements
                                               : 0;
}

bool mapper::isShared(const arch::ArchSpec &arch, int level) {
  return arch.levels[level].perArray < 0 && arch.levels[level].dims.empty();
}

/// The levels around its array; of what others touch as well, theirs, too.
llvm::SmallVector<int, 8>
LeastMoves::listSources(const EinsumOnArray &nest,
                        const Operand &operand) const {
  llvm::SmallVector<int, 8> sources;
  bool isOwn = facts.tensors[operand.tensor].touchers.size() < 2;
  for (int level : levelsOf[operand.tensor]) {
    bool isAround = llvm::is_contained(nest.path, level);
    if (isShared(arch, level) &&
        (isAround ? mayHold(nest, operand, level) : !isOwn))
      sources.push_back(level);
  }
  return sources;
}

bool LeastMoves::mayHold(const EinsumOnArray &nest, const Operand &operand,
                         int level) const {
  return level == nest.path.front() ||
         nest.constraints->mayKeep(level, {operand.tensor, true}) ||
         nest.constraints->mayKeep(level, {operand.tensor, false});
}

static bool mustHold(const EinsumOnArray &nest, const Operand &operand,
                     int level) {
  return nest.constraints->mustKeep(level, {operand.tensor, true}) &&
         nest.constraints->mustKeep(level, {operand.tensor, false});
}

uint64_t LeastMoves::crossingWords(const EinsumOnArray &nest,
                                   const Operand &operand) const {
  if (!isPlain(nest, operand) || nest.points == 0)
    return 0;
  uint64_t words = countTouched(nest, operand);
  return operand.isWritten() ? std::min(words, neededWords[operand.tensor])
                             : words;
}

//===----------------------------------------------------------------------===//
// Ways to a leaf
//===----------------------------------------------------------------------===//

/// Units below one instance of a level, as far as there are points for them.
static double unitsBelow(const EinsumOnArray &nest, int stage) {
  double units = 1;
  for (const Fan &fan : nest.fans)
    if (fan.stage > stage)
      units *= static_cast<double>(fan.size);
  return std::min(units, std::max(1.0, nest.countBox()));
}

namespace {

/// Of words that move to or from so many units at once.
struct WordPrice {
  double each = 0;  ///< a word among others
  double group = 0; ///< all words of one group, if there is one
};

} // namespace

/// A group has as many bytes as its units take, at most, and is rounded up to
/// bytes, chunks and accesses. A price per byte that is negative asks for the
/// most bytes that there can be.
static WordPrice priceWords(const arch::Level &level, const MovePrice &price,
                            double bytes, double units) {
  double most = bytes * units, access = static_cast<double>(level.accessBytes),
         chunk = static_cast<double>(level.chunkBytes);
  double full = std::min(access, std::ceil(std::ceil(most) / chunk) * chunk);
  WordPrice words;
  double perByte =
      price.access / full +
      price.byte * (price.byte > 0 ? std::max(1.0, chunk / most) : 1.0);
  words.each = std::max(0.0, perByte * bytes);
  words.group = price.access +
                price.byte * (price.byte > 0 ? std::max(bytes, chunk) : full);
  return words;
}

/// Of tiles, which can be as large as an access.
static double priceByte(const arch::Level &level, const MovePrice &price) {
  return std::max(0.0, price.access / static_cast<double>(level.accessBytes) +
                           price.byte);
}

/// Whether no level to share is on the near side of a link: all that an Einsum
/// touches passes.
bool LeastMoves::isInside(const EinsumOnArray &nest, int link) const {
  // The end for the array's own.
  auto begin = llvm::find(nest.path, arch.links[link].level);
  return std::none_of(begin, nest.path.end(),
                      [&](int inner) { return isShared(arch, inner); });
}

/// Links between a level and the array, per byte, besides those of which
/// `priceLinks` counts what passes anyway.
double LeastMoves::priceWay(const EinsumOnArray &nest, const MovePrices &prices,
                            const Operand &operand, int level) const {
  const TensorFact &tensor = facts.tensors[operand.tensor];
  double price = 0;
  for (const arch::Crossing &way : arch::crossingsOf(
           arch, nest.array,
           arch::linksBetween(arch::linksInto(arch, level),
                              arch::linksIntoArray(arch, nest.array)),
           /*fans=*/{}, /*isWrite=*/false)) {
    auto copies = static_cast<double>(way.copies);
    price += prices.source[way.link] * copies;
    if (!tensor.isInput && !tensor.isOutput && !isInside(nest, way.link))
      price += prices.hop[way.link] * way.hops + prices.copy[way.link] * copies;
  }
  return price;
}

/// The cheapest place to have an element from, or to leave it for others.
double LeastMoves::priceSource(const EinsumOnArray &nest,
                               const MovePrices &prices,
                               const Operand &operand) const {
  double least = INFINITY;
  for (int level : listSources(nest, operand))
    least =
        std::min(least, priceByte(arch.levels[level],
                                  operand.isWritten() ? prices.write[level]
                                                      : prices.read[level]) +
                            priceWay(nest, prices, operand, level));
  return std::isinf(least) ? 0 : least;
}

/// What it takes to bring each element from where it lives to the holder at
/// place `at` of the path, through those that there have to be; back from there
/// for a result. The last read of a result is counted where it is fed.
double LeastMoves::priceCrossing(const EinsumOnArray &nest,
                                 const MovePrices &prices,
                                 const Operand &operand, size_t at) const {
  double perByte = priceSource(nest, prices, operand);
  bool isWritten = operand.isWritten();
  for (size_t i = 0; i <= at; ++i) {
    int level = nest.path[i];
    if (isShared(arch, level) || (i < at && !mustHold(nest, operand, level)))
      continue;
    const arch::Level &fact = arch.levels[level];
    double in = priceByte(fact, prices.write[level]),
           out = priceByte(fact, prices.read[level]);
    perByte += i < at ? in + out : isWritten ? 0 : in;
  }
  return perByte * operand.bits.toDouble() / 8 *
         static_cast<double>(crossingWords(nest, operand));
}

/// Fed from a level below so many fan-outs, besides what it takes to get there.
LeastMoves::Way LeastMoves::feedFrom(const EinsumOnArray &nest,
                                     const MovePrices &prices,
                                     const Operand &operand,
                                     const Operand::Use &use, int level,
                                     int stage) const {
  const arch::Level &fact = arch.levels[level];
  double bytes = operand.bits.toDouble() / 8,
         points = static_cast<double>(nest.points),
         units = unitsBelow(nest, stage);
  // What one of several accesses touches is a part of that.
  bool isOnly = operand.uses.size() == 1;
  double touched =
      isOnly ? static_cast<double>(countTouched(nest, operand)) : 0;
  WordPrice in = priceWords(fact, prices.read[level], bytes, units),
            out = priceWords(fact, prices.write[level], bytes, units);
  const WordPrice &words = use.isWrite ? out : in;
  Way way;
  way.stage = stage;
  way.latched = std::max(touched * words.each, touched / units * words.group);
  way.perWord = points * words.each;
  way.runs = points / units * words.group;
  if (!use.isWrite) {
    way.most = static_cast<double>(fact.multicast.width);
    return way;
  }
  // A sum that goes on is read first; one that does not is done, or leaves.
  double needed = static_cast<double>(crossingWords(nest, operand));
  if (isShared(arch, level)) {
    way.perWord += points * in.each;
    way.begun = touched * in.each;
  } else if (needed == touched) {
    way.perWord += points * in.each;
    way.latched += needed * in.each;
  } else {
    way.crossing = needed * in.each;
  }
  return way;
}

std::vector<LeastMoves::Way>
LeastMoves::listWays(const EinsumOnArray &nest, const MovePrices &prices,
                     const Operand &operand, const Operand::Use &use) const {
  std::vector<Way> ways;
  // A holder serves all accesses to its tensor.
  bool isFirst = &use == &operand.uses.front();
  double bytes = operand.bits.toDouble() / 8 *
                 static_cast<double>(crossingWords(nest, operand));
  auto add = [&](int level, int stage, double crossing) {
    ways.push_back(feedFrom(nest, prices, operand, use, level, stage));
    ways.back().crossing += isFirst ? crossing : 0;
  };
  // Not further out than where it has to be held.
  size_t first = 0;
  for (auto [i, level] : llvm::enumerate(nest.path))
    if (!isShared(arch, level) && mustHold(nest, operand, level))
      first = i;
  if (first == 0)
    for (int level : listSources(nest, operand))
      add(level, /*stage=*/0, priceWay(nest, prices, operand, level) * bytes);
  for (size_t i = first; i < nest.path.size(); ++i) {
    int level = nest.path[i];
    if (isShared(arch, level) || !mayHold(nest, operand, level))
      continue;
    double crossing = priceCrossing(nest, prices, operand, i);
    bool isRegister = nest.feedsRegisters && i + 1 == nest.path.size();
    if (isRegister) // what it moves there is priced for all points
      ways.push_back({nest.stages[i], isFirst ? crossing : 0});
    else
      add(level, nest.stages[i], crossing);
  }
  return ways;
}

//===----------------------------------------------------------------------===//
// All operands together
//===----------------------------------------------------------------------===//

static double priceRead(const arch::Level &level, const MovePrice &price,
                        double bytes) {
  double accesses = std::ceil(bytes / static_cast<double>(level.accessBytes));
  return std::max(0.0, price.access * accesses + price.byte * bytes);
}

double LeastMoves::priceRegisters(const EinsumOnArray &nest,
                                  const MovePrices &prices) const {
  if (!nest.feedsRegisters)
    return 0;
  int level = nest.path.back();
  double perPoint = 0;
  for (const Operand &operand : nest.operands)
    for (const Operand::Use &use : operand.uses) {
      if (!use.isWrite && use.shift != 0)
        continue;
      double bytes = static_cast<double>(operand.bits.countBytes(1));
      if (use.isWrite)
        perPoint += priceRead(arch.levels[level], prices.write[level], bytes);
      if (!use.isWrite || nest.reduces)
        perPoint += priceRead(arch.levels[level], prices.read[level], bytes);
    }
  return perPoint * static_cast<double>(nest.points);
}

/// Links whose near side has no level to share: all that the Einsum touches
/// passes. Others, the first time that an input or output does; with several
/// Einsums each has its part of that.
double LeastMoves::priceLinks(const EinsumOnArray &nest,
                              const MovePrices &prices) const {
  double price = 0;
  for (const arch::Crossing &way : arch::crossingsOf(
           arch, nest.array,
           arch::linksBetween(arch::linksInto(arch, nest.path.front()),
                              arch::linksIntoArray(arch, nest.array)),
           /*fans=*/{}, /*isWrite=*/false)) {
    double bytes = 0;
    for (const Operand &operand : nest.operands) {
      const TensorFact &tensor = facts.tensors[operand.tensor];
      double words = static_cast<double>(crossingWords(nest, operand));
      if (!isInside(nest, way.link))
        words *= tensor.isInput || tensor.isOutput
                     ? 1 / static_cast<double>(tensor.touchers.size())
                     : 0;
      bytes += words * operand.bits.toDouble() / 8;
    }
    price += bytes * (prices.hop[way.link] * way.hops +
                      prices.copy[way.link] * static_cast<double>(way.copies));
  }
  return price;
}

double LeastMoves::price(const EinsumOnArray &nest,
                         const MovePrices &prices) const {
  if (nest.points == 0)
    return 0;
  std::vector<Demand> demands;
  for (const Operand &operand : nest.operands)
    for (const Operand::Use &use : operand.uses) {
      if (!isPlain(nest, operand))
        continue;
      demands.push_back({use.relevant,
                         ranksApart(nest, accessOf(nest, operand, use)),
                         listWays(nest, prices, operand, use)});
    }
  double fixed = priceRegisters(nest, prices) + priceLinks(nest, prices);
  bool isStepping =
      static_cast<double>(nest.points) > unitsBelow(nest, /*stage=*/0);
  bool mayLatchAll = mayFollow[nest.einsum] || !isStepping;
  if (arch.accounting.everyRun)
    return fixed + priceFeeding(nest, demands, ~0u);
  if (mayLatchAll)
    return fixed + priceFeeding(nest, demands, 0);
  double least = INFINITY;
  for (size_t r = 0; r < nest.ranks.size(); ++r)
    if (nest.ranks[r].extent > 1)
      least = std::min(least, priceFeeding(nest, demands, 1u << r));
  return fixed + (std::isinf(least) ? 0 : least);
}

/// The least of its ways for an operand by itself.
double LeastMoves::priceAlone(const EinsumOnArray &nest, const Demand &demand,
                              bool isLatched) {
  double least = INFINITY;
  for (const Way &way : demand.ways) {
    double fed = way.latched;
    if (!isLatched) {
      double shared = mostSharing(nest, way.stage, ~demand.apart);
      // Neighbours in a window share a read, however wide it is.
      if (way.most > 0)
        shared = std::min(shared,
                          way.most * mostSharing(nest, way.stage,
                                                 demand.ranks & ~demand.apart));
      fed = std::max({fed, way.runs, way.perWord / shared - way.begun});
    }
    least = std::min(least, way.crossing + fed);
  }
  return std::isinf(least) ? 0 : std::max(0.0, least);
}

/// Where the innermost loop that steps is over one of `inner`.
double LeastMoves::priceFeeding(const EinsumOnArray &nest,
                                llvm::ArrayRef<Demand> demands,
                                uint32_t inner) const {
  double alone = 0;
  std::vector<const Demand *> fed;
  std::vector<double> prices;
  for (const Demand &demand : demands) {
    bool isLatched = !(demand.ranks & inner);
    double price = priceAlone(nest, demand, isLatched);
    alone += price;
    if (isLatched)
      continue;
    fed.push_back(&demand);
    prices.push_back(price);
  }
  if (fed.size() < 2)
    return alone;
  // The dearest together, the others by themselves.
  constexpr size_t kTogether = 3;
  std::vector<std::pair<double, size_t>> order;
  for (auto [i, price] : llvm::enumerate(prices))
    order.emplace_back(-price, i);
  llvm::sort(order);
  order.resize(std::min(order.size(), kTogether));
  double others = alone;
  std::vector<const Demand *> together;
  for (auto [negated, i] : order) {
    others += negated;
    together.push_back(fed[i]);
  }
  return std::max(alone, others + priceTogether(nest, together));
}

/// Every choice of ways, and for each what units share at most between them.
double LeastMoves::priceTogether(const EinsumOnArray &nest,
                                 llvm::ArrayRef<const Demand *> demands) {
  double least = INFINITY;
  std::vector<SharedTerm> terms;
  auto choose = [&](auto &self, size_t at, double crossing) -> void {
    if (at == demands.size()) {
      least = std::min(least, crossing + boundShared(nest, terms));
      return;
    }
    for (const Way &way : demands[at]->ways) {
      terms.push_back({way.perWord, ~demands[at]->apart, way.stage});
      self(self, at + 1, crossing + way.crossing - way.begun);
      terms.pop_back();
    }
  };
  choose(choose, 0, 0);
  return std::isinf(least) ? 0 : least;
}

std::string LeastMoves::describe(const EinsumOnArray &nest) const {
  std::string text = mayFollow[nest.einsum] ? "follows" : "";
  for (const Operand &operand : nest.operands) {
    const TensorFact &tensor = facts.tensors[operand.tensor];
    text += " " + std::to_string(crossingWords(nest, operand)) + "/" +
            std::to_string(tensor.touchers.size()) +
            (tensor.isInput || tensor.isOutput ? "x" : "");
    for (int level : listSources(nest, operand))
      text += "," + std::to_string(level);
  }
  return text;
}
