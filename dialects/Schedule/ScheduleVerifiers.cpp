//===- ScheduleVerifiers.cpp - What the schedule dialect refuses ----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One function per constraint label of ScheduleOps.td. What a node says about
// itself is checked with the node (NodeVerifiers.cpp); what it says about the
// cascade is checked with the mapping, once the cascade is known to be sound:
// its leaves and loops here, the rest in the files that Verifiers.h lists, all
// in the order that the last function gives.
//
//===----------------------------------------------------------------------===//

#include "dialects/Schedule/PointPairs.h"
#include "dialects/Schedule/Verifiers.h"

#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::schedule;

static std::string listNames(ArrayRef<StringRef> names) {
  return names.empty() ? "none" : llvm::join(names, ", ");
}

/// C2, first half: leaves name Einsums, each once.
static LogicalResult verifyLeafNames(MappingOp mapping, CascadeOp cascade) {
  SmallVector<StringRef> names;
  llvm::StringSet<> known;
  for (Operation &op : *cascade.getBodyBlock())
    if (auto einsum = dyn_cast<EinsumInterface>(op)) {
      names.push_back(getEinsumName(einsum));
      known.insert(names.back());
    }
  llvm::StringMap<LeafOp> leaves;
  WalkResult result = mapping.walk([&](LeafOp leaf) {
    if (!known.contains(leaf.getEinsum())) {
      InFlightDiagnostic diag = leaf.emitError()
                                << "computes '" << leaf.getEinsum()
                                << "', which is not an Einsum of cascade '"
                                << cascade.getSymName() << "'";
      diag.attachNote(cascade.getLoc()) << "its Einsums: " << listNames(names);
      return WalkResult::interrupt();
    }
    auto [other, isNew] = leaves.try_emplace(leaf.getEinsum(), leaf);
    if (isNew)
      return WalkResult::advance();
    InFlightDiagnostic diag =
        leaf.emitError() << "'" << leaf.getEinsum()
                         << "' has two compute leaves: every Einsum has one";
    diag.attachNote(other->second.getLoc()) << "the other is here";
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

/// C2, second half: no Einsum is left out.
static LogicalResult verifyLeavesComplete(MappingOp mapping,
                                          CascadeOp cascade) {
  llvm::StringSet<> computed;
  mapping.walk([&](LeafOp leaf) { computed.insert(leaf.getEinsum()); });
  for (Operation &op : *cascade.getBodyBlock()) {
    auto einsum = dyn_cast<EinsumInterface>(op);
    if (!einsum || computed.contains(getEinsumName(einsum)))
      continue;
    InFlightDiagnostic diag =
        mapping.emitError()
        << "mapping '" << mapping.getSymName() << "' has no compute leaf for '"
        << getEinsumName(einsum) << "': every Einsum of the cascade has one";
    diag.attachNote(op.getLoc()) << "the Einsum is defined here";
    return diag;
  }
  return success();
}

static InFlightDiagnostic &addRanks(InFlightDiagnostic &diag,
                                    CascadeOp cascade) {
  SmallVector<StringRef> names;
  for (RankOp rank : cascade.getBodyBlock()->getOps<RankOp>())
    names.push_back(rank.getSymName());
  diag.attachNote(cascade.getLoc()) << "its ranks: " << listNames(names);
  return diag;
}

/// C3, first part: loops are over ranks of the cascade.
static LogicalResult verifyLoopRanks(MappingOp mapping, CascadeOp cascade) {
  auto check = [&](Operation *loop, StringRef rank) -> WalkResult {
    if (cascade.findRank(rank))
      return WalkResult::advance();
    InFlightDiagnostic diag = loop->emitError()
                              << "loops over '" << rank
                              << "', which is not a rank of cascade '"
                              << cascade.getSymName() << "'";
    addRanks(diag, cascade);
    return WalkResult::interrupt();
  };
  WalkResult result = mapping.walk([&](Operation *node) -> WalkResult {
    if (auto temporal = dyn_cast<TemporalOp>(node))
      return check(node, temporal.getRank());
    if (auto spatial = dyn_cast<SpatialOp>(node))
      return check(node, spatial.getRank());
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// C3, second part: at a leaf one point is left of each rank.
static LogicalResult verifyOnePoint(const Leaf &leaf, CascadeOp cascade) {
  for (StringAttr rank : leaf.einsum.getIterationRanks()) {
    std::optional<int64_t> left = cascade.findRank(rank).getBoundExtent();
    const LoopAbove *innermost = nullptr;
    for (const LoopAbove &loop : leaf.loops)
      if (loop.rank == rank) {
        innermost = &loop;
        left = loop.tile;
      }
    if (left == 1)
      continue;
    InFlightDiagnostic diag = leaf.op.emitError() << "'" << leaf.op.getEinsum()
                                                  << "' is left with ";
    if (left)
      diag << *left << " points";
    else
      diag << "all points";
    diag << " of '" << rank.getValue()
         << "': the loops above a leaf divide each of its ranks down to one "
            "point";
    if (innermost)
      diag.attachNote(innermost->op->getLoc())
          << "the innermost loop over '" << rank.getValue()
          << "' has this tile";
    return diag;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// All together
//===----------------------------------------------------------------------===//

static LogicalResult verifyMoves(MappingOp mapping, ArrayRef<Leaf> leaves) {
  WalkResult result = mapping.walk([&](Operation *node) -> WalkResult {
    if (auto storage = dyn_cast<StorageOp>(node))
      return WalkResult(
          success(succeeded(verifyHalo(storage, leaves)) &&
                  succeeded(verifyWholeForGathers(storage, leaves))));
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted() ||
                 failed(verifyTransfers(mapping, leaves)));
}

static LogicalResult verifyLoops(ArrayRef<Leaf> leaves,
                                 CascadeOp cascade) { // C3
  return success(llvm::all_of(leaves, [&](const Leaf &leaf) {
    return succeeded(verifyOnePoint(leaf, cascade)) &&
           succeeded(verifyDemandedPoint(leaf, leaves, cascade));
  }));
}

LogicalResult einsum::schedule::verifyAgainstCascade(MappingOp mapping,
                                                     CascadeOp cascade) {
  if (failed(verifyLeafNames(mapping, cascade)) ||
      failed(verifyLeavesComplete(mapping, cascade)) ||
      failed(verifyLoopRanks(mapping, cascade)) ||
      failed(verifyStorage(mapping, cascade)))
    return failure();
  std::vector<Leaf> leaves = resolveLeaves(mapping, cascade);
  std::vector<Dependence> dependences = findDependences(leaves);
  if (failed(verifyLoops(leaves, cascade)) ||
      failed(verifyMoves(mapping, leaves)) || failed(verifyDemands(leaves)))
    return failure();
  for (const Dependence &dependence : dependences)
    if (failed(verifyReadOrder(dependence, leaves, cascade))) // C4
      return failure();
  for (const Dependence &dependence : dependences)
    if (failed(verifyDemanded(dependence, leaves)))
      return failure();
  WalkResult fetches = mapping.walk([&](TransferOp transfer) -> WalkResult {
    for (Attribute name : transfer.getTensors())
      if (failed(
              verifyFetch(transfer, cast<StringAttr>(name), leaves, cascade)))
        return WalkResult::interrupt();
    return WalkResult::advance();
  });
  if (fetches.wasInterrupted())
    return failure();
  llvm::StringMap<StorageOp> homes;
  if (failed(verifyHomes(mapping, cascade, leaves, homes)))
    return failure();
  for (const Dependence &dependence : dependences)
    if (failed(verifyKept(dependence,
                          homes.lookup(getTensorName(dependence.access.tensor)),
                          cascade)))
      return failure();
  return success();
}

LogicalResult
MappingOp::verifySymbolUses(SymbolTableCollection &symbolTable) { // C1
  auto cascade =
      symbolTable.lookupNearestSymbolFrom<CascadeOp>(*this, getCascadeAttr());
  if (!cascade)
    return emitError() << "maps '" << getCascade()
                       << "', which is not a cascade beside it";
  return verifyAgainstCascade(*this, cascade);
}
