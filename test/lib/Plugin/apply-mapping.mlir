// A mapping by name as a compiler pass: the schedule of every cascade below it, and what it costs.
// RUN: einsum-opt %s --einsum-apply-mapping="mapping=streamed arch=eyeriss" 2>&1 | FileCheck %s
// RUN: not einsum-opt %s --einsum-apply-mapping="mapping=stream arch=eyeriss" 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not einsum-opt %s --einsum-apply-mapping="arch=eyeriss" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not einsum-opt %s --einsum-apply-mapping="mapping=streamed" 2>&1 | FileCheck %s --check-prefix=ARCH
// RUN: not einsum-opt %s --einsum-apply-mapping="mapping=streamed arch=eyeris" 2>&1 | FileCheck %s --check-prefix=SPEC
// RUN: not einsum-opt %s --einsum-apply-mapping="mapping=fusemax arch=fusemax-cloud" 2>&1 | FileCheck %s --check-prefix=REFUSED

// CHECK: apply-mapping.mlir:[[#@LINE+3]]:1: remark: mapping 'streamed' takes {{[0-9.]+}} {{[num]?}}s and {{[0-9.]+}} {{[num]?}}J on 'eyeriss', bound by
// CHECK: einsum.cascade @gemm
// CHECK: schedule.mapping @streamed of @gemm on "eyeriss"
einsum.cascade @gemm(M = 4, N = 4, K = 8) : i16 {
  einsum.rank @m [M] = M
  einsum.rank @n [N] = N
  einsum.rank @k [K] = K
  %A = einsum.input "A" : !einsum.tensor<[m, k], i16>
  %B = einsum.input "B" : !einsum.tensor<[k, n], i16>
  %Z = einsum.compute "Z" over [m, n, k] : [m, n] = (%A[m, k], %B[k, n]) reduce [k by add] {
  ^bb0(%a: i16, %b: i16):
    %0 = arith.muli %a, %b : i16
    einsum.yield %0 : i16
  } : (!einsum.tensor<[m, k], i16>, !einsum.tensor<[k, n], i16>) -> !einsum.tensor<[m, n], i16>
  einsum.output %Z : !einsum.tensor<[m, n], i16>
}
// NAME: error: --einsum-apply-mapping: option 'mapping' names no mapping: 'stream'; there are flat, {{.*}}, streamed, unfused; did you mean 'streamed'?
// NONE: error: --einsum-apply-mapping: option 'mapping' is not given; there are flat,
// ARCH: error: --einsum-apply-mapping: option 'arch' is not given
// SPEC: eyeris: error: there is no file and no installed architecture of this name; there are a100, {{.*}}; did you mean 'eyeriss'?
// REFUSED: error: no mapping of 'gemm' onto 'fusemax-cloud': none of its Einsums does what
