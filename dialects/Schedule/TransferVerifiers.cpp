//===- TransferVerifiers.cpp - What transfers move, and when --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// C1 to C3 of a transfer.
//
//===----------------------------------------------------------------------===//

#include "dialects/Schedule/Verifiers.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"

#include <map>
#include <tuple>

using namespace mlir;
using namespace einsum;
using namespace einsum::schedule;

/// Transfer C1.
static LogicalResult verifyTensors(TransferOp transfer) {
  llvm::StringSet<> seen;
  for (Attribute attr : transfer.getTensors()) {
    StringRef name = cast<StringAttr>(attr).getValue();
    if (!seen.insert(name).second)
      return transfer.emitError() << "moves '" << name << "' twice";
    unsigned holders = 0;
    for (Operation *node = transfer->getParentOp(); !isa<MappingOp>(node);
         node = node->getParentOp())
      if (auto storage = dyn_cast<StorageOp>(node))
        holders += !storage.getPassthrough() && holds(storage, name);
    if (holders < 2)
      return transfer.emitError()
             << "moves '" << name << "', which takes two storage nodes above "
             << "that hold it, found " << holders;
  }
  return success();
}

/// Transfer C2.
static LogicalResult verifyMoment(TransferOp transfer, StringRef tensor,
                                  ArrayRef<Leaf> leaves) {
  const Leaf *between = nullptr;
  if (findMoves(transfer, tensor, leaves, &between))
    return success();
  if (!between)
    return transfer.emitError()
           << "moves '" << tensor
           << "', which no leaf below its storage node touches";
  InFlightDiagnostic diag =
      transfer.emitError()
      << "moves '" << tensor
      << "' neither before all leaves that touch it (a fill) nor after all of "
         "them (a drain); in a pipeline that takes a smaller, or a larger, lag";
  diag.attachNote(between->op->getLoc())
      << "'" << getEinsumName(between->einsum) << "' touches it here";
  return diag;
}

/// Transfer C3. `made` has what transfers make already.
static LogicalResult verifyNotMadeTwice(
    TransferOp transfer, ArrayRef<Leaf> leaves,
    std::map<std::tuple<Operation *, StringRef, Moves>, TransferOp> &made) {
  Operation *split = transfer->getParentOp();
  if (llvm::none_of(leaves, [&](const Leaf &leaf) {
        return split->isProperAncestor(leaf.op);
      }))
    return transfer.emitError("has no leaf beside it, whose visits it would "
                              "accompany");
  for (Attribute attr : transfer.getTensors()) {
    StringRef name = cast<StringAttr>(attr).getValue();
    Moves moves = *findMoves(transfer, name, leaves);
    auto [other, isNew] = made.try_emplace(
        {findNearestHolder(transfer, name), name, moves}, transfer);
    if (isNew)
      continue;
    InFlightDiagnostic diag =
        transfer.emitError()
        << "makes the " << (moves == Moves::fills ? "fills" : "drains")
        << " of '" << name << "', which another transfer makes";
    diag.attachNote(other->second->getLoc()) << "the other one is here";
    return diag;
  }
  return success();
}

LogicalResult schedule::verifyTransfers(MappingOp mapping,
                                        ArrayRef<Leaf> leaves) {
  std::map<std::tuple<Operation *, StringRef, Moves>, TransferOp> made;
  WalkResult result = mapping.walk([&](TransferOp transfer) -> WalkResult {
    if (failed(verifyTensors(transfer)))
      return WalkResult::interrupt();
    for (Attribute name : transfer.getTensors())
      if (failed(verifyMoment(transfer, cast<StringAttr>(name), leaves)))
        return WalkResult::interrupt();
    return verifyNotMadeTwice(transfer, leaves, made);
  });
  return failure(result.wasInterrupted());
}
