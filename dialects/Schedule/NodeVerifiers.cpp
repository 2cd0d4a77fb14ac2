//===- NodeVerifiers.cpp - What a node of a loop tree says about itself ---===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Checked with the node alone, one function per constraint label of
// ScheduleOps.td.
//
//===----------------------------------------------------------------------===//

#include "dialects/Schedule/Verifiers.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::schedule;

static LogicalResult verifyChildren(Operation *node) {
  for (Operation *child : getChildren(node))
    if (!isa<TemporalOp, SpatialOp, StorageOp, SequenceOp, PipelineOp, LeafOp,
             TransferOp>(child))
      return child->emitError()
             << "'" << child->getName()
             << "' is no node of a loop tree: it is made of temporal, spatial, "
                "storage, sequence, pipeline, compute and transfer";
  return success();
}

static LogicalResult verifySingleChild(Operation *node) {
  if (failed(verifyChildren(node)))
    return failure();
  size_t count = getChildren(node).size();
  if (count == 1)
    return success();
  return node->emitError()
         << "'" << node->getName() << "' has one child, found " << count
         << "; several children go below a sequence or a pipeline";
}

static LogicalResult verifySomeChild(Operation *node) {
  if (failed(verifyChildren(node)))
    return failure();
  if (!getChildren(node).empty())
    return success();
  return node->emitError() << "'" << node->getName()
                           << "' has at least 1 child, found 0";
}

static LogicalResult verifyAtLeastOne(Operation *node, StringRef what,
                                      std::optional<int64_t> value) {
  if (value.value_or(1) >= 1)
    return success();
  return node->emitError() << what << " is at least 1, found " << *value;
}

LogicalResult MappingOp::verifyRegions() {
  return verifySingleChild(*this);
} // C1

LogicalResult TemporalOp::verifyRegions() { // C1, C2
  if (failed(verifyAtLeastOne(*this, "a tile", getTile())))
    return failure();
  return verifySingleChild(*this);
}

static LogicalResult verifyBelowSpatial(SpatialOp loop) { // C2
  for (Operation *node = getChildren(loop).front(); !isa<LeafOp>(node);
       node = getChildren(node).front())
    if (!isa<TemporalOp, SpatialOp, StorageOp>(node)) {
      InFlightDiagnostic diag =
          node->emitError()
          << "'" << node->getName()
          << "' is below a spatial loop, where only loops, storage "
             "nodes and one leaf are";
      diag.attachNote(loop.getLoc()) << "the spatial loop is here";
      return diag;
    }
  return success();
}

LogicalResult SpatialOp::verifyRegions() {
  if (failed(verifyAtLeastOne(*this, "a tile", getTile())) || // C1
      failed(verifySingleChild(*this)))
    return failure();
  return verifyBelowSpatial(*this);
}

static LogicalResult verifyDistinctTensors(StorageOp storage) { // C1
  llvm::SmallPtrSet<Attribute, 8> seen;
  for (Attribute name : storage.getTensors())
    if (!seen.insert(name).second)
      return storage.emitError()
             << "stores '" << cast<StringAttr>(name).getValue() << "' twice";
  return success();
}

static LogicalResult verifyHaloWord(StorageOp storage) { // C5
  std::optional<StringRef> halo = storage.getHalo();
  if (!halo || *halo == "refetched" || *halo == "retained" ||
      *halo == "recomputed")
    return success();
  return storage.emitError()
         << "halo \"" << *halo
         << "\" is unknown; it is \"refetched\", \"retained\" or "
            "\"recomputed\"";
}

LogicalResult StorageOp::verifyRegions() {
  if (getStream().has_value() != getDepth().has_value())
    return emitError()
           << "a stream has a rank and a depth: give both or neither";
  if (failed(verifySingleChild(*this)) ||
      failed(verifyDistinctTensors(*this)) ||
      failed(verifyAtLeastOne(*this, "`buffers`", getBuffers())) || // C2
      failed(verifyAtLeastOne(*this, "`resident`", getResident())) ||
      failed(verifyHaloWord(*this))) // C5
    return failure();
  if (getResident() && getHalo().value_or("refetched") != "refetched") // C6
    return emitError() << "holds the first elements of each tile (`resident`), "
                          "and so cannot be \""
                       << *getHalo() << "\": give one of the two";
  return verifyAtLeastOne(*this, "`depth`", getDepth());
}

LogicalResult SequenceOp::verifyRegions() {
  return verifySomeChild(*this);
} // C1

static LogicalResult verifyLags(PipelineOp pipeline) { // C1
  size_t children = getChildren(pipeline).size();
  std::optional<ArrayRef<int64_t>> lags = pipeline.getLags();
  if (!lags)
    return success();
  if (lags->size() != children)
    return pipeline.emitError()
           << "a pipeline has one lag per child: " << children << " children, "
           << lags->size() << " lags";
  for (int64_t lag : *lags)
    if (lag < 0)
      return pipeline.emitError() << "a lag is at least 0, found " << lag;
  return success();
}

static LogicalResult verifyOneArray(Operation *child) { // C2
  LeafOp first;
  WalkResult result =
      child->walk([&](LeafOp leaf) {
        if (!first)
          first = leaf;
        if (leaf.getArray() == first.getArray())
          return WalkResult::advance();
        InFlightDiagnostic diag =
            leaf.emitError()
            << "all leaves below a child of a pipeline run on one array: "
               "'"
            << leaf.getEinsum() << "' runs on '" << leaf.getArray() << "', '"
            << first.getEinsum() << "' on '" << first.getArray() << "'";
        diag.attachNote(first.getLoc()) << "the other leaf is here";
        diag.attachNote(child->getLoc())
            << "the child of the pipeline starts here";
        return WalkResult::interrupt();
      });
  return failure(result.wasInterrupted());
}

LogicalResult PipelineOp::verifyRegions() {
  if (failed(verifySomeChild(*this)) || failed(verifyLags(*this)))
    return failure();
  return success(llvm::all_of(getChildren(*this), [](Operation *child) {
    return succeeded(verifyOneArray(child));
  }));
}
