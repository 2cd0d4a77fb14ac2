// A tensor that is gathered from is complete before the first element is read: Z may not share the loop that makes A.
//
// RUN: einsum-run %S/Inputs/gather-made.ein --schedule=%s --arch=%S/Inputs/spec.json | FileCheck %s
// CHECK: buffer {{ *}}A {{ *}}40 {{ *}}40
// CHECK: level buffer: peak 40 B
// CHECK: the cost model counts the same
//
// RUN: sed -e 's/^ *schedule.sequence {/schedule.temporal "r" tile 1 { schedule.sequence {/' -e 's/^        schedule.temporal "r" tile 1 {/schedule.temporal "r" tile 1 {/' %s > %t.shared.mlir
// RUN: echo "}" >> %t.shared.mlir
// RUN: not einsum-run %S/Inputs/gather-made.ein --schedule=%t.shared.mlir --arch=%S/Inputs/spec.json 2>&1 | FileCheck %s --check-prefix=SHARED
// SHARED: error: 'Z'
// SHARED-SAME: reads 'A'

schedule.mapping @s of @made on "small" {
  schedule.storage "DRAM" ["X", "I", "Z"] {
    schedule.storage "buffer" ["A"] {
      schedule.sequence {
        schedule.temporal "r" tile 1 {
          schedule.compute "A" on "pe"
        }
        schedule.temporal "r" tile 1 {
          schedule.compute "Z" on "pe"
        }
      }
    }
  }
}
