//===- WindowLoops.cpp - Loops along which windows of readers walk --------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Join/WindowLoops.h"

#include "llvm/ADT/STLExtras.h"

#include <set>

using namespace einsum;
using namespace einsum::mapper;

const FollowedRank *Following::find(int rank) const {
  for (const FollowedRank &one : ranks)
    if (one.rank == rank)
      return &one;
  return nullptr;
}

bool WindowLoops::areThere() const {
  return llvm::any_of(around, [](const auto &ranks) { return !ranks.empty(); });
}

//===----------------------------------------------------------------------===//
// Accesses
//===----------------------------------------------------------------------===//

static bool isPlain(const Coordinate &coordinate, int rank) {
  return coordinate.terms.size() == 1 && coordinate.terms[0].rank == rank &&
         coordinate.terms[0].coefficient == 1 && coordinate.constant == 0;
}

/// One of a single element is none: who asks for it makes it, and no more.
static bool isWindow(const CascadeFacts &facts, const Coordinate &coordinate) {
  return llvm::count_if(coordinate.terms, [&](const Coordinate::Term &term) {
           return facts.ranks[term.rank].extent > 1;
         }) > 1;
}

/// Each rank occurs in one coordinate, so that what is touched is a product.
static bool isProduct(const AccessFact &access) {
  std::set<int> seen;
  for (const Coordinate &coordinate : access.coordinates)
    for (const Coordinate::Term &term : coordinate.terms)
      if (!seen.insert(term.rank).second)
        return false;
  return true;
}

static bool isSameForm(const AffineForm &a, const AffineForm &b) {
  AffineForm difference = a;
  difference.add(b, -1);
  return difference.isConstant() && difference.constant == 0;
}

/// Conditions of the reader say no more than that it reads what is there.
static bool staysInside(const CascadeFacts &facts, const EinsumFact &reader,
                        int tensor) {
  return llvm::all_of(reader.domain, [&](const Constraint &condition) {
    if (condition.isEquality)
      return false;
    for (const AccessFact &access : reader.reads) {
      if (access.tensor != tensor)
        continue;
      for (auto [coordinate, rank] :
           llvm::zip(access.coordinates, facts.tensors[tensor].ranks)) {
        AffineForm upper = AffineForm::number(facts.ranks[rank].extent - 1);
        upper.add(coordinate.form(), -1);
        if (isSameForm(condition.form, coordinate.form()) ||
            isSameForm(condition.form, upper))
          return true;
      }
    }
    return false;
  });
}

/// What its only result is made of, whoever reads it.
bool WindowLoops::mayFollow(int einsum) const {
  const EinsumFact &fact = facts.einsums[einsum];
  if (fact.writes.size() != 1)
    return false;
  const AccessFact &write = fact.writes[0];
  const TensorFact &tensor = facts.tensors[write.tensor];
  if (tensor.isOutput || tensor.isInput || tensor.iterativeRank >= 0 ||
      tensor.hasInitialValue || !isProduct(write))
    return false;
  for (const Coordinate &coordinate : write.coordinates)
    if (coordinate.terms.size() != 1 ||
        !isPlain(coordinate, coordinate.terms[0].rank))
      return false;
  for (int e : facts.tensors[write.tensor].readers) {
    const EinsumFact &reader = facts.einsums[e];
    for (const AccessFact &access : reader.reads)
      if (access.tensor == write.tensor &&
          (e == einsum || access.gathers() || !isProduct(access)))
        return false;
    if (!staysInside(facts, reader, write.tensor))
      return false;
  }
  return !facts.tensors[write.tensor].readers.empty();
}

WindowLoops::WindowLoops(const CascadeFacts &facts)
    : facts(facts), around(facts.einsums.size()) {
  // Readers come later, mostly; what is not found is not in the space.
  for (int e = static_cast<int>(facts.einsums.size()) - 1; e >= 0; --e) {
    if (!mayFollow(e))
      continue;
    const EinsumFact &fact = facts.einsums[e];
    std::set<int> ranks;
    for (int f : facts.tensors[fact.writes[0].tensor].readers)
      for (const AccessFact &access : facts.einsums[f].reads) {
        if (access.tensor != fact.writes[0].tensor)
          continue;
        ranks.insert(around[f].begin(), around[f].end());
        for (const Coordinate &coordinate : access.coordinates)
          for (const Coordinate::Term &term : coordinate.terms)
            if (isWindow(facts, coordinate) &&
                !facts.einsums[f].reduces(term.rank))
              ranks.insert(term.rank);
      }
    for (int rank : ranks)
      if (!fact.iterates(rank) && facts.ranks[rank].extent > 1)
        around[e].push_back(rank);
  }
}

//===----------------------------------------------------------------------===//
// What is asked for
//===----------------------------------------------------------------------===//

/// The values of a coordinate over a box, without gaps; nullopt if it has some.
static std::optional<Interval>
imageOf(const Coordinate &coordinate,
        llvm::function_ref<Interval(int rank)> side) {
  llvm::SmallVector<Coordinate::Term, 2> terms(coordinate.terms);
  llvm::sort(terms, [](const auto &a, const auto &b) {
    return std::abs(a.coefficient) < std::abs(b.coefficient);
  });
  Interval image{coordinate.constant, coordinate.constant + 1};
  for (const Coordinate::Term &term : terms) {
    Interval values = side(term.rank);
    if (values.size() == 0)
      return Interval{};
    if (values.size() > 1 && std::abs(term.coefficient) > image.size())
      return std::nullopt;
    int64_t first = term.coefficient * values.lo,
            last = term.coefficient * (values.hi - 1);
    image.lo += std::min(first, last);
    image.hi += std::max(first, last);
  }
  return image;
}

std::optional<WindowLoops::Steps>
WindowLoops::asked(int reader, const Coordinate &coordinate, int64_t extent,
                   Loops loops) {
  Steps result;
  std::map<int, Steps> sides;
  size_t count = 1;
  for (const Coordinate::Term &term : coordinate.terms) {
    std::optional<Steps> side = along(reader, term.rank, loops);
    if (!side || (side->by >= 0 && result.by >= 0))
      return std::nullopt; // it moves along two loops
    if (side->by >= 0) {
      result.by = side->by;
      count = side->steps.size();
    }
    sides[term.rank] = std::move(*side);
  }
  for (size_t i = 0; i < count; ++i) {
    std::optional<Interval> image = imageOf(coordinate, [&](int rank) {
      const Steps &side = sides[rank];
      return side.steps[side.by < 0 ? 0 : i];
    });
    if (!image)
      return std::nullopt;
    Interval inside{std::max<int64_t>(image->lo, 0),
                    std::min(image->hi, extent)};
    result.steps.push_back(inside.size() ? inside : Interval{});
  }
  return result;
}

std::optional<WindowLoops::Steps> WindowLoops::along(int einsum, int rank,
                                                     Loops loops) {
  int64_t extent = facts.ranks[rank].extent;
  for (const WindowLoop &loop : loops) {
    if (loop.rank != rank)
      continue;
    Steps steps;
    steps.by = rank;
    for (int64_t at = 0; at < extent; at += loop.tile)
      steps.steps.push_back({at, std::min(at + loop.tile, extent)});
    return steps;
  }
  const Following *following = follow(einsum, loops);
  if (!following)
    return std::nullopt;
  if (const FollowedRank *followed = following->find(rank))
    return Steps{followed->movedBy, followed->visits};
  return Steps{-1, {{0, extent}}};
}

const Following *WindowLoops::follow(int einsum, Loops loops) {
  std::vector<WindowLoop> sorted(loops);
  llvm::sort(sorted);
  auto [found, isNew] = known.try_emplace({einsum, sorted});
  // Einsums that need one another follow nobody: what is being computed fails.
  if (isNew) {
    std::optional<Following> computed = compute(einsum, loops);
    known[{einsum, sorted}] = std::move(computed);
  }
  const std::optional<Following> &result = known[{einsum, sorted}];
  return result ? &*result : nullptr;
}

/// Adds what another reader asks for; false if that leaves gaps.
static bool unite(Interval &all, Interval more) {
  if (more.size() == 0)
    return true;
  if (all.size() == 0) {
    all = more;
    return true;
  }
  if (more.lo > all.hi || all.lo > more.hi)
    return false;
  all = {std::min(all.lo, more.lo), std::max(all.hi, more.hi)};
  return true;
}

/// Whether steps, one after another, ask for everything, and never go back.
/// The last ones may ask for nothing.
static bool coversAll(llvm::ArrayRef<Interval> steps, int64_t extent) {
  Interval last{0, 0};
  bool isOver = false;
  for (const Interval &step : steps) {
    if (step.size() == 0) {
      isOver = true;
      continue;
    }
    if (isOver || step.lo > last.hi || step.lo < last.lo || step.hi < last.hi)
      return false;
    last = step;
  }
  return last.hi == extent;
}

std::optional<Following> WindowLoops::compute(int einsum, Loops loops) {
  const EinsumFact &fact = facts.einsums[einsum];
  std::set<int> lacked;
  for (const WindowLoop &loop : loops)
    if (!fact.iterates(loop.rank))
      lacked.insert(loop.rank);
  if (lacked.empty())
    return Following();
  if (!mayFollow(einsum))
    return std::nullopt;
  const AccessFact &write = fact.writes[0];
  Following result;
  int unlike = 0, plain = 0, windows = 0;
  std::set<int> moving;
  for (size_t k = 0; k < write.coordinates.size(); ++k) {
    int rank = write.coordinates[k].terms[0].rank;
    int64_t extent = facts.ranks[rank].extent;
    std::optional<Steps> all;
    bool isRepeated = true, isIterated = false, isAlike = true;
    for (int f : facts.tensors[write.tensor].readers) {
      const EinsumFact &reader = facts.einsums[f];
      for (const AccessFact &access : reader.reads) {
        if (access.tensor != write.tensor)
          continue;
        const Coordinate &coordinate = access.coordinates[k];
        std::optional<Steps> own = asked(f, coordinate, extent, loops);
        if (!own)
          return std::nullopt;
        if (all &&
            (all->by != own->by || all->steps.size() != own->steps.size()))
          return std::nullopt;
        isRepeated &= isPlain(coordinate, rank);
        isIterated |= reader.iterates(rank);
        if (own->by >= 0 && reader.reduces(own->by))
          return std::nullopt;
        if (!all) {
          all = std::move(own);
          continue;
        }
        for (auto [some, more] : llvm::zip(all->steps, own->steps)) {
          isAlike &= some == more;
          if (!unite(some, more))
            return std::nullopt;
        }
      }
    }
    unlike += !isAlike;
    if (!coversAll(all->steps, extent))
      return std::nullopt;
    if (all->by < 0 || fact.iterates(all->by)) {
      // A part of a rank that everybody has, or one that stays as it is.
      if (all->by >= 0 && !(isRepeated && all->by == rank))
        return std::nullopt;
      continue;
    }
    if ((isIterated && !isRepeated) || !moving.insert(all->by).second)
      return std::nullopt;
    (isRepeated ? plain : windows)++;
    FollowedRank &followed = result.ranks.emplace_back();
    followed.rank = rank;
    followed.movedBy = all->by;
    for (const Interval &step : all->steps)
      followed.mostHeld = std::max(followed.mostHeld, step.size());
    followed.visits = std::move(all->steps);
  }
  if (unlike > 1 || moving != lacked || (plain > 0 && windows > 0))
    return std::nullopt;
  result.hasHalo = windows > 0;
  for (FollowedRank &followed : result.ranks) {
    const auto *loop = llvm::find_if(loops, [&](const WindowLoop &one) {
      return one.rank == followed.movedBy;
    });
    int64_t held = 0; // up to here, by earlier steps
    for (Interval &step : followed.visits) {
      if (!result.hasHalo || step.size() == 0)
        continue;
      int64_t end = step.hi;
      result.overlaps |= step.lo < held;
      if (loop->halo == Halo::retained && step.lo < held)
        step.lo = std::min(held, step.hi);
      held = std::max(held, end);
      if (step.size() == 0)
        step = Interval{};
    }
    // A loop of one step is none, and points below need one.
    bool isWalked = llvm::any_of(
        followed.visits, [](const Interval &step) { return step.size() > 1; });
    if (result.hasHalo && !isWalked && facts.ranks[followed.rank].extent > 1)
      return std::nullopt;
  }
  return result;
}
