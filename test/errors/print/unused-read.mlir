// RUN: %exits 1 einsum-translate --mlir-to-cascade %s 2>&1 | FileCheck %s
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  %A = einsum.input "A" : !einsum.tensor<[m], f32>
  %W = einsum.input "W" : !einsum.tensor<[m], f32>
  // CHECK: unused-read.mlir:7:8: error: the text notation cannot say this: its set of tensors read would read otherwise
  %B = einsum.compute "B" over [m] : [m] = (%A[m], %W[m]) {
  ^bb0(%a: f32, %w: f32):
    einsum.yield %a : f32
  } : (!einsum.tensor<[m], f32>, !einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  einsum.output %B : !einsum.tensor<[m], f32>
}
