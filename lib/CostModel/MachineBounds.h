//===- MachineBounds.h - What no schedule on a machine can beat -*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The bounds of lib/Analysis/IoBounds, applied to each level of a machine, and
// what follows from them for time and energy.
//
// A level and those around it are the far side of a cut, everything else is the
// near side: its capacities add up, whatever instance or array they belong to,
// and each unit of an array may hold one element of each operand besides. What
// crosses the cut is read or written at the level *or at one around it* (a
// schedule may bypass the level), so that is the sum a bound speaks of:
//
//   DRAM - buffer 1 MiB - 16 units       Z[m,n] = A[m,k] * B[k,n], 2-byte words
//
//   DRAM            at least F(1 MiB + 16 * 3 * 2 B)
//   buffer or DRAM  at least F(16 * 3 * 2 B)
//
// Time: every array for itself (an Einsum counts where it is fastest, weighted
// so that the sum over arrays is largest), and every far side's bytes over the
// bandwidth it has in all. Energy: the cheapest array for each Einsum, each
// bound byte at the backing level at the cheaper of a read and a write, and
// leakage for as long as the schedule takes at least.
//
// A result below a bound is a defect of the model or of the bound, never a good
// schedule: `findViolation` says so in words.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_COSTMODEL_MACHINEBOUNDS_H
#define LIB_COSTMODEL_MACHINEBOUNDS_H

#include "dialects/Schedule/Schedule.h"
#include "lib/Analysis/IoBounds/IoBounds.h"
#include "lib/Arch/ArchSpec.h"
#include "lib/CostModel/Evaluation.h"

namespace einsum::cost {

/// Bytes read and written at a level and those around it.
struct LevelBound {
  uint64_t nearBytes =
      0; ///< capacity inside; bounds::kUnlimited if one has none
  uint64_t movedBytes = 0; ///< by the schedule
  bounds::IoBound bound;
};

/// A bound in seconds or joules, and what it rests on.
struct ScalarBound {
  double value = 0;
  std::string name;
};

struct MachineBounds {
  std::vector<LevelBound>
      levels; ///< as in the spec; the first is the backing level
  uint64_t compulsoryBytes = 0; ///< at the backing level
  ScalarBound latency, energy;  ///< seconds, joules
};

/// Level where each tensor lives in a schedule: that of its outermost storage
/// node; -1 if there is none.
std::vector<int> findHomes(schedule::MappingOp mapping,
                           const CascadeFacts &facts,
                           const arch::ArchSpec &arch);

/// Prepared for one cascade on one machine; schedules whose tensors live at the
/// same levels share the work.
class MachineBoundAnalysis {
public:
  MachineBoundAnalysis(const CascadeFacts &facts, const arch::ArchSpec &arch,
                       std::vector<bounds::PassFact> passes = {});

  /// Bounds beside what a schedule of that cascade moves.
  MachineBounds compute(schedule::MappingOp mapping,
                        const Evaluation &evaluation);

  /// Bounds of all schedules whose inputs and outputs are at the backing level,
  /// wherever everything else lives.
  MachineBounds computeAnywhere() const;

private:
  MachineBounds prepare(const std::vector<int> &homes) const;
  uint64_t nearBytes(int level) const;
  double levelSeconds(int level, uint64_t bytes) const;
  ScalarBound boundLatency(const bounds::IoBoundAnalysis &analysis,
                           const MachineBounds &machine) const;
  ScalarBound boundEnergy(const bounds::IoBoundAnalysis &analysis,
                          const MachineBounds &machine) const;

  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  std::vector<bounds::PassFact> passes;
  std::map<std::vector<int>, MachineBounds> known;
};

/// value / bound; nullopt if the bound says nothing.
std::optional<double> getGap(double value, double bound);

/// A sentence about the first number of a schedule that lies below its bound;
/// empty if there is none, as it should be.
std::string findViolation(const MachineBounds &bounds,
                          const Evaluation &evaluation,
                          const arch::ArchSpec &arch);

} // namespace einsum::cost

#endif // LIB_COSTMODEL_MACHINEBOUNDS_H
