// RUN: sed 's/"arrays"/"engines": [{"name": "dma"}], "arrays"/' %S/Inputs/spec.json > %t.json
// RUN: %exits 1 einsum-run %S/Inputs/chain.ein --schedule=%s --arch=%t.json 2>&1 | FileCheck %s
// CHECK: transfer.mlir:[[# @LINE + 6]]:9: error: unsupported: the simulator does not execute transfers on an engine

schedule.mapping @m of @chain on "small" {
  schedule.storage "DRAM" ["A", "X", "Y", "Z"] {
    schedule.storage "buffer" ["A"] {
      schedule.sequence {
        schedule.transfer ["A"] on "dma"
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
