// The output alone at DRAM: 2 064 384 bits read and 2 097 152 bits written, the published numbers.
//
// RUN: einsum-compile %S/Inputs/matmul.ein --arch %S/Inputs/byte.json --mapping=%s --accounting=looptree --json=%t.json > /dev/null
// RUN: %python %S/Inputs/check.py %t.json DRAM.read_bytes=2064384bits DRAM.write_bytes=2097152bits DRAM.read_accesses=258048 DRAM.write_accesses=262144
schedule.mapping @straight of @matmul on "byte" {
  schedule.storage "buffer" ["A", "B"] {
    schedule.storage "DRAM" ["Z"] {
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
