schedule.mapping @m of @c on "spec" {
  schedule.storage "DRAM" ["I1", "T1", "T2"] {
    schedule.temporal "a" tile 1 {
      schedule.storage "L2" ["T0"] halo "retained" {
        schedule.storage "L2" ["T0"] {
          schedule.sequence {
            schedule.sequence {
              schedule.temporal "h" tile 1 {
                schedule.compute "T0" on "row"
              }
              schedule.compute "T1" on "unit"
            }
            schedule.temporal "h" tile 1 {
              schedule.compute "T2" on "row"
            }
          }
        }
      }
    }
  }
}
