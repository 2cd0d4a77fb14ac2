// The block without patches: all of the expanded image is in SRAM before the
// filter starts. Channels of one pixel are filtered and brought back together, so
// that nothing but the two images, and one pixel of the filtered one, is held.
schedule.mapping @unpatched of @first_block on "sram" {
  schedule.storage "flash" ["I", "W1", "S1", "W2", "S2", "W3", "S3", "AE", "E", "AD", "D", "AO", "O"] {
    schedule.storage "SRAM" ["I", "E", "O"] {
      schedule.sequence {
        schedule.temporal "k" tile 1 {
          schedule.temporal "y" tile 1 {
            schedule.temporal "x" tile 1 {
              schedule.storage "registers" ["AE"] {
                schedule.sequence {
                  schedule.temporal "c" tile 1 {
                    schedule.compute "AE" on "core"
                  }
                  schedule.compute "E" on "core"
                }
              }
            }
          }
        }
        schedule.temporal "p" tile 1 {
          schedule.temporal "q" tile 1 {
            schedule.storage "SRAM" ["D"] {
              schedule.sequence {
                schedule.temporal "k" tile 1 {
                  schedule.storage "registers" ["AD"] {
                    schedule.sequence {
                      schedule.temporal "r" tile 1 {
                        schedule.temporal "s" tile 1 {
                          schedule.compute "AD" on "core"
                        }
                      }
                      schedule.compute "D" on "core"
                    }
                  }
                }
                schedule.temporal "j" tile 1 {
                  schedule.storage "registers" ["AO"] {
                    schedule.sequence {
                      schedule.temporal "k" tile 1 {
                        schedule.compute "AO" on "core"
                      }
                      schedule.compute "O" on "core"
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}
