// RUN: %exits 1 einsum-compile %src/test/lib/Export/Inputs/scores.mlir --arch %src/test/lib/Export/Inputs/tiny.json --mapping=%s 2>&1 | FileCheck %s
schedule.mapping @m of @scores on "tiny" {
  schedule.storage "DRAM" ["Q", "K", "QK"] {
    schedule.temporal "m" tile 1 {
      schedule.temporal "p" tile 1 {
        schedule.temporal "e" tile 1 {
          schedule.compute "QK" on "vector"
        }
      }
    }
  }
}
// CHECK: array-without-operator.mlir:7:11: error: array 'vector' has no operator 'mac'
