// Every form that the dialect prints is read back as the same form.
// RUN: einsum-opt %s | einsum-opt | FileCheck %s
// RUN: einsum-opt %s --mlir-print-op-generic | einsum-opt | FileCheck %s

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

// CHECK-LABEL: schedule.mapping @in_turn of @two on "toy" attributes {note = "kept"} {
schedule.mapping @in_turn of @two on "toy" attributes {note = "kept"} {
  // CHECK-NEXT: schedule.storage "DRAM" ["X", "Y", "Z"] {
  schedule.storage "DRAM" ["X", "Y", "Z"] {
    // CHECK-NEXT: schedule.temporal "m" tile 2 attributes {note = 1 : i64} {
    schedule.temporal "m" tile 2 attributes {note = 1 : i64} {
      // CHECK-NEXT: schedule.storage "buffer" ["X", "Y"] buffers 2 {
      schedule.storage "buffer" ["X", "Y"] buffers 2 {
        // CHECK-NEXT: schedule.storage "buffer" ["X"] passthrough {
        schedule.storage "buffer" ["X"] passthrough {
          // CHECK-NEXT: schedule.storage "buffer" ["Y"] resident 3 shared {
          schedule.storage "buffer" ["Y"] resident 3 shared {
            // CHECK-NEXT: schedule.sequence {
            schedule.sequence {
              // CHECK-NEXT: schedule.temporal "m" tile 1 {
              schedule.temporal "m" tile 1 {
                // CHECK-NEXT: schedule.spatial "n" tile 1 across "col" {
                schedule.spatial "n" tile 1 across "col" {
                  // CHECK-NEXT: schedule.compute "Y" on "pe" chained
                  schedule.compute "Y" on "pe" chained
                }
              }
              // CHECK: schedule.temporal "m" tile 1 {
              schedule.temporal "m" tile 1 {
                // CHECK-NEXT: schedule.spatial "n" tile 2 across "col" {
                schedule.spatial "n" tile 2 across "col" {
                  // CHECK-NEXT: schedule.temporal "n" tile 1 {
                  schedule.temporal "n" tile 1 {
                    // CHECK-NEXT: schedule.compute "Z" on "pe"
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

// Both ranks along one dimension: m says which half, n which unit of it.
// CHECK-LABEL: schedule.mapping @together of @two on "toy" {
schedule.mapping @together of @two on "toy" {
  schedule.storage "DRAM" ["X", "Y", "Z"] {
    schedule.sequence {
      // CHECK: schedule.spatial "m" tile 1 across "col" {
      schedule.spatial "m" tile 1 across "col" {
        // CHECK-NEXT: schedule.spatial "n" tile 1 across "col" {
        schedule.spatial "n" tile 1 across "col" {
          // CHECK-NEXT: schedule.compute "Y" on "pe"
          schedule.compute "Y" on "pe"
        }
      }
      schedule.temporal "m" tile 1 {
        schedule.temporal "n" tile 1 {
          schedule.compute "Z" on "pe"
        }
      }
    }
  }
}

// CHECK-LABEL: schedule.mapping @overlapped of @two on "toy" {
schedule.mapping @overlapped of @two on "toy" {
  schedule.storage "DRAM" ["X", "Z"] {
    // CHECK: schedule.storage "fifo" ["Y"] stream "m" depth 2 {
    schedule.storage "fifo" ["Y"] stream "m" depth 2 {
      // CHECK-NEXT: schedule.pipeline lags [0, 0] {
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

// CHECK-LABEL: schedule.mapping @shifted of @two on "toy" {
schedule.mapping @shifted of @two on "toy" {
  schedule.storage "DRAM" ["X", "Y", "Z"] {
    schedule.temporal "m" tile 1 {
      // CHECK: schedule.pipeline {
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
