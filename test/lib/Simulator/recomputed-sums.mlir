// T[1] is made in both steps of p, by two points each: after the first step of k it is incomplete in both, though 1, 2, 3 and 4 points have
// contributed at these times. So each step of p sends two sums to the outer node, and fetches them back; the complete ones stay.
//
// RUN: einsum-run %S/Inputs/recomputed.ein --schedule=%s --arch=%S/Inputs/spec.json | FileCheck %s
// CHECK: outputs agree
// CHECK: buffer {{ *}}T {{.*}} 4 {{ *}}4{{$}}
// CHECK: the cost model counts the same
//
// Below a spatial loop there is one leaf, so that no unit makes what another makes.
// RUN: sed 's/temporal "p"/spatial "p"/; s/"p" tile 1 {/"p" tile 1 across "col" {/' %s > %t.mlir
// RUN: %exits 1 einsum-run %S/Inputs/recomputed.ein --schedule=%t.mlir --arch=%S/Inputs/spec.json 2>&1 | FileCheck %s --check-prefix=UNITS
// UNITS: error: 'schedule.sequence' is below a spatial loop

schedule.mapping @m of @recomputed on "small" {
  schedule.storage "DRAM" ["I", "Z"] {
    schedule.temporal "p" tile 1 {
      schedule.storage "DRAM" ["T"] halo "recomputed" {
        schedule.temporal "k" tile 1 {
          schedule.storage "buffer" ["T"] {
            schedule.sequence {
              schedule.temporal "h" tile 1 {
                schedule.compute "T" on "pe"
              }
              schedule.temporal "r" tile 1 {
                schedule.compute "Z" on "pe"
              }
            }
          }
        }
      }
    }
  }
}
