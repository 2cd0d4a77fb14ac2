// Two Einsums: every row is summed, then divided by its sum.
einsum.cascade @shares(P = 2, M = 4) : f16 {
  einsum.rank @p [P] = P
  einsum.rank @m [M] = M
  %X = einsum.input "X" : !einsum.tensor<[p, m], f16>
  %S = einsum.compute "S" over [p, m] : [p] = (%X[p, m]) reduce [m by add] {
  ^bb0(%x: f16):
    einsum.yield %x : f16
  } : (!einsum.tensor<[p, m], f16>) -> !einsum.tensor<[p], f16>
  %A = einsum.compute "A" over [p, m] : [p, m] = (%X[p, m], %S[p]) {
  ^bb0(%x: f16, %s: f16):
    %0 = arith.divf %x, %s : f16
    einsum.yield %0 : f16
  } : (!einsum.tensor<[p, m], f16>, !einsum.tensor<[p], f16>) -> !einsum.tensor<[p, m], f16>
  einsum.output %A : !einsum.tensor<[p, m], f16>
}
