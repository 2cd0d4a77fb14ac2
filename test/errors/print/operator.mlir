// RUN: %exits 1 einsum-translate --mlir-to-cascade %s 2>&1 | FileCheck %s
einsum.cascade @c(M = 4) : f32 {
  einsum.rank @m [M] = M
  %A = einsum.input "A" : !einsum.tensor<[m], f32>
  %B = einsum.compute "B" over [m] : [m] = (%A[m]) {
  ^bb0(%a: f32):
    // CHECK: operator.mlir:8:10: error: the text notation cannot say this: it has no operator for 'math.atan'
    %0 = math.atan %a : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  einsum.output %B : !einsum.tensor<[m], f32>
}
