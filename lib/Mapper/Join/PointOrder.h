//===- PointOrder.h - Whether all is made before it is read -----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The rules of a join go by accesses: who reduces a rank has not ended within a
// loop over it. Filters may say otherwise:
//
//   Y[b] = abs(I[a,b])    Z[b] = Y[b] * I[a,b] where a >= 1    a = 0, 1
//   a { Y ; Z }           Z has no point but at the last step, when Y is ready
//
// Here points are asked, one by one: no element is made in a later step of the
// shared loops than it is read in, and, where its home is inside a loop, in the
// same step. Of large Einsums some points are looked at, enough to find one
// that is read too early where there is one for a simple reason; if none is, it
// is not known.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_JOIN_POINTORDER_H
#define LIB_MAPPER_JOIN_POINTORDER_H

#include "lib/Mapper/Join/JoinState.h"

namespace einsum::mapper {

/// One of two Einsums below shared loops, and how it runs in each.
struct OrderedEinsum {
  int einsum = -1;
  const AccessFact *access = nullptr;
  llvm::SmallVector<Role, 4> roles = {};
};

/// True if all that is read is made; false if something is not; nullopt if that
/// is not known. The home is inside the first `homeDepth` loops.
std::optional<bool> isMadeBefore(const CascadeFacts &facts,
                                 const OrderedEinsum &producer,
                                 const OrderedEinsum &reader,
                                 llvm::ArrayRef<SharedLoop> loops,
                                 int homeDepth);

} // namespace einsum::mapper

#endif // LIB_MAPPER_JOIN_POINTORDER_H
