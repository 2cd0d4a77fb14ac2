schedule.mapping @m of @c on "spec" {
  schedule.storage "DRAM" ["I", "Z"] {
    schedule.temporal "a" tile 1 {
      schedule.storage "L2" ["T"] halo "recomputed" {
        schedule.sequence {
          schedule.spatial "w" tile 1 across "x" {
            schedule.compute "T" on "pe"
          }
          schedule.spatial "r" tile 1 across "x" {
            schedule.compute "Z" on "pe"
          }
        }
      }
    }
  }
}
