schedule.mapping @m of @c on "spec" {
  schedule.storage "DRAM" ["I0", "I1", "T0"] {
    schedule.temporal "s0" tile 1 {
      schedule.temporal "a" tile 1 {
        schedule.spatial "s1" tile 1 across "x" {
          schedule.storage "L1" ["I0"] halo "retained" {
            schedule.compute "T0" on "row"
          }
        }
      }
    }
  }
}
