//===- CompileDriver.cpp - The whole pipeline in one call -----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/CompileDriver.h"

#include "lib/Export/Result.h"
#include "lib/Export/SkiSlopeFiles.h"
#include "lib/Init/InitAll.h"
#include "lib/Init/OptionValues.h"
#include "lib/Init/ReadWorkload.h"
#include "lib/Init/RewriteWorkload.h"
#include "lib/Init/SlopeVariants.h"
#include "lib/Plugin/MappingPass.h"
#include "lib/Support/Progress.h"
#include "lib/Transforms/Passes.h"
#include "mappings/Mappings.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Error.h"

#include <chrono>
#include <thread>

using namespace mlir;
using namespace einsum;

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

static bool isMappingFile(StringRef mapping) {
  return mapping == "-" || mapping.ends_with(".mlir");
}

static bool checkExplain(const CompileOptions &options) {
  return !options.explain || options.rewrite != "none" ||
         failOption("--explain", "there is no rewrite to explain; add "
                                 "--rewrite=auto or a list of rewrites");
}

/// A ski slope is of a cascade alone.
static bool checkSkiSlope(const CompileOptions &options) {
  StringRef file = options.skiSlopeFile, svg = options.skiSlopeSvg;
  if (!file.empty() && file != "-" && !file.ends_with(".csv") &&
      !file.ends_with(".svg"))
    return failOption("--ski-slope",
                      "takes a .csv file for the numbers or a .svg file for "
                      "the picture, found '" +
                          file + "'");
  if (!svg.empty() && svg != "-" && !svg.ends_with(".svg"))
    return failOption("--ski-slope-svg",
                      "takes a .svg file, found '" + svg + "'");
  if (!file.empty() && file == svg)
    return failOption("--ski-slope-svg",
                      "'" + svg + "' is already taken by --ski-slope");
  for (const auto &[option, text] :
       {std::pair("--arch", options.arch),
        {"--mapping", options.mapping},
        {"--json", options.json},
        {"--schedule", options.schedule},
        {"--energy-profile", options.energyProfile}})
    if (!text.empty())
      return failOption(
          option, "a ski slope is searched for every capacity, on a machine "
                  "with two levels; leave this out with --ski-slope");
  if (!options.set.empty())
    return failOption("--set", "there is no architecture with --ski-slope");
  if (options.analyzeOnly)
    return failOption("--analyze-only",
                      "is less than what --ski-slope asks for; give one of "
                      "them");
  return checkSlopeRewrites(options.rewrite) && checkExplain(options);
}

/// Everything about the options that can be said before a file is read.
static bool checkOptions(const CompileOptions &options) {
  StringRef schedule = options.schedule;
  if (options.workload.empty())
    return failOption("einsum-compile",
                      "needs a WORKLOAD, a .ein or .mlir file");
  if (options.skiSlope)
    return checkSkiSlope(options);
  if (!schedule.empty() && schedule != "-" && !schedule.ends_with(".mlir") &&
      !schedule.ends_with(".txt"))
    return failOption(
        "--schedule",
        "takes a .mlir file for the schedule as IR or a .txt file for "
        "the drawn tree, found '" +
            schedule + "'");
  if (options.json == "-" && schedule == "-")
    return failOption("--schedule", "standard output already takes --json");
  if (!checkRewriteList(options.rewrite))
    return false;
  if (!checkExplain(options))
    return false;
  if (options.analyzeOnly)
    return schedule.empty() ||
           failOption("--schedule", "there is no schedule with --analyze-only");
  if (options.arch.empty())
    return failOption(
        "--arch", "a mapping needs an architecture: give --arch=SPEC.json, or "
                  "--analyze-only to stop before");
  std::vector<std::string> names = getMappingNames();
  if (options.mapping.empty())
    return failOption("--mapping",
                      "name a mapping or a .mlir file; registered are " +
                          llvm::join(names, ", "));
  if (isMappingFile(options.mapping)) {
    if (options.mapping == "-" && options.workload == "-")
      return failOption("--mapping",
                        "standard input already gives the workload");
  } else if (!findMappingPass(options.mapping)) {
    return failUnknownMapping(options.mapping);
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Stages
//===----------------------------------------------------------------------===//

namespace {

class Compilation {
public:
  Compilation(const CompileOptions &options, MLIRContext &context)
      : options(options), workload(context) {}

  ExitCode run();

private:
  bool readWorkload(Bindings &bindings);
  bool readCascade();
  bool bindAndRewrite(const Bindings &bindings);
  bool readArch();
  ExitCode map();
  ExitCode evaluate(schedule::MappingOp mapping);
  bool writeOutputs();
  bool writeSkiSlope();

  const CompileOptions &options;
  Workload workload;
  CascadeOp cascade;
  CascadeFacts facts;
  std::optional<arch::ArchSpec> arch;
  cost::Evaluation cost;
  cost::MachineBounds machineBounds;
  exporting::Result result;
};

} // namespace

/// Binds what the cascade has, rewrites it, and binds what came with that.
bool Compilation::bindAndRewrite(const Bindings &bindings) {
  Bindings known, added;
  for (const auto &binding : bindings) {
    auto name = StringAttr::get(cascade.getContext(), binding.first);
    bool isKnown = llvm::is_contained(cascade.getParamNames(), name);
    (isKnown ? known : added).push_back(binding);
  }
  if (failed(bindParameters(cascade, known)))
    return false;
  if (options.rewrite == "none")
    return succeeded(bindParameters(cascade, added));
  bool isOutputTaken = options.json == "-" || options.schedule == "-";
  llvm::raw_ostream &text = isOutputTaken ? llvm::errs() : llvm::outs();
  FailureOr<exporting::RewriteReport> report = rewriteCascade(
      cascade, options.rewrite, options.explain ? &text : nullptr);
  if (failed(report))
    return false;
  result.rewrite = std::move(*report);
  return succeeded(bindParameters(cascade, added));
}

bool Compilation::readWorkload(Bindings &bindings) {
  if (!parseBindings(options.bind, bindings) ||
      failed(workload.read(options.workload)))
    return false;
  FailureOr<CascadeOp> chosen = workload.chooseCascade(options.cascade);
  if (failed(chosen))
    return false;
  cascade = *chosen;
  return true;
}

bool Compilation::readCascade() {
  Bindings bindings;
  if (!readWorkload(bindings) || !bindAndRewrite(bindings))
    return false;
  FailureOr<CascadeFacts> computed = computeCascadeFacts(cascade);
  if (failed(computed))
    return false;
  facts = std::move(*computed);
  result.workload = options.workload;
  result.facts = &facts;
  result.passes = computeRankPasses(cascade);
  result.footprints = computeLiveFootprints(cascade, result.passes);
  for (auto [name, value] :
       llvm::zip(cascade.getParamNames().getAsRange<StringAttr>(),
                 cascade.getParamValues()))
    if (value != CascadeOp::kUnbound)
      result.binding.push_back({name.str(), value});
  return true;
}

bool Compilation::readArch() {
  std::map<std::string, double> settings;
  if (!parseSettings(options.set, settings))
    return false;
  Diagnostics diagnostics;
  arch = arch::readArchSpec(options.arch, diagnostics, settings,
                            options.energyProfile);
  diagnostics.print(llvm::errs());
  return arch && chooseAccounting(options.accounting, *arch);
}

ExitCode Compilation::map() {
  exporting::Mapped &mapped = result.mapped.emplace();
  mapped.arch = &*arch;
  mapped.status = "given";
  auto start = std::chrono::steady_clock::now();
  MappingContext context(cascade, facts, *arch);
  FailureOr<schedule::MappingOp> mapping;
  if (isMappingFile(options.mapping)) {
    mapped.space = "the schedule in " + options.mapping;
    mapping = workload.readMapping(options.mapping, cascade);
  } else {
    MappingPass &pass = *findMappingPass(options.mapping);
    mapped.space = pass.getDescription().str();
    Progress progress("mapping '" + facts.name + "' with " + options.mapping);
    mapping = pass.build(context);
  }
  if (failed(mapping))
    return context.explainedInfeasible() ? ExitCode::Infeasible
                                         : ExitCode::BadInput;
  ExitCode code = evaluate(*mapping);
  mapped.evaluated = context.getEvaluations() + 1;
  mapped.wallSeconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  return code;
}

ExitCode Compilation::evaluate(schedule::MappingOp mapping) {
  auto evaluator = cost::Evaluator::create(mapping, facts, *arch);
  if (!evaluator)
    return ExitCode::BadInput;
  if (!evaluator->evaluate(cost)) {
    evaluator->emitViolations();
    return evaluator->violations().empty() ? ExitCode::BadInput
                                           : ExitCode::Infeasible;
  }
  result.mapped->mapping = mapping;
  result.mapped->cost = &cost;
  machineBounds =
      cost::MachineBoundAnalysis(facts, *arch, bounds::collectPassFacts(facts))
          .compute(mapping, cost);
  if (std::string violation = cost::findViolation(machineBounds, cost, *arch);
      !violation.empty()) {
    mapping.emitError("internal error: ")
        << violation << "; either the cost model or the bound is wrong";
    return ExitCode::InternalError;
  }
  result.mapped->bounds = &machineBounds;
  result.mapped->operatorNames = evaluator->operatorNames();
  return ExitCode::Ok;
}

/// Whole or not at all: written beside the target, then renamed.
static bool writeFile(StringRef path, function_ref<void(raw_ostream &)> write) {
  llvm::Error error = llvm::writeToOutput(path, [&](raw_ostream &os) {
    write(os);
    return llvm::Error::success();
  });
  if (!error)
    return true;
  return failOption(path, "cannot write the file: " +
                              llvm::toString(std::move(error)));
}

bool Compilation::writeOutputs() {
  StringRef json = options.json, schedule = options.schedule;
  if (json != "-" && schedule != "-")
    exporting::printSummary(result, llvm::outs());
  if (!json.empty() && !writeFile(json, [&](raw_ostream &os) {
        exporting::writeJson(result, os);
      }))
    return false;
  if (schedule.empty())
    return true;
  return writeFile(schedule, [&](raw_ostream &os) {
    if (schedule.ends_with(".mlir"))
      workload.getModule().print(os);
    else
      exporting::printLoopTree(result.mapped->mapping, facts, os);
  });
}

/// "attention, M=4096 P=4096": the cascade and its binding.
static std::string describeCascade(CascadeOp cascade) {
  std::string text = cascade.getSymName().str();
  const char *separator = ", ";
  for (auto [name, value] :
       llvm::zip(cascade.getParamNames().getAsRange<StringAttr>(),
                 cascade.getParamValues())) {
    if (value == CascadeOp::kUnbound)
      continue;
    text += separator + name.str() + "=" + std::to_string(value);
    separator = " ";
  }
  return text;
}

bool Compilation::writeSkiSlope() {
  Bindings bindings;
  if (!readWorkload(bindings))
    return false;
  bool isOutputTaken =
      options.skiSlopeFile == "-" || options.skiSlopeSvg == "-";
  llvm::raw_ostream &text = isOutputTaken ? llvm::errs() : llvm::outs();
  auto variants = deriveVariants(cascade, options.rewrite, bindings,
                                 options.explain ? &text : nullptr);
  if (failed(variants))
    return false;
  mapper::SkiSlopeOptions slopeOptions;
  slopeOptions.threads = std::max(1u, std::thread::hardware_concurrency());
  std::vector<exporting::NamedSlope> slopes;
  {
    Progress progress("ski slope of '" + cascade.getSymName().str() + "'");
    for (const std::unique_ptr<SlopeVariant> &variant : *variants) {
      slopeOptions.passes = bounds::collectPassFacts(variant->facts);
      slopes.push_back(
          {mapper::computeSkiSlope(variant->facts, variant->name, slopeOptions),
           &variant->facts});
    }
  }
  StringRef file = options.skiSlopeFile, svg = options.skiSlopeSvg;
  if (file.empty() && svg != "-")
    exporting::printSkiSlope(slopes, llvm::outs());
  auto writeSvg = [&](raw_ostream &os) {
    exporting::writeSkiSlopeSvg(
        slopes, describeCascade(*variants->front()->cascade), os);
  };
  if (!file.empty() && !writeFile(file, [&](raw_ostream &os) {
        if (file.ends_with(".svg"))
          writeSvg(os);
        else
          exporting::writeSkiSlopeCsv(slopes, os);
      }))
    return false;
  return svg.empty() || writeFile(svg, writeSvg);
}

ExitCode Compilation::run() {
  if (options.skiSlope)
    return writeSkiSlope() ? ExitCode::Ok : ExitCode::BadInput;
  if (!readCascade())
    return ExitCode::BadInput;
  if (!options.analyzeOnly) {
    if (!readArch())
      return ExitCode::BadInput;
    if (ExitCode code = map(); code != ExitCode::Ok)
      return code;
  }
  return writeOutputs() ? ExitCode::Ok : ExitCode::BadInput;
}

ExitCode einsum::compile(const CompileOptions &options) {
  registerAllMappings();
  registerEinsumTransformsPasses();
  if (!checkOptions(options))
    return ExitCode::BadInput;
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  context.printOpOnDiagnostic(false);
  return Compilation(options, context).run();
}

void einsum::listMappings() {
  registerAllMappings();
  for (const std::unique_ptr<MappingPass> &pass : getMappingPasses())
    llvm::outs() << pass->getName() << "\n  " << pass->getDescription() << "\n";
}
