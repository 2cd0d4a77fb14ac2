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
    /// Bits of one element: of its code, for a quantised type. What it weighs
    /// with its share of a scale, `weigh` in Einsum.h says.
    uint64_t getElementBits() const;
  }];
}

def Einsum_QuantizedType : Einsum_Type<"Quantized", "quantized"> {
  let summary = "An element stored in a number format";
  let description = [{
    A tensor of such elements holds `decode(encode(x))`, computed once all of
    what shares a scale is there; map expressions see values of `expressedType`.
    What is reduced on the way is reduced in that type: only the complete tensor
    is encoded.

    `format` names a row of the table of formats with its options
    (lib/Support/Formats); `sharing` says which elements share a scale: none,
    those of the tensor, those that agree along `ranks` (channel), blocks of
    `sizes` along `ranks` (block), or of a matrix of two ranks (matrix).
    `scaleType` is what a scale is stored as.

    Example: `!einsum.quantized<"mxfp4", f16, block [e : 32], "e8m0">`
    Example: `!einsum.quantized<"int8", f16, channel [e], "f16">`
    Example: `!einsum.quantized<"int4(asym)", f32, tensor, "f32">`
    Example: `!einsum.quantized<"fp8e4m3", f16>`

    The text notation calls these `mxfp4 block e`, `int8 channel e`,
    `int4(asym, scale=f32) tensor` and `fp8e4m3`.
  }];
  let parameters = (ins StringRefParameter<"name of the format">:$format,
                        "::mlir::Type":$expressedType,
                        "::einsum::formats::Sharing":$sharing,
                        ArrayRefParameter<"::mlir::StringAttr">:$ranks,
                        ArrayRefParameter<"int64_t">:$sizes,
                        StringRefParameter<"type of the scale">:$scaleType);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The type of a tensor that is stored like that.
    static QuantizedType get(const ::einsum::formats::Storage &storage,
                             ::mlir::Type expressedType);
    ::einsum::formats::Storage getStorage() const;
  }];
}

#endif // EINSUM_TYPES_TD
