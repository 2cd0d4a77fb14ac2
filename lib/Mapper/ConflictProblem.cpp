//===- ConflictProblem.cpp - Premises that cannot all hold ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/ConflictProblem.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace einsum::mapper;

//===----------------------------------------------------------------------===//
// Simplification
//===----------------------------------------------------------------------===//

static bool isSubset(const PremiseSet &a, const PremiseSet &b) {
  return !a.test(b);
}

static bool takesNoMore(const std::map<int, uint64_t> &a,
                        const std::map<int, uint64_t> &b) {
  return llvm::all_of(a, [&](const auto &entry) {
    auto found = b.find(entry.first);
    return entry.second <= (found == b.end() ? 0 : found->second);
  });
}

/// Whether `a` can always take the place of `b`.
static bool replaces(const Alternative &a, const Alternative &b) {
  return isSubset(a.contradicts, b.contradicts) &&
         takesNoMore(a.bytes, b.bytes);
}

template <typename T, typename Replaces>
static void keepMinimal(std::vector<T> &items, Replaces replaces) {
  std::vector<T> kept;
  for (T &item : items) {
    if (llvm::any_of(kept, [&](const T &k) { return replaces(k, item); }))
      continue;
    llvm::erase_if(kept, [&](const T &k) { return replaces(item, k); });
    kept.push_back(std::move(item));
  }
  items = std::move(kept);
}

void einsum::mapper::simplify(ConflictProblem &problem) {
  for (Skeleton &skeleton : problem.skeletons)
    for (std::vector<Alternative> &alternatives : skeleton.operands)
      keepMinimal(alternatives, replaces);
  keepMinimal(problem.skeletons, [](const Skeleton &a, const Skeleton &b) {
    return isSubset(a.contradicts, b.contradicts) &&
           a.operands.size() == b.operands.size() &&
           llvm::all_of(
               llvm::zip(a.operands, b.operands), [](const auto &pair) {
                 const auto &[ours, theirs] = pair;
                 return llvm::all_of(
                     theirs, [&, &ours = ours](const Alternative &t) {
                       return llvm::any_of(ours, [&](const Alternative &o) {
                         return replaces(o, t);
                       });
                     });
               });
  });
}

//===----------------------------------------------------------------------===//
// Enumeration
//===----------------------------------------------------------------------===//

namespace {
/// Goes through the choices of one skeleton, dropping what is over a capacity
/// or no better than the least bytes so far.
class Enumeration {
public:
  Enumeration(const ConflictProblem &problem, const PremiseSet &active,
              int measured, uint64_t mostChoices = ~uint64_t{0})
      : problem(problem), active(active), measured(measured),
        left(mostChoices) {}

  bool isCut() const { return left == 0; }

  /// Least bytes at the measured level; with none measured, 0 for any choice.
  std::optional<uint64_t> run() {
    for (const Skeleton &skeleton : problem.skeletons)
      if (!skeleton.contradicts.anyCommon(active))
        visit(skeleton, 0);
    return least;
  }

private:
  void visit(const Skeleton &skeleton, size_t operand) {
    uint64_t bytes = measured < 0 ? 0 : held[measured];
    if (left == 0)
      return;
    --left;
    if ((least && bytes >= *least) || !fits())
      return;
    if (operand == skeleton.operands.size()) {
      least = bytes;
      return;
    }
    for (const Alternative &alternative : skeleton.operands[operand]) {
      if (alternative.contradicts.anyCommon(active))
        continue;
      std::map<int, uint64_t> before = held;
      for (auto [level, more] : alternative.bytes)
        held[level] = llvm::SaturatingAdd(held[level], more);
      visit(skeleton, operand + 1);
      held = std::move(before);
    }
  }

  bool fits() {
    return llvm::all_of(problem.capacities, [&](const CapacityPremise &c) {
      return !active.test(c.premise) || held[c.level] <= c.bytes;
    });
  }

  const ConflictProblem &problem;
  const PremiseSet &active;
  int measured;
  uint64_t left; ///< choices that may still be looked at
  std::map<int, uint64_t> held;
  std::optional<uint64_t> least;
};
} // namespace

bool einsum::mapper::isSatisfiable(const ConflictProblem &problem,
                                   const PremiseSet &active) {
  return Enumeration(problem, active, -1).run().has_value();
}

std::optional<bool>
einsum::mapper::isSoonSatisfiable(const ConflictProblem &problem,
                                  const PremiseSet &active,
                                  uint64_t mostChoices) {
  Enumeration enumeration(problem, active, -1, mostChoices);
  bool isFound = enumeration.run().has_value();
  return isFound || !enumeration.isCut() ? std::optional(isFound)
                                         : std::nullopt;
}

std::optional<uint64_t>
einsum::mapper::findLeastBytes(const ConflictProblem &problem,
                               const PremiseSet &active, int level) {
  return Enumeration(problem, active, level).run();
}

//===----------------------------------------------------------------------===//
// The smallest conflict
//===----------------------------------------------------------------------===//

/// Of an unsatisfiable set, one in which every premise is needed.
static PremiseSet deleteSuperfluous(PremiseSet conflict, Decide isSatisfiable) {
  for (unsigned premise = conflict.size(); premise-- > 0;) {
    if (!conflict.test(premise))
      continue;
    conflict.reset(premise);
    if (isSatisfiable(conflict))
      conflict.set(premise);
  }
  return conflict;
}

/// The first unsatisfiable subset of `items` with `size` elements, in
/// lexicographic order; gives up after `budget` questions.
static std::optional<PremiseSet> tryAll(llvm::ArrayRef<unsigned> items,
                                        unsigned size, unsigned premises,
                                        unsigned &budget,
                                        Decide isSatisfiable) {
  std::vector<unsigned> chosen(size);
  for (unsigned i = 0; i < size; ++i)
    chosen[i] = i;
  while (budget-- > 0) {
    PremiseSet set(premises);
    for (unsigned position : chosen)
      set.set(items[position]);
    if (!isSatisfiable(set))
      return set;
    unsigned last = size;
    while (last > 0 && chosen[last - 1] == items.size() - size + last - 1)
      --last;
    if (last == 0)
      return std::nullopt;
    ++chosen[last - 1];
    for (unsigned i = last; i < size; ++i)
      chosen[i] = chosen[i - 1] + 1;
  }
  budget = 0;
  return std::nullopt;
}

std::optional<PremiseSet>
einsum::mapper::findSmallestConflict(const PremiseSet &active,
                                     Decide isSatisfiable) {
  if (isSatisfiable(active))
    return std::nullopt;
  PremiseSet conflict = deleteSuperfluous(active, isSatisfiable);
  std::vector<unsigned> items;
  for (unsigned premise : active.set_bits())
    items.push_back(premise);
  // Beyond this many questions a set of which everything is needed has to do.
  unsigned budget = 20000;
  for (unsigned size = 0; size < conflict.count() && budget > 0; ++size)
    if (auto smaller =
            tryAll(items, size, active.size(), budget, isSatisfiable))
      return smaller;
  return conflict;
}
