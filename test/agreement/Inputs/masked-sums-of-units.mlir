schedule.mapping @m of @c on "spec" {
  schedule.storage "DRAM" ["I1", "T0"] {
    schedule.spatial "c" tile 1 across "y" {
      schedule.temporal "b" tile 1 {
        schedule.storage "L2" ["T0"] {
          schedule.compute "T0" on "grid"
        }
      }
    }
  }
}
