// RUN: %exits 1 einsum-compile %src/test/lib/Export/Inputs/scores.mlir --arch %src/test/lib/Export/Inputs/tiny.json --mapping=%s 2>&1 | FileCheck %s
schedule.mapping @ragged of @scores on "tiny" {
  schedule.storage "DRAM" ["Q", "K", "QK"] {
    schedule.temporal "m" tile 3 {
      schedule.temporal "m" tile 1 {
        schedule.temporal "p" tile 1 {
          schedule.temporal "e" tile 1 {
            schedule.compute "QK" on "pe"
          }
        }
      }
    }
  }
}
// CHECK: tile-does-not-divide.mlir:4:5: error: tile 3 of 'm' does not divide the 4 points that reach this loop
