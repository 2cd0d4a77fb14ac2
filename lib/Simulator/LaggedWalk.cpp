//===- LaggedWalk.cpp - Pipelines in the order of their slots -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/LaggedWalk.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::sim;

LaggedWalk::LaggedWalk(const Points &points, const Program &program,
                       const Plan &plan)
    : Walk(points, program), plan(plan), states(program.nodes.size()) {
  for (auto [state, node] : llvm::zip(states, program.nodes))
    state.waiting.resize(node.children.size());
}

/// Boxes are those that the plan found halos to demand.
void LaggedWalk::enter(int id, Context &context) {
  const VisitPlan &visit = plan.storages[id].visits[context.visits[id]];
  for (auto [unit, unitPlan] : llvm::zip(context.units, visit.units))
    for (auto [rank, lo, hi] : unitPlan.halos) {
      unit.lo[rank] = lo;
      unit.hi[rank] = hi;
    }
}

void LaggedWalk::visitNode(int id, Context &context) {
  Walk::visitNode(id, context);
  runDry(id);
}

void LaggedWalk::visitPipeline(int id, Context &context) {
  State &state = states[id];
  bool happens = plan.arrivals[id][state.arrivals++] != 0;
  auto kept = std::make_shared<Context>(context);
  for (size_t child = 0; child < state.waiting.size(); ++child) {
    state.waiting[child].push_back({kept, state.iterations});
    postpone(id, child, context);
  }
  // What does not happen is passed just before what comes next.
  if (happens)
    runSlot(id, state.iterations++);
}

void LaggedWalk::runSlot(int id, int64_t slot) {
  const Node &node = program.nodes[id];
  beginSlot(id);
  for (size_t child = 0; child < node.children.size(); ++child) {
    std::deque<Postponed> &waiting = states[id].waiting[child];
    while (!isStopped() && !waiting.empty() &&
           waiting.front().iteration <= slot - node.lags[child]) {
      std::shared_ptr<Context> context = waiting.front().context;
      waiting.pop_front();
      Context own = *context;
      runStage(id, child, own);
      if (!isStopped())
        finish(id, child, *context);
    }
  }
  endSlot(id);
}

void LaggedWalk::runStage(int id, int child, Context &context) {
  visit(program.nodes[id].children[child], context);
}

void LaggedWalk::runDry(int region) {
  int64_t most = -1;
  auto forEach = [&](llvm::function_ref<void(int)> act) {
    for (auto [id, node] : llvm::enumerate(program.nodes))
      if (node.kind == NodeKind::pipeline && node.region == region)
        act(id);
  };
  forEach([&](int id) {
    for (int64_t lag : program.nodes[id].lags)
      most = std::max(most, lag);
  });
  for (int64_t slot = 0; slot <= most && !isStopped(); ++slot)
    forEach([&](int id) {
      bool waits =
          llvm::any_of(states[id].waiting, [](auto &w) { return !w.empty(); });
      if (waits)
        runSlot(id, states[id].iterations + slot);
    });
  forEach([&](int id) {
    if (states[id].iterations > 0 && !isStopped())
      endRegion(id);
    states[id].iterations = 0;
  });
}
