module {
  einsum.cascade @attention(P = 8, M = 12, E = 4, F = 2) : f16 {
    einsum.rank @p [P] = P
    einsum.rank @m [M] = M
    einsum.rank @e [E] = E
    einsum.rank @f [F] = F
    %Q = einsum.input "Q" : !einsum.tensor<[p, e], f16>
    %K = einsum.input "K" : !einsum.tensor<[m, e], f16>
    %V = einsum.input "V" : !einsum.tensor<[m, f], f16>
    %QK = einsum.compute "QK" over [m, p, e] : [m, p] = (%Q[p, e], %K[m, e]) reduce [e by add] where [m <= p] {
    ^bb0(%arg0: f16, %arg1: f16):
      %0 = arith.mulf %arg0, %arg1 : f16
      einsum.yield %0 : f16
    } : (!einsum.tensor<[p, e], f16>, !einsum.tensor<[m, e], f16>) -> !einsum.tensor<[m, p], f16>
    %GM = einsum.compute "GM" over [p, m] : [p] = (%QK[m, p]) reduce [m by max] {
    ^bb0(%arg0: f16):
      einsum.yield %arg0 : f16
    } : (!einsum.tensor<[m, p], f16>) -> !einsum.tensor<[p], f16>
    %SN = einsum.compute "SN" over [m, p] : [m, p] = (%QK[m, p], %GM[p]) {
    ^bb0(%arg0: f16, %arg1: f16):
      %0 = arith.subf %arg0, %arg1 : f16
      %1 = math.exp %0 : f16
      einsum.yield %1 : f16
    } : (!einsum.tensor<[m, p], f16>, !einsum.tensor<[p], f16>) -> !einsum.tensor<[m, p], f16>
    %SD = einsum.compute "SD" over [p, m] : [p] = (%SN[m, p]) reduce [m by add] {
    ^bb0(%arg0: f16):
      einsum.yield %arg0 : f16
    } : (!einsum.tensor<[m, p], f16>) -> !einsum.tensor<[p], f16>
    %A = einsum.compute "A" over [m, p] : [m, p] = (%SN[m, p], %SD[p]) {
    ^bb0(%arg0: f16, %arg1: f16):
      %0 = arith.divf %arg0, %arg1 : f16
      einsum.yield %0 : f16
    } : (!einsum.tensor<[m, p], f16>, !einsum.tensor<[p], f16>) -> !einsum.tensor<[m, p], f16>
    %AV = einsum.compute "AV" over [p, f, m] : [p, f] = (%A[m, p], %V[m, f]) reduce [m by add] {
    ^bb0(%arg0: f16, %arg1: f16):
      %0 = arith.mulf %arg0, %arg1 : f16
      einsum.yield %0 : f16
    } : (!einsum.tensor<[m, p], f16>, !einsum.tensor<[m, f], f16>) -> !einsum.tensor<[p, f], f16>
    einsum.output %AV : !einsum.tensor<[p, f], f16>
  }
  schedule.mapping @mapped of @attention on "fusemax-cloud" {
    schedule.storage "DRAM" ["Q", "K", "V", "AV"] {
      schedule.temporal "p" tile 2 {
        schedule.storage "buffer" ["QK", "GM", "SN", "SD", "A"] {
          schedule.pipeline lags [0, 1, 1, 1, 2, 3] {
            schedule.storage "side1d" ["QK"] {
              schedule.temporal "e" tile 2 {
                schedule.spatial "e" tile 1 across "col" {
                  schedule.storage "rf1d" ["Q"] {
                    schedule.temporal "m" tile 2 {
                      schedule.storage "rf1d" ["K"] {
                        schedule.temporal "m" tile 1 {
                          schedule.temporal "p" tile 1 {
                            schedule.compute "QK" on "array1d"
                          }
                        }
                      }
                    }
                  }
                }
              }
            }
            schedule.temporal "m" tile 2 {
              schedule.spatial "p" tile 1 across "col" {
                schedule.spatial "m" tile 1 across "row" {
                  schedule.compute "GM" on "array2d"
                }
              }
            }
            schedule.temporal "m" tile 2 {
              schedule.spatial "m" tile 1 across "col" {
                schedule.spatial "p" tile 1 across "row" {
                  schedule.compute "SN" on "array2d"
                }
              }
            }
            schedule.temporal "m" tile 2 {
              schedule.spatial "p" tile 1 across "col" {
                schedule.spatial "m" tile 1 across "row" {
                  schedule.compute "SD" on "array2d"
                }
              }
            }
            schedule.temporal "m" tile 1 {
              schedule.spatial "p" tile 1 across "col" {
                schedule.compute "A" on "array1d"
              }
            }
            schedule.temporal "m" tile 2 {
              schedule.spatial "p" tile 1 across "col" {
                schedule.spatial "f" tile 1 across "row" {
                  schedule.storage "rf2d" ["V"] {
                    schedule.temporal "m" tile 1 {
                      schedule.compute "AV" on "array2d"
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}
