// Transfers that do not hide. A tile of A takes 2 cycles at 8 bytes per cycle, its work 4.
//
// RUN: sed 's/"word": "32 bit",/"word": "32 bit", "accounting": {"overlap": "buffered"},/' %S/Inputs/spec.json > %t.json
// One buffer: 4 * (2 + 4).
// RUN: einsum-run %S/Inputs/vector.ein --schedule=%s --arch=%t.json | FileCheck %s --check-prefix=ONE
// ONE: cycles: 24
// ONE: the cost model counts the same
//
// Two: 4 * 4, and the first tile.
// RUN: sed 's/"buffer" ."A".  *{/"buffer" ["A"] buffers 2 {/' %s > %t.two.mlir
// RUN: einsum-run %S/Inputs/vector.ein --schedule=%t.two.mlir --arch=%t.json | FileCheck %s --check-prefix=TWO
// TWO: cycles: 18
// TWO: the cost model counts the same
//
// Everything overlaps: the 128 bytes of A and B at 8 per cycle take as long as the work.
// RUN: einsum-run %S/Inputs/vector.ein --schedule=%s --arch=%S/Inputs/spec.json | FileCheck %s --check-prefix=PERFECT
// PERFECT: cycles: 16
// PERFECT: the cost model counts the same
//
// A profile named on the command line takes the place of the spec's: one operator per point, overlapped.
// RUN: sed 's/"mac": {/"compute": {"energy": "1 pJ"}, "mac": {/' %t.json > %t.compute.json
// RUN: einsum-run %S/Inputs/vector.ein --schedule=%s --arch=%t.compute.json --accounting=looptree | FileCheck %s --check-prefix=LOOPTREE
// LOOPTREE: schedule 's' on 'small', executed, accounting 'looptree':
// LOOPTREE: array pe: 16 compute
// LOOPTREE: cycles: 16
// LOOPTREE: the cost model counts the same
// RUN: %exits 1 einsum-run %S/Inputs/vector.ein --schedule=%s --arch=%t.json --accounting=looptrees 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: --accounting: error: there is no profile 'looptrees'; there are default, looptree; did you mean 'looptree'?
// RUN: %exits 1 einsum-run %S/Inputs/vector.ein --accounting=looptree 2>&1 | FileCheck %s --check-prefix=ALONE
// ALONE: --accounting: error: there is no schedule to execute

schedule.mapping @s of @vector on "small" {
  schedule.storage "DRAM" ["A", "B"] {
    schedule.temporal "n" tile 4 {
      schedule.storage "buffer" ["A"] {
        schedule.temporal "n" tile 1 {
          schedule.compute "B" on "pe"
        }
      }
    }
  }
}
