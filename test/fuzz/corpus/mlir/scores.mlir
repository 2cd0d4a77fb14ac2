// QK[m,p] = Q[p,e] * K[m,e], the example of lib/Analysis/Traffic.h.
einsum.cascade @scores(M = 4, P = 2, E = 8) : f16 {
  einsum.rank @m [M] = M
  einsum.rank @p [P] = P
  einsum.rank @e [E] = E
  %Q = einsum.input "Q" : !einsum.tensor<[p, e], f16>
  %K = einsum.input "K" : !einsum.tensor<[m, e], f16>
  %QK = einsum.compute "QK" over [m, p, e] : [m, p] = (%Q[p, e], %K[m, e]) reduce [e by add] {
  ^bb0(%q: f16, %k: f16):
    %0 = arith.mulf %q, %k : f16
    einsum.yield %0 : f16
  } : (!einsum.tensor<[p, e], f16>, !einsum.tensor<[m, e], f16>) -> !einsum.tensor<[m, p], f16>
  einsum.output %QK : !einsum.tensor<[m, p], f16>
}
