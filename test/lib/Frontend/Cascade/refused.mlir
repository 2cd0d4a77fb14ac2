// The printer drops nothing: what the notation has no words for is refused.
// RUN: not einsum-translate --mlir-to-cascade --split-input-file %s 2>&1 | FileCheck %s

// CHECK: refused.mlir:1 offset :7:8: error: the text notation cannot say this: it has no element type 'f8E5M2FNUZ'
einsum.cascade @quantized(M = 4) : f16 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f8E5M2FNUZ>
}

// -----

// CHECK: error: the text notation cannot say this: it has no operator for 'math.cbrt'
einsum.cascade @operator(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    %0 = math.cbrt %x : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  einsum.output %Y : !einsum.tensor<[m], f32>
}

// -----

// CHECK: :9:10: error: the text notation cannot say this: it has no attributes of 'arith.addf'
einsum.cascade @fast(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m]) {
  ^bb0(%x: f32):
    %0 = arith.addf %x, %x fastmath<fast> : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  einsum.output %Y : !einsum.tensor<[m], f32>
}

// -----

// CHECK: error: the text notation cannot say this: its set of tensors read would read otherwise
einsum.cascade @unused(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], f32>
  %Z = einsum.input "Z" : !einsum.tensor<[m], f32>
  %Y = einsum.compute "Y" over [m] : [m] = (%X[m], %Z[m]) {
  ^bb0(%x: f32, %z: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[m], f32>, !einsum.tensor<[m], f32>) -> !einsum.tensor<[m], f32>
  einsum.output %Y : !einsum.tensor<[m], f32>
}

// -----

// CHECK: error: the text notation cannot say this: 'm' is reduced, but the right side has no such rank
einsum.cascade @repeated(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[], f32>
  %Y = einsum.compute "Y" over [m] : [] = (%X[]) reduce [m by max] {
  ^bb0(%x: f32):
    einsum.yield %x : f32
  } : (!einsum.tensor<[], f32>) -> !einsum.tensor<[], f32>
  einsum.output %Y : !einsum.tensor<[], f32>
}

// -----

// CHECK: warning: attribute 'origin' has no notation and is left out
einsum.cascade @attribute(M = 4) : f32 {
  einsum.rank @m [M] = M {origin = 1 : i64}
}

// -----

// CHECK: error: the text notation cannot say this: character '.' has no meaning here
einsum.cascade @name(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "my.tensor" : !einsum.tensor<[m], f32>
}
