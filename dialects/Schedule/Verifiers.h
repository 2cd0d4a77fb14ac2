//===- Verifiers.h - Parts of the verifier of mappings ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A mapping is verified beside its cascade, in the order that
// ScheduleVerifiers.cpp gives. The parts report what they find and fail; each
// trusts that those before it have passed.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_SCHEDULE_VERIFIERS_H
#define DIALECTS_SCHEDULE_VERIFIERS_H

#include "dialects/Schedule/ReadOrder.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

namespace einsum::schedule {

/// Whether the node names the tensor.
inline bool holds(StorageOp storage, llvm::StringRef tensor) {
  // Attributes are unique, so that a look at thousands of names is short.
  return llvm::is_contained(
      storage.getTensors(),
      mlir::StringAttr::get(storage.getContext(), tensor));
}

/// Storage C1, C3, C4: names, and levels above that hold what is held here.
mlir::LogicalResult verifyStorage(MappingOp mapping, CascadeOp cascade);

/// C5. `homes` receives the outermost storage node of each tensor.
mlir::LogicalResult verifyHomes(MappingOp mapping, CascadeOp cascade,
                                llvm::ArrayRef<Leaf> leaves,
                                llvm::StringMap<StorageOp> &homes);

/// Storage C7: a node that has only a part of a tensor cannot serve a reader
/// who takes elements at coordinates that are data.
mlir::LogicalResult verifyWholeForGathers(StorageOp storage,
                                          llvm::ArrayRef<Leaf> leaves);

/// Storage C5: what is recomputed is produced below, and wholly within a visit.
mlir::LogicalResult verifyHalo(StorageOp storage, llvm::ArrayRef<Leaf> leaves);

/// C3 where production follows demand: the node replaces the interval of a rank
/// that no reader iterates over, whatever the loops above it have left.
mlir::LogicalResult verifyDemandedPoint(const Leaf &producer,
                                        llvm::ArrayRef<Leaf> leaves,
                                        CascadeOp cascade);

/// The accesses to what `producer` makes of the other leaves below `node`.
llvm::SmallVector<std::pair<const Leaf *, Access>>
findDemand(StorageOp node, const Leaf &producer, llvm::ArrayRef<Leaf> leaves);

/// The node with a halo above a leaf that its production follows; null if none.
StorageOp findDemandingNode(const Leaf &leaf);

/// What nodes that follow demand ask of the other leaves below them.
mlir::LogicalResult verifyDemands(llvm::ArrayRef<Leaf> leaves);

/// A leaf that follows demand reads in each step what that step has made.
mlir::LogicalResult verifyDemanded(const Dependence &dependence,
                                   llvm::ArrayRef<Leaf> leaves);

/// Transfer C1 to C3.
mlir::LogicalResult verifyTransfers(MappingOp mapping,
                                    llvm::ArrayRef<Leaf> leaves);

} // namespace einsum::schedule

#endif // DIALECTS_SCHEDULE_VERIFIERS_H
