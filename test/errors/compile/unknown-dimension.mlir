// RUN: %exits 1 einsum-compile %src/test/lib/Export/Inputs/scores.mlir --arch %src/test/lib/Export/Inputs/tiny.json --mapping=%s 2>&1 | FileCheck %s
schedule.mapping @m of @scores on "tiny" {
  schedule.storage "DRAM" ["Q", "K", "QK"] {
    schedule.storage "buffer" ["Q"] {
      schedule.temporal "m" tile 1 {
        schedule.temporal "p" tile 1 {
          schedule.temporal "e" tile 4 {
            schedule.spatial "e" tile 1 across "column" {
              schedule.compute "QK" on "pe"
            }
          }
        }
      }
    }
  }
}
// CHECK: unknown-dimension.mlir:8:13: error: array 'pe' has no dimension 'column'
