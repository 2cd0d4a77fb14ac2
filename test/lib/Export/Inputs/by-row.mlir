schedule.mapping @by_row of @shares on "tiny" {
  schedule.storage "DRAM" ["X", "A"] {
    schedule.temporal "p" tile 1 {
      schedule.storage "buffer" ["X", "S"] {
        schedule.sequence {
          schedule.temporal "m" tile 1 {
            schedule.compute "S" on "vector"
          }
          schedule.temporal "m" tile 1 {
            schedule.compute "A" on "vector"
          }
        }
      }
    }
  }
}
