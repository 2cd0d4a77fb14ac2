schedule.mapping @m of @c on "spec" {
  schedule.storage "DRAM" ["T2"] {
    schedule.temporal "a" tile 5 {
      schedule.storage "L2" ["I0", "T0", "T1"] halo "recomputed" {
        schedule.sequence {
          schedule.spatial "h" tile 1 across "x" {
            schedule.storage "L2" ["I0"] halo "retained" {
              schedule.compute "T0" on "grid"
            }
          }
          schedule.temporal "b" tile 1 {
            schedule.temporal "a" tile 1 {
              schedule.compute "T1" on "unit"
            }
          }
          schedule.temporal "a" tile 1 {
            schedule.temporal "b" tile 1 {
              schedule.compute "T2" on "unit"
            }
          }
        }
      }
    }
  }
}
