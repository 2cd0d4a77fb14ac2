schedule.mapping @m of @c on "spec" {
  schedule.storage "L2" ["I0", "T0"] {
    schedule.spatial "h" tile 1 across "y" {
      schedule.storage "L2" ["T0", "I1"] {
        schedule.temporal "s0" tile 1 {
          schedule.compute "T0" on "grid"
        }
      }
    }
  }
}
