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

static ToolInput
    workload(category,
             "WORKLOAD (.ein, .mlir or a model's config.json; '-': "
             "standard input)",
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
static ToolOption mapping(category, "mapping", "auto|NAME|FILE",
                          "auto: search the best mapping (default); a "
                          "registered mapping; or a .mlir file with a "
                          "schedule.mapping, or a .json file, as --schedule "
                          "writes them",
                          options.mapping);
static ToolList plugins(category, "plugin", "FILE.so,...",
                        "Shared libraries that bring further mappings",
                        options.plugins);
static ToolOption objective(category, "objective",
                            "latency|energy|edp|traffic[:LEVEL]|"
                            "capacity[:LEVEL]|pareto[:A,B[,C]]",
                            "What the search minimises (default: latency); "
                            "pareto: all that no other mapping beats in A, B "
                            "and C",
                            options.request.objective);
static ToolOption timeLimit(category, "time-limit", "S|none",
                            "End the search after so many seconds, with the "
                            "best so far and exit code 3; so does Ctrl-C "
                            "(default: 55, or sooner where nothing can be "
                            "proven and nothing better has come for long)",
                            options.timeLimit);
static ToolOption threads(category, "threads", "N",
                          "Search with so many threads (default: one per "
                          "core); the result is the same",
                          options.threads);
static ToolList space(category, "space", "WORD,...",
                      "Restrict the search: shared-loops=N, "
                      "shared-loops-per-rank=N, perfect-tiles, no-fusion, "
                      "no-pipelines, no-reorder, no-shared-holders, "
                      "no-recompute, no-retain",
                      options.request.space);
static ToolList keep(category, "keep", "TENSOR@LEVEL,...",
                     "Tensors that have a storage node at a level",
                     options.request.keep);
static ToolList bypass(category, "bypass", "TENSOR@LEVEL,...",
                       "Tensors that have none there", options.request.bypass);
static ToolList array(category, "array", "EINSUM=ARRAY,...",
                      "Arrays that Einsums run on", options.request.array);
static ToolList fixTile(category, "fix-tile", "RANK@LEVEL=N,...",
                        "Extents of the tiles held at a level",
                        options.request.fixTile);
static ToolList loopOrder(category, "loop-order", "RANK:RANK...@LEVEL,...",
                          "Order of the loops between a storage node at a "
                          "level and the next further in, outermost first",
                          options.request.loopOrder);
static ToolList order(category, "order", "EINSUM,...",
                      "The order in which all Einsums are executed",
                      options.request.order);
static ToolOption evict(category, "evict", "",
                        "Make a given schedule that holds too much fit, by "
                        "evicting tiles and fetching them again",
                        options.evict);
static ToolOption pareto(category, "pareto", "FILE.csv",
                         "Write the points of --objective=pareto:A,B",
                         options.pareto);
static ToolOption json(category, "json", "FILE",
                       "Write the result as JSON ('-': instead of the summary)",
                       options.json);
static ToolOption schedule(category, "schedule", "FILE",
                           "Write the schedule: .mlir as IR, .json with all "
                           "that is known of it, .txt or '-' as a drawn tree",
                           options.schedule);
static ToolOption csv(category, "csv", "FILE.csv",
                      "Write what moves, a row per Einsum, level and tensor",
                      options.csv);
static ToolOption html(category, "html", "FILE.html",
                       "Write a report for a browser, one file", options.html);
static ToolOption htmlSkiSlope(category, "html-ski-slope", "",
                               "Add traffic against capacity to the report",
                               options.htmlSkiSlope);
static ToolOption trace(category, "trace", "FILE.json",
                        "Write the timeline for chrome://tracing and Perfetto",
                        options.trace);
static ToolOption analyzeOnly(category, "analyze-only", "",
                              "Stop after the analysis of the cascade",
                              options.analyzeOnly);
static ToolOption rewrite(category, "rewrite", "auto|none|LIST",
                          "Rewrite the cascade first: auto derives fewer rank "
                          "passes, and a search tries both; a list names "
                          "rewrites, as in 'defer,online{tile=64}' (default: "
                          "auto where the mapping is searched, else none). "
                          "With --ski-slope also lists between semicolons, "
                          "each for itself, or 'variants': all forms with "
                          "fewer rank passes",
                          options.rewrite);
static ToolOption quantize(category, "quantize", "TENSOR=FORMAT,...|auto,...",
                           "Store tensors in number formats: 'weights=int4 "
                           "group(128),KC=mxfp4'; or choose them: "
                           "'auto,max-error=1e-2'",
                           options.quantize.text);
static ToolOption error(category, "error", "",
                        "Execute the quantised cascade and print its error",
                        options.quantize.measure);
static ToolList errorData(category, "error-data", "normal,KC=outliers",
                          "Distributions of the data for it",
                          options.quantize.measured.data);
static ToolList errorExtent(category, "error-extent", "M=256,...",
                            "Extents for it, instead of small ones that are "
                            "chosen",
                            options.quantize.measured.extents);
static ToolList errorInput(category, "error-input", "W=FILE.npy,...",
                           "Inputs for it", options.quantize.measured.inputs);
static ToolOption accumulator(category, "accumulator", "BITS",
                              "Of sums of integers (default: 32)",
                              options.quantize.accumulatorBits);
static ToolOption explain(category, "explain", "",
                          "Print how --rewrite came to its result, and "
                          "what --quantize did",
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
  if (list)
    return listMappings(options);
  options.skiSlope =
      skiSlope.getNumOccurrences() + skiSlopeSvg.getNumOccurrences() > 0;
  options.skiSlopeFile = skiSlope;
  options.rewriteIsGiven = rewrite.getNumOccurrences() > 0;
  return compile(options);
}

int main(int argc, char **argv) {
  addModelFlags(category, options.model);
  return runTool(
      argc, argv,
      {"einsum-compile",
       "Maps a cascade of Einsums onto an architecture and says what it "
       "costs.\n"
       "Exits with 0, 1 (bad input), 2 (does not fit), 3 (ended early, best "
       "found printed) or 4 (internal error).\n"},
      category, runDriver);
}
