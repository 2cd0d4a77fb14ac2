//===- BoundCheck.h - No schedule is below a bound --------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A schedule that moves, takes or spends less than a lower bound refutes the
// bound. Bounds for a machine with much room are easy to keep, so a schedule is
// also held against those for a machine that has no more room than it takes:
//
//   DRAM - L1 64 KiB, of which the schedule holds 384 B at its peak
//
//   as it is    what 64 KiB allow: mostly each input and output once
//   tight       what 384 B, and the units in use, allow: fibers and products
//               that do not fit
//
// At every level, and of time, energy and their product.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_AGREEMENT_BOUNDCHECK_H
#define TEST_AGREEMENT_BOUNDCHECK_H

#include "lib/CostModel/MachineBounds.h"

namespace einsum::agreement {

class BoundCheck {
public:
  BoundCheck(const CascadeFacts &facts, const arch::ArchSpec &arch);

  /// What the schedule is below; empty if nothing.
  std::string asItIs(schedule::MappingOp mapping,
                     const cost::Evaluation &evaluation);
  std::string tight(schedule::MappingOp mapping,
                    const cost::Evaluation &evaluation);

  /// Bounds above compulsory traffic that were kept, for who wants to know
  /// whether a run has tried any.
  uint64_t beyondCompulsory = 0;

private:
  std::string hold(const cost::MachineBounds &bounds,
                   const cost::Evaluation &evaluation);

  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  std::vector<bounds::PassFact> passes;
  cost::MachineBoundAnalysis analysis;
};

} // namespace einsum::agreement

#endif // TEST_AGREEMENT_BOUNDCHECK_H
