// RUN: einsum-opt %s --einsum-from-linalg --split-input-file --verify-diagnostics
// expected-error@+1 {{argument 1 is no ranked tensor; a cascade reads tensors}}
func.func @a(%x: tensor<4xf32>, %s: f32) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
// -----
func.func @b(%x: tensor<4xf32>) -> tensor<6xf32> {
  // expected-error@+1 {{pads with a value that is no constant}}
  %p = tensor.pad %x low[1] high[1] {
  ^bb0(%i: index):
    %n = arith.index_cast %i : index to i32
    %c = arith.sitofp %n : i32 to f32
    tensor.yield %c : f32
  } : tensor<4xf32> to tensor<6xf32>
  return %p : tensor<6xf32>
}
// -----
func.func @b1(%x: tensor<4xf32>, %n: tensor<?xf32>) -> tensor<?xf32> {
  %c = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %d = tensor.dim %n, %c0 : tensor<?xf32>
  // expected-error@+1 {{pads by a width that is not known}}
  %p = tensor.pad %x low[%d] high[1] {
  ^bb0(%i: index):
    tensor.yield %c : f32
  } : tensor<4xf32> to tensor<?xf32>
  return %p : tensor<?xf32>
}
// -----
func.func @b2(%x: tensor<?xf32>) -> tensor<?xf32> {
  %c = arith.constant 0.0 : f32
  // expected-error@+1 {{pads a dimension whose extent is not known}}
  %p = tensor.pad %x low[2] high[1] {
  ^bb0(%i: index):
    tensor.yield %c : f32
  } : tensor<?xf32> to tensor<?xf32>
  return %p : tensor<?xf32>
}
// -----
func.func @b3(%x: tensor<4xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %d = tensor.dim %y, %c0 : tensor<?xf32>
  // expected-error@+1 {{writes a part whose place or size is not known}}
  %p = tensor.insert_slice %x into %y[%d] [4] [1] : tensor<4xf32> into tensor<?xf32>
  return %p : tensor<?xf32>
}
// -----
func.func @b4(%y: tensor<8xf32>) -> tensor<8xf32> {
  %e = tensor.empty() : tensor<4xf32>
  // expected-error@+1 {{places a tensor that was never written}}
  %p = tensor.insert_slice %e into %y[2] [4] [1] : tensor<4xf32> into tensor<8xf32>
  return %p : tensor<8xf32>
}
// -----
func.func @b6(%x: tensor<?xf32>, %y: tensor<4xf32>) -> tensor<?xf32> {
  // expected-error@+1 {{joins tensors whose extents are not known}}
  %p = tensor.concat dim(0) %x, %y : (tensor<?xf32>, tensor<4xf32>) -> tensor<?xf32>
  return %p : tensor<?xf32>
}
// -----
func.func @b5(%m: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error@+1 {{is no linalg op, view of a tensor or element-wise op: a cascade cannot hold it}}
  %p = tensor.generate {
  ^bb0(%i: index):
    %c = arith.constant 0.0 : f32
    tensor.yield %c : f32
  } : tensor<8xf32>
  return %p : tensor<8xf32>
}
// -----
func.func @c(%x: tensor<4xf32>) -> tensor<f32> {
  %e = tensor.empty() : tensor<f32>
  // expected-error@+1 {{accumulates by something else than add, mul, max, min, and, or as the last step of its body}}
  %s = linalg.generic {indexing_maps = [affine_map<(i)->(i)>, affine_map<(i)->()>], iterator_types=["reduction"]} ins(%x : tensor<4xf32>) outs(%e : tensor<f32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.subf %o, %a : f32
    linalg.yield %r : f32
  } -> tensor<f32>
  return %s : tensor<f32>
}
// -----
func.func @d(%x: tensor<4xf32>) -> tensor<f32> {
  %e = tensor.empty() : tensor<f32>
  // expected-error@+1 {{accumulates onto a tensor that was never written; start from linalg.fill}}
  %s = linalg.generic {indexing_maps = [affine_map<(i)->(i)>, affine_map<(i)->()>], iterator_types=["reduction"]} ins(%x : tensor<4xf32>) outs(%e : tensor<f32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %o, %a : f32
    linalg.yield %r : f32
  } -> tensor<f32>
  return %s : tensor<f32>
}
// -----
func.func private @g(tensor<4xf32>) -> tensor<4xf32>
func.func @e(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{is no linalg op, view of a tensor or element-wise op}}
  %y = func.call @g(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
// -----
// expected-error@+1 {{argument 0 is no ranked tensor}}
func.func @f(%x: memref<4xf32>, %y: memref<4xf32>) {
  linalg.copy ins(%x : memref<4xf32>) outs(%y : memref<4xf32>)
  return
}
// -----
func.func @two(%x: tensor<4xf32>) -> (tensor<f32>, tensor<f32>) {
  %c = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<f32>
  %f = linalg.fill ins(%c : f32) outs(%e : tensor<f32>) -> tensor<f32>
  // expected-error@+1 {{accumulates several results at once}}
  %s, %t = linalg.generic {indexing_maps = [affine_map<(i)->(i)>, affine_map<(i)->()>, affine_map<(i)->()>], iterator_types=["reduction"]} ins(%x : tensor<4xf32>) outs(%f, %f : tensor<f32>, tensor<f32>) {
  ^bb0(%a: f32, %o: f32, %p: f32):
    %r = arith.addf %o, %a : f32
    %q = arith.mulf %p, %a : f32
    linalg.yield %r, %q : f32, f32
  } -> (tensor<f32>, tensor<f32>)
  return %s, %t : tensor<f32>, tensor<f32>
}
