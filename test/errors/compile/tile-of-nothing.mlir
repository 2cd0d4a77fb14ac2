// A tile need not divide what is around it, but it is at least 1.
// RUN: %exits 1 einsum-compile %src/test/lib/Export/Inputs/scores.mlir --arch %src/test/lib/Export/Inputs/tiny.json --mapping=%s 2>&1 | FileCheck %s
schedule.mapping @ragged of @scores on "tiny" {
  schedule.storage "DRAM" ["Q", "K", "QK"] {
    schedule.temporal "m" tile 3 {
      schedule.temporal "m" tile 0 {
        schedule.temporal "p" tile 1 {
          schedule.temporal "e" tile 1 {
            schedule.compute "QK" on "pe"
          }
        }
      }
    }
  }
}
// CHECK: tile-of-nothing.mlir:6:7: error: a tile is at least 1, found 0
