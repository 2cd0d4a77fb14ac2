//===- ScheduleDialect.td - Mappings as loop trees -------------*- tablegen -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SCHEDULE_DIALECT_TD
#define SCHEDULE_DIALECT_TD

include "mlir/IR/OpBase.td"

def Schedule_Dialect : Dialect {
  let name = "schedule";
  let summary = "Mappings of a cascade onto an architecture";
  let description = [{
    A mapping is a loop tree (Gilbert et al. 2024, LoopTree): temporal and spatial
    loops over the ranks of a cascade, storage nodes that hold a tile of a tensor
    at a level from there down, and compute leaves bound to arrays. Where several
    Einsums share the loops above, a `sequence` runs its children one after
    another and a `pipeline` overlaps them.

    Names refer to the cascade (ranks, tensors, Einsums) and to the architecture
    (levels, arrays, array dimensions); the latter are checked once a
    specification is attached.
  }];
  let cppNamespace = "::einsum::schedule";
}

class Schedule_Op<string mnemonic, list<Trait> traits = []>
    : Op<Schedule_Dialect, mnemonic, traits>;

#endif // SCHEDULE_DIALECT_TD
