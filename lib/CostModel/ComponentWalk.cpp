//===- ComponentWalk.cpp - Steps of loops, equal ones together ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/ComponentWalk.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace einsum;
using namespace einsum::cost;

using Component = TileQuery::Component;

bool ComponentWalk::run() {
  for (int rank : component.ranks)
    current.push_back(stateOf({0, tree.facts->ranks[rank].extent}));
  whole = intervals();
  demandedAtOnce.assign(component.ranks.size(), -1);
  shifts.resize(component.ranks.size());
  before.resize(component.loops.size());
  beforeThat.resize(component.loops.size());
  parts.resize(component.loops.size());
  if (!component.coordinates.empty() || component.constrained)
    if (!component.images)
      component.images.emplace(component.ranks.size(), component.imagePieces);
  walk(0, 1, 1, 1);
  if (component.windowImages) {
    counter.overflowed |= component.windowImages->overflowed;
    supported &= !component.windowImages->exhausted;
  }
  if (component.images) {
    counter.overflowed |= component.images->overflowed;
    supported &= !component.images->exhausted;
  }
  return supported;
}

ComponentWalk::RankState ComponentWalk::stateOf(Interval all) const {
  RankState state{all.lo, {{1, all.size()}}};
  if (component.hasBlocks)
    state.parts = {{0, all.size()}};
  return state;
}

llvm::SmallVector<Interval, 4> ComponentWalk::intervals() const {
  llvm::SmallVector<Interval, 4> box;
  for (const RankState &state : current)
    box.push_back(state.interval());
  return box;
}

void ComponentWalk::walk(size_t index, uint64_t times, uint64_t sharing,
                         uint64_t reducing) {
  if (index == component.loops.size())
    return measure(times, sharing, reducing);
  const Loop &loop = component.loops[index];
  if (loop.local < 0)
    return walkDemand(index, times, sharing, reducing);
  if (!query.isEntered(loop.node))
    return walk(index + 1, times, sharing, reducing);
  if (loop.between && !unitsApart)
    return unite(index, times, sharing, reducing);
  if (loop.spatial && !isReachedInSteps(index))
    return walkUnits(index, times, sharing, reducing);
  if (std::optional<Key> key = keyAt(index))
    return walkRemembered(index, std::move(*key), times, sharing, reducing);
  walkSteps(index, times, sharing, reducing);
}

void ComponentWalk::walkSteps(size_t index, uint64_t times, uint64_t sharing,
                              uint64_t reducing) {
  const Loop &loop = component.loops[index];
  RankState reached = current[loop.local];
  parts[index].box = intervals();
  if (isTooMuch(index, reached)) {
    supported = false;
    looked = kRanges + 1;
    return;
  }
  for (const Range &range : splitSteps(index, reached)) {
    if (range.isShifted) {
      addShifted(index, reached, range, times, sharing, reducing);
      continue;
    }
    int64_t steps = range.end - range.first,
            places = std::min(steps, stepsToSamePlace(index));
    for (int64_t i = 0; i < places; ++i) {
      enterStep(index, reached, range.first + i);
      walk(index + 1, counter.mul(times, (steps - i - 1) / places + 1), sharing,
           reducing);
      leaveStep(index);
    }
  }
  current[loop.local] = reached;
  parts[index].box.clear();
  before[index].reset();
  beforeThat[index].reset();
}

/// Steps of a loop after which tiles begin at the same place in a block.
int64_t ComponentWalk::stepsToSamePlace(size_t index) const {
  if (!component.hasBlocks)
    return 1;
  if (component.hasDemands)
    return INT64_MAX;
  const Loop &loop = component.loops[index];
  int64_t tile = tree.nodes[loop.node].tile, steps = 1;
  for (const ImagePiece &piece : component.imagePieces)
    for (auto [form, size] : llvm::zip(piece.coordinates, component.grid)) {
      int64_t moves = size > 1 ? form.coefficientOf(loop.local) % size : 0;
      if (moves != 0)
        steps = std::lcm(steps, size / std::gcd(size, moves * (tile % size)));
    }
  return steps;
}

/// What the classes below depend on, while a constraint is undecided: sizes,
/// and where the box lies to each constraint. Not where pieces reach beyond
/// the box.
std::optional<ComponentWalk::Key> ComponentWalk::keyAt(size_t index) const {
  if (!component.isLocal || !component.constrained ||
      component.apartRanks != 0 || repeated)
    return std::nullopt;
  llvm::SmallVector<Interval, 4> box = intervals();
  llvm::SmallVector<int64_t, 4> corner;
  bool open = false;
  Key key = {static_cast<int64_t>(index), static_cast<int64_t>(absent)};
  for (const RankState &state : current) {
    corner.push_back(state.lo);
    key.push_back(state.reach);
    if (state.reach) // where the last unit has fewer elements
      key.push_back(
          std::min(state.end, state.lo + state.reach + state.largest()) -
          state.lo);
    for (auto [count, size] : state.units) {
      key.push_back(count);
      key.push_back(size);
    }
    for (auto [at, size] : state.parts) {
      key.push_back(at);
      key.push_back(size);
    }
    key.push_back(-1);
  }
  for (const Component::Piece &piece : component.pieces)
    for (const Constraint &constraint : piece.constraints) {
      std::optional<bool> truth = constraint.decide(box);
      key.push_back(truth ? *truth : 2);
      if (truth)
        continue;
      open = true;
      key.push_back(constraint.form.evaluate(corner));
      if (!constraint.form.isLinear())
        key.insert(key.end(), corner.begin(), corner.end());
    }
  if (component.hasBlocks)
    for (const ImagePiece &piece : component.imagePieces)
      for (auto [form, size] : llvm::zip(piece.coordinates, component.grid))
        key.push_back(size > 1 ? form.evaluate(corner) % size : 0);
  return open ? std::optional<Key>(std::move(key)) : std::nullopt;
}

void ComponentWalk::walkRemembered(size_t index, Key key, uint64_t times,
                                   uint64_t sharing, uint64_t reducing) {
  auto found = remembered.find(key);
  if (found == remembered.end()) {
    std::vector<ComponentClass> outer;
    outer.swap(classes);
    walkSteps(index, 1, 1, 1);
    outer.swap(classes);
    found = remembered.emplace(std::move(key), std::move(outer)).first;
  }
  for (const ComponentClass &one : found->second)
    addInverted(one.signature, one.blocks, counter.mul(times, one.times),
                counter.mul(sharing, one.sharing),
                counter.mul(reducing, one.reducing));
}

int64_t ComponentWalk::stepsOf(const Loop &loop,
                               const RankState &reached) const {
  return llvm::divideCeil(reached.largest(), tree.nodes[loop.node].tile);
}

bool ComponentWalk::isFirst(const Loop &loop, const RankState &reached,
                            int64_t step) const {
  return step ==
         (tree.nodes[loop.node].descends ? stepsOf(loop, reached) - 1 : 0);
}

bool ComponentWalk::isLast(const Loop &loop, const RankState &reached,
                           int64_t step) const {
  return step ==
         (tree.nodes[loop.node].descends ? 0 : stepsOf(loop, reached) - 1);
}

ComponentWalk::RankState ComponentWalk::stepOf(const RankState &reached,
                                               int64_t tile, int64_t step) {
  RankState inner{reached.lo + step * tile, {}, reached.reach, reached.end};
  for (auto [count, size] : reached.units)
    if (int64_t left = std::min(tile, size - step * tile); left > 0)
      inner.units.push_back({count, left});
  for (auto [at, size] : reached.parts)
    if (int64_t left = std::min(tile, size - step * tile); left > 0)
      inner.parts.push_back({at, left});
  return inner;
}

void ComponentWalk::enterStep(size_t index, const RankState &reached,
                              int64_t step) {
  const Loop &loop = component.loops[index];
  const Node &node = tree.nodes[loop.node];
  RankState &state = current[loop.local];
  state = stepOf(reached, node.tile, step);
  if (unitsInAll == index)
    for (auto &[count, size] : state.units)
      size = shifts[loop.local]->inAll(size);
  Interval all = reached.interval(), now = state.interval();
  Parts &part = parts[index];
  part.earlier = {all.lo, now.lo};
  part.later = {now.hi, all.hi};
  if (node.descends)
    std::swap(part.earlier, part.later);
  bool first = isFirst(loop, reached, step), last = isLast(loop, reached, step);
  int64_t back = node.descends ? 1 : -1, steps = stepsOf(loop, reached);
  auto stepBack = [&](int64_t count) -> std::optional<Interval> {
    int64_t other = step + count * back;
    if (loop.spatial || other < 0 || other >= steps)
      return std::nullopt;
    return stepOf(reached, node.tile, other).interval();
  };
  before[index] = stepBack(1);
  beforeThat[index] = stepBack(2);
  absentStack.push_back(absent);
  if (!first)
    absent |= loop.inFirst;
  if (!last)
    absent |= loop.inLast;
}

void ComponentWalk::leaveStep(size_t) { absent = absentStack.pop_back_val(); }

std::vector<ComponentClass>
ComponentWalk::classesAt(size_t index, const RankState &reached, int64_t step) {
  std::vector<ComponentClass> own;
  own.swap(classes);
  enterStep(index, reached, step);
  walk(index + 1, 1, 1, 1);
  leaveStep(index);
  own.swap(classes);
  return own;
}

/// "Earlier", "later" and "other unit" turn into "first", "last" and "first
/// unit", which hold of an element if they hold in all components.
void ComponentWalk::addClass(const Signature &signature,
                             const BlockSignature &blocks, uint64_t times,
                             uint64_t sharing, uint64_t reducing) {
  if (!query.write)
    return addInverted(signature, blocks, times, sharing, reducing);
  SetMask flipped =
      SetMask(1) << query.bits.earlier | SetMask(1) << query.bits.later |
      SetMask(1) << query.bits.unit | SetMask(1) << query.bits.earlierHere |
      SetMask(1) << query.bits.sharingUnit;
  Signature result;
  for (auto [mask, points] : signature)
    addToSignature(result, mask ^ flipped, points, counter.overflowed);
  BlockSignature resultBlocks;
  for (auto [masks, count] : blocks) {
    for (SetMask &mask : masks)
      mask ^= flipped;
    addToBlocks(resultBlocks, std::move(masks), count, counter.overflowed);
  }
  addInverted(std::move(result), std::move(resultBlocks), times, sharing,
              reducing);
}

void ComponentWalk::addInverted(Signature signature, BlockSignature blocks,
                                uint64_t times, uint64_t sharing,
                                uint64_t reducing) {
  if (signature.empty())
    return;
  // Of very many, only the latest are looked through: two entries of one kind
  // count like one.
  constexpr size_t kLookedThrough = 512;
  size_t from = classes.size() - std::min(classes.size(), kLookedThrough);
  for (ComponentClass &known : llvm::MutableArrayRef(classes).drop_front(from))
    if (known.signature == signature && known.blocks == blocks &&
        known.sharing == sharing && known.reducing == reducing) {
      counter.add(known.times, times);
      return;
    }
  classes.push_back(
      {std::move(signature), std::move(blocks), times, sharing, reducing});
}
