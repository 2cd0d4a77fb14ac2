// T1 is asked for at h = 1 only, which must not keep T0 from its h = 0.
//
// RUN: %exits 1 einsum-run %S/Inputs/cut.ein --schedule=%s --arch=%S/Inputs/spec.json 2>&1 | FileCheck %s
// CHECK: demand-cuts.mlir:[[# @LINE + 8]]:15: error: 'T0' iterates over 'h', of which the node with a halo above leaves what is read of 'T1'; take it out of that node, or leave out the halo
schedule.mapping @m of @cut on "spec" {
  schedule.storage "DRAM" ["I1", "T2"] {
    schedule.storage "buffer" ["T1"] halo "recomputed" {
      schedule.storage "buffer" ["T0"] {
        schedule.sequence {
          schedule.temporal "h" tile 1 {
            schedule.temporal "b" tile 1 {
              schedule.compute "T0" on "pe"
            }
          }
          schedule.temporal "b" tile 1 {
            schedule.temporal "h" tile 1 {
              schedule.compute "T1" on "pe"
            }
          }
          schedule.temporal "b" tile 1 {
            schedule.compute "T2" on "pe"
          }
        }
      }
    }
  }
}
