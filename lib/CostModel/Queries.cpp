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

namespace {

class QueryBuilder {
public:
  QueryBuilder(const LoopTree &tree, Queries &queries)
      : tree(tree), facts(*tree.facts), queries(queries) {}

  void run() {
    for (auto [id, node] : llvm::enumerate(tree.nodes)) {
      for (auto [h, held] : llvm::enumerate(node.held))
        queries.tiles.push_back({static_cast<int>(id), static_cast<int>(h),
                                 TileQuery(tree, placeOfTile(tree, id, held)),
                                 hasUnitsBetween(held.parent, id)});
      for (auto [a, access] : llvm::enumerate(node.accesses))
        if (access.storage >= 0)
          queries.accesses.push_back(
              {static_cast<int>(id), static_cast<int>(a),
               TileQuery(tree, placeOfAccess(tree, id, access))});
    }
    for (int leaf : tree.leaves) {
      queries.points.emplace_back(tree, placeOfPoints(leaf));
      queries.runs.emplace_back(tree, placeOfRuns(leaf));
    }
    queries.visits.resize(tree.nodes.size());
    for (auto [id, node] : llvm::enumerate(tree.nodes))
      if (TilePlace place = placeOfVisits(id);
          needsVisits(id) && !place.uses.empty())
        queries.visits[id].emplace(tree, std::move(place));
  }

private:
  bool hasUnitsBetween(int above, int below) const {
    for (int i = tree.nodes[below].parent; i > above; i = tree.nodes[i].parent)
      if (tree.nodes[i].kind == NodeKind::spatial)
        return true;
    return false;
  }

  /// Every point is an element of its own.
  TilePlace placeOfPoints(int leaf) {
    AccessFact &point = queries.madeUp.emplace_back();
    point.tensor = facts.einsums[tree.nodes[leaf].einsum].writes[0].tensor;
    for (int rank : facts.einsums[tree.nodes[leaf].einsum].ranks)
      point.coordinates.push_back({{{rank, 1}}, 0});
    TilePlace place;
    place.node = 0;
    for (int i = leaf; i >= 0; i = tree.nodes[i].parent)
      if (!tree.nodes[i].demands.empty() && place.node == 0)
        place.node = i;
    place.uses.push_back({leaf, &point, false});
    return place;
  }

  /// A visit in which the set of no coordinates is not empty is one that runs.
  AccessFact &nothing(int leaf) {
    AccessFact &access = queries.madeUp.emplace_back();
    access.tensor = facts.einsums[tree.nodes[leaf].einsum].writes[0].tensor;
    return access;
  }

  TilePlace placeOfRuns(int leaf) {
    TilePlace place;
    place.node = leaf;
    place.isOperand = place.everyRun = true;
    place.uses.push_back({leaf, &nothing(leaf), false});
    return place;
  }

  bool needsVisits(int id) const {
    const Node &node = tree.nodes[id];
    return (node.parent >= 0 &&
            tree.nodes[node.parent].kind == NodeKind::sequence) ||
           node.kind == NodeKind::transfer ||
           (tree.nodes[id].parent >= 0 && tree.arch->accounting.sequential &&
            tree.nodes[node.parent].kind == NodeKind::pipeline) ||
           (node.kind == NodeKind::storage && tree.arch->accounting.buffered);
  }

  /// A transfer is visited when its siblings are.
  TilePlace placeOfVisits(int id) {
    TilePlace place;
    place.node =
        tree.nodes[id].kind == NodeKind::transfer ? tree.nodes[id].parent : id;
    for (int leaf : tree.leaves)
      if (tree.contains(place.node, leaf) &&
          facts.einsums[tree.nodes[leaf].einsum].points > 0)
        place.uses.push_back({leaf, &nothing(leaf), false});
    return place;
  }

  const LoopTree &tree;
  const CascadeFacts &facts;
  Queries &queries;
};

} // namespace

void Queries::build(const LoopTree &tree) { QueryBuilder(tree, *this).run(); }
