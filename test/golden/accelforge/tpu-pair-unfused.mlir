// Two products of 64^3, 8 bit, on the TPU v4i: the published optimum by energy-delay product without fusion. The intermediate goes through main memory, whose bandwidth then sets the pace.
//
// RUN: einsum-compile %S/Inputs/matmuls.ein --arch %arch-specs/accelforge-tpu-v4i.json --set bits=8 --mapping=%s --accounting=looptree --json=%t.json > /dev/null
// RUN: %python %S/Inputs/check.py %t.json energy_j~2.14473e-6 latency_s~40.0261e-9
schedule.mapping @pair of @matmuls on "accelforge-tpu-v4i" {
  schedule.storage "MainMemory" ["T0", "W0", "T1", "W1", "T2"] {
    schedule.sequence {
      schedule.storage "GlobalBuffer" ["W0"] {
        schedule.spatial "m" tile 16 across "Z" {
          schedule.storage "LocalBuffer" ["T0", "T1"] {
            schedule.spatial "n1" tile 1 across "reuse_input" {
              schedule.spatial "n0" tile 1 across "reuse_output" {
                schedule.storage "Register" ["W0"] {
                  schedule.temporal "m" tile 1 {
                    schedule.compute "T1" on "MAC"
                  }
                }
              }
            }
          }
        }
      }
      schedule.storage "GlobalBuffer" ["W1"] {
        schedule.spatial "m" tile 16 across "Z" {
          schedule.storage "LocalBuffer" ["T1", "T2"] {
            schedule.spatial "n2" tile 1 across "reuse_input" {
              schedule.spatial "n1" tile 1 across "reuse_output" {
                schedule.storage "Register" ["W1"] {
                  schedule.temporal "m" tile 1 {
                    schedule.compute "T2" on "MAC"
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}
