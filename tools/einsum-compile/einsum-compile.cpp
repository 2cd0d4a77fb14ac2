//===- einsum-compile.cpp - From a cascade to a costed schedule -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/CompileDriver.h"
#include "lib/Init/ToolMain.h"

using namespace einsum;

static llvm::cl::OptionCategory category("einsum-compile options");
static CompileOptions options;

static ToolInput workload(category,
                          "WORKLOAD (.ein or .mlir; '-': standard input)",
                          options.workload);
static ToolOption cascade(category, "cascade", "NAME",
                          "Compile this cascade of a file that holds several",
                          options.cascade);
static ToolOption arch(category, "arch", "SPEC.json", "The architecture",
                       options.arch);
static ToolList bind(category, "bind", "M=65536,P=1",
                     "Give parameters of the cascade their values",
                     options.bind);
static ToolList set(category, "set", "N=128",
                    "Replace parameters of the architecture", options.set);
static ToolOption energyProfile(category, "energy-profile", "NAME",
                                "Use energy/NAME.json beside the architecture",
                                options.energyProfile);
static ToolOption accounting(category, "accounting", "PROFILE",
                             "Count moves and times as 'default' or "
                             "'looptree', whatever the architecture says",
                             options.accounting);
static ToolOption mapping(category, "mapping", "NAME|FILE.mlir",
                          "A registered mapping, or a file with a "
                          "schedule.mapping",
                          options.mapping);
static ToolOption json(category, "json", "FILE",
                       "Write the result as JSON ('-': instead of the summary)",
                       options.json);
static ToolOption schedule(category, "schedule", "FILE",
                           "Write the schedule: .mlir as IR, .txt or '-' as a "
                           "drawn tree",
                           options.schedule);
static ToolOption analyzeOnly(category, "analyze-only", "",
                              "Stop after the analysis of the cascade",
                              options.analyzeOnly);
static ToolOption rewrite(category, "rewrite", "auto|none|LIST",
                          "Rewrite the cascade first: auto derives fewer rank "
                          "passes; a list names rewrites, as in "
                          "'defer,online{tile=64}' (default: none). With "
                          "--ski-slope also lists between semicolons, each "
                          "for itself, or 'variants': all forms with fewer "
                          "rank passes",
                          options.rewrite);
static ToolOption explain(category, "explain", "",
                          "Print how --rewrite came to its result",
                          options.explain);
static llvm::cl::opt<std::string> skiSlope(
    "ski-slope", llvm::cl::ValueOptional, llvm::cl::value_desc("FILE.csv"),
    llvm::cl::desc("Least traffic found and lower bound for every capacity"),
    llvm::cl::cat(category));
static ToolOption skiSlopeSvg(category, "ski-slope-svg", "FILE.svg",
                              "The same as a picture", options.skiSlopeSvg);
static llvm::cl::opt<bool> list("list-mappings",
                                llvm::cl::desc("List the registered mappings"),
                                llvm::cl::cat(category));

static ExitCode runDriver() {
  if (list) {
    listMappings();
    return ExitCode::Ok;
  }
  options.skiSlope =
      skiSlope.getNumOccurrences() + skiSlopeSvg.getNumOccurrences() > 0;
  options.skiSlopeFile = skiSlope;
  return compile(options);
}

int main(int argc, char **argv) {
  return runTool(
      argc, argv,
      {"einsum-compile", EINSUM_VERSION,
       "Maps a cascade of Einsums onto an architecture and says what it "
       "costs.\n"
       "Exits with 0, 1 (bad input), 2 (does not fit) or 4 (internal "
       "error).\n"},
      category, runDriver);
}
