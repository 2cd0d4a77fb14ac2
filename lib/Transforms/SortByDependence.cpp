//===- SortByDependence.cpp - Einsums after those they read ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rewrites put new Einsums where the old ones stood. For a person who reads the
// cascade each then comes after those that it reads, otherwise as it was
// written; a read of an earlier step of a recurrence does not count.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Sweeps.h"

#include "llvm/ADT/SetVector.h"

#include <queue>

using namespace mlir;
using namespace einsum;

/// True if `user` reads `producer` only at earlier steps of a recurrence.
static bool readsOnlyEarlier(Operation *user, Operation *producer) {
  auto einsum = cast<EinsumInterface>(user),
       defined = cast<EinsumInterface>(producer);
  if (defined.getInitialValues().empty())
    return false;
  SmallVector<StringAttr> ranks = einsum.getIterationRanks();
  for (const Access &access : einsum.getInputAccesses()) {
    if (access.tensor.getDefiningOp() != producer)
      continue;
    bool isEarlier = llvm::any_of(ranks, [&](StringAttr rank) {
      return getStep(access, rank, ranks).value_or(0) != 0;
    });
    if (!isEarlier)
      return false;
  }
  return true;
}

void einsum::sortByDependence(CascadeOp cascade) {
  SmallVector<Operation *> ops;
  llvm::DenseMap<Operation *, unsigned> position, waiting;
  for (Operation &op : *cascade.getBodyBlock())
    if (isa<EinsumInterface, OutputOp>(op)) {
      position[&op] = ops.size();
      ops.push_back(&op);
    }
  llvm::DenseMap<Operation *, SmallVector<Operation *>> followers;
  for (Operation *op : ops) {
    llvm::SetVector<Operation *> producers;
    for (Value operand : op->getOperands())
      if (Operation *producer = operand.getDefiningOp();
          position.contains(producer))
        producers.insert(producer);
    for (Operation *producer : producers) {
      if (producer == op ||
          (isa<EinsumInterface>(op) && readsOnlyEarlier(op, producer)))
        continue;
      followers[producer].push_back(op);
      ++waiting[op];
    }
  }
  std::priority_queue<unsigned, std::vector<unsigned>, std::greater<>> ready;
  for (Operation *op : ops)
    if (waiting.lookup(op) == 0)
      ready.push(position[op]);
  SmallVector<Operation *> sorted;
  while (!ready.empty()) {
    Operation *op = ops[ready.top()];
    ready.pop();
    sorted.push_back(op);
    for (Operation *follower : followers[op])
      if (--waiting[follower] == 0)
        ready.push(position[follower]);
  }
  if (sorted.size() != ops.size())
    return; // a recurrence in another form: any order is right
  for (Operation *op : sorted)
    op->moveBefore(cascade.getBodyBlock(), cascade.getBodyBlock()->end());
}
