//===- MachineFit.h - A workload meets a machine, unmapped ------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What can be said before there is any schedule: which arrays can run which
// Einsum and how fast, what each memory must hold, and whether it can feed the
// arrays. By hand, for
//
//   Z[m,n] = A[m,k] * B[k,n]     64^3 points, words of 2 bytes
//   DRAM 16 GB/s - L1 - pe: 16 x 16 units, a mac per cycle at 1 GHz
//
//   rate        256e9 points/s, so 64^3 take 1.02 us
//   roofline    alone it moves 3 * 64^2 * 2 B = 24576 B at DRAM, 1.54 us: DRAM
//               binds, the array can be busy 67 % of the time at most
//   feeding     at its rate pe takes 3 words per point, 1536 GB/s; DRAM gives
//               16, so each byte has to be used 96 times; there are 64^3 * 6 B
//               / 24576 B = 64 uses
//
// *Alone* means each element of an operand moved once, intermediates too: what
// fusing Einsums saves, a mapping shows. Times of levels are least times; those
// of levels that a schedule may bypass hold if it does not.
//
// What each level must hold: the outermost levels whatever of the cascade's
// inputs and outputs one Einsum touches; others one element of each tensor that
// constraints keep there (or the least tile they allow), and nothing else,
// since a schedule may go past a level.
//
// Trusts a verified cascade with bound extents. What cannot run or fit is part
// of the answer (`isFeasible`).
//
//===----------------------------------------------------------------------===//

#ifndef LIB_COSTMODEL_MACHINEFIT_H
#define LIB_COSTMODEL_MACHINEFIT_H

#include "lib/Analysis/CascadeFacts.h"
#include "lib/Arch/ArchSpec.h"

namespace einsum::cost {

/// One Einsum on one array.
struct ArrayFit {
  int array = -1;
  /// Operators it lacks, each with what is missing: "exp", "exp at bf16 (has
  /// it at f32)".
  std::vector<std::string> missing;
  /// A constraint of the spec sends the Einsum elsewhere.
  bool isForbidden = false;
  uint64_t cyclesPerPoint = 0; ///< operators one after another
  uint64_t cyclesChained = 0;  ///< the slowest operator
  double pointsPerS = 0;       ///< all units, chained; infinite if free
  double seconds = 0;          ///< all points at that rate

  bool runs() const { return missing.empty() && !isForbidden; }
};

/// One Einsum, on its fastest array, at a level or link on the way to it.
struct LevelFit {
  int level = -1, link = -1; ///< one of them
  double seconds = 0;        ///< for what the Einsum moves alone
  /// Uses of each byte that would keep the array busy, and that there are.
  double reuseNeeded = 0, reuseThereIs = 0;

  bool feeds() const { return reuseNeeded <= reuseThereIs * (1 + 1e-9); }
};

struct EinsumFit {
  int einsum = -1;
  std::vector<ArrayFit> arrays; ///< all of them
  int best = -1;                ///< index of the fastest that runs it, or -1
  uint64_t bytesIn = 0, bytesOut = 0, operators = 0;
  std::vector<LevelFit> levels; ///< outermost first
  /// What takes longest: -1 the array, else an index into `levels`.
  int binding = -1;
  double seconds = 0; ///< at least

  double operatorsPerByte() const {
    return static_cast<double>(operators) /
           static_cast<double>(bytesIn + bytesOut);
  }
};

/// What a level must hold in any legal schedule.
struct CapacityNeed {
  int level = -1;
  uint64_t needsBytes = 0;          ///< of one instance
  std::optional<uint64_t> hasBytes; ///< of one instance; nullopt = unlimited
  std::string why;

  bool fits() const { return !hasBytes || needsBytes <= *hasBytes; }
};

struct MachineFit {
  std::vector<EinsumFit> einsums;
  std::vector<CapacityNeed> capacities; ///< one per level
  /// All outermost levels together, which have to hold inputs and outputs.
  uint64_t backingNeeds = 0;
  std::optional<uint64_t> backingHas;
  uint64_t compulsoryBytes = 0;

  bool isFeasible() const;
};

MachineFit computeMachineFit(const CascadeFacts &facts,
                             const arch::ArchSpec &arch);

/// Whether a constraint is about an Einsum.
bool isSelected(const arch::EinsumSelection &on, const CascadeFacts &facts,
                const EinsumFact &einsum);

/// The tensors of an Einsum that a set names, in the order of `facts.tensors`.
/// `keptAt` says what a mapping keeps at a level.
std::vector<int>
resolveTensors(const arch::TensorSet &set, const CascadeFacts &facts,
               const EinsumFact &einsum,
               llvm::function_ref<bool(int tensor, int level)> keptAt);

/// The names that constraints may refer to.
arch::WorkloadNames collectNames(const CascadeFacts &facts);

} // namespace einsum::cost

#endif // LIB_COSTMODEL_MACHINEFIT_H
