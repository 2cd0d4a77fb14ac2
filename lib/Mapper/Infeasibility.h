//===- Infeasibility.h - Why nothing fits -----------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// When a space is empty, some of its premises cannot be had together: what an
// Einsum computes, what a level holds, what the user asked for. The answer is
// the smallest such set, with what would free it:
//
//   Z[m,n] = A[m,k] * B[k,n], 2-byte words       L1 holds 5 B
//
//   level 'L1' holds 5 B                  6 B would do
//   'L1' must keep inputs, weights, outputs
//                                         leaving this out would do
//
// Every nest of an Einsum is a choice of an array, of what is dealt to the
// units that have to be in use, of the levels at which each operand is kept,
// and of tiles. Of all nests with the same choice the one with the smallest
// tiles holds least, and that is counted here: one element where nothing asks
// for more, as many as there are units along a rank dealt to them at levels
// outside the array, the least allowed tile where tiles are bounded. At the
// backing level whole tensors stand: those of the Einsum, and inputs and
// outputs that are in use before and after it in any order. So a conflict found
// here is one (a theorem), whatever the search does.
//
// Not counted: orders of loops, tiles of one rank that would have to divide one
// another at several levels, and what else is on chip at the same time. Where
// only these rule everything out there is no answer, and relaxed searches have
// to give it (lib/Mapper/RelaxedSearch.h).
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_INFEASIBILITY_H
#define LIB_MAPPER_INFEASIBILITY_H

#include "lib/Mapper/Mapper.h"

#include <functional>
#include <optional>

namespace einsum::mapper {

/// The smallest set of premises that rule out every mapping; empty if they do
/// not. Of equally small ones that of the earlier Einsum.
std::vector<Conflict> explainInfeasible(const CascadeFacts &facts,
                                        const arch::ArchSpec &arch,
                                        const SpaceLimits &limits);

/// The least bytes of a level that are enough, if that is known.
using LeastCapacity = std::function<std::optional<uint64_t>(int level)>;

/// Such sets for all Einsums, smallest first: freeing one of them leaves the
/// next. What tiles of one element take at least may not be enough;
/// `leastCapacity` may know better.
std::vector<std::vector<Conflict>>
explainAllConflicts(const CascadeFacts &facts, const arch::ArchSpec &arch,
                    const SpaceLimits &limits,
                    LeastCapacity leastCapacity = nullptr);

} // namespace einsum::mapper

#endif // LIB_MAPPER_INFEASIBILITY_H
