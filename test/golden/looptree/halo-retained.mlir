// Fused convolutions, halos retained: the first tile computes 12 elements of T, each later one 10; of I it fetches 14 and then 10 (a sliding window).
//
// RUN: einsum-compile %S/Inputs/windows.ein --arch %S/Inputs/byte.json --mapping=%s --accounting=looptree --json=%t.json > /dev/null
// RUN: %python %S/Inputs/check.py %t.json T.points=186 Z.points=180 DRAM.read_bytes=190 DRAM.write_bytes=180 buffer.peak_bytes=32
//
// DRAM reads I 64, W1 and W2 6, and Z back for all but the first of 3 contributions 120; every contribution is written.
schedule.mapping @fused of @windows on "byte" {
  schedule.storage "DRAM" ["I", "W1", "W2", "Z"] {
    schedule.storage "buffer" ["W1", "W2"] {
      schedule.temporal "p" tile 10 {
        schedule.storage "buffer" ["I"] halo "retained" {
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
