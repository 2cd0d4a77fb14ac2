// Tensors that are padded, joined, or written in part, against cascades that say the same without: taps beyond the edge are left out, both halves
// are read where they are.
// RUN: einsum-opt %s --einsum-from-linalg | einsum-translate --mlir-to-cascade | FileCheck %s
// RUN: einsum-opt %s --einsum-from-linalg | einsum-translate --mlir-to-cascade | einsum-translate --cascade-to-mlir -o /dev/null
// RUN: einsum-run %s --cascade=same --against %S/Inputs/parts.ein | FileCheck %s --check-prefix=SAME
// RUN: einsum-run %s --cascade=pool --against %S/Inputs/parts.ein | FileCheck %s --check-prefix=SAME
// RUN: einsum-run %s --cascade=heads --against %S/Inputs/parts.ein | FileCheck %s --check-prefix=SAME
// RUN: einsum-run %s --cascade=cache --against %S/Inputs/parts.ein | FileCheck %s --check-prefix=SAME
// RUN: einsum-run %s --cascade=dilate --against %S/Inputs/parts.ein | FileCheck %s --check-prefix=SAME
// RUN: einsum-run %s --cascade=mask --against %S/Inputs/parts.ein | FileCheck %s --check-prefix=SAME
// RUN: einsum-compile %s --cascade=same --arch accelforge-snowcat --mapping=streamed | FileCheck %s --check-prefix=MAPPED
// SAME: agree
// MAPPED: streamed (given)

// CHECK-LABEL: cascade same
// CHECK: T0[i,j] = X[k,j] where i == k + 1
// CHECK-NEXT: Y[m]{{ *}} = T0[m+n,j] * W[n,j]
func.func @same(%x: tensor<8x4xf32> {einsum.name = "X"}, %w: tensor<3x4xf32> {einsum.name = "W"}) -> tensor<8xf32> {
  %zero = arith.constant 0.0 : f32
  %p = tensor.pad %x low[1, 0] high[1, 0] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<8x4xf32> to tensor<10x4xf32>
  %e = tensor.empty() : tensor<8xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  %y = linalg.generic {einsum.name = "Y", indexing_maps = [affine_map<(p, r, c) -> (p + r, c)>, affine_map<(p, r, c) -> (r, c)>, affine_map<(p, r, c) -> (p)>],
      iterator_types = ["parallel", "reduction", "reduction"]} ins(%p, %w : tensor<10x4xf32>, tensor<3x4xf32>) outs(%f : tensor<8xf32>) {
  ^bb0(%a: f32, %b: f32, %s: f32):
    %m = arith.mulf %a, %b : f32
    %t = arith.addf %s, %m : f32
    linalg.yield %t : f32
  } -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// What a maximum is to skip is its identity.
// CHECK-LABEL: cascade pool
// CHECK: max({{.*}}) X[{{.*}}] where
func.func @pool(%x: tensor<6x6xf32> {einsum.name = "X"}) -> tensor<4x4xf32> {
  %least = arith.constant 0xFF800000 : f32
  %window = tensor.empty() : tensor<2x2xf32>
  %p = tensor.pad %x low[1, 1] high[1, 1] {
  ^bb0(%i: index, %j: index):
    tensor.yield %least : f32
  } : tensor<6x6xf32> to tensor<8x8xf32>
  %e = tensor.empty() : tensor<4x4xf32>
  %f = linalg.fill ins(%least : f32) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
  %y = linalg.generic {einsum.name = "Y", indexing_maps = [affine_map<(p, q, r, s) -> (p * 2 + r, q * 2 + s)>, affine_map<(p, q, r, s) -> (r, s)>, affine_map<(p, q, r, s) -> (p, q)>],
      iterator_types = ["parallel", "parallel", "reduction", "reduction"]} ins(%p, %window : tensor<8x8xf32>, tensor<2x2xf32>) outs(%f : tensor<4x4xf32>) {
  ^bb0(%a: f32, %b: f32, %s: f32):
    %t = arith.maximumf %s, %a : f32
    linalg.yield %t : f32
  } -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// What nobody wrote may hold zeros, so the first half is not chosen.
// CHECK-LABEL: cascade heads
// CHECK: T0[i,j] = A[i,k] where j == k
// CHECK: T1[m,n] = B[m,p] where n == p + 5
// CHECK: T2[m,n] = select(n >= 5, select(n <= 6, T1[m,n], T0[m,n]), T0[m,n])
func.func @heads(%a: tensor<3x5xf32> {einsum.name = "A"}, %b: tensor<3x2xf32> {einsum.name = "B"}) -> tensor<3x7xf32> {
  %y = tensor.concat dim(1) %a, %b : (tensor<3x5xf32>, tensor<3x2xf32>) -> tensor<3x7xf32>
  return %y : tensor<3x7xf32>
}

// A row among those there are.
// CHECK-LABEL: cascade cache
// CHECK: T0[i,j] = K[j] where i == k + 5
func.func @cache(%c: tensor<8x4xf32> {einsum.name = "C"}, %k: tensor<4xf32> {einsum.name = "K"}) -> tensor<8x4xf32> {
  %y = tensor.insert_slice %k into %c[5, 0] [1, 4] [1, 1] {einsum.name = "Y"} : tensor<4xf32> into tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// Every other element, and threes.
// CHECK-LABEL: cascade dilate
func.func @dilate(%x: tensor<4xf32> {einsum.name = "X"}) -> tensor<9xf32> {
  %three = arith.constant dense<3.0> : tensor<9xf32>
  %y = tensor.insert_slice %x into %three[1] [4] [2] {einsum.name = "Y"} : tensor<4xf32> into tensor<9xf32>
  return %y : tensor<9xf32>
}

// One value into a part.
// CHECK-LABEL: cascade mask
func.func @mask(%x: tensor<6x6xf32> {einsum.name = "X"}) -> tensor<6x6xf32> {
  %zero = arith.constant dense<0.0> : tensor<2x3xf32>
  %y = tensor.insert_slice %zero into %x[1, 2] [2, 3] [1, 1] {einsum.name = "Y"} : tensor<2x3xf32> into tensor<6x6xf32>
  return %y : tensor<6x6xf32>
}
