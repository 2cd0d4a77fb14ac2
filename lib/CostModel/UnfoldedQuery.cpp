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

/// Of the place, and of the nodes above that hold parts of their tiles.
static llvm::SmallVector<Use, 4> usesOf(const LoopTree &tree,
                                        const TilePlace &place) {
  llvm::SmallVector<Use, 4> uses(place.uses.begin(), place.uses.end());
  for (int i = place.home; i >= 0; i = tree.nodes[i].parent)
    if (const HeldTensor *part = findPart(tree, i, place.tensor()))
      uses.append(part->uses.begin(), part->uses.end());
  return uses;
}

UnfoldedQuery::UnfoldedQuery(const LoopTree &tree, const TilePlace &place,
                             int latch, bool unitsApart)
    : tree(tree), asked(place), latch(latch), unitsApart(unitsApart),
      unfolding(tree), numbers(*tree.facts, usesOf(tree, place)) {
  if (asked.countsBlocks && asked.tensor() >= 0)
    grid = tree.facts->tensors[asked.tensor()].grid;
  for (const Use &use : usesOf(tree, place))
    constraints.try_emplace({use.leaf, use.access}, constraintsOf(tree, use));
  for (const Use &use : asked.uses)
    if (use.isWrite)
      write = use;
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
    if (node.kind == NodeKind::storage && asked.home >= 0)
      addHolder(id, spatials);
  }
}

void UnfoldedQuery::addHolder(int id, size_t spatials) {
  const Node &node = tree.nodes[id];
  int tensor = asked.tensor();
  bool demands = write && llvm::any_of(node.demands, [&](const Demand &demand) {
                   return demand.tensor == tensor;
                 });
  bool holds =
      !node.passthrough && llvm::any_of(node.held, [&](const HeldTensor &held) {
        return held.tensor == tensor;
      });
  const HeldTensor *part = findPart(tree, id, tensor);
  if (id == asked.node) {
    ownWorld = demands;
    ownPart = part;
  } else if (holds && id <= asked.home) {
    holders.push_back({id, spatials, {}, {}, part, {}});
    hasParts |= part != nullptr;
    if (demands || world < 0)
      world = holders.size() - 1;
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

std::optional<TileLoad> UnfoldedQuery::largest(llvm::ArrayRef<Window> within) {
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
  if (holder != holders.end() && !onlyFetches && !onlyLargest) {
    if (holder->part)
      notePart(*holder, units);
    if (write && holder != holders.begin())
      claim(*holder, *std::prev(holder), units);
  }
  walk(next + 1, units);
  if (id == latch || id == asked.home)
    flush();
  if (holder == holders.end())
    return;
  holder->begun.clear();
  holder->carried.clear();
  holder->last.clear();
}

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

/// The last element that is there if a node keeps the first ones of a tile.
int64_t UnfoldedQuery::lastOf(int node, const Tile &tile) const {
  std::vector<int64_t> elements(tile.reads.begin(), tile.reads.end());
  for (auto [element, count] : tile.made)
    if (!tile.reads.count(element))
      elements.push_back(element);
  size_t kept = tree.nodes[node].resident;
  if (elements.size() <= kept)
    return INT64_MAX;
  std::nth_element(elements.begin(), elements.begin() + kept - 1,
                   elements.end());
  return elements[kept - 1];
}

void UnfoldedQuery::notePart(Holder &holder, const Units &units) {
  for (const Unit &unit : units)
    holder.last[Path(unit.path.begin(), unit.path.end())] =
        lastOf(holder.node, tileOf(holder.node, unit, holder.part->uses));
  if (write && holder.node != holders.front().node)
    refuseMixture(holder, units);
}

void UnfoldedQuery::refuseMixture(const Holder &holder, const Units &units) {
  Keepers keepers;
  for (const Unit &unit : units) {
    Path path(unit.path.begin(), unit.path.end());
    for (auto [element, count] : tileOf(holder.node, unit, *write).made)
      noteKeeper(keepers, path, element, holder.holds(path, element),
                 &holder - holders.data() - 1);
  }
}

/// Of units that add to the same sum, seen from `outside`, all keep it or none
/// does.
void UnfoldedQuery::noteKeeper(Keepers &keepers, const Path &path,
                               int64_t element, bool keeps, size_t outside) {
  size_t place = findPlace(path, element, outside);
  Path around = prefix(path, holders[place].spatials);
  around.push_back(static_cast<int32_t>(place));
  auto [known, isNew] = keepers[around].try_emplace(element, keeps);
  if (known->second != keeps)
    mixed = unfolding.exhausted = true;
}

bool UnfoldedQuery::Holder::holds(const Path &path, int64_t element) const {
  if (!part)
    return true;
  auto unit = last.find(Path(path.begin(), path.begin() + spatials));
  return unit == last.end() || element <= unit->second;
}

/// The holder where an element is, seen from one of them: that, or one further
/// out.
size_t UnfoldedQuery::findPlace(const Path &path, int64_t element,
                                size_t from) const {
  while (from > 0 && !holders[from].holds(path, element))
    --from;
  return from;
}

/// The sizes of one transfer, and what of it is at which holder.
TileClass UnfoldedQuery::classOf(const Path &path, const Sets &sets) const {
  TileClass result;
  result.times = 1;
  result.sizes = sizesOf(sets);
  if (holders.empty() || !holders.back().part)
    return result;
  std::vector<Sets> shares(holders.size());
  for (Elements Sets::*part : {&Sets::fetched, &Sets::written, &Sets::partial,
                               &Sets::drained, &Sets::joined})
    for (int64_t element : sets.*part)
      (shares[holders.size() - 1 - findPlace(path, element)].*part)
          .insert(element);
  for (const Sets &share : shares)
    result.shares.push_back(sizesOf(share));
  return result;
}

TileSizes UnfoldedQuery::sizesOf(const Sets &sets) const {
  TileSizes sizes = {sets.fetched.size(), sets.written.size(),
                     sets.partial.size(), sets.own.size(),
                     sets.drained.size(), sets.all.size(),
                     sets.joined.size()};
  if (grid.empty())
    return sizes;
  Elements begun;
  for (int64_t element : sets.drained)
    if (sets.partial.count(element) || sets.joined.count(element))
      begun.insert(element);
  sizes.blocks = {blocksOf({&sets.fetched}),
                  blocksOf({&sets.fetched, &sets.partial}),
                  blocksOf({&sets.fetched, &sets.own}),
                  blocksOf({&sets.drained}),
                  blocksOf({&begun}),
                  blocksOf({&sets.joined}),
                  blocksOf({&sets.all})};
  return sizes;
}

/// Blocks that the union touches.
uint64_t UnfoldedQuery::blocksOf(llvm::ArrayRef<const Elements *> sets) const {
  std::set<std::vector<int64_t>> blocks;
  for (const Elements *elements : sets)
    for (int64_t element : *elements) {
      std::vector<int64_t> block;
      for (auto [k, size] : llvm::enumerate(grid))
        if (size != 0)
          block.push_back(numbers.coordinateOf(element, k) / size);
      blocks.insert(std::move(block));
    }
  return blocks.size();
}

//===----------------------------------------------------------------------===//
// Contributions
//===----------------------------------------------------------------------===//

void UnfoldedQuery::note(Tile &tile, const Use &use,
                         llvm::ArrayRef<int64_t> point) const {
  if (use.isWrite)
    ++tile.made[numbers.numberOf(use, point)];
  else
    noteReads(tile, use, point);
}

/// Of a read that gathers, what it reaches is noted once.
void UnfoldedQuery::noteReads(Tile &tile, const Use &use,
                              llvm::ArrayRef<int64_t> point) const {
  if (use.access->gathers() &&
      !tile.reached.insert({use.access, numbers.numberOf(use, point)}).second)
    return;
  numbers.forEach(use, point,
                  [&](int64_t number) { tile.reads.insert(number); });
}

UnfoldedQuery::Tile UnfoldedQuery::tileOf(int node, const Unit &unit,
                                          llvm::ArrayRef<Use> uses) {
  Tile tile;
  for (const Use &use : uses) {
    llvm::ArrayRef<Constraint> all = constraints[{use.leaf, use.access}];
    unfolding.scan(node, unit, use.leaf, [&](llvm::ArrayRef<int64_t> point) {
      if (llvm::all_of(all,
                       [&](const Constraint &c) { return c.holds(point); }))
        note(tile, use, point);
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
  size_t outside = &parent - holders.data();
  for (const Unit &unit : units) {
    Path path(unit.path.begin(), unit.path.end());
    for (auto [element, count] : tileOf(holder.node, unit, *write).made) {
      if (!holder.holds(path, element))
        continue;
      const Holder &from = holders[findPlace(path, element, outside)];
      uint64_t points = pointsSoFar(from, path, element);
      if (isIncomplete(points, element) &&
          claimed[prefix(path, from.spatials)].insert(element).second)
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
    if (!llvm::all_of(constraints[{use.leaf, use.access}],
                      [&](const Constraint &c) { return c.holds(point); }))
      continue;
    Group &group = groups[Path(unit.path.begin(), unit.path.end())];
    note(group.tile, use, point);
    if (use.isWrite && hasParts)
      group.firstMade.try_emplace(numbers.numberOf(use, point), madeSoFar++);
    group.copies = std::max(group.copies, copiesOf(use.isWrite));
  }
  if (latch == INT32_MAX)
    flush();
}

/// What groups continue: of an element that is at the home, what is there when
/// the group begins; of one further out, to which groups of several homes add,
/// what was there when a group added first.
void UnfoldedQuery::findPartials(PerUnit<Sets> &united) const {
  struct Addition {
    uint64_t when;
    const Path *path;
    int64_t element;
  };
  std::vector<Addition> outside;
  for (const auto &[path, group] : groups)
    for (auto [element, count] : group.tile.made) {
      const Holder &place = holders[findPlace(path, element)];
      if (&place != &holders.back())
        outside.push_back(
            {group.firstMade.find(element)->second, &path, element});
      else if (isIncomplete(pointsSoFar(place, path, element), element))
        united[keyOf(path)].partial.insert(element);
    }
  llvm::sort(outside, [](const Addition &a, const Addition &b) {
    return a.when < b.when;
  });
  PerUnit<std::map<int64_t, Path>> first; // by place: who adds first
  for (const Addition &addition : outside) {
    const Path &path = *addition.path;
    const Holder &place = holders[findPlace(path, addition.element)];
    Path home = prefix(path, homeSpatials);
    auto [adder, isFirst] =
        first[prefix(path, place.spatials)].try_emplace(addition.element, home);
    if ((isFirst || adder->second != home) &&
        (!isFirst || isIncomplete(pointsSoFar(place, path, addition.element),
                                  addition.element)))
      united[keyOf(path)].partial.insert(addition.element);
  }
}

/// A group is over: what it used was one transfer.
void UnfoldedQuery::flush() {
  if (groups.empty())
    return;
  PerUnit<Sets> united;
  PerUnit<uint64_t> copies;
  for (auto &[path, group] : groups) {
    Path key = keyOf(path);
    Sets &all = united[key];
    copies[key] = std::max(copies[key], group.copies);
    all.fetched.insert(group.tile.reads.begin(), group.tile.reads.end());
    for (auto [element, count] : group.tile.made)
      all.written.insert(element);
  }
  if (!holders.empty())
    findPartials(united);
  for (auto &[path, group] : groups)
    contribute(path, group.tile.made);
  groups.clear();
  for (auto &[key, sets] : united) {
    TileClass result = classOf(key, sets);
    (write ? result.reducing : result.sharing) = copies[key];
    TileSizes &sizes = result.sizes;
    sizes.drained = sizes.written;
    sizes.ownPartial = sizes.partial;
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
    tiles.push_back(tileOf(asked.node, unit, asked.uses));
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
  bool needsAll = asked.isOutput || !asked.outside.empty();
  PerUnit<Sets> sets;
  PerUnit<Elements> claimed;
  std::vector<int64_t> lasts; // of each unit, if only parts are there
  Keepers keepers;
  // What a unit fetches, and what it continues, is there before the visit.
  for (auto [unit, tile] : llvm::zip(units, tiles)) {
    Path path(unit.path.begin(), unit.path.end());
    Sets &mine = sets[keyOf(path)];
    int64_t last = ownPart ? lastOf(asked.node, tile) : INT64_MAX;
    lasts.push_back(last);
    Elements whole;
    const Elements *held = nullptr;
    if (unfolding.keeps(asked.node, unit))
      if (auto found = before.find(path); found != before.end())
        held = &found->second;
    for (int64_t element : tile.reads) {
      whole.insert(element);
      if (element <= last)
        mine.all.insert(element);
      if (tile.made.count(element) || (held && held->count(element)))
        continue;
      if (element <= last)
        mine.fetched.insert(element);
      if (onlyFetches)
        lastFetch[element] = visitNumber;
    }
    for (auto [element, count] : tile.made) {
      whole.insert(element);
      if (ownPart && !holders.empty())
        noteKeeper(keepers, path, element, element <= last, holders.size() - 1);
      if (element > last)
        continue;
      mine.all.insert(element);
      mine.written.insert(element);
      if (holders.empty() || onlyFetches)
        continue;
      const Holder &place = holders[findPlace(path, element)];
      if (!isIncomplete(pointsSoFar(place, path, element), element) ||
          !claimed[prefix(path, place.spatials)].insert(element).second)
        continue;
      mine.partial.insert(element);
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
  PerUnit<std::map<int64_t, Path>> brought; // by place: from which home
  for (auto [unit, tile, last] : llvm::zip(units, tiles, lasts)) {
    Path path(unit.path.begin(), unit.path.end());
    Path home = prefix(path, homeSpatials);
    Sets &mine = sets[keyOf(path)];
    for (auto [element, count] : tile.made) {
      bool needed = needsAll;
      if (!needed && ownWorld)
        needed = carried[next++];
      else if (!needed && world >= 0)
        needed =
            isIncomplete(pointsSoFar(holders[world], path, element), element);
      auto later = lastFetch.find(element);
      needed |= later != lastFetch.end() && later->second > visitNumber;
      if (!needed || element > last)
        continue;
      mine.drained.insert(element);
      if (!hasParts)
        continue;
      const Holder &place = holders[findPlace(path, element)];
      auto &there = brought[prefix(path, place.spatials)];
      if (there.try_emplace(element, home).first->second != home)
        mine.joined.insert(element);
    }
  }
  for (auto &[path, mine] : sets) {
    if (mine.all.empty())
      continue;
    TileClass result = classOf(path, mine);
    result.sharing = unitsApart ? 1 : copiesOf(false);
    result.reducing = unitsApart ? 1 : copiesOf(true);
    (*visit)(result);
  }
}

/// The most that lies in all windows at once.
TileLoad UnfoldedQuery::mostWithin(llvm::ArrayRef<int64_t> elements,
                                   llvm::ArrayRef<Window> within) const {
  if (within.empty()) {
    Elements all;
    if (!grid.empty())
      all.insert(elements.begin(), elements.end());
    return {elements.size(), blocksOf({&all})};
  }
  std::map<int64_t, std::vector<int64_t>> along;
  for (int64_t element : elements)
    along[numbers.coordinateOf(element, within.front().coordinate)].push_back(
        element);
  TileLoad most;
  for (auto first = along.begin(); first != along.end(); ++first) {
    std::vector<int64_t> inside;
    for (auto it = first;
         it != along.end() && it->first - first->first < within.front().width;
         ++it)
      inside.insert(inside.end(), it->second.begin(), it->second.end());
    most = largerOf(tree.facts->tensors[asked.tensor()], most,
                    mostWithin(inside, within.drop_front()));
  }
  return most;
}

void UnfoldedQuery::measure(const Tile &tile) {
  Elements all = tile.reads;
  for (auto [element, count] : tile.made)
    all.insert(element);
  std::vector<int64_t> elements(all.begin(), all.end());
  TileLoad most = mostWithin(elements, windows);
  auto kept = static_cast<uint64_t>(tree.nodes[asked.node].resident);
  if (!grid.empty() && tree.nodes[asked.node].resident >= 0 &&
      most.words > kept) {
    most.words = kept;
    llvm::sort(elements);
    elements.resize(std::min<size_t>(elements.size(), kept));
    Elements first(elements.begin(), elements.end());
    most.blocks = std::min(most.blocks, blocksOf({&first}));
  }
  largestTile =
      largerOf(tree.facts->tensors[asked.tensor()], largestTile, most);
}
