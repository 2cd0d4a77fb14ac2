// Unfused, with room for everything on chip: each Einsum fetches its operands once and writes its result once. The published minimum of DRAM
// traffic for this layer is 3 724 541 952 bits.
//
// RUN: einsum-compile %S/Inputs/gpt3-6.7b.ein --arch %S/Inputs/byte.json --mapping=%s --accounting=looptree --json=%t.json > /dev/null
// RUN: %python -c "import json; d = json.load(open('%t.json'))['levels'][0]; assert 8 * (d['read_bytes'] + d['write_bytes']) == 3724541952, d"
//
// Einsums run in turn, so their times add up: the bytes of each at one per cycle, or its points where they are more.
// RUN: %python -c "import json; r = json.load(open('%t.json')); assert r['cycles'] == sum(e['bound_cycles'] for e in r['einsums']), r['cycles']"
schedule.mapping @unfused of @layer on "byte" {
  schedule.storage "DRAM" ["AV", "C", "FA", "FB", "I", "K", "Q", "QK", "S", "V", "WA", "WB", "WK", "WQ", "WV", "WZ", "Z"] {
    schedule.sequence {
      schedule.storage "buffer" ["I", "WQ", "Q"] {
        schedule.temporal "n" tile 1 {
          schedule.temporal "h" tile 1 {
            schedule.temporal "e" tile 1 {
              schedule.temporal "d" tile 1 {
                schedule.compute "Q" on "pe"
              }
            }
          }
        }
      }
      schedule.storage "buffer" ["C", "WK", "K"] {
        schedule.temporal "m" tile 1 {
          schedule.temporal "h" tile 1 {
            schedule.temporal "e" tile 1 {
              schedule.temporal "d" tile 1 {
                schedule.compute "K" on "pe"
              }
            }
          }
        }
      }
      schedule.storage "buffer" ["C", "WV", "V"] {
        schedule.temporal "m" tile 1 {
          schedule.temporal "h" tile 1 {
            schedule.temporal "e" tile 1 {
              schedule.temporal "d" tile 1 {
                schedule.compute "V" on "pe"
              }
            }
          }
        }
      }
      schedule.storage "buffer" ["Q", "K", "QK"] {
        schedule.temporal "h" tile 1 {
          schedule.temporal "n" tile 1 {
            schedule.temporal "m" tile 1 {
              schedule.temporal "e" tile 1 {
                schedule.compute "QK" on "pe"
              }
            }
          }
        }
      }
      schedule.storage "buffer" ["QK", "S"] {
        schedule.temporal "h" tile 1 {
          schedule.temporal "n" tile 1 {
            schedule.temporal "m" tile 1 {
              schedule.compute "S" on "alu"
            }
          }
        }
      }
      schedule.storage "buffer" ["S", "V", "AV"] {
        schedule.temporal "n" tile 1 {
          schedule.temporal "h" tile 1 {
            schedule.temporal "e" tile 1 {
              schedule.temporal "m" tile 1 {
                schedule.compute "AV" on "pe"
              }
            }
          }
        }
      }
      schedule.storage "buffer" ["AV", "WZ", "Z"] {
        schedule.temporal "n" tile 1 {
          schedule.temporal "h" tile 1 {
            schedule.temporal "e" tile 1 {
              schedule.temporal "d" tile 1 {
                schedule.compute "Z" on "pe"
              }
            }
          }
        }
      }
      schedule.storage "buffer" ["Z", "WA", "FA"] {
        schedule.temporal "n" tile 1 {
          schedule.temporal "f" tile 1 {
            schedule.temporal "d" tile 1 {
              schedule.compute "FA" on "pe"
            }
          }
        }
      }
      schedule.storage "buffer" ["FA", "WB", "FB"] {
        schedule.temporal "n" tile 1 {
          schedule.temporal "f" tile 1 {
            schedule.temporal "d" tile 1 {
              schedule.compute "FB" on "pe"
            }
          }
        }
      }
    }
  }
}
