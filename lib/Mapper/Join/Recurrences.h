//===- Recurrences.h - Einsums that need one another ------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Einsums that need one another are one recurrence. It may have others inside:
//
//   XI[l,s]   = select(l == 0, X[s], XO[l-1,s])     all are one recurrence, as
//   H[l,s,n]  = H[l,s-1,n] * A[l,n] + XI[l,s]       XO goes round along l; of
//   XO[l,s]   = H[l,s,n] * C[l,n] init 0            one layer only H needs H
//
// Members of a recurrence share a loop over the rank that goes round through
// several of them, step by step: here l. What stays with one Einsum, H along s,
// is a matter of its own nest.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_JOIN_RECURRENCES_H
#define LIB_MAPPER_JOIN_RECURRENCES_H

#include "lib/Analysis/CascadeFacts.h"

namespace einsum::mapper {

/// How far from the point's own coordinate the access is along the rank, where
/// that is the same for all points: `k` for `X[r + k]`.
int64_t stepOf(const TensorFact &tensor, const AccessFact &access, int rank);

class Recurrences {
public:
  explicit Recurrences(const CascadeFacts &facts);

  /// Einsums that depend on one another have the same number.
  int of(int einsum) const { return number[einsum]; }
  int countMembers(int recurrence) const { return members[recurrence]; }
  /// Whether `einsum` needs what `maker` makes, or what is made of that.
  bool reaches(int maker, int einsum) const { return reached[maker][einsum]; }
  /// The tensor is carried from step to step of its iterative rank by several
  /// Einsums.
  bool goesRound(int tensor) const { return isCarried[tensor]; }
  /// All Einsums: producers first, members of a recurrence together, as they
  /// are written; else as written.
  std::vector<int> listTogether() const;

private:
  /// `reader` reads what `maker` makes, so many steps away along its iterative
  /// rank, if it has one.
  struct Edge {
    int maker, reader;
    int rank = -1; ///< along which it is surely another step; -1: none
  };
  using Reached = std::vector<std::vector<bool>>;
  Reached reach(llvm::function_ref<bool(const Edge &)> isMeant) const;
  void listEdges();
  void findCarried();

  const CascadeFacts &facts;
  std::vector<Edge> edges;
  std::vector<int> number, members;
  Reached reached;
  std::vector<bool> isCarried; ///< per tensor
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_JOIN_RECURRENCES_H
