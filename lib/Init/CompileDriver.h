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
//   read the cascade, bind its parameters, quantise it, rewrite it -> facts
//     --analyze-only: print them, done
//     --ski-slope: search and bound traffic for every capacity, done
//   read the architecture (before, if formats depend on it)
//   search the schedule, build it (a registered mapping) or read it (a file)
//   evaluate: 2 if a level cannot hold what the schedule places there, or, with
//     the reason, if no schedule fits
//   print the summary, write the files: 3 if the search was ended before it had
//     proved its result
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_COMPILEDRIVER_H
#define LIB_INIT_COMPILEDRIVER_H

#include "lib/Init/ExitCode.h"
#include "lib/Init/ModelFlags.h"
#include "lib/Init/QuantizeWorkload.h"
#include "lib/Mapper/MapRequest.h"

#include <string>
#include <vector>

namespace einsum {

/// As on the command line; files are "-" for standard input or output.
struct CompileOptions {
  std::string workload, cascade;
  ModelFlags model; ///< of a workload that is a config.json
  std::string arch, energyProfile;
  std::string accounting;           ///< a profile, empty for the spec's
  std::vector<std::string> bind;    ///< "M=65536"
  std::vector<std::string> set;     ///< "N=128"
  std::vector<std::string> plugins; ///< shared libraries with mappings
  /// `auto` (a search), a registered name, a .mlir or a .json file.
  std::string mapping = "auto";
  bool analyzeOnly = false;
  /// See RewriteWorkload.h and SlopeVariants.h. If not given, auto where the
  /// mapping is searched, else none.
  std::string rewrite;
  bool rewriteIsGiven = false;
  bool explain = false; ///< print the derivation
  /// Number formats; an empty text for none. See QuantizeWorkload.h.
  QuantizeRequest quantize;
  /// What is searched, and for how long at most: 0 for no limit, and as many
  /// threads as there are cores.
  mapper::MapRequest request;
  std::string timeLimit; ///< seconds
  unsigned threads = 0;
  std::string pareto; ///< a .csv file for the points of a Pareto set
  /// Files to write, empty for none.
  std::string json, schedule, csv, html, trace;
  bool evict = false; ///< make a given schedule fit by fetching tiles again
  bool htmlSkiSlope = false; ///< add traffic against capacity to the report
  /// Traffic against capacity, and nothing else: a table on standard output, or
  /// the files named, .csv or .svg.
  bool skiSlope = false;
  std::string skiSlopeFile, skiSlopeSvg;
};

/// Runs the pipeline; the summary goes to standard output, unless a file does.
ExitCode compile(const CompileOptions &options);

/// Names and descriptions of the mappings, those of plugins among them.
ExitCode listMappings(const CompileOptions &options);

} // namespace einsum

#endif // LIB_INIT_COMPILEDRIVER_H
