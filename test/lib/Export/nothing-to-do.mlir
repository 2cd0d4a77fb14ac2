// A cascade without operators, without inputs and outputs, on a machine of which
// nothing is known, has no shares and no gap; no number is made up for them.

// RUN: einsum-compile %s --mapping=%s --arch %S/Inputs/copy.json --json=%t.json | FileCheck %s
// RUN: %python %S/check_schema.py %src/lib/Export/result.schema.json %t.json
// RUN: FileCheck %s --check-prefix=JSON < %t.json
einsum.cascade @index(M = 2) : f16 {
  einsum.rank @m [M] = M
  %Z = einsum.compute "Z" over [m] : [m] = () {
    %0 = einsum.index "m" : f16
    einsum.yield %0 : f16
  } : () -> !einsum.tensor<[m], f16>
}
schedule.mapping @m of @index on "free" {
  schedule.storage "DRAM" ["Z"] {
    schedule.temporal "m" tile 1 {
      schedule.compute "Z" on "pe"
    }
  }
}
// CHECK: unknown, and not counted: accesses to DRAM
// CHECK: DRAM      {{.*}} moved, no bound{{$}}
// CHECK-NOT: {{nan|inf}}
// JSON: "compulsory_bytes": 0,
// JSON-NEXT: "kind": "theorem"
// JSON-NEXT: "dram_lower_bound_bytes": 0,
// JSON: "gap": null
