//===- Mapper.h - The best fused mapping in a stated space ------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From a cascade and a machine to a loop tree, and a certificate that says how
// good it is and among what. The space is README.md's; the search is exact in
// it, so that
//
//   Z[m,n] = A[m,k] * B[k,n]     on two levels, energy
//
//   status    optimal            no mapping of the space costs less
//   bound     1.05 mJ            what the search has proven, here the cost
//   space     perfect tiles, up to 4 shared loops, sequences and pipelines
//   pruned    capacity 812  dominated 10 411  bound 95
//
// A search that is stopped (time limit, interrupt) returns the best so far as
// `best found` with what it has proven until then. One that finds nothing says
// which constraints cannot be had together, a smallest such set.
//
// Every cost in a result is the cost model's for the schedule returned; the
// search has closed forms of its own, and a difference is an internal error.
// The result does not depend on the number of threads.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_MAPPER_MAPPER_H
#define LIB_MAPPER_MAPPER_H

#include "dialects/Schedule/Schedule.h"
#include "lib/Analysis/CascadeFacts.h"
#include "lib/Arch/ArchSpec.h"
#include "lib/CostModel/Evaluation.h"
#include "lib/Mapper/Patience.h"
#include "lib/Support/SourceLocation.h"

#include <atomic>
#include <limits>
#include <map>

namespace einsum::mapper {

enum class Metric : uint8_t { latency, energy, edp, traffic, capacity };

/// What is minimised. More than one metric asks for their Pareto set.
struct Objective {
  std::vector<Metric> metrics = {Metric::latency};
  /// For `traffic` and `capacity`: the level meant; -1: the backing level, or
  /// its first child.
  int level = -1;
};

/// Limits of the space beyond those that the machine sets; see README.md.
struct SpaceLimits {
  /// Loops that neighbouring Einsums may share.
  unsigned sharedLoops = 4;
  /// Of these, over one rank.
  unsigned sharedLoopsPerRank = 2;
  /// Tiles that do not divide their extent.
  bool imperfect = true;
  /// Splits whose children overlap as a software pipeline.
  bool pipelines = true;
  /// Einsums in another order than written.
  bool reorder = true;
  /// Tensors that stay on chip between Einsums.
  bool fusion = true;
  /// One holder for several Einsums of what lives at the backing level.
  bool sharedHolders = true;
  /// What readers need of several steps of a window loop is made in each of
  /// them.
  bool recompute = true;
  /// It is kept from step to step.
  bool retain = true;
};

/// What a search does without looking at everything. Each rule can be left out,
/// for tests and measurements; the result is the same, later.
struct PruningRules {
  bool dominance = true; ///< no better in any cost: dropped
  bool bound = true;     ///< costs more than what is known: dropped
  bool incumbent = true; ///< a first mapping is looked for
  bool canonical = true; ///< Einsums that look the same are searched once
  bool deals = true; ///< of ways to deal ranks that cost the same one goes on
  bool ranks = true; ///< those that always come together are one
};

/// Of a search that is had in two parts: a first mapping soon, where nests are
/// many, and all that comes after it.
enum class SearchPart : uint8_t { whole, sketch, rest };

struct MapOptions {
  Objective objective;
  SpaceLimits limits;
  PruningRules rules;
  double timeLimitSeconds = 0; ///< 0: none
  unsigned threads = 0;        ///< 0: one per core; the result is the same
  /// A value of the objective that is had elsewhere, for a single metric: what
  /// costs more is of no interest. A complete search without a point then says
  /// that nothing here is better.
  double cutoff = std::numeric_limits<double>::infinity();
  /// Whether one pipeline of all Einsums is tried before all else.
  bool triesOnePipeline = true;
  SearchPart part = SearchPart::whole;
  /// Whether to ask first if there is a reason why there is no mapping.
  bool isDoubtful = false;
  /// Set from outside to end the search early.
  const std::atomic<bool> *stop = nullptr;
  /// Ends a search of a single metric that can prove nothing; null: the time
  /// limit alone does.
  Patience *patience = nullptr;
};

enum class Status : uint8_t { optimal, bestFound, infeasible, unsupported };

/// "optimal", "best found", ...
llvm::StringRef describeStatus(Status status);

/// Why to believe a result.
struct Certificate {
  Status status = Status::optimal;
  std::string space; ///< one line
  /// Without a proof: the last search of a part of it that came to its end, and
  /// the one that did not. Bounds are those of all of it.
  std::string searched = "";
  std::string metric;    ///< what `best` and `lowerBound` measure, with unit
  double best = 0;       ///< of the schedule returned
  double lowerBound = 0; ///< proven: nothing in the space costs less
  std::string boundName; ///< "search complete", or which bound it is
  uint64_t evaluated =
      0; ///< partial and whole mappings whose cost was computed
  /// Decimal logarithm of the loop trees that the search speaks for, at least:
  /// those without fusion, of single steps (README.md).
  double spaceLog10 = 0;
  std::map<std::string, uint64_t> pruned; ///< by rule
  double wallSeconds = 0;
  /// When the first mapping was there; NaN: none was found.
  double firstSeconds = std::numeric_limits<double>::quiet_NaN();

  double gap() const { return lowerBound > 0 ? best / lowerBound : 1; }
};

/// One of the constraints that cannot be had together.
struct Conflict {
  std::string constraint; ///< "level 'L1' holds 64 B"
  std::string remedy;     ///< "96 B would do"
  SourceLocation loc;     ///< where it is stated, if a file or option does
};

struct MappedPoint {
  schedule::MappingOp mapping; ///< placed after the cascade
  cost::Evaluation cost;
  std::vector<double> values; ///< per metric of the objective
};

struct MapResult {
  Certificate certificate;
  /// The best first; several for a Pareto set, by the first metric.
  std::vector<MappedPoint> points;
  /// A smallest set that is infeasible, if the status says so.
  std::vector<Conflict> conflicts;
};

/// What any mapping costs at least, by the first metric; soon known. Zero if
/// nothing is certain.
double boundCascade(CascadeOp cascade, const CascadeFacts &facts,
                    const arch::ArchSpec &arch, const MapOptions &options);

/// Searches. Fails, with located errors, only for what is not covered at all.
mlir::FailureOr<MapResult> mapCascade(CascadeOp cascade,
                                      const CascadeFacts &facts,
                                      const arch::ArchSpec &arch,
                                      const MapOptions &options);

} // namespace einsum::mapper

#endif // LIB_MAPPER_MAPPER_H
