// Two products of 64^3 on the unit-cost machine: the published optimum by energy-delay product. Every level costs the same, so nothing is held on
// chip: each point reads two operands and writes a result, and reads the result back but for the first time.
//
// RUN: einsum-compile %S/Inputs/matmuls.ein --arch %arch-specs/accelforge-simple.json --mapping=%s --accounting=looptree --json=%t.json > /dev/null
// RUN: %python %S/Inputs/check.py %t.json energy_j=17235968 latency_s=524288
schedule.mapping @straight of @matmuls on "accelforge-simple" {
  schedule.storage "MainMemory" ["T0", "W0", "T1", "W1", "T2"] {
    schedule.sequence {
      schedule.temporal "m" tile 1 {
        schedule.temporal "n0" tile 1 {
          schedule.temporal "n1" tile 1 {
            schedule.compute "T1" on "MAC"
          }
        }
      }
      schedule.temporal "m" tile 1 {
        schedule.temporal "n1" tile 1 {
          schedule.temporal "n2" tile 1 {
            schedule.compute "T2" on "MAC"
          }
        }
      }
    }
  }
}
