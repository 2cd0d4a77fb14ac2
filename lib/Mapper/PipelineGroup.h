//===- PipelineGroup.h - Stages of a pipeline onto arrays -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A run of Einsums that share their loops is to become a `pipeline`: which
// array runs each, by which of its nests, in which order, with which lags?
// Every Einsum is a stage with some choices; what the choices cost is known,
// what remains is how they meet:
//
//   stage   choices                     A -> B: B reads what A computes
//   A       2D 4 cycles                 B -> B: its own previous iteration
//   B       2D 1 cycle, 1D 3 cycles     100 iterations
//
//   both on 2D        lags 0, 0   slots of 5             500 cycles
//   B on 1D           lags 0, 1   slots of max(4, 3)     403: the last is B's
//
// in which the second holds A's tile twice, one per slot between its producer
// and its last reader. Slots take their busiest array; capacities, what the
// whole run moves through a level's ports, and energy with leakage are as in
// lib/CostModel (dialects/Schedule/README.md, 6 and 7), so that the cycles of
// a plan are those of the pipeline built from it.
//
// Trusted: that the choices are legal by themselves. Not in the space: lags
// with gaps, which with equal iterations never help; and two members of a
// recurrence in one slot, the later reading what the earlier computed for an
// iteration before its own. More than 32 stages are refused (no plan,
// `complete` false).
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_PIPELINEGROUP_H
#define LIB_MAPPER_PIPELINEGROUP_H

#include "lib/Mapper/SlotWindows.h"

#include <map>
#include <optional>
#include <string>

namespace einsum::mapper {

/// What the whole run moves in one way (reads of a level, accesses at its
/// ports, ...) takes time.
struct Channel {
  double unitsPerCycle = 0;
  uint64_t baseUnits = 0; ///< whatever the stages do
};

/// One way to run a stage.
struct StageChoice {
  int array = 0;        ///< or DMA engine: what works on one thing at a time
  uint64_t cycles = 0;  ///< of an iteration in which the stage runs
  uint64_t startUp = 0; ///< cycles to fill and drain the array
  double energy = 0;    ///< over the whole run
  std::vector<uint64_t> moved; ///< per channel, over the whole run
  std::vector<uint64_t> held;  ///< bytes per level, below the stage
};

/// `consumer` reads what `producer` computed `distance` iterations earlier.
struct StageDependence {
  int producer = 0, consumer = 0;
  uint64_t distance = 0;
  /// Read while it is produced: an element at a time, in the same slot even if
  /// the arrays differ.
  bool streamed = false;
};

/// Held once per slot between the first and the last stage that touches it.
struct TensorInFlight {
  size_t level = 0;
  uint64_t bytes = 0;
  StageSet touchedBy = 0;
};

struct PipelineGroup {
  std::vector<std::vector<StageChoice>> stages;
  std::vector<StageDependence> dependences;
  std::vector<TensorInFlight> tensors;
  std::vector<Channel> channels;
  std::vector<uint64_t> capacities; ///< bytes left, per level
  Iterations iterations;
  uint64_t repetitions = 1; ///< of all iterations, each filling anew
  double leakagePerCycle = 0;

  StageSet all() const {
    return stages.size() >= maxStages ? ~StageSet{0}
                                      : (StageSet{1} << stages.size()) - 1;
  }
};

struct PipelinePlan {
  std::vector<int> choices;   ///< per stage
  std::vector<int64_t> lags;  ///< per stage
  std::vector<int> order;     ///< of the stages, as children
  uint64_t interval = 0;      ///< cycles of a slot in which every stage runs
  uint64_t slotCycles = 0;    ///< of all slots and repetitions
  uint64_t startUpCycles = 0; ///< of all repetitions
  double transferCycles = 0;  ///< what the channels need
  double cycles = 0;          ///< all in all
  double energy = 0;
  std::vector<uint64_t> held; ///< per level
};

/// The plan that these choices and lags make, or none if a dependence or a
/// capacity forbids it, or a count exceeds 64 bits.
std::optional<PipelinePlan> evaluatePlan(const PipelineGroup &group,
                                         std::vector<int> choices,
                                         std::vector<int64_t> lags);

enum class PipelineGoal : uint8_t {
  latency, ///< then energy
  energy,  ///< then latency
  edp,     ///< then latency
};

struct PipelineStatistics {
  uint64_t bindings = 0; ///< choices for all stages that were looked into
  uint64_t steps = 0;    ///< choices, and sets of stages put into a slot
  uint64_t plans = 0;    ///< evaluated
  std::map<std::string, uint64_t> pruned; ///< by rule
  bool complete = true;                   ///< the search was not cut short
};

struct PipelineLimits {
  /// Stages start as soon as their dependences allow.
  bool leastLags = false;
  /// Steps after which the search is cut short.
  uint64_t steps = 5'000'000;
};

struct PipelineResult {
  /// The best, or the Pareto set by rising cycles; of equals the first found,
  /// which depends on the group alone.
  std::vector<PipelinePlan> plans;
  PipelineStatistics statistics;
};

/// The best plan.
PipelineResult schedulePipeline(const PipelineGroup &group, PipelineGoal goal,
                                const PipelineLimits &limits = {});

/// All plans that no other matches or beats in cycles, energy and bytes held
/// at every level.
PipelineResult findPipelineFront(const PipelineGroup &group,
                                 const PipelineLimits &limits = {});

/// Lag that a dependence asks for: lag(consumer) >= lag(producer) + this.
/// In the slot in which a value is computed only the same array can read it,
/// and no other member of a recurrence for a later iteration.
int64_t leastLag(const StageDependence &dependence, bool sameArray,
                 bool sameRecurrence);

/// Per stage the number of the recurrence that it belongs to (strongly
/// connected stages); a stage that is in none has a number of its own.
std::vector<int> findRecurrences(const PipelineGroup &group);

} // namespace einsum::mapper

#endif // LIB_MAPPER_PIPELINEGROUP_H
