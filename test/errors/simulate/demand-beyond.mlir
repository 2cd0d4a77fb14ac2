// Readers iterate over h, so that production does not follow them along it.
//
// RUN: %exits 1 einsum-run %S/Inputs/demand.ein --schedule=%s --arch=%S/Inputs/spec.json 2>&1 | FileCheck %s
// CHECK: demand-beyond.mlir:[[# @LINE + 12]]:13: error: 'T1' reads 'T0' beyond the part of 'h' that a loop above has left of it
// CHECK: demand-beyond.mlir:[[# @LINE + 4]]:5: note: take this loop below the node
// CHECK: demand-beyond.mlir:[[# @LINE + 4]]:7: note: the node is here
schedule.mapping @m of @demand on "spec" {
  schedule.storage "DRAM" ["I1", "T1"] {
    schedule.temporal "h" tile 1 {
      schedule.storage "buffer" ["T0"] halo "recomputed" {
        schedule.sequence {
          schedule.temporal "d" tile 1 {
            schedule.compute "T0" on "pe"
          }
          schedule.temporal "d" tile 1 {
            schedule.compute "T1" on "pe"
          }
        }
      }
    }
  }
}
