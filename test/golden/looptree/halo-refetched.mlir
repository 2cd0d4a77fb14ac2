// Fused convolutions, halos T retained, I refetched: a later tile computes 10 elements of T, which read 12 of I.
//
// RUN: einsum-compile %S/Inputs/windows.ein --arch %S/Inputs/byte.json --mapping=%s --accounting=looptree --json=%t.json > /dev/null
// RUN: %python %S/Inputs/check.py %t.json T.points=186 Z.points=180 DRAM.read_bytes=200 DRAM.write_bytes=180 buffer.peak_bytes=32
//
// DRAM reads I 74, W1 and W2 6, and Z back for all but the first of 3 contributions 120; every contribution is written.
schedule.mapping @fused of @windows on "byte" {
  schedule.storage "DRAM" ["I", "W1", "W2", "Z"] {
    schedule.storage "buffer" ["W1", "W2"] {
      schedule.temporal "p" tile 10 {
        schedule.storage "buffer" ["I"] halo "refetched" {
          schedule.storage "buffer" ["T"] halo "retained" {
            schedule.sequence {
              schedule.temporal "q" tile 1 {
                schedule.temporal "s" tile 1 {
                  schedule.compute "T" on "pe"
                }
              }
              schedule.temporal "p" tile 1 {
                schedule.temporal "r" tile 1 {
                  schedule.compute "Z" on "pe"
                }
              }
            }
          }
        }
      }
    }
  }
}
