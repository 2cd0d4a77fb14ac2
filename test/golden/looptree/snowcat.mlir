// A matrix product of 4096^3 with room for everything: each tensor once, 402 653 184 bits.
//
// RUN: einsum-compile %S/Inputs/matmul.ein --bind M=4096,N=4096,K=4096 --arch %S/Inputs/byte.json --mapping=%s --accounting=looptree --json=%t.json > /dev/null
// RUN: %python -c "import json; d = json.load(open('%t.json'))['levels'][0]; assert 8 * (d['read_bytes'] + d['write_bytes']) == 402653184, d"
schedule.mapping @once of @matmul on "byte" {
  schedule.storage "DRAM" ["A", "B", "Z"] {
    schedule.storage "buffer" ["A", "B", "Z"] {
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
