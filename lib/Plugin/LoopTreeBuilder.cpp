//===- LoopTreeBuilder.cpp - Write a mapping as it is drawn ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Plugin/LoopTreeBuilder.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::schedule;

LoopTreeBuilder::LoopTreeBuilder(OpBuilder &builder, MappingOp mapping,
                                 const CascadeMatch *names)
    : builder(builder), names(names), loc(mapping.getLoc()) {
  descend(mapping);
}

std::string LoopTreeBuilder::tensorName(StringRef name) const {
  return names ? names->tensor(name) : name.str();
}

std::string LoopTreeBuilder::rankName(StringRef name) const {
  return names ? names->rank(name) : name.str();
}

void LoopTreeBuilder::descend(Operation *node) {
  builder.setInsertionPointToEnd(&node->getRegion(0).front());
}

StorageOp LoopTreeBuilder::storage(StringRef level,
                                   ArrayRef<StringRef> tensors) {
  SmallVector<std::string> own;
  for (StringRef tensor : tensors)
    own.push_back(tensorName(tensor));
  SmallVector<StringRef> views(own.begin(), own.end());
  auto node = builder.create<StorageOp>(loc, level, views);
  descend(node);
  return node;
}

StorageOp LoopTreeBuilder::stream(StringRef level, ArrayRef<StringRef> tensors,
                                  StringRef rank, int64_t depth) {
  StorageOp node = storage(level, tensors);
  node.setStream(rankName(rank));
  node.setDepth(depth);
  return node;
}

void LoopTreeBuilder::temporal(StringRef rank, int64_t tile) {
  descend(builder.create<TemporalOp>(loc, rankName(rank), tile));
}

void LoopTreeBuilder::spatial(StringRef rank, int64_t tile, StringRef dim) {
  descend(builder.create<SpatialOp>(loc, rankName(rank), tile, dim));
}

void LoopTreeBuilder::addChildren(Operation *node, ArrayRef<Child> children) {
  for (const Child &child : children) {
    descend(node);
    child();
  }
}

void LoopTreeBuilder::sequence(ArrayRef<Child> children) {
  addChildren(builder.create<SequenceOp>(loc), children);
}

void LoopTreeBuilder::pipeline(ArrayRef<int64_t> lags,
                               ArrayRef<Child> children) {
  addChildren(builder.create<PipelineOp>(loc, lags), children);
}

void LoopTreeBuilder::compute(StringRef einsum, StringRef array, bool chained) {
  builder.create<LeafOp>(loc, tensorName(einsum), array, chained);
}

MappingOp einsum::createMapping(OpBuilder &builder, CascadeOp cascade,
                                StringRef name, StringRef arch) {
  builder.setInsertionPointAfter(cascade);
  // Both are symbols of one module.
  std::string symbol =
      name.str() + (name == cascade.getSymName() ? "_mapping" : "");
  auto mapping = builder.create<MappingOp>(
      cascade.getLoc(), builder.getStringAttr(symbol),
      FlatSymbolRefAttr::get(cascade.getSymNameAttr()),
      builder.getStringAttr(arch));
  mapping.getBody().emplaceBlock();
  return mapping;
}
