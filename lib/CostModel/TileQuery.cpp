//===- TileQuery.cpp - How large a tile is, how often ---------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/TileQuery.h"

#include "lib/CostModel/TileComponent.h"
#include "lib/CostModel/UnfoldedQuery.h"

#include "llvm/ADT/STLExtras.h"

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

bool einsum::cost::paysEach(const LoopTree &tree, int leaf,
                            const LeafAccess &access) {
  const arch::ArchSpec &arch = *tree.arch;
  if (access.use.isWrite)
    return arch.arrays[tree.nodes[leaf].array].reduction.energyPj != 0;
  for (int node = access.storage; node >= 0;) {
    if (arch.levels[tree.nodes[node].level].multicast.energyPj != 0)
      return true;
    const HeldTensor *part = findPart(tree, node, access.use.access->tensor);
    node = part ? part->parent : -1;
  }
  return false;
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
  place.countsEach = paysEach(tree, leaf, access);
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
// Latches
//===----------------------------------------------------------------------===//

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

//===----------------------------------------------------------------------===//
// Products of components
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

//===----------------------------------------------------------------------===//
// Answers
//===----------------------------------------------------------------------===//

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
