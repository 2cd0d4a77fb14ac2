//===- ComponentDemands.cpp - What readers ask for ------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/ComponentWalk.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::cost;

using Component = TileQuery::Component;

/// The interval of a rank follows from what readers ask for.
void ComponentWalk::walkDemand(size_t index, uint64_t times, uint64_t sharing,
                               uint64_t reducing) {
  const Node &node = tree.nodes[component.loops[index].node];
  llvm::SmallVector<RankState, 4> saved(current.begin(), current.end());
  bool something = true;
  for (const Demand &demand : node.demands) {
    int local = component.localOf[demand.rank];
    if (local < 0)
      continue;
    llvm::SmallVector<Interval, 4> box = intervals();
    Interval asked = demanded(demand, box);
    demandedAtOnce[local] = demanded(demand, stepsAtOnce(index, box)).size();
    shifts[local] = shiftsOf(index, demand, box);
    if (node.halo == Halo::retained)
      asked =
          withoutHeld(component.loops[index].node, demand, asked, box, before);
    current[local] = stateOf({asked.lo, asked.lo + asked.size()});
    something &= asked.size() > 0;
  }
  if (something)
    walk(index + 1, times, sharing, reducing);
  current = saved;
  for (const Demand &demand : node.demands)
    if (int local = component.localOf[demand.rank]; local >= 0)
      demandedAtOnce[local] = -1;
}

/// Nothing where steps differ in more than where they are.
std::optional<ComponentWalk::Shifts>
ComponentWalk::shiftsOf(size_t index, const Demand &demand,
                        llvm::ArrayRef<Interval> box) const {
  if (demand.forms.size() != 1 ||
      tree.nodes[component.loops[index].node].halo == Halo::retained)
    return std::nullopt;
  AffineForm form = component.localise(demand.forms.front());
  auto [low, high] = form.bounds(box);
  if (!form.isLinear() || low < 0 ||
      high >= tree.facts->ranks[demand.rank].extent)
    return std::nullopt; // some are cut
  std::optional<Shifts> found;
  for (const Loop &loop : llvm::ArrayRef(component.loops).take_front(index)) {
    if (loop.local < 0 || query.isEntered(loop.node) || !form.uses(loop.local))
      continue;
    int64_t tile = tree.nodes[loop.node].tile, size = box[loop.local].size();
    if (size <= tile)
      continue;
    if (found || size % tile != 0)
      return std::nullopt;
    found = {size / tile, form.coefficientOf(loop.local) * tile};
  }
  return found;
}

/// Of loops that are not entered, the first step, which is the largest.
llvm::SmallVector<Interval, 4>
ComponentWalk::stepsAtOnce(size_t end,
                           llvm::SmallVector<Interval, 4> box) const {
  for (size_t i = 0; i < end; ++i) {
    const Loop &loop = component.loops[i];
    if (loop.local < 0 || query.isEntered(loop.node))
      continue;
    Interval &side = box[loop.local];
    side.hi = std::min(side.hi, side.lo + tree.nodes[loop.node].tile);
  }
  return box;
}

Interval ComponentWalk::demanded(const Demand &demand,
                                 llvm::ArrayRef<Interval> box) const {
  Interval asked{INT64_MAX, INT64_MIN};
  for (const AffineForm &form : demand.forms) {
    auto [low, high] = component.localise(form).bounds(box);
    asked.lo = std::min(asked.lo, low);
    asked.hi = std::max(asked.hi, high + 1);
  }
  asked.lo = std::max<int64_t>(asked.lo, 0);
  asked.hi = std::min(asked.hi, tree.facts->ranks[demand.rank].extent);
  return asked;
}

/// What the node did not hold at the end of its previous visit, the one in
/// the previous step of the loop around it.
Interval ComponentWalk::withoutHeld(int node, const Demand &demand,
                                    Interval asked,
                                    llvm::SmallVector<Interval, 4> box,
                                    const PreviousSteps &previous) const {
  int around = loopAround(tree, node);
  for (auto [i, loop] : llvm::enumerate(component.loops)) {
    if (loop.node != around || !previous[i] ||
        llvm::none_of(demand.forms, [&](const AffineForm &form) {
          return form.uses(tree.nodes[around].rank);
        }))
      continue;
    box[loop.local] = *previous[i];
    Interval held = demanded(demand, box);
    if (held.lo <= asked.lo && held.hi > asked.lo)
      asked.lo = held.hi;
    else if (held.hi >= asked.hi && held.lo < asked.hi)
      asked.hi = held.lo;
  }
  return asked;
}

/// Per loop, the step before the first of those that a piece runs over: of
/// what comes later that is the current one, and before the earliest there is
/// none.
ComponentWalk::PreviousSteps
ComponentWalk::stepsBefore(const Component::Piece &piece) const {
  switch (piece.box) {
  case Box::current:
    return before;
  case Box::previous:
    return beforeThat;
  case Box::earlier:
  case Box::earlierUnit:
    break;
  case Box::later:
  case Box::afterwards:
    PreviousSteps steps(component.loops.size());
    for (auto [i, loop] : llvm::enumerate(component.loops))
      if (piece.box == Box::later ? static_cast<int>(i) == piece.loop
                                  : loop.node == piece.loop)
        if (loop.local >= 0)
          steps[i] = current[loop.local].interval();
    return steps;
  }
  return PreviousSteps(component.loops.size());
}

bool ComponentWalk::hasRetainedDemand() const {
  auto isRetained = [&](int node) {
    return tree.nodes[node].halo == Halo::retained;
  };
  return llvm::any_of(component.loops,
                      [&](const Loop &loop) {
                        return loop.local < 0 && isRetained(loop.node);
                      }) ||
         llvm::any_of(component.pieces, [&](const Component::Piece &piece) {
           return llvm::any_of(piece.demands, [&](const auto &demand) {
             return isRetained(demand.first);
           });
         });
}

void ComponentWalk::applyDemands(size_t from,
                                 llvm::SmallVector<Interval, 4> &box) const {
  for (size_t i = from; i < component.loops.size(); ++i)
    for (const Demand &demand : tree.nodes[component.loops[i].node].demands)
      if (component.loops[i].local < 0 && component.localOf[demand.rank] >= 0)
        box[component.localOf[demand.rank]] = demanded(demand, box);
}
