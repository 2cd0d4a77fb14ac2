// Every form that the dialect prints is read back as the same form.
// RUN: einsum-opt %s | einsum-opt | FileCheck %s
// RUN: einsum-opt %s --mlir-print-op-generic | einsum-opt | FileCheck %s

// CHECK-LABEL: einsum.cascade @empty() : f32 {
einsum.cascade @empty() : f32 {
}

// CHECK-LABEL: einsum.cascade @attributes(M = 4) : f32 attributes {note = "kept"} {
einsum.cascade @attributes(M = 4) : f32 attributes {note = "kept"} {
  // CHECK: einsum.rank @m [M] = M {note = 1 : i64}
  einsum.rank @m [M] = M {note = 1 : i64}
}

// CHECK-LABEL: einsum.cascade @blocked(P = 8, M = 10, E = 32, W) : f16 {
einsum.cascade @blocked(P = 8, M = 10, E = 32, W) : f16 {
  // CHECK-NEXT: einsum.rank @p [P] = P
  // CHECK-NEXT: einsum.rank @e [E] = E
  // CHECK-NEXT: einsum.rank @m [M] = M
  // CHECK-NEXT: einsum.rank @m1 [M] = M ceildiv 4
  // CHECK-NEXT: einsum.rank @m0 = 4
  // CHECK-NEXT: einsum.rank @both [P, M] = P * 2 + M - 1
  // CHECK-NEXT: einsum.split @m into [m1, m0]
  einsum.rank @p [P] = P
  einsum.rank @e [E] = E
  einsum.rank @m [M] = M
  einsum.rank @m1 [M] = M ceildiv 4
  einsum.rank @m0 = 4
  einsum.rank @both [P, M] = P * 2 + M - 1
  einsum.split @m into [m1, m0]
  // CHECK-NEXT: %Q = einsum.input "Q" : !einsum.tensor<[p, e], f16>
  // CHECK-NEXT: %K = einsum.input "K" : !einsum.tensor<[m, e], !einsum.quantized<"mxfp4", f16, block [e : 32], "e8m0">>
  // CHECK-NEXT: %s = einsum.input "s" : !einsum.tensor<[], !einsum.quantized<"int8", f16, tensor, "f16">>
  %Q = einsum.input "Q" : !einsum.tensor<[p, e], f16>
  %K = einsum.input "K" : !einsum.tensor<[m, e], !einsum.quantized<"mxfp4", f16, block [e : 32], "e8m0">>
  %s = einsum.input "s" : !einsum.tensor<[], !einsum.quantized<"int8", f16, tensor, "f16">>

  // A filter prints without negative terms, each comparison on its own.
  // CHECK: %QK = einsum.compute "QK" over [m1, m0, p, e][W] : [m1, m0, p] = (%Q[p, e], %K[m1 * 4 + m0, e], %s[])
  // CHECK-SAME: reduce [e by add]
  // CHECK-SAME: where [m1 * 4 + m0 <= p, p < m1 * 4 + m0 + W, p mod 4 == m0]
  %QK = einsum.compute "QK" over [m1, m0, p, e][W] : [m1, m0, p] = (%Q[p, e], %K[m1 * 4 + m0, e], %s[])
      reduce [e by add] where [m1 * 4 + m0 <= p, p < m1 * 4 + m0 + W, p mod 4 == m0] {
  ^bb0(%q: f16, %k: f16, %scale: f16):
    %0 = arith.mulf %q, %k : f16
    %1 = arith.mulf %0, %scale : f16
    einsum.yield %1 : f16
  } : (!einsum.tensor<[p, e], f16>, !einsum.tensor<[m, e], !einsum.quantized<"mxfp4", f16, block [e : 32], "e8m0">>, !einsum.tensor<[], !einsum.quantized<"int8", f16, tensor, "f16">>) -> !einsum.tensor<[m1, m0, p], f16>

  // CHECK: %LM = einsum.compute "LM" over [m1, p, m0] : [m1, p] = (%QK[m1, m0, p]) reduce [m0 by max] {
  %LM = einsum.compute "LM" over [m1, p, m0] : [m1, p] = (%QK[m1, m0, p]) reduce [m0 by max] {
  ^bb0(%q: f16):
    einsum.yield %q : f16
  } : (!einsum.tensor<[m1, m0, p], f16>) -> !einsum.tensor<[m1, p], f16>

  // CHECK: %RM = einsum.compute "RM" over [m1, p] : [m1, p] = (%RM[m1 - 1, p], %LM[m1, p]) init [0xFC00 : f16] {
  %RM = einsum.compute "RM" over [m1, p] : [m1, p] = (%RM[m1 - 1, p], %LM[m1, p]) init [0xFC00 : f16] {
  ^bb0(%a: f16, %b: f16):
    %0 = arith.maximumf %a, %b : f16
    einsum.yield %0 : f16
  } : (!einsum.tensor<[m1, p], f16>, !einsum.tensor<[m1, p], f16>) -> !einsum.tensor<[m1, p], f16>

  // CHECK: einsum.output %QK, %RM : !einsum.tensor<[m1, m0, p], f16>, !einsum.tensor<[m1, p], f16>
  einsum.output %QK, %RM : !einsum.tensor<[m1, m0, p], f16>, !einsum.tensor<[m1, p], f16>
}

// CHECK-LABEL: einsum.cascade @operators
einsum.cascade @operators(M = 6, E = 3) : f32 {
  einsum.rank @m [M] = M
  einsum.rank @e [E] = E
  // CHECK: einsum.monoid @logadd identity [0xFF800000 : f32] {
  einsum.monoid @logadd identity [0xFF800000 : f32] {
  ^bb0(%a: f32, %b: f32):
    %0 = math.exp %a : f32
    %1 = math.exp %b : f32
    %2 = arith.addf %0, %1 : f32
    %3 = math.log %2 : f32
    einsum.yield %3 : f32
  }
  // CHECK: einsum.monoid @larger idempotent identity [0xFF800000 : f32, 0 : i32] {
  einsum.monoid @larger idempotent identity [0xFF800000 : f32, 0 : i32] {
  ^bb0(%a: f32, %i: i32, %b: f32, %j: i32):
    %0 = arith.cmpf oge, %a, %b : f32
    %1 = arith.select %0, %a, %b : f32
    %2 = arith.select %0, %i, %j : i32
    einsum.yield %1, %2 : f32, i32
  }
  // CHECK: einsum.function @silu {
  // CHECK: einsum.sigmoid %{{.*}} : f32
  einsum.function @silu {
  ^bb0(%x: f32):
    %0 = einsum.sigmoid %x : f32
    %1 = arith.mulf %x, %0 : f32
    einsum.yield %1 : f32
  }
  %A = einsum.input "A" : !einsum.tensor<[m, e], f32>

  // Several results, unnamed ones among them; several reductions.
  // CHECK: einsum.compute "", "top" over [m, e] : [e] = (%A[m, e]) reduce [m by argmax] {
  // CHECK: einsum.index "m" : i32
  // CHECK: -> (!einsum.tensor<[e], f32>, !einsum.tensor<[e], i32>)
  %top:2 = einsum.compute "", "top" over [m, e] : [e] = (%A[m, e]) reduce [m by argmax] {
  ^bb0(%a: f32):
    %m = einsum.index "m" : i32
    einsum.yield %a, %m : f32, i32
  } : (!einsum.tensor<[m, e], f32>) -> (!einsum.tensor<[e], f32>, !einsum.tensor<[e], i32>)

  // CHECK: %Z = einsum.compute "Z" over [m, e][M] : [] = (%A[M - m - 1, e floordiv 2]) reduce [m by logadd, e by max] {
  // CHECK: einsum.param "E" : f32
  // CHECK: einsum.apply @silu(%{{.*}}) : (f32) -> f32
  %Z = einsum.compute "Z" over [m, e][M] : [] = (%A[M - m - 1, e floordiv 2]) reduce [m by logadd, e by max] {
  ^bb0(%a: f32):
    %E = einsum.param "E" : f32
    %0 = arith.divf %a, %E : f32
    %1 = einsum.apply @silu(%0) : (f32) -> f32
    einsum.yield %1 : f32
  } : (!einsum.tensor<[m, e], f32>) -> !einsum.tensor<[], f32>

  // No input: a tensor made of indices. An attribute on an Einsum stays.
  // CHECK: %I = einsum.compute "I" over [m] : [m] = () {
  // CHECK: } {note = "kept"} : () -> !einsum.tensor<[m], index>
  %I = einsum.compute "I" over [m] : [m] = () {
    %m = einsum.index "m" : index
    einsum.yield %m : index
  } {note = "kept"} : () -> !einsum.tensor<[m], index>
  einsum.output %top#1, %Z, %I : !einsum.tensor<[e], i32>, !einsum.tensor<[], f32>, !einsum.tensor<[m], index>
}

// Ranks may have the names of types and of MLIR's keywords.
// CHECK-LABEL: einsum.cascade @names(i1 = 4, index = 3, f32 = 2) : f32 {
einsum.cascade @names(i1 = 4, index = 3, f32 = 2) : f32 {
  einsum.rank @i0 [i1] = i1
  einsum.rank @loc [index] = index * 2
  einsum.rank @bf16 [f32] = f32
  %Q = einsum.input "Q" : !einsum.tensor<[i0, loc, bf16], f32>
  // CHECK: over [i0, loc, bf16][i1] : [i0] = (%Q[i0, loc - 1, bf16]) reduce [loc by add, bf16 by add] where [loc <= bf16 + i1]
  %S = einsum.compute "S" over [i0, loc, bf16][i1] : [i0] = (%Q[i0, loc - 1, bf16])
      reduce [loc by add, bf16 by add] where [loc <= bf16 + i1] {
  ^bb0(%a: f32):
    einsum.yield %a : f32
  } : (!einsum.tensor<[i0, loc, bf16], f32>) -> !einsum.tensor<[i0], f32>
}

// The order of ops carries no meaning: readers may come first.
// CHECK-LABEL: einsum.cascade @graph
einsum.cascade @graph(M = 4) : f32 {
  einsum.output %Y : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  einsum.rank @m [M] = M
}

// CHECK-LABEL: einsum.cascade @gathers(K = 3, N = 4, R = 5, S) : f32 {
einsum.cascade @gathers(K = 3, N = 4, R = 5, S) : f32 {
  einsum.rank @k [K] = K
  einsum.rank @n [N] = N
  einsum.rank @r [R] = R
  einsum.rank @g0 = 2
  %A = einsum.input "A" : !einsum.tensor<[r, n], f32>
  %I = einsum.input "I" : !einsum.tensor<[k], i32>
  %J = einsum.input "J" : !einsum.tensor<[k, g0], index>
  // CHECK: %Z = einsum.compute "Z" over [k, n] gather [g0 = 1] : [k, n] = (%A[g0, n], %I[k]) {
  %Z = einsum.compute "Z" over [k, n] gather [row = 1] : [k, n] = (%A[row, n], %I[k]) {
  ^bb0(%a: f32, %i: i32):
    einsum.yield %a : f32
  } : (!einsum.tensor<[r, n], f32>, !einsum.tensor<[k], i32>) -> !einsum.tensor<[k, n], f32>
  // A name that a rank has is not taken.
  // CHECK: %Y = einsum.compute "Y" over [k, g0][S] gather [g0_ = 0, g1 = 1] : [k, g0] = (%I[k], %J[k, g0], %A[k * S + g0_ + g1 * 2, g1])
  %Y = einsum.compute "Y" over [k, g0][S] gather [x = 0, y = 1] : [k, g0] = (%I[k], %J[k, g0], %A[x + 2 * y + k * S, y]) {
  ^bb0(%i: i32, %j: index, %a: f32):
    einsum.yield %a : f32
  } : (!einsum.tensor<[k], i32>, !einsum.tensor<[k, g0], index>, !einsum.tensor<[r, n], f32>) -> !einsum.tensor<[k, g0], f32>
  einsum.output %Z, %Y : !einsum.tensor<[k, n], f32>, !einsum.tensor<[k, g0], f32>
}
