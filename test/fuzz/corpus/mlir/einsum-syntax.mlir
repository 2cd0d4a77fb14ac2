// Every form that the dialect prints is read back as the same form.

einsum.cascade @empty() : f32 {
}

einsum.cascade @attributes(M = 4) : f32 attributes {note = "kept"} {
  einsum.rank @m [M] = M {note = 1 : i64}
}

einsum.cascade @blocked(P = 8, M = 10, E = 4, W) : f16 {
  einsum.rank @p [P] = P
  einsum.rank @e [E] = E
  einsum.rank @m [M] = M
  einsum.rank @m1 [M] = M ceildiv 4
  einsum.rank @m0 = 4
  einsum.rank @both [P, M] = P * 2 + M - 1
  einsum.split @m into [m1, m0]
  %Q = einsum.input "Q" : !einsum.tensor<[p, e], f16>
  %K = einsum.input "K" : !einsum.tensor<[m, e], !einsum.quantized<"mxfp4", 4, f16, [e : 32], f8E5M2>>
  %s = einsum.input "s" : !einsum.tensor<[], !einsum.quantized<"int\\8", 8, f16>>

  // A filter prints without negative terms, each comparison on its own.
  %QK = einsum.compute "QK" over [m1, m0, p, e][W] : [m1, m0, p] = (%Q[p, e], %K[m1 * 4 + m0, e], %s[])
      reduce [e by add] where [m1 * 4 + m0 <= p, p < m1 * 4 + m0 + W, p mod 4 == m0] {
  ^bb0(%q: f16, %k: f16, %scale: f16):
    %0 = arith.mulf %q, %k : f16
    %1 = arith.mulf %0, %scale : f16
    einsum.yield %1 : f16
  } : (!einsum.tensor<[p, e], f16>, !einsum.tensor<[m, e], !einsum.quantized<"mxfp4", 4, f16, [e : 32], f8E5M2>>, !einsum.tensor<[], !einsum.quantized<"int\\8", 8, f16>>) -> !einsum.tensor<[m1, m0, p], f16>

  %LM = einsum.compute "LM" over [m1, p, m0] : [m1, p] = (%QK[m1, m0, p]) reduce [m0 by max] {
  ^bb0(%q: f16):
    einsum.yield %q : f16
  } : (!einsum.tensor<[m1, m0, p], f16>) -> !einsum.tensor<[m1, p], f16>

  %RM = einsum.compute "RM" over [m1, p] : [m1, p] = (%RM[m1 - 1, p], %LM[m1, p]) init [0xFC00 : f16] {
  ^bb0(%a: f16, %b: f16):
    %0 = arith.maximumf %a, %b : f16
    einsum.yield %0 : f16
  } : (!einsum.tensor<[m1, p], f16>, !einsum.tensor<[m1, p], f16>) -> !einsum.tensor<[m1, p], f16>

  einsum.output %QK, %RM : !einsum.tensor<[m1, m0, p], f16>, !einsum.tensor<[m1, p], f16>
}

einsum.cascade @operators(M = 6, E = 3) : f32 {
  einsum.rank @m [M] = M
  einsum.rank @e [E] = E
  einsum.monoid @logadd identity [0xFF800000 : f32] {
  ^bb0(%a: f32, %b: f32):
    %0 = math.exp %a : f32
    %1 = math.exp %b : f32
    %2 = arith.addf %0, %1 : f32
    %3 = math.log %2 : f32
    einsum.yield %3 : f32
  }
  einsum.monoid @larger idempotent identity [0xFF800000 : f32, 0 : i32] {
  ^bb0(%a: f32, %i: i32, %b: f32, %j: i32):
    %0 = arith.cmpf oge, %a, %b : f32
    %1 = arith.select %0, %a, %b : f32
    %2 = arith.select %0, %i, %j : i32
    einsum.yield %1, %2 : f32, i32
  }
  einsum.function @silu {
  ^bb0(%x: f32):
    %0 = einsum.sigmoid %x : f32
    %1 = arith.mulf %x, %0 : f32
    einsum.yield %1 : f32
  }
  %A = einsum.input "A" : !einsum.tensor<[m, e], f32>

  // Several results, unnamed ones among them; several reductions.
  %top:2 = einsum.compute "", "top" over [m, e] : [e] = (%A[m, e]) reduce [m by argmax] {
  ^bb0(%a: f32):
    %m = einsum.index "m" : i32
    einsum.yield %a, %m : f32, i32
  } : (!einsum.tensor<[m, e], f32>) -> (!einsum.tensor<[e], f32>, !einsum.tensor<[e], i32>)

  %Z = einsum.compute "Z" over [m, e][M] : [] = (%A[M - m - 1, e floordiv 2]) reduce [m by logadd, e by max] {
  ^bb0(%a: f32):
    %E = einsum.param "E" : f32
    %0 = arith.divf %a, %E : f32
    %1 = einsum.apply @silu(%0) : (f32) -> f32
    einsum.yield %1 : f32
  } : (!einsum.tensor<[m, e], f32>) -> !einsum.tensor<[], f32>

  // No input: a tensor made of indices. An attribute on an Einsum stays.
  %I = einsum.compute "I" over [m] : [m] = () {
    %m = einsum.index "m" : index
    einsum.yield %m : index
  } {note = "kept"} : () -> !einsum.tensor<[m], index>
  einsum.output %top#1, %Z, %I : !einsum.tensor<[e], i32>, !einsum.tensor<[], f32>, !einsum.tensor<[m], index>
}

// Ranks may have the names of types and of MLIR's keywords.
einsum.cascade @names(i1 = 4, index = 3, f32 = 2) : f32 {
  einsum.rank @i0 [i1] = i1
  einsum.rank @loc [index] = index * 2
  einsum.rank @bf16 [f32] = f32
  %Q = einsum.input "Q" : !einsum.tensor<[i0, loc, bf16], f32>
  %S = einsum.compute "S" over [i0, loc, bf16][i1] : [i0] = (%Q[i0, loc - 1, bf16])
      reduce [loc by add, bf16 by add] where [loc <= bf16 + i1] {
  ^bb0(%a: f32):
    einsum.yield %a : f32
  } : (!einsum.tensor<[i0, loc, bf16], f32>) -> !einsum.tensor<[i0], f32>
}

// The order of ops carries no meaning: readers may come first.
einsum.cascade @graph(M = 4) : f32 {
  einsum.output %Y : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  einsum.rank @m [M] = M
}
