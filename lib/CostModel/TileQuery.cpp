//===- TileQuery.cpp - How large a tile is, how often ---------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/TileQuery.h"

#include "lib/CostModel/FirstElements.h"
#include "lib/CostModel/TileComponent.h"
#include "lib/CostModel/UnfoldedQuery.h"

#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace einsum;
using namespace einsum::cost;

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

const HeldTensor *einsum::cost::findPart(const LoopTree &tree, int id,
                                         int tensor) {
  const Node &node = tree.nodes[id];
  if (node.resident < 0 || node.passthrough)
    return nullptr;
  for (const HeldTensor &held : node.held)
    if (held.tensor == tensor && held.parent >= 0)
      return &held;
  return nullptr;
}

TilePlace einsum::cost::placeOfTile(const LoopTree &tree, int node,
                                    const HeldTensor &held) {
  TilePlace place;
  place.node = node;
  place.home = held.parent;
  place.uses = held.uses;
  place.halo = tree.nodes[node].halo;
  if (place.halo == Halo::recomputed && !held.isProducedBelow)
    place.halo = Halo::refetched;
  place.isOutput = tree.facts->tensors[held.tensor].isOutput;
  place.countsBlocks = true;
  for (auto [leaf, index] : tree.accessesOf[held.tensor]) {
    const Use &use = tree.nodes[leaf].accesses[index].use;
    if (!tree.contains(node, leaf) && !use.isWrite)
      place.outside.push_back(use);
  }
  return place;
}

TilePlace einsum::cost::placeOfAccess(const LoopTree &tree, int leaf,
                                      const LeafAccess &access) {
  TilePlace place;
  place.node = leaf;
  place.home = access.storage;
  place.uses.push_back(access.use);
  place.uses.back().access = &access.use.access->atLeaf();
  place.isOperand = true;
  place.everyRun = tree.arch->accounting.everyRun;
  // Whatever leaves the unit counts as delivered.
  place.isOutput = access.use.isWrite;
  return place;
}

TileQuery::TileQuery(TileQuery &&) noexcept = default;
TileQuery::~TileQuery() = default;

TileQuery::TileQuery(const LoopTree &tree, TilePlace place)
    : tree(tree), facts(*tree.facts), asked(std::move(place)) {
  if (asked.countsBlocks && asked.tensor() >= 0)
    grid = facts.tensors[asked.tensor()].grid;
  collectLoops();
  collectSets();
  findSharedPartials();
  decideUniform();
  decideSteps();
  if (asked.home < 0)
    return;
  ownPart = !asked.isOperand && findPart(tree, asked.node, asked.tensor());
  homePart = findPart(tree, asked.home, asked.tensor());
}

int einsum::cost::loopAround(const LoopTree &tree, int node) {
  int i = tree.nodes[node].parent;
  while (i >= 0 && tree.nodes[i].kind != NodeKind::temporal)
    i = tree.nodes[i].parent;
  return i;
}

void TileQuery::collectLoops() {
  for (int i = asked.isOperand ? tree.nodes[asked.node].parent : asked.node;
       i >= 0; i = tree.nodes[i].parent)
    if ((tree.nodes[i].isLoop() && i != asked.node) ||
        !tree.nodes[i].demands.empty())
      above.push_back(i);
  std::reverse(above.begin(), above.end());
  if (asked.halo != Halo::retained)
    return;
  for (int i : above)
    if (tree.nodes[i].kind == NodeKind::temporal)
      retainedLoop = i;
}

//===----------------------------------------------------------------------===//
// Sets
//===----------------------------------------------------------------------===//

static bool sameCoordinates(const AccessFact &a, const AccessFact &b) {
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

//===----------------------------------------------------------------------===//
// Components
//===----------------------------------------------------------------------===//

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

//===----------------------------------------------------------------------===//
// The short way
//===----------------------------------------------------------------------===//

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

bool TileQuery::isEntered(int id) const {
  const Node &node = tree.nodes[id];
  return !asked.isOperand || node.kind != NodeKind::temporal ||
         id <= currentLatch;
}

int TileQuery::latch() const {
  if (!asked.isOperand || asked.everyRun)
    return INT32_MAX;
  const Node &leaf = tree.nodes[asked.node];
  const AccessFact &access = *asked.uses.front().access;
  for (int id : llvm::reverse(leaf.path)) {
    const Node &loop = tree.nodes[id];
    if (id <= asked.home)
      break;
    if (loop.kind == NodeKind::temporal && loop.fullSteps > 1 &&
        access.uses(loop.rank) && !leaf.isGuardedBy(id))
      return id;
  }
  return asked.home;
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

bool TileQuery::run(bool unitsApart, Counter &counter, Visit visit) {
  if (!uniform || !tree.perfect)
    return runGeneral(unitsApart, counter, visit);
  if (ownPart || homePart)
    return runInPart(unitsApart, counter, visit);
  std::optional<uint64_t> blocks = 0;
  if (!grid.empty())
    blocks = alignedBlocks(unitsApart);
  if (!blocks)
    return runGeneral(unitsApart, counter, visit);
  currentLatch = latch();
  runUniform(unitsApart, *blocks, counter, visit);
  return true;
}

//===----------------------------------------------------------------------===//
// Tiles of which a node has the first elements only
//===----------------------------------------------------------------------===//

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

//===----------------------------------------------------------------------===//
// The general way
//===----------------------------------------------------------------------===//

namespace {

/// Multiplies the classes of components.
class Product {
public:
  using Measure =
      llvm::function_ref<TileSizes(const Signature &, const BlockSignature &)>;
  Product(llvm::ArrayRef<std::vector<ComponentClass>> classes, Measure measure,
          Counter &counter, TileQuery::Visit visit)
      : classes(classes), measure(measure), counter(counter), visit(visit) {}

  void run(bool countsBlocks) {
    TileClass start;
    start.times = 1;
    BlockSignature blocks;
    if (countsBlocks)
      blocks.push_back({{~SetMask(0)}, 1});
    run(0, {{~SetMask(0), 1}}, blocks, start);
  }

private:
  void run(size_t next, const Signature &signature,
           const BlockSignature &blocks, TileClass result) {
    if (next == classes.size()) {
      result.sizes = measure(signature, blocks);
      visit(result);
      return;
    }
    for (const ComponentClass &one : classes[next]) {
      TileClass inner = result;
      inner.times = counter.mul(inner.times, one.times);
      inner.sharing = counter.mul(inner.sharing, one.sharing);
      inner.reducing = counter.mul(inner.reducing, one.reducing);
      Signature both;
      for (auto [mask, points] : signature)
        for (auto [otherMask, otherPoints] : one.signature)
          if (mask & otherMask)
            addToSignature(both, mask & otherMask,
                           counter.mul(points, otherPoints),
                           counter.overflowed);
      if (!both.empty())
        run(next + 1, both, multiply(blocks, one.blocks), inner);
    }
  }

  /// A block of the product has an element of two masks where its sides have.
  BlockSignature multiply(const BlockSignature &a, const BlockSignature &b) {
    BlockSignature both;
    for (const auto &[masks, count] : a)
      for (const auto &[otherMasks, otherCount] : b) {
        llvm::SmallVector<SetMask, 2> met;
        for (SetMask mask : masks)
          for (SetMask other : otherMasks)
            if (mask & other)
              met.push_back(mask & other);
        if (!met.empty())
          addToBlocks(both, std::move(met), counter.mul(count, otherCount),
                      counter.overflowed);
      }
    return both;
  }

  llvm::ArrayRef<std::vector<ComponentClass>> classes;
  Measure measure;
  Counter &counter;
  TileQuery::Visit visit;
};

} // namespace

/// False if some component cannot be counted; `classes` has an empty list if
/// nothing is ever visited.
bool TileQuery::listClasses(bool unitsApart, Counter &counter) {
  if (!hasComponents)
    collectComponents();
  hasComponents = true;
  currentLatch = latch();
  classes.resize(components.size());
  if (bits.laterReads + laterReads.size() > 64)
    return false;
  for (auto [component, list] : llvm::zip(components, classes)) {
    if (!component.listClasses(*this, unitsApart, counter, list))
      return false;
  }
  return true;
}

TileLoad einsum::cost::largerOf(const TensorFact &tensor, const TileLoad &a,
                                const TileLoad &b) {
  auto size = [&](const TileLoad &load) {
    return std::pair(
        tensor.isShared ? tensor.wholeBytes(load.words, load.blocks) : 0,
        load.words);
  };
  return size(a) < size(b) ? b : a;
}

void einsum::cost::addToBlocks(BlockSignature &blocks,
                               llvm::SmallVector<SetMask, 2> masks,
                               uint64_t count, bool &overflowed) {
  llvm::sort(masks);
  masks.erase(std::unique(masks.begin(), masks.end()), masks.end());
  auto place = llvm::lower_bound(
      blocks, masks,
      [](const auto &known, const auto &added) { return known.first < added; });
  if (place != blocks.end() && place->first == masks)
    overflowed |= __builtin_add_overflow(place->second, count, &place->second);
  else
    blocks.insert(place, {std::move(masks), count});
}

/// What an element of these sets is to a visit.
struct TileQuery::Kinds {
  bool fetched = false, written = false, partial = false, own = false,
       drained = false, all = false;
};

TileQuery::Kinds TileQuery::kindsOf(SetMask mask) const {
  SetMask allReads = (SetMask(1) << reads.size()) - 1;
  auto has = [&](unsigned bit) { return mask >> bit & 1; };
  Kinds kinds;
  kinds.written = write && has(bits.write);
  bool read = mask & allReads;
  bool held = asked.halo == Halo::retained && (mask >> bits.held & allReads);
  kinds.all = kinds.written || read;
  kinds.fetched = read && !kinds.written && !held;
  if (!kinds.written)
    return kinds;
  bool isFirst = has(bits.earlier), isLast = has(bits.later);
  // Of units that share sums only the first gets the partial value; the others
  // continue what they began in this visit of the home.
  if (!has(bits.sharingUnit))
    isFirst = has(bits.earlierHere);
  kinds.partial = !isFirst;
  kinds.own = kinds.partial && has(bits.unit);
  bool later = false;
  for (size_t n = 0; n < laterReads.size(); ++n)
    later |= has(bits.laterReads + n);
  kinds.drained = neededOutside || !isLast || later;
  return kinds;
}

TileSizes TileQuery::measure(const Signature &signature,
                             const BlockSignature &blocks,
                             Counter &counter) const {
  TileSizes sizes;
  for (auto [mask, points] : signature) {
    Kinds kinds = kindsOf(mask);
    auto add = [&, points = points](bool counts, uint64_t &size) {
      if (counts)
        counter.add(size, points);
    };
    add(kinds.all, sizes.all);
    add(kinds.fetched, sizes.fetched);
    add(kinds.written, sizes.written);
    add(kinds.partial, sizes.partial);
    add(kinds.own, sizes.ownPartial);
    add(kinds.drained, sizes.drained);
  }
  for (const auto &[masks, count] : blocks) {
    auto add = [&, count = count, &masks = masks](
                   uint64_t &size, llvm::function_ref<bool(const Kinds &)> is) {
      if (llvm::any_of(masks, [&](SetMask mask) { return is(kindsOf(mask)); }))
        counter.add(size, count);
    };
    TileSizes::Blocks &touched = sizes.blocks;
    add(touched.all, [](const Kinds &of) { return of.all; });
    add(touched.fetched, [](const Kinds &of) { return of.fetched; });
    add(touched.brought,
        [](const Kinds &of) { return of.fetched || of.partial; });
    add(touched.received, [](const Kinds &of) { return of.fetched || of.own; });
    add(touched.drained, [](const Kinds &of) { return of.drained; });
    add(touched.begun,
        [](const Kinds &of) { return of.drained && of.partial; });
  }
  return sizes;
}

//===----------------------------------------------------------------------===//
// Step by step
//===----------------------------------------------------------------------===//

/// True if visits of a node below that follow demand differ in a rank of the
/// use from which they find the interval of another: what they reach together
/// is no box then.
///
///   temporal b tile 1
///     storage buffer [T] halo recomputed     T[b,h] read as T[b, a + b]
bool TileQuery::isDemandedUnevenly(const Use &use) const {
  const std::vector<Constraint> constraints = constraintsOf(tree, use);
  auto concerns = [&](int rank) {
    return use.access->uses(rank) ||
           llvm::any_of(constraints, [&](const Constraint &constraint) {
             return constraint.form.uses(rank);
           });
  };
  auto isCut = [&](int rank, int node) { // between the place and the node
    for (int i = tree.nodes[node].parent; i >= asked.node;
         i = tree.nodes[i].parent)
      if (tree.nodes[i].isLoop() && tree.nodes[i].rank == rank)
        return true;
    return false;
  };
  for (int i = use.leaf; i > asked.node; i = tree.nodes[i].parent)
    for (const Demand &demand : tree.nodes[i].demands)
      for (const AffineForm &form : demand.forms)
        for (const AffineForm::Term &term : form.terms)
          if (term.variable != demand.rank && concerns(demand.rank) &&
              concerns(term.variable) && isCut(term.variable, i))
            return true;
  return false;
}

/// Whether it matters how many units share words.
bool TileQuery::countsUnits() const {
  return llvm::any_of(
             tree.arch->levels,
             [](const arch::Level &level) { return level.multicast.width; }) ||
         llvm::any_of(tree.arch->arrays, [](const arch::Array &array) {
           return array.reduction.width;
         });
}

void TileQuery::decideSteps() {
  auto look = [&](const Use &use) {
    for (int i = use.leaf; i >= 0; i = tree.nodes[i].parent)
      for (const Demand &demand : tree.nodes[i].demands)
        inSteps |= !demand.isHull;
  };
  if (tree.hasDemands)
    for (const Use &use : asked.uses) {
      look(use);
      inSteps |= isDemandedUnevenly(use);
    }
  // Units that share sums go on with those that are where all of them see them,
  // which of a holder of parts some are.
  if (partialsAreShared)
    for (int i = asked.home; i >= 0; i = tree.nodes[i].parent)
      inSteps |= findPart(tree, i, asked.tensor()) != nullptr;
  if (asked.halo != Halo::retained || retainedLoop < 0)
    return;
  for (int id : above) {
    if (tree.nodes[id].kind != NodeKind::spatial)
      continue;
    // A unit may fetch what another has kept; and its previous tile is a part
    // of the previous step.
    unitedInSteps |= id > asked.home;
    bool moves = tree.nodes[id].rank == tree.nodes[retainedLoop].rank;
    for (int node : above)
      moves |=
          node > retainedLoop &&
          llvm::any_of(tree.nodes[node].demands, [&](const Demand &demand) {
            return demand.rank == tree.nodes[id].rank;
          });
    inSteps |= id > retainedLoop && moves;
  }
  // A leaf that ran in the previous step may not run in this one.
  for (const Use &use : asked.uses)
    inSteps |= tree.nodes[use.leaf].isGuardedBy(retainedLoop);
}

bool TileQuery::canUnfold() const {
  auto isSmall = [&](const Use &use) {
    return facts.einsums[tree.nodes[use.leaf].einsum].points <= kUnfolded;
  };
  for (int i = asked.home; i >= 0; i = tree.nodes[i].parent)
    if (const HeldTensor *part = findPart(tree, i, asked.tensor()))
      if (!llvm::all_of(part->uses, isSmall))
        return false;
  return llvm::all_of(asked.uses, isSmall);
}

bool TileQuery::runUnfolded(bool unitsApart, Visit visit) {
  if (!canUnfold())
    return false;
  UnfoldedQuery query(tree, asked, latch(), unitsApart);
  bool answered = query.run(visit);
  mixed = query.isMixed();
  return answered;
}

bool TileQuery::runGeneral(bool unitsApart, Counter &counter, Visit visit) {
  if (inSteps || (unitedInSteps && !unitsApart) || ownPart || homePart)
    return runUnfolded(unitsApart, visit);
  if (!listClasses(unitsApart, counter))
    return runUnfolded(unitsApart, visit);
  if (components.empty() && (write || !reads.empty()))
    visit({measure({{~SetMask(0), 1}}, {{{~SetMask(0)}, 1}}, counter), 1});
  if (components.empty())
    return true;
  auto sizesOf = [&](const Signature &signature, const BlockSignature &blocks) {
    return measure(signature, blocks, counter);
  };
  Product(classes, sizesOf, counter, visit).run(!grid.empty());
  return true;
}

std::optional<TileLoad> TileQuery::largest(llvm::ArrayRef<Window> within,
                                           Counter &counter) {
  windows.assign(within.begin(), within.end());
  bool isPart = !grid.empty() && tree.nodes[asked.node].resident >= 0;
  bool answered =
      !inSteps && !isPart && listClasses(/*unitsApart=*/true, counter);
  windows.clear();
  if (!answered && !canUnfold())
    return std::nullopt;
  if (!answered)
    return UnfoldedQuery(tree, asked, latch(), true).largest(within);
  TileLoad largest;
  auto sizesOf = [&](const Signature &signature, const BlockSignature &blocks) {
    return measure(signature, blocks, counter);
  };
  Product(classes, sizesOf, counter, [&](const TileClass &c) {
    largest = largerOf(facts.tensors[asked.tensor()], largest,
                       {c.sizes.all, c.sizes.blocks.all});
  }).run(!grid.empty());
  return largest;
}
