//===- Schedule.h - The schedule dialect ------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A mapping is a tree. Reading from the root to a compute leaf gives the loop
// nest of one Einsum; where nests share a prefix, the Einsums are fused:
//
//   storage DRAM [Q, K, AV]
//     temporal p tile 256           both Einsums work on 256 queries at a time
//       storage buffer [Q]
//         sequence
//           temporal m ... compute QK on array2d
//           temporal m ... compute LM on array1d
//
// A storage node says where a tensor's tile lives while control is below it; it
// is filled on entry and written back on exit. The verifier refuses trees that
// would compute something else than the cascade (a tensor read before it is
// complete); whether a tree fits a machine is the cost model's question.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_SCHEDULE_SCHEDULE_H
#define DIALECTS_SCHEDULE_SCHEDULE_H

#include "dialects/Einsum/Einsum.h"

#include "dialects/Schedule/ScheduleDialect.h.inc"

#define GET_OP_CLASSES
#include "dialects/Schedule/ScheduleOps.h.inc"

namespace einsum::schedule {

/// The cascade that a mapping refers to; null if there is none of that name.
CascadeOp lookupCascade(MappingOp mapping);

/// Children of a node, in order; empty for a compute leaf.
llvm::SmallVector<mlir::Operation *> getChildren(mlir::Operation *node);

/// When a leaf runs under a loop over a rank that its Einsum does not have.
enum class Guard { first, last };

} // namespace einsum::schedule

#endif // DIALECTS_SCHEDULE_SCHEDULE_H
