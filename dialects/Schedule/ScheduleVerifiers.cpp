//===- ScheduleVerifiers.cpp - What the schedule dialect refuses ----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/Schedule/Schedule.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::schedule;

static LogicalResult verifySingleChild(Operation *node) {
  size_t count = getChildren(node).size();
  if (count == 1)
    return success();
  return node->emitOpError()
         << "has one child, found " << count
         << "; several children go below a sequence or a pipeline";
}

LogicalResult MappingOp::verifyRegions() { return verifySingleChild(*this); }
LogicalResult TemporalOp::verifyRegions() { return verifySingleChild(*this); }
LogicalResult SpatialOp::verifyRegions() { return verifySingleChild(*this); }
LogicalResult StorageOp::verifyRegions() {
  if (std::optional<StringRef> halo = getHalo(); halo && *halo != "refetched" &&
                                                 *halo != "retained" &&
                                                 *halo != "recomputed")
    return emitOpError()
           << "has halo \"" << *halo
           << "\"; it is \"refetched\", \"retained\" or \"recomputed\"";
  return verifySingleChild(*this);
}
LogicalResult SequenceOp::verifyRegions() { return success(); }
LogicalResult PipelineOp::verifyRegions() {
  size_t children = getChildren(*this).size();
  if (getLags() && getLags()->size() != children)
    return emitOpError() << "has one lag per child: " << children
                         << " children, " << getLags()->size() << " lags";
  return success();
}
