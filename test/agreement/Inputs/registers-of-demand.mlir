schedule.mapping @m of @c on "spec" {
  schedule.storage "DRAM" ["I0", "T1"] {
    schedule.temporal "b" tile 2 {
      schedule.temporal "c" tile 1 {
        schedule.temporal "a" tile 1 {
          schedule.storage "L1" ["T0"] halo "recomputed" {
            schedule.sequence {
              schedule.spatial "h" tile 1 across "x" {
                schedule.compute "T0" on "grid"
              }
              schedule.temporal "b" tile 1 {
                schedule.compute "T1" on "unit"
              }
            }
          }
        }
      }
    }
  }
}
