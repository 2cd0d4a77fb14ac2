schedule.mapping @m of @c on "spec" {
  schedule.storage "DRAM" ["I2", "T1", "T2"] {
    schedule.temporal "b" tile 1 {
      schedule.storage "L2" ["T1"] halo "retained" {
        schedule.sequence {
          schedule.temporal "a" tile 1 {
            schedule.temporal "h" tile 1 {
              schedule.compute "T1" on "unit"
            }
          }
          schedule.temporal "a" tile 1 {
            schedule.compute "T2" on "unit"
          }
        }
      }
    }
  }
}
