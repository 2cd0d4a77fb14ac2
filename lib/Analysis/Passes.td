//===- Passes.td - Analyses as compiler passes -----------------*- tablegen -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ANALYSIS_PASSES
#define ANALYSIS_PASSES

include "mlir/Pass/PassBase.td"

def RankPassesPass : Pass<"einsum-rank-passes", "::einsum::CascadeOp"> {
  let summary = "Count how often any schedule traverses each rank";
  let description = [{
    For every tensor and every rank of it, the number of traversals of its fibers
    that no schedule of this cascade avoids, recomputation included (Nayak et
    al., MICRO 2024, section III; lib/Analysis/README.md has the theorems).

    Reports one remark per rank, at the tensor that shows its count, with notes at
    the Einsums that force each pass; a rank with one pass has no notes. Attaches
    to the cascade `einsum.rank_passes`, a count per rank, and to every op that
    defines a tensor `einsum.tensor_passes`, a count per rank of the tensor.

    Laws:
    - renaming ranks, splitting a rank, inserting a copy of a tensor, or computing
      an Einsum twice leaves the count of a whole rank as it is;
    - the count of a tensor is at least that of a tensor computed from it
      element by element.

    Example: of
    ```mlir
    einsum.cascade @normalise(M = 8) : f32 {
      einsum.rank @m [M] = M
      %X = einsum.input "X" : !einsum.tensor<[m], f32>
      %S = einsum.compute "S" over [m] : [] = (%X[m]) reduce [m by add] {
      ^bb0(%x: f32):
        einsum.yield %x : f32
      } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[], f32>
      %Y = einsum.compute "Y" over [m] : [m] = (%X[m], %S[]) {
      ^bb0(%x: f32, %s: f32):
        %0 = arith.divf %x, %s : f32
        einsum.yield %0 : f32
      } : (!einsum.tensor<[m], f32>, !einsum.tensor<[], f32>) -> !einsum.tensor<[m], f32>
      einsum.output %Y : !einsum.tensor<[m], f32>
    }
    ```
    it says `2 passes over m: S -> Y`.
  }];
  let options = [
    Option<"table", "table", "bool", "false",
           "Print all counts as a table to standard error">,
  ];
}

#endif // ANALYSIS_PASSES
