// Rows gathered by an index: Z[k,n] = A[I[k],n], K = 6, N = 4, R = 10, four bytes each. Counted by hand.
//
// A tile holds all rows: 10 * 2 elements for each of two steps of n. A leaf reads one element per point,
// whichever it is: 6 * 4. The index is latched while n advances below k: 2 * 6 reads.
// RUN: einsum-run %S/Inputs/gather.ein --schedule=%s --arch=%S/Inputs/spec.json --data=normal | FileCheck %s
// CHECK: DRAM {{ *}}A {{ *}}160 {{ *}}0
// CHECK: DRAM {{ *}}I {{ *}}48 {{ *}}0
// CHECK: DRAM {{ *}}Z {{ *}}0 {{ *}}96
// CHECK: buffer {{ *}}A {{ *}}96 {{ *}}160
// CHECK: level buffer: peak 80 B
// CHECK: the cost model counts the same
//
// Kept nowhere further in, A is read element by element: 6 * 4, fewer than it has.
// RUN: sed 's/storage "buffer" ."A"./storage "buffer" ["I"]/' %s > %t.far.mlir
// RUN: einsum-run %S/Inputs/gather.ein --schedule=%t.far.mlir --arch=%S/Inputs/spec.json | FileCheck %s --check-prefix=FAR
// FAR: DRAM {{ *}}A {{ *}}96 {{ *}}0
// FAR: the cost model counts the same
//
// Units along n share the index, and those along k share nothing of A, though two indices may agree.
// RUN: sed 's/temporal "n" tile 1/spatial "n" tile 1 across "col"/' %s > %t.n.mlir
// RUN: einsum-run %S/Inputs/gather.ein --schedule=%t.n.mlir --arch=%S/Inputs/spec.json | FileCheck %s --check-prefix=UNITS
// UNITS: DRAM {{ *}}I {{ *}}48 {{ *}}0
// UNITS: buffer {{ *}}A {{ *}}96 {{ *}}160
// UNITS: the cost model counts the same
//
// What is gathered is held whole.
// RUN: sed 's/storage "buffer" ."A"./storage "buffer" ["A"] resident 3/' %s > %t.part.mlir
// RUN: not einsum-run %S/Inputs/gather.ein --schedule=%t.part.mlir --arch=%S/Inputs/spec.json 2>&1 | FileCheck %s --check-prefix=PART
// PART: error: 'A' is held in part, but 'Z' reads 'A' at 'I[k]', which is data; hold all of it, or leave it further out
// RUN: sed 's/storage "buffer" ."A"./storage "buffer" ["A"] stream "r" depth 2/' %s > %t.stream.mlir
// RUN: not einsum-run %S/Inputs/gather.ein --schedule=%t.stream.mlir --arch=%S/Inputs/spec.json 2>&1 | FileCheck %s --check-prefix=STREAM
// STREAM: error: 'A' is held as a stream, but 'Z' reads 'A' at 'I[k]', which is data; hold all of it, or leave it further out

schedule.mapping @s of @rows on "small" {
  schedule.storage "DRAM" ["A", "I", "Z"] {
    schedule.temporal "n" tile 2 {
      schedule.storage "buffer" ["A"] {
        schedule.temporal "k" tile 1 {
          schedule.temporal "n" tile 1 {
            schedule.compute "Z" on "pe"
          }
        }
      }
    }
  }
}
