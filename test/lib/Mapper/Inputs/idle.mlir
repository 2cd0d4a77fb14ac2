schedule.mapping @idle of @gemm on "busy" {
  schedule.storage "DRAM" ["A", "B", "Z"] {
    schedule.temporal "m" tile 1 {
      schedule.temporal "n" tile 1 {
        schedule.temporal "k" tile 1 {
          schedule.compute "Z" on "pe"
        }
      }
    }
  }
}
