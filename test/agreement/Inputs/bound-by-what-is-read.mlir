schedule.mapping @m of @c on "spec" {
  schedule.storage "DRAM" ["I0", "T1"] {
    schedule.temporal "a" tile 1 {
      schedule.storage "L2" ["T0"] halo "recomputed" {
        schedule.sequence {
          schedule.temporal "h" tile 1 {
            schedule.compute "T0" on "row"
          }
          schedule.compute "T1" on "unit"
        }
      }
    }
  }
}
