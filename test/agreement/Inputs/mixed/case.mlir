schedule.mapping @m of @c on "spec" {
  schedule.storage "DRAM" ["I1", "T0"] {
    schedule.spatial "b" tile 2 across "x" {
      schedule.storage "L1" ["T0"] resident 1 {
        schedule.temporal "a" tile 1 {
          schedule.temporal "b" tile 1 {
            schedule.compute "T0" on "row"
          }
        }
      }
    }
  }
}
