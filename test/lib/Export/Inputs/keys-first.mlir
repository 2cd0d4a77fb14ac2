schedule.mapping @keys_first of @scores on "tiny" {
  schedule.storage "DRAM" ["Q", "K", "QK"] {
    schedule.storage "buffer" ["Q"] {
      schedule.temporal "m" tile 1 {
        schedule.storage "buffer" ["K", "QK"] {
          schedule.temporal "p" tile 1 {
            schedule.temporal "e" tile 4 {
              schedule.spatial "e" tile 1 across "col" {
                schedule.compute "QK" on "pe"
              }
            }
          }
        }
      }
    }
  }
}
