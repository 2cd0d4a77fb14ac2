//===- CutTiles.cpp - Tiles of filters, windows and shifts ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Nest/CutTiles.h"

#include "lib/Mapper/Nest/CutComponent.h"
#include "lib/Mapper/Nest/EinsumOnArray.h"

#include "lib/Analysis/RunningValues.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <numeric>

using namespace einsum;
using namespace einsum::mapper;

static constexpr int kParts = 3; ///< CutTiles::Part

//===----------------------------------------------------------------------===//
// Components
//===----------------------------------------------------------------------===//

namespace {

/// Ranks that meet.
class Groups {
public:
  explicit Groups(size_t count) : group(count) {
    std::iota(group.begin(), group.end(), 0);
  }
  int of(int rank) const {
    while (group[rank] != rank)
      rank = group[rank];
    return rank;
  }
  void unite(int a, int b) {
    group[std::max(of(a), of(b))] = std::min(of(a), of(b));
  }
  void unite(const AffineForm &form) {
    int first = -1;
    visit(form, [&](int rank) {
      if (first >= 0)
        unite(first, rank);
      first = rank;
    });
  }
  /// Any rank of the form; -1 if there is none.
  static int anyOf(const AffineForm &form) {
    int any = -1;
    visit(form, [&](int rank) { any = rank; });
    return any;
  }

private:
  static void visit(const AffineForm &form, llvm::function_ref<void(int)> fn) {
    for (const AffineForm::Term &term : form.terms)
      fn(term.variable);
    for (const AffineForm::Floor &floor : form.floors)
      visit(floor.inner, fn);
  }
  std::vector<int> group;
};

/// An access in local numbers.
struct LocalAccess {
  bool isWrite = false;
  std::vector<AffineForm> coordinates;
  std::vector<AffineForm> chosen; ///< as a leaf tells elements apart
  std::vector<Constraint> inside; ///< else an initial value, no element
};

/// The numbers of one component.
struct Numbering {
  const Groups &groups;
  int group;
  std::vector<int> numbers; ///< per local rank

  bool owns(const AffineForm &form) const {
    int any = Groups::anyOf(form);
    return any >= 0 && groups.of(any) == group;
  }
  AffineForm translate(const AffineForm &form) const {
    return form.substitute(
        [&](int rank) { return AffineForm::variable(numbers[rank]); });
  }
  std::vector<Constraint> take(llvm::ArrayRef<Constraint> constraints) const {
    std::vector<Constraint> own;
    for (const Constraint &constraint : constraints)
      if (owns(constraint.form))
        own.push_back({translate(constraint.form), constraint.isEquality});
    return own;
  }
};

} // namespace

static bool isSame(const AffineForm &a, const AffineForm &b) {
  AffineForm difference = a;
  difference.add(b, -1);
  return difference.isConstant() && difference.constant == 0;
}

/// Measures of an operand: its parts, then its accesses.
static void addOperand(CutTiles::Component &component,
                       llvm::ArrayRef<LocalAccess> accesses,
                       const Numbering &numbering) {
  std::vector<int> uses, chosenUses; // images
  std::vector<ImagePiece> sets;
  bool differsHere = false, differsElsewhere = false;
  int firstWrite = -1, firstRead = -1;
  for (auto [u, access] : llvm::enumerate(accesses)) {
    ImagePiece piece;
    piece.constraints.assign(component.conditions.begin(),
                             component.conditions.begin() + component.domain);
    for (auto [k, coordinate] : llvm::enumerate(access.coordinates)) {
      bool isOwn = numbering.owns(coordinate);
      if (isOwn)
        piece.coordinates.push_back(numbering.translate(coordinate));
      if (!isSame(coordinate, accesses[0].coordinates[k]))
        (isOwn || numbering.owns(accesses[0].coordinates[k])
             ? differsHere
             : differsElsewhere) = true;
    }
    for (Constraint &constraint : numbering.take(access.inside)) {
      component.conditions.push_back(constraint);
      piece.constraints.push_back(std::move(constraint));
    }
    // What leaves read is counted by what tells it apart.
    ImagePiece chosen = piece;
    chosen.coordinates.clear();
    for (const AffineForm &coordinate : access.chosen)
      if (numbering.owns(coordinate))
        chosen.coordinates.push_back(numbering.translate(coordinate));
    chosenUses.push_back(
        chosen.coordinates.empty() ? -1 : component.addImage({chosen}));
    uses.push_back(piece.coordinates.empty() ? -1
                                             : component.addImage({piece}));
    piece.set = access.isWrite ? 1 : 0;
    sets.push_back(std::move(piece));
    int &first = access.isWrite ? firstWrite : firstRead;
    first = first < 0 ? static_cast<int>(u) : first;
  }
  // Of accesses that differ in several components one stands for all; those
  // that have other coordinates here than elsewhere cannot be compared.
  bool isUnited =
      accesses.size() > 1 && differsHere && !differsElsewhere &&
      llvm::all_of(sets, [&](const ImagePiece &piece) {
        return piece.coordinates.size() == sets[0].coordinates.size();
      });
  using Measure = CutTiles::Component::Measure;
  Measure one{uses[0]}, nothing;
  nothing.isOff = true;
  Measure united = one;
  if (isUnited)
    united.image = component.addImage(sets);
  Measure fetched = united;
  if (firstWrite >= 0) {
    fetched = nothing;
    if (firstRead >= 0 && isUnited) {
      fetched = united;
      fetched.wanted = 1;
      fetched.unwanted = 2;
    } else if (firstRead >= 0 && !differsHere && differsElsewhere) {
      fetched = one;
    }
  }
  component.measures.push_back(united);
  component.measures.push_back(fetched);
  component.measures.push_back(firstWrite < 0 ? nothing
                                              : Measure{uses[firstWrite]});
  for (auto [u, access] : llvm::enumerate(accesses))
    component.measures.push_back(
        Measure{access.chosen.empty() ? uses[u] : chosenUses[u]});
}

/// Its accesses, per operand.
static std::vector<std::vector<LocalAccess>>
listAccesses(const CascadeFacts &facts, const EinsumOnArray &nest,
             llvm::function_ref<AffineForm(const AffineForm &)> local) {
  std::vector<std::vector<LocalAccess>> accesses(nest.operands.size());
  auto add = [&](const AccessFact &full, bool isWrite) {
    AccessFact access = withoutOpaque(facts, full);
    const TensorFact &tensor = facts.tensors[access.tensor];
    LocalAccess &made =
        accesses[nest.findOperand(access.tensor)].emplace_back();
    made.isWrite = isWrite;
    for (auto [k, coordinate] : llvm::enumerate(access.coordinates)) {
      AffineForm form = local(coordinate.form());
      if (!isWrite && tensor.hasInitialValue && mayBeInitial(coordinate) &&
          tensor.ranks[k] == tensor.iterativeRank) {
        Constraint high{
            AffineForm::number(facts.ranks[tensor.iterativeRank].extent - 1)};
        high.form.add(form, -1);
        made.inside.push_back({form, false});
        made.inside.push_back(std::move(high));
      }
      made.coordinates.push_back(std::move(form));
    }
    if (full.gathers())
      for (const Coordinate &coordinate : full.atLeaf().coordinates)
        made.chosen.push_back(local(coordinate.form()));
  };
  const EinsumFact &einsum = facts.einsums[nest.einsum];
  for (const AccessFact &access : einsum.reads)
    add(access, false);
  for (const AccessFact &access : einsum.writes)
    add(access, true);
  return accesses;
}

static void print(llvm::raw_ostream &os, const AffineForm &form) {
  for (const AffineForm::Term &term : form.terms)
    os << term.coefficient << "*" << term.variable << "+";
  for (const AffineForm::Floor &floor : form.floors) {
    os << floor.factor << "*(";
    print(os, floor.inner);
    os << "/" << floor.divisor << ")+";
  }
  os << form.constant;
}

CutTiles::~CutTiles() = default;

CutTiles::CutTiles(const CascadeFacts &facts, const EinsumOnArray &nest) {
  llvm::raw_string_ostream os(text);
  for (const LocalRank &rank : nest.ranks) {
    extents.push_back(rank.extent);
    // What is made again in a later step is made anew.
    onceMade.push_back(rank.extent - (rank.isFollowing() ? 1 : 0));
    for (const Interval &visit : rank.visits)
      os << visit.lo << ".." << visit.hi << " ";
  }
  for (const Operand &operand : nest.operands)
    bits.push_back({operand.bits, operand.tileBits()});
  auto local = [&](const AffineForm &form) {
    return form.substitute(
        [&](int rank) { return AffineForm::variable(nest.findRank(rank)); });
  };
  Groups groups(nest.ranks.size());
  std::vector<Constraint> domain;
  for (const Constraint &constraint : facts.einsums[nest.einsum].domain) {
    domain.push_back({local(constraint.form), constraint.isEquality});
    groups.unite(domain.back().form);
    // Whatever the point.
    isEmpty |=
        Groups::anyOf(domain.back().form) < 0 && !domain.back().holds(extents);
  }
  std::vector<std::vector<LocalAccess>> accesses =
      listAccesses(facts, nest, local);
  for (const Constraint &constraint : domain) {
    print(os, constraint.form);
    os << (constraint.isEquality ? "=" : ">") << ";";
  }
  int measures = 0;
  for (const std::vector<LocalAccess> &all : accesses) {
    firstMeasure.push_back(measures);
    measures += kParts + static_cast<int>(all.size());
    for (const LocalAccess &access : all)
      for (const AffineForm &coordinate : access.coordinates) {
        groups.unite(coordinate);
        print(os, coordinate);
        os << (access.isWrite ? "!" : ",");
      }
    for (const LocalAccess &access : all)
      for (const AffineForm &coordinate : access.chosen) {
        groups.unite(coordinate);
        print(os, coordinate);
        os << "?";
      }
  }
  int count = static_cast<int>(nest.ranks.size());
  for (int group = 0; group < count; ++group) {
    if (groups.of(group) != group)
      continue;
    auto component = std::make_unique<Component>();
    Numbering numbering{groups, group, std::vector<int>(count, 0)};
    ImagePiece points;
    for (int rank = group; rank < count; ++rank)
      if (groups.of(rank) == group) {
        int number = static_cast<int>(component->ranks.size());
        numbering.numbers[rank] = number;
        component->ranks.push_back(rank);
        component->extents.push_back(extents[rank]);
        component->visits.push_back(nest.ranks[rank].visits);
        points.coordinates.push_back(AffineForm::variable(number));
      }
    component->conditions = numbering.take(domain);
    component->domain = component->conditions.size();
    points.constraints = component->conditions;
    component->addImage({points});
    for (const std::vector<LocalAccess> &all : accesses)
      addOperand(*component, all, numbering);
    component->findBand();
    components.push_back(std::move(component));
  }
}

//===----------------------------------------------------------------------===//
// Answers
//===----------------------------------------------------------------------===//

CutTiles::Factors CutTiles::factorsOf(int measure,
                                      llvm::ArrayRef<int64_t> tile) {
  Factors factors;
  factors.count = isEmpty ? 0 : 1;
  for (auto [c, component] : llvm::enumerate(components)) {
    if (factors.count == 0)
      return factors; // there are none
    const CutSizes &sizes = component->sizesOf(measure, tile, extents);
    if (sizes.empty()) {
      factors.count = 0;
    } else if (sizes.size() == 1 && sizes[0].words == sizes[0].most) {
      factors.words *= sizes[0].words;
      factors.count *= sizes[0].count;
    } else {
      factors.unlike.push_back(&sizes);
      factors.from.push_back(static_cast<int>(c));
    }
  }
  return factors;
}

static CutSizes multiply(const CutSizes &a, const CutSizes &b) {
  CutSizes product;
  for (const CutSize &x : a)
    for (const CutSize &y : b)
      product.push_back({x.words * y.words, x.count * y.count, x.most * y.most,
                         x.total * y.total});
  mergeSizes(product);
  return product;
}

void CutTiles::forEachMeasure(int measure, llvm::ArrayRef<int64_t> tile,
                              Visit fn) {
  Factors factors = factorsOf(measure, tile);
  if (factors.count == 0)
    return;
  CutSizes all = {CutSize::of(factors.words, factors.count)};
  for (const CutSizes *sizes : factors.unlike)
    all = multiply(all, *sizes);
  for (const CutSize &size : all)
    fn(size.words, size.count);
}

void CutTiles::forEach(int operand, Part part, llvm::ArrayRef<int64_t> tile,
                       Visit fn) {
  forEachMeasure(firstMeasure[operand] + static_cast<int>(part), tile, fn);
}

void CutTiles::forEachOfUse(int operand, int use, llvm::ArrayRef<int64_t> tile,
                            Visit fn) {
  forEachMeasure(firstMeasure[operand] + kParts + use, tile, fn);
}

/// Of one tile per choice of unlike ones. Where near sizes are one entry their
/// bytes and accesses are no fewer than those of the least of each, or of all
/// words at once.
CutSums CutTiles::sumUnlike(const Factors &factors,
                            const formats::BitsPerElement &bitsOf,
                            uint64_t accessBytes) const {
  CutSizes product;
  const CutSizes *all = nullptr;
  for (const CutSizes *sizes : factors.unlike) {
    if (all)
      product = multiply(*all, *sizes);
    all = all ? &product : sizes;
  }
  CutSums sums;
  for (const CutSize &size : *all) {
    uint64_t least = bitsOf.countBytes(size.words * factors.words),
             accesses = llvm::divideCeil(least, accessBytes) * size.count,
             bytes = least * size.count;
    if (size.words != size.most) {
      uint64_t together = bitsOf.countBytes(size.total * factors.words);
      bytes = std::max(bytes, together);
      accesses = std::max(accesses, llvm::divideCeil(together, accessBytes));
    }
    sums.words += size.total * factors.words;
    sums.bytes += bytes;
    sums.accesses += accesses;
  }
  return sums;
}

const CutSums &CutTiles::sumOf(int operand, int measure,
                               llvm::ArrayRef<int64_t> tile,
                               uint64_t accessBytes) {
  TileKey key(tile.begin(), tile.end());
  key.push_back(measure);
  key.push_back(static_cast<int64_t>(accessBytes));
  auto [found, isNew] = sums.try_emplace(std::move(key));
  CutSums &all = found->second;
  if (!isNew)
    return all;
  Factors factors = factorsOf(measure, tile);
  if (factors.count == 0)
    return all;
  const auto &[ofWord, ofTile] = bits[operand];
  bool isPart = measure < firstMeasure[operand] + kParts;
  const formats::BitsPerElement &bitsOf = isPart ? ofTile : ofWord;
  CutSums one;
  if (factors.unlike.empty()) {
    one.words = factors.words;
    one.bytes = bitsOf.countBytes(factors.words);
    one.accesses = llvm::divideCeil(one.bytes, accessBytes);
  } else {
    // Many tiles differ in ranks along which all are alike only.
    TileKey alikeKey = {measure, static_cast<int64_t>(accessBytes),
                        static_cast<int64_t>(factors.words)};
    for (int component : factors.from) {
      alikeKey.push_back(component);
      for (int rank : components[component]->ranks)
        alikeKey.push_back(tile[rank]);
    }
    auto [known, isFirst] = alike.try_emplace(std::move(alikeKey));
    if (isFirst)
      known->second = sumUnlike(factors, bitsOf, accessBytes);
    one = known->second;
  }
  all = {one.words * factors.count, one.bytes * factors.count,
         one.accesses * factors.count};
  return all;
}

const CutSums &CutTiles::sum(int operand, Part part,
                             llvm::ArrayRef<int64_t> tile,
                             uint64_t accessBytes) {
  return sumOf(operand, firstMeasure[operand] + static_cast<int>(part), tile,
               accessBytes);
}

const CutSums &CutTiles::sumOfUse(int operand, int use,
                                  llvm::ArrayRef<int64_t> tile,
                                  uint64_t accessBytes) {
  return sumOf(operand, firstMeasure[operand] + kParts + use, tile,
               accessBytes);
}

bool CutTiles::isCutAlong(int rank) const {
  auto component = llvm::find_if(components, [&](const auto &one) {
    return llvm::is_contained(one->ranks, rank);
  });
  return (*component)->ranks.size() > 1 || !(*component)->conditions.empty() ||
         !(*component)->visits.front().empty();
}

uint64_t CutTiles::countVisits(llvm::ArrayRef<int64_t> tile) {
  Factors factors = factorsOf(-1, tile);
  uint64_t visits = factors.count;
  for (const CutSizes *sizes : factors.unlike) {
    uint64_t own = 0;
    for (const CutSize &size : *sizes)
      own += size.count;
    visits *= own;
  }
  return visits;
}

uint64_t CutTiles::largest(int operand, llvm::ArrayRef<int64_t> tile) {
  Factors factors =
      factorsOf(firstMeasure[operand] + static_cast<int>(Part::held), tile);
  uint64_t words = factors.count ? factors.words : 0;
  for (const CutSizes *sizes : factors.unlike)
    words *= sizes->back().most;
  return words;
}

uint64_t CutTiles::countWritten(int operand) {
  return sum(operand, Part::written, onceMade, 1).words;
}
