// RUN: %exits 1 einsum-run %s 2>&1 | FileCheck %s
einsum.cascade @c(M = 2) : i8 {
  einsum.rank @m [M] = M
  %A = einsum.input "A" : !einsum.tensor<[m], i8>
  %Z = einsum.compute "Z" over [m] : [m] = (%A[m]) {
  ^bb0(%a: i8):
    %0 = math.ctpop %a : i8
    einsum.yield %0 : i8
  } : (!einsum.tensor<[m], i8>) -> !einsum.tensor<[m], i8>
  einsum.output %Z : !einsum.tensor<[m], i8>
}
// CHECK: unsupported-op.mlir:7:10: error: 'math.ctpop' is not an operation that the interpreter evaluates
