// RUN: einsum-translate --mlir-to-cascade %s | FileCheck %s
// In a graph region uses may stand above definitions; in the text they do not.
// Neither the order of iteration ranks nor that of operands shows.

// CHECK:      cascade order(M=4, N=3) : f32
// CHECK-NEXT:   input A[m,n]
// CHECK-NEXT:   B[m]  = A[m,n]
// CHECK-NEXT:   S[m]  = S[m-1] + D[m-1] init 0
// CHECK-NEXT:   D[m]  = S[m] - B[m] init 0
// CHECK-NEXT:   C[]   = add(n, m) A[m,n] * D[m]
// CHECK-NEXT:   output C
einsum.cascade @order(M = 4, N = 3) : f32 {
  einsum.rank @n [N] = N
  einsum.rank @m [M] = M
  einsum.output %C : !einsum.tensor<[], f32>
  %C = einsum.compute "C" over [n, m] : [] = (%D[m], %A[m, n]) reduce [n by add, m by add] {
  ^bb0(%d: f32, %a: f32):
    %0 = arith.mulf %a, %d : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[m], f32>, !einsum.tensor<[m, n], f32>) -> !einsum.tensor<[], f32>
  %D = einsum.compute "D" over [m] : [m] = (%S[m], %B[m]) init [0.0 : f32] {
  ^bb0(%s: f32, %b: f32):
    %0 = arith.subf %s, %b : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[m], f32>, !einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  %S = einsum.compute "S" over [m] : [m] = (%S[m - 1], %D[m - 1]) init [0.0 : f32] {
  ^bb0(%s: f32, %d: f32):
    %0 = arith.addf %s, %d : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[m], f32>, !einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  %B = einsum.compute "B" over [m, n] : [m] = (%A[m, n]) reduce [n by add] {
  ^bb0(%a: f32):
    einsum.yield %a : f32
  } : (!einsum.tensor<[m, n], f32>) -> !einsum.tensor<[m], f32>
  %A = einsum.input "A" : !einsum.tensor<[m, n], f32>
}
