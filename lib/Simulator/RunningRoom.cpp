//===- RunningRoom.cpp - Whether last steps have the room they take -------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/RunningRoom.h"

#include "mlir/IR/Diagnostics.h"

using namespace einsum;
using namespace einsum::sim;

RunningRoom::RunningRoom(const Points &points, const Program &program,
                         const Plan &plan)
    : points(points), program(program), plan(plan),
      watched(program.nodes.size()) {
  // A profile that counts every tile once has no room for what waits.
  if (program.singleBuffers)
    return;
  auto isHeldFurtherIn = [&](int id, int tensor) {
    for (int i = id + 1; i < program.nodes[id].end; ++i)
      if (program.nodes[i].findHeld(tensor) >= 0)
        return true;
    return false;
  };
  for (auto [id, node] : llvm::enumerate(program.nodes)) {
    if (node.kind != NodeKind::storage || node.resident >= 0 || node.shared ||
        node.streamRank >= 0)
      continue;
    watched[id].assign(node.held.size(), 0);
    for (auto [slot, held] : llvm::enumerate(node.held)) {
      size_t ranks = points.tensors[held.tensor].ranks.size();
      for (size_t position = 0; position < ranks; ++position)
        if (program.heldSteps(id, held.tensor, position) &&
            !isHeldFurtherIn(id, held.tensor))
          watched[id][slot] = 1;
    }
  }
}

/// The pipeline where the leaf parts from the tensor's producer; -1 if they
/// part in a sequence, or not at all.
int RunningRoom::pipelineBetween(int leaf, int tensor) const {
  int split = program.leafOf[points.tensors[tensor].producer];
  if (split == leaf)
    return -1;
  while (!program.isBelow(leaf, split))
    split = program.nodes[split].parent;
  return program.nodes[split].kind == NodeKind::pipeline ? split : -1;
}

void RunningRoom::read(int leaf, const Port &port, int64_t visit, int unit,
                       int64_t element, uint64_t run) {
  if (!isWatched(port))
    return;
  Place place{port.home, port.slot, unit, visit};
  auto [life, isNew] = lives[place].try_emplace(element);
  life->second.to = std::max(life->second.to, run);
  if (int pipeline = pipelineBetween(leaf, port.tensor); pipeline >= 0)
    waiting[pipeline].push_back({place, element});
}

void RunningRoom::make(int, const Port &port, int64_t visit, int unit,
                       int64_t element, uint64_t run) {
  if (!isWatched(port))
    return;
  auto [life, isNew] =
      lives[{port.home, port.slot, unit, visit}].try_emplace(element);
  if (isNew)
    life->second.from = run;
  // It stands there while it is made, whoever reads it.
  life->second.to = std::max(life->second.to, run + 1);
}

void RunningRoom::endSlot(int pipeline, uint64_t run) {
  auto found = waiting.find(pipeline);
  if (found == waiting.end())
    return;
  for (const auto &[place, element] : found->second)
    if (auto all = lives.find(place); all != lives.end())
      all->second[element].to = run + 1;
  waiting.erase(found);
}

bool RunningRoom::close(int node, int64_t visit) {
  auto at = lives.lower_bound({node, 0, 0, visit});
  while (at != lives.end() && at->first.node == node &&
         at->first.visit == visit) {
    std::map<uint64_t, int64_t> changes; // of how many are there, by moment
    for (const auto &[element, life] : at->second) {
      ++changes[life.from];
      --changes[std::max(life.to, life.from + 1)];
    }
    int64_t there = 0, most = 0;
    for (const auto &[moment, change] : changes)
      most = std::max(most, there += change);
    const Held &held = program.nodes[node].held[at->first.slot];
    uint64_t reserved = plan.storages[node].held[at->first.slot].reserved;
    if (static_cast<uint64_t>(most) > reserved) {
      program.nodes[node].op->emitError()
          << "reserves " << reserved << " elements for '"
          << points.tensors[held.tensor].name << "', of which " << most
          << " are needed at once";
      return false;
    }
    at = lives.erase(at);
  }
  return true;
}
