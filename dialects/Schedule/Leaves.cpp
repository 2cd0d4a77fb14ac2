//===- Leaves.cpp - Compute leaves and when they run ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A leaf under a loop over a rank that its Einsum lacks runs in one step of it:
//
//   temporal m tile 1
//     sequence
//       compute S     S[p] = X[m,p]     iterates over m
//       compute R     R[p] = 1 / S[p]   lacks m, and S is complete in the last
//                                       step only: last
//       compute N     N[p] = -B[p]      lacks m, B comes from elsewhere: first
//
// Completion passes from an Einsum to its readers, so guards are propagated
// from the leaves that iterate over the loop's rank.
//
//===----------------------------------------------------------------------===//

#include "dialects/Schedule/Schedule.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::schedule;

StringRef einsum::schedule::getEinsumName(EinsumInterface einsum) {
  for (StringAttr name : einsum.getTensorNames())
    if (!name.getValue().empty())
      return name;
  return {};
}

StringRef einsum::schedule::getTensorName(Value tensor) {
  Operation *definition = tensor.getDefiningOp();
  if (auto input = dyn_cast_or_null<InputOp>(definition))
    return input.getTensor();
  if (auto einsum = dyn_cast_or_null<EinsumInterface>(definition))
    return einsum.getTensorNames()[cast<OpResult>(tensor).getResultNumber()];
  return {};
}

std::optional<int64_t> LoopAbove::steps() const {
  if (!around)
    return std::nullopt;
  return llvm::divideCeil(*around, tile);
}

const LoopAbove *Leaf::findLoop(Operation *loop) const {
  const LoopAbove *found =
      llvm::find_if(loops, [&](const LoopAbove &l) { return l.op == loop; });
  return found == loops.end() ? nullptr : found;
}

LoopAbove *Leaf::findLoop(Operation *loop) {
  return const_cast<LoopAbove *>(std::as_const(*this).findLoop(loop));
}

/// The rank and tile of a loop; `op` stays null for other nodes.
static LoopAbove describeLoop(Operation *node) {
  LoopAbove loop;
  if (auto temporal = dyn_cast<TemporalOp>(node)) {
    loop.rank = temporal.getRankAttr();
    loop.tile = static_cast<int64_t>(temporal.getTile());
  } else if (auto spatial = dyn_cast<SpatialOp>(node)) {
    loop.rank = spatial.getRankAttr();
    loop.tile = static_cast<int64_t>(spatial.getTile());
    loop.isSpatial = true;
  } else {
    return loop;
  }
  loop.op = node;
  return loop;
}

/// True if the node makes production of what `einsum` computes follow demand.
static bool isDemandedBy(Operation *node, EinsumInterface einsum) {
  auto storage = dyn_cast<StorageOp>(node);
  if (!storage || !storage.getHalo() || *storage.getHalo() == "refetched")
    return false;
  return llvm::any_of(storage.getTensors(), [&](Attribute name) {
    return llvm::is_contained(einsum.getTensorNames(), cast<StringAttr>(name));
  });
}

/// Loops above such a node do not guard the leaf.
static void resolveDemand(Leaf &leaf) {
  if (!leaf.einsum)
    return;
  auto node = llvm::find_if(llvm::reverse(leaf.path), [&](Operation *n) {
    return isDemandedBy(n, leaf.einsum);
  });
  if (node == leaf.path.rend())
    return;
  for (LoopAbove &loop : leaf.loops)
    loop.isDemanded = loop.op->isProperAncestor(*node);
}

static Leaf describeLeaf(LeafOp op, EinsumInterface einsum, CascadeOp cascade) {
  Leaf leaf;
  leaf.op = op;
  leaf.einsum = einsum;
  for (Operation *node = op; !isa<MappingOp>(node); node = node->getParentOp())
    leaf.path.push_back(node);
  std::reverse(leaf.path.begin(), leaf.path.end());
  llvm::SmallDenseMap<StringAttr, int64_t> innermost;
  for (Operation *node : leaf.path) {
    LoopAbove loop = describeLoop(node);
    if (!loop.op)
      continue;
    if (auto it = innermost.find(loop.rank); it != innermost.end())
      loop.around = it->second;
    else if (RankOp rank = cascade.findRank(loop.rank))
      loop.around = rank.getBoundExtent();
    innermost[loop.rank] = loop.tile;
    leaf.loops.push_back(loop);
  }
  resolveDemand(leaf);
  return leaf;
}

namespace {
using LeafOfEinsum = llvm::DenseMap<Operation *, Leaf *>;
} // namespace

/// Readers of a leaf's results that lack the rank of `loop` and stand below it
/// too run in its last step, and so do their readers.
static void guardReaders(Leaf &producer, Operation *loop,
                         const LeafOfEinsum &leaves) {
  SmallVector<Leaf *> worklist = {&producer};
  while (!worklist.empty()) {
    Leaf *complete = worklist.pop_back_val();
    for (Operation *user : complete->einsum->getUsers()) {
      Leaf *reader = leaves.lookup(user);
      LoopAbove *above = reader ? reader->findLoop(loop) : nullptr;
      if (!above || above->guard != Guard::first)
        continue; // not below, iterates over the rank, or known already
      above->guard = Guard::last;
      worklist.push_back(reader);
    }
  }
}

/// A loop, one for all leaves below it, goes down if one of them reads, at a
/// later coordinate of its rank, a recurrence that is computed below it too.
static void setDirections(std::vector<Leaf> &leaves,
                          const LeafOfEinsum &leafOf) {
  llvm::DenseSet<Operation *> descending;
  for (Leaf &leaf : leaves)
    for (const Access &access : leaf.einsum.getInputAccesses()) {
      Leaf *producer = leafOf.lookup(access.tensor.getDefiningOp());
      if (!producer || producer->einsum.getInitialValues().empty())
        continue;
      SmallVector<StringAttr> ranks = leaf.einsum.getIterationRanks();
      for (const LoopAbove &loop : leaf.loops)
        if (producer->findLoop(loop.op) &&
            getStep(access, loop.rank, ranks).value_or(0) > 0)
          descending.insert(loop.op);
    }
  for (Leaf &leaf : leaves)
    for (LoopAbove &loop : leaf.loops)
      loop.isDescending = descending.contains(loop.op);
}

std::vector<Leaf> einsum::schedule::resolveLeaves(MappingOp mapping,
                                                  CascadeOp cascade) {
  llvm::StringMap<EinsumInterface> einsums;
  for (Operation &op : *cascade.getBodyBlock())
    if (auto einsum = dyn_cast<EinsumInterface>(op))
      einsums[getEinsumName(einsum)] = einsum;
  std::vector<Leaf> leaves;
  mapping.walk([&](LeafOp op) {
    leaves.push_back(describeLeaf(op, einsums.lookup(op.getEinsum()), cascade));
  });
  LeafOfEinsum leafOf;
  for (Leaf &leaf : leaves) {
    leafOf[leaf.einsum] = &leaf;
    SmallVector<StringAttr> ranks = leaf.einsum.getIterationRanks();
    for (LoopAbove &loop : leaf.loops)
      if (!llvm::is_contained(ranks, loop.rank) && !loop.isDemanded)
        loop.guard = Guard::first;
  }
  for (Leaf &leaf : leaves)
    for (LoopAbove &loop : leaf.loops)
      if (!loop.guard && !loop.isDemanded)
        guardReaders(leaf, loop.op, leafOf);
  setDirections(leaves, leafOf);
  return leaves;
}
