//===- HaloVerifiers.cpp - Tensors that are produced as far as they are read
//===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Below a storage node with a halo, the producer of what it holds makes what
// leaves below read of it. Here: who may ask (storage C5), and whether what is
// asked for is one point of each rank (C3 of a mapping, as far as no loop says
// so). DemandVerifiers.cpp goes on with other leaves below the node.
//
//===----------------------------------------------------------------------===//

#include "dialects/Einsum/Gathers.h"
#include "dialects/Schedule/PointPairs.h"
#include "dialects/Schedule/Verifiers.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::schedule;

/// Production follows what leaves below ask for, and nobody else may ask.
static LogicalResult verifyOnlyReadBelow(StorageOp storage,
                                         const Leaf &producer) {
  for (Value result : producer.einsum->getResults()) {
    StringRef tensor = getTensorName(result);
    if (!holds(storage, tensor))
      continue;
    for (Operation *user : result.getUsers()) {
      bool below = false;
      storage.walk([&](LeafOp leaf) {
        auto einsum = dyn_cast<EinsumInterface>(user);
        below |= einsum && leaf.getEinsum() == getEinsumName(einsum);
      });
      if (below)
        continue;
      InFlightDiagnostic diag =
          storage.emitError()
          << "'" << tensor
          << "' is produced here as far as leaves below read it, "
          << "but it is "
          << (isa<OutputOp>(user) ? "an output" : "also read elsewhere")
          << "; leave out the halo, or hold it above all its readers";
      diag.attachNote(user->getLoc()) << "needed here";
      return diag;
    }
  }
  return success();
}

/// The accesses to what `producer` makes of the other leaves below `node`.
SmallVector<std::pair<const Leaf *, Access>>
schedule::findDemand(StorageOp node, const Leaf &producer,
                     ArrayRef<Leaf> leaves) {
  SmallVector<std::pair<const Leaf *, Access>> demand;
  for (const Leaf &reader : leaves)
    if (node->isProperAncestor(reader.op) && reader.einsum != producer.einsum)
      for (const Access &access : reader.einsum.getInputAccesses())
        if (access.tensor.getDefiningOp() == producer.einsum.getOperation())
          demand.emplace_back(&reader, access);
  return demand;
}

/// Without a reader there is no demand, and nothing to produce.
static LogicalResult verifyReadBelow(StorageOp storage, const Leaf &producer,
                                     ArrayRef<Leaf> leaves) {
  if (!findDemand(storage, producer, leaves).empty())
    return success();
  InFlightDiagnostic diag = storage.emitError()
                            << "'" << getEinsumName(producer.einsum)
                            << "' is produced here as far as leaves below read "
                               "it, and none does; leave out the halo";
  diag.attachNote(producer.op.getLoc()) << "it is produced here";
  return diag;
}

/// Storage C5: what is recomputed is produced below, and wholly within a visit.
LogicalResult schedule::verifyHalo(StorageOp storage, ArrayRef<Leaf> leaves) {
  StringRef halo = storage.getHalo().value_or("refetched");
  if (halo == "refetched")
    return success();
  bool producesBelow = false;
  for (const Leaf &leaf : leaves) {
    if (!storage->isProperAncestor(leaf.op))
      continue;
    bool produces =
        llvm::any_of(leaf.einsum.getTensorNames(),
                     [&](StringAttr t) { return holds(storage, t); });
    producesBelow |= produces;
    if (!produces)
      continue;
    if (failed(verifyOnlyReadBelow(storage, leaf)) ||
        failed(verifyReadBelow(storage, leaf, leaves)))
      return failure();
    if (!leaf.einsum.getInitialValues().empty())
      return storage.emitError()
             << "'" << getEinsumName(leaf.einsum) << "' is " << halo
             << " here, but is a recurrence: its own earlier steps are not "
                "what "
                "leaves below read";
    SmallVector<StringAttr> ranks = leaf.einsum.getIterationRanks();
    for (const LoopAbove &loop : leaf.loops) {
      if (!loop.op->isProperAncestor(storage) || loop.steps() == 1 ||
          !llvm::is_contained(ranks, loop.rank))
        continue;
      bool reduces = llvm::any_of(leaf.einsum.getReductionList(),
                                  [&](const Reduction &reduction) {
                                    return reduction.rank == loop.rank;
                                  });
      if (!reduces)
        continue;
      InFlightDiagnostic diag =
          storage.emitError()
          << "'" << getEinsumName(leaf.einsum) << "' is " << halo
          << " here, but sums over '" << loop.rank.getValue()
          << "' in steps of a loop above: each visit has to compute whole sums";
      diag.attachNote(loop.op->getLoc()) << "the loop is here";
      return diag;
    }
  }
  if (halo == "recomputed" && !producesBelow)
    return storage.emitError()
           << "halo \"recomputed\" is for tensors produced below; what comes "
              "from above is \"refetched\" or \"retained\"";
  return success();
}

/// The node with a halo above a leaf that its production follows; null if none.
StorageOp schedule::findDemandingNode(const Leaf &leaf) {
  for (Operation *node : llvm::reverse(leaf.path))
    if (auto storage = dyn_cast<StorageOp>(node);
        storage && storage.getHalo().value_or("refetched") != "refetched" &&
        llvm::any_of(leaf.einsum.getTensorNames(), [&](StringAttr name) {
          return holds(storage, name.getValue());
        }))
      return storage;
  return {};
}

/// The coordinate that a visit of `node` reads with `expr`, over the ranks of
/// the cascade in their order; null if it reads several, because the loops
/// above have not cut each rank in it to one point.
static AffineExpr findFixed(StorageOp node, const Leaf &reader, AffineExpr expr,
                            CascadeOp cascade) {
  llvm::SmallDenseMap<StringAttr, unsigned> numbers;
  for (RankOp rank : cascade.getBodyBlock()->getOps<RankOp>())
    numbers.try_emplace(rank.getSymNameAttr(), numbers.size());
  if (isGathered(expr, EinsumInterface(reader.einsum).getSymbolNames().size()))
    return {};
  SmallVector<AffineExpr> numbered;
  for (StringAttr rank : reader.einsum.getIterationRanks()) {
    unsigned position = numbered.size();
    numbered.push_back(
        getAffineDimExpr(numbers.lookup(rank), expr.getContext()));
    std::optional<int64_t> left = cascade.findRank(rank).getBoundExtent();
    for (const LoopAbove &loop : reader.loops)
      if (loop.rank == rank && loop.op->isProperAncestor(node))
        left = loop.tile;
    if (expr.isFunctionOfDim(position) && left != 1)
      return {};
  }
  return bindParameters(expr, reader.einsum, cascade).replaceDims(numbered);
}

/// C3 where production follows demand: the node replaces the interval of a rank
/// that no reader iterates over, whatever the loops above it have left.
LogicalResult schedule::verifyDemandedPoint(const Leaf &producer,
                                            ArrayRef<Leaf> leaves,
                                            CascadeOp cascade) {
  StorageOp node = findDemandingNode(producer);
  if (!node)
    return success();
  auto demand = findDemand(node, producer, leaves);
  SmallVector<StringAttr> ranks = producer.einsum.getIterationRanks();
  for (auto [position, written] :
       llvm::enumerate(producer.einsum.getOutputAccess().getResults())) {
    StringAttr rank = ranks[cast<AffineDimExpr>(written).getPosition()];
    bool isFollowed = true;
    llvm::SmallSetVector<AffineExpr, 2> coordinates; // null: several
    for (const auto &[reader, access] : demand) {
      isFollowed &=
          !llvm::is_contained(reader->einsum.getIterationRanks(), rank);
      coordinates.insert(
          findFixed(node, *reader, access.map.getResult(position), cascade));
    }
    bool isFixed = coordinates.size() == 1 && coordinates.front();
    bool isCut = cascade.findRank(rank).getBoundExtent() == 1 ||
                 llvm::any_of(producer.loops, [&](const LoopAbove &loop) {
                   return loop.rank == rank && loop.tile == 1 &&
                          node->isProperAncestor(loop.op);
                 });
    if (!isFollowed || isFixed || isCut)
      continue;
    InFlightDiagnostic diag =
        producer.op.emitError()
        << "'" << producer.op.getEinsum() << "' is left with all points of '"
        << rank.getValue()
        << "' that readers ask for: what a node with a halo demands is divided "
           "down to one point by loops below that node";
    diag.attachNote(node.getLoc()) << "below this node, add a loop over '"
                                   << rank.getValue() << "' with tile 1";
    return diag;
  }
  return success();
}
