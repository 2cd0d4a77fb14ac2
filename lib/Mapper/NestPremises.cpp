//===- NestPremises.cpp - What the nests of one Einsum rest on ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/NestPremises.h"

#include "lib/Analysis/RunningValues.h"
#include "lib/Mapper/ConstraintMeaning.h"
#include "lib/Mapper/TouchedElements.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <set>
#include <tuple>

using namespace einsum;
using namespace einsum::mapper;
using Kind = Premise::Kind;

namespace {

/// A rank dealt to the units along a dimension; rank -1: one unit is in use, or
/// several ranks are dealt, in parts of which nothing is said.
struct Dealt {
  int rank = -1;
  uint64_t units = 1;
  PremiseSet contradicts;
};

/// A tile extent and the bounds that it does not meet.
struct TileChoice {
  int64_t extent = 1;
  PremiseSet contradicts;
};

class PremiseBuilder {
public:
  PremiseBuilder(const CascadeFacts &facts, const arch::ArchSpec &arch,
                 const SpaceLimits &limits, int einsum)
      : facts(facts), arch(arch), limits(limits), id(einsum),
        einsum(facts.einsums[einsum]) {}

  NestPremises build();

private:
  void addPremises();
  void add(Kind kind, int index = -1, int part = -1) {
    result.premises.push_back({kind, index, part});
  }
  PremiseSet none() const { return PremiseSet(result.premises.size()); }
  /// Calls back with the premises of a kind.
  void forEach(Kind kind,
               llvm::function_ref<void(unsigned, const Premise &)> visit) const;

  // Skeletons.
  void addSkeletons(int array);
  std::vector<Dealt> listDealt(int array, int dim) const;
  void forEachEnough(uint64_t units,
                     llvm::function_ref<void(llvm::ArrayRef<int>)> visit) const;
  bool mayDeal(const arch::DimensionConstraint &constraint, int rank) const;
  void addSkeleton(int array, llvm::ArrayRef<Dealt> dealt);

  // Alternatives of an operand.
  std::vector<Alternative> listAlternatives(int tensor);
  void addTiles(int tensor, Alternative alternative, int position,
                std::vector<int64_t> tile, std::vector<Alternative> &out);
  const std::vector<TileChoice> &listTiles(int tensor, int level, int rank,
                                           int64_t least);
  std::vector<TileChoice> searchTiles(bool isBounded, int level, int rank,
                                      int64_t least) const;
  void judgeKeeping(int tensor, uint32_t kept, PremiseSet &contradicts) const;
  bool isCertainlyIn(const arch::TensorSet &set, int tensor,
                     uint32_t kept) const;
  bool isPossiblyIn(const arch::TensorSet &set, int tensor,
                    uint32_t kept) const;
  uint64_t unitsBelow(int level, int rank) const;
  uint64_t countBytes(int tensor, llvm::ArrayRef<int64_t> tile) const;

  // The backing level.
  void addSpanning(Skeleton &skeleton) const;
  llvm::SmallVector<bool> reach(bool forwards) const;

  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  const SpaceLimits &limits;
  int id;
  const EinsumFact &einsum;
  NestPremises result;

  // Of the skeleton being built.
  llvm::SmallVector<int, 4> path;
  int array = -1;
  llvm::ArrayRef<Dealt> dealt;
  std::vector<int> spanning; ///< in use at the backing level besides
  /// Of searchTiles, by its arguments.
  std::map<std::tuple<bool, int, int, int64_t>, std::vector<TileChoice>> tiles;
};

} // namespace

//===----------------------------------------------------------------------===//
// Premises
//===----------------------------------------------------------------------===//

void PremiseBuilder::addPremises() {
  const arch::Constraints &constraints = arch.constraints;
  auto concerns = [&](const auto &constraint) {
    return selects(constraint.on, einsum);
  };
  add(Kind::operators);
  for (auto [i, constraint] : llvm::enumerate(constraints.arrays))
    if (concerns(constraint))
      add(Kind::arrayChoice, i);
  for (auto [i, constraint] : llvm::enumerate(constraints.dimensions))
    if (concerns(constraint))
      add(Kind::dimension, i);
  for (auto [i, constraint] : llvm::enumerate(constraints.levels)) {
    if (!concerns(constraint))
      continue;
    if (constraint.mustKeep)
      add(Kind::mustKeep, i);
    if (constraint.mayKeep)
      add(Kind::mayKeep, i);
    for (size_t part = 0; part < constraint.tile.size(); ++part)
      add(Kind::tile, i, part);
  }
  for (auto [i, level] : llvm::enumerate(arch.levels))
    if (level.capacityBytes)
      add(Kind::capacity, i);
  if (!limits.imperfect)
    add(Kind::perfect);
  if (!limits.fusion)
    add(Kind::unfused);
}

void PremiseBuilder::forEach(
    Kind kind,
    llvm::function_ref<void(unsigned, const Premise &)> visit) const {
  for (auto [i, premise] : llvm::enumerate(result.premises))
    if (premise.kind == kind)
      visit(i, premise);
}

//===----------------------------------------------------------------------===//
// Skeletons
//===----------------------------------------------------------------------===//

static uint64_t neededUnits(const arch::DimensionConstraint &constraint,
                            uint64_t size) {
  if (constraint.relax)
    return 1;
  double units = constraint.minUtilization * static_cast<double>(size);
  return std::max<uint64_t>(1, std::llround(std::ceil(units - 1e-9)));
}

bool PremiseBuilder::mayDeal(const arch::DimensionConstraint &constraint,
                             int rank) const {
  if (constraint.ranks &&
      llvm::none_of(*constraint.ranks, [&](const arch::WorkloadName &name) {
        return name.name == facts.ranks[rank].name;
      }))
    return false;
  auto uses = [&](int tensor) {
    auto doesUse = [&](const AccessFact &access) {
      return access.tensor == tensor && access.uses(rank);
    };
    return llvm::any_of(einsum.reads, doesUse) ||
           llvm::any_of(einsum.writes, doesUse);
  };
  return llvm::none_of(getOperands(einsum), [&](int tensor) {
    // Where it depends on what is kept, nothing is said.
    return uses(tensor) &&
           contains(constraint.reuse, tensor, facts, einsum,
                    [](int) { return true; }) &&
           contains(constraint.reuse, tensor, facts, einsum,
                    [](int) { return false; });
  });
}

std::vector<Dealt> PremiseBuilder::listDealt(int array, int dim) const {
  uint64_t size = arch.arrays[array].dims[dim].size;
  std::set<uint64_t> counts;
  auto judge = [&](llvm::ArrayRef<int> ranks, uint64_t units) {
    PremiseSet contradicts = none();
    forEach(Kind::dimension, [&](unsigned i, const Premise &premise) {
      const arch::DimensionConstraint &constraint =
          arch.constraints.dimensions[premise.index];
      if (constraint.array != array || constraint.dim != dim)
        return;
      counts.insert(neededUnits(constraint, size));
      if (neededUnits(constraint, size) > units ||
          llvm::any_of(ranks,
                       [&](int rank) { return !mayDeal(constraint, rank); }))
        contradicts.set(i);
    });
    return contradicts;
  };
  std::vector<Dealt> choices = {{-1, 1, judge({}, 1)}};
  for (uint64_t units : counts)
    forEachEnough(units, [&](llvm::ArrayRef<int> ranks) {
      int one = ranks.size() == 1 ? ranks.front() : -1;
      choices.push_back({one, units, judge(ranks, units)});
    });
  return choices;
}

/// Ranks that have so many points together, and would not without one of them.
void PremiseBuilder::forEachEnough(
    uint64_t units, llvm::function_ref<void(llvm::ArrayRef<int>)> visit) const {
  llvm::SmallVector<int, 4> chosen;
  auto extentOf = [&](int rank) {
    return static_cast<double>(facts.ranks[rank].extent);
  };
  auto extend = [&](auto &&self, size_t from, double product) -> void {
    if (product >= static_cast<double>(units)) {
      bool isLeast = llvm::all_of(chosen, [&](int rank) {
        return product / extentOf(rank) < static_cast<double>(units);
      });
      if (isLeast)
        visit(chosen);
      return;
    }
    for (size_t i = from; i < einsum.ranks.size(); ++i) {
      chosen.push_back(einsum.ranks[i]);
      self(self, i + 1, product * extentOf(einsum.ranks[i]));
      chosen.pop_back();
    }
  };
  if (units > 1)
    extend(extend, 0, 1);
}

/// Every combination of what is dealt along the dimensions.
void PremiseBuilder::addSkeletons(int array) {
  this->array = array;
  path = getPath(arch, arch.arrays[array]);
  std::vector<std::vector<Dealt>> choices;
  for (size_t dim = 0; dim < arch.arrays[array].dims.size(); ++dim)
    choices.push_back(listDealt(array, dim));
  std::vector<Dealt> chosen(choices.size());
  auto choose = [&](auto &&self, size_t dim) -> void {
    if (dim == choices.size())
      return addSkeleton(array, chosen);
    for (const Dealt &choice : choices[dim]) {
      bool isTaken =
          choice.rank >= 0 &&
          llvm::any_of(llvm::ArrayRef(chosen).take_front(dim),
                       [&](const Dealt &d) {
                         uint64_t extent = facts.ranks[choice.rank].extent;
                         return d.rank == choice.rank &&
                                (d.units - 1) * choice.units >= extent;
                       });
      if (isTaken)
        continue;
      chosen[dim] = choice;
      self(self, dim + 1);
    }
  };
  choose(choose, 0);
}

void PremiseBuilder::addSkeleton(int array, llvm::ArrayRef<Dealt> dealt) {
  this->dealt = dealt;
  Skeleton skeleton;
  skeleton.contradicts = none();
  for (const Dealt &d : dealt)
    skeleton.contradicts |= d.contradicts;
  forEach(Kind::operators, [&](unsigned i, const Premise &) {
    if (!listMissingOperators(arch, arch.arrays[array], einsum).empty())
      skeleton.contradicts.set(i);
  });
  forEach(Kind::arrayChoice, [&](unsigned i, const Premise &premise) {
    if (!llvm::is_contained(arch.constraints.arrays[premise.index].arrays,
                            array))
      skeleton.contradicts.set(i);
  });
  for (int tensor : getOperands(einsum))
    skeleton.operands.push_back(listAlternatives(tensor));
  addSpanning(skeleton);
  result.problem.skeletons.push_back(std::move(skeleton));
}

//===----------------------------------------------------------------------===//
// Where an operand is kept
//===----------------------------------------------------------------------===//

/// Membership for given levels of the path; elsewhere a tensor may be kept or
/// not.
static bool isMember(const arch::TensorSet &set, int tensor,
                     const CascadeFacts &facts, const EinsumFact &einsum,
                     llvm::ArrayRef<int> path, uint32_t kept, bool elsewhere) {
  return contains(set, tensor, facts, einsum, [&](int level) {
    const auto *found = llvm::find(path, level);
    return found == path.end() ? elsewhere
                               : (kept >> (found - path.begin()) & 1) != 0;
  });
}

bool PremiseBuilder::isCertainlyIn(const arch::TensorSet &set, int tensor,
                                   uint32_t kept) const {
  return isMember(set, tensor, facts, einsum, path, kept, false) &&
         isMember(set, tensor, facts, einsum, path, kept, true);
}

bool PremiseBuilder::isPossiblyIn(const arch::TensorSet &set, int tensor,
                                  uint32_t kept) const {
  return isMember(set, tensor, facts, einsum, path, kept, false) ||
         isMember(set, tensor, facts, einsum, path, kept, true);
}

/// `kept` has a bit for each level of the path.
void PremiseBuilder::judgeKeeping(int tensor, uint32_t kept,
                                  PremiseSet &contradicts) const {
  auto isKept = [&](int level) -> std::optional<bool> {
    const auto *found = llvm::find(path, level);
    if (found == path.end())
      return std::nullopt;
    return (kept >> (found - path.begin()) & 1) != 0;
  };
  forEach(Kind::mustKeep, [&](unsigned i, const Premise &premise) {
    const arch::LevelConstraint &c = arch.constraints.levels[premise.index];
    if (isKept(c.level) == false && isCertainlyIn(*c.mustKeep, tensor, kept))
      contradicts.set(i);
  });
  forEach(Kind::mayKeep, [&](unsigned i, const Premise &premise) {
    const arch::LevelConstraint &c = arch.constraints.levels[premise.index];
    if (isKept(c.level) == true && !isPossiblyIn(*c.mayKeep, tensor, kept) &&
        !(c.mustKeep && isPossiblyIn(*c.mustKeep, tensor, kept)))
      contradicts.set(i);
  });
  if (!(kept & 1))
    forEach(Kind::unfused,
            [&](unsigned i, const Premise &) { contradicts.set(i); });
}

std::vector<Alternative> PremiseBuilder::listAlternatives(int tensor) {
  const TensorFact &fact = facts.tensors[tensor];
  bool livesAtBacking = fact.producer < 0 || fact.isOutput;
  bool mayLiveElsewhere = path.size() < arch.levels.size();
  // What is passed on may be there a step of shared loops at a time.
  bool isPassedOn = !livesAtBacking && fact.touchers.size() > 1;
  uint64_t atBacking = leastHomeBytes(facts, tensor);
  if (isPassedOn)
    atBacking = std::min(atBacking, leastBytes(facts, tensor, 1));
  std::vector<Alternative> alternatives;
  for (uint32_t kept = 0; kept < (1u << path.size()); ++kept) {
    if ((livesAtBacking && !(kept & 1)) || (kept == 0 && !mayLiveElsewhere))
      continue;
    Alternative alternative;
    alternative.contradicts = none();
    judgeKeeping(tensor, kept, alternative.contradicts);
    if (kept & 1)
      alternative.bytes[path[0]] = atBacking;
    for (size_t position = 1; position < path.size(); ++position)
      if (kept >> position & 1)
        alternative.bytes[path[position]] = 0; // filled in by addTiles
    addTiles(tensor, std::move(alternative), path.size() - 1,
             std::vector<int64_t>(facts.ranks.size(), 1), alternatives);
  }
  return alternatives;
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

/// Units along a rank that share one instance of a level.
uint64_t PremiseBuilder::unitsBelow(int level, int rank) const {
  if (arch.levels[level].perArray >= 0)
    return 1;
  uint64_t units = 1;
  for (size_t dim = arch.levels[level].dims.size(); dim < dealt.size(); ++dim)
    if (dealt[dim].rank == rank)
      units = std::max(units, dealt[dim].units);
  return units;
}

/// Extents of at least `least`: for each set of bounds the smallest that meets
/// it.
std::vector<TileChoice> PremiseBuilder::searchTiles(bool isBounded, int level,
                                                    int rank,
                                                    int64_t least) const {
  int64_t extent = facts.ranks[rank].extent;
  std::vector<std::pair<unsigned, arch::TileBound>> bounds;
  if (isBounded)
    forEach(Kind::tile, [&](unsigned i, const Premise &premise) {
      const arch::LevelConstraint &c = arch.constraints.levels[premise.index];
      const arch::TileBound &bound = c.tile[premise.part];
      if (c.level == level && bound.rank.name == facts.ranks[rank].name)
        bounds.push_back({i, bound});
    });
  std::optional<unsigned> perfect;
  forEach(Kind::perfect, [&](unsigned i, const Premise &) { perfect = i; });
  auto judge = [&](int64_t tile) {
    PremiseSet contradicts = none();
    for (const auto &[i, bound] : bounds)
      if (!bound.extent.contains(tile) ||
          (tile != extent && tile % bound.multipleOf != 0))
        contradicts.set(i);
    if (perfect && extent % tile != 0)
      contradicts.set(*perfect);
    return contradicts;
  };
  // Only at these can more bounds be met than by anything smaller, or multiples
  // and divisors from there on.
  std::set<int64_t> starts = {least};
  for (const auto &[i, bound] : bounds)
    if (bound.extent.min <= static_cast<uint64_t>(extent))
      starts.insert(std::max<int64_t>(least, bound.extent.min));
  std::vector<TileChoice> choices;
  auto addIfBetter = [&](int64_t tile) {
    PremiseSet contradicts = judge(tile);
    if (llvm::none_of(choices, [&](const TileChoice &choice) {
          return choice.extent <= tile && !choice.contradicts.test(contradicts);
        }))
      choices.push_back({tile, contradicts});
    return contradicts.none();
  };
  // Walks up until everything is met; what is not met 2^16 further on is met by
  // the whole extent or by nothing worth counting.
  constexpr int64_t horizon = 1 << 16;
  for (int64_t start : starts)
    for (int64_t tile = start; tile <= std::min(extent, start + horizon);
         ++tile)
      if (addIfBetter(tile) || (bounds.empty() && !perfect))
        break;
  if (extent >= least)
    addIfBetter(extent);
  return choices;
}

const std::vector<TileChoice> &
PremiseBuilder::listTiles(int tensor, int level, int rank, int64_t least) {
  bool isBounded = llvm::is_contained(facts.tensors[tensor].ranks, rank);
  auto [known, isNew] = tiles.try_emplace({isBounded, level, rank, least});
  if (isNew)
    known->second = searchTiles(isBounded, level, rank, least);
  return known->second;
}

uint64_t PremiseBuilder::countBytes(int tensor,
                                    llvm::ArrayRef<int64_t> tile) const {
  const TensorFact &fact = facts.tensors[tensor];
  uint64_t most = 0;
  auto count = [&](const AccessFact &access) {
    if (access.tensor != tensor || einsum.points == 0)
      return;
    bool isMasked = !einsum.domain.empty(), isInitial = false;
    std::vector<Interval> box;
    for (const RankFact &rank : facts.ranks)
      box.push_back({0, rank.extent});
    uint64_t elements = 1;
    for (auto [coordinate, rank] : llvm::zip(access.coordinates, fact.ranks)) {
      if (rank == fact.iterativeRank && fact.hasInitialValue) {
        auto [first, last] = coordinate.form().bounds(box);
        isInitial |= last < 0 || first >= facts.ranks[rank].extent;
        if (!fact.isOutput || mayBeInitial(coordinate))
          continue; // what is carried may be all that is held
      }
      uint64_t span = std::min(coordinate.span(tile), facts.ranks[rank].extent);
      elements = llvm::SaturatingMultiply(elements, span);
    }
    // Of a masked tile one element is certain, of initial values alone none.
    most = std::max(most, isInitial ? 0 : isMasked ? 1 : elements);
  };
  llvm::for_each(einsum.reads, count);
  llvm::for_each(einsum.writes, count);
  return leastBytes(facts, tensor, most);
}

/// Chooses tiles at the levels that keep the tensor, from the innermost to the
/// outermost: an outer tile is no smaller.
void PremiseBuilder::addTiles(int tensor, Alternative alternative, int position,
                              std::vector<int64_t> tile,
                              std::vector<Alternative> &out) {
  while (position > 0 && !alternative.bytes.count(path[position]))
    --position;
  if (position <= 0) {
    out.push_back(std::move(alternative));
    return;
  }
  int level = path[position];
  auto choose = [&](auto &&self, size_t i, std::vector<int64_t> tile,
                    const PremiseSet &contradicts) -> void {
    if (i == einsum.ranks.size()) {
      Alternative next = alternative;
      next.contradicts |= contradicts;
      next.bytes[level] = countBytes(tensor, tile);
      return addTiles(tensor, std::move(next), position - 1, std::move(tile),
                      out);
    }
    int rank = einsum.ranks[i];
    int64_t least = std::max<int64_t>(tile[rank], unitsBelow(level, rank));
    for (const TileChoice &choice : listTiles(tensor, level, rank, least)) {
      std::vector<int64_t> chosen = tile;
      chosen[rank] = choice.extent;
      PremiseSet all = contradicts;
      all |= choice.contradicts;
      self(self, i + 1, std::move(chosen), all);
    }
  };
  choose(choose, 0, std::move(tile), none());
}

//===----------------------------------------------------------------------===//
// The backing level
//===----------------------------------------------------------------------===//

/// Einsums that come after this one in every order, or before it.
llvm::SmallVector<bool> PremiseBuilder::reach(bool forwards) const {
  llvm::SmallVector<bool> reached(facts.einsums.size(), false);
  llvm::SmallVector<int> work = {id};
  auto visit = [&](int next) {
    if (next < 0 || reached[next])
      return;
    reached[next] = true;
    work.push_back(next);
  };
  while (!work.empty()) {
    int current = work.pop_back_val();
    if (!forwards) {
      for (const AccessFact &access : facts.einsums[current].reads)
        visit(facts.tensors[access.tensor].producer);
      continue;
    }
    for (const AccessFact &write : facts.einsums[current].writes)
      llvm::for_each(facts.tensors[write.tensor].readers, visit);
  }
  return reached;
}

/// Inputs and outputs that Einsums before and after this one touch stay at the
/// backing level meanwhile.
void PremiseBuilder::addSpanning(Skeleton &skeleton) const {
  for (int tensor : spanning) {
    Alternative held;
    held.contradicts = none();
    held.bytes[path[0]] = leastHomeBytes(facts, tensor);
    skeleton.operands.push_back({held});
  }
}

NestPremises PremiseBuilder::build() {
  addPremises();
  forEach(Kind::capacity, [&](unsigned i, const Premise &premise) {
    const arch::Level &level = arch.levels[premise.index];
    result.problem.capacities.push_back(
        {premise.index, i, *level.capacityBytes});
    if (level.parent >= 0)
      return;
    llvm::SmallVector<bool> before = reach(false), after = reach(true);
    llvm::SmallVector<bool> touchedBefore(facts.tensors.size(), false),
        touchedAfter = touchedBefore;
    for (auto [other, fact] : llvm::enumerate(facts.einsums))
      for (int tensor : getOperands(fact)) {
        touchedBefore[tensor] |= before[other];
        touchedAfter[tensor] |= after[other];
      }
    llvm::SmallVector<int, 4> own = getOperands(einsum);
    for (auto [tensor, fact] : llvm::enumerate(facts.tensors))
      if ((fact.isInput || fact.isOutput) && touchedBefore[tensor] &&
          touchedAfter[tensor] &&
          !llvm::is_contained(own, static_cast<int>(tensor)))
        spanning.push_back(tensor);
  });
  result.problem.premises = result.premises.size();
  for (size_t array = 0; array < arch.arrays.size(); ++array) {
    // All sets of levels are tried; on a longer path nothing is said.
    if (getPath(arch, arch.arrays[array]).size() <= 12)
      addSkeletons(array);
    else
      result.problem.skeletons.push_back({none(), {}});
  }
  simplify(result.problem);
  return std::move(result);
}

NestPremises einsum::mapper::collectPremises(const CascadeFacts &facts,
                                             const arch::ArchSpec &arch,
                                             const SpaceLimits &limits,
                                             int einsum) {
  return PremiseBuilder(facts, arch, limits, einsum).build();
}
