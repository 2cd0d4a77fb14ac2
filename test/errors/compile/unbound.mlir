// RUN: %exits 1 einsum-compile %s --ski-slope 2>&1 | FileCheck %s
einsum.cascade @c(M, N = 2) : f16 {
  einsum.rank @m [M] = M
  einsum.rank @n [N] = N
  %A = einsum.input "A" : !einsum.tensor<[m, n], f16>
  einsum.output %A : !einsum.tensor<[m, n], f16>
}
// CHECK: unbound.mlir:2:1: error: cascade 'c' needs values for M (--bind M=...)
