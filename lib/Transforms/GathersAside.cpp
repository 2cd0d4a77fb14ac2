//===- GathersAside.cpp - Rewrites around coordinates that are data -------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/GathersAside.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;

GathersAside::GathersAside(CascadeOp cascade) : cascade(cascade) {
  for (auto einsum : cascade.getBodyBlock()->getOps<EinsumInterface>())
    if (!einsum.getGatheredOperands().empty())
      aside.push_back(einsum);
  if (aside.empty())
    return;
  SmallVector<Value> operands;
  for (Operation *einsum : aside)
    llvm::append_range(operands, einsum->getOperands());
  wanted = OpBuilder::atBlockEnd(cascade.getBodyBlock())
               .create<OutputOp>(cascade.getLoc(), operands);
  for (Operation *einsum : aside)
    take(einsum);
}

/// Inputs of the same names stand where the Einsum stood.
void GathersAside::take(Operation *einsum) {
  OpBuilder builder(einsum);
  for (auto [name, result] :
       llvm::zip(cast<EinsumInterface>(einsum).getTensorNames(),
                 einsum->getResults())) {
    if (name.empty())
      continue; // nobody reads it
    auto input = builder.create<InputOp>(einsum->getLoc(), result.getType(),
                                         name, /*weight=*/nullptr);
    result.replaceAllUsesWith(input.getResult());
  }
  einsum->setOperands({});
  einsum->remove();
}

GathersAside::~GathersAside() {
  if (aside.empty())
    return;
  for (Operation *einsum : aside)
    putBack(einsum);
  // What they read may have been rewritten.
  size_t next = 0;
  for (Operation *einsum : aside) {
    size_t count =
        cast<EinsumInterface>(einsum).getMapRegion().getNumArguments();
    SmallVector<Value> operands;
    for (size_t i = 0; i < count; ++i)
      operands.push_back(wanted.getTensors()[next++]);
    einsum->setOperands(operands);
  }
  wanted.erase();
}

void GathersAside::putBack(Operation *einsum) {
  llvm::StringMap<InputOp> inputs;
  for (InputOp input : cascade.getBodyBlock()->getOps<InputOp>())
    inputs[input.getTensor()] = input;
  bool isPlaced = false;
  for (auto [name, result] :
       llvm::zip(cast<EinsumInterface>(einsum).getTensorNames(),
                 einsum->getResults())) {
    auto found = inputs.find(name.getValue());
    if (name.empty() || found == inputs.end())
      continue;
    InputOp standIn = found->second;
    if (!isPlaced)
      cascade.getBodyBlock()->getOperations().insert(
          Block::iterator(standIn.getOperation()), einsum);
    isPlaced = true;
    standIn.getResult().replaceAllUsesWith(result);
    standIn.erase();
  }
  if (!isPlaced)
    cascade.getBodyBlock()->push_back(einsum);
}
