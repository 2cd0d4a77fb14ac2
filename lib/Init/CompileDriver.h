//===- CompileDriver.h - The whole pipeline in one call ---------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From a workload file to a schedule with its cost. The stages, each of which
// reports what is wrong and ends the run:
//
//   read the cascade, bind its parameters, rewrite it -> facts
//     --analyze-only: print them, done
//     --ski-slope: search and bound traffic for every capacity, done
//   read the architecture
//   build the schedule (a registered mapping) or read it (a file), verify it
//   evaluate: 2 if a level cannot hold what the schedule places there
//   print the summary, write the files
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_COMPILEDRIVER_H
#define LIB_INIT_COMPILEDRIVER_H

#include "lib/Init/ExitCode.h"

#include <string>
#include <vector>

namespace einsum {

/// As on the command line; files are "-" for standard input or output.
struct CompileOptions {
  std::string workload, cascade;
  std::string arch, energyProfile;
  std::string accounting;        ///< a profile, empty for the spec's
  std::vector<std::string> bind; ///< "M=65536"
  std::vector<std::string> set;  ///< "N=128"
  std::string mapping;           ///< a registered name or a .mlir file
  bool analyzeOnly = false;
  std::string rewrite = "none"; ///< see RewriteWorkload.h, SlopeVariants.h
  bool explain = false;         ///< print the derivation
  std::string json, schedule;   ///< files to write, empty for none
  /// Traffic against capacity, and nothing else: a table on standard output, or
  /// the files named, .csv or .svg.
  bool skiSlope = false;
  std::string skiSlopeFile, skiSlopeSvg;
};

/// Runs the pipeline; the summary goes to standard output, unless a file does.
ExitCode compile(const CompileOptions &options);

/// Names and descriptions of the registered mappings.
void listMappings();

} // namespace einsum

#endif // LIB_INIT_COMPILEDRIVER_H
