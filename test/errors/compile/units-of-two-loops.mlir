// RUN: %exits 1 einsum-compile %src/test/lib/Export/Inputs/scores.mlir --arch %src/test/lib/Export/Inputs/tiny.json --mapping=%s 2>&1 | FileCheck %s
schedule.mapping @m of @scores on "tiny" {
  schedule.storage "DRAM" ["Q", "K", "QK"] {
    schedule.temporal "p" tile 1 {
      schedule.temporal "e" tile 4 {
        schedule.spatial "m" tile 2 across "col" {
          schedule.spatial "e" tile 1 across "col" {
            schedule.temporal "m" tile 1 {
              schedule.compute "QK" on "pe"
            }
          }
        }
      }
    }
  }
}
// CHECK: units-of-two-loops.mlir:6:9: error: needs 8 units along 'col' of array 'pe', which has 4
// CHECK: units-of-two-loops.mlir:9:15: note: for Einsum 'QK' here
// CHECK: units-of-two-loops.mlir:7:11: note: each of its 2 steps takes 4 units for the loop over 'e' here
