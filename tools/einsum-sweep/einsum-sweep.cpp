//===- einsum-sweep.cpp - Many designs, and those that nothing beats ------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/SweepDriver.h"
#include "lib/Init/ToolMain.h"

using namespace einsum;

static llvm::cl::OptionCategory category("einsum-sweep options");
static SweepOptions options;

static ToolInput spec(category, "SWEEP.json ('-': standard input)",
                      options.sweep);
static ToolOption out(category, "out", "FILE.jsonl",
                      "Keep results here as they come; what is there is not "
                      "run again",
                      options.out);
static ToolList from(category, "from", "FILE.jsonl,...",
                     "Take results from other shards or sweeps", options.from);
static ToolOption shard(category, "shard", "I/N",
                        "Run only every N-th design, from the I-th on",
                        options.shard);
static ToolOption csv(category, "csv", "FILE.csv",
                      "Write one line per design that can do all workloads",
                      options.csv);
static ToolOption jobs(category, "jobs", "N",
                       "Run N tasks at a time, each search with one thread "
                       "(default: one task, with all cores)",
                       options.jobs);

int main(int argc, char **argv) {
  return runTool(
      argc, argv,
      {"einsum-sweep",
       "Compiles workloads for many designs of one architecture and lists the "
       "best.\nEvery combination of parameters is a design; marked are those "
       "that no other one\nbeats in the metrics of the sweep.\n"},
      category, [] { return sweep(options); });
}
