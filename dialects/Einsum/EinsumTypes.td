//===- EinsumTypes.td - Types of the einsum dialect ------------*- tablegen -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_TYPES_TD
#define EINSUM_TYPES_TD

include "dialects/Einsum/EinsumDialect.td"
include "mlir/IR/AttrTypeBase.td"

class Einsum_Type<string name, string typeMnemonic, list<Trait> traits = []>
    : TypeDef<Einsum_Dialect, name, traits> {
  let mnemonic = typeMnemonic;
}

def Einsum_TensorType : Einsum_Type<"NamedTensor", "tensor"> {
  let summary = "A tensor over named ranks";
  let description = [{
    The ranks are names declared in the enclosing cascade, in storage order,
    outermost first. A tensor without ranks is a scalar. Its extent along a rank
    is the rank's extent; along an iterative rank, elements before the first are
    the initial value of the defining Einsum.

    Example: `!einsum.tensor<[b, h, m, p], f16>`
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::StringAttr">:$ranks,
                        "::mlir::Type":$elementType);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Position of `rank` among the tensor's ranks, or -1.
    int findRank(::llvm::StringRef rank) const;
    /// Bits of one element as stored, block scales included and rounded up per
    /// block for quantised types.
    uint64_t getElementBits() const;
  }];
}

def Einsum_QuantizedType : Einsum_Type<"Quantized", "quantized"> {
  let summary = "An element stored in a quantised format";
  let description = [{
    `format` names the number format, `bits` is the width of one stored code.
    When `blockRank` is given, each run of `blockSize` elements along that rank
    shares one scale of type `scaleType`; otherwise one scale serves the tensor.
    `expressedType` is the type that map expressions see.

    Example: `!einsum.quantized<"mxfp4", 4, f16, [e : 32], f8E5M2>`
  }];
  let parameters = (ins StringRefParameter<"name of the format">:$format,
                        "unsigned":$bits, "::mlir::Type":$expressedType,
                        "::mlir::StringAttr":$blockRank, "int64_t":$blockSize,
                        "::mlir::Type":$scaleType);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

#endif // EINSUM_TYPES_TD
