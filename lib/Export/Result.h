//===- Result.h - What a compilation found out ------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One Result per compilation: the bound cascade, and, unless the analysis was
// all that was asked for, one schedule of it with its cost on one architecture.
// Three writers read it, and none computes a number that another one lacks:
//
//   writeJson      the versioned result for programs (result.schema.json)
//   printSummary   one screen for a person
//   printLoopTree  the schedule, drawn
//
// Plain views: whoever fills a Result keeps what it points to alive.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_EXPORT_RESULT_H
#define LIB_EXPORT_RESULT_H

#include "dialects/Schedule/Schedule.h"
#include "lib/Analysis/LiveFootprint.h"
#include "lib/Analysis/Traffic.h"
#include "lib/Arch/ArchSpec.h"
#include "lib/CostModel/Evaluation.h"
#include "lib/CostModel/MachineBounds.h"
#include "lib/Export/QuantizeReport.h"
#include "lib/Export/RewriteReport.h"
#include "lib/Mapper/MapRequest.h"

#include <optional>

namespace einsum::exporting {

/// A schedule and its cost.
struct Mapped {
  schedule::MappingOp mapping;
  const arch::ArchSpec *arch = nullptr;
  const cost::Evaluation *cost = nullptr;
  const cost::MachineBounds *bounds = nullptr;
  std::vector<std::string> operatorNames; ///< of ArrayCost::operators
  std::string status;                     ///< "given", ...
  std::string space;                      ///< what was searched
  double wallSeconds = 0;                 ///< spent on building the schedule
  uint64_t evaluated = 0;                 ///< schedules whose cost was computed
  std::vector<std::string> evictions;     ///< that made a given one fit
};

/// What a search says about one variant of the cascade.
struct SearchedVariant {
  std::string name;      ///< "fewer passes, M0=256"
  std::string leftOut;   ///< why it was not searched, or empty
  bool isBeaten = false; ///< nothing in it is better than an earlier one
  mapper::Certificate certificate;
};

/// A point of a Pareto set.
struct ParetoPoint {
  std::string variant, tree;
  double latencySeconds = 0, energyJoules = 0;
  std::vector<double> values; ///< per metric of the objective
};

/// How the schedule was found, or why there is none.
struct Search {
  mapper::Objective objective;
  mapper::Certificate certificate;
  std::string variant; ///< that the schedule is of
  std::vector<SearchedVariant> variants;
  std::vector<ParetoPoint> pareto; ///< if several metrics are minimised
  std::vector<std::vector<mapper::Conflict>> conflicts; ///< if nothing fits
};

struct Result {
  std::string workload;
  const CascadeFacts *facts = nullptr;
  RankPasses passes;
  std::vector<LiveFootprint> footprints;
  /// Every parameter of the cascade with its value.
  std::vector<std::pair<std::string, int64_t>> binding;
  std::optional<RewriteReport> rewrite;       ///< if one was asked for
  std::optional<QuantizeReport> quantisation; ///< if one was asked for
  const arch::ArchSpec *arch = nullptr;       ///< unless the analysis was all
  std::optional<Search> search;               ///< if the schedule was searched
  std::optional<Mapped> mapped;
};

/// Bytes that the schedule moves at the backing level.
uint64_t getBackingBytes(const Mapped &mapped);
/// The array that runs each Einsum, as an index into the spec.
std::vector<int> getArrays(const CascadeFacts &facts, const Mapped &mapped);

/// part / whole; no share where there is no whole (a cascade that only copies
/// takes no cycles).
double getShare(double part, double whole);

/// Numbers of the architecture that this result rests on, and where they come
/// from.
struct UsedNumbers {
  std::string
      of; ///< "level 'DRAM'", "energy of memory 'hbm2'", "'exp' of 'pe'"
  arch::Provenance provenance;
};

/// What the schedule used, in the order of the spec: levels it touches, arrays
/// it runs on with their operators, engines. Numbers without a provenance
/// (those that need none, such as shapes) are left out.
std::vector<UsedNumbers> listUsedNumbers(const CascadeFacts &facts,
                                         const Mapped &mapped);

nlohmann::ordered_json makeResultJson(const Result &result);
void writeJson(const Result &result, llvm::raw_ostream &os);

/// One line per point: its values, in s, J, J s and B, and the variant.
void writeParetoCsv(const Search &search, const arch::ArchSpec &arch,
                    llvm::raw_ostream &os);

/// At most 100 columns and 40 lines; what a large cascade has beyond that is
/// counted, not listed.
void printSummary(const Result &result, llvm::raw_ostream &os);

/// One node per line, children indented, long tensor lists wrapped at 100
/// columns:
///
///   storage DRAM: A, B, Z
///     temporal m: 4 steps of 1
///       spatial k: 8 steps of 1 across col
///         compute Z on pe
void printLoopTree(schedule::MappingOp mapping, const CascadeFacts &facts,
                   llvm::raw_ostream &os);

} // namespace einsum::exporting

#endif // LIB_EXPORT_RESULT_H
