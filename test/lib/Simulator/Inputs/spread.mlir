schedule.mapping @m of @matvec on "small" {
  schedule.storage "DRAM" ["A", "B", "Z"] {
    schedule.temporal "k" tile 1 {
      schedule.spatial "m" tile 1 across "col" {
        schedule.compute "Z" on "pe"
      }
    }
  }
}
