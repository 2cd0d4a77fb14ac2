//===- Walk.cpp - Control going through a loop tree -----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/Walk.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::sim;

void Walk::run() {
  Context context;
  Unit unit;
  unit.lo.assign(points.ranks.size(), 0);
  for (const RankInfo &rank : points.ranks)
    unit.hi.push_back(rank.extent);
  unit.steps.assign(program.nodes.size(), 0);
  unit.entered.assign(program.nodes.size(), 0);
  context.units.push_back(std::move(unit));
  context.epochs.assign(program.nodes.size(), 0);
  context.spread.assign(program.nodes.size(), 1);
  context.visits.assign(program.nodes.size(), 0);
  visit(0, context);
}

void Walk::visit(int node, Context &context) {
  if (stopped)
    return;
  work += context.units.size();
  visitNode(node, context);
}

void Walk::visitNode(int node, Context &context) {
  switch (program.nodes[node].kind) {
  case NodeKind::temporal:
    return visitTemporal(node, context);
  case NodeKind::spatial:
    return visitSpatial(node, context);
  case NodeKind::storage:
    return visitStorage(node, context);
  case NodeKind::sequence:
    return visitSequence(node, context);
  case NodeKind::pipeline:
    return visitPipeline(node, context);
  case NodeKind::leaf:
    return runLeaf(node, context);
  case NodeKind::transfer:
    return runTransfer(node, context);
  }
}

int64_t Walk::countSteps(const Node &loop, const Unit &unit) const {
  int64_t size = unit.hi[loop.rank] - unit.lo[loop.rank];
  return size <= 0 ? 0 : (size + loop.tile - 1) / loop.tile;
}

void Walk::setStep(int loop, int64_t step, int64_t count, Unit &unit) const {
  const Node &node = program.nodes[loop];
  int64_t index = node.descends ? count - 1 - step : step;
  int64_t &lo = unit.lo[node.rank], &hi = unit.hi[node.rank];
  lo += index * node.tile;
  hi = std::min(hi, lo + node.tile);
  unit.steps[loop] = (step == 0 ? 1 : 0) | (step + 1 == count ? 2 : 0);
}

void Walk::visitTemporal(int node, Context &context) {
  const Node &loop = program.nodes[node];
  int64_t most = 0;
  for (const Unit &unit : context.units)
    most = std::max(most, countSteps(loop, unit));
  for (int64_t step = 0; step < most; ++step) {
    Context inner;
    inner.epochs = context.epochs;
    inner.spread = context.spread;
    inner.visits = context.visits;
    inner.epochs[node] = ++epoch;
    for (const Unit &unit : context.units) {
      int64_t count = countSteps(loop, unit);
      if (step >= count)
        continue;
      inner.units.push_back(unit);
      setStep(node, step, count, inner.units.back());
    }
    visit(loop.children.front(), inner);
  }
}

void Walk::visitSpatial(int node, Context &context) {
  const Node &loop = program.nodes[node];
  Context inner;
  inner.epochs = context.epochs;
  inner.spread = context.spread;
  inner.visits = context.visits;
  for (const Unit &unit : context.units) {
    int64_t count = countSteps(loop, unit);
    inner.spread[node] = std::max(inner.spread[node], count);
    for (int64_t step = 0; step < count; ++step) {
      inner.units.push_back(unit);
      inner.units.back().path.push_back(step);
      setStep(node, step, count, inner.units.back());
    }
  }
  if (!inner.units.empty())
    visit(loop.children.front(), inner);
}

void Walk::visitStorage(int node, Context &context) {
  Context inner = context;
  inner.visits[node] = entries[node]++;
  for (auto [i, unit] : llvm::enumerate(inner.units))
    unit.entered[node] = i;
  enter(node, inner);
  visit(program.nodes[node].children.front(), inner);
  leave(node, inner);
}

void Walk::visitSequence(int node, Context &context) {
  for (int child : program.nodes[node].children)
    visit(child, context);
}

void Walk::visitPipeline(int node, Context &context) {
  for (int child : program.nodes[node].children)
    visit(child, context);
}

bool Walk::passesGuards(const Node &leaf, const Unit &unit, int below) const {
  return llvm::all_of(leaf.guards, [&](const StepGuard &guard) {
    return guard.loop >= below ||
           (unit.steps[guard.loop] & (guard.last ? 2 : 1)) != 0;
  });
}

bool Walk::keepsRemains(int storage, const Unit &unit) const {
  if (program.nodes[storage].halo != Halo::retained)
    return false;
  for (int i = program.nodes[storage].parent; i >= 0;
       i = program.nodes[i].parent)
    if (program.nodes[i].kind == NodeKind::temporal)
      return (unit.steps[i] & 1) == 0;
  return false;
}
