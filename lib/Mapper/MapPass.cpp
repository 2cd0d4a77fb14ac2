//===- MapPass.cpp - The mapper as a compiler pass ------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Passes.h"

#include "lib/Mapper/ConflictText.h"
#include "lib/Mapper/ConstraintCheck.h"
#include "lib/Mapper/MapRequest.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

namespace einsum {
#define GEN_PASS_DEF_MAPPASS
#include "lib/Mapper/Passes.h.inc"
} // namespace einsum

using namespace mlir;
using namespace einsum;
using namespace einsum::mapper;

static std::vector<std::string>
listOf(const Pass::ListOption<std::string> &list) {
  return {list.begin(), list.end()};
}

namespace {
struct MapPass : einsum::impl::MapPassBase<MapPass> {
  using MapPassBase::MapPassBase;

  void runOnOperation() override {
    std::optional<arch::ArchSpec> spec = readArch();
    if (!spec)
      return signalPassFailure();
    auto cascades = llvm::to_vector(getOperation().getOps<CascadeOp>());
    for (CascadeOp cascade : cascades)
      if (failed(map(cascade, *spec)))
        return signalPassFailure();
  }

private:
  /// What is wrong with an option, at the first cascade.
  bool report(StringRef option, const llvm::Twine &message) {
    auto cascades = getOperation().getOps<CascadeOp>();
    mlir::emitError(cascades.empty() ? getOperation().getLoc()
                                     : (*cascades.begin()).getLoc())
        << "--einsum-map: option '" << option << "' " << message.str();
    return false;
  }

  std::optional<arch::ArchSpec> readArch() {
    if (arch.empty()) {
      report("arch", "is not given; a mapping needs an architecture, a JSON "
                     "file");
      return std::nullopt;
    }
    Diagnostics diagnostics;
    auto spec = arch::readArchSpec(arch, diagnostics, {}, energyProfile);
    diagnostics.print(llvm::errs());
    return spec;
  }

  MapRequest getRequest() const {
    MapRequest request;
    request.objective = objective;
    request.space = listOf(space);
    request.keep = listOf(keep);
    request.bypass = listOf(bypass);
    request.array = listOf(array);
    request.fixTile = listOf(fixTile);
    request.loopOrder = listOf(loopOrder);
    request.order = listOf(order);
    return request;
  }

  LogicalResult map(CascadeOp cascade, arch::ArchSpec spec) {
    auto reporter = [&](StringRef option, const llvm::Twine &message) {
      return report(option, message);
    };
    MapRequest request = getRequest();
    MapOptions how;
    how.threads = threads;
    how.timeLimitSeconds = timeLimit;
    if (timeLimit < 0)
      return failure(!report("time-limit", "takes a number of seconds"));
    if (!checkConstraints(request, reporter) ||
        !parseSpace(request.space, how.limits, reporter) ||
        !parseObjective(request.objective, spec, how.objective, reporter) ||
        !applyOrder(request, cascade, how.limits, reporter))
      return failure();
    FailureOr<CascadeFacts> facts = computeCascadeFacts(cascade);
    if (failed(facts) || !addConstraints(request, *facts, spec, reporter))
      return failure();
    FailureOr<MapResult> result = mapCascade(cascade, *facts, spec, how);
    if (failed(result))
      return failure();
    return tell(cascade, *facts, spec, how, *result);
  }

  /// A remark on what was found, or the reason why nothing fits.
  LogicalResult tell(CascadeOp cascade, const CascadeFacts &facts,
                     const arch::ArchSpec &spec, const MapOptions &how,
                     MapResult &result) {
    const Certificate &certificate = result.certificate;
    if (certificate.status == Status::infeasible) {
      printConflicts(explainFully(cascade, facts, spec, how), cascade, spec);
      return failure();
    }
    if (result.points.empty())
      return mlir::emitError(cascade.getLoc(),
                             "the search ended before it had found a mapping; "
                             "give it more time");
    for (MappedPoint &point : result.points)
      if (std::string violation =
              findConstraintViolation(point.mapping, facts, spec, how.limits);
          !violation.empty())
        return point.mapping.emitError("internal error: the mapper found what "
                                       "is ruled out: ")
               << violation;
    // The best first, and each with a name of its own.
    for (size_t i = 1; i < result.points.size(); ++i) {
      schedule::MappingOp mapping = result.points[i].mapping;
      mapping->moveAfter(result.points[i - 1].mapping);
      mapping.setSymName(
          (mapping.getSymName() + "_" + llvm::Twine(i + 1)).str());
    }
    mlir::emitRemark(cascade.getLoc())
        << describeStatus(certificate.status) << ": "
        << describeOutcome(certificate, how.objective, spec,
                           result.points.size())
        << (certificate.space.empty() ? "" : "; " + certificate.space);
    return success();
  }
};
} // namespace
