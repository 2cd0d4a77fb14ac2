//===- UserConstraints.h - What the user rules out, per Einsum --*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The constraints of a spec speak of roles and operators; a nest is one
// Einsum's. Here the one is resolved for the other:
//
//   {"level": "Local", "must_keep": ["inputs"]}     Z[m,n] = A[m,k] * B[k,n]
//
//   mustKeep(Local, A) yes    mustKeep(Local, B) no
//
// `@LEVEL` is answered for the backing level only: there it depends on where
// the tensor lives. Anything else that the search does not enforce is listed in
// `unsupported`, so that it can be refused.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_USERCONSTRAINTS_H
#define LIB_MAPPER_USERCONSTRAINTS_H

#include "lib/Analysis/CascadeFacts.h"
#include "lib/Arch/ArchSpec.h"

#include "llvm/ADT/STLExtras.h"

namespace einsum::mapper {

/// A tensor of the Einsum at hand; whether it lives at the backing level.
struct KeptTensor {
  int tensor = -1;
  bool atBacking = true;
};

class EinsumConstraints {
public:
  EinsumConstraints(const CascadeFacts &facts, const arch::ArchSpec &arch,
                    int einsum);

  bool mustKeep(int level, KeptTensor tensor) const;
  bool mayKeep(int level, KeptTensor tensor) const;
  /// Whether the tensor, all of it, may live at the backing level.
  bool mayLiveAtBacking(int tensor) const;
  bool mayRunOn(int array) const;
  /// Whether a tile of `extent` of a rank with `whole` may be held at `level`.
  bool mayHoldTile(int level, int rank, int64_t extent, int64_t whole) const;
  bool boundsTiles(int level) const;
  /// Whether bounds along a rank are about tiles of the tensor: the Einsum goes
  /// along it, and the tensor has it.
  bool isBounded(int tensor, int rank) const {
    return einsum.iterates(rank) &&
           llvm::is_contained(facts.tensors[tensor].ranks, rank);
  }
  /// Whether, between a storage node at the level and the next further in, a
  /// loop over `inner` may stand inside one over `outer`.
  bool mayStandInside(int level, int outer, int inner) const;
  /// Some level has a fixed order of loops.
  bool ordersLoops() const;
  /// Ranks that may be dealt along a dimension of an array.
  bool mayDeal(int array, int dim, int rank) const;
  /// Least share of the units of a dimension; whether less will do where
  /// nothing reaches it.
  std::pair<double, bool> leastShare(int array, int dim) const;

  std::string unsupported;

private:
  bool contains(const arch::TensorSet &set, KeptTensor tensor) const;
  bool matches(const arch::TensorTerm &term, KeptTensor tensor) const;
  bool selects(const arch::EinsumSelection &on) const;
  bool isCopy() const;

  const CascadeFacts &facts;
  const EinsumFact &einsum;
  int backing = 0;
  llvm::SmallVector<int> reads; ///< distinct tensors
  std::vector<const arch::LevelConstraint *> levels;
  std::vector<const arch::DimensionConstraint *> dimensions;
  std::vector<const arch::ArrayChoice *> arrays;
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_USERCONSTRAINTS_H
