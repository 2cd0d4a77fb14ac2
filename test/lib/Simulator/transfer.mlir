// A DMA engine beside an array. Per tile of 4 elements: 16 bytes at 4 per cycle and 2 cycles of latency, 6 cycles; the array needs 4.
// Four slots of the engine, and the last tile's work.
//
// RUN: sed 's/"arrays"/"engines": [{"name": "dma", "bandwidth": "4 GB\/s", "latency": "2 cycle", "provenance": "test"}], "arrays"/' %S/Inputs/spec.json > %t.json
// RUN: einsum-run %S/Inputs/vector.ein --schedule=%s --arch=%t.json --trace=%t.jsonl | FileCheck %s
// RUN: FileCheck %s --check-prefix=TRACE < %t.jsonl
// CHECK: engine dma: 64 B moved
// CHECK: level buffer: peak 32 B
// CHECK: cycles: 28
// CHECK: the cost model counts the same
//
// TRACE-DAG: {"end":12,"node":"transfer","resource":"dma","start":6,"tile":""}
// TRACE-DAG: {"end":10,"node":"compute B","resource":"pe","start":6,"tile":"n=0..4"}
//
// The array fills in 8 cycles and drains in 5, its last sum comes 2 cycles later than the next could be issued: once.
// RUN: sed 's/"shape"/"fill": "8 cycle", "drain": "5 cycle", "shape"/; s/"add": {/"add": {"cycles": 1, "latency": 3, /' %t.json > %t.late.json
// RUN: einsum-run %S/Inputs/vector.ein --schedule=%s --arch=%t.late.json | FileCheck %s --check-prefix=LATE
// LATE: cycles: 43
// LATE: the cost model counts the same
//
// Taking the time of a sequence: 4 * (6 + 4 + 15).
// RUN: sed 's/"word": "32 bit",/"word": "32 bit", "accounting": {"einsums": "sequential"},/' %t.late.json > %t.sequential.json
// RUN: einsum-run %S/Inputs/vector.ein --schedule=%s --arch=%t.sequential.json | FileCheck %s --check-prefix=SEQUENTIAL
// SEQUENTIAL: cycles: 100
// SEQUENTIAL: the cost model counts the same

schedule.mapping @s of @vector on "small" {
  schedule.storage "DRAM" ["A", "B"] {
    schedule.temporal "n" tile 4 {
      schedule.storage "buffer" ["A"] buffers 2 {
        schedule.pipeline lags [0, 1] {
          schedule.transfer ["A"] on "dma"
          schedule.temporal "n" tile 1 {
            schedule.compute "B" on "pe"
          }
        }
      }
    }
  }
}
