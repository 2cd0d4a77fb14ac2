// Every form that the dialect prints is read back as the same form.

einsum.cascade @two(M = 8, N = 4) : f32 {
  einsum.rank @m [M] = M
  einsum.rank @n [N] = N
  %X = einsum.input "X" : !einsum.tensor<[m, n], f32>
  %Y = einsum.compute "Y" over [m, n] : [m, n] = (%X[m, n]) {
  ^bb0(%x: f32):
    %0 = math.exp %x : f32
    einsum.yield %0 : f32
  } : (!einsum.tensor<[m, n], f32>) -> !einsum.tensor<[m, n], f32>
  %Z = einsum.compute "Z" over [m, n] : [m] = (%Y[m, n]) reduce [n by add] {
  ^bb0(%y: f32):
    einsum.yield %y : f32
  } : (!einsum.tensor<[m, n], f32>) -> !einsum.tensor<[m], f32>
  einsum.output %Z : !einsum.tensor<[m], f32>
}

schedule.mapping @in_turn of @two on "toy" attributes {note = "kept"} {
  schedule.storage "DRAM" ["X", "Y", "Z"] {
    schedule.temporal "m" tile 2 attributes {note = 1 : i64} {
      schedule.storage "buffer" ["X", "Y"] buffers 2 {
        schedule.storage "buffer" ["X"] passthrough {
          schedule.storage "buffer" ["Y"] resident 3 shared {
            schedule.sequence {
              schedule.temporal "m" tile 1 {
                schedule.spatial "n" tile 1 across "col" {
                  schedule.compute "Y" on "pe" chained
                }
              }
              schedule.temporal "m" tile 1 {
                schedule.spatial "n" tile 2 across "col" {
                  schedule.temporal "n" tile 1 {
                    schedule.compute "Z" on "pe"
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

schedule.mapping @overlapped of @two on "toy" {
  schedule.storage "DRAM" ["X", "Z"] {
    schedule.storage "fifo" ["Y"] stream "m" depth 2 {
      schedule.pipeline lags [0, 0] {
        schedule.temporal "m" tile 1 {
          schedule.temporal "n" tile 1 {
            schedule.compute "Y" on "pe"
          }
        }
        schedule.temporal "m" tile 1 {
          schedule.temporal "n" tile 1 {
            schedule.compute "Z" on "vector"
          }
        }
      }
    }
  }
}

schedule.mapping @shifted of @two on "toy" {
  schedule.storage "DRAM" ["X", "Y", "Z"] {
    schedule.temporal "m" tile 1 {
      schedule.pipeline {
        schedule.temporal "n" tile 1 {
          schedule.compute "Y" on "pe"
        }
        schedule.temporal "n" tile 1 {
          schedule.compute "Z" on "vector"
        }
      }
    }
  }
}
