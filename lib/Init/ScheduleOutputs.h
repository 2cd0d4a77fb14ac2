//===- ScheduleOutputs.h - Files about a schedule ---------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a compilation writes about its schedule, by option. One of them may be
// "-", standard output, which then has no summary.
//
//   --json      .json         the result
//   --schedule  .mlir         IR, with the cascade: input again
//               .json         the tree with facts: input again
//               .txt, "-"     drawn
//   --csv       .csv          a row per Einsum, level and tensor
//   --html      .html         a report for a browser
//   --trace     .json         for chrome://tracing and Perfetto
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_SCHEDULEOUTPUTS_H
#define LIB_INIT_SCHEDULEOUTPUTS_H

#include "lib/Export/Result.h"
#include "lib/Export/ScheduleReport.h"

namespace einsum {

/// Files, empty for none.
struct ScheduleOutputs {
  std::string json, schedule, csv, html, trace;
  std::string skiSlope = {}; ///< an SVG for the HTML report, or empty

  /// The options, in order, with their files.
  std::vector<std::pair<llvm::StringRef, llvm::StringRef>> list() const;
  /// The first option about the schedule alone, or empty.
  llvm::StringRef firstGiven() const;
  /// The option that writes to standard output, or empty.
  llvm::StringRef onStandardOutput() const;
  bool takeStandardOutput() const { return !onStandardOutput().empty(); }
};

/// Suffixes, and that there is one standard output only; false after an error.
bool checkScheduleOutputs(const ScheduleOutputs &outputs);

/// Writes all but the result. `written` is the text of the workload's cascade
/// before it was rewritten. False after an error.
bool writeScheduleOutputs(const ScheduleOutputs &outputs,
                          const exporting::Result &result, CascadeOp cascade,
                          llvm::StringRef written);

} // namespace einsum

#endif // LIB_INIT_SCHEDULEOUTPUTS_H
