//===- MachineFit.cpp - A workload meets a machine, unmapped --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/MachineFit.h"
#include "lib/Analysis/Traffic.h"
#include "lib/Arch/Delivery.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <set>

using namespace einsum;
using namespace einsum::cost;

//===----------------------------------------------------------------------===//
// What constraints are about
//===----------------------------------------------------------------------===//

/// Distinct tensors that an Einsum reads, in order, without its own result.
static llvm::SmallVector<int, 3> operandsOf(const EinsumFact &einsum) {
  llvm::SmallVector<int, 3> operands;
  for (const AccessFact &read : einsum.reads) {
    bool own = llvm::any_of(einsum.writes, [&](const AccessFact &write) {
      return write.tensor == read.tensor;
    });
    if (!own && !llvm::is_contained(operands, read.tensor))
      operands.push_back(read.tensor);
  }
  return operands;
}

static bool isCopy(const EinsumFact &einsum) {
  return einsum.operators.empty() && operandsOf(einsum).size() == 1 &&
         einsum.reduced.empty();
}

bool einsum::cost::isSelected(const arch::EinsumSelection &on,
                              const CascadeFacts &, const EinsumFact &einsum) {
  if (!on.einsums.empty() &&
      llvm::none_of(on.einsums, [&](const arch::WorkloadName &name) {
        return name.name == einsum.name;
      }))
    return false;
  if (!on.operators.empty() &&
      llvm::none_of(on.operators, [&](const arch::WorkloadName &name) {
        return einsum.operators.count(name.name) > 0;
      }))
    return false;
  if (!on.operands.contains(operandsOf(einsum).size()))
    return false;
  return !on.exceptCopies || !isCopy(einsum);
}

namespace {

/// The tensors of one Einsum by their role in it.
struct Roles {
  std::set<int> inputs, outputs, weights, intermediates, all;
};

} // namespace

static Roles rolesOf(const CascadeFacts &facts, const EinsumFact &einsum) {
  Roles roles;
  for (const AccessFact &write : einsum.writes)
    roles.outputs.insert(write.tensor);
  llvm::SmallVector<int, 3> operands = operandsOf(einsum);
  auto isMade = [&](int tensor) { return facts.tensors[tensor].producer >= 0; };
  bool mixed =
      llvm::any_of(operands, isMade) && !llvm::all_of(operands, isMade);
  for (int tensor : operands)
    (mixed ? isMade(tensor) : tensor == operands.front())
        ? roles.inputs.insert(tensor)
        : roles.weights.insert(tensor);
  roles.all = roles.outputs;
  roles.all.insert(operands.begin(), operands.end());
  for (int tensor : roles.all)
    if (isMade(tensor) && !facts.tensors[tensor].isOutput)
      roles.intermediates.insert(tensor);
  return roles;
}

std::vector<int> einsum::cost::resolveTensors(
    const arch::TensorSet &set, const CascadeFacts &facts,
    const EinsumFact &einsum, llvm::function_ref<bool(int, int)> keptAt) {
  using Kind = arch::TensorTerm::Kind;
  Roles roles = rolesOf(facts, einsum);
  std::set<int> chosen;
  if (!set.empty() && set.front().negated)
    chosen = roles.all;
  for (const arch::TensorTerm &term : set)
    for (int tensor : roles.all) {
      bool named =
          term.kind == Kind::All ||
          (term.kind == Kind::Inputs && roles.inputs.count(tensor)) ||
          (term.kind == Kind::Outputs && roles.outputs.count(tensor)) ||
          (term.kind == Kind::Weights && roles.weights.count(tensor)) ||
          (term.kind == Kind::Intermediates &&
           roles.intermediates.count(tensor)) ||
          (term.kind == Kind::KeptAt && keptAt(tensor, term.level)) ||
          (term.kind == Kind::Tensor &&
           facts.tensors[tensor].name == term.name.name);
      if (named && term.negated)
        chosen.erase(tensor);
      else if (named)
        chosen.insert(tensor);
    }
  return std::vector<int>(chosen.begin(), chosen.end());
}

arch::WorkloadNames einsum::cost::collectNames(const CascadeFacts &facts) {
  arch::WorkloadNames names;
  names.workload = facts.name;
  for (const TensorFact &tensor : facts.tensors)
    names.tensors.push_back(tensor.name);
  for (const RankFact &rank : facts.ranks)
    if (!rank.isOpaque)
      names.ranks.push_back(rank.name);
  std::set<std::string> operators;
  for (const EinsumFact &einsum : facts.einsums) {
    names.einsums.push_back(einsum.name);
    for (const auto &[name, count] : einsum.operators)
      operators.insert(name);
  }
  names.operators.assign(operators.begin(), operators.end());
  return names;
}

//===----------------------------------------------------------------------===//
// Arrays
//===----------------------------------------------------------------------===//

/// "exp", or "exp at bf16 (has it at f32)".
static std::string describeLack(const arch::Array &array,
                                const std::string &name,
                                const std::string &datatype) {
  std::vector<std::string> has;
  for (const std::string &other : array.datatypes)
    if (array.findOp(name, other))
      has.push_back(other);
  if (has.empty())
    return name;
  return name + " at " + datatype + " (has it at " + llvm::join(has, ", ") +
         ")";
}

static ArrayFit fitArray(const arch::ArchSpec &arch, int index,
                         const CascadeFacts &facts, const EinsumFact &einsum) {
  const arch::Array &array = arch.arrays[index];
  ArrayFit fit;
  fit.array = index;
  std::map<std::string, uint64_t> operators = einsum.operators;
  if (arch.accounting.onePerPoint)
    operators = {{"compute", 1}};
  auto add = [&](const arch::OpCost &cost, uint64_t count) {
    fit.cyclesPerPoint += cost.cycles * count;
    fit.cyclesChained = std::max(fit.cyclesChained, cost.cycles * count);
  };
  for (const auto &[name, count] : operators) {
    const arch::OpCost *cost = array.findOp(name, einsum.datatype);
    const arch::OpCost *mul = array.findOp("mul", einsum.datatype);
    const arch::OpCost *sum = array.findOp("add", einsum.datatype);
    if (cost) {
      add(*cost, count);
    } else if (name == "mac" && mul && sum) {
      add(*mul, count);
      add(*sum, count);
    } else {
      fit.missing.push_back(describeLack(array, name, einsum.datatype));
    }
  }
  for (const arch::ArrayChoice &choice : arch.constraints.arrays)
    fit.isForbidden |= isSelected(choice.on, facts, einsum) &&
                       !llvm::is_contained(choice.arrays, index);
  double units = static_cast<double>(array.peCount());
  fit.pointsPerS =
      fit.cyclesChained == 0
          ? INFINITY
          : units * arch.clockHz / static_cast<double>(fit.cyclesChained);
  fit.seconds = static_cast<double>(einsum.points) / fit.pointsPerS;
  return fit;
}

//===----------------------------------------------------------------------===//
// Levels and links
//===----------------------------------------------------------------------===//

namespace {

/// Bytes in and out, over what a place passes of them.
struct Rates {
  double in = INFINITY, out = INFINITY, both = INFINITY;

  double seconds(double bytesIn, double bytesOut) const {
    return std::max(
        {bytesIn / in, bytesOut / out, (bytesIn + bytesOut) / both});
  }
};

} // namespace

/// Words that an array takes are read at a level, its results written.
static Rates ratesOf(const arch::ArchSpec &arch, const arch::Level &level) {
  double instances = static_cast<double>(arch.instances(level));
  double perAccess = static_cast<double>(level.accessBytes) * arch.clockHz;
  Rates rates;
  auto bound = [&](double &rate, const std::optional<double> &bytesPerS,
                   uint64_t ports) {
    if (bytesPerS)
      rate = std::min(rate, *bytesPerS * instances);
    if (ports != 0)
      rate = std::min(rate, static_cast<double>(ports) * perAccess * instances);
  };
  bound(rates.in, level.readBytesPerS, level.readPorts);
  bound(rates.out, level.writeBytesPerS, level.writePorts);
  bound(rates.both, level.sharedBytesPerS, level.sharedPorts);
  return rates;
}

static Rates ratesOf(const arch::ArchSpec &arch, const arch::Link &link) {
  Rates rates;
  if (!link.bytesPerS)
    return rates;
  rates.both = *link.bytesPerS * arch::wiresOf(arch, link);
  return rates;
}

static bool isLimited(const Rates &rates) {
  return std::isfinite(rates.in) || std::isfinite(rates.out) ||
         std::isfinite(rates.both);
}

/// Levels and links from the outermost level to an array.
static std::vector<LevelFit> wayTo(const arch::ArchSpec &arch,
                                   const arch::Array &array) {
  std::vector<LevelFit> way;
  auto addLink = [&](int link) {
    if (link < 0)
      return;
    way.emplace_back();
    way.back().link = link;
  };
  addLink(array.link);
  for (int level = array.level; level >= 0; level = arch.levels[level].parent) {
    way.emplace_back();
    way.back().level = level;
    addLink(arch.levels[level].link);
  }
  std::reverse(way.begin(), way.end());
  return way;
}

static EinsumFit fitEinsum(const arch::ArchSpec &arch,
                           const CascadeFacts &facts, int index) {
  const EinsumFact &einsum = facts.einsums[index];
  EinsumTraffic traffic = computeTraffic(facts, einsum);
  EinsumFit fit;
  fit.einsum = index;
  fit.bytesIn = traffic.bytesIn;
  fit.bytesOut = traffic.bytesOut;
  fit.operators = traffic.operatorCount;
  for (size_t array = 0; array < arch.arrays.size(); ++array) {
    fit.arrays.push_back(fitArray(arch, int(array), facts, einsum));
    const ArrayFit &one = fit.arrays.back();
    if (one.runs() &&
        (fit.best < 0 || one.seconds < fit.arrays[fit.best].seconds))
      fit.best = int(array);
  }
  if (fit.best < 0)
    return fit;
  const ArrayFit &best = fit.arrays[fit.best];
  fit.seconds = best.seconds;
  double bitsIn = 0, bitsOut = 0; // of one point
  for (const AccessFact &read : einsum.reads)
    bitsIn += facts.tensors[read.tensor].weight.toDouble();
  for (const AccessFact &write : einsum.writes)
    bitsOut += facts.tensors[write.tensor].weight.toDouble();
  double in = bitsIn / 8, out = bitsOut / 8;
  double points = static_cast<double>(einsum.points);
  for (LevelFit level : wayTo(arch, arch.arrays[fit.best])) {
    Rates rates = level.level >= 0 ? ratesOf(arch, arch.levels[level.level])
                                   : ratesOf(arch, arch.links[level.link]);
    level.seconds = rates.seconds(double(fit.bytesIn), double(fit.bytesOut));
    // Seconds of memory per second of array, if nothing were used twice.
    level.reuseNeeded =
        std::isfinite(best.pointsPerS) && isLimited(rates)
            ? rates.seconds(in * best.pointsPerS, out * best.pointsPerS)
            : 0;
    level.reuseThereIs =
        level.seconds == 0
            ? points * (in + out) / double(fit.bytesIn + fit.bytesOut)
            : rates.seconds(in * points, out * points) / level.seconds;
    if (level.seconds > fit.seconds) {
      fit.seconds = level.seconds;
      fit.binding = int(fit.levels.size());
    }
    fit.levels.push_back(level);
  }
  return fit;
}

//===----------------------------------------------------------------------===//
// Capacities
//===----------------------------------------------------------------------===//

/// The least tile of a tensor that bounds allow, in bytes.
static uint64_t leastTile(const CascadeFacts &facts, int tensor,
                          llvm::ArrayRef<arch::TileBound> bounds) {
  const TensorFact &fact = facts.tensors[tensor];
  uint64_t elements = 1;
  for (int rank : fact.ranks)
    for (const arch::TileBound &bound : bounds)
      if (bound.rank.name == facts.ranks[rank].name) {
        uint64_t least = llvm::alignTo(std::max<uint64_t>(1, bound.extent.min),
                                       bound.multipleOf);
        elements = llvm::SaturatingMultiply(
            elements, std::min<uint64_t>(least, facts.ranks[rank].extent));
      }
  return fact.bytes(elements);
}

static bool isInside(const arch::ArchSpec &arch, int inner, int level) {
  for (; inner >= 0; inner = arch.levels[inner].parent)
    if (inner == level)
      return true;
  return false;
}

/// What constraints keep at a level while one Einsum runs on its array.
static uint64_t keptBytes(const arch::ArchSpec &arch, const CascadeFacts &facts,
                          const EinsumFit &fit, int level,
                          std::vector<std::string> &names) {
  const EinsumFact &einsum = facts.einsums[fit.einsum];
  if (fit.best < 0 || !isInside(arch, arch.arrays[fit.best].level, level))
    return 0;
  std::vector<arch::TileBound> bounds;
  std::set<int> kept;
  for (const arch::LevelConstraint &constraint : arch.constraints.levels) {
    if (constraint.level != level || !isSelected(constraint.on, facts, einsum))
      continue;
    llvm::append_range(bounds, constraint.tile);
    if (!constraint.mustKeep)
      continue;
    // Whatever a mapping keeps further out does not have to be here, and
    // nothing has to be there.
    arch::TensorSet set = *constraint.mustKeep;
    llvm::erase_if(set, [](const arch::TensorTerm &term) {
      return term.kind == arch::TensorTerm::Kind::KeptAt && !term.negated;
    });
    for (int tensor :
         resolveTensors(set, facts, einsum, [](int, int) { return true; }))
      kept.insert(tensor);
  }
  uint64_t bytes = 0;
  for (int tensor : kept) {
    bytes = llvm::SaturatingAdd(bytes, leastTile(facts, tensor, bounds));
    names.push_back(facts.tensors[tensor].name);
  }
  return bytes;
}

static CapacityNeed needOf(const arch::ArchSpec &arch,
                           const CascadeFacts &facts,
                           llvm::ArrayRef<EinsumFit> einsums, int level) {
  CapacityNeed need;
  need.level = level;
  need.hasBytes = arch.levels[level].capacityBytes;
  need.why = "may be bypassed";
  for (const EinsumFit &fit : einsums) {
    std::vector<std::string> names;
    uint64_t bytes = keptBytes(arch, facts, fit, level, names);
    if (bytes <= need.needsBytes)
      continue;
    need.needsBytes = bytes;
    need.why = "must keep a tile of " + llvm::join(names, ", ") + " for " +
               facts.einsums[fit.einsum].name;
  }
  return need;
}

/// Inputs and outputs of the cascade are somewhere as a whole while an Einsum
/// touches them.
static uint64_t wholeBytes(const CascadeFacts &facts,
                           const EinsumFact &einsum) {
  std::set<int> tensors;
  for (const AccessFact &access : einsum.reads)
    tensors.insert(access.tensor);
  for (const AccessFact &access : einsum.writes)
    tensors.insert(access.tensor);
  uint64_t bytes = 0;
  for (int tensor : tensors) {
    const TensorFact &fact = facts.tensors[tensor];
    if (fact.isInput || fact.isOutput)
      bytes = llvm::SaturatingAdd(bytes, fact.bytes(fact.elements));
  }
  return bytes;
}

bool MachineFit::isFeasible() const {
  return llvm::all_of(einsums,
                      [](const EinsumFit &fit) { return fit.best >= 0; }) &&
         llvm::all_of(capacities,
                      [](const CapacityNeed &need) { return need.fits(); }) &&
         (!backingHas || backingNeeds <= *backingHas);
}

MachineFit einsum::cost::computeMachineFit(const CascadeFacts &facts,
                                           const arch::ArchSpec &arch) {
  MachineFit fit;
  fit.compulsoryBytes = computeCompulsoryBytes(facts);
  for (size_t i = 0; i < facts.einsums.size(); ++i) {
    fit.einsums.push_back(fitEinsum(arch, facts, int(i)));
    fit.backingNeeds =
        std::max(fit.backingNeeds, wholeBytes(facts, facts.einsums[i]));
  }
  // A tensor may live at any level, so all of them count.
  fit.backingHas = 0;
  for (const arch::Level &level : arch.levels) {
    if (!level.capacityBytes)
      fit.backingHas = std::nullopt;
    if (fit.backingHas)
      fit.backingHas = llvm::SaturatingAdd(
          *fit.backingHas, llvm::SaturatingMultiply(*level.capacityBytes,
                                                    arch.instances(level)));
  }
  for (size_t level = 0; level < arch.levels.size(); ++level)
    fit.capacities.push_back(needOf(arch, facts, fit.einsums, int(level)));
  return fit;
}
