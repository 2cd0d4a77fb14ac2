// Two ranks along one dimension: K is read for all p at once, the sums over e
// are reduced on the way, and 2 * 2 units are at work.
//
// RUN: einsum-run %src/test/lib/Export/Inputs/scores.mlir --schedule=%s --arch=%src/test/lib/Export/Inputs/tiny.json | FileCheck %s
// RUN: einsum-compile %src/test/lib/Export/Inputs/scores.mlir --arch=%src/test/lib/Export/Inputs/tiny.json --mapping=%s --schedule=%t.json > %t.log
// RUN: einsum-translate --schedule-to-timeloop --arch=%src/test/lib/Export/Inputs/tiny.json %t.json 2> %t.notes | FileCheck %s --check-prefix=TIMELOOP

// CHECK: outputs agree
// 8 * 4 groups of 2 elements: E / 2 steps of e, P of them at once.
// CHECK: DRAM {{ *}}Q {{ *}}128 {{ *}}0 {{ *}}16
// CHECK: DRAM {{ *}}K {{ *}}64 {{ *}}0 {{ *}}16
// CHECK: array pe: 64 mac
// CHECK: the cost model counts the same

// TIMELOOP:      type: spatial
// TIMELOOP-NEXT: factors: [M=1, P=2, E=2]
// TIMELOOP-NEXT: permutation: [M, E, P]
// TIMELOOP-NEXT: split: 3

schedule.mapping @m of @scores on "tiny" {
  schedule.storage "DRAM" ["Q", "K", "QK"] {
    schedule.temporal "m" tile 1 {
      schedule.temporal "e" tile 2 {
        schedule.spatial "p" tile 1 across "col" {
          schedule.spatial "e" tile 1 across "col" {
            schedule.compute "QK" on "pe"
          }
        }
      }
    }
  }
}
