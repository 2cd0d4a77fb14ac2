//===- Nests.cpp - Every nest of an Einsum, one by one --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Depth first: what may stand next is a holder, a loop over time, the loops
// over the units of the array, or the leaf.
//
//===----------------------------------------------------------------------===//

#include "test/optimality/Space.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::optimality;

std::vector<Nest> Space::nests(int einsum, int unit, const Above &above,
                               size_t most) {
  std::vector<Nest> list;
  found = &list;
  mostNests = most;
  NestState state;
  state.einsum = einsum;
  state.array = unit;
  state.above = above;
  addToNest(state);
  return list;
}

void Space::addToNest(NestState &state) {
  if (found->size() > mostNests)
    return;
  // Directly below the spatial loops stands the leaf, or a register.
  bool isBelowUnits =
      !state.steps.empty() && state.steps.back().kind == Step::spatial;
  endNest(state);
  addHolder(state);
  if (isBelowUnits)
    return;
  addTemporal(state);
  if (!state.dealt && !state.inRegisters)
    addSpatial(state, 0);
}

/// The leaf, once all ranks are points.
void Space::endNest(NestState &state) {
  for (int rank : facts.einsums[state.einsum].ranks)
    if (state.above.tile[rank] > 1)
      return;
  found->push_back(state.steps);
}

/// 1. Each tensor at any level of the path, outer levels first.
void Space::addHolder(NestState &state) {
  bool isBelowUnits =
      !state.steps.empty() && state.steps.back().kind == Step::spatial;
  std::pair<int, int> last(-1, -1);
  if (!state.steps.empty() && state.steps.back().kind == Step::holder)
    last = {state.steps.back().tensor, state.steps.back().level};
  std::vector<int> levels = path(state.array);
  for (int t = 0; t < static_cast<int>(facts.tensors.size()); ++t) {
    if (!touches(state.einsum, t))
      continue;
    int current = state.above.heldAt[t];
    size_t from = llvm::find(levels, current) - levels.begin();
    if (from == levels.size() && current != 0)
      continue; // its home is on another path
    for (size_t l = current == 0 ? 0 : from + 1; l < levels.size(); ++l) {
      int level = levels[l];
      if (std::make_pair(t, level) <= last)
        continue;
      // Units hold what is theirs, and nothing else is held per unit. Between
      // the loops over them and their registers there is nothing.
      if (state.dealt && !isPrivate(level))
        continue;
      if (isBelowUnits && !isPrivate(level))
        continue;
      NestState below = state;
      below.above.heldAt[t] = level;
      below.inRegisters |= isPrivate(level);
      below.steps.push_back(Step::hold(t, level));
      addToNest(below);
    }
  }
}

/// 2. A loop over time.
void Space::addTemporal(NestState &state) {
  for (int rank : facts.einsums[state.einsum].ranks)
    for (int64_t tile : tilesBelow(rank, state.above)) {
      NestState below = state;
      below.above.tile[rank] = tile;
      below.above.looped[rank] = true;
      below.steps.push_back(Step::loop(rank, tile));
      addToNest(below);
    }
}

/// 3. One loop at most per dimension, in their order, each over another rank.
void Space::addSpatial(NestState &state, size_t dim) {
  const arch::Array &unit = arch.arrays[state.array];
  if (dim == unit.dims.size()) {
    if (state.dealt)
      addToNest(state);
    return;
  }
  addSpatial(state, dim + 1);
  for (int rank : facts.einsums[state.einsum].ranks) {
    int64_t around = state.above.tile[rank];
    if (around == 1 || around > static_cast<int64_t>(unit.dims[dim].size))
      continue;
    NestState below = state;
    below.above.tile[rank] = 1;
    below.above.looped[rank] = true;
    below.dealt = true;
    below.steps.push_back(Step::deal(rank, 1, static_cast<int>(dim)));
    addSpatial(below, dim + 1);
  }
}
