//===- JoinState.h - What is open after some Einsums ------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// After some Einsums have been placed, all that the rest depends on is: which
// they were, the shared loops still open, and the tensors still needed: where
// they live, which of the open loops enclosed their producer, and whether it
// ran in every step of them. Partial plans that agree in this are compared by
// their costs alone (Gilbert et al. 2026, FFM, call it compatibility):
//
//   p { QK[m,p] ; -> here      done {QK}   loops p:256   QK at buffer, depth 1
//
// A holder that several Einsums share is kept like the home of a fused tensor,
// with the loops above it open until the last of them; only that it is filled
// from the backing level, or drained to it, once per step of these loops.
//
// Costs are kept per open loop, since they combine when it closes:
//
//   time   of a sequence: the sum of its children, each no faster than what it
//          moves;  of a pipeline: cycles of each array per lag, apart for
//          stages that run in other steps
//   space  the largest child, under what lives around it
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_JOIN_JOINSTATE_H
#define LIB_MAPPER_JOIN_JOINSTATE_H

#include "lib/Mapper/Join/Plan.h"

#include "llvm/ADT/SmallVector.h"

#include <memory>

namespace einsum::mapper {

/// Slots that a tensor may wait in a pipeline.
constexpr int kMaxLag = 5;

/// How an Einsum runs in a loop.
enum class Role : uint8_t { everyStep, firstStep, lastStep };

/// What a tensor has below the backing level for several Einsums.
enum class Hold : uint8_t {
  home,    ///< it lives there
  fetched, ///< a holder that its readers share
  stored   ///< the same around its producer: what it makes is delivered
};

/// A tensor that a later Einsum touches.
struct Pending {
  int tensor = -1;
  int level = -1; ///< fused, or held for several; -1: at the backing level only
  int depth = 0;
  Hold hold = Hold::home;
  llvm::SmallVector<int, 4> users = {}; ///< of a holder, until now
  bool ends = false;                    ///< the holder is for no others
  int need = 0; ///< loops that must stay open until it is dead
  /// All its steps are kept: those loops may close once its recurrence is done.
  bool whole = false;
  /// So it is, as steps of a loop read what only an earlier one has made.
  bool again = false;
  int born = 0;                    ///< open loops that enclosed its producer
  int lag = -1;                    ///< of its producer in the open pipeline
  int firstLag = -1, lastLag = -1; ///< of all that touch it there
  int array = -1;                  ///< of its producer
  /// Of a running value: steps of the loop that carries it which stages of a
  /// pipeline wait for, and how far back those read that come before its
  /// producer there.
  int64_t waits = 0, reach = -1;
  bool produced = true; ///< false: a recurrence read it first
  uint64_t asked = 0;   ///< words at its home, if it follows demand
  /// Loops above all that is made for it point by point.
  int inside = 0;
  bool retained = false; ///< then it stays there between visits, dead or not
  uint32_t lastStep = 0, firstStep = 0; ///< loops that guard its producer
  uint32_t reduced = 0; ///< open loops over ranks that its producer reduces

  bool isHolder() const { return level >= 0 && hold != Hold::home; }
};

/// A tensor of several Einsums below an open loop: touched there, or held.
struct Mark {
  int tensor = -1, depth = 0;
  bool isHeld = false;
};

/// Sums of a child of a sequence that the next child may have to wait for.
struct Drain {
  int einsum = -1, array = -1, depth = 0;
  uint64_t steps = 0;
};

/// Steps in which stages of a pipeline run, a bit per open loop.
struct StagePattern {
  uint32_t firstStep = 0, lastStep = 0; ///< only there
  bool operator==(const StagePattern &other) const {
    return firstStep == other.firstStep && lastStep == other.lastStep;
  }
};

struct JoinState {
  std::vector<uint64_t> done; ///< bits
  std::vector<SharedLoop> loops;
  std::vector<Pending> pending;
  std::vector<Mark> marks;
  std::vector<Drain> drains;
  std::vector<StagePattern> patterns; ///< in the open pipeline
  int unfinished = -1;                ///< recurrence that has begun
  bool pipelined = false;             ///< the run below all open loops
  bool holdsAroundAll = false;        ///< holders around all Einsums: they move
  int openedAt = 0;                   ///< depth of the sequence around that run

  bool isDone(int einsum) const { return done[einsum / 64] >> einsum % 64 & 1; }
  std::vector<int32_t> key() const;
};

/// Where the costs of a partial plan stand in its vector.
struct JoinLayout {
  int resources = 0, levels = 0, arrays = 0;
  int depth = 0, patterns = 0;
  bool pipelined = false;

  int energy() const { return 0; }
  int traffic() const { return 1; }
  int time(int d) const { return 2 + d * block(); }
  int moved(int d) const { return time(d) + 1; }            ///< per resource
  int largest(int d) const { return moved(d) + resources; } ///< per level
  int around(int d) const { return largest(d) + levels; }   ///< per level
  int busy(int pattern, int array, int lag) const {
    return time(depth + 1) + (pattern * arrays + array) * (kMaxLag + 1) + lag;
  }
  /// Of the slowest stage to start; once per pipeline.
  int startUp() const { return busy(patterns, 0, 0); }
  int size() const { return pipelined ? startUp() + 1 : time(depth + 1); }

private:
  int block() const { return 1 + resources + 2 * levels; }
};

struct JoinEntry {
  std::vector<double> costs;
  std::shared_ptr<const PlanStep> plan;

  /// That it takes, about.
  size_t bytes() const {
    return sizeof(JoinEntry) + sizeof(PlanStep) + costs.size() * sizeof(double);
  }
};

} // namespace einsum::mapper

#endif // LIB_MAPPER_JOIN_JOINSTATE_H
