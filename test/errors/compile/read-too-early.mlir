// A reads the sum S of a row while that row is still being summed.
// RUN: %exits 1 einsum-compile %src/test/lib/Export/Inputs/shares.mlir --arch %src/test/lib/Export/Inputs/tiny.json --mapping=%s 2>&1 | FileCheck %s
schedule.mapping @fused of @shares on "tiny" {
  schedule.storage "DRAM" ["X", "A"] {
    schedule.temporal "p" tile 1 {
      schedule.storage "buffer" ["X", "S"] {
        schedule.temporal "m" tile 1 {
          schedule.sequence {
            schedule.compute "S" on "vector"
            schedule.compute "A" on "vector"
          }
        }
      }
    }
  }
}
// CHECK: read-too-early.mlir:10:13: error: 'A' reads 'S' inside the loop over 'm', but 'S' reduces 'm': its rank pass ends after that loop
