//===- TileGroups.cpp - Which ranks of a tile are counted together --------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Ranks that meet in a coordinate, a constraint or a demand are one component.
// Its loops, and per use of the tensor the pieces of which its classes tell how
// many elements they have in common.
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/TileComponent.h"

#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::cost;

void TileQuery::collectComponents() {
  llvm::EquivalenceClasses<int> together;
  auto join = [&](const AffineForm &form, auto &&self, int with = -1) -> int {
    for (const AffineForm::Term &term : form.terms) {
      together.insert(term.variable);
      if (with >= 0)
        together.unionSets(with, term.variable);
      with = term.variable;
    }
    for (const AffineForm::Floor &floor : form.floors)
      with = self(floor.inner, self, with);
    return with;
  };
  auto forEachUse = [&](auto &&visit) {
    for (const Use &use : reads)
      visit(use);
    if (write)
      visit(*write);
  };
  for (int id : above)
    if (tree.nodes[id].isLoop())
      together.insert(tree.nodes[id].rank);
  size_t coordinates =
      asked.uses.empty() ? 0 : asked.uses.front().access->coordinates.size();
  std::vector<int> rankOfCoordinate(coordinates, -1);
  forEachUse([&](const Use &use) {
    for (auto [k, coordinate] : llvm::enumerate(use.access->coordinates))
      rankOfCoordinate[k] = join(coordinate.form(), join, rankOfCoordinate[k]);
    for (const Constraint &constraint : constraintsOf(tree, use))
      join(constraint.form, join);
    for (int i = use.leaf; i >= 0; i = tree.nodes[i].parent)
      for (const Demand &demand : tree.nodes[i].demands)
        for (const AffineForm &form : demand.forms) {
          together.insert(demand.rank);
          join(form, join, demand.rank);
        }
  });
  // What a node keeps on producing depends on the step of the loop around it.
  forEachUse([&](const Use &use) {
    for (int i = use.leaf; i >= 0; i = tree.nodes[i].parent) {
      int loop = loopAround(tree, i);
      if (tree.nodes[i].halo != Halo::retained ||
          !llvm::is_contained(above, loop))
        continue;
      for (const Demand &demand : tree.nodes[i].demands)
        together.unionSets(tree.nodes[loop].rank, demand.rank);
    }
  });
  for (auto group = together.begin(); group != together.end(); ++group) {
    if (!group->isLeader())
      continue;
    Component &component = components.emplace_back();
    component.localOf.assign(facts.ranks.size(), -1);
    for (auto member = together.member_begin(group);
         member != together.member_end(); ++member) {
      component.localOf[*member] = component.ranks.size();
      component.ranks.push_back(*member);
    }
    for (auto [k, rank] : llvm::enumerate(rankOfCoordinate))
      if (rank >= 0 && component.localOf[rank] >= 0)
        component.coordinates.push_back(k);
  }
  // A coordinate that is a number in every access goes anywhere.
  for (auto [k, rank] : llvm::enumerate(rankOfCoordinate)) {
    if (rank >= 0)
      continue;
    if (components.empty()) {
      components.emplace_back();
      components.back().localOf.assign(facts.ranks.size(), -1);
    }
    components.front().coordinates.push_back(k);
  }
  for (Component &component : components)
    addPieces(component);
}

bool TileQuery::addPieces(Component &component) {
  using Box = Component::Box;
  unsigned retained = asked.halo == Halo::retained ? reads.size() : 0;
  bits.held = reads.size();
  bits.write = reads.size() + retained;
  bits.earlier = bits.write + 1;
  bits.later = bits.write + 2;
  bits.unit = bits.write + 3;
  bits.earlierHere = bits.write + 4;
  bits.sharingUnit = bits.write + 5;
  bits.laterReads = bits.write + 6;
  component.setUp(*this);

  for (auto [i, use] : llvm::enumerate(reads)) {
    component.addPiece(*this, i, use, Box::current);
    if (retained)
      component.addPiece(*this, bits.held + i, use, Box::previous);
  }
  if (!write)
    return component.finish();
  component.addPiece(*this, bits.write, *write, Box::current);
  if (retained) // what the previous visit made is held, too
    component.addPiece(*this, bits.held, *write, Box::previous);
  const EinsumFact &producer = facts.einsums[tree.nodes[write->leaf].einsum];
  for (auto [i, loop] : llvm::enumerate(component.loops)) {
    if (loop.local < 0 || !producer.reduces(tree.nodes[loop.node].rank))
      continue;
    loop.reduced = true;
    if (!loop.spatial) {
      // Below where a unit begins its sums, what others add does not reach it.
      component.addPiece(*this, bits.earlier, *write, Box::earlier, i,
                         loop.node > begunAt ? begunAt : -1);
      if (loop.node > begunAt)
        component.addPiece(*this, bits.earlierHere, *write, Box::earlier, i,
                           begunAt);
      if (!neededOutside)
        component.addPiece(*this, bits.later, *write, Box::later, i);
    } else if (loop.between) {
      component.addPiece(*this, bits.unit, *write, Box::earlierUnit, i,
                         asked.node);
    } else if (sharesPartials(loop.node)) {
      component.addPiece(*this, bits.sharingUnit, *write, Box::earlierUnit, i,
                         begunAt);
    }
  }
  for (auto [n, later] : llvm::enumerate(laterReads))
    component.addPiece(*this, bits.laterReads + n, reads[later.first],
                       Box::afterwards, later.second);
  return component.finish();
}
