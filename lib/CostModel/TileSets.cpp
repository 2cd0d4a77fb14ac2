//===- TileSets.cpp - What of a tensor a visit reads and writes -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Which uses count together, which reads come after a write, and whose sums
// units have in common.
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/TileComponent.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::cost;

bool einsum::cost::sameCoordinates(const AccessFact &a, const AccessFact &b) {
  auto sameTerm = [](const Coordinate::Term &x, const Coordinate::Term &y) {
    return x.rank == y.rank && x.coefficient == y.coefficient;
  };
  auto same = [&](const Coordinate &x, const Coordinate &y) {
    if (x.constant == y.constant && llvm::equal(x.terms, y.terms, sameTerm))
      return true;
    if (x.terms.size() < 2)
      return false;
    AffineForm difference = x.form(); // terms may stand in another order
    difference.add(y.form(), -1);
    return difference.isConstant() && difference.constant == 0;
  };
  for (auto [x, y] : llvm::zip(a.coordinates, b.coordinates))
    if (!same(x, y))
      return false;
  return true;
}

/// What restricts the points of a use beyond its coordinates: constraints that
/// some point violates.
std::vector<Constraint> einsum::cost::constraintsOf(const LoopTree &tree,
                                                    const Use &use) {
  const CascadeFacts &facts = *tree.facts;
  const EinsumFact &einsum = facts.einsums[tree.nodes[use.leaf].einsum];
  std::vector<Constraint> constraints = einsum.domain;
  const TensorFact &tensor = facts.tensors[use.access->tensor];
  if (use.isWrite || tensor.iterativeRank < 0)
    return constraints;
  llvm::SmallVector<Interval> extents;
  for (const RankFact &rank : facts.ranks)
    extents.push_back({0, rank.extent});
  auto add = [&](Constraint constraint) {
    if (constraint.decide(extents) != true)
      constraints.push_back(std::move(constraint));
  };
  // Before the first step along an iterative rank there is no element.
  for (auto [rank, coordinate] :
       llvm::zip(tensor.ranks, use.access->coordinates)) {
    if (rank != tensor.iterativeRank)
      continue;
    add({coordinate.form()});
    Constraint high{AffineForm::number(facts.ranks[rank].extent - 1)};
    high.form.add(coordinate.form(), -1);
    add(std::move(high));
  }
  return constraints;
}

static bool sameRestrictions(const LoopTree &tree, const Use &a, const Use &b) {
  auto guards = [&](const Use &use) -> const auto & {
    return tree.nodes[use.leaf].guards;
  };
  if (guards(a) != guards(b))
    return false;
  std::vector<Constraint> left = constraintsOf(tree, a),
                          right = constraintsOf(tree, b);
  return left.size() == right.size() &&
         llvm::all_of(left, [&](const Constraint &constraint) {
           return llvm::is_contained(right, constraint);
         });
}

/// True if the write happens in one step of a loop in which the read goes on.
bool TileQuery::isGuardedMore(const Use &read) const {
  const auto &readGuards = tree.nodes[read.leaf].guards;
  return llvm::any_of(tree.nodes[write->leaf].guards, [&](const auto &guard) {
    return llvm::is_contained(above, guard.first) &&
           !llvm::is_contained(readGuards, guard);
  });
}

void TileQuery::collectSets() {
  for (const Use &use : asked.uses)
    if (use.isWrite)
      write = use;
  auto same = [&](const Use &a, const Use &b) {
    return sameCoordinates(*a.access, *b.access) &&
           sameRestrictions(tree, a, b);
  };
  for (const Use &use : asked.uses) {
    if (use.isWrite || (write && same(use, *write)) ||
        llvm::any_of(reads, [&](const Use &seen) { return same(use, seen); }))
      continue;
    reads.push_back(use);
  }
  if (!write)
    return;
  neededOutside = asked.isOutput || !asked.outside.empty();
  if (!neededOutside && asked.halo == Halo::refetched)
    for (auto [i, read] : llvm::enumerate(reads))
      if (mayFollow(read) && !isMadeWithin(read))
        addLaterReads(i);
}

/// True if each visit makes anew what the read asks for: both are below a node
/// below the place that produces on demand, and keeps nothing from visit to
/// visit. Of what is made anew and read elsewhere, it counts what is fetched.
bool TileQuery::isMadeWithin(const Use &read) {
  auto makesAnew = [&](int leaf) {
    for (int i = tree.nodes[leaf].parent; i > asked.node;
         i = tree.nodes[i].parent) {
      const Node &node = tree.nodes[i];
      if (node.producesAnew && tree.contains(i, write->leaf) &&
          llvm::any_of(node.held,
                       [&](const HeldTensor &held) {
                         return held.tensor == asked.tensor();
                       }) &&
          (makesAllAnew(i) || loopAround(tree, i) > asked.node))
        return true;
    }
    return false;
  };
  if (!makesAnew(write->leaf))
    return false;
  inSteps |= !makesAnew(read.leaf);
  return makesAnew(read.leaf);
}

/// The first node above the place, and below a loop, that makes the tensor anew
/// in each of its visits; or -1.
int TileQuery::producerBelow(int loop) const {
  int producer = -1;
  for (int i = tree.nodes[asked.node].parent; i > loop;
       i = tree.nodes[i].parent)
    if (tree.nodes[i].producesAnew &&
        llvm::any_of(tree.nodes[i].held, [&](const HeldTensor &held) {
          return held.tensor == asked.tensor() && held.isProducedBelow;
        }))
      producer = i;
  return producer;
}

/// Whether elements may be read in a visit after the last that adds to them.
bool TileQuery::mayFollow(const Use &read) const {
  if (!sameCoordinates(*read.access, *write->access) || isGuardedMore(read))
    return true;
  // A domain may end the sum before the step in which it is read.
  std::vector<Constraint> reading = constraintsOf(tree, read);
  bool readsMore = llvm::any_of(
      constraintsOf(tree, *write), [&](const Constraint &constraint) {
        return !llvm::is_contained(reading, constraint);
      });
  return readsMore ||
         (!constraintsOf(tree, *write).empty() &&
          llvm::any_of(tree.nodes[read.leaf].guards, [&](const auto &guard) {
            return llvm::is_contained(above, guard.first) &&
                   !llvm::is_contained(tree.nodes[write->leaf].guards, guard);
          }));
}

/// True if each visit of a producing node makes all of the tensor that is read
/// there: it keeps nothing, or readers ask for all that is left.
bool TileQuery::makesAllAnew(int producer) const {
  const Node &node = tree.nodes[producer];
  return node.halo == Halo::recomputed ||
         llvm::none_of(node.demands, [&](const Demand &demand) {
           return demand.tensor == asked.tensor();
         });
}

/// A visit is later if, of the loops above, the first that is in another step
/// is in a later one. What the step makes anew, below a node with `halo`, this
/// visit does not deliver to it: if such a node has one visit of the place
/// only, that makes all it reads; else which elements are fetched counts.
void TileQuery::addLaterReads(int read) {
  for (int loop : above) {
    if (tree.nodes[loop].kind != NodeKind::temporal)
      continue;
    int producer = producerBelow(loop);
    bool isAnew = producer >= 0 && makesAllAnew(producer);
    if (isAnew && llvm::all_of(above, [&](int id) {
          return id <= producer || !tree.nodes[id].isLoop();
        }))
      continue;
    inSteps |= producer >= 0 && (isAnew || loop != loopAround(tree, producer));
    std::pair<int, schedule::Guard> first = {loop, schedule::Guard::first};
    if (!llvm::is_contained(tree.nodes[reads[read].leaf].guards, first))
      laterReads.push_back({read, loop});
  }
}

/// Units whose sums meet outside of the home begin them at the outermost node
/// below the loop that deals out the work. Where that happens more than once,
/// on the way out, steps are counted.
void TileQuery::findSharedPartials() {
  begunAt = asked.home;
  auto holds = [&](int id) {
    return !tree.nodes[id].passthrough &&
           llvm::any_of(tree.nodes[id].held, [&](const HeldTensor &held) {
             return held.tensor == asked.tensor();
           });
  };
  int innermost = -1;
  for (int id : above) {
    if (!sharesPartials(id))
      continue;
    for (int i = tree.nodes[id].parent; i > innermost; i = tree.nodes[i].parent)
      inSteps |= partialsAreShared && holds(i);
    partialsAreShared = true;
    innermost = id;
  }
  if (!partialsAreShared)
    return;
  for (int i = asked.home; i > innermost; i = tree.nodes[i].parent)
    if (holds(i))
      begunAt = i;
}

/// True for a spatial loop above the home over whose units sums are combined on
/// the way further out.
bool TileQuery::sharesPartials(int id) const {
  if (!write || asked.home < 0 || id > asked.home ||
      tree.nodes[id].kind != NodeKind::spatial)
    return false;
  const EinsumFact &producer = facts.einsums[tree.nodes[write->leaf].einsum];
  if (!producer.reduces(tree.nodes[id].rank))
    return false;
  for (int i = tree.nodes[id].parent; i >= 0; i = tree.nodes[i].parent)
    for (const HeldTensor &held : tree.nodes[i].held)
      if (held.tensor == write->access->tensor && !tree.nodes[i].passthrough)
        return true;
  return false;
}
