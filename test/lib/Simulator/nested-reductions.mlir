// A group of an inner reduction without points counts as the identity in the reduction around it, though no run meets it: Z is 0, not a
// maximum of negative sums. Two units share the sums over n of Y.
//
// RUN: sed 's/"add"/"sub": {"energy": "1 pJ"}, "min": {"energy": "1 pJ"}, "add"/' %S/Inputs/spec.json > %t.json
// RUN: einsum-run %S/Inputs/nested.ein --schedule=%s --arch=%t.json --data=positive | FileCheck %s
// CHECK: Z[p=3]
// CHECK-NEXT: max abs error 0
// CHECK: Y[p=3]
// CHECK-NEXT: max abs error 0
// CHECK: V[p=3]
// CHECK-NEXT: max abs error 0
// CHECK: the cost model counts the same

schedule.mapping @m of @nested on "small" {
  schedule.storage "DRAM" ["X", "Z", "Y", "V"] {
    schedule.sequence {
      schedule.temporal "m" tile 1 {
        schedule.storage "buffer" ["Z"] {
          schedule.temporal "p" tile 1 {
            schedule.temporal "n" tile 1 {
              schedule.compute "Z" on "pe"
            }
          }
        }
      }
      schedule.temporal "p" tile 1 {
        schedule.storage "buffer" ["Y"] {
          schedule.temporal "m" tile 1 {
            schedule.temporal "l" tile 1 {
              schedule.spatial "n" tile 2 across "col" {
                schedule.temporal "n" tile 1 {
                  schedule.compute "Y" on "pe"
                }
              }
            }
          }
        }
      }
      schedule.temporal "p" tile 1 {
        schedule.temporal "m" tile 1 {
          schedule.temporal "n" tile 1 {
            schedule.compute "V" on "pe"
          }
        }
      }
    }
  }
}
