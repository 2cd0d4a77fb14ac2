//===- ConstraintMeaning.h - What constraints say of one Einsum -*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Constraints speak of roles and selections (lib/Arch/Constraints.h); here they
// are asked about one Einsum of one cascade:
//
//   QK[m,p] = Q[p,e] * K[m,e]        Q made by another Einsum, K an input
//
//   roles       inputs Q   weights K   outputs QK
//   selects     {operands: 2} yes      {operators: exp} no
//   contains    ["inputs", "outputs"]  Q, QK       ["not @DRAM"]  what is not
//                                                  kept there
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_CONSTRAINTMEANING_H
#define LIB_MAPPER_CONSTRAINTMEANING_H

#include "lib/Analysis/CascadeFacts.h"
#include "lib/Arch/ArchSpec.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace einsum::mapper {

/// Tensors by their role in one Einsum, each once, in the order of its reads.
struct Roles {
  llvm::SmallVector<int, 2> inputs, weights, outputs;
};
Roles getRoles(const CascadeFacts &facts, const EinsumFact &einsum);

/// Tensors that an Einsum reads or writes, each once.
llvm::SmallVector<int, 4> getOperands(const EinsumFact &einsum);

/// Whether a constraint is about an Einsum.
bool selects(const arch::EinsumSelection &on, const EinsumFact &einsum);

/// Whether a set has a tensor of an Einsum; `isKeptAt` says at which levels it
/// is kept.
bool contains(const arch::TensorSet &set, int tensor, const CascadeFacts &facts,
              const EinsumFact &einsum, llvm::function_ref<bool(int)> isKeptAt);

/// Levels on the way from the backing level to an array, outermost first.
llvm::SmallVector<int, 4> getPath(const arch::ArchSpec &arch,
                                  const arch::Array &array);

/// Operators that an Einsum needs and an array lacks at its datatype.
std::vector<std::string> listMissingOperators(const arch::ArchSpec &arch,
                                              const arch::Array &array,
                                              const EinsumFact &einsum);

} // namespace einsum::mapper

#endif // LIB_MAPPER_CONSTRAINTMEANING_H
