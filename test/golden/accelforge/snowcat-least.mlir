// One product of 4096^3, 8 bit: with room for everything each tensor moves once, the least traffic there is.
//
// RUN: einsum-compile %S/Inputs/matmul.ein --arch %arch-specs/accelforge-snowcat.json --mapping=%s --accounting=looptree --json=%t.json > /dev/null
// RUN: %python %S/Inputs/check.py %t.json energy_j=402653184
schedule.mapping @once of @matmul on "accelforge-snowcat" {
  schedule.storage "MainMemory" ["A", "B", "Z"] {
    schedule.storage "GlobalBuffer" ["A", "B", "Z"] {
      schedule.temporal "m" tile 1 {
        schedule.temporal "n" tile 1 {
          schedule.temporal "k" tile 1 {
            schedule.compute "Z" on "MAC"
          }
        }
      }
    }
  }
}
