// RUN: %exits 1 einsum-compile %s --analyze-only 2>&1 | FileCheck %s --check-prefix=SEVERAL
// RUN: %exits 1 einsum-compile %s --analyze-only --cascade=d 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: %exits 0 einsum-compile %s --analyze-only --cascade=b | FileCheck %s --check-prefix=CHOSEN
einsum.cascade @a() : f16 {}
einsum.cascade @b() : f16 {}
// SEVERAL: several-cascades.mlir: error: the file holds several cascades: a, b; choose one with --cascade=NAME
// UNKNOWN: several-cascades.mlir: error: the file holds no cascade 'd'; it has a, b
// CHOSEN: cascade b
