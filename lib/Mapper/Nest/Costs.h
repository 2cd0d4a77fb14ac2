//===- Costs.h - What a partial mapping costs, as one vector ----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Partial mappings are compared by a vector of costs, each of which only grows
// when a mapping is completed: energy, the cycles of its array, the time that
// each bandwidth needs for what it moves, the bytes it holds at each level. A
// mapping that is no better in any of them can be dropped: whatever completes
// it completes the other at no higher cost.
//
//   axis        energy   cycles   DRAM shared   buffer bytes
//   A           12.1     4096     3900          8192
//   B           12.1     4096     4100          8192     dropped
//
// Which axes there are follows from the objective and the machine (`Axes`).
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_NEST_COSTS_H
#define LIB_MAPPER_NEST_COSTS_H

#include "lib/Arch/ArchSpec.h"
#include "lib/Mapper/Mapper.h"

#include <array>

namespace einsum::mapper {

/// Of more limits than this on one machine, bandwidths are left to the cost
/// model.
constexpr int kMaxAxes = 12;
/// One more than there are axes: see NestSearch::axesOfNests.
using Costs = std::array<double, kMaxAxes + 1>;

/// A limit on what a level moves per cycle, counted in bytes or accesses, or on
/// the bytes that pass a link.
struct Resource {
  enum class Kind : uint8_t { reads, writes, both } kind;
  int level;       ///< -1: of a link
  bool inAccesses; ///< ports
  double cyclesPerUnit;
  int link = -1;
};

/// What answers a visit only after some cycles: a level, or a link.
struct Wait {
  int level = -1, link = -1;
  double cycles = 0;
};

/// The meaning of the entries of `Costs`.
struct Axes {
  int count = 0;
  int energy = -1;                     ///< pJ, without leakage
  int cycles = -1;                     ///< of the array
  int traffic = -1, trafficLevel = -1; ///< bytes moved there
  std::vector<Resource> resources;     ///< cycles each, from `resource` on
  int resource = -1;
  std::vector<Wait> waits; ///< 1 each if a visit has it, from `wait` on
  int wait = -1;
  std::vector<int> levels; ///< with a capacity that may bind, from `held` on
  int held = -1;
  /// Nests may be stages of a pipeline, which hold what they hold in units
  /// together; else each is judged by itself.
  bool isHeldTogether = false;
  int measured = -1; ///< index into `levels` of one that is an objective

  /// `mayBind` says which levels could be too small.
  static Axes of(const Objective &objective, const arch::ArchSpec &arch,
                 llvm::ArrayRef<bool> mayBind);
  /// Index of the axis of what `level` holds, or -1.
  int heldAt(int level) const;
  /// Cycles of one visit until the first words are there.
  double waitOf(const Costs &costs) const;
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_NEST_COSTS_H
