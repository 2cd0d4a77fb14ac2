//===- PlanExtender.cpp - Plans with one more Einsum, and their costs -----===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Join/PlanExtender.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::mapper;

/// Loops of which the placed Einsum, or `producer`, runs in one step only.
uint32_t PlanExtender::guards(const Placement &p, int producer) const {
  uint32_t guarded = 0;
  for (size_t d = 0; d < p.roles.size(); ++d)
    guarded |= (p.roles[d] != Role::everyStep) << d;
  for (const Pending &one : p.state.pending)
    if (producer >= 0 && facts.tensors[one.tensor].producer == producer)
      guarded |= one.firstStep | one.lastStep;
  return guarded;
}

/// Visits of an Einsum's nest that happen.
double PlanExtender::visitsOf(const Placement &p) const {
  int depth = p.state.loops.size();
  if (!p.fact->cut)
    return states.steps(p.state, depth, guards(p));
  llvm::SmallVector<int64_t, 8> tiles;
  p.search->getCodec().tiles(p.tileAt(depth), tiles);
  return static_cast<double>(p.fact->cut->countVisits(tiles));
}

/// Cycles of one visit before its array is at work, and after its last point.
double PlanExtender::startUpOf(const Placement &p,
                               const NestEntry &nest) const {
  return p.fact->startUpCycles + axes.waitOf(nest.costs);
}

/// Where each operand is latched if the nest has no loop that it uses: below
/// the last shared loop that it uses, or where it is held.
LatchTiles PlanExtender::latchTiles(const Placement &p) const {
  const EinsumOnArray &nest = *p.fact;
  LatchTiles tiles{};
  for (size_t o = 0; o < nest.operands.size(); ++o) {
    int depth = 0;
    for (const Pending &one : p.state.pending)
      if (one.tensor == nest.operands[o].tensor && one.level >= 0)
        depth = one.depth;
    for (const SharedHold &hold : p.holds)
      if (hold.operand == static_cast<int>(o))
        depth = std::max(depth, hold.depth);
    for (size_t d = 0; d < p.loopRanks.size(); ++d)
      if (p.loopRanks[d] >= 0 &&
          (nest.operands[o].atLeaf >> p.loopRanks[d] & 1))
        depth = std::max<int>(depth, d + 1);
    tiles[o] = p.tileAt(depth);
  }
  return tiles;
}

/// What stands above the nest is known for sure of an Einsum that is alone.
LoopOrder PlanExtender::orderOf(const Placement &p) const {
  LoopOrder order;
  const EinsumOnArray &nest = *p.fact;
  if (!nest.constraints->ordersLoops() || facts.einsums.size() == 1 ||
      !limits.space.fusion)
    return order;
  order.within = LoopOrder::kAny;
  for (const SharedLoop &loop : p.state.loops)
    for (size_t r = 0; r < nest.ranks.size(); ++r)
      if (!JoinRules::mayStandInside(nest, loop.rank, nest.ranks[r].rank))
        order.barred |= 1u << r;
  return order;
}

/// Those that matter. Of an Einsum by itself only what fits, and how long it
/// takes as a whole: nothing waits for one of its ports alone.
std::vector<const NestEntry *>
PlanExtender::chooseNests(const Placement &p,
                          llvm::ArrayRef<NestEntry> nests) const {
  struct Chosen {
    std::array<double, 5> costs{};
    const NestEntry *nest;
  };
  bool isAlone = p.state.loops.empty() && limits.dominance &&
                 !states.movesWithOthers(p.state, p.einsum);
  std::vector<Chosen> chosen;
  for (const NestEntry &nest : nests) {
    Chosen one{{}, &nest};
    auto at = [&](int axis) { return axis < 0 ? 0 : nest.costs[axis]; };
    double cycles =
        axes.cycles < 0 ? 0 : at(axes.cycles) + startUpOf(p, nest) * p.visits;
    for (size_t r = 0; r < axes.resources.size(); ++r)
      cycles = std::max(cycles, nest.costs[axes.resource + r]);
    one.costs = {at(axes.energy), cycles, at(axes.traffic),
                 nest.costs[axes.count],
                 axes.measured < 0 ? 0 : at(axes.held + axes.measured)};
    bool isTooLarge = false;
    for (size_t l = 0; l < axes.levels.size() && isAlone; ++l)
      isTooLarge |= !states.fits(states.liveBytes(p.state, 0, axes.levels[l]) +
                                     nest.costs[axes.held + l],
                                 static_cast<int>(l));
    if (!isTooLarge)
      chosen.push_back(one);
  }
  if (isAlone)
    keepPareto(chosen, 5);
  std::vector<const NestEntry *> all;
  for (const Chosen &one : chosen)
    all.push_back(one.nest);
  return all;
}

/// So that what is dominated, or too much, does not pile up.
static constexpr size_t kMostAtOnce = 1 << 16;

void PlanExtender::addNests(Placement &p, JoinLayer &next) {
  int depth = p.state.loops.size();
  p.backed = states.backedBytes(p.state, p.einsum, p.keep == 0);
  p.visits = visitsOf(p);
  std::vector<const NestEntry *> nests =
      chooseNests(p, p.search->complete(p.tileAt(depth), p.holdings,
                                        latchTiles(p), orderOf(p)));
  if (nests.empty())
    return;
  JoinLayout before = states.layoutOf(p.from->state),
             open = states.layoutOf(p.state);
  std::shared_ptr<const PlanPlace> place = placeOf(p);
  std::vector<JoinEntry> entries;
  for (const JoinEntry &old : p.from->entries) {
    if (progress.isStopped())
      return;
    for (const NestEntry *nest : nests) {
      JoinEntry entry = extend(p, old, *nest, before, open, place);
      if (entry.costs.empty())
        continue;
      entries.push_back(std::move(entry));
    }
    if (entries.size() >= kMostAtOnce)
      close(p, std::exchange(entries, {}), next);
  }
  close(p, std::move(entries), next);
}

/// Entries become plans of the next layer.
void PlanExtender::close(const Placement &p, std::vector<JoinEntry> entries,
                         JoinLayer &next) {
  if (entries.empty())
    return;
  progress.counts.entries += entries.size();
  JoinState state = p.state;
  rules.recordTouches(state, p.einsum, p.roles, p.holds, *p.fact);
  llvm::erase_if(state.drains, [&](const Drain &drain) {
    return drain.depth <= p.keep && drain.array != p.fact->array &&
           rules.reads(p.einsum, drain.einsum);
  });
  uint64_t drained = 0;
  if (axes.cycles >= 0 && arch.arrays.size() > 1 && !arch.accounting.freeSums)
    drained = 1;
  // What drains depends on how ranks are dealt: apart by steps.
  std::map<uint64_t, std::vector<JoinEntry>> bySteps;
  for (JoinEntry &entry : entries) {
    uint64_t sums = 0;
    if (drained)
      for (const NestStep *node = entry.plan->nest; node; node = node->next)
        if (node->kind == NestStep::Kind::deal)
          for (const Deal &deal : *node->deals)
            if (p.fact->fans[deal.fan].stage == node->stage &&
                facts.einsums[p.einsum].reduces(
                    p.fact->ranks[p.search->ownRank(deal.rank)].rank))
              sums += deal.units;
    bySteps[sums].push_back(std::move(entry));
  }
  for (auto &[sums, some] : bySteps) {
    JoinState closed = state;
    if (sums && rules.hasLaterReader(closed, p.einsum))
      closed.drains.push_back({p.einsum, p.fact->array,
                               static_cast<int>(closed.loops.size()) + 1,
                               sums});
    std::vector<JoinState> ways = rules.releases(closed, p.einsum);
    for (JoinState &way : ways) {
      bool isLast = &way == &ways.back();
      std::vector<JoinEntry> mine = isLast ? std::exchange(some, {}) : some;
      std::vector<SharedLoop> open = way.loops;
      closer.close(way, mine, p.einsum);
      // Nobody below goes the way that it was opened for.
      if (llvm::any_of(llvm::ArrayRef(open).drop_front(way.loops.size()),
                       [](const SharedLoop &loop) { return loop.owed; }))
        continue;
      progress.addedBytes += mine.size() * mine.front().bytes();
      addTo(next, way, std::move(mine));
    }
  }
  bool tooMany = (limits.mostStates && next.size() > 4 * limits.mostStates) ||
                 (limits.mostBytes && progress.addedBytes > limits.mostBytes);
  if (tooMany)
    pruner.prune(next);
}

/// What is retained from here on was there already beside earlier children,
/// kept since the last visit. False if it did not fit there.
bool PlanExtender::addRetained(const Placement &p, std::vector<double> &costs,
                               const JoinLayout &open) const {
  for (const Pending &one : p.state.pending) {
    bool isNew = one.retained && one.depth <= p.keep &&
                 facts.tensors[one.tensor].producer == p.einsum;
    int axis = isNew ? axes.heldAt(one.level) : -1;
    if (axis < 0)
      continue;
    int l = axis - axes.held;
    double &largest = costs[open.largest(one.depth) + l];
    if (largest == 0)
      continue; // no child yet
    largest += static_cast<double>(states.homeBytes(p.state, one));
    double total = largest;
    for (int d = one.depth - 1; d >= 0; --d)
      total += costs[open.around(d) + l] +
               states.liveBytes(p.state, d, axes.levels[l]);
    if (!states.fits(total, l))
      return false;
  }
  return true;
}

std::shared_ptr<const PlanPlace>
PlanExtender::placeOf(const Placement &p) const {
  auto place = std::make_shared<PlanPlace>();
  place->einsum = p.einsum;
  place->fact = p.fact;
  place->search = p.search;
  place->loops = p.state.loops;
  place->homes = p.homes;
  place->holds = p.holds;
  place->order = orderOf(p);
  place->keep = p.keep;
  if (p.state.pipelined)
    place->pipelineDepth = static_cast<int>(p.state.loops.size());
  place->lag = p.lag;
  return place;
}

/// Empty costs if it does not fit.
JoinEntry PlanExtender::extend(const Placement &p, const JoinEntry &old,
                               const NestEntry &nest, const JoinLayout &before,
                               const JoinLayout &open,
                               const std::shared_ptr<const PlanPlace> &place) {
  JoinEntry entry;
  std::vector<double> &costs = entry.costs;
  costs.assign(open.size(), 0);
  std::copy(old.costs.begin(),
            old.costs.begin() + before.time(before.depth + 1), costs.begin());
  if (before.pipelined) {
    std::copy(old.costs.begin() + before.busy(0, 0, 0),
              old.costs.begin() + before.startUp(),
              costs.begin() + open.busy(0, 0, 0));
    costs[open.startUp()] = old.costs[before.startUp()];
  }
  const EinsumOnArray &fact = *p.fact;
  int last = open.depth;
  auto add = [&](const Costs &some, int depth) {
    if (axes.energy >= 0)
      costs[open.energy()] += some[axes.energy];
    if (axes.traffic >= 0)
      costs[open.traffic()] += some[axes.traffic];
    for (int r = 0; r < open.resources; ++r)
      costs[open.moved(depth) + r] += some[axes.resource + r];
  };
  // Holders for several Einsums move within what is around them; those of one,
  // above the next shared loop, within its child.
  for (int d = 0; d <= last; ++d)
    add(p.filled[d], d);
  for (int d = 0; d < last; ++d) {
    add(p.above[d], d + 1);
    for (int l = 0; l < open.levels; ++l)
      costs[open.around(d) + l] += p.above[d][axes.held + l];
  }
  add(nest.costs, last);
  add(p.atLeaf, last);
  if (axes.cycles >= 0) {
    double cycles = nest.costs[axes.cycles];
    if (open.pipelined) {
      costs[open.busy(p.pattern, fact.array, p.lag)] += cycles;
      // A stage that has no point never starts.
      if (p.visits > 0)
        costs[open.startUp()] =
            std::max(costs[open.startUp()], startUpOf(p, nest));
    } else {
      cycles += startUpOf(p, nest) * p.visits;
      for (int r = 0; r < open.resources; ++r)
        cycles = std::max(cycles, nest.costs[axes.resource + r] +
                                      p.atLeaf[axes.resource + r]);
      costs[open.time(last)] += cycles;
    }
    // Sums of the child before drain first.
    for (const Drain &drain : p.from->state.drains)
      if (!states.isCut && drain.depth <= p.keep && drain.array != fact.array &&
          rules.reads(p.einsum, drain.einsum))
        costs[open.time(drain.depth)] +=
            static_cast<double>(drain.steps) *
            states.steps(p.state, drain.depth, guards(p, drain.einsum));
  }
  if (!addRetained(p, costs, open)) {
    ++progress.counts.overCapacity;
    return {};
  }
  for (int l = 0; l < open.levels; ++l) {
    double held = nest.costs[axes.held + l];
    double live = states.liveBytes(p.state, last, axes.levels[l]);
    // What lives at the backing level is there for a whole child of the root.
    if (arch.levels[axes.levels[l]].parent < 0)
      (last == 0 ? live : costs[open.around(0) + l]) += p.backed;
    double &largest = costs[open.largest(last) + l];
    if (open.pipelined) {
      largest += held;
    } else {
      largest = std::max(largest, live + held);
    }
    double total = largest;
    if (open.pipelined)
      total += live + costs[open.around(last) + l];
    // Above, what is live in the children around.
    for (int d = last - 1; d >= 0; --d) {
      double around = costs[open.around(d) + l];
      for (const Pending &one : p.state.pending)
        if (one.level == axes.levels[l] && one.depth == d)
          around += static_cast<double>(states.homeBytes(p.state, one));
      total += around;
    }
    if (!states.fits(total, l)) {
      progress.noteOver(axes.levels[l]);
      return {};
    }
  }
  if (bounds.isHopeless(p.rest, costs, open)) {
    ++progress.counts.overBound;
    return {};
  }
  auto step = std::make_shared<PlanStep>();
  step->place = place;
  step->nest = &nest.step;
  step->previous = old.plan;
  entry.plan = std::move(step);
  return entry;
}
