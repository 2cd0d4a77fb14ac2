//===- Passes.td - Quantisation as a pass ------------------*- tablegen -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef EINSUM_QUANT_PASSES_TD
#define EINSUM_QUANT_PASSES_TD

include "mlir/Pass/PassBase.td"

def Quantize : Pass<"einsum-quantize", "::einsum::CascadeOp"> {
  let summary = "Store tensors, and multiply them, in narrower numbers";
  let description = [{
    `spec` says which tensors become what; lib/Quant/QuantizeSpec.h has the words.
    A tensor is *stored*: its element type changes, and readers decode. Or it is
    made *explicit*: the Einsums that find the largest magnitude, the scale and
    the codes stand in the cascade, and whoever multiplies and sums the tensor
    multiplies codes, sums them in a wide accumulator and scales afterwards.

    Law: a product distributes over a sum, so that a factor which does not depend
    on what is summed comes out of it.

    Products that are not among `native` are decoded first. Running values, maxima,
    denominators and accumulators stay wide; scales that come too late for a reader
    along an iterative rank are refused; a scale that costs a rank pass says so.

    Example: `--einsum-quantize="spec={weights=int8 explicit,activations=int8 explicit} native=i8"`
  }];
  let options = [
    Option<"spec", "spec", "std::string", "\"\"", "TENSOR=FORMAT [WORD ...], ..., in braces">,
    ListOption<"native", "native", "std::string",
               "Datatypes of products that the machine multiplies and sums: i8, bf16*i4, mxfp4">,
    ListOption<"decoding", "decoding", "std::string",
               "Datatypes in which one array converts as well as multiplies and sums">,
    Option<"accumulator", "accumulator", "unsigned", "32", "Bits of sums of integers">,
    Option<"computeAll", "compute-all", "bool", "false",
           "Compute codes and scales of weights in the cascade, too">,
    Option<"keepStored", "keep-stored", "bool", "false",
           "Let Einsums read stored tensors as they are">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

#endif // EINSUM_QUANT_PASSES_TD
