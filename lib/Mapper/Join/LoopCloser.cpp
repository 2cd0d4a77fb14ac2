//===- LoopCloser.cpp - How costs combine when a loop ends ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Join/LoopCloser.h"

#include "lib/Mapper/Join/PipelineCycles.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::mapper;

/// Ends the innermost loop: its child of the sequence around is done.
void LoopCloser::closeLoop(const JoinState &state, std::vector<double> &costs,
                           const JoinLayout &open) const {
  int d = open.depth;
  double time = open.pipelined ? pipelineCycles(states, state, costs, open)
                               : costs[open.time(d)];
  for (int r = 0; r < open.resources; ++r) {
    time = std::max(time, costs[open.moved(d) + r]);
    costs[open.moved(d - 1) + r] += costs[open.moved(d) + r];
  }
  costs[open.time(d - 1)] += time;
  for (int l = 0; l < open.levels; ++l) {
    double below = costs[open.largest(d) + l];
    if (open.pipelined)
      below += costs[open.around(d) + l];
    double &largest = costs[open.largest(d - 1) + l];
    largest = std::max(largest, below + costs[open.around(d - 1) + l]);
    costs[open.around(d - 1) + l] = 0;
  }
}

/// Children of the root have waited for what they moved, and have fitted: how
/// much that was matters to nobody.
void LoopCloser::forgetAtRoot(std::vector<double> &costs,
                              const JoinLayout &open,
                              bool movesWithOthers) const {
  for (int r = 0; r < open.resources && !movesWithOthers; ++r)
    costs[open.moved(0) + r] = 0;
  for (int l = 0; l < open.levels; ++l)
    if (l != axes.measured)
      costs[open.largest(0) + l] = 0;
}

void LoopCloser::close(JoinState &state, std::vector<JoinEntry> &entries,
                       int einsum) {
  // What lives where until now, also if this Einsum was the last to touch it.
  struct Living {
    int tensor, depth, axis;
    double bytes;
  };
  std::vector<Living> living;
  for (const Pending &one : state.pending)
    if (int axis = one.level < 0 ? -1 : axes.heldAt(one.level); axis >= 0)
      living.push_back({one.tensor, one.depth, axis - axes.held,
                        static_cast<double>(states.homeBytes(state, one))});
  state.done[einsum / 64] |= uint64_t(1) << einsum % 64;
  rules.dropDead(state, einsum);
  rules.endHolders(state);
  auto isDead = [&](const Living &one) {
    const Pending *still = states.findPending(state, one.tensor);
    return !still || still->level < 0;
  };
  auto addAround = [&](const JoinLayout &open, int depth, auto which) {
    for (const Living &one : living)
      if (one.depth == depth && which(one))
        for (JoinEntry &entry : entries)
          entry.costs[open.around(depth) + one.axis] += one.bytes;
  };
  auto always = [](const Living &) { return true; };
  int need = 0;
  for (const Pending &one : state.pending)
    need = std::max(need, one.need);
  while (static_cast<int>(state.loops.size()) > need) {
    JoinLayout open = states.layoutOf(state), closed = open;
    closed.depth--;
    closed.pipelined = false;
    if (open.pipelined)
      addAround(open, open.depth, always);
    addAround(open, open.depth - 1, always);
    for (JoinEntry &entry : entries) {
      closeLoop(state, entry.costs, open);
      entry.costs.resize(closed.size());
    }
    state.pipelined = false;
    state.patterns.clear();
    state.loops.pop_back();
    // Beside this child only what is still needed takes space.
    llvm::erase_if(living, [&](const Living &one) {
      return one.depth > closed.depth ||
             (one.depth == closed.depth && isDead(one));
    });
  }
  // Around an open child, and in a pipeline, it stays until the end.
  JoinLayout open = states.layoutOf(state);
  bool moves = states.movesWithOthers(state, einsum);
  for (JoinEntry &entry : entries) {
    forgetAtRoot(entry.costs, open, moves);
    entry.costs.shrink_to_fit();
  }
  for (int d = 0; d < open.depth + open.pipelined; ++d)
    addAround(open, d, isDead);
  if (!state.pipelined)
    state.openedAt = 0;
  rules.truncate(state, need);
}
