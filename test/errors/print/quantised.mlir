// RUN: %exits 1 einsum-translate --mlir-to-cascade %s 2>&1 | FileCheck %s
einsum.cascade @c(E = 32) : f16 {
  einsum.rank @e [E] = E
  // CHECK: quantised.mlir:5:8: error: the text notation cannot say this: it has no element type '!einsum.quantized<"mxfp4", 4, f16, [e : 32], f8E5M2>'
  %K = einsum.input "K" : !einsum.tensor<[e], !einsum.quantized<"mxfp4", 4, f16, [e : 32], f8E5M2>>
  einsum.output %K : !einsum.tensor<[e], !einsum.quantized<"mxfp4", 4, f16, [e : 32], f8E5M2>>
}
