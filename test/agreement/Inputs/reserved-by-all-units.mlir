schedule.mapping @m of @c on "spec" {
  schedule.storage "DRAM" ["I1", "T1"] {
    schedule.storage "L1" ["T0"] halo "recomputed" {
      schedule.sequence {
        schedule.spatial "h" tile 1 across "x" {
          schedule.storage "L2" ["T0"] {
            schedule.compute "T0" on "row"
          }
        }
        schedule.temporal "d" tile 1 {
          schedule.compute "T1" on "grid"
        }
      }
    }
  }
}
