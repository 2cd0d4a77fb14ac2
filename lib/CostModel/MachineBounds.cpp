//===- MachineBounds.cpp - What no schedule on a machine can beat ---------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/MachineBounds.h"

#include "lib/Analysis/NameIndex.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace einsum;
using namespace einsum::cost;

/// Doubles add up in some order; a bound gives that much away.
static constexpr double kRounding = 1 - 1e-9;

//===----------------------------------------------------------------------===//
// Cuts
//===----------------------------------------------------------------------===//

std::vector<int> einsum::cost::findHomes(schedule::MappingOp mapping,
                                         const CascadeFacts &facts,
                                         const arch::ArchSpec &arch) {
  std::vector<int> homes(facts.tensors.size(), -1);
  std::vector<bool> seen(facts.tensors.size());
  NameIndex tensors(facts.tensors);
  mapping.walk<WalkOrder::PreOrder>([&](schedule::StorageOp storage) {
    for (auto name : storage.getTensors().getAsRange<StringAttr>()) {
      int tensor = tensors.find(name.getValue());
      if (tensor < 0 || seen[tensor] || storage.getPassthrough())
        continue;
      seen[tensor] = true;
      homes[tensor] = arch.findLevel(storage.getLevel());
    }
  });
  return homes;
}

/// True if `level` is `inner` or encloses it.
static bool isAround(const arch::ArchSpec &arch, int level, int inner) {
  for (int i = inner; i >= 0; i = arch.levels[i].parent)
    if (i == level)
      return true;
  return false;
}

MachineBoundAnalysis::MachineBoundAnalysis(const CascadeFacts &facts,
                                           const arch::ArchSpec &arch,
                                           std::vector<bounds::PassFact> passes)
    : facts(facts), arch(arch), passes(std::move(passes)) {}

uint64_t MachineBoundAnalysis::nearBytes(int level) const {
  uint64_t bytes = 0;
  for (auto [id, inner] : llvm::enumerate(arch.levels)) {
    if (isAround(arch, id, level))
      continue;
    if (!inner.capacityBytes)
      return bounds::kUnlimited;
    bytes = llvm::SaturatingAdd(
        bytes,
        llvm::SaturatingMultiply(*inner.capacityBytes, arch.instances(inner)));
  }
  // A unit keeps an operand, or a sum, while only other loops advance.
  uint64_t operands = 0;
  for (const EinsumFact &einsum : facts.einsums) {
    uint64_t bits = 0;
    for (const AccessFact &access : einsum.reads)
      bits += facts.tensors[access.tensor].weight.countBits(1);
    for (const AccessFact &access : einsum.writes)
      bits += facts.tensors[access.tensor].weight.countBits(1);
    operands = std::max(operands, llvm::divideCeil(bits, 8));
  }
  for (const arch::Array &array : arch.arrays)
    bytes = llvm::SaturatingAdd(
        bytes, llvm::SaturatingMultiply(array.peCount(), operands));
  return bytes;
}

//===----------------------------------------------------------------------===//
// Time
//===----------------------------------------------------------------------===//

namespace {

/// The least that one point of an Einsum takes on an array.
struct PointPrice {
  double cycles = 0, energyPj = 0;
};

} // namespace

/// Nullopt if the array lacks an operator. Chained operators overlap, so the
/// slowest counts.
static std::optional<PointPrice> priceOn(const arch::ArchSpec &arch,
                                         const arch::Array &array,
                                         const EinsumFact &einsum) {
  PointPrice price;
  auto add = [&](const arch::OpCost *cost, uint64_t count) {
    if (!cost)
      return false;
    price.cycles =
        std::max(price.cycles, static_cast<double>(cost->cycles * count));
    price.energyPj += cost->energyPj * static_cast<double>(count);
    return true;
  };
  std::map<std::string, uint64_t> operators = einsum.operators;
  if (arch.accounting.onePerPoint)
    operators = {{"compute", 1}};
  for (const auto &[name, count] : operators) {
    if (add(array.findOp(name, einsum.datatype), count))
      continue;
    if (name != "mac" || !add(array.findOp("mul", einsum.datatype), count) ||
        !add(array.findOp("add", einsum.datatype), count))
      return std::nullopt;
  }
  return price;
}

namespace {

/// Cycles of each Einsum on each array, infinite where it cannot run.
using CycleTable = std::vector<std::vector<double>>;

/// The sum over Einsums of the least weighted time: for any weights that add up
/// to 1, no assignment of Einsums to arrays finishes earlier.
double weighTime(const CycleTable &cycles, llvm::ArrayRef<double> weights) {
  double total = 0;
  for (const std::vector<double> &row : cycles) {
    double least = INFINITY;
    for (auto [time, weight] : llvm::zip(row, weights))
      if (std::isfinite(time))
        least = std::min(least, time * weight);
    total += std::isfinite(least) ? least : 0;
  }
  return total;
}

/// Raises the weights of arrays that the cheapest assignment loads most. Every
/// iterate is a bound; the best is kept.
double boundBusiest(const CycleTable &cycles, size_t arrays) {
  llvm::SmallVector<double, 4> weights(arrays,
                                       1.0 / static_cast<double>(arrays));
  double best = 0;
  for (const std::vector<double> &row : cycles) { // one Einsum alone
    double least = *std::min_element(row.begin(), row.end());
    best = std::isfinite(least) ? std::max(best, least) : best;
  }
  for (int round = 0; round < 200; ++round) {
    best = std::max(best, weighTime(cycles, weights));
    llvm::SmallVector<double, 4> load(arrays, 0);
    for (const std::vector<double> &row : cycles) {
      size_t cheapest = 0;
      double least = INFINITY;
      for (size_t a = 0; a < arrays; ++a)
        if (std::isfinite(row[a]) && row[a] * weights[a] < least) {
          least = row[a] * weights[a];
          cheapest = a;
        }
      if (std::isfinite(least))
        load[cheapest] += row[cheapest];
    }
    double largest = *std::max_element(load.begin(), load.end()), sum = 0;
    if (largest <= 0)
      break;
    for (auto [weight, busy] : llvm::zip(weights, load))
      sum += weight *= std::exp(busy / largest / (1 + round * 0.1));
    for (double &weight : weights)
      weight /= sum;
  }
  return best;
}

} // namespace

/// Bytes per second that the ports of a level pass together; infinite without a
/// limit.
static double totalRate(const arch::ArchSpec &arch, const arch::Level &level) {
  double rate = INFINITY;
  if (level.sharedBytesPerS)
    rate = *level.sharedBytesPerS;
  if (level.readBytesPerS && level.writeBytesPerS)
    rate = std::min(rate, *level.readBytesPerS + *level.writeBytesPerS);
  return rate * static_cast<double>(arch.instances(level));
}

double MachineBoundAnalysis::levelSeconds(int level, uint64_t bytes) const {
  double rate = 0;
  for (auto [id, outer] : llvm::enumerate(arch.levels))
    if (isAround(arch, id, level))
      rate += totalRate(arch, outer);
  return static_cast<double>(bytes) / rate;
}

ScalarBound
MachineBoundAnalysis::boundLatency(const bounds::IoBoundAnalysis &analysis,
                                   const MachineBounds &machine) const {
  CycleTable cycles;
  for (auto [id, einsum] : llvm::enumerate(facts.einsums)) {
    std::vector<double> &row = cycles.emplace_back();
    for (const arch::Array &array : arch.arrays) {
      std::optional<PointPrice> price = priceOn(arch, array, einsum);
      row.push_back(price ? static_cast<double>(analysis.points(id)) *
                                price->cycles /
                                static_cast<double>(array.peCount())
                          : INFINITY);
    }
  }
  ScalarBound best;
  if (!arch.arrays.empty())
    best = {boundBusiest(cycles, arch.arrays.size()) / arch.clockHz,
            "operators of all Einsums on the arrays"};
  auto consider = [&](double seconds, std::string name) {
    if (seconds > best.value)
      best = {seconds, std::move(name)};
  };
  for (auto [id, level] : llvm::enumerate(arch.levels))
    consider(levelSeconds(id, machine.levels[id].bound.bytes),
             "bandwidth of " + level.name + ", " +
                 machine.levels[id].bound.name);
  const arch::Level &backing = arch.levels.front();
  uint64_t in = 0, out = 0;
  for (auto [id, tensor] : llvm::enumerate(facts.tensors))
    (tensor.isInput ? in : out) += analysis.compulsoryBytes(id);
  if (backing.readBytesPerS)
    consider(static_cast<double>(in) / *backing.readBytesPerS,
             "read bandwidth of " + backing.name + ", compulsory");
  if (backing.writeBytesPerS)
    consider(static_cast<double>(out) / *backing.writeBytesPerS,
             "write bandwidth of " + backing.name + ", compulsory");
  best.value *= kRounding;
  return best;
}

//===----------------------------------------------------------------------===//
// Energy
//===----------------------------------------------------------------------===//

ScalarBound
MachineBoundAnalysis::boundEnergy(const bounds::IoBoundAnalysis &analysis,
                                  const MachineBounds &machine) const {
  double picojoules = 0;
  for (auto [id, einsum] : llvm::enumerate(facts.einsums)) {
    double least = INFINITY;
    for (const arch::Array &array : arch.arrays)
      if (std::optional<PointPrice> price = priceOn(arch, array, einsum))
        least = std::min(least, price->energyPj);
    if (std::isfinite(least))
      picojoules += static_cast<double>(analysis.points(id)) * least;
  }
  ScalarBound bound{0, "cheapest operators"};
  const arch::Level &backing = arch.levels.front();
  if (backing.energyKnown) {
    uint64_t in = 0, out = 0;
    for (auto [id, tensor] : llvm::enumerate(facts.tensors))
      (tensor.isInput ? in : out) += analysis.compulsoryBytes(id);
    uint64_t more =
        machine.levels.front().bound.bytes - machine.compulsoryBytes;
    picojoules += (static_cast<double>(in) * backing.readPj +
                   static_cast<double>(out) * backing.writePj +
                   static_cast<double>(more) *
                       std::min(backing.readPj, backing.writePj)) /
                  static_cast<double>(backing.accessBytes);
    bound.name += ", traffic at " + backing.name + " (" +
                  machine.levels.front().bound.name + ")";
  }
  if (arch.leakageW() > 0) {
    picojoules += arch.leakageW() * machine.latency.value * 1e12;
    bound.name += ", leakage";
  }
  bound.value = picojoules * 1e-12 * kRounding;
  return bound;
}

//===----------------------------------------------------------------------===//
// All of it
//===----------------------------------------------------------------------===//

MachineBounds
MachineBoundAnalysis::prepare(const std::vector<int> &homes) const {
  MachineBounds machine;
  std::map<std::vector<bool>, bounds::IoBoundAnalysis> analyses;
  auto analysisOf = [&](int level) -> const bounds::IoBoundAnalysis & {
    std::vector<bool> isFar;
    for (int home : homes)
      isFar.push_back(home >= 0 && isAround(arch, home, level));
    auto known = analyses.find(isFar);
    if (known == analyses.end())
      known =
          analyses.emplace(isFar, bounds::IoBoundAnalysis(facts, isFar, passes))
              .first;
    return known->second;
  };
  for (size_t level = 0; level < arch.levels.size(); ++level) {
    uint64_t near = nearBytes(level);
    machine.levels.push_back({near, 0, analysisOf(level).best(near)});
  }
  const bounds::IoBoundAnalysis &backing = analysisOf(0);
  machine.compulsoryBytes = backing.compulsoryBytes();
  machine.latency = boundLatency(backing, machine);
  machine.energy = boundEnergy(backing, machine);
  return machine;
}

MachineBounds MachineBoundAnalysis::computeAnywhere() const {
  std::vector<int> homes;
  for (const TensorFact &tensor : facts.tensors)
    homes.push_back(tensor.isInput || tensor.isOutput ? 0 : -1);
  return prepare(homes);
}

MachineBounds MachineBoundAnalysis::compute(schedule::MappingOp mapping,
                                            const Evaluation &evaluation) {
  std::vector<int> homes = findHomes(mapping, facts, arch);
  auto found = known.find(homes);
  if (found == known.end())
    found = known.emplace(homes, prepare(homes)).first;
  MachineBounds machine = found->second;
  for (auto [id, level] : llvm::enumerate(machine.levels))
    for (auto [outer, cost] : llvm::enumerate(evaluation.levels))
      if (isAround(arch, outer, id))
        level.movedBytes =
            llvm::SaturatingAdd(level.movedBytes, cost.traffic.bytes());
  return machine;
}

std::optional<double> einsum::cost::getGap(double value, double bound) {
  if (bound <= 0)
    return std::nullopt;
  return value / bound;
}

std::string einsum::cost::findViolation(const MachineBounds &bounds,
                                        const Evaluation &evaluation,
                                        const arch::ArchSpec &arch) {
  for (auto [level, bound] : llvm::zip(arch.levels, bounds.levels))
    if (bound.movedBytes < bound.bound.bytes)
      return "the schedule moves " + std::to_string(bound.movedBytes) +
             " B at level '" + level.name +
             "' and around it, but no schedule moves less than " +
             std::to_string(bound.bound.bytes) + " B (" + bound.bound.name +
             ": " + bound.bound.statement + ")";
  auto below = [](double value, const ScalarBound &bound, const char *what,
                  const char *unit) -> std::string {
    if (value >= bound.value)
      return "";
    return "the schedule takes " + std::to_string(value) + " " + unit + " of " +
           what + ", but no schedule takes less than " +
           std::to_string(bound.value) + " " + unit + " (" + bound.name + ")";
  };
  // In nanoseconds and nanojoules, so that small numbers keep their digits.
  auto scaled = [](const ScalarBound &bound) {
    return ScalarBound{bound.value * 1e9, bound.name};
  };
  std::string latency = below(evaluation.latencySeconds * 1e9,
                              scaled(bounds.latency), "time", "ns");
  if (!latency.empty())
    return latency;
  return below(evaluation.energyJoules() * 1e9, scaled(bounds.energy), "energy",
               "nJ");
}
