//===- Passes.td - Rewrites of cascades --------------------*- tablegen -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each pass states the law that it rests on and its side conditions. A pass that
// leaves something alone that looks like its case says why, as a remark.
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_TRANSFORMS_PASSES_TD
#define EINSUM_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def EraseDead : Pass<"einsum-erase-dead", "::einsum::CascadeOp"> {
  let summary = "Erase Einsums on which no output depends";
}

include "lib/Transforms/StructuralPasses.td"

#endif // EINSUM_TRANSFORMS_PASSES_TD
