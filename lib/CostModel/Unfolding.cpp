//===- Unfolding.cpp - A loop tree, step by step --------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/Unfolding.h"

#include "lib/CostModel/TileComponent.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace einsum;
using namespace einsum::cost;

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

static int64_t evaluate(const Coordinate &coordinate,
                        llvm::ArrayRef<int64_t> point) {
  int64_t value = coordinate.constant;
  for (const Coordinate::Term &term : coordinate.terms)
    value += term.coefficient * point[term.rank];
  return value;
}

ElementNumbers::ElementNumbers(const CascadeFacts &facts,
                               llvm::ArrayRef<Use> uses) {
  llvm::SmallVector<Interval> whole;
  for (auto [id, rank] : llvm::enumerate(facts.ranks)) {
    whole.push_back({0, std::max<int64_t>(rank.extent, 1)});
    if (rank.isOpaque)
      opaque[static_cast<int>(id)] = rank.extent;
  }
  for (auto [i, use] : llvm::enumerate(uses))
    for (auto [k, coordinate] : llvm::enumerate(use.access->coordinates)) {
      auto [least, greatest] = coordinate.form().bounds(whole);
      if (i == 0) {
        low.push_back(least);
        extent.push_back(greatest + 1);
        continue;
      }
      low[k] = std::min(low[k], least);
      extent[k] = std::max(extent[k], greatest + 1);
    }
  for (auto [least, size] : llvm::zip(low, extent))
    size -= least;
}

int64_t ElementNumbers::numberOf(const Use &use,
                                 llvm::ArrayRef<int64_t> point) const {
  int64_t number = 0;
  for (auto [k, coordinate] : llvm::enumerate(use.access->coordinates))
    number = number * extent[k] + evaluate(coordinate, point) - low[k];
  return number;
}

void ElementNumbers::forEach(const Use &use, llvm::ArrayRef<int64_t> point,
                             llvm::function_ref<void(int64_t)> act) const {
  llvm::SmallVector<std::pair<int, int64_t>, 2> sides;
  for (auto [rank, size] : opaque)
    if (use.access->uses(rank))
      sides.push_back({rank, size});
  if (sides.empty())
    return act(numberOf(use, point));
  llvm::SmallVector<int64_t, 8> at(point.begin(), point.end());
  auto walk = [&](auto &&next, size_t side) -> void {
    if (side == sides.size())
      return act(numberOf(use, at));
    for (int64_t i = 0; i < sides[side].second; ++i) {
      at[sides[side].first] = i;
      next(next, side + 1);
    }
  };
  walk(walk, 0);
}

int64_t ElementNumbers::coordinateOf(int64_t number,
                                     unsigned coordinate) const {
  for (unsigned k = extent.size() - 1; k > coordinate; --k)
    number /= extent[k];
  return number % extent[coordinate] + low[coordinate];
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

uint8_t Unit::stepIn(int loop) const {
  for (auto [id, state] : steps)
    if (id == loop)
      return state;
  return 3;
}

bool Unfolding::spend(uint64_t work) {
  spent += work;
  exhausted |= spent > kLimit;
  return !exhausted;
}

Units Unfolding::whole() const {
  Unit unit;
  for (const RankFact &rank : tree.facts->ranks)
    unit.box.push_back({0, rank.extent});
  return {std::move(unit)};
}

int64_t Unfolding::stepsOf(int loop, const Unit &unit) const {
  const Node &node = tree.nodes[loop];
  return llvm::divideCeil(unit.box[node.rank].size(), node.tile);
}

int64_t Unfolding::countSteps(int loop, const Units &units) const {
  int64_t most = 0;
  for (const Unit &unit : units)
    most = std::max(most, stepsOf(loop, unit));
  return most;
}

void Unfolding::setStep(int loop, int64_t step, int64_t count,
                        Unit &unit) const {
  const Node &node = tree.nodes[loop];
  int64_t part = node.descends ? count - 1 - step : step;
  Interval &side = unit.box[node.rank];
  side.lo += part * node.tile;
  side.hi = std::min(side.hi, side.lo + node.tile);
  unit.steps.push_back(
      {loop, (step == 0 ? 1 : 0) | (step + 1 == count ? 2 : 0)});
}

Units Unfolding::stepOf(int loop, int64_t step, const Units &units) {
  Units inner;
  spend(units.size());
  for (const Unit &unit : units) {
    int64_t count = stepsOf(loop, unit);
    if (step >= count)
      continue;
    inner.push_back(unit);
    setStep(loop, step, count, inner.back());
  }
  return inner;
}

Units Unfolding::spread(int loop, const Units &units) {
  Units inner;
  for (const Unit &unit : units) {
    int64_t count = stepsOf(loop, unit);
    if (!spend(count))
      break;
    for (int64_t step = 0; step < count; ++step) {
      inner.push_back(unit);
      inner.back().path.push_back(step);
      setStep(loop, step, count, inner.back());
    }
  }
  return inner;
}

//===----------------------------------------------------------------------===//
// Points
//===----------------------------------------------------------------------===//

bool Unfolding::passesGuards(int leaf, const Unit &unit) const {
  return passesGuardsAbove(leaf, leaf, unit);
}

bool Unfolding::passesGuardsAbove(int node, int leaf, const Unit &unit) const {
  return llvm::all_of(tree.nodes[leaf].guards, [&](const auto &guard) {
    uint8_t needed = guard.second == schedule::Guard::first ? 1 : 2;
    return guard.first >= node || (unit.stepIn(guard.first) & needed);
  });
}

bool Unfolding::executes(int leaf, const Unit &unit) {
  const EinsumFact &einsum = tree.facts->einsums[tree.nodes[leaf].einsum];
  spend(1);
  if (!passesGuards(leaf, unit))
    return false;
  llvm::SmallVector<int64_t, 8> point(unit.box.size(), 0);
  for (int rank : einsum.ranks) {
    if (unit.box[rank].size() == 0)
      return false;
    point[rank] = unit.box[rank].lo;
  }
  return llvm::all_of(einsum.domain,
                      [&](const Constraint &c) { return c.holds(point); });
}

void Unfolding::scanPoints(
    int leaf, const Unit &unit,
    llvm::function_ref<void(llvm::ArrayRef<int64_t>)> act) {
  const EinsumFact &einsum = tree.facts->einsums[tree.nodes[leaf].einsum];
  llvm::SmallVector<int64_t, 8> point(unit.box.size(), 0);
  for (int rank : einsum.ranks) {
    if (unit.box[rank].size() == 0)
      return;
    point[rank] = unit.box[rank].lo;
  }
  for (bool more = true; more && spend(1);) {
    if (llvm::all_of(einsum.domain,
                     [&](const Constraint &c) { return c.holds(point); }))
      act(point);
    more = false;
    for (auto rank = einsum.ranks.rbegin();
         rank != einsum.ranks.rend() && !more; ++rank) {
      more = ++point[*rank] < unit.box[*rank].hi;
      if (!more)
        point[*rank] = unit.box[*rank].lo;
    }
  }
}

void Unfolding::scanAll(int leaf,
                        llvm::function_ref<void(llvm::ArrayRef<int64_t>)> act) {
  scanPoints(leaf, whole().front(), act);
}

bool Unfolding::isElement(const Use &use, llvm::ArrayRef<int64_t> point) {
  auto [found, isNew] = restrictions.try_emplace({use.leaf, use.access});
  if (isNew)
    found->second = constraintsOf(tree, use);
  return llvm::all_of(found->second,
                      [&](const Constraint &c) { return c.holds(point); });
}

void Unfolding::scan(int node, const Unit &unit, int leaf,
                     llvm::function_ref<void(llvm::ArrayRef<int64_t>)> act) {
  int demanding = -1; // innermost node below that changes boxes
  for (int i = tree.nodes[leaf].parent; i > node && demanding < 0;
       i = tree.nodes[i].parent)
    if (!tree.nodes[i].demands.empty())
      demanding = i;
  if (demanding < 0) {
    if (passesGuardsAbove(node, leaf, unit))
      scanPoints(leaf, unit, act);
    return;
  }
  for (int child : tree.nodes[node].children) {
    if (!tree.contains(child, leaf))
      continue;
    if (!tree.nodes[node].isLoop()) {
      Unit inner = unit;
      followDemands(child, inner);
      return scan(child, inner, leaf, act);
    }
    int64_t count = stepsOf(node, unit);
    for (int64_t step = 0; step < count && spend(1); ++step) {
      Unit inner = unit;
      setStep(node, step, count, inner);
      if (tree.nodes[node].kind == NodeKind::spatial)
        inner.path.push_back(step);
      followDemands(child, inner);
      scan(child, inner, leaf, act);
    }
  }
}

//===----------------------------------------------------------------------===//
// Demands
//===----------------------------------------------------------------------===//

void Unfolding::enter(int storage, Units &units) {
  for (Unit &unit : units)
    followDemands(storage, unit);
}

/// A visit of one unit is known by its box: what it found when it was first
/// asked about is remembered.
void Unfolding::followDemands(int storage, Unit &unit) {
  const Node &node = tree.nodes[storage];
  if (node.demands.empty())
    return;
  std::vector<int64_t> key = {storage, depth};
  key.insert(key.end(), unit.path.begin(), unit.path.end());
  for (const Interval &side : unit.box) {
    key.push_back(side.lo);
    key.push_back(side.hi);
  }
  auto [known, isNew] = followed.try_emplace(std::move(key));
  if (!isNew) {
    unit.box = known->second;
    return;
  }
  auto &result = known->second;
  for (size_t next = 0; next < node.demands.size();)
    next = followTensor(storage, next, unit);
  result = unit.box;
  if (node.halo == Halo::retained)
    remember(storage, unit);
}

/// All ranks of a tensor follow what is asked for in the same box. Returns the
/// first demand for another tensor; consumers come before producers.
size_t Unfolding::followTensor(int storage, size_t next, Unit &unit) {
  const Node &node = tree.nodes[storage];
  int tensor = node.demands[next].tensor;
  const Elements *held = nullptr;
  if (keeps(storage, unit)) {
    auto &all = remains[{storage, tensor, depth}];
    auto found =
        all.find(std::vector<int32_t>(unit.path.begin(), unit.path.end()));
    held = found == all.end() ? nullptr : &found->second;
  }
  llvm::SmallVector<std::pair<int, Interval>, 2> sides;
  ++depth; // nobody below has been visited yet
  for (; next < node.demands.size() && node.demands[next].tensor == tensor;
       ++next)
    sides.push_back({node.demands[next].rank,
                     demanded(storage, node.demands[next], unit, held)});
  --depth;
  for (auto [rank, side] : sides)
    unit.box[rank] = side;
  return next;
}

Interval Unfolding::demanded(int storage, const Demand &demand,
                             const Unit &unit, const Elements *held) {
  ElementNumbers &known = numbers[demand.tensor];
  if (known.empty()) {
    llvm::SmallVector<Use, 4> uses;
    for (int leaf : tree.leaves)
      for (const LeafAccess &access : tree.nodes[leaf].accesses)
        if (access.use.access->tensor == demand.tensor)
          uses.push_back(access.use);
    known = ElementNumbers(*tree.facts, uses);
  }
  Interval asked{INT64_MAX, 0};
  for (const Use &use : demand.uses) {
    scan(storage, unit, use.leaf, [&](llvm::ArrayRef<int64_t> point) {
      if (!isElement(use, point))
        return;
      known.forEach(use, point, [&](int64_t number) {
        if (held && held->count(number))
          return;
        int64_t value = known.coordinateOf(number, demand.coordinate);
        asked.lo = std::min(asked.lo, value);
        asked.hi = std::max(asked.hi, value + 1);
      });
    });
  }
  return asked.lo < asked.hi ? asked : Interval{0, 0};
}

bool Unfolding::keeps(int storage, const Unit &unit) const {
  int loop = loopAround(tree, storage);
  return tree.nodes[storage].halo == Halo::retained && loop >= 0 &&
         !(unit.stepIn(loop) & 1);
}

/// What the unit holds of produced tensors when this visit ends.
void Unfolding::remember(int storage, const Unit &unit) {
  for (const HeldTensor &held : tree.nodes[storage].held) {
    auto known = numbers.find(held.tensor);
    if (!held.isProducedBelow || known == numbers.end())
      continue; // nobody demands it
    Elements tile;
    for (const Use &use : held.uses)
      scan(storage, unit, use.leaf, [&](llvm::ArrayRef<int64_t> point) {
        if (isElement(use, point))
          known->second.forEach(use, point,
                                [&](int64_t number) { tile.insert(number); });
      });
    remains[{storage, held.tensor, depth}]
           [std::vector<int32_t>(unit.path.begin(), unit.path.end())] =
               std::move(tile);
  }
}
