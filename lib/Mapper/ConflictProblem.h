//===- ConflictProblem.h - Premises that cannot all hold --------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Whether one Einsum can be mapped at all, as a finite choice: a skeleton (an
// array and what is dealt to its units), and for each operand one alternative
// (at which levels it is kept, in which tiles). Each choice contradicts some
// premises and takes bytes at some levels; a capacity is a premise that limits
// a sum:
//
//   premises        1 keep A at L1   2 keep B at L1   3 L1 holds 3 B
//   A               kept: 2 B at L1  |  not kept: contradicts 1
//   B               kept: 2 B at L1  |  not kept: contradicts 2
//
//   {1, 3}          satisfiable
//   {1, 2, 3}       not, and nothing smaller is: the conflict
//
// The smallest conflict is found by deletion, which leaves a set of which every
// premise is needed, and then by trying all smaller sets in lexicographic
// order; ties are thus broken by the order of the premises. The question "is
// this set satisfiable" may be answered by anyone (`Decide`): `isSatisfiable`
// enumerates, lib/Mapper/Z3 asks a solver.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_CONFLICTPROBLEM_H
#define LIB_MAPPER_CONFLICTPROBLEM_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallBitVector.h"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace einsum::mapper {

using PremiseSet = llvm::SmallBitVector;

/// A way to treat one operand.
struct Alternative {
  PremiseSet contradicts;
  std::map<int, uint64_t> bytes; ///< by level; what is absent takes none
};

struct Skeleton {
  PremiseSet contradicts;
  std::vector<std::vector<Alternative>> operands; ///< of each, one is chosen
};

/// The premise that a level holds no more than so many bytes.
struct CapacityPremise {
  int level = -1;
  unsigned premise = 0;
  uint64_t bytes = 0;
};

struct ConflictProblem {
  unsigned premises = 0;
  std::vector<Skeleton> skeletons;
  std::vector<CapacityPremise> capacities;
};

/// Drops alternatives and skeletons that others make superfluous.
void simplify(ConflictProblem &problem);

/// Whether there is a choice that contradicts none of `active`.
bool isSatisfiable(const ConflictProblem &problem, const PremiseSet &active);

/// The same, or nullopt if so many choices did not say it.
std::optional<bool> isSoonSatisfiable(const ConflictProblem &problem,
                                      const PremiseSet &active,
                                      uint64_t mostChoices);

/// Least bytes at a level of all choices that contradict none of `active`;
/// nullopt if there is none.
std::optional<uint64_t> findLeastBytes(const ConflictProblem &problem,
                                       const PremiseSet &active, int level);

using Decide = llvm::function_ref<bool(const PremiseSet &)>;

/// A smallest subset of `active` that is not satisfiable; none if `active` is.
std::optional<PremiseSet> findSmallestConflict(const PremiseSet &active,
                                               Decide isSatisfiable);

} // namespace einsum::mapper

#endif // LIB_MAPPER_CONFLICTPROBLEM_H
