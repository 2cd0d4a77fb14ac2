schedule.mapping @m of @c on "spec" {
  schedule.storage "DRAM" ["I0", "T0"] {
    schedule.spatial "b" tile 1 across "x" {
      schedule.storage "L2" ["T0"] {
        schedule.temporal "a" tile 1 {
          schedule.storage "L2" ["T0"] {
            schedule.compute "T0" on "row"
          }
        }
      }
    }
  }
}
