//===- einsum-run.cpp - Executes cascades and compares them ---------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/RunDriver.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/raw_ostream.h"

using namespace einsum;
namespace cl = llvm::cl;

static cl::OptionCategory category("einsum-run options");

static RunOptions options;

namespace {
/// An option that sets a field of `options`.
template <typename T> struct Option : cl::opt<T, true> {
  Option(llvm::StringRef name, llvm::StringRef value, llvm::StringRef text,
         T &field)
      : cl::opt<T, true>(name, cl::value_desc(value), cl::desc(text),
                         cl::location(field), cl::cat(category)) {}
};
/// The same for a list.
struct Options : cl::list<std::string, std::vector<std::string>> {
  Options(llvm::StringRef name, llvm::StringRef value, llvm::StringRef text,
          std::vector<std::string> &field)
      : list(name, cl::value_desc(value), cl::desc(text), cl::location(field),
             cl::CommaSeparated, cl::cat(category)) {}
};
} // namespace

static cl::opt<std::string, true>
    program(cl::Positional,
            cl::desc("CASCADE (.ein or .mlir; '-': standard input)"),
            cl::location(options.program), cl::cat(category));
static Option against("against", "FILE",
                      "Compare with the outputs of this cascade",
                      options.against);
static Option cascade("cascade", "NAME", "The one to run, of several in a file",
                      options.cascade);
static Option againstCascade("against-cascade", "NAME",
                             "The same for --against", options.againstCascade);
static Options extents("extent", "M=32,...",
                       "Parameters; others are reduced where needed",
                       options.extents);
static Options data("data", "NAME[:SCALE],X=NAME,...",
                    "Distributions, taken in turn, or that of input X",
                    options.data);
static Options inputs("input", "X=FILE.npy", "Values of input X",
                      options.inputs);
static Options outputs("output-npy", "Z=FILE.npy",
                       "Write output Z of the first trial", options.outputs);
static Option format("format", "NAME",
                     "All floats in f64 (default), f32, f16, bf16, ...; "
                     "declared: in their own type",
                     options.format);
static Option seed("seed", "N", "Seed of the first trial; later ones count up",
                   options.seed);
static Option trials("trials", "N",
                     "Number of trials (default: one per distribution)",
                     options.trials);
static cl::opt<double> tolerance(
    "tolerance", cl::value_desc("X"),
    cl::desc("Largest error relative to the tensor (default: half the digits)"),
    cl::cat(category));
static Option maxPoints("max-points", "N",
                        "Refuse larger cascades (default: 10^9)",
                        options.maxPoints);
static Option json("json", "FILE",
                   "Write the result as JSON ('-': instead of the text)",
                   options.json);

static Option schedule("schedule", "FILE.mlir",
                       "Execute this schedule of the cascade and compare",
                       options.schedule.schedule);
static Option mapping("mapping", "NAME",
                      "Execute the schedule that this mapping builds",
                      options.schedule.mapping);
static Option arch("arch", "SPEC.json", "The architecture of the schedule",
                   options.schedule.arch);
static Options settings("set", "N=64,...", "Parameters of the architecture",
                        options.schedule.set);
static Option trace("trace", "FILE",
                    "Write who does what when: .jsonl for JSON lines, else "
                    "for chrome://tracing",
                    options.schedule.trace);

static ExitCode runTool() {
  if (tolerance.getNumOccurrences())
    options.tolerance = tolerance;
  return run(options);
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  llvm::setBugReportMsg("internal error: this is a bug in einsum-run\n");
  cl::HideUnrelatedOptions(category);
  cl::SetVersionPrinter(
      [](llvm::raw_ostream &os) { os << "einsum-run " EINSUM_VERSION "\n"; });
  cl::ParseCommandLineOptions(argc, argv, describeRuns());
  try {
    return static_cast<int>(runTool());
  } catch (const std::exception &error) {
    llvm::errs() << "internal error: " << error.what() << "\n";
    return static_cast<int>(ExitCode::InternalError);
  }
}
