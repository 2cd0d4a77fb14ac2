// The printer drops nothing: what the notation has no words for is refused.
// RUN: not einsum-translate --mlir-to-cascade --split-input-file %s 2>&1 | FileCheck %s

// CHECK: refused.mlir:1 offset :7:8: error: the text notation cannot say this: elements of type !einsum.quantized<"int8", 8, f16>
einsum.cascade @quantized(M = 4) : f16 {
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[m], !einsum.quantized<"int8", 8, f16>>
}

// -----

// CHECK: error: the notation has no word for 'math.cbrt'
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

// CHECK: error: the text notation cannot say what cascade 'fast' does
// CHECK: note: read back, this would differ: {{.*}}fastmath
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

// CHECK: error: the text notation cannot say what cascade 'unused' does
// CHECK: note: read back, this would differ: {{.*}}reads X[m] Z[m]
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

// CHECK: error: the text notation cannot say what cascade 'repeated' does
// CHECK: note: as text, it would be refused: 'm' is reduced, but the right side has no such rank
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

// CHECK: error: the text notation cannot say this: attribute 'origin'
einsum.cascade @attribute(M = 4) : f32 {
  einsum.rank @m [M] = M {origin = 1 : i64}
}

// -----

// CHECK: error: the text notation cannot say this: 'my.tensor' is no name in it
einsum.cascade @name(M = 4) : f32 {
  einsum.rank @m [M] = M
  %X = einsum.input "my.tensor" : !einsum.tensor<[m], f32>
}
