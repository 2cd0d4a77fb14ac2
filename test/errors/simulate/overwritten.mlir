// Y is computed in place of X, which is read once more.
//
// RUN: %exits 1 einsum-run %S/Inputs/chain.ein --schedule=%s --arch=%S/Inputs/spec.json 2>&1 | FileCheck %s
// CHECK: overwritten.mlir:[[# @LINE + 14]]:11: error: Einsum 'Z' reads 'X[0]' at m = 0, which is not there
// CHECK: overwritten.mlir:[[# @LINE + 4]]:5: note: it is held here

schedule.mapping @m of @chain on "small" {
  schedule.storage "DRAM" ["A", "Z"] {
    schedule.storage "buffer" ["X", "Y"] shared {
      schedule.sequence {
        schedule.temporal "m" tile 1 {
          schedule.compute "X" on "pe"
        }
        schedule.temporal "m" tile 1 {
          schedule.compute "Y" on "pe"
        }
        schedule.temporal "m" tile 1 {
          schedule.compute "Z" on "pe"
        }
      }
    }
  }
}
