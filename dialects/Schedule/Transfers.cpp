//===- Transfers.cpp - What a transfer moves, and when --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A transfer has no direction of its own; its place says it:
//
//   storage buffer [K, Y]
//     pipeline lags [0, 1, 2]
//       transfer [K] on dma      before the leaf that reads K: fills
//       ... compute Y            Y = f(K)
//       transfer [Y] on dma      after the leaf that makes Y: drains
//
//===----------------------------------------------------------------------===//

#include "dialects/Schedule/Schedule.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::schedule;

StorageOp einsum::schedule::findNearestHolder(Operation *node,
                                              StringRef tensor) {
  for (node = node->getParentOp(); node && !isa<MappingOp>(node);
       node = node->getParentOp())
    if (auto storage = dyn_cast<StorageOp>(node);
        storage && !storage.getPassthrough() &&
        llvm::any_of(storage.getTensors(), [&](Attribute name) {
          return cast<StringAttr>(name).getValue() == tensor;
        }))
      return storage;
  return {};
}

static bool touches(const Leaf &leaf, StringRef tensor) {
  return llvm::any_of(
             leaf.einsum.getTensorNames(),
             [&](StringAttr name) { return name.getValue() == tensor; }) ||
         llvm::any_of(leaf.einsum.getInputAccesses(), [&](const Access &read) {
           return getTensorName(read.tensor) == tensor;
         });
}

/// Whether `transfer` comes before a leaf (-1), after it (1), or at the same
/// time (0), at the node where they part.
static int compareOrder(TransferOp transfer, const Leaf &leaf, bool streams) {
  Operation *own = transfer;
  while (!own->getParentOp()->isAncestor(leaf.op))
    own = own->getParentOp();
  SmallVector<Operation *> children = getChildren(own->getParentOp());
  size_t here = llvm::find(children, own) - children.begin();
  size_t there = llvm::find_if(children,
                               [&](Operation *child) {
                                 return child->isAncestor(leaf.op);
                               }) -
                 children.begin();
  int written = here < there ? -1 : 1;
  auto pipeline = dyn_cast<PipelineOp>(own->getParentOp());
  if (!pipeline)
    return written;
  int64_t lag = pipeline.getLag(here), other = pipeline.getLag(there);
  if (lag == other)
    return streams ? written : 0;
  return lag < other ? -1 : 1;
}

std::optional<Moves> einsum::schedule::findMoves(TransferOp transfer,
                                                 StringRef tensor,
                                                 ArrayRef<Leaf> leaves,
                                                 const Leaf **between) {
  if (between)
    *between = nullptr;
  StorageOp holder = findNearestHolder(transfer, tensor);
  std::optional<int> order;
  for (const Leaf &leaf : leaves) {
    if (!holder || !holder->isAncestor(leaf.op) || !touches(leaf, tensor))
      continue;
    int own = compareOrder(transfer, leaf, holder.getStream().has_value());
    if (own != 0 && (!order || *order == own)) {
      order = own;
      continue;
    }
    if (between)
      *between = &leaf;
    return std::nullopt;
  }
  if (!order)
    return std::nullopt;
  return *order < 0 ? Moves::fills : Moves::drains;
}
