// A value that fits the declaration may still leave a rank without elements.
// RUN: %exits 1 einsum-compile %s --analyze-only --bind M=2 2>&1 | FileCheck %s
einsum.cascade @c(M) : f16 {
  einsum.rank @m [M] = M - 2
  %A = einsum.input "A" : !einsum.tensor<[m], f16>
  einsum.output %A : !einsum.tensor<[m], f16>
}
// CHECK: bind-breaks-cascade.mlir:4:3: error: {{.*}}0
