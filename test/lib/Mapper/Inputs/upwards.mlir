schedule.mapping @upwards of @gemm on "mini" {
  schedule.storage "DRAM" ["A", "B", "Z"] {
    schedule.temporal "n" tile 1 {
      schedule.temporal "m" tile 1 {
        // Against the order k, n, m.
        schedule.temporal "k" tile 1 {
          schedule.compute "Z" on "pe"
        }
      }
    }
  }
}
