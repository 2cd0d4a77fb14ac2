// RUN: %exits 1 einsum-run %s --format declared 2>&1 | FileCheck %s
einsum.cascade @c(M = 2) : f32 {
  einsum.rank @m [M] = M
  %A = einsum.input "A" : !einsum.tensor<[m], !einsum.quantized<"mxfp4", 4, f32, [m : 32], f8E5M2>>
  %Z = einsum.compute "Z" over [m] : [m] = (%A[m]) {
  ^bb0(%a: f32):
    einsum.yield %a : f32
  } : (!einsum.tensor<[m], !einsum.quantized<"mxfp4", 4, f32, [m : 32], f8E5M2>>) -> !einsum.tensor<[m], f32>
  einsum.output %Z : !einsum.tensor<[m], f32>
}
// CHECK: quantised.mlir:4:8: error: tensor 'A' is stored as '!einsum.quantized<"mxfp4", 4, f32, [m : 32], f8E5M2>', which the interpreter does not emulate; choose one format for all
