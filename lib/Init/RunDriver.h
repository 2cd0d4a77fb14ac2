//===- RunDriver.h - Executes and compares cascades -------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What einsum-run does: interprets a cascade on data from files or from a seed
// and, if there is a second one, compares their outputs of the same name. In
// the place of the second one, a schedule of the first may be executed
// (ScheduleRun.h).
//
//   read both, bind extents (ChooseExtents.h), check that they have the same
//   inputs and outputs
//   for each trial: sample inputs, interpret both, compare
//   report the largest errors, where they are, and whether they are tolerated
//
// Ends with 0; with 1 for bad input, cascades that cannot be compared among it;
// with 2 if outputs differ by more than is tolerated; with 3 if there are more
// points than allowed.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_RUNDRIVER_H
#define LIB_INIT_RUNDRIVER_H

#include "lib/Init/ExitCode.h"
#include "lib/Init/ScheduleRun.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace einsum {

/// As on the command line; files are "-" for standard input or output.
struct RunOptions {
  std::string program, against;
  std::string cascade, againstCascade; ///< names, where a file holds several
  std::vector<std::string> extents;    ///< "M=32"
  std::vector<std::string> data;       ///< "normal", "masked", "X=ties"
  std::vector<std::string> inputs;     ///< "X=file.npy"
  std::vector<std::string> outputs;    ///< "Z=file.npy"
  std::string format = "f64";          ///< of all values, or "declared"
  bool errors = false;                 ///< of every tensor against f64, shown
  uint64_t seed = 0;
  unsigned trials = 0; ///< 0: one for each distribution
  std::optional<double> tolerance;
  uint64_t maxPoints = 1'000'000'000;
  std::string json;         ///< file to write, empty for none
  ScheduleOptions schedule; ///< to execute and compare with the cascade
};

ExitCode run(const RunOptions &options);

/// What the tool does, its exit codes, and the distributions, for its help.
std::string describeRuns();

} // namespace einsum

#endif // LIB_INIT_RUNDRIVER_H
