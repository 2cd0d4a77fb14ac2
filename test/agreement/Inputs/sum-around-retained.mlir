schedule.mapping @m of @c on "spec" {
  schedule.storage "DRAM" ["T1"] {
    schedule.temporal "b" tile 1 {
      schedule.storage "L2" ["T1"] {
        schedule.storage "L2" ["I0", "T0"] halo "retained" {
          schedule.sequence {
            schedule.temporal "h" tile 1 {
              schedule.compute "T0" on "unit"
            }
            schedule.compute "T1" on "unit"
          }
        }
      }
    }
  }
}
