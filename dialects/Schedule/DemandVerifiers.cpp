//===- DemandVerifiers.cpp - What else a demand cuts ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A node whose contents follow demand sets the intervals of ranks for all
// leaves below it, and keeps tiles from visit to visit. Others that iterate
// over these ranks, wait for a first or last step, or stand between, are
// refused.
//
//===----------------------------------------------------------------------===//

#include "dialects/Schedule/Verifiers.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::schedule;

namespace {

/// A node that sets the intervals of ranks of what `producer` makes.
struct DemandingNode {
  mutable StorageOp node; // MLIR does not mark its queries const
  const Leaf *producer;
  ArrayRef<Leaf> leaves;

  SmallVector<std::pair<const Leaf *, Access>> demand() const {
    return findDemand(node, *producer, leaves);
  }
};

} // namespace

/// Along which position of what it makes a leaf has the rank; none if it does
/// not keep it.
static std::optional<unsigned> findKept(const Leaf &leaf, StringAttr rank) {
  SmallVector<StringAttr> ranks = leaf.einsum.getIterationRanks();
  for (auto [position, written] :
       llvm::enumerate(leaf.einsum.getOutputAccess().getResults()))
    if (ranks[cast<AffineDimExpr>(written).getPosition()] == rank)
      return position;
  return std::nullopt;
}

/// True if the access has exactly the rank at the position.
static bool readsAt(const Leaf &reader, const Access &access, unsigned position,
                    StringAttr rank) {
  auto index = dyn_cast<AffineDimExpr>(access.map.getResult(position));
  return index &&
         reader.einsum.getIterationRanks()[index.getPosition()] == rank;
}

/// True if a loop above the node takes several steps along a rank.
static const LoopAbove *findCutAbove(const Leaf &leaf, StorageOp node,
                                     StringAttr rank) {
  for (const LoopAbove &loop : leaf.loops)
    if (loop.rank == rank && loop.op->isProperAncestor(node) &&
        loop.steps() != 1)
      return &loop;
  return nullptr;
}

/// A rank that readers iterate over is left as loops above have cut it, for
/// them and for the producer.
static LogicalResult verifyIteratedByReaders(const DemandingNode &demanding,
                                             StringAttr rank,
                                             unsigned position) {
  const LoopAbove *cut =
      findCutAbove(*demanding.producer, demanding.node, rank);
  if (!cut)
    return success();
  for (const auto &[reader, access] : demanding.demand()) {
    if (readsAt(*reader, access, position, rank))
      continue;
    InFlightDiagnostic diag =
        reader->op.emitError()
        << "'" << getEinsumName(reader->einsum) << "' reads '"
        << getEinsumName(demanding.producer->einsum) << "' beyond the part of '"
        << rank.getValue()
        << "' that a loop above has left of it: production follows readers "
           "only along ranks that none of them iterates over";
    diag.attachNote(cut->op->getLoc()) << "take this loop below the node";
    diag.attachNote(demanding.node.getLoc()) << "the node is here";
    return diag;
  }
  return success();
}

/// The interval that readers ask for holds for all leaves below. Another may
/// iterate over the rank only if what it makes is wanted there and no further.
static LogicalResult verifyNotCut(const DemandingNode &demanding,
                                  const Leaf &other, StringAttr rank) {
  StorageOp node = demanding.node;
  std::optional<unsigned> position = findKept(other, rank);
  bool isWanted = position.has_value();
  for (Operation *user : other.einsum->getUsers()) {
    auto reader = llvm::find_if(demanding.leaves, [&](const Leaf &leaf) {
      return leaf.einsum == user && node->isProperAncestor(leaf.op);
    });
    if (reader == demanding.leaves.end() || !isWanted) {
      isWanted = false;
      break;
    }
    for (const Access &access : reader->einsum.getInputAccesses())
      if (access.tensor.getDefiningOp() == other.einsum.getOperation())
        isWanted &= readsAt(*reader, access, *position, rank);
  }
  for (const LoopAbove &loop : other.loops)
    isWanted &=
        !loop.op->isProperAncestor(node) || !loop.guard || loop.steps() == 1;
  for (Operation *above = node->getParentOp(); !isa<MappingOp>(above);
       above = above->getParentOp())
    if (auto storage = dyn_cast<StorageOp>(above))
      isWanted &=
          llvm::none_of(other.einsum.getTensorNames(), [&](StringAttr tensor) {
            return !tensor.getValue().empty() &&
                   holds(storage, tensor.getValue());
          });
  if (isWanted)
    return success();
  InFlightDiagnostic diag =
      other.op.emitError()
      << "'" << getEinsumName(other.einsum) << "' iterates over '"
      << rank.getValue()
      << "', of which the node with a halo above leaves what is read of '"
      << getEinsumName(demanding.producer->einsum)
      << "'; take it out of that node, or leave out the halo";
  diag.attachNote(node.getLoc()) << "the node is here";
  return diag;
}

/// Which steps a loop over a rank that follows demand has in a visit, and
/// whether it has any, depends on what is asked for: no leaf may wait for its
/// first or last.
static LogicalResult verifyNotGuarded(const DemandingNode &demanding,
                                      const Leaf &other, StringAttr rank) {
  StorageOp node = demanding.node;
  for (const LoopAbove &loop : other.loops) {
    if (loop.rank != rank || !loop.guard || loop.steps() == 1 ||
        !node->isProperAncestor(loop.op))
      continue;
    InFlightDiagnostic diag = other.op.emitError()
                              << "'" << getEinsumName(other.einsum)
                              << "' is below a loop over '" << rank.getValue()
                              << "', whose steps follow what is read of '"
                              << getEinsumName(demanding.producer->einsum)
                              << "'; take it out of that loop";
    diag.attachNote(loop.op->getLoc()) << "the loop is here";
    diag.attachNote(node.getLoc()) << "production follows demand in this node";
    return diag;
  }
  return success();
}

/// A tile kept from visit to visit is not in nodes above that are entered anew.
static LogicalResult verifyKeptAbove(const DemandingNode &demanding) {
  StorageOp node = demanding.node;
  if (node.getHalo() != "retained")
    return success();
  bool isInside = true; // of the loop around the node
  StorageOp between, outermost;
  for (Operation *above = node->getParentOp(); !isa<MappingOp>(above);
       above = above->getParentOp()) {
    if (auto loop = dyn_cast<TemporalOp>(above))
      isInside = false;
    auto storage = dyn_cast<StorageOp>(above);
    if (!storage || storage.getPassthrough() ||
        llvm::none_of(demanding.producer->einsum.getTensorNames(),
                      [&](StringAttr tensor) {
                        return !tensor.getValue().empty() &&
                               holds(storage, tensor.getValue());
                      }))
      continue;
    outermost = storage;
    if (isInside && !between)
      between = storage;
  }
  if (between && between.getHalo() == "retained") {
    InFlightDiagnostic diag =
        node.emitError()
        << "'" << getEinsumName(demanding.producer->einsum)
        << "' is kept here from visit to visit, and so it is in a node above "
           "that would have to be given what is kept; retain it in one of them";
    diag.attachNote(between.getLoc()) << "the other node is here";
    return diag;
  }
  if (!between || (between == outermost && !node.getPassthrough()))
    return success();
  InFlightDiagnostic diag =
      node.emitError()
      << "'" << getEinsumName(demanding.producer->einsum)
      << "' is kept here from visit to visit, but a node above is entered anew "
         "each time and would have to be given what is kept; hold it there no "
         "more";
  diag.attachNote(between.getLoc()) << "the node is here";
  return diag;
}

static LogicalResult verifyDemand(const DemandingNode &demanding) {
  if (failed(verifyKeptAbove(demanding)))
    return failure();
  auto demand = demanding.demand();
  SmallVector<StringAttr> ranks =
      demanding.producer->einsum.getIterationRanks();
  for (auto [position, written] : llvm::enumerate(
           demanding.producer->einsum.getOutputAccess().getResults())) {
    StringAttr rank = ranks[cast<AffineDimExpr>(written).getPosition()];
    bool isFollowed = llvm::none_of(demand, [&](const auto &reading) {
      return llvm::is_contained(reading.first->einsum.getIterationRanks(),
                                rank);
    });
    if (!isFollowed) {
      if (failed(verifyIteratedByReaders(demanding, rank, position)))
        return failure();
      continue;
    }
    for (const Leaf &other : demanding.leaves) {
      if (&other == demanding.producer ||
          !demanding.node->isProperAncestor(other.op))
        continue;
      bool iterates =
          llvm::is_contained(other.einsum.getIterationRanks(), rank);
      if (failed(iterates ? verifyNotCut(demanding, other, rank)
                          : verifyNotGuarded(demanding, other, rank)))
        return failure();
    }
  }
  return success();
}

LogicalResult schedule::verifyDemands(ArrayRef<Leaf> leaves) {
  for (const Leaf &producer : leaves)
    for (Operation *above : producer.path) {
      auto node = dyn_cast<StorageOp>(above);
      if (!node || node.getHalo().value_or("refetched") == "refetched" ||
          llvm::none_of(producer.einsum.getTensorNames(),
                        [&](StringAttr tensor) {
                          return !tensor.getValue().empty() &&
                                 holds(node, tensor.getValue());
                        }))
        continue;
      if (failed(verifyDemand({node, &producer, leaves})))
        return failure();
    }
  return success();
}

/// True if what a leaf below a demanding node makes follows its readers along
/// the rank: none of them iterates over it.
static bool isFollowedAlong(const Leaf &leaf, StringAttr rank,
                            ArrayRef<Leaf> leaves) {
  StorageOp node = findDemandingNode(leaf);
  return node && findKept(leaf, rank) &&
         llvm::none_of(findDemand(node, leaf, leaves),
                       [&](const auto &reading) {
                         return llvm::is_contained(
                             reading.first->einsum.getIterationRanks(), rank);
                       });
}

/// A leaf that follows demand runs in every step of the loops above its node,
/// and may read there what each step has made, at its own place, and nothing
/// that later steps make.
LogicalResult schedule::verifyDemanded(const Dependence &dependence,
                                       ArrayRef<Leaf> leaves) {
  const Leaf &producer = *dependence.producer, &reader = *dependence.reader;
  for (unsigned i = 0; i < dependence.sharedLoops; ++i) {
    const LoopAbove &loop = producer.loops[i];
    if (!reader.loops[i].isDemanded || loop.isDemanded || loop.steps() == 1)
      continue;
    std::optional<unsigned> position = findKept(producer, loop.rank);
    bool iterates =
        llvm::is_contained(producer.einsum.getIterationRanks(), loop.rank);
    bool isThere = loop.guard == Guard::first;
    if (iterates && position)
      isThere = readsAt(reader, dependence.access, *position, loop.rank) &&
                !isFollowedAlong(reader, loop.rank, leaves);
    if (isThere)
      continue;
    InFlightDiagnostic diag = reader.op.emitError()
                              << "'" << reader.op.getEinsum()
                              << "' follows demand in every step of the "
                              << "loop over '" << loop.rank.getValue()
                              << "', but '"
                              << getTensorName(dependence.access.tensor)
                              << "' is complete only after the last";
    diag.attachNote(loop.op->getLoc()) << "the loop is here";
    return diag;
  }
  return success();
}
