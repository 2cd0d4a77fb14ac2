//===- EinsumAttrs.td - Attributes of the einsum dialect -------*- tablegen -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_ATTRS_TD
#define EINSUM_ATTRS_TD

include "dialects/Einsum/EinsumDialect.td"
include "mlir/IR/AttrTypeBase.td"

def Einsum_ReductionAttr : AttrDef<Einsum_Dialect, "Reduction"> {
  let mnemonic = "reduction";
  let summary = "A rank and the monoid that combines its points";
  let description = [{
    `monoid` is the name of a built-in monoid (`add`, `mul`, `max`, `min`,
    `and`, `or`, `argmax`, `argmin`) or of an `einsum.monoid` of the cascade.
    `argmax` and `argmin` act on (value, index) pairs and keep the smallest index
    among equal values.

    Example: `#einsum.reduction<e, add>`
  }];
  let parameters = (ins "::mlir::StringAttr":$rank, "::mlir::StringAttr":$monoid);
  let hasCustomAssemblyFormat = 1;
}

#endif // EINSUM_ATTRS_TD
