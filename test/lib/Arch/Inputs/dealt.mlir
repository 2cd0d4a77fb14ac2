einsum.cascade @outer(M = 4, N = 4) : f32 {
  einsum.rank @m [M] = M
  einsum.rank @n [N] = N
  %A = einsum.input "A" : !einsum.tensor<[m], f32>
  %B = einsum.input "B" : !einsum.tensor<[n], f32>
  %Z = einsum.compute "Z" over [m, n] : [m, n] = (%A[m], %B[n]) {
  ^bb0(%a: f32, %b: f32):
    %p = arith.mulf %a, %b : f32
    einsum.yield %p : f32
  } : (!einsum.tensor<[m], f32>, !einsum.tensor<[n], f32>) -> !einsum.tensor<[m, n], f32>
  einsum.output %Z : !einsum.tensor<[m, n], f32>
}
schedule.mapping @dealt of @outer on "instances" {
  schedule.storage "DRAM" ["A", "B", "Z"] {
    schedule.spatial "m" tile 1 across "Z" {
      schedule.storage "L1" ["B"] {
        schedule.temporal "n" tile 1 {
          schedule.compute "Z" on "pe"
        }
      }
    }
  }
}
