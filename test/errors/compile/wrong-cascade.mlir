// RUN: %exits 1 einsum-compile %s --analyze-only 2>&1 | FileCheck %s
einsum.cascade @c(M = 4) : f16 {
  einsum.rank @m [M] = M
  %A = einsum.input "A" : !einsum.tensor<[m, n], f16>
  einsum.output %A : !einsum.tensor<[m, n], f16>
}
// CHECK: wrong-cascade.mlir:4:8: error: {{.*}}'n'
