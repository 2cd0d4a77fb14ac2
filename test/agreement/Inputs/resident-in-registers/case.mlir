schedule.mapping @m of @c on "spec" {
  schedule.storage "DRAM" ["I", "T"] {
    schedule.storage "rf_grid" ["T"] resident 2 {
      schedule.temporal "b" tile 1 {
        schedule.temporal "a" tile 1 {
          schedule.compute "T" on "grid"
        }
      }
    }
  }
}
