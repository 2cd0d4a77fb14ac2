//===- EinsumDialect.td - Cascades of extended Einsums ---------*- tablegen -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_DIALECT_TD
#define EINSUM_DIALECT_TD

include "mlir/IR/OpBase.td"

def Einsum_Dialect : Dialect {
  let name = "einsum";
  let summary = "Cascades of extended Einsums";
  let description = [{
    A *cascade* (Nayak et al., MICRO 2024) is a system of Einsums whose tensors
    feed one another. Each Einsum has an iteration space over named *ranks*,
    affine accesses into its operands, a scalar map expression, and reductions
    by a monoid (Odemuyiwa et al. 2024, EDGE). Because the body of a cascade is
    a graph region, a tensor may refer to its own earlier element along an
    *iterative rank*: the cascade is a system of affine recurrence equations.

    Ranks are names, not positions. The extent of a rank is an affine expression
    of the cascade's parameters; a parameter has a value or is bound later.
  }];
  let cppNamespace = "::einsum";
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

class Einsum_Op<string mnemonic, list<Trait> traits = []>
    : Op<Einsum_Dialect, mnemonic, traits>;

#endif // EINSUM_DIALECT_TD
