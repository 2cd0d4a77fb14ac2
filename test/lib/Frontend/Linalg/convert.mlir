// Windows with strides, a bias that the sum starts from, reshapes and transposes that move nothing, unknown extents, sums in another type.
// RUN: einsum-opt %s --einsum-from-linalg | einsum-translate --mlir-to-cascade | FileCheck %s
// RUN: einsum-opt %s --einsum-from-linalg | einsum-translate --mlir-to-cascade | einsum-translate --cascade-to-mlir -o /dev/null
// RUN: einsum-run %s --cascade=conv --against %S/Inputs/convolution.ein --extent I=1,J=3,K=3,R=8,S=8 | FileCheck %s --check-prefix=SAME
// RUN: einsum-compile %s --cascade=pool --arch accelforge-snowcat --mapping=streamed | FileCheck %s --check-prefix=MAPPED
#map = affine_map<(b, i, d) -> (b, i, d)>
#mapr = affine_map<(b, i, d) -> (b, i)>
module {
func.func @conv(%x: tensor<1x34x34x8xf32>, %w: tensor<3x3x8x16xf32>, %bias: tensor<16xf32>) -> tensor<1x16x16x16xf32> {
  %e = tensor.empty() : tensor<1x16x16x16xf32>
  %b = linalg.broadcast ins(%bias : tensor<16xf32>) outs(%e : tensor<1x16x16x16xf32>) dimensions = [0, 1, 2]
  %y = linalg.conv_2d_nhwc_hwcf {strides = dense<2> : tensor<2xi64>} ins(%x, %w : tensor<1x34x34x8xf32>, tensor<3x3x8x16xf32>) outs(%b : tensor<1x16x16x16xf32>) -> tensor<1x16x16x16xf32>
  return %y : tensor<1x16x16x16xf32>
}
func.func @pool(%x: tensor<1x16x16x8xf32>) -> tensor<1x8x8x8xf32> {
  %c = arith.constant 0xFF800000 : f32
  %k = tensor.empty() : tensor<2x2xf32>
  %e = tensor.empty() : tensor<1x8x8x8xf32>
  %f = linalg.fill ins(%c : f32) outs(%e : tensor<1x8x8x8xf32>) -> tensor<1x8x8x8xf32>
  %y = linalg.pooling_nhwc_max {strides = dense<2> : tensor<2xi64>} ins(%x, %k : tensor<1x16x16x8xf32>, tensor<2x2xf32>) outs(%f : tensor<1x8x8x8xf32>) -> tensor<1x8x8x8xf32>
  return %y : tensor<1x8x8x8xf32>
}
func.func @heads(%x: tensor<4x8x64xf32>, %w: tensor<64x64xf32>) -> (tensor<4x8x64xf32>, tensor<4x4x8x8xf32>) {
  %c = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<32x64xf32>
  %f = linalg.fill ins(%c : f32) outs(%e : tensor<32x64xf32>) -> tensor<32x64xf32>
  %xc = tensor.collapse_shape %x [[0, 1], [2]] : tensor<4x8x64xf32> into tensor<32x64xf32>
  %q = linalg.matmul ins(%xc, %w : tensor<32x64xf32>, tensor<64x64xf32>) outs(%f : tensor<32x64xf32>) -> tensor<32x64xf32>
  %qe = tensor.expand_shape %q [[0, 1], [2, 3]] output_shape [4, 8, 4, 16] : tensor<32x64xf32> into tensor<4x8x4x16xf32>
  %e2 = tensor.empty() : tensor<4x4x8x16xf32>
  %qt = linalg.transpose ins(%qe : tensor<4x8x4x16xf32>) outs(%e2 : tensor<4x4x8x16xf32>) permutation = [0, 2, 1, 3]
  %e3 = tensor.empty() : tensor<4x4x8x8xf32>
  %f3 = linalg.fill ins(%c : f32) outs(%e3 : tensor<4x4x8x8xf32>) -> tensor<4x4x8x8xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(b,h,i,j,e)->(b,h,i,e)>, affine_map<(b,h,i,j,e)->(b,h,j,e)>, affine_map<(b,h,i,j,e)->(b,h,i,j)>], iterator_types=["parallel","parallel","parallel","parallel","reduction"]} ins(%qt, %qt : tensor<4x4x8x16xf32>, tensor<4x4x8x16xf32>) outs(%f3 : tensor<4x4x8x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %r = arith.addf %o, %m : f32
    linalg.yield %r : f32
  } -> tensor<4x4x8x8xf32>
  %y = tensor.expand_shape %q [[0, 1], [2]] output_shape [4, 8, 64] : tensor<32x64xf32> into tensor<4x8x64xf32>
  return %y, %s : tensor<4x8x64xf32>, tensor<4x4x8x8xf32>
}
func.func @norm(%x: tensor<?x?x512xf16>, %g: tensor<512xf16>) -> tensor<?x?x512xf16> {
  %c = arith.constant 0.0 : f32
  %eps = arith.constant 1.0e-5 : f32
  %n = arith.constant 512.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %d0 = tensor.dim %x, %c0 : tensor<?x?x512xf16>
  %d1 = tensor.dim %x, %c1 : tensor<?x?x512xf16>
  %e = tensor.empty(%d0, %d1) : tensor<?x?xf32>
  %f = linalg.fill ins(%c : f32) outs(%e : tensor<?x?xf32>) -> tensor<?x?xf32>
  %s = linalg.generic {indexing_maps = [#map, #mapr], iterator_types=["parallel","parallel","reduction"]} ins(%x : tensor<?x?x512xf16>) outs(%f : tensor<?x?xf32>) {
  ^bb0(%a: f16, %o: f32):
    %w = arith.extf %a : f16 to f32
    %m = arith.mulf %w, %w : f32
    %r = arith.addf %o, %m : f32
    linalg.yield %r : f32
  } -> tensor<?x?xf32>
  %e2 = tensor.empty(%d0, %d1) : tensor<?x?x512xf16>
  %y = linalg.generic {indexing_maps = [#map, #mapr, affine_map<(b,i,d)->(d)>, #map], iterator_types=["parallel","parallel","parallel"]} ins(%x, %s, %g : tensor<?x?x512xf16>, tensor<?x?xf32>, tensor<512xf16>) outs(%e2 : tensor<?x?x512xf16>) {
  ^bb0(%a: f16, %q: f32, %gg: f16, %o: f16):
    %w = arith.extf %a : f16 to f32
    %mean = arith.divf %q, %n : f32
    %me = arith.addf %mean, %eps : f32
    %r = math.rsqrt %me : f32
    %m = arith.mulf %w, %r : f32
    %t = arith.truncf %m : f32 to f16
    %z = arith.mulf %t, %gg : f16
    linalg.yield %z : f16
  } -> tensor<?x?x512xf16>
  return %y : tensor<?x?x512xf16>
}
}

// CHECK-LABEL: cascade conv(
// CHECK-NEXT:    input X0[i,r,s,q], X1[n,p,q,m], X2[m]
// CHECK-NEXT:    T1[i,j,k,m] = X0[i,j*2+n,k*2+p,q] * X1[n,p,q,m]
// CHECK-NEXT:    T0[i,j,k,m] = T1[i,j,k,m] + X2[m]
// CHECK-LABEL: cascade pool(
// CHECK-NEXT:    input X0[i,q,r,m]
// CHECK-NEXT:    T0[i,j,k,m] = max(n, p) X0[i,j*2+n,k*2+p,m]
// CHECK-LABEL: cascade heads(
// CHECK:         T0[i,j]     = X0[i floordiv 8,i mod 8,k] * X1[k,j]
// CHECK-NEXT:    T1[m,n,p,q] = T0[m*8+p,n*16+r] * T0[m*8+q,n*16+r]
// CHECK-NEXT:    T2[s,t,j]   = T0[s*8+t,j]
// CHECK-NEXT:    output T2, T1
// CHECK-LABEL: cascade norm(I, J, K=512) : f16
// CHECK:         T0[i,j] : f32 = X0[i,j,k] * X0[i,j,k]
// CHECK-NEXT:    T1[i,j,k]     = ((X0[i,j,k] * rsqrt(T0[i,j] / 512 + 1e-5)) as f16) * (X1[k] as f16)

// SAME: outputs agree
// MAPPED: latency

// Products of bf16 that are summed in f32 run on arrays of bf16.
// RUN: einsum-opt %S/Inputs/narrow.mlir --einsum-from-linalg | einsum-translate --mlir-to-cascade | FileCheck %s --check-prefix=NARROW
// RUN: einsum-compile %S/Inputs/narrow.mlir --arch h100 --mapping=streamed | FileCheck %s --check-prefix=TENSOR
// NARROW: T0[i,j] = X0[i,k] * X1[k,j] computes_in bf16
// TENSOR: T0 {{ *}}tensor
