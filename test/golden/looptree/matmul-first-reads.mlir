// Partial sums that are spilled cost a read and a write at the level above for every revisit but the first. With k outermost in tiles of 16, a
// tile of Z is filled in 3 of its 4 visits and drained in all 4.
//
// RUN: einsum-compile %S/Inputs/matmul.ein --arch %S/Inputs/byte.json --mapping=%s --accounting=looptree --json=%t.json > /dev/null
// RUN: %python %S/Inputs/check.py %t.json DRAM.read_bytes=20480 DRAM.write_bytes=16384 buffer.read_bytes=798720 buffer.write_bytes=282624
//
//   DRAM reads     A 4096 + B 4096 + Z 3 * 4096 = 20480     writes  4 * 4096
//   buffer writes  A, B 8192 + Z 3 * 4096 + 64^3 = 282624
//   buffer reads   2 * 64^3 + (64^3 - 4096) + 4 * 4096 = 798720
schedule.mapping @spill of @matmul on "byte" {
  schedule.storage "DRAM" ["A", "B", "Z"] {
    schedule.temporal "k" tile 16 {
      schedule.storage "buffer" ["A", "B", "Z"] {
        schedule.temporal "m" tile 1 {
          schedule.temporal "n" tile 1 {
            schedule.temporal "k" tile 1 {
              schedule.compute "Z" on "pe"
            }
          }
        }
      }
    }
  }
}
