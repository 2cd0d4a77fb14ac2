schedule.mapping @m of @c on "spec" {
  schedule.storage "DRAM" ["T1"] {
    schedule.temporal "b" tile 2 {
      schedule.storage "L2" ["I1"] {
        schedule.temporal "a" tile 3 {
          schedule.storage "L2" ["T0"] halo "recomputed" {
            schedule.sequence {
              schedule.spatial "h" tile 1 across "x" {
                schedule.compute "T0" on "row"
              }
              schedule.temporal "a" tile 1 {
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
}
