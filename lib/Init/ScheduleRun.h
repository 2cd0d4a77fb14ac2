//===- ScheduleRun.h - A schedule executed for a person ---------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// einsum-run with --schedule or --mapping: the simulator executes the schedule
// on the inputs of each trial, and its outputs take the place of a second
// cascade's. Afterwards, what it counted stands beside what the cost model says
// of the same schedule, level by level and tensor by tensor.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_SCHEDULERUN_H
#define LIB_INIT_SCHEDULERUN_H

#include "lib/CostModel/CostModel.h"
#include "lib/Init/ExitCode.h"
#include "lib/Init/ReadWorkload.h"
#include "lib/Lowering/CommandStream.h"
#include "lib/Simulator/Simulator.h"

namespace einsum {

/// As on the command line; files are "-" for standard input or output.
struct ScheduleOptions {
  std::string schedule;             ///< a .mlir file
  std::string mapping;              ///< or the name of a registered mapping
  std::vector<std::string> plugins; ///< shared libraries with mappings
  std::string arch;
  std::vector<std::string> set; ///< "N=128"
  std::string accounting;       ///< a profile, empty for the spec's
  std::string trace;            ///< .jsonl for JSON lines, else Chrome's format
  std::string commands;         ///< written: .json, or .txt to look at
  std::string replay;           ///< a .json file of commands to execute instead

  bool isGiven() const { return !schedule.empty() || !mapping.empty(); }
};

/// Everything about the options that can be said before a file is read.
bool checkScheduleOptions(const ScheduleOptions &options);

class ScheduleRun {
public:
  explicit ScheduleRun(const ScheduleOptions &options) : options(options) {}

  /// Reads the specification.
  bool readArch();
  const arch::ArchSpec &getArch() const { return *arch; }
  /// Reads or builds the schedule of a bound cascade and asks the cost model
  /// about it.
  ExitCode prepare(Workload &workload, CascadeOp cascade);
  /// Executes it; the counts of the first execution are kept.
  mlir::FailureOr<interp::TensorMap>
  execute(const interp::TensorMap &inputs, const interp::Arithmetic &arithmetic,
          uint64_t limit);
  /// Whether everything that was counted is what the model says.
  bool agrees() const { return differences == 0; }
  void print(llvm::raw_ostream &os);
  bool writeFiles() const;

private:
  bool readReplay(CascadeOp cascade);
  void printTraffic(llvm::raw_ostream &os);
  void printArrays(llvm::raw_ostream &os);
  void printEngines(llvm::raw_ostream &os);
  void printTotals(llvm::raw_ostream &os);
  /// "12" or "12 (model: 13)"; counts differences.
  std::string compare(uint64_t ours, uint64_t theirs);

  ScheduleOptions options;
  std::optional<arch::ArchSpec> arch;
  CascadeFacts facts;
  CascadeOp cascade;
  schedule::MappingOp mapping;
  cost::Evaluation modelled;
  std::vector<std::string> operatorNames;
  std::optional<sim::Simulation> simulated;
  lowering::CommandStream commands; ///< made, or read
  unsigned differences = 0;
};

} // namespace einsum

#endif // LIB_INIT_SCHEDULERUN_H
