//===- ForcedFusion.h - Einsums that cannot but share a loop ----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Where no level holds the whole of a tensor that one Einsum makes for others,
// these share a loop with it: the tensor lives below that loop, in parts. Then
// all that they take from the backing level, and bring there, is there at once:
//
//   QK[h,m,p] 32 MB    DRAM 8 MB, L2 512 KB    QK, exp and AV share a loop
//   Q, K, V, AV        2.1 MB each             8.4 MB at once: no mapping
//
// So do members of a recurrence that several Einsums carry.
//
// More at once leaves less room for other tensors, which may force more Einsums
// together, until nothing changes. Room is asked for inputs, outputs and one
// tensor at a time besides, of a recurrence for one step: never for more than
// there has to be. So what does not fit here has no mapping (a theorem).
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_FORCEDFUSION_H
#define LIB_MAPPER_FORCEDFUSION_H

#include "lib/Analysis/CascadeFacts.h"
#include "lib/Arch/ArchSpec.h"

#include "llvm/ADT/BitVector.h"

#include <optional>

namespace einsum::mapper {

class ForcedFusion {
public:
  ForcedFusion(const CascadeFacts &facts, const arch::ArchSpec &arch);

  /// By level; nullopt: no limit.
  using Capacities = std::vector<std::optional<uint64_t>>;
  /// False only if there is no mapping.
  bool fits(const Capacities &capacities) const;
  /// With those that the levels have.
  bool fits() const { return fits(own); }
  /// The least capacity of a level with which the others fit; nullopt if none
  /// does.
  std::optional<uint64_t> findLeast(Capacities capacities, int level) const;

private:
  using Groups = std::vector<int>; ///< of each Einsum the first one of its own
  bool fitsOnChip(int tensor, const Capacities &capacities) const;
  bool fitsBeside(int tensor, int einsum, const Groups &groups,
                  uint64_t room) const;
  uint64_t countTogether(int group, const Groups &groups, int beside) const;

  const CascadeFacts &facts;
  Capacities own;
  std::vector<int> homes;      ///< levels of one instance below the first
  std::vector<uint64_t> bytes; ///< of each tensor, whole
  std::vector<int> carried;    ///< tensors from an Einsum to others
  std::vector<llvm::BitVector> later; ///< of each Einsum, what depends on it
  Groups recurrences; ///< those that share the loop that carries them
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_FORCEDFUSION_H
