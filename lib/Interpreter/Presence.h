//===- Presence.h - Which elements of a tensor exist ------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An element is absent if a condition over kept ranks alone excludes it.
// Readers inherit the condition, not just the hole, because it matters to them
// which ranks it speaks of:
//
//   QK[m,p] = ... where m <= p      absent where m > p
//   S[p]    = sum(m) QK[m,p]        m is reduced: such points are skipped, and
//   an
//                                   S[p] left without points would be 0
//   T[m,p]  = ... where p < 3       absent where p >= 3
//   U[p]    = sum(m) T[m,p]         p is kept: U[3] is absent, as it would be
//                                   had T been written into U
//
// So the presence of a tensor is a set of factors, one per set of ranks that
// conditions speak of together; an element is present where all factors hold.
// Recurrences hand their factors on from step to step, in evaluation order.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INTERPRETER_PRESENCE_H
#define LIB_INTERPRETER_PRESENCE_H

#include "lib/Interpreter/EinsumKernel.h"

#include <memory>
#include <unordered_map>

namespace einsum::interp {

using Kernels =
    llvm::DenseMap<mlir::Operation *, std::unique_ptr<EinsumKernel>>;

/// A condition over some ranks of a tensor, tabulated.
struct PresenceFactor {
  uint64_t rankSet; ///< bit i: the i-th rank of the tensor
  llvm::SmallVector<unsigned, 4> ranks;
  llvm::SmallVector<int64_t, 4> extents;
  std::vector<uint8_t> holds; ///< over `ranks`, row-major
};

/// "The element read by this access satisfies this factor of its tensor."
struct PresenceCondition {
  unsigned access;
  const PresenceFactor *factor;
  uint64_t dimSet; ///< of the reader's iteration space

  bool holds(const EinsumKernel &kernel, const int64_t *coordinates) const;
};

class Presence {
public:
  static Presence compute(const BoundCascade &bound, const Kernels &kernels);

  /// Over the elements of the tensors that this Einsum defines; empty if all
  /// are present.
  std::vector<uint8_t> getMask(const EinsumKernel &kernel) const;
  /// Emits an error if what is gathered may be absent: which points there are
  /// never depends on data.
  mlir::LogicalResult checkGathers(const EinsumKernel &kernel) const;
  /// Conditions that reading absent elements adds to those of the kernel.
  llvm::ArrayRef<PresenceCondition>
  getConditions(const EinsumKernel &kernel) const;

private:
  class Computation;
  struct Entry {
    std::vector<PresenceFactor> factors;
    std::vector<PresenceCondition> conditions;
  };
  const Entry *find(mlir::Operation *einsum) const;

  // Conditions point into it, so its entries stay where they are.
  std::unordered_map<mlir::Operation *, Entry> entries;
};

} // namespace einsum::interp

#endif // LIB_INTERPRETER_PRESENCE_H
