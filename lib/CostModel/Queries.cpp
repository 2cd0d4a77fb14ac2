//===- Queries.cpp - Everything that is asked of a tree -------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/Model.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::cost;

static bool hasUnitsBetween(const LoopTree &tree, int above, int below) {
  for (int i = tree.nodes[below].parent; i > above; i = tree.nodes[i].parent)
    if (tree.nodes[i].kind == NodeKind::spatial)
      return true;
  return false;
}

void Queries::build(const LoopTree &newTree) {
  tree = &newTree;
  for (auto [id, node] : llvm::enumerate(tree->nodes)) {
    int place = id;
    for (auto [h, held] : llvm::enumerate(node.held))
      tiles.push_back({place, static_cast<int>(h),
                       hasUnitsBetween(*tree, held.parent, place), nullptr});
    for (auto [a, access] : llvm::enumerate(node.accesses))
      if (access.storage >= 0)
        accesses.push_back({place, static_cast<int>(a), nullptr});
  }
  points.resize(tree->leaves.size());
  runs.resize(tree->leaves.size());
  visits.resize(tree->nodes.size());
}

TileQuery &Queries::make(Query &query, llvm::function_ref<TilePlace()> place) {
  if (query)
    return *query;
  query = std::make_unique<TileQuery>(*tree, place());
  if (everyStep)
    query->takeEveryStep();
  return *query;
}

TileQuery &Queries::of(Tile &tile) {
  return make(tile.query, [&] {
    return placeOfTile(*tree, tile.node,
                       tree->nodes[tile.node].held[tile.held]);
  });
}

TileQuery &Queries::of(Access &access) {
  return make(access.query, [&] {
    return placeOfAccess(*tree, access.leaf,
                         tree->nodes[access.leaf].accesses[access.access]);
  });
}

/// An access without coordinates: a visit in which its set is not empty is one
/// that runs.
AccessFact &Queries::makeUp(int leaf) {
  AccessFact &access = madeUp.emplace_back();
  access.tensor =
      tree->facts->einsums[tree->nodes[leaf].einsum].writes[0].tensor;
  return access;
}

/// Every point is an element of its own.
TileQuery &Queries::pointsOf(size_t index) {
  return make(points[index], [&] {
    int leaf = tree->leaves[index];
    AccessFact &point = makeUp(leaf);
    for (int rank : tree->facts->einsums[tree->nodes[leaf].einsum].ranks)
      point.coordinates.push_back({{{rank, 1}}, 0});
    TilePlace place;
    place.node = 0;
    for (int i = leaf; i >= 0; i = tree->nodes[i].parent)
      if (tree->nodes[i].producesAnew && place.node == 0)
        place.node = i;
    place.uses.push_back({leaf, &point, false});
    return place;
  });
}

TileQuery &Queries::runsOf(size_t index) {
  return make(runs[index], [&] {
    TilePlace place;
    place.node = tree->leaves[index];
    place.isOperand = place.everyRun = true;
    place.uses.push_back({place.node, &makeUp(place.node), false});
    return place;
  });
}

/// A transfer is visited when its siblings are.
TileQuery *Queries::visitsOf(int node) {
  int place = tree->nodes[node].kind == NodeKind::transfer
                  ? tree->nodes[node].parent
                  : node;
  auto runs = [&](int leaf) {
    return tree->facts->einsums[tree->nodes[leaf].einsum].points > 0;
  };
  llvm::ArrayRef<int> leaves = tree->leavesBelow(place);
  if (llvm::none_of(leaves, runs))
    return nullptr;
  return &make(visits[node], [&] {
    TilePlace asked;
    asked.node = place;
    for (int leaf : llvm::make_filter_range(leaves, runs))
      asked.uses.push_back({leaf, &makeUp(leaf), false});
    return asked;
  });
}
