//===- UniformTiles.cpp - Tiles that are all alike ------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The short ways: one set that nothing cuts, whose coordinates share no rank,
// is a product of steps and spans; of a box that is held in part, the first
// elements are counted by FirstElements.
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/FirstElements.h"
#include "lib/CostModel/TileComponent.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::cost;

/// True if units that are united lie apart along a rank, which they walk each
/// for themselves, and it shares a coordinate with others: how far their tiles
/// overlap is no product.
bool TileQuery::scattersTiles(const Use &use) const {
  for (auto outer = above.begin(); outer != above.end(); ++outer) {
    const Node &spatial = tree.nodes[*outer];
    bool isWalked = spatial.kind == NodeKind::spatial && *outer > asked.home &&
                    std::any_of(outer, above.end(), [&](int inner) {
                      return tree.nodes[inner].kind == NodeKind::temporal &&
                             tree.nodes[inner].rank == spatial.rank;
                    });
    for (const Coordinate &coordinate : use.access->coordinates)
      if (isWalked && coordinate.terms.size() > 1 &&
          coordinate.uses(spatial.rank))
        return true;
  }
  return false;
}

/// One set, uncut, whose coordinates share no rank. Reads left out because they
/// equal the write have its guards.
void TileQuery::decideUniform() {
  const Use *only = write ? &*write : reads.empty() ? nullptr : &reads.front();
  if (!only || reads.size() + (write ? 1 : 0) != 1 ||
      asked.halo != Halo::refetched || tree.hasDemands ||
      !constraintsOf(tree, *only).empty())
    return;
  llvm::SmallVector<int, 8> used;
  for (const Coordinate &coordinate : only->access->coordinates)
    for (const Coordinate::Term &term : coordinate.terms) {
      if (llvm::is_contained(used, term.rank))
        return;
      used.push_back(term.rank);
    }
  if (partialsAreShared || scattersTiles(*only))
    return;
  guards = tree.nodes[only->leaf].guards;
  uniform = true;
}

/// Blocks that every tile touches, if that is plain: along each rank tiles are
/// of whole blocks, or each is within one.
std::optional<uint64_t> TileQuery::alignedBlocks(bool unitsApart) const {
  const AccessFact &access = write ? *write->access : *reads.front().access;
  auto isUnited = [&](int id) {
    return !unitsApart && tree.nodes[id].kind == NodeKind::spatial &&
           id > asked.home &&
           llvm::none_of(guards, [&](const auto &g) { return g.first == id; });
  };
  llvm::SmallVector<int64_t, 16> tiles;
  tree.tilesAt(asked.node, tiles);
  uint64_t blocks = 1;
  for (auto [coordinate, size] : llvm::zip(access.coordinates, grid)) {
    if (size == 0 || coordinate.terms.empty())
      continue;
    bool isPlain = coordinate.terms.size() == 1 &&
                   coordinate.terms[0].coefficient == 1 &&
                   coordinate.constant % size == 0;
    if (size > 1 && !isPlain)
      return std::nullopt;
    if (size == 1) {
      llvm::SmallVector<int64_t, 16> united = tiles;
      for (int id : above)
        if (isUnited(id))
          united[tree.nodes[id].rank] *= tree.nodes[id].steps;
      blocks *= spanOf(coordinate, united);
      continue;
    }
    bool isWithin = false;
    for (int id : above) {
      const Node &loop = tree.nodes[id];
      if (loop.steps == 1 || !coordinate.uses(loop.rank))
        continue;
      isWithin |= loop.tile % size != 0;
      if (isUnited(id) && isWithin)
        return std::nullopt;
      blocks *= isUnited(id) ? loop.steps : 1;
    }
    int64_t tile = tiles[coordinate.terms[0].rank];
    if (tile % size != 0 && size % tile != 0)
      return std::nullopt;
    blocks *= std::max<int64_t>(1, tile / size);
  }
  return blocks;
}

void TileQuery::runUniform(bool unitsApart, uint64_t blocks, Counter &counter,
                           Visit visit) {
  const Use &only = write ? *write : reads.front();
  const EinsumFact &einsum = facts.einsums[tree.nodes[only.leaf].einsum];
  TileClass all;
  all.times = 1;
  uint64_t passes = 1, sums = 1; // steps of reduced loops, over time and space
  llvm::SmallVector<int64_t, 16> &tiles = scratchTiles;
  if (asked.isOperand)
    tiles.assign(facts.ranks.size(), 1);
  else
    tree.tilesAt(asked.node, tiles);
  for (int id : above) {
    const Node &loop = tree.nodes[id];
    if (loop.steps == 1 || !isEntered(id) ||
        llvm::any_of(guards, [&](const auto &g) { return g.first == id; }))
      continue;
    bool between = loop.kind == NodeKind::spatial && id > asked.home;
    bool reduced = write && einsum.reduces(loop.rank);
    if (between && !unitsApart) {
      tiles[loop.rank] *= loop.steps;
      if (reduced)
        all.reducing = counter.mul(all.reducing, loop.steps);
      else if (!only.access->uses(loop.rank))
        all.sharing = counter.mul(all.sharing, loop.steps);
      continue;
    }
    all.times = counter.mul(all.times, loop.steps);
    if (reduced)
      (loop.kind == NodeKind::temporal ? passes : sums) *=
          loop.kind == NodeKind::temporal || between ? loop.steps : 1;
  }
  uint64_t words = 1;
  for (const Coordinate &coordinate : only.access->coordinates)
    if (!coordinate.terms.empty())
      words = counter.mul(words, spanOf(coordinate, tiles));
  all.sizes.all = words;
  all.sizes.blocks.all = blocks;
  if (!write) {
    all.sizes.fetched = words;
    all.sizes.blocks.fetched = all.sizes.blocks.brought =
        all.sizes.blocks.received = blocks;
    visit(all);
    return;
  }
  all.sizes.written = words;
  uint64_t once = all.times / passes;
  auto emit = [&](uint64_t times, bool first, bool last) {
    all.sizes.partial = first ? 0 : words;
    all.sizes.drained = last && !neededOutside ? 0 : words;
    all.sizes.ownPartial = all.sizes.partial;
    TileSizes::Blocks &touched = all.sizes.blocks;
    touched.brought = touched.received = first ? 0 : blocks;
    touched.drained = all.sizes.drained ? blocks : 0;
    touched.begun = first ? 0 : touched.drained;
    all.times = times / sums;
    if (all.times != 0)
      visit(all);
    all.sizes.ownPartial = touched.received = 0;
    all.times = times - times / sums;
    if (all.times != 0)
      visit(all);
  };
  if (passes == 1)
    return emit(once, true, true);
  emit(once, true, false);
  emit(once * (passes - 2), false, false);
  emit(once, false, true);
}

/// What the loops below a holder do to the tile of a rank.
static FirstElements::Side sideOf(const LoopTree &tree,
                                  llvm::ArrayRef<int> loops, int holder,
                                  int rank, bool unitsApart) {
  FirstElements::Side side;
  llvm::SmallVector<int64_t, 16> tiles;
  tree.tilesAt(holder, tiles);
  side.whole = side.part = tiles[rank];
  for (int id : loops) {
    const Node &loop = tree.nodes[id];
    if (id < holder || loop.rank != rank)
      continue;
    side.part = loop.tile;
    if (loop.steps > 1)
      side.loops.push_back({loop.steps, loop.tile,
                            loop.kind == NodeKind::spatial && !unitsApart});
  }
  return side;
}

/// True if all tiles of the tensor at a node are boxes of the same size, of
/// coordinates as those of the only use here.
bool TileQuery::isBox(int node) const {
  const AccessFact &access = write ? *write->access : *reads.front().access;
  for (const Coordinate &coordinate : access.coordinates)
    if (coordinate.terms.size() > 1 ||
        (coordinate.terms.size() == 1 && coordinate.terms[0].coefficient < 0))
      return false;
  const HeldTensor *part = findPart(tree, node, access.tensor);
  return part && llvm::all_of(part->uses, [&](const Use &use) {
           return sameCoordinates(*use.access, access) &&
                  constraintsOf(tree, use).empty();
         });
}

/// Of a box that a node keeps in part, or that others take from it, one by one,
/// the first elements are counted by FirstElements. What has another form is
/// counted step by step.
bool TileQuery::runInPart(bool unitsApart, Counter &counter, Visit visit) {
  const AccessFact &access = write ? *write->access : *reads.front().access;
  int holder = homePart ? asked.home : asked.node;
  bool isDeeper = ownPart && homePart; // what is at the home is in part, too
  if (homePart)
    isDeeper |= findPart(tree, findPart(tree, holder, access.tensor)->parent,
                         access.tensor) != nullptr;
  if (isDeeper || !isBox(holder) || !grid.empty())
    return runUnfolded(unitsApart, visit);
  currentLatch = latch();
  llvm::SmallVector<FirstElements::Side, 4> sides;
  uint64_t all = 1, boxes = 1;
  for (const Coordinate &coordinate : access.coordinates) {
    if (coordinate.terms.empty())
      continue;
    sides.push_back(
        sideOf(tree, above, holder, coordinate.terms[0].rank, unitsApart));
    all = counter.mul(all, sides.back().whole);
    boxes = counter.mul(boxes, sides.back().transfers(counter));
  }
  uint64_t kept = std::min<uint64_t>(tree.nodes[holder].resident, all);
  auto scale = [&](const TileSizes &sizes, uint64_t words) {
    TileSizes result = sizes;
    for (uint64_t TileSizes::*size :
         {&TileSizes::fetched, &TileSizes::written, &TileSizes::partial,
          &TileSizes::ownPartial, &TileSizes::drained, &TileSizes::all})
      result.*size = sizes.*size == 0 ? 0 : words;
    return result;
  };
  // A transfer is of all of its box, or of nothing.
  if (ownPart) {
    runUniform(unitsApart, /*blocks=*/0, counter, [&](TileClass c) {
      c.sizes = scale(c.sizes, counter.mul(c.sizes.all / all, kept));
      visit(c);
    });
    return true;
  }
  FirstElements::Classes classes;
  if (kept < all)
    classes = FirstElements(sides, counter).count(kept);
  runUniform(unitsApart, /*blocks=*/0, counter, [&](TileClass c) {
    if (kept == all)
      classes = {{c.sizes.all, boxes}};
    uint64_t sweeps = c.times / boxes;
    TileSizes sizes = c.sizes;
    for (auto [words, times] : classes) {
      c.times = counter.mul(sweeps, times);
      c.shares = {scale(sizes, words), scale(sizes, sizes.all - words)};
      visit(c);
    }
  });
  return true;
}
