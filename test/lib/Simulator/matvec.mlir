// The example of lib/Simulator/Simulator.h, counted by hand.
//
// RUN: einsum-run %S/Inputs/matvec.ein --schedule=%s --arch=%S/Inputs/spec.json --trace=%t.jsonl | FileCheck %s
// RUN: FileCheck %s --check-prefix=TRACE < %t.jsonl
// RUN: einsum-run %S/Inputs/matvec.ein --schedule=%s --arch=%S/Inputs/spec.json --trace=%t.json
// RUN: %python -c "import json, sys; print(len(json.load(open(sys.argv[1]))['traceEvents']) > 2)" %t.json | FileCheck %s --check-prefix=CHROME

// CHECK: schedule 'm' on 'small', executed:
// CHECK: level {{ *}}tensor {{ *}}read B {{ *}}written B {{ *}}read accesses
// CHECK: DRAM {{ *}}A {{ *}}32 {{ *}}0 {{ *}}4
// CHECK: DRAM {{ *}}B {{ *}}16 {{ *}}0 {{ *}}2
// CHECK: DRAM {{ *}}Z {{ *}}0 {{ *}}8
// CHECK: buffer {{ *}}B {{ *}}16 {{ *}}16 {{ *}}4 {{ *}}4
// CHECK: array pe: 8 mac
// CHECK: level DRAM: peak 56 B
// CHECK: level buffer: peak 16 B
// 56 bytes at 8 bytes per cycle.
// CHECK: cycles: 7
// CHECK: the cost model counts the same

// TRACE: {"end":2,"node":"compute Z","resource":"pe","start":0,"tile":"m=0..2 k=0..4"}
// TRACE: "resource":"DRAM"

// CHROME: True

schedule.mapping @m of @matvec on "small" {
  schedule.storage "DRAM" ["A", "B", "Z"] {
    schedule.storage "buffer" ["B"] {
      schedule.temporal "m" tile 1 {
        schedule.spatial "k" tile 1 across "col" {
          schedule.compute "Z" on "pe"
        }
      }
    }
  }
}
