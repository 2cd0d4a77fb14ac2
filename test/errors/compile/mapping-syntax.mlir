// RUN: %exits 1 einsum-compile %src/test/lib/Export/Inputs/scores.mlir --arch %src/test/lib/Export/Inputs/tiny.json --mapping=%s 2>&1 | FileCheck %s
schedule.mapping @a of @scores on "tiny" {
  schedule.temporal "m" tiles 1 {}
}
// CHECK: mapping-syntax.mlir:3:25: error: {{.*}}expected 'tile'
