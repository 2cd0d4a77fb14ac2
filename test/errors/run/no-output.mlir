// RUN: %exits 1 einsum-run %s 2>&1 | FileCheck %s
einsum.cascade @c(M = 2) : f32 {
}
// CHECK: no-output.mlir:2:1: error: cascade 'c' has no output
