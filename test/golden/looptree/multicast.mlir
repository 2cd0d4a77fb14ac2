// A spatial loop over a rank that a tensor does not have multiplies neither its reads (multicast) nor, for a reduced rank, its writes (spatial
// reduction); both are free. m across x, k across y: A is read at every point, B once for all m, Z once for all k.
//
// RUN: einsum-compile %S/Inputs/matmul.ein --arch %S/Inputs/byte.json --mapping=%s --accounting=looptree --json=%t.json > /dev/null
// RUN: %python %S/Inputs/check.py %t.json buffer.read_bytes=270336 buffer.write_bytes=12288 cycles=12288 Z.cycles=64
//
//   buffer reads   A 64^3, B 64 * 64, Z drained 4096, and never read back: every sum is complete in one run
//   buffer writes  A 4096 + B 4096 + Z 4096
//   time           64 runs, but 12288 bytes at 1 B per cycle of DRAM
schedule.mapping @spatial of @matmul on "byte" {
  schedule.storage "DRAM" ["A", "B", "Z"] {
    schedule.storage "buffer" ["A", "B", "Z"] {
      schedule.temporal "n" tile 1 {
        schedule.spatial "m" tile 1 across "x" {
          schedule.spatial "k" tile 1 across "y" {
            schedule.compute "Z" on "pe"
          }
        }
      }
    }
  }
}
