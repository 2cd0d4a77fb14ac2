func.func @mm(%x: tensor<512x1024xbf16>, %w: tensor<1024x2048xbf16>) -> tensor<512x2048xf32> {
  %c = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<512x2048xf32>
  %f = linalg.fill ins(%c : f32) outs(%e : tensor<512x2048xf32>) -> tensor<512x2048xf32>
  %y = linalg.matmul ins(%x, %w : tensor<512x1024xbf16>, tensor<1024x2048xbf16>) outs(%f : tensor<512x2048xf32>) -> tensor<512x2048xf32>
  return %y : tensor<512x2048xf32>
}
