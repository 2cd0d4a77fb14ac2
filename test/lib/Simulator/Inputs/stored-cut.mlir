schedule.mapping @m of @stored on "small" {
  schedule.storage "DRAM" ["A", "B", "Z"] {
    schedule.temporal "m" tile 1 {
      schedule.temporal "e" tile 2 {
        schedule.storage "buffer" ["C"] {
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
}
