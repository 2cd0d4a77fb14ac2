//===- CertainBound.cpp - What every mapping costs ------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/CertainBound.h"

#include "lib/Arch/Delivery.h"
#include "lib/CostModel/MachineBounds.h"
#include "lib/Mapper/LeastMoves.h"
#include "lib/Mapper/Pipelines/LoadBound.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <map>
#include <set>

using namespace einsum;
using namespace einsum::mapper;

CompulsoryBytes mapper::countCompulsory(const CascadeFacts &facts,
                                        llvm::ArrayRef<EinsumChoices> choices) {
  std::vector<uint64_t> words(facts.tensors.size(), 0);
  for (const EinsumChoices &choice : choices) {
    if (choice.nests.empty())
      continue;
    const EinsumOnArray &nest = *choice.nests.front();
    for (const Operand &operand : nest.operands)
      words[operand.tensor] =
          std::max(words[operand.tensor], countTouched(nest, operand));
  }
  CompulsoryBytes bytes;
  for (auto [tensor, count] : llvm::zip(facts.tensors, words)) {
    if (tensor.isInput)
      bytes.read += tensor.bytes(count);
    if (tensor.isOutput && tensor.producer >= 0)
      bytes.written += tensor.bytes(count);
  }
  return bytes;
}

/// Seconds in which the backing level moves them.
static double transferSeconds(const arch::Level &level,
                              const CompulsoryBytes &bytes) {
  auto over = [](uint64_t moved, const std::optional<double> &bandwidth) {
    return bandwidth && *bandwidth > 0 ? static_cast<double>(moved) / *bandwidth
                                       : 0;
  };
  return std::max({over(bytes.read, level.readBytesPerS),
                   over(bytes.written, level.writeBytesPerS),
                   over(bytes.read + bytes.written, level.sharedBytesPerS)});
}

/// Before the first point and after the last one. Words of an only Einsum all
/// come from the backing level.
static double startUpOf(const EinsumOnArray &nest, const arch::ArchSpec &arch,
                        bool isOnly) {
  if (nest.points == 0)
    return 0;
  double cycles = nest.startUpCycles;
  bool reads = llvm::any_of(nest.operands, [&](const Operand &operand) {
    return !operand.isWritten() && nest.readsSurely(operand);
  });
  if (!isOnly || !reads)
    return cycles;
  cycles += static_cast<double>(arch.levels[0].latencyCycles);
  for (int id : arch::linksBetween(arch::linksInto(arch, 0),
                                   arch::linksIntoArray(arch, nest.array)))
    cycles += static_cast<double>(arch.links[id].latencyCycles *
                                  arch.longestWay(arch.links[id]));
  return cycles;
}

static double loadCycles(llvm::ArrayRef<EinsumChoices> choices,
                         const arch::ArchSpec &arch, bool overlaps) {
  double cycles = 0;
  for (const EinsumChoices &choice : choices) {
    double least = INFINITY;
    for (const auto &nest : choice.nests)
      least = std::min(least, leastCycles(*nest) +
                                  startUpOf(*nest, arch, choices.size() == 1));
    least = std::isinf(least) ? 0 : least;
    cycles = overlaps ? std::max(cycles, least) : cycles + least;
  }
  return overlaps ? std::max(cycles, boundLoad(choices)) : cycles;
}

namespace {

/// Of each way to run an Einsum, what it costs in some measures.
struct Costed {
  double count = 1; ///< Einsums alike
  std::vector<std::vector<double>> ways;
};

class Bounder {
public:
  Bounder(const CascadeFacts &facts, const arch::ArchSpec &arch,
          llvm::ArrayRef<EinsumChoices> choices, bool overlaps,
          std::vector<bool> mayFollow)
      : facts(facts), arch(arch), choices(choices), overlaps(overlaps),
        moves(facts, arch, choices, std::move(mayFollow)),
        bytes(countCompulsory(facts, choices)) {
    findCuts();
    groupAlike();
    times = listTimes();
  }

  CertainBound boundTime() const;
  CertainBound boundEnergy(double seconds) const;
  double boundProduct(double joules, double seconds) const;
  uint64_t backingBytes() const {
    return std::max(cutBytes.front(), bytes.read + bytes.written);
  }

private:
  void findCuts();
  void groupAlike();
  double boundProductAlone(llvm::ArrayRef<std::vector<double>> ways,
                           double rest, double seconds) const;
  MovePrices priceEnergy(double &rest) const;
  double lessDear(MovePrices &prices) const;
  double energyOf(const EinsumOnArray &nest, const MovePrices &prices) const;
  std::vector<double> timesOf(const EinsumOnArray &nest) const;
  std::vector<MovePrices> listTimes() const;
  void addRates(llvm::ArrayRef<int> levels, std::vector<MovePrices> &all) const;
  void addLink(int id, std::vector<MovePrices> &all) const;
  template <typename Fn> std::vector<Costed> costAll(Fn costs) const;
  /// Arrays that never run at once are like one.
  size_t countArrays() const { return overlaps ? arch.arrays.size() : 1; }

  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  llvm::ArrayRef<EinsumChoices> choices;
  bool overlaps;
  LeastMoves moves;
  CompulsoryBytes bytes;
  std::vector<int> chain;         ///< shared levels around the innermost one
  std::vector<uint64_t> cutBytes; ///< at these and those around, by level
  std::vector<std::pair<const EinsumChoices *, double>> alike; ///< how many
  std::vector<MovePrices> times;                               ///< in cycles
};

} // namespace

/// The longest chain of shared levels around an array, and what must move there
/// whatever is near the arrays.
void Bounder::findCuts() {
  for (const EinsumChoices &choice : choices)
    for (const auto &nest : choice.nests) {
      std::vector<int> shared;
      for (int level : nest->path)
        if (isShared(arch, level))
          shared.push_back(level);
      if (shared.size() > chain.size())
        chain = shared;
    }
  // Of thousands of Einsums they take longer than a first mapping.
  constexpr size_t kMostAnalysed = 64;
  cutBytes.assign(std::max<size_t>(1, chain.size()), 0);
  if (choices.size() > kMostAnalysed)
    return;
  cost::MachineBounds machine =
      cost::MachineBoundAnalysis(facts, arch).computeAnywhere();
  for (auto [level, least] : llvm::zip(chain, cutBytes))
    least = machine.levels[level].bound.bytes;
}

void Bounder::groupAlike() {
  std::map<std::string, size_t> known;
  for (const EinsumChoices &choice : choices) {
    std::string name;
    for (const auto &nest : choice.nests)
      name += nest->signature() + moves.describe(*nest) + ";";
    auto [found, isNew] = known.try_emplace(name, alike.size());
    if (isNew)
      alike.emplace_back(&choice, 0);
    alike[found->second].second += 1;
  }
}

template <typename Fn> std::vector<Costed> Bounder::costAll(Fn costs) const {
  std::vector<Costed> all;
  for (auto [choice, count] : alike) {
    Costed &one = all.emplace_back();
    one.count = count;
    for (const auto &nest : choice->nests)
      one.ways.push_back(costs(*nest));
  }
  return all;
}

//===----------------------------------------------------------------------===//
// Energy
//===----------------------------------------------------------------------===//

/// Prices levels of the chain like the cheapest one; returns what the rest of
/// their prices comes to for what must move there.
double Bounder::lessDear(MovePrices &prices) const {
  auto perByte = [&](const MovePrice &price, int level) {
    return price.access / static_cast<double>(arch.levels[level].accessBytes);
  };
  double rest = 0;
  auto lower = [&](std::vector<MovePrice> &side) {
    std::vector<double> dear; // than all around
    double cheapest = INFINITY;
    for (size_t level = 0; level < arch.levels.size(); ++level)
      if (isShared(arch, level))
        cheapest = std::min(cheapest, perByte(side[level], level));
    double least = INFINITY;
    for (int level : chain) {
      least = std::min(least, perByte(side[level], level));
      dear.push_back(std::max(0.0, least - cheapest));
      side[level].byte = -dear.back();
    }
    return dear;
  };
  std::vector<double> read = lower(prices.read), write = lower(prices.write);
  for (size_t i = 0; i < chain.size(); ++i) {
    bool isLast = i + 1 == chain.size();
    double ofRead = read[i] - (isLast ? 0 : read[i + 1]),
           ofWrite = write[i] - (isLast ? 0 : write[i + 1]);
    double once = static_cast<double>(bytes.read) * ofRead +
                  static_cast<double>(bytes.written) * ofWrite;
    double more = static_cast<double>(cutBytes[i]) -
                  static_cast<double>(bytes.read + bytes.written);
    rest += once + std::max(0.0, more) * std::min(ofRead, ofWrite);
  }
  return rest;
}

MovePrices Bounder::priceEnergy(double &rest) const {
  MovePrices prices(arch);
  for (auto [i, level] : llvm::enumerate(arch.levels)) {
    prices.read[i].access = level.readPj;
    prices.write[i].access = level.writePj;
  }
  for (auto [i, link] : llvm::enumerate(arch.links))
    prices.hop[i] = link.pjPerByte;
  rest = lessDear(prices);
  return prices;
}

double Bounder::energyOf(const EinsumOnArray &nest,
                         const MovePrices &prices) const {
  return static_cast<double>(nest.points) * nest.energyPerPoint +
         moves.price(nest, prices);
}

CertainBound Bounder::boundEnergy(double seconds) const {
  double energy = 0;
  MovePrices prices = priceEnergy(energy);
  std::vector<Costed> all = costAll([&](const EinsumOnArray &nest) {
    return std::vector<double>{energyOf(nest, prices)};
  });
  for (const Costed &one : all) {
    double least = INFINITY;
    for (const std::vector<double> &way : one.ways)
      least = std::min(least, way.front());
    energy += std::isinf(least) ? 0 : one.count * least;
  }
  return {1e-12 * energy + arch.leakageW() * seconds,
          "operators, what they move at least"};
}

//===----------------------------------------------------------------------===//
// Time
//===----------------------------------------------------------------------===//

/// Bytes per cycle that a level passes one way, or both together; infinite
/// without a limit.
static double rateOf(const arch::ArchSpec &arch, const arch::Level &level,
                     bool reads, bool writes) {
  double rate = INFINITY, ports = INFINITY;
  if (level.sharedBytesPerS)
    rate = *level.sharedBytesPerS;
  double oneWay = (reads ? level.readBytesPerS.value_or(INFINITY) : 0) +
                  (writes ? level.writeBytesPerS.value_or(INFINITY) : 0);
  rate = std::min(rate, oneWay) / arch.clockHz;
  if (level.sharedPorts)
    ports = static_cast<double>(level.sharedPorts);
  bool isLimited = (!reads || level.readPorts) && (!writes || level.writePorts);
  if (isLimited)
    ports =
        std::min(ports, static_cast<double>((reads ? level.readPorts : 0) +
                                            (writes ? level.writePorts : 0)));
  rate = std::min(rate, ports * static_cast<double>(level.accessBytes));
  return rate * static_cast<double>(arch.instances(level));
}

/// Levels that work at once: what moves at any of them takes its share of what
/// all of them can carry.
void Bounder::addRates(llvm::ArrayRef<int> levels,
                       std::vector<MovePrices> &all) const {
  for (auto [reads, writes] : {std::pair(true, false), std::pair(false, true),
                               std::pair(true, true)}) {
    double rate = 0;
    for (int level : levels)
      rate += rateOf(arch, arch.levels[level], reads, writes);
    if (std::isinf(rate) || rate <= 0)
      continue;
    MovePrices prices(arch);
    for (int level : levels) {
      prices.read[level].byte = reads ? 1 / rate : 0;
      prices.write[level].byte = writes ? 1 / rate : 0;
    }
    all.push_back(std::move(prices));
  }
}

/// What an Einsum inside of a link takes from a shared level, or leaves there,
/// passes the link or moves at a level inside.
void Bounder::addLink(int id, std::vector<MovePrices> &all) const {
  const arch::Link &link = arch.links[id];
  double rate = *link.bytesPerS * arch::wiresOf(arch, link) / arch.clockHz;
  std::vector<int> inside;
  for (int level = 0; level < static_cast<int>(arch.levels.size()); ++level)
    if (isShared(arch, level) &&
        llvm::is_contained(arch::linksInto(arch, level), id))
      inside.push_back(level);
  for (int level : inside)
    rate += rateOf(arch, arch.levels[level], true, true);
  if (inside.empty() || std::isinf(rate))
    return;
  MovePrices prices(arch);
  for (int level : inside)
    prices.read[level].byte = prices.write[level].byte = 1 / rate;
  prices.source[id] = 1 / rate;
  all.push_back(std::move(prices));
}

/// Whatever has a limit: shared levels, all levels around an array, links.
std::vector<MovePrices> Bounder::listTimes() const {
  std::vector<MovePrices> all;
  std::set<std::vector<int>> known;
  auto add = [&](const std::vector<int> &levels) {
    if (known.insert(levels).second)
      addRates(levels, all);
  };
  std::vector<int> shared;
  for (int level = 0; level < static_cast<int>(arch.levels.size()); ++level)
    if (isShared(arch, level))
      shared.push_back(level);
  add(shared);
  add(chain);
  for (const EinsumChoices &choice : choices)
    for (const auto &nest : choice.nests) {
      add(nest->path);
      if (nest->feedsRegisters)
        add({nest->path.begin(), nest->path.end() - 1});
    }
  for (auto [i, link] : llvm::enumerate(arch.links))
    if (link.bytesPerS) {
      all.emplace_back(arch);
      all.back().copy[i] =
          arch.clockHz / (*link.bytesPerS * arch::wiresOf(arch, link));
      addLink(static_cast<int>(i), all);
    }
  return all;
}

/// Weights of measures add up to 1: the largest of them is no less than the
/// weighted sum of what each Einsum takes at least. Every round is a bound;
/// where a measure is the largest its weight grows.
static double boundLargest(llvm::ArrayRef<Costed> all, size_t measures) {
  std::vector<double> weights(measures, 1.0 / static_cast<double>(measures));
  double best = 0;
  constexpr int kRounds = 100;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<double> load(measures, 0);
    double sum = 0;
    for (const Costed &one : all) {
      double least = INFINITY;
      const std::vector<double> *cheapest = nullptr;
      for (const std::vector<double> &way : one.ways) {
        double cost = 0;
        for (auto [weight, amount] : llvm::zip(weights, way))
          cost += weight * amount;
        if (cost < least) {
          least = cost;
          cheapest = &way;
        }
      }
      if (!cheapest)
        continue;
      sum += one.count * least;
      for (auto [total, amount] : llvm::zip(load, *cheapest))
        total += one.count * amount;
    }
    best = std::max(best, sum);
    double largest = *std::max_element(load.begin(), load.end());
    if (largest <= 0)
      break;
    double total = 0;
    for (auto [weight, amount] : llvm::zip(weights, load))
      total += weight *= std::exp(amount / largest / (1 + round * 0.1));
    for (double &weight : weights)
      weight /= total;
  }
  return best;
}

/// One Einsum alone takes as long as the largest of its measures.
static double boundAlone(llvm::ArrayRef<Costed> all) {
  double most = 0;
  for (const Costed &one : all) {
    double least = INFINITY;
    for (const std::vector<double> &way : one.ways)
      least = std::min(least, *std::max_element(way.begin(), way.end()));
    most = std::max(most, std::isinf(least) ? 0 : least);
  }
  return most;
}

/// Of each array, and of everything that moves, in cycles.
std::vector<double> Bounder::timesOf(const EinsumOnArray &nest) const {
  std::vector<double> costs(countArrays(), 0);
  costs[overlaps ? nest.array : 0] = leastCycles(nest);
  for (const MovePrices &prices : times)
    costs.push_back(moves.price(nest, prices));
  return costs;
}

CertainBound Bounder::boundTime() const {
  std::vector<Costed> all =
      costAll([&](const EinsumOnArray &nest) { return timesOf(nest); });
  double moved = std::max(boundAlone(all),
                          boundLargest(all, countArrays() + times.size())) /
                 arch.clockHz;
  double busy = loadCycles(choices, arch, overlaps) / arch.clockHz,
         once = transferSeconds(arch.levels[0], bytes);
  for (auto [i, least] : llvm::enumerate(cutBytes)) {
    double rate = 0; // at any of the levels up to here
    for (size_t j = 0; j <= i && j < chain.size(); ++j)
      rate += rateOf(arch, arch.levels[chain[j]], true, true) * arch.clockHz;
    if (rate > 0)
      once = std::max(once, static_cast<double>(least) / rate);
  }
  if (busy >= std::max(once, moved))
    return {busy, overlaps ? "the busiest array, over all bindings"
                           : "what its arrays take"};
  if (once >= moved)
    return {once, "inputs and outputs cross '" + arch.levels[0].name + "'"};
  return {moved, "arrays, and what they move at least"};
}

//===----------------------------------------------------------------------===//
// Both
//===----------------------------------------------------------------------===//

/// Of one Einsum, energy and time are had on the same array.
double Bounder::boundProductAlone(llvm::ArrayRef<std::vector<double>> ways,
                                  double rest, double seconds) const {
  double least = INFINITY;
  for (const std::vector<double> &way : ways) {
    double longest =
        std::max(seconds, *std::max_element(way.begin(), way.end() - 1));
    double energy = way.back() + rest + arch.leakageW() * longest;
    least = std::min(least, longest * energy);
  }
  return std::isinf(least) ? 0 : least;
}

/// For any price x of a joule and y of a second, x e + y t is no less than what
/// the Einsums come to if each is where it costs least. Where e and t, which
/// have bounds of their own, lie on that line, their product is least at one of
/// its ends.
double Bounder::boundProduct(double joules, double seconds) const {
  double rest = 0, best = joules * seconds;
  MovePrices prices = priceEnergy(rest);
  rest *= 1e-12;
  std::vector<Costed> all = costAll([&](const EinsumOnArray &nest) {
    std::vector<double> costs = timesOf(nest);
    for (double &cost : costs)
      cost /= arch.clockHz;
    costs.push_back(1e-12 * energyOf(nest, prices));
    return costs;
  });
  if (best <= 0)
    return best;
  if (choices.size() == 1)
    return std::max(best, boundProductAlone(all.front().ways, rest, seconds));
  for (double share = 0.125; share <= 8; share *= 2) {
    double x = 1 / joules, y = share / seconds, sum = rest * x;
    for (const Costed &one : all) {
      double least = INFINITY;
      for (const std::vector<double> &way : one.ways) {
        double busy = 0; // the mean of all arrays
        for (size_t i = 0; i < countArrays(); ++i)
          busy += way[i] / static_cast<double>(countArrays());
        least = std::min(least, y * busy + x * way.back());
      }
      sum += std::isinf(least) ? 0 : one.count * least;
    }
    double slowest = std::max(seconds, (sum - x * joules) / y),
           dearest = std::max(joules, (sum - y * seconds) / x);
    best = std::max(best, std::min(joules * slowest, dearest * seconds));
  }
  return best;
}

CertainBound mapper::boundCertainly(const CascadeFacts &facts,
                                    const arch::ArchSpec &arch,
                                    llvm::ArrayRef<EinsumChoices> choices,
                                    Metric metric, int level, bool overlaps,
                                    std::vector<bool> mayFollow) {
  if (metric == Metric::capacity || (metric == Metric::traffic && level > 0))
    return {0, ""};
  Bounder bounder(facts, arch, choices, overlaps, std::move(mayFollow));
  if (metric == Metric::traffic)
    return {static_cast<double>(bounder.backingBytes()),
            "what crosses '" + arch.levels[0].name + "'"};
  CertainBound time = bounder.boundTime();
  if (metric == Metric::latency)
    return time;
  CertainBound energy = bounder.boundEnergy(time.value);
  if (metric == Metric::energy)
    return energy;
  return {bounder.boundProduct(energy.value, time.value),
          energy.name + "; " + time.name};
}
