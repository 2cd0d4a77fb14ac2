//===- Nests.cpp - Every nest of an Einsum, one by one --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Depth first: what may stand next is a holder, a loop over time, or the leaf.
// Loops over units stand directly above the first holder or leaf that is one of
// many; they are dealt there.
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

void Space::addToNest(const NestState &state) {
  if (found->size() > mostNests)
    return;
  addLeaf(state);
  addHolder(state);
  addTemporal(state);
}

/// The leaf, once all ranks are points. Position: further in than all levels.
void Space::addLeaf(const NestState &state) {
  deal(state, path(state.array).size(), [&](const NestState &below) {
    for (int rank : facts.einsums[below.einsum].ranks)
      if (below.above.tile[rank] > 1)
        return;
    found->push_back(below.steps);
  });
}

/// 1. Each tensor at any level of the path, outer levels first. Those directly
/// below one another come in one order; where loops keep to an order between a
/// node at a level and the next one, any of them is the last.
void Space::addHolder(const NestState &state) {
  if (state.isClosed)
    return;
  std::vector<int> levels = path(state.array);
  for (int t = 0; t < static_cast<int>(facts.tensors.size()); ++t) {
    if (!touches(state.einsum, t))
      continue;
    int current = state.above.heldAt[t];
    size_t from = llvm::find(levels, current) - levels.begin();
    if (from == levels.size() && current != 0)
      continue; // its home is on another path
    // Below loops over units nothing is held that is not theirs.
    for (size_t l = std::max(current == 0 ? 0 : from + 1, state.innermost);
         l < levels.size(); ++l)
      deal(state, l, [&](const NestState &dealt) {
        std::pair<int, int> last(-1, -1);
        if (!dealt.steps.empty() && dealt.steps.back().kind == Step::holder)
          last = {dealt.steps.back().tensor, dealt.steps.back().level};
        bool isTurned = std::make_pair(t, levels[l]) <= last;
        if (isTurned && !ordersLoops)
          return;
        NestState below = dealt;
        below.isClosed = isTurned;
        below.above.heldAt[t] = levels[l];
        below.steps.push_back(Step::hold(t, levels[l]));
        addToNest(below);
      });
  }
}

/// 2. A loop over time.
void Space::addTemporal(const NestState &state) {
  for (int rank : facts.einsums[state.einsum].ranks)
    for (int64_t tile : tilesBelow(rank, state.above)) {
      NestState below = state;
      below.isClosed = false;
      below.above.tile[rank] = tile;
      below.above.looped[rank] = true;
      below.steps.push_back(Step::loop(rank, tile));
      addToNest(below);
    }
}

/// Who has units: levels of several instances, outermost first, then the array
/// together with the registers of its units.
std::vector<Space::Dealing> Space::dealings(int unit) const {
  std::vector<int> levels = path(unit);
  std::vector<Dealing> all;
  const arch::Array &array = arch.arrays[unit];
  for (size_t d = 0; d < array.dims.size(); ++d) {
    int owner = array.dims[d].level;
    bool isArray = owner < 0;
    size_t position = llvm::find(levels, owner) - levels.begin();
    if (isArray && !levels.empty() &&
        arch.levels[levels.back()].perArray == unit)
      position = levels.size() - 1;
    if (all.empty() || all.back().position != position ||
        all.back().isArray != isArray)
      all.push_back({position, {}, isArray});
    all.back().dims.push_back(static_cast<int>(d));
  }
  return all;
}

/// 3. Deals ranks to the units of which what comes next, at `position`, is one.
void Space::deal(const NestState &state, size_t position,
                 const std::function<void(const NestState &)> &then) {
  std::vector<Dealing> all = dealings(state.array);
  if (state.dealt == all.size() || all[state.dealt].position > position)
    return then(state);
  NestState below = state;
  ++below.dealt;
  addSpatial(below, all[state.dealt], 0, Used(),
             [&](const NestState &dealt) { deal(dealt, position, then); });
}

/// A unit of an array gets one point of each rank dealt there.
bool Space::isDealtOut(const NestState &state, const Dealing &dealing) const {
  return !dealing.isArray || llvm::all_of(state.steps, [&](const Step &step) {
    return step.kind != Step::spatial ||
           !llvm::is_contained(dealing.dims, step.dim) ||
           state.above.tile[step.rank] == 1;
  });
}

/// Along each dimension loops over any ranks, in the order of these, dimension
/// after dimension.
void Space::addSpatial(const NestState &state, const Dealing &dealing,
                       size_t dim, const Used &used,
                       const std::function<void(const NestState &)> &then) {
  if (dim == dealing.dims.size())
    return isDealtOut(state, dealing) ? then(state) : void();
  addSpatial(state, dealing, dim + 1, Used(), then);
  auto room = static_cast<int64_t>(
                  arch.arrays[state.array].dims[dealing.dims[dim]].size) /
              used.units;
  for (int rank : facts.einsums[state.einsum].ranks)
    for (int64_t tile : tilesBelow(rank, state.above)) {
      int64_t steps = (state.above.tile[rank] + tile - 1) / tile;
      if (rank <= used.rank || steps > room)
        continue;
      // Another dimension of the array deals what is left, in equal parts.
      if (dealing.isArray && tile > 1 &&
          (dim + 1 == dealing.dims.size() || state.above.follows[rank] ||
           state.above.tile[rank] % tile != 0))
        continue;
      // 9. What follows demand is dealt to units of arrays only.
      if (!dealing.isArray && state.above.follows[rank])
        continue;
      // Tiles differ in size only where one of these loops deals the rank. They
      // do as well where what is dealt is cut at the end.
      int64_t around = state.above.tile[rank];
      bool isUneven = around % tile != 0 ||
                      (tile > 1 && facts.ranks[rank].extent % around != 0);
      if (!dealing.isArray && llvm::is_contained(state.dealtRanks, rank) &&
          (isUneven || llvm::is_contained(state.unevenRanks, rank)))
        continue;
      NestState below = state;
      below.isClosed = false;
      below.above.tile[rank] = tile;
      below.above.looped[rank] = true;
      below.innermost = dealing.position;
      if (!dealing.isArray)
        below.dealtRanks.push_back(rank);
      if (!dealing.isArray && isUneven)
        below.unevenRanks.push_back(rank);
      below.steps.push_back(Step::deal(rank, tile, dealing.dims[dim]));
      addSpatial(below, dealing, dim, {used.units * steps, rank}, then);
    }
}
