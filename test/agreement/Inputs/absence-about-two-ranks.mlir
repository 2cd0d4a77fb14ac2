schedule.mapping @m of @c on "spec" {
  schedule.storage "L1" ["T1", "T0", "T3", "I0"] {
    schedule.sequence {
      schedule.sequence {
        schedule.compute "T0" on "row"
        schedule.compute "T1" on "row"
      }
      schedule.storage "L1" ["T2"] {
        schedule.sequence {
          schedule.compute "T2" on "grid"
          schedule.compute "T3" on "grid"
        }
      }
    }
  }
}
