//===- einsum-run.cpp - Executes cascades and compares them ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/RunDriver.h"
#include "lib/Init/ToolMain.h"

using namespace einsum;

static llvm::cl::OptionCategory category("einsum-run options");

static RunOptions options;

static ToolInput program(category,
                         "CASCADE (.ein or .mlir; '-': standard input)",
                         options.program);
static ToolOption against(category, "against", "FILE",
                          "Compare with the outputs of this cascade",
                          options.against);
static ToolOption cascade(category, "cascade", "NAME",
                          "The one to run, of several in a file",
                          options.cascade);
static ToolOption againstCascade(category, "against-cascade", "NAME",
                                 "The same for --against",
                                 options.againstCascade);
static ToolList extents(category, "extent", "M=32,...",
                        "Parameters; others are reduced where needed",
                        options.extents);
static ToolList data(category, "data", "NAME[:SCALE],X=NAME,...",
                     "Distributions, taken in turn, or that of input X",
                     options.data);
static ToolList inputs(category, "input", "X=FILE.npy", "Values of input X",
                       options.inputs);
static ToolList outputs(category, "output-npy", "Z=FILE.npy",
                        "Write output Z of the first trial", options.outputs);
static ToolOption format(category, "format", "NAME",
                         "All floats in f64 (default), f32, f16, bf16, ...; "
                         "declared: in their own type and number format; "
                         "stored: in f64, rounded once a tensor is complete",
                         options.format);
static llvm::cl::opt<bool>
    errors("errors",
           llvm::cl::desc("Show the error of every tensor against f64 (always "
                          "shown for number formats with --format=declared)"),
           llvm::cl::cat(category));
static ToolOption seed(category, "seed", "N",
                       "Seed of the first trial; later ones count up",
                       options.seed);
static ToolOption trials(category, "trials", "N",
                         "Number of trials (default: one per distribution)",
                         options.trials);
static double tolerance;
static ToolOption
    toleranceOption(category, "tolerance", "X",
                    "Largest error relative to the tensor (default: half the "
                    "digits)",
                    tolerance);
static ToolOption maxPoints(category, "max-points", "N",
                            "Refuse larger cascades (default: 10^9)",
                            options.maxPoints);
static ToolOption json(category, "json", "FILE",
                       "Write the result as JSON ('-': instead of the text)",
                       options.json);

static ToolOption commands(category, "commands", "FILE",
                           "Write what the schedule does as commands of a "
                           "machine: .json, or .txt to look at",
                           options.schedule.commands);
static ToolOption replay(category, "replay", "FILE.json",
                         "Execute these commands in place of the schedule and "
                         "compare",
                         options.schedule.replay);
static ToolOption
    schedule(category, "schedule", "FILE",
             "Execute this schedule (.mlir, .json) of the cascade and compare",
             options.schedule.schedule);
static ToolOption mapping(category, "mapping", "NAME",
                          "Execute the schedule that this mapping builds",
                          options.schedule.mapping);
static ToolList plugins(category, "plugin", "FILE.so,...",
                        "Shared libraries that bring further mappings",
                        options.schedule.plugins);
static ToolOption arch(category, "arch", "SPEC.json",
                       "The architecture of the schedule",
                       options.schedule.arch);
static ToolList settings(category, "set", "N=64,...",
                         "Parameters of the architecture",
                         options.schedule.set);
static ToolOption accounting(category, "accounting", "PROFILE",
                             "Count moves and times as 'default' or "
                             "'looptree', whatever the architecture says",
                             options.schedule.accounting);
static ToolOption trace(category, "trace", "FILE",
                        "Write who does what when: .jsonl for JSON lines, else "
                        "for chrome://tracing",
                        options.schedule.trace);

static ExitCode runDriver() {
  if (toleranceOption.getNumOccurrences())
    options.tolerance = tolerance;
  options.errors = errors;
  return run(options);
}

int main(int argc, char **argv) {
  return runTool(argc, argv, {"einsum-run", describeRuns()}, category,
                 runDriver);
}
