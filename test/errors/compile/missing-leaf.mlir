// RUN: %exits 1 einsum-compile %src/test/lib/Export/Inputs/shares.mlir --arch %src/test/lib/Export/Inputs/tiny.json --mapping=%s 2>&1 | FileCheck %s
schedule.mapping @half of @shares on "tiny" {
  schedule.storage "DRAM" ["X", "S", "A"] {
    schedule.temporal "p" tile 1 {
      schedule.temporal "m" tile 1 {
        schedule.compute "S" on "vector"
      }
    }
  }
}
// CHECK: missing-leaf.mlir:2:1: error: mapping 'half' has no compute leaf for 'A': every Einsum of the cascade has one
