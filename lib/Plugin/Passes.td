//===- Passes.td - Mappings as a compiler pass -----------------*- tablegen -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef PLUGIN_PASSES
#define PLUGIN_PASSES

include "mlir/Pass/PassBase.td"

def ApplyMapping : Pass<"einsum-apply-mapping", "::mlir::ModuleOp"> {
  let summary = "Build the schedule of each cascade that a mapping by name gives";
  let description = [{
    Runs a registered mapping pass, one of `mappings/` or of a plugin, on every cascade,
    places the schedule below it, and reports as a remark at the cascade what it costs.
    Extents have to be bound. Fails where the mapping refuses the cascade or the
    architecture, or where its schedule does not fit.

    Example: `--load-pass-plugin=./fused_rows.so
    --einsum-apply-mapping="mapping=fused-rows arch=arch-specs/fusemax-cloud.json"`
  }];
  let dependentDialects = ["::einsum::schedule::ScheduleDialect"];
  let options = [
    Option<"mapping", "mapping", "std::string", "\"\"", "The name of the mapping">,
    Option<"arch", "arch", "std::string", "\"\"",
           "The architecture, a JSON file or the name of an installed one">,
    Option<"energyProfile", "energy-profile", "std::string", "\"\"",
           "Use energy/NAME.json beside the architecture">,
  ];
}

#endif // PLUGIN_PASSES
