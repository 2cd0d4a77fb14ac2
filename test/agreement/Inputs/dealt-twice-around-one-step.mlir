schedule.mapping @m of @c on "spec" {
  schedule.storage "DRAM" ["I1", "T0"] {
    schedule.spatial "c" tile 2 across "x" {
      schedule.temporal "c" tile 3 {
        schedule.spatial "c" tile 1 across "y" {
          schedule.compute "T0" on "grid"
        }
      }
    }
  }
}
