schedule.mapping @m of @c on "spec" {
  schedule.storage "L2" ["T0"] {
    schedule.spatial "s1" tile 1 across "x" {
      schedule.storage "L1" ["T0"] {
        schedule.temporal "s0" tile 1 {
          schedule.temporal "a" tile 1 {
            schedule.storage "L1" ["I1"] {
              schedule.spatial "b" tile 1 across "y" {
                schedule.storage "L1" ["T0", "I0"] {
                  schedule.compute "T0" on "grid"
                }
              }
            }
          }
        }
      }
    }
  }
}
