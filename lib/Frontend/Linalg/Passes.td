//===- Passes.td - From functions on tensors to cascades ---*- tablegen -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_FRONTEND_LINALG_PASSES_TD
#define EINSUM_FRONTEND_LINALG_PASSES_TD

include "mlir/Pass/PassBase.td"

def FromLinalg : Pass<"einsum-from-linalg", "::mlir::ModuleOp"> {
  let summary = "Replace functions of linalg ops by cascades";
  let description = [{
    Each function becomes a cascade of its name, each linalg op an Einsum whose
    ranks are its loops:

        %y = linalg.matmul ins(%x, %w) outs(%zeros)  ->  T0[i,j] = X0[i,k] * X1[k,j]

    Views (`tensor.expand_shape`, `collapse_shape`, `extract_slice`, transposes)
    become coordinates of what reads them. Element-wise ops of `arith` and `math`
    on tensors and `linalg.softmax` are taken too.

    Side conditions: no control flow; what an op accumulates is combined last, by
    a monoid; results are addressed by loops alone.
  }];
  let dependentDialects = ["::einsum::EinsumDialect"];
}

#endif // EINSUM_FRONTEND_LINALG_PASSES_TD
