// The pass maps what it is given, without rewrites.
// RUN: einsum-opt %s "--einsum-map=arch=%S/Inputs/mini.json objective=traffic bypass=A@buffer" 2> %t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.err
// RUN: einsum-opt %s "--einsum-map=arch=%S/Inputs/mini.json objective=pareto:energy,capacity" 2> %t.err | FileCheck %s --check-prefix=PARETO
// RUN: einsum-opt %s "--einsum-map=arch=%S/Inputs/mini.json space=no-fusion,perfect-tiles time-limit=60 threads=1 array=Z=pe order=Z fix-tile=m@buffer=2 keep=B@buffer,Z@buffer" -o /dev/null
// RUN: %exits 1 einsum-opt %s --einsum-map 2>&1 | FileCheck %s --check-prefix=NOARCH
// RUN: %exits 1 einsum-opt %s "--einsum-map=arch=%S/Inputs/mini.json objective=speed" 2>&1 | FileCheck %s --check-prefix=OBJECTIVE
// RUN: %exits 1 einsum-opt %s "--einsum-map=arch=%S/Inputs/mini.json keep=Q@buffer" 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: %exits 1 einsum-opt %s "--einsum-map=arch=%S/Inputs/mini.json time-limit=-1" 2>&1 | FileCheck %s --check-prefix=TIME
// RUN: %exits 1 einsum-opt %s "--einsum-map=arch=%S/Inputs/mini.json keep=A@buffer bypass=A@buffer" 2>&1 | FileCheck %s --check-prefix=WHY
einsum.cascade @gemm(M = 4, N = 3, K = 4) : f16 {
  einsum.rank @m [M] = M
  einsum.rank @n [N] = N
  einsum.rank @k [K] = K
  %A = einsum.input "A" : !einsum.tensor<[m, k], f16>
  %B = einsum.input "B" : !einsum.tensor<[k, n], f16>
  %Z = einsum.compute "Z" over [m, n, k] : [m, n] = (%A[m, k], %B[k, n]) reduce [k by add] {
  ^bb0(%a: f16, %b: f16):
    %0 = arith.mulf %a, %b : f16
    einsum.yield %0 : f16
  } : (!einsum.tensor<[m, k], f16>, !einsum.tensor<[k, n], f16>) -> !einsum.tensor<[m, n], f16>
  einsum.output %Z : !einsum.tensor<[m, n], f16>
}
// CHECK:     schedule.mapping @{{.*}} of @gemm on "mini"
// CHECK-NOT: schedule.storage "buffer" [{{.*}}"A"
// REMARK:    pass.mlir:[[#@LINE-15]]:1: remark: optimal: traffic:DRAM {{.*}} B, none is better (search complete)
// PARETO:    schedule.mapping @[[MAPPED:[a-z]+]] of @gemm
// PARETO:    schedule.mapping @[[MAPPED]]_2 of @gemm
// NOARCH:    error: --einsum-map: option 'arch' is not given; a mapping needs an architecture, a JSON file
// OBJECTIVE: pass.mlir:[[#@LINE-19]]:1: error: --einsum-map: option 'objective' takes latency, energy, {{.*}}, found 'speed'
// NAME:      error: --einsum-map: option 'keep' cascade 'gemm' has no tensor 'Q'; there are A, B, Z
// TIME:      error: --einsum-map: option 'time-limit' takes a number of seconds
// WHY:       pass.mlir:[[#@LINE-22]]:1: error: no mapping of 'gemm' onto 'mini' meets these 2 premises
// WHY:       --keep=A@buffer: note: 'buffer' must keep 'A'; leaving this out would do
