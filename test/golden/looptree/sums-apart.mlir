// Units that share no adder each write their sum. The first one of each is written without a read, so that of 16 steps of 4 units, 15 read. By
// default sums of one unit stay there, and all writes but the very first add to what is there.
//
// RUN: einsum-compile %S/Inputs/matmul.ein --arch %S/Inputs/apart.json --mapping=%s --accounting=looptree --json=%t.json > /dev/null
// RUN: %python %S/Inputs/check.py %t.json buffer.read_bytes=774144 buffer.write_bytes=270336
// RUN: einsum-compile %S/Inputs/matmul.ein --arch %S/Inputs/apart.json --mapping=%s --json=%t.json > /dev/null
// RUN: %python %S/Inputs/check.py %t.json buffer.read_bytes=540672 buffer.write_bytes=24576
//
//   buffer reads   A, B 2 * 64^3 + Z 4096 * 15 * 4, or 4096 * (4 - 1), + 4096 drained
//   buffer writes  A 4096 + B 4096 + Z 4096 * 64, or 4096 * 4
schedule.mapping @apart of @matmul on "apart" {
  schedule.storage "DRAM" ["A", "B", "Z"] {
    schedule.storage "buffer" ["A", "B", "Z"] {
      schedule.temporal "m" tile 1 {
        schedule.temporal "n" tile 1 {
          schedule.temporal "k" tile 4 {
            schedule.spatial "k" tile 1 across "y" {
              schedule.compute "Z" on "pe"
            }
          }
        }
      }
    }
  }
}
