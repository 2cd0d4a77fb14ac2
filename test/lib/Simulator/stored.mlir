// Tensors in number formats, executed and counted.
//
// A is 32 elements of 4 bits with 8 exponents of 8 bits: 24 bytes. C is 32 bytes
// and 8 scales of 4 bytes: 64. A row of both is in the buffer at a time, 6 + 16.
//
// RUN: einsum-run %S/Inputs/stored.ein --schedule=%s --arch=%S/Inputs/stored.json --format=declared | FileCheck %s
//
// CHECK: Z[m=4]
// CHECK: max abs error 0
// CHECK: outputs agree
// CHECK: against f64:
// CHECK: A {{ *}}bfp(mantissa=4) block(4) e {{ *}}6
// CHECK: C {{ *}}int8(scale=f32) group(4) e {{ *}}16
// CHECK: DRAM {{ *}}A {{ *}}24 {{ *}}0
// CHECK: buffer {{ *}}C {{ *}}64 {{ *}}64
// Each element of A is decoded, each of C encoded and decoded.
// CHECK: array pe: 96 convert, 32 mac, 32 mul
// CHECK: level buffer: peak 22 B
// CHECK: the cost model counts the same
//
// RUN: not einsum-run %S/Inputs/stored.ein --schedule=%S/Inputs/stored-cut.mlir --arch=%S/Inputs/stored.json --format=declared 2>&1 | FileCheck %s --check-prefix=CUT
// CUT: stored-cut.mlir:11:15: error: Einsum 'Z' reads 'C[0, 0]' at m = 0, e = 0, which shares a scale with 'C[0, 2]', which is not made yet: finish a block before it is read, as with a tile that holds whole blocks
// In f64 nothing is encoded, and the schedule is fine.
// RUN: einsum-run %S/Inputs/stored.ein --schedule=%S/Inputs/stored-cut.mlir --arch=%S/Inputs/stored.json

schedule.mapping @m of @stored on "small" {
  schedule.storage "DRAM" ["A", "B", "Z"] {
    schedule.temporal "m" tile 1 {
      schedule.storage "buffer" ["A", "C"] {
        schedule.sequence {
          schedule.temporal "e" tile 1 {
            schedule.compute "C" on "pe"
          }
          schedule.temporal "e" tile 1 {
            schedule.compute "Z" on "pe"
          }
        }
      }
    }
  }
}
