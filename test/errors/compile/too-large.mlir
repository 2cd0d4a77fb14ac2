// RUN: %exits 2 einsum-compile %src/test/lib/Export/Inputs/scores.mlir --arch %src/test/lib/Export/Inputs/tiny.json --mapping=%s 2>&1 | FileCheck %s
schedule.mapping @all_at_once of @scores on "tiny" {
  schedule.storage "DRAM" ["Q", "K", "QK"] {
    schedule.storage "buffer" ["Q", "K", "QK"] {
      schedule.temporal "m" tile 1 {
        schedule.temporal "p" tile 1 {
          schedule.temporal "e" tile 1 {
            schedule.compute "QK" on "pe"
          }
        }
      }
    }
  }
}
// CHECK: too-large.mlir:4:5: error: level 'buffer' cannot hold the tiles placed there: needs 112 B, has 64 B
// CHECK: note: {{.*}}K{{.*}} takes 64 B
// CHECK: note: {{.*}}Q{{.*}} takes 32 B
