//===- Plan.h - A mapping under construction, Einsum by Einsum --*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A plan lists, in the order of execution, for each Einsum: its array, the
// loops that it shares with its neighbours, where the tensors that it brings on
// chip live, what it holds above the last shared loop, and its own nest below.
// `buildSchedule` makes the loop tree of it.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_JOIN_PLAN_H
#define LIB_MAPPER_JOIN_PLAN_H

#include "dialects/Schedule/Schedule.h"
#include "lib/Mapper/Join/WindowLoops.h"
#include "lib/Mapper/Nest/NestSearch.h"

namespace einsum::mapper {

struct SharedLoop {
  int rank = -1;
  int64_t tile = 1;
  /// Of a recurrence below that walks along the rank; 0: none does, so far.
  int direction = 0;
  /// It goes down for the sake of a recurrence that is still to come.
  bool owed = false;
  /// Of what follows it, if it is a window loop (WindowLoops.h).
  Halo halo = Halo::none;
  bool operator==(const SharedLoop &other) const {
    return rank == other.rank && tile == other.tile && halo == other.halo;
  }
};

/// A fused tensor's home, or a holder for several Einsums of what lives at the
/// backing level: below `depth` shared loops.
struct Home {
  int tensor = -1, level = -1, depth = 0;
  bool isHolder = false;
  Halo halo = Halo::none;
};

/// A holder of one Einsum above its last shared loop.
struct SharedHold {
  int operand = -1, level = -1, depth = 0;
};

/// How one Einsum is put into a plan, but for its nest.
struct PlanPlace {
  int einsum = -1;
  const EinsumOnArray *fact = nullptr;
  const NestSearch *search = nullptr; ///< maybe of another Einsum like it
  std::vector<SharedLoop> loops; ///< shared with a neighbour, outermost first
  std::vector<Home> homes;       ///< that begin here
  std::vector<SharedHold> holds;
  LoopOrder order;        ///< in which loops of the nest begin
  int keep = 0;           ///< loops shared with the Einsum before
  int pipelineDepth = -1; ///< it is a stage of a pipeline below so many loops
  int lag = 0;
};

/// One Einsum of a plan. Many plans have the same places, so they share them.
struct PlanStep {
  std::shared_ptr<const PlanPlace> place;
  const NestStep *nest = nullptr;
  std::shared_ptr<const PlanStep> previous;
};

/// The loop tree, placed after the cascade; not verified.
schedule::MappingOp buildSchedule(CascadeOp cascade, const CascadeFacts &facts,
                                  const arch::ArchSpec &arch,
                                  const PlanStep &last, llvm::StringRef name);

} // namespace einsum::mapper

#endif // LIB_MAPPER_JOIN_PLAN_H
