//===- einsum-compile.cpp - From a cascade to a costed schedule -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/CompileDriver.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/raw_ostream.h"

using namespace einsum;
namespace cl = llvm::cl;

static cl::OptionCategory category("einsum-compile options");

static CompileOptions options;

static cl::opt<std::string, true>
    workload(cl::Positional,
             cl::desc("WORKLOAD (.ein or .mlir; '-': standard input)"),
             cl::location(options.workload), cl::cat(category));
static cl::opt<std::string, true>
    cascade("cascade", cl::value_desc("NAME"),
            cl::desc("Compile this cascade of a file that holds several"),
            cl::location(options.cascade), cl::cat(category));
static cl::opt<std::string, true> arch("arch", cl::value_desc("SPEC.json"),
                                       cl::desc("The architecture"),
                                       cl::location(options.arch),
                                       cl::cat(category));
static cl::list<std::string>
    bind("bind", cl::value_desc("M=65536,P=1"), cl::CommaSeparated,
         cl::desc("Give parameters of the cascade their values"),
         cl::cat(category));
static cl::list<std::string>
    set("set", cl::value_desc("N=128"), cl::CommaSeparated,
        cl::desc("Replace parameters of the architecture"), cl::cat(category));
static cl::opt<std::string, true>
    energyProfile("energy-profile", cl::value_desc("NAME"),
                  cl::desc("Use energy/NAME.json beside the architecture"),
                  cl::location(options.energyProfile), cl::cat(category));
static cl::opt<std::string, true> accounting(
    "accounting", cl::value_desc("PROFILE"),
    cl::desc("Count moves and times as 'default' or 'looptree', whatever the "
             "architecture says"),
    cl::location(options.accounting), cl::cat(category));
static cl::opt<std::string, true>
    mapping("mapping", cl::value_desc("NAME|FILE.mlir"),
            cl::desc("A registered mapping, or a file with a schedule.mapping"),
            cl::location(options.mapping), cl::cat(category));
static cl::opt<std::string, true> json(
    "json", cl::value_desc("FILE"),
    cl::desc(
        "Write the result as JSON ('-': to standard output, instead of the "
        "summary)"),
    cl::location(options.json), cl::cat(category));
static cl::opt<std::string, true> schedule(
    "schedule", cl::value_desc("FILE"),
    cl::desc("Write the schedule: .mlir as IR, .txt or '-' as a drawn tree"),
    cl::location(options.schedule), cl::cat(category));
static cl::opt<bool, true>
    analyzeOnly("analyze-only",
                cl::desc("Stop after the analysis of the cascade"),
                cl::location(options.analyzeOnly), cl::cat(category));
static cl::opt<std::string, true> rewrite(
    "rewrite", cl::value_desc("auto|none|LIST"),
    cl::desc("Rewrite the cascade first: auto derives fewer rank passes; a list "
             "names rewrites, as in 'defer,online{tile=64}' (default: none)"),
    cl::location(options.rewrite), cl::init("none"), cl::cat(category));
static cl::opt<bool, true>
    explain("explain", cl::desc("Print how --rewrite came to its result"),
            cl::location(options.explain), cl::cat(category));
static cl::opt<bool> list("list-mappings",
                          cl::desc("List the registered mappings"),
                          cl::cat(category));

static ExitCode run() {
  options.bind = bind;
  options.set = set;
  if (!list)
    return compile(options);
  listMappings();
  return ExitCode::Ok;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  llvm::setBugReportMsg("internal error: this is a bug in einsum-compile\n");
  cl::HideUnrelatedOptions(category);
  cl::SetVersionPrinter([](llvm::raw_ostream &os) {
    os << "einsum-compile " EINSUM_VERSION "\n";
  });
  cl::ParseCommandLineOptions(
      argc, argv,
      "Maps a cascade of Einsums onto an architecture and says what it costs.\n"
      "Exits with 0, 1 (bad input), 2 (does not fit) or 4 (internal error).\n");
  try {
    return static_cast<int>(run());
  } catch (const std::exception &error) {
    llvm::errs() << "internal error: " << error.what() << "\n";
    return static_cast<int>(ExitCode::InternalError);
  }
}
