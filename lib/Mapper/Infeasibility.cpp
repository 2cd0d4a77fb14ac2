//===- Infeasibility.cpp - Why nothing fits -------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Infeasibility.h"

#include "lib/Mapper/ConstraintMeaning.h"
#include "lib/Mapper/ForcedFusion.h"
#include "lib/Mapper/NestPremises.h"
#include "lib/Mapper/PremiseText.h"
#ifdef EINSUM_HAVE_Z3
#include "lib/Mapper/Z3/Z3Conflict.h"
#endif

#include "llvm/ADT/STLExtras.h"

#include <climits>

using namespace einsum;
using namespace einsum::mapper;
using Kind = Premise::Kind;

namespace {

/// A smallest set of one Einsum, the n-th that was found.
struct Found {
  int einsum;
  size_t number;
  PremiseSet set;
};

class Explanation {
public:
  Explanation(const CascadeFacts &facts, const arch::ArchSpec &arch,
              const SpaceLimits &limits, LeastCapacity leastCapacity)
      : facts(facts), arch(arch), words{facts, arch},
        leastCapacity(std::move(leastCapacity)) {
    for (size_t id = 0; id < facts.einsums.size(); ++id)
      nests.push_back(collectPremises(facts, arch, limits, id));
  }

  std::vector<std::vector<Conflict>> run();

private:
  void collect(int einsum);
  std::vector<Conflict> explainTogether() const;
  std::vector<Conflict> describe(const Found &found) const;
  std::string findRemedy(const Found &found, unsigned premise) const;
  std::string findCapacity(const Found &found, unsigned premise) const;
  std::string findOperators(const Found &found, unsigned premise) const;
  bool frees(int einsum, const Premise &premise) const;

  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  PremiseText words;
  LeastCapacity leastCapacity;
  std::vector<NestPremises> nests; ///< of each Einsum
  std::vector<Found> conflicts;
};

} // namespace

static PremiseSet allOf(const NestPremises &nest) {
  return PremiseSet(nest.premises.size(), true);
}

/// Disjoint conflicts of an Einsum, each a smallest one of what is left.
void Explanation::collect(int einsum) {
  const ConflictProblem &problem = nests[einsum].problem;
  // Most Einsums have no conflict, and a solver takes a while to set up.
  constexpr uint64_t kMostChoices = 10000;
  if (isSoonSatisfiable(problem, allOf(nests[einsum]), kMostChoices) == true)
    return;
#ifdef EINSUM_HAVE_Z3
  z3::ConflictSolver solver(problem);
  auto decide = [&](const PremiseSet &set) { return solver.decide(set); };
#else
  auto decide = [&](const PremiseSet &set) {
    return isSatisfiable(problem, set);
  };
#endif
  PremiseSet active = allOf(nests[einsum]);
  while (auto set = findSmallestConflict(active, decide)) {
    conflicts.push_back({einsum, conflicts.size(), *set});
    if (set->none())
      return;
    active.reset(*set);
  }
}

//===----------------------------------------------------------------------===//
// What would do
//===----------------------------------------------------------------------===//

static bool isSame(const Premise &a, const Premise &b) {
  return a.kind == b.kind && a.index == b.index && a.part == b.part;
}

/// Whether all Einsums can be mapped without a premise. That one Einsum needs
/// operators is no premise of the others.
bool Explanation::frees(int einsum, const Premise &premise) const {
  for (auto [id, nest] : llvm::enumerate(nests)) {
    PremiseSet active = allOf(nest);
    for (auto [i, other] : llvm::enumerate(nest.premises))
      if (isSame(premise, other) &&
          (premise.kind != Kind::operators || static_cast<int>(id) == einsum))
        active.reset(i);
    if (!isSatisfiable(nest.problem, active))
      return false;
  }
  return true;
}

/// What every Einsum needs at a level. Those that nothing frees by itself do
/// not count, but the one of the conflict, given the rest of it.
std::string Explanation::findCapacity(const Found &found,
                                      unsigned premise) const {
  int level = nests[found.einsum].premises[premise].index;
  uint64_t most = 0;
  for (auto [id, nest] : llvm::enumerate(nests)) {
    PremiseSet rest = allOf(nest);
    for (const CapacityPremise &capacity : nest.problem.capacities)
      if (capacity.level == level)
        rest.reset(capacity.premise);
    std::optional<uint64_t> bytes = findLeastBytes(nest.problem, rest, level);
    if (!bytes && static_cast<int>(id) == found.einsum) {
      rest = found.set;
      rest.reset(premise);
      bytes = findLeastBytes(nest.problem, rest, level);
    }
    most = std::max(most, bytes.value_or(0));
  }
  if (leastCapacity)
    most = std::max(most, leastCapacity(level).value_or(0));
  return std::to_string(most) + " B would do";
}

/// "f8E4M3FN" has 8.
static int getWidth(llvm::StringRef type) {
  int bits = 0;
  type = type.drop_until(llvm::isDigit);
  type.consumeInteger(10, bits);
  return bits;
}

/// "in bf16 'mxu' computes it", if another datatype, the nearest in width, is
/// all that is wanting.
static std::string findOtherType(const arch::ArchSpec &arch,
                                 EinsumFact einsum) {
  int wanted = getWidth(einsum.datatype), least = INT_MAX;
  std::string found;
  for (const arch::Array &array : arch.arrays)
    for (const std::string &type : array.datatypes) {
      einsum.datatype = type;
      int distance = std::abs(getWidth(type) - wanted);
      if (distance >= least ||
          !listMissingOperators(arch, array, einsum).empty())
        continue;
      least = distance;
      found = "in " + type + " '" + array.name + "' computes it";
    }
  return found;
}

/// Sums of products of one narrower type, of an array that has these: it is for
/// the cascade to say so.
static std::string findNarrowProducts(const arch::ArchSpec &arch,
                                      EinsumFact einsum) {
  auto op = llvm::cast<EinsumInterface>(einsum.op);
  std::string type;
  for (const Access &access : op.getInputAccesses()) {
    std::string own;
    llvm::raw_string_ostream(own) << getScalarType(
        llvm::cast<NamedTensorType>(access.tensor.getType()).getElementType());
    if (!type.empty() && type != own)
      return "";
    type = own;
  }
  if (!einsum.operators.count("mac") || op->hasAttr(kComputesIn) ||
      getWidth(type) >= getWidth(einsum.datatype))
    return "";
  std::string summed = einsum.datatype;
  einsum.datatype = type;
  einsum.operators.erase("convert");
  for (const arch::Array &array : arch.arrays)
    if (llvm::is_contained(array.datatypes, type) &&
        listMissingOperators(arch, array, einsum).empty())
      return "'" + array.name + "' sums products of " + type + " in " + summed +
             " if the Einsum says 'computes_in " + type + "'";
  return "";
}

/// The array that lacks least, of those that the rest of the conflict allows.
std::string Explanation::findOperators(const Found &found,
                                       unsigned premise) const {
  PremiseSet rest = found.set;
  rest.reset(premise);
  const NestPremises &nest = nests[found.einsum];
  const EinsumFact &einsum = facts.einsums[found.einsum];
  const arch::Array *best = nullptr;
  std::vector<std::string> least;
  for (auto [id, array] : llvm::enumerate(arch.arrays)) {
    bool isAllowed = llvm::none_of(
        llvm::enumerate(nest.premises), [&, id = id](const auto &entry) {
          return rest.test(entry.index()) &&
                 entry.value().kind == Kind::arrayChoice &&
                 !llvm::is_contained(
                     arch.constraints.arrays[entry.value().index].arrays,
                     static_cast<int>(id));
        });
    std::vector<std::string> missing =
        listMissingOperators(arch, array, einsum);
    if (!isAllowed || missing.empty() ||
        (best && missing.size() >= least.size()))
      continue;
    best = &array;
    least = std::move(missing);
  }
  if (!best)
    return "";
  std::string remedy =
      words.listOperators(least, einsum) + " on '" + best->name + "' would do";
  std::string type = findNarrowProducts(arch, einsum);
  if (type.empty())
    type = findOtherType(arch, einsum);
  return type.empty() ? remedy : remedy + "; " + type;
}

std::string Explanation::findRemedy(const Found &found,
                                    unsigned premise) const {
  const Premise &p = nests[found.einsum].premises[premise];
  if (p.kind == Kind::capacity)
    return findCapacity(found, premise);
  if (p.kind == Kind::operators)
    return findOperators(found, premise);
  std::string what = words.getWayOut(p);
  return frees(found.einsum, p)
             ? what + " would do"
             : what + " would remove this conflict, but not all";
}

std::vector<Conflict> Explanation::describe(const Found &found) const {
  std::vector<Conflict> described;
  for (unsigned premise : found.set.set_bits()) {
    const Premise &p = nests[found.einsum].premises[premise];
    described.push_back({words.describe(p, found.einsum),
                         findRemedy(found, premise),
                         words.findPlace(p, found.einsum)});
  }
  return described;
}

/// The capacities that leave no room for what shares loops; empty if they do.
std::vector<Conflict> Explanation::explainTogether() const {
  ForcedFusion forced(facts, arch);
  auto select = [&](const PremiseSet &active) {
    ForcedFusion::Capacities some(arch.levels.size());
    for (unsigned level : active.set_bits())
      some[level] = arch.levels[level].capacityBytes;
    return some;
  };
  PremiseSet all(arch.levels.size());
  for (auto [i, level] : llvm::enumerate(arch.levels))
    if (level.capacityBytes)
      all.set(i);
  std::vector<Conflict> described;
  auto set = findSmallestConflict(all, [&](const PremiseSet &active) {
    return forced.fits(select(active));
  });
  if (!set)
    return described;
  for (unsigned level : set->set_bits()) {
    uint64_t bytes = forced.findLeast(select(all), level).value_or(0);
    std::optional<uint64_t> known =
        leastCapacity ? leastCapacity(level) : std::nullopt;
    // Of the backing level one tensor more may be all, elsewhere several.
    std::string remedy =
        known ? std::to_string(std::max(bytes, *known)) + " B would do"
              : "no less than " + std::to_string(bytes) + " B would do";
    Premise premise{Kind::capacity, static_cast<int>(level)};
    described.push_back(
        {words.describe(premise, -1), remedy, words.findPlace(premise, -1)});
  }
  return described;
}

std::vector<std::vector<Conflict>> Explanation::run() {
  for (size_t id = 0; id < nests.size(); ++id)
    collect(id);
  llvm::sort(conflicts, [](const Found &a, const Found &b) {
    return std::pair(a.set.count(), a.number) <
           std::pair(b.set.count(), b.number);
  });
  std::vector<std::vector<Conflict>> described;
  for (const Found &found : conflicts) {
    std::vector<Conflict> next = describe(found);
    auto isTold = [&](const std::vector<Conflict> &earlier) {
      return earlier.size() == next.size() &&
             llvm::all_of(llvm::zip(earlier, next), [](const auto &pair) {
               return std::get<0>(pair).constraint ==
                      std::get<1>(pair).constraint;
             });
    };
    if (llvm::none_of(described, isTold))
      described.push_back(std::move(next));
  }
  if (described.empty())
    if (std::vector<Conflict> together = explainTogether(); !together.empty())
      described.push_back(std::move(together));
  return described;
}

std::vector<Conflict>
einsum::mapper::explainInfeasible(const CascadeFacts &facts,
                                  const arch::ArchSpec &arch,
                                  const SpaceLimits &limits) {
  auto all = Explanation(facts, arch, limits, nullptr).run();
  return all.empty() ? std::vector<Conflict>() : std::move(all.front());
}

std::vector<std::vector<Conflict>> einsum::mapper::explainAllConflicts(
    const CascadeFacts &facts, const arch::ArchSpec &arch,
    const SpaceLimits &limits, LeastCapacity leastCapacity) {
  return Explanation(facts, arch, limits, std::move(leastCapacity)).run();
}
