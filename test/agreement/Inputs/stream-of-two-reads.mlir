schedule.mapping @m of @c on "spec" {
  schedule.storage "DRAM" ["T1"] {
    schedule.temporal "d" tile 3 {
      schedule.temporal "d" tile 1 {
        schedule.storage "L2" ["T0"] stream "d" depth 2 {
          schedule.compute "T1" on "grid"
        }
      }
    }
  }
}
