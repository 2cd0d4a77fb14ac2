//===- Passes.td - The mapper as a compiler pass ---------------*- tablegen -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MAPPER_PASSES
#define MAPPER_PASSES

include "mlir/Pass/PassBase.td"

def MapPass : Pass<"einsum-map", "::mlir::ModuleOp"> {
  let summary = "Search the best mapping of each cascade onto an architecture";
  let description = [{
    Places below every cascade the schedule that minimises the objective in the space
    of lib/Mapper/README.md, and reports as a remark at the cascade how good it is: its
    value, whether the search was complete, and otherwise what it has proved. For a
    Pareto set, all points, the best by the first metric first.

    Extents have to be bound. Options are those of `einsum-compile`, which also tries
    rewrites; here a cascade is mapped as it stands.

    Fails where nothing fits, with the smallest set of premises that cannot be had
    together, and what would free it.

    Example: `--einsum-map="arch=arch-specs/fusemax-cloud.json objective=energy space=no-fusion"`
  }];
  let dependentDialects = ["::einsum::schedule::ScheduleDialect"];
  let options = [
    Option<"arch", "arch", "std::string", "\"\"", "The architecture, a JSON file">,
    Option<"energyProfile", "energy-profile", "std::string", "\"\"",
           "Use energy/NAME.json beside the architecture">,
    Option<"objective", "objective", "std::string", "\"latency\"",
           "latency, energy, edp, traffic[:LEVEL], capacity[:LEVEL] or pareto[:A,B[,C]]">,
    Option<"timeLimit", "time-limit", "double", "0",
           "Seconds for each cascade; 0: no limit">,
    Option<"threads", "threads", "unsigned", "0", "0: one per core">,
    ListOption<"space", "space", "std::string",
               "shared-loops=N, shared-loops-per-rank=N, perfect-tiles, no-fusion, "
               "no-pipelines, no-reorder, no-shared-holders, no-recompute, "
               "no-retain">,
    ListOption<"keep", "keep", "std::string",
               "TENSOR@LEVEL: tensors that have a storage node at a level">,
    ListOption<"bypass", "bypass", "std::string",
               "TENSOR@LEVEL: tensors that have none there">,
    ListOption<"array", "array", "std::string",
               "EINSUM=ARRAY: arrays that Einsums run on">,
    ListOption<"fixTile", "fix-tile", "std::string",
               "RANK@LEVEL=N: extents of the tiles held at a level">,
    ListOption<"loopOrder", "loop-order", "std::string",
               "RANK:RANK...@LEVEL: order of loops below a node at a level, outermost first">,
    ListOption<"order", "order", "std::string",
               "All Einsums, in the order of their execution">,
  ];
}

#endif // MAPPER_PASSES
