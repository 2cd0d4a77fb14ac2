//===- EinsumInterfaces.td - What an Einsum answers ------------*- tablegen -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_INTERFACES_TD
#define EINSUM_INTERFACES_TD

include "mlir/IR/OpBase.td"

def Einsum_EinsumInterface : OpInterface<"EinsumInterface"> {
  let cppNamespace = "::einsum";
  let description = [{
    The questions every analysis, transform, cost model and interpreter may ask
    of an Einsum. Nothing outside the dialect tests for a particular op name.
  }];
  let methods = [
    InterfaceMethod<[{Names of the ranks of the iteration space, in order: the
      dimensions of every affine map of this op.}],
      "::llvm::SmallVector<::mlir::StringAttr>", "getIterationRanks">,
    InterfaceMethod<[{Names of the cascade parameters that stand for the symbols
      of every affine map of this op.}],
      "::llvm::SmallVector<::mlir::StringAttr>", "getSymbolNames">,
    InterfaceMethod<[{Names of the tensors defined, one per result.}],
      "::llvm::SmallVector<::mlir::StringAttr>", "getTensorNames">,
    InterfaceMethod<[{Accesses in operand order: which tensor is read where.}],
      "::llvm::SmallVector<::einsum::Access>", "getInputAccesses">,
    InterfaceMethod<[{Gathered values: the operand that each symbol of the
      input accesses beyond those of `getSymbolNames` is the value of. An access
      that uses one is not known before its data is; see `Gathers.h`.}],
      "::llvm::SmallVector<unsigned>", "getGatheredOperands">,
    InterfaceMethod<[{Where each point of the iteration space is written; shared
      by all results. A projected permutation of the iteration ranks.}],
      "::mlir::AffineMap", "getOutputAccess">,
    InterfaceMethod<[{Reduced ranks with their monoids, in declaration order.}],
      "::llvm::SmallVector<::einsum::Reduction>", "getReductionList">,
    InterfaceMethod<[{Affine predicate that selects points, if any.}],
      "std::optional<::mlir::IntegerSet>", "getFilterSet">,
    InterfaceMethod<[{The map expression: one block argument per input access,
      yielding one scalar per result.}],
      "::mlir::Region &", "getMapRegion">,
    InterfaceMethod<[{Initial values of a recurrence, one per result; empty when
      the tensors do not refer to themselves.}],
      "::llvm::SmallVector<::mlir::TypedAttr>", "getInitialValues">,
  ];
}

#endif // EINSUM_INTERFACES_TD
