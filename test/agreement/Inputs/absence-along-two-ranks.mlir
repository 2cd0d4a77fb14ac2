schedule.mapping @m of @c on "spec" {
  schedule.storage "DRAM" ["I0", "T2", "T3"] {
    schedule.storage "L2" ["T1", "T0"] {
      schedule.sequence {
        schedule.temporal "b" tile 1 {
          schedule.compute "T0" on "unit"
        }
        schedule.sequence {
          schedule.temporal "b" tile 1 {
            schedule.compute "T1" on "unit"
          }
          schedule.temporal "b" tile 1 {
            schedule.compute "T2" on "unit"
          }
        }
        schedule.temporal "b" tile 1 {
          schedule.compute "T3" on "grid"
        }
      }
    }
  }
}
