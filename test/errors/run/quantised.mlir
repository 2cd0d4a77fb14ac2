// A scale that steps of a recurrence share is not known before the last one.
// RUN: %exits 1 einsum-run %s --format declared 2>&1 | FileCheck %s
// RUN: einsum-run %s
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  %A = einsum.input "A" : !einsum.tensor<[m], !einsum.quantized<"int8", f32, tensor, "f16">>
  %Z = einsum.compute "Z" over [m] : [m] = (%Z[m - 1], %A[m]) init [0.0 : f32] {
  ^bb0(%z: f32, %a: f32):
    %0 = arith.addf %z, %a : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[m], !einsum.quantized<"int8", f32, block [m : 2], "f16">>, !einsum.tensor<[m], !einsum.quantized<"int8", f32, tensor, "f16">>) -> !einsum.tensor<[m], !einsum.quantized<"int8", f32, block [m : 2], "f16">>
  einsum.output %Z : !einsum.tensor<[m], !einsum.quantized<"int8", f32, block [m : 2], "f16">>
}
// CHECK: quantised.mlir:7:8: error: tensor 'Z' is made step by step along 'm', and 'int8 group(2) m' shares a scale between steps, which is not known before the last one; share along other ranks
