//===- UnfoldedQuery.cpp - Tiles measured step by step --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/UnfoldedQuery.h"

#include "lib/CostModel/TileComponent.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::cost;

UnfoldedQuery::UnfoldedQuery(const LoopTree &tree, const TilePlace &place,
                             int latch, bool unitsApart)
    : tree(tree), asked(place), latch(latch), unitsApart(unitsApart),
      unfolding(tree), numbers(*tree.facts, place.uses) {
  for (const Use &use : asked.uses) {
    constraints.push_back(constraintsOf(tree, use));
    if (use.isWrite)
      write = use;
  }
  if (write)
    producer = &tree.facts->einsums[tree.nodes[write->leaf].einsum];
  for (int i = asked.node; i >= 0; i = tree.nodes[i].parent)
    route.push_back(i);
  std::reverse(route.begin(), route.end());
  size_t spatials = 0;
  for (int id : route) {
    const Node &node = tree.nodes[id];
    spatials += node.kind == NodeKind::spatial;
    homeSpatials += node.kind == NodeKind::spatial && id < asked.home;
    if (!write || node.kind != NodeKind::storage || asked.home < 0)
      continue;
    int tensor = write->access->tensor;
    bool demands = llvm::any_of(node.demands, [&](const Demand &demand) {
      return demand.tensor == tensor;
    });
    if (id <= asked.home && !node.passthrough &&
        llvm::any_of(node.held, [&](const HeldTensor &held) {
          return held.tensor == tensor;
        })) {
      holders.push_back({id, spatials, {}, {}});
      if (demands || world < 0)
        world = holders.size() - 1;
    } else if (demands && id == asked.node) {
      ownWorld = true;
    }
  }
}

//===----------------------------------------------------------------------===//
// Visits
//===----------------------------------------------------------------------===//

bool UnfoldedQuery::run(TileQuery::Visit each) {
  visit = &each;
  if (write && asked.home >= 0) {
    countAll();
    if (!asked.isOperand && !asked.isOutput && asked.outside.empty()) {
      onlyFetches = true;
      walk(0, unfolding.whole());
      onlyFetches = false;
      visitNumber = 0;
      before.clear();
    }
  }
  walk(0, unfolding.whole());
  flush();
  return !unfolding.exhausted;
}

std::optional<uint64_t> UnfoldedQuery::largest(llvm::ArrayRef<Window> within) {
  windows = within;
  onlyLargest = true;
  walk(0, unfolding.whole());
  if (unfolding.exhausted)
    return std::nullopt;
  return largestTile;
}

void UnfoldedQuery::walk(size_t next, Units units) {
  if (units.empty() || unfolding.exhausted)
    return;
  int id = route[next];
  const Node &node = tree.nodes[id];
  switch (node.kind) {
  case NodeKind::temporal:
    if (id == asked.node)
      return walkPlace(units);
    for (int64_t step = 0, count = unfolding.countSteps(id, units);
         step < count && !unfolding.exhausted; ++step) {
      walk(next + 1, unfolding.stepOf(id, step, units));
      if (id <= latch)
        flush();
    }
    return;
  case NodeKind::spatial: {
    if (id == asked.node)
      return walkPlace(units);
    int64_t outer = spreads[id];
    spreads[id] = unfolding.countSteps(id, units);
    walk(next + 1, unfolding.spread(id, units));
    spreads[id] = outer;
    return;
  }
  case NodeKind::storage:
    return walkHolder(next, units);
  case NodeKind::leaf:
    return asked.isOperand ? walkRun(units) : walkPlace(units);
  case NodeKind::sequence:
  case NodeKind::pipeline:
  case NodeKind::transfer:
    return id == asked.node ? walkPlace(units)
                            : walk(next + 1, std::move(units));
  }
}

void UnfoldedQuery::walkHolder(size_t next, Units &units) {
  int id = route[next];
  unfolding.enter(id, units);
  if (id == asked.node)
    return walkPlace(units);
  auto holder = llvm::find_if(
      holders, [&](const Holder &holder) { return holder.node == id; });
  if (holder != holders.end() && holder != holders.begin() && !onlyFetches &&
      !onlyLargest)
    claim(*holder, *std::prev(holder), units);
  walk(next + 1, units);
  if (id == latch || id == asked.home)
    flush();
  if (holder == holders.end())
    return;
  holder->begun.clear();
  holder->carried.clear();
}

//===----------------------------------------------------------------------===//
// Contributions
//===----------------------------------------------------------------------===//

void UnfoldedQuery::note(Tile &tile, const Use &use,
                         llvm::ArrayRef<int64_t> point) const {
  if (use.isWrite)
    ++tile.made[numbers.numberOf(use, point)];
  else
    tile.reads.insert(numbers.numberOf(use, point));
}

UnfoldedQuery::Tile UnfoldedQuery::tileOf(int node, const Unit &unit,
                                          bool onlyMade) {
  Tile tile;
  for (auto [use, restrictions] : llvm::zip(asked.uses, constraints)) {
    if (onlyMade && !use.isWrite)
      continue;
    const Use &access = use;
    llvm::ArrayRef<Constraint> all = restrictions;
    unfolding.scan(node, unit, use.leaf, [&](llvm::ArrayRef<int64_t> point) {
      if (llvm::all_of(all,
                       [&](const Constraint &c) { return c.holds(point); }))
        note(tile, access, point);
    });
  }
  return tile;
}

/// How many points make each element.
void UnfoldedQuery::countAll() {
  Tile all;
  unfolding.scanAll(write->leaf, [&](llvm::ArrayRef<int64_t> point) {
    note(all, *write, point);
  });
  needed = std::move(all.made);
}

uint64_t UnfoldedQuery::pointsSoFar(const Holder &holder, const Path &path,
                                    int64_t element) const {
  auto in = [&](const PerUnit<Counts> &all) -> uint64_t {
    auto unit = all.find(prefix(path, holder.spatials));
    if (unit == all.end())
      return 0;
    auto found = unit->second.find(element);
    return found == unit->second.end() ? 0 : found->second;
  };
  return in(holder.begun) + in(holder.carried);
}

/// An element that is complete is made anew if it is made again.
bool UnfoldedQuery::isIncomplete(uint64_t contributions,
                                 int64_t element) const {
  return contributions % needed.find(element)->second != 0;
}

/// Partial values go to the first unit that adds to them.
void UnfoldedQuery::claim(Holder &holder, Holder &parent, const Units &units) {
  PerUnit<Elements> claimed;
  for (const Unit &unit : units) {
    Path path(unit.path.begin(), unit.path.end());
    Path from = prefix(path, parent.spatials);
    for (auto [element, count] : tileOf(holder.node, unit, true).made) {
      uint64_t points = pointsSoFar(parent, path, element);
      if (isIncomplete(points, element) && claimed[from].insert(element).second)
        holder.carried[path][element] = points;
    }
  }
}

void UnfoldedQuery::contribute(const Path &path, const Counts &made) {
  for (Holder &holder : holders) {
    Counts &begun = holder.begun[prefix(path, holder.spatials)];
    for (auto [element, count] : made)
      begun[element] += count;
  }
}

/// Units that need, or contribute to, the same words.
uint64_t UnfoldedQuery::copiesOf(bool reducing) const {
  uint64_t copies = 1;
  for (auto [loop, units] : spreads) {
    if (units == 0 || loop < asked.home)
      continue;
    int rank = tree.nodes[loop].rank;
    bool used = llvm::any_of(
        asked.uses, [&](const Use &use) { return use.access->uses(rank); });
    if (asked.isOperand)
      used |=
          !tree.facts->einsums[tree.nodes[asked.node].einsum].iterates(rank);
    bool counts =
        reducing ? producer && producer->reduces(rank) : !producer && !used;
    copies *= counts ? units : 1;
  }
  return copies;
}

//===----------------------------------------------------------------------===//
// Leaves
//===----------------------------------------------------------------------===//

void UnfoldedQuery::walkRun(const Units &units) {
  const Use &use = asked.uses.front();
  for (const Unit &unit : units) {
    if (!unfolding.executes(asked.node, unit))
      continue;
    llvm::SmallVector<int64_t, 8> point;
    for (const Interval &side : unit.box)
      point.push_back(side.lo);
    if (!llvm::all_of(constraints.front(),
                      [&](const Constraint &c) { return c.holds(point); }))
      continue;
    Group &group = groups[Path(unit.path.begin(), unit.path.end())];
    note(group.tile, use, point);
    group.copies = std::max(group.copies, copiesOf(use.isWrite));
  }
  if (latch == INT32_MAX)
    flush();
}

/// A group is over: what it used was one transfer.
void UnfoldedQuery::flush() {
  if (groups.empty())
    return;
  PerUnit<Group> united;
  PerUnit<Elements> partial;
  for (auto &[path, group] : groups) {
    Path key = unitsApart ? path : prefix(path, homeSpatials);
    Group &all = united[key];
    all.copies = std::max(all.copies, group.copies);
    all.tile.reads.insert(group.tile.reads.begin(), group.tile.reads.end());
    for (auto [element, count] : group.tile.made) {
      all.tile.made[element] += count;
      if (!holders.empty() &&
          isIncomplete(pointsSoFar(holders.back(), path, element), element))
        partial[key].insert(element);
    }
  }
  for (auto &[path, group] : groups)
    contribute(path, group.tile.made);
  groups.clear();
  for (auto &[key, group] : united) {
    TileClass result;
    result.times = 1;
    (write ? result.reducing : result.sharing) = group.copies;
    TileSizes &sizes = result.sizes;
    sizes.fetched = group.tile.reads.size();
    sizes.written = sizes.drained = group.tile.made.size();
    sizes.partial = sizes.ownPartial = partial[key].size();
    sizes.all = sizes.fetched + sizes.written;
    (*visit)(result);
  }
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

void UnfoldedQuery::walkPlace(const Units &units) {
  std::vector<Tile> tiles;
  bool happens = false;
  for (const Unit &unit : units) {
    tiles.push_back(tileOf(asked.node, unit, false));
    happens |= !tiles.back().reads.empty() || !tiles.back().made.empty();
  }
  if (happens && onlyLargest)
    for (const Tile &tile : tiles)
      measure(tile);
  else if (happens)
    closeTiles(units, tiles);
  else
    before.clear(); // the next visit has none before it
  ++visitNumber;
}

void UnfoldedQuery::closeTiles(const Units &units,
                               const std::vector<Tile> &tiles) {
  struct Sets {
    Elements fetched, written, partial, own, drained, all;
  };
  bool needsAll = asked.isOutput || !asked.outside.empty();
  PerUnit<Sets> sets;
  PerUnit<Elements> claimed;
  // What a unit fetches, and what it continues, is there before the visit.
  for (auto [unit, tile] : llvm::zip(units, tiles)) {
    Path path(unit.path.begin(), unit.path.end());
    Path from = prefix(path, homeSpatials);
    Sets &mine = sets[unitsApart ? path : from];
    Elements whole;
    const Elements *held = nullptr;
    if (unfolding.keeps(asked.node, unit))
      if (auto found = before.find(path); found != before.end())
        held = &found->second;
    for (int64_t element : tile.reads) {
      mine.all.insert(element);
      whole.insert(element);
      if (tile.made.count(element) || (held && held->count(element)))
        continue;
      mine.fetched.insert(element);
      if (onlyFetches)
        lastFetch[element] = visitNumber;
    }
    for (auto [element, count] : tile.made) {
      mine.all.insert(element);
      whole.insert(element);
      mine.written.insert(element);
      if (holders.empty() || onlyFetches ||
          !isIncomplete(pointsSoFar(holders.back(), path, element), element))
        continue;
      mine.partial.insert(element);
      if (claimed[from].insert(element).second)
        mine.own.insert(element);
    }
    if (asked.halo == Halo::retained)
      before[path] = std::move(whole);
  }
  if (onlyFetches)
    return;
  std::vector<char> carried; // in the order of tiles and elements
  if (ownWorld)
    for (auto [unit, tile] : llvm::zip(units, tiles)) {
      Path path(unit.path.begin(), unit.path.end());
      for (auto [element, count] : tile.made) {
        uint64_t sofar = pointsSoFar(holders.back(), path, element);
        bool incomplete = isIncomplete(
            count + (isIncomplete(sofar, element) ? sofar : 0), element);
        carried.push_back(incomplete);
      }
    }
  for (auto [unit, tile] : llvm::zip(units, tiles))
    contribute(Path(unit.path.begin(), unit.path.end()), tile.made);
  size_t next = 0;
  for (auto [unit, tile] : llvm::zip(units, tiles)) {
    Path path(unit.path.begin(), unit.path.end());
    Sets &mine = sets[unitsApart ? path : prefix(path, homeSpatials)];
    for (auto [element, count] : tile.made) {
      bool needed = needsAll;
      if (!needed && ownWorld)
        needed = carried[next++];
      else if (!needed && world >= 0)
        needed =
            isIncomplete(pointsSoFar(holders[world], path, element), element);
      auto later = lastFetch.find(element);
      needed |= later != lastFetch.end() && later->second > visitNumber;
      if (needed)
        mine.drained.insert(element);
    }
  }
  for (auto &[path, mine] : sets) {
    if (mine.all.empty())
      continue;
    TileClass result;
    result.times = 1;
    result.sharing = unitsApart ? 1 : copiesOf(false);
    result.reducing = unitsApart ? 1 : copiesOf(true);
    result.sizes = {mine.fetched.size(), mine.written.size(),
                    mine.partial.size(), mine.own.size(),
                    mine.drained.size(), mine.all.size()};
    (*visit)(result);
  }
}

/// The most elements that lie in all windows at once.
static uint64_t mostWithin(const ElementNumbers &numbers,
                           llvm::ArrayRef<int64_t> elements,
                           llvm::ArrayRef<Window> windows) {
  if (windows.empty())
    return elements.size();
  std::map<int64_t, std::vector<int64_t>> along;
  for (int64_t element : elements)
    along[numbers.coordinateOf(element, windows.front().coordinate)].push_back(
        element);
  uint64_t most = 0;
  for (auto first = along.begin(); first != along.end(); ++first) {
    std::vector<int64_t> within;
    for (auto it = first;
         it != along.end() && it->first - first->first < windows.front().width;
         ++it)
      within.insert(within.end(), it->second.begin(), it->second.end());
    most = std::max(most, mostWithin(numbers, within, windows.drop_front()));
  }
  return most;
}

void UnfoldedQuery::measure(const Tile &tile) {
  Elements all = tile.reads;
  for (auto [element, count] : tile.made)
    all.insert(element);
  std::vector<int64_t> elements(all.begin(), all.end());
  largestTile = std::max(largestTile, mostWithin(numbers, elements, windows));
}
