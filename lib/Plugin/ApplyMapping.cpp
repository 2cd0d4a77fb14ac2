//===- ApplyMapping.cpp - Mappings as a compiler pass ---------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Plugin/MappingPass.h"
#include "lib/Plugin/Passes.h"
#include "lib/Support/Format.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

namespace einsum {
#define GEN_PASS_DEF_APPLYMAPPING
#include "lib/Plugin/Passes.h.inc"
} // namespace einsum

using namespace mlir;
using namespace einsum;

namespace {
struct ApplyMapping : einsum::impl::ApplyMappingBase<ApplyMapping> {
  using ApplyMappingBase::ApplyMappingBase;

  void runOnOperation() override {
    MappingPass *pass = findPass();
    std::optional<arch::ArchSpec> spec;
    if (!pass || !(spec = readArch()))
      return signalPassFailure();
    for (CascadeOp cascade :
         llvm::to_vector(getOperation().getOps<CascadeOp>()))
      if (failed(apply(*pass, cascade, *spec)))
        return signalPassFailure();
  }

private:
  /// What is wrong with an option, at the first cascade.
  InFlightDiagnostic refuse(StringRef option) {
    auto cascades = getOperation().getOps<CascadeOp>();
    return emitError(cascades.empty() ? getOperation().getLoc()
                                      : (*cascades.begin()).getLoc())
           << "--einsum-apply-mapping: option '" << option << "' ";
  }

  MappingPass *findPass() {
    std::vector<std::string> names;
    for (const std::unique_ptr<MappingPass> &pass : getMappingPasses())
      names.push_back(pass->getName().str());
    MappingPass *pass = findMappingPass(mapping);
    if (!pass && mapping.empty())
      refuse("mapping") << "is not given; there are "
                        << llvm::join(names, ", ");
    else if (!pass)
      refuse("mapping") << "names no mapping: '" << mapping << "'; there are "
                        << llvm::join(names, ", ")
                        << didYouMean(mapping, names);
    return pass;
  }

  std::optional<arch::ArchSpec> readArch() {
    if (arch.empty()) {
      refuse("arch") << "is not given; a mapping needs an architecture, a "
                        "JSON file or the name of an installed one";
      return std::nullopt;
    }
    Diagnostics diagnostics;
    auto spec = arch::readArchSpec(arch, diagnostics, {}, energyProfile);
    diagnostics.print(llvm::errs());
    return spec;
  }

  LogicalResult apply(MappingPass &pass, CascadeOp cascade,
                      const arch::ArchSpec &spec) {
    FailureOr<CascadeFacts> facts = computeCascadeFacts(cascade);
    if (failed(facts))
      return failure();
    MappingContext context(cascade, *facts, spec);
    FailureOr<schedule::MappingOp> built = pass.build(context);
    if (failed(built))
      return failure();
    std::optional<cost::Evaluation> cost =
        context.evaluate(*built, /*explain=*/true);
    if (!cost)
      return failure();
    emitRemark(cascade.getLoc())
        << "mapping '" << pass.getName() << "' takes "
        << formatSi(cost->latencySeconds, "s") << " and "
        << formatSi(cost->energyJoules(), "J") << " on '" << spec.name
        << "', bound by " << cost->boundBy;
    return success();
  }
};
} // namespace
