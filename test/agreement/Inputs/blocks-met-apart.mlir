schedule.mapping @m of @c on "spec" {
  schedule.storage "L1" ["I0", "T0"] {
    schedule.temporal "a" tile 1 {
      schedule.temporal "h" tile 1 {
        schedule.temporal "b" tile 1 {
          schedule.storage "L2" ["I0"] {
            schedule.compute "T0" on "unit"
          }
        }
      }
    }
  }
}
