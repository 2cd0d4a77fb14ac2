// Generic passes see a graph region: they neither order it nor break its cycles.
// RUN: einsum-opt %s --canonicalize --cse | FileCheck %s

// CHECK-LABEL: einsum.cascade @scan
einsum.cascade @scan(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  // A cycle of two Einsums stays.
  // CHECK: %A = einsum.compute "A" over [m] : [m] = (%B[m - 1], %X[m]) init
  // CHECK-NOT: arith.constant
  // CHECK: %B = einsum.compute "B" over [m] : [m] = (%A[m])
  %A = einsum.compute "A" over [m] : [m] = (%B[m - 1], %X[m]) init [0.0 : f32] {
  ^bb0(%b: f32, %x: f32):
    %zero = arith.constant 0.0 : f32
    %unused = arith.addf %b, %zero : f32
    %0 = arith.addf %b, %x : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[m], f32>, !einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  %B = einsum.compute "B" over [m] : [m] = (%A[m]) init [0.0 : f32] {
  ^bb0(%a: f32):
    einsum.yield %a : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  // CHECK: einsum.output %B
  einsum.output %B : !einsum.tensor<[m], f32>
}

// What folding leaves of two constants stays where it is used.
// CHECK-LABEL: einsum.cascade @folds
// CHECK-NEXT: einsum.rank
// CHECK-NEXT: einsum.input
// CHECK-NEXT: einsum.compute
// CHECK: %[[SIX:.*]] = arith.constant 6.0
// CHECK-NEXT: arith.mulf %{{.*}}, %[[SIX]]
einsum.cascade @folds(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %A = einsum.compute "A" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    %two = arith.constant 2.0 : f32
    %three = arith.constant 3.0 : f32
    %six = arith.mulf %two, %three : f32
    %0 = arith.mulf %x, %six : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  einsum.output %A : !einsum.tensor<[m], f32>
}
