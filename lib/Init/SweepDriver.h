//===- SweepDriver.h - Many designs, and the best of them -------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiles every workload for every design of a sweep (SweepSpec.h) and lists
// the designs that no other one beats. A design with a workload is a *task*;
// each runs in a process of its own, so that one that fails, or crashes, is a
// line of the result and not the end of the sweep.
//
// Results are JSON lines, one per task, written as they come:
//
//   {"area_mm2":447.9,"energy_j":583.8,"key":"5f0c...","latency_s":0.465,...}
//
// `key` is a digest of all that the numbers follow from: the texts of the
// architecture, its energy profiles and the workload, the parameters, the
// options, the release. A task whose key is in the file is not run again: an
// interrupted sweep goes on where it was, one with further values does only
// what is new, and shards of one sweep (`--shard=1/4` to `4/4`, on four
// machines) are put together by `--from`. Once all tasks are done, the file is
// rewritten in the order of the designs, the same bytes however they were run.
//
// Ends with 0; 1 for bad input; 2 if no design can do all workloads; 3 if tasks
// are missing, because of a shard or an interrupt.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_INIT_SWEEPDRIVER_H
#define LIB_INIT_SWEEPDRIVER_H

#include "lib/Init/ExitCode.h"

#include <string>
#include <vector>

namespace einsum {

/// As on the command line.
struct SweepOptions {
  std::string sweep;             ///< SWEEP.json
  std::string out;               ///< results, .jsonl; empty: nothing is kept
  std::vector<std::string> from; ///< results of other shards or sweeps
  std::string shard;             ///< "1/4"
  std::string csv;               ///< one line per design
  unsigned jobs = 1;             ///< tasks at the same time
};

ExitCode sweep(const SweepOptions &options);

} // namespace einsum

#endif // LIB_INIT_SWEEPDRIVER_H
