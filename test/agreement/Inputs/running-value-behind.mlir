schedule.mapping @m of @c on "spec" {
  schedule.storage "DRAM" ["X", "Z"] {
    schedule.storage "L2" ["R"] {
      schedule.temporal "a" tile 1 {
        schedule.pipeline lags [0, 1] {
          schedule.temporal "b" tile 1 {
            schedule.compute "R" on "unit"
          }
          schedule.temporal "b" tile 1 {
            schedule.compute "Z" on "row"
          }
        }
      }
    }
  }
}
