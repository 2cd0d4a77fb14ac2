// What the notation can say is said, in whatever order the IR has it.
// RUN: einsum-translate --mlir-to-cascade %s | FileCheck %s

// Definitions come before uses, but for reads of a recurrence one step away;
// casts that the parser would not add are written.
// CHECK: cascade unordered(M=4) : f32
// CHECK-NEXT:   input X[m]
// CHECK-NEXT:   B[m] = (X[m] as f16) * (X[m] as f16)
// CHECK-NEXT:   A[m] = B[m] * D[m-1]
// CHECK-NEXT:   D[m] = A[m] + X[m] init 0
// CHECK-NEXT:   output D
einsum.cascade @unordered(M = 4) : f32 {
  einsum.output %D : !einsum.tensor<[m], f32>
  %D = einsum.compute "D" over [m] : [m] = (%A[m], %X[m]) init [0.0 : f32] {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[m], f32>, !einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  %A = einsum.compute "A" over [m] : [m] = (%B[m], %D[m - 1]) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[m], f32>, !einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  %B = einsum.compute "B" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    %0 = arith.truncf %x : f32 to f16
    %1 = arith.mulf %0, %0 : f16
    %2 = arith.extf %1 : f16 to f32
    einsum.yield %2 : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  einsum.rank @m [M] = M
}

// A sum that does not nest in the order of the text names its ranks.
// CHECK: cascade nesting(M=4, N=4) : f32
// CHECK:   S[] = add(n, m) X[m,n]
// CHECK:   T[] = add(n) max(m) X[m,n]
einsum.cascade @nesting(M = 4, N = 4) : f32 {
  einsum.rank @m [M] = M
  einsum.rank @n [N] = N
  %X = einsum.input "X" : !einsum.tensor<[m, n], f32>
  %S = einsum.compute "S" over [m, n] : [] = (%X[m, n]) reduce [n by add, m by add] {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m, n], f32>) -> !einsum.tensor<[], f32>
  %T = einsum.compute "T" over [m, n] : [] = (%X[m, n]) reduce [n by add, m by max] {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m, n], f32>) -> !einsum.tensor<[], f32>
  einsum.output %S, %T : !einsum.tensor<[], f32>, !einsum.tensor<[], f32>
}
