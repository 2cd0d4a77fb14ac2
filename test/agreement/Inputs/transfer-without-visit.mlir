schedule.mapping @m of @c on "spec" {
  schedule.storage "DRAM" ["I0", "I1", "T0", "T3"] {
    schedule.storage "L2" ["I0"] {
      schedule.sequence {
        schedule.sequence {
          schedule.transfer ["I0"] on "dma0"
          schedule.compute "T0" on "row"
        }
        schedule.compute "T3" on "grid"
      }
    }
  }
}
