// All of B is held at L1: 8 KiB.
schedule.mapping @held of @gemm on "small" {
  schedule.storage "DRAM" ["A", "B", "Z"] {
    schedule.storage "L1" ["B"] {
      schedule.temporal "m" tile 1 {
        schedule.temporal "n" tile 1 {
          schedule.temporal "k" tile 1 {
            schedule.compute "Z" on "pe"
          }
        }
      }
    }
  }
}
