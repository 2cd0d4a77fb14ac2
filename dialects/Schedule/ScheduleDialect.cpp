//===- ScheduleDialect.cpp - Registration and builders --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/Schedule/Schedule.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::schedule;

#include "dialects/Schedule/ScheduleDialect.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/Schedule/ScheduleOps.cpp.inc"

void ScheduleDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/Schedule/ScheduleOps.cpp.inc"
      >();
}

CascadeOp einsum::schedule::lookupCascade(MappingOp mapping) {
  return dyn_cast_or_null<CascadeOp>(
      SymbolTable::lookupNearestSymbolFrom(mapping, mapping.getCascadeAttr()));
}

SmallVector<Operation *> einsum::schedule::getChildren(Operation *node) {
  SmallVector<Operation *> children;
  if (node->getNumRegions() != 0)
    for (Operation &child : node->getRegion(0).front())
      children.push_back(&child);
  return children;
}

int64_t PipelineOp::getLag(unsigned i) {
  std::optional<ArrayRef<int64_t>> lags = getLags();
  return lags ? (*lags)[i] : static_cast<int64_t>(i);
}

//===----------------------------------------------------------------------===//
// Builders
//===----------------------------------------------------------------------===//

void TemporalOp::build(OpBuilder &builder, OperationState &state,
                       StringRef rank, int64_t tile) {
  state.addAttribute(getRankAttrName(state.name), builder.getStringAttr(rank));
  state.addAttribute(getTileAttrName(state.name),
                     builder.getI64IntegerAttr(tile));
  state.addRegion()->emplaceBlock();
}

void SpatialOp::build(OpBuilder &builder, OperationState &state, StringRef rank,
                      int64_t tile, StringRef dim) {
  state.addAttribute(getRankAttrName(state.name), builder.getStringAttr(rank));
  state.addAttribute(getTileAttrName(state.name),
                     builder.getI64IntegerAttr(tile));
  state.addAttribute(getDimAttrName(state.name), builder.getStringAttr(dim));
  state.addRegion()->emplaceBlock();
}

void StorageOp::build(OpBuilder &builder, OperationState &state,
                      StringRef level, ArrayRef<StringRef> tensors) {
  state.addAttribute(getLevelAttrName(state.name),
                     builder.getStringAttr(level));
  state.addAttribute(getTensorsAttrName(state.name),
                     builder.getStrArrayAttr(tensors));
  state.addRegion()->emplaceBlock();
}

void SequenceOp::build(OpBuilder &, OperationState &state) {
  state.addRegion()->emplaceBlock();
}

void PipelineOp::build(OpBuilder &builder, OperationState &state,
                       ArrayRef<int64_t> lags) {
  if (!lags.empty())
    state.addAttribute(getLagsAttrName(state.name),
                       builder.getDenseI64ArrayAttr(lags));
  state.addRegion()->emplaceBlock();
}

void LeafOp::build(OpBuilder &builder, OperationState &state, StringRef einsum,
                   StringRef array, bool chained) {
  state.addAttribute(getEinsumAttrName(state.name),
                     builder.getStringAttr(einsum));
  state.addAttribute(getArrayAttrName(state.name),
                     builder.getStringAttr(array));
  if (chained)
    state.addAttribute(getChainedAttrName(state.name), builder.getUnitAttr());
}
