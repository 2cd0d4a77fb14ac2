// A transfer between leaves that touch its tensor brings it too late for one of them.
//
// RUN: sed 's/"arrays"/"engines": [{"name": "dma"}], "arrays"/' %S/Inputs/spec.json > %t.json
// RUN: %exits 1 einsum-run %S/Inputs/chain.ein --schedule=%s --arch=%t.json 2>&1 | FileCheck %s
// CHECK: transfer.mlir:[[# @LINE + 10]]:9: error: moves 'X' neither before all leaves that touch it (a fill) nor after all of them (a drain)
// CHECK: transfer.mlir:[[# @LINE + 11]]:11: note: 'Y' touches it here

schedule.mapping @m of @chain on "small" {
  schedule.storage "DRAM" ["A", "X", "Y", "Z"] {
    schedule.storage "buffer" ["X"] {
      schedule.sequence {
        schedule.temporal "m" tile 1 {
          schedule.compute "X" on "pe"
        }
        schedule.transfer ["X"] on "dma"
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
