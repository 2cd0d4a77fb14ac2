// RUN: %exits 1 einsum-compile %src/test/lib/Export/Inputs/scores.mlir --arch %src/test/lib/Export/Inputs/tiny.json --mapping=%s 2>&1 | FileCheck %s
schedule.mapping @a of @scores on "tiny" {}
schedule.mapping @b of @scores on "tiny" {}
// CHECK: two-mappings.mlir:3:1: error: the file holds more than one schedule.mapping
