// RUN: %exits 1 einsum-compile %src/test/lib/Export/Inputs/scores.mlir --arch %src/test/lib/Export/Inputs/tiny.json --mapping=%s 2>&1 | FileCheck %s
schedule.mapping @m of @scores on "tiny" {
  schedule.storage "DRAM" ["Q", "K", "QK"] {
    schedule.storage "buffr" ["Q"] {
      schedule.temporal "m" tile 1 {
        schedule.temporal "p" tile 1 {
          schedule.temporal "e" tile 4 {
            schedule.spatial "e" tile 1 across "col" {
              schedule.compute "QK" on "pe"
            }
          }
        }
      }
    }
  }
}
// CHECK: unknown-level.mlir:4:5: error: architecture 'tiny' has no level 'buffr'; it has DRAM, buffer
