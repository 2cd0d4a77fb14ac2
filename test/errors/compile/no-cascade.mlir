// RUN: %exits 1 einsum-compile %s --analyze-only 2>&1 | FileCheck %s
// CHECK: no-cascade.mlir: error: the file holds no cascade
