schedule.mapping @m of @chain on "small" {
  schedule.storage "DRAM" ["A", "X", "Y", "Z"] {
    schedule.temporal "m" tile 1 {
      schedule.pipeline lags [0, 1, 2] {
        schedule.compute "X" on "pe"
        schedule.compute "Y" on "pe"
        schedule.compute "Z" on "pe"
      }
    }
  }
}
