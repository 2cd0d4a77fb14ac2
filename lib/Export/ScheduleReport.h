//===- ScheduleReport.h - A schedule that leaves the compiler ---*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One schedule with everything that can be said about its nodes. Writers:
//
//   makeScheduleJson   schema "einsum-schedule/1" (schedule.schema.json): the
//                      tree, which ReadSchedule.h reads again, and facts
//   printSchedule      the tree for a person, 100 columns: which pass over a
//                      rank a loop makes, what is held where, who works how
//                      long
//   writeTrafficCsv    a row per Einsum, level and tensor
//   writeTrace         the timeline for chrome://tracing and Perfetto
//
// What a tree is can be told without a machine; costs, space and times need
// one.
//
// The file holds the program that the schedule is of, because a search maps
// what it made of a cascade, not what it was given:
//
//   attention.ein --(fewer passes)--> program --(search)--> tree
//
// Whoever reads it again with attention.ein gets the same program back, and so
// the same numbers, bit for bit.
//
// Plain views: whoever fills a report keeps what it points to alive.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_EXPORT_SCHEDULEREPORT_H
#define LIB_EXPORT_SCHEDULEREPORT_H

#include "dialects/Schedule/Schedule.h"
#include "lib/Analysis/RankPasses.h"
#include "lib/Arch/ArchSpec.h"
#include "lib/CostModel/ScheduleProfile.h"
#include "lib/Export/Timeline.h"

#include <nlohmann/json_fwd.hpp>

namespace einsum::exporting {

struct ScheduleReport {
  schedule::MappingOp mapping;
  const CascadeFacts *facts = nullptr;
  const RankPasses *passes = nullptr;
  /// Every parameter of the cascade with its value.
  std::vector<std::pair<std::string, int64_t>> binding;
  std::string program; ///< the cascade that is scheduled, as MLIR
  std::string origin;  ///< the cascade it was derived from, or empty
  /// What tells that cascade from others where its text is not known; or empty.
  std::string derivedFrom;
  /// All null, or none.
  const arch::ArchSpec *arch = nullptr;
  const cost::Evaluation *cost = nullptr;
  const cost::ScheduleProfile *profile = nullptr;
  std::vector<std::string> operatorNames; ///< of ArrayCost::operators
};

nlohmann::ordered_json makeScheduleJson(const ScheduleReport &report);
void writeScheduleJson(const ScheduleReport &report, llvm::raw_ostream &os);
void printSchedule(const ScheduleReport &report, llvm::raw_ostream &os);
void writeTrafficCsv(const ScheduleReport &report, llvm::raw_ostream &os);
/// A lane per array and DMA engine; a cycle is shown as a microsecond, because
/// tools know no cycles.
void writeTrace(const ScheduleReport &report, llvm::raw_ostream &os);

/// Bars in a picture of the run, of an epoch, and in a trace.
constexpr size_t kRunBars = 400, kEpochBars = 160, kTraceBars = 200000;

/// "QK", or "transfer K, V".
std::string describeWork(mlir::Operation *node);
/// The name of an array or DMA engine, as `Bar::resource` counts them.
const std::string &getResourceName(const arch::ArchSpec &arch, int resource);

/// Nodes of a tree in preorder, numbered as in every file.
std::vector<mlir::Operation *> listNodes(schedule::MappingOp mapping);

} // namespace einsum::exporting

#endif // LIB_EXPORT_SCHEDULEREPORT_H
