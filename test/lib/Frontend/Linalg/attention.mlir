// A head of attention as an ML compiler has it: scores against transposed keys, linalg.softmax, a product. It is the cascade of three passes
// over the keys that papers write, and passes are reduced as ever.
// RUN: einsum-opt %s --einsum-from-linalg | einsum-translate --mlir-to-cascade | FileCheck %s
// RUN: einsum-compile %s --analyze-only | FileCheck %s --check-prefix=PASSES
// RUN: einsum-compile %s --analyze-only --rewrite=auto | FileCheck %s --check-prefix=ONE
// RUN: einsum-run %s --against %S/Inputs/attention.ein --extent I=5,J=7,K=3 | FileCheck %s --check-prefix=SAME
func.func @attention(%q: tensor<64x32xf32> {einsum.name = "Q"}, %k: tensor<256x32xf32> {einsum.name = "K"},
                     %v: tensor<256x32xf32> {einsum.name = "V", einsum.weight}) -> tensor<64x32xf32> {
  %zero = arith.constant 0.0 : f32
  %e0 = tensor.empty() : tensor<32x256xf32>
  %kt = linalg.transpose ins(%k : tensor<256x32xf32>) outs(%e0 : tensor<32x256xf32>) permutation = [1, 0]
  %e1 = tensor.empty() : tensor<64x256xf32>
  %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<64x256xf32>) -> tensor<64x256xf32>
  %qk = linalg.matmul {einsum.name = "QK"} ins(%q, %kt : tensor<64x32xf32>, tensor<32x256xf32>) outs(%f1 : tensor<64x256xf32>) -> tensor<64x256xf32>
  %a = linalg.softmax dimension(1) ins(%qk : tensor<64x256xf32>) outs(%e1 : tensor<64x256xf32>) -> tensor<64x256xf32>
  %e2 = tensor.empty() : tensor<64x32xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<64x32xf32>) -> tensor<64x32xf32>
  %av = linalg.matmul {einsum.name = "AV"} ins(%a, %v : tensor<64x256xf32>, tensor<256x32xf32>) outs(%f2 : tensor<64x32xf32>) -> tensor<64x32xf32>
  return %av : tensor<64x32xf32>
}
// CHECK:      cascade attention(I=64, J=256, K=32, M=32) : f32
// CHECK-NEXT:   input Q[i,k], K[j,k]
// CHECK-NEXT:   weight V[j,m]
// CHECK-NEXT:   QK[i,j] = Q[i,k] * K[j,k]
// CHECK-NEXT:   T1[i]   = max(j) QK[i,j]
// CHECK-NEXT:   T0[i]   = max(T1[i], -3.4028235e38)
// CHECK-NEXT:   T2[i,j] = exp(QK[i,j] - T0[i])
// CHECK-NEXT:   T3[i]   = T2[i,j]
// CHECK-NEXT:   T4[i,j] = T2[i,j] / T3[i]
// CHECK-NEXT:   AV[i,m] = T4[i,j] * V[j,m]
// CHECK-NEXT:   output AV
// PASSES: passes {{.*}}3-pass over j
// ONE: passes {{.*}}1-pass over every rank
// SAME: outputs agree
