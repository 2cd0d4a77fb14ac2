//===- CompileDriver.cpp - The whole pipeline in one call -----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/CompileDriver.h"

#include "lib/CostModel/MachineFit.h"
#include "lib/Export/Formulas.h"
#include "lib/Export/Result.h"
#include "lib/Export/ScheduleFormats.h"
#include "lib/Export/SkiSlopeFiles.h"
#include "lib/Init/AutoMapping.h"
#include "lib/Init/CutBlocks.h"
#include "lib/Init/InitAll.h"
#include "lib/Init/Interrupt.h"
#include "lib/Init/OptionValues.h"
#include "lib/Init/ReadWorkload.h"
#include "lib/Init/RewriteWorkload.h"
#include "lib/Init/ScheduleOutputs.h"
#include "lib/Init/SlopeVariants.h"
#include "lib/Mapper/ConflictText.h"
#include "lib/Mapper/ConstraintCheck.h"
#include "lib/Mapper/Eviction.h"
#include "lib/Plugin/MappingPass.h"
#include "lib/Support/Progress.h"
#include "lib/Transforms/Passes.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"

#include <chrono>
#include <thread>

using namespace mlir;
using namespace einsum;

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

/// Searches of large cascades would not end by themselves.
static constexpr double kDefaultSeconds = 55;
/// Of the time limit, what a mapping without a search may take where the search
/// has found none.
static constexpr double kPlainShare = 0.2;

/// 0 stands for no limit.
static bool parseTimeLimit(StringRef text, double &seconds) {
  seconds = text.empty() ? kDefaultSeconds : 0;
  if (text.empty() || text == "none" ||
      (!text.getAsDouble(seconds) && seconds > 0 && seconds <= 1e9))
    return true;
  return failOption("--time-limit",
                    "takes a number of seconds above 0, found '" + text + "'");
}

static ScheduleOutputs outputsOf(const CompileOptions &options) {
  return {options.json, options.schedule, options.csv, options.html,
          options.trace};
}

static bool isMappingFile(StringRef mapping) {
  return mapping == "-" || mapping.ends_with(".mlir") ||
         mapping.ends_with(".json");
}

static bool isSearched(const CompileOptions &options) {
  return options.mapping == "auto" && !options.analyzeOnly && !options.skiSlope;
}

/// --rewrite with its default filled in.
static StringRef getRewrite(const CompileOptions &options) {
  if (options.rewriteIsGiven)
    return options.rewrite;
  return isSearched(options) ? "auto" : "none";
}

static bool checkExplain(const CompileOptions &options) {
  return !options.explain || getRewrite(options) != "none" ||
         !options.quantize.text.empty() ||
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
        {"--mapping", options.mapping == "auto" ? "" : options.mapping},
        {"--json", options.json},
        {"--schedule", options.schedule},
        {"--csv", options.csv},
        {"--html", options.html},
        {"--trace", options.trace},
        {"--html-ski-slope", options.htmlSkiSlope ? "given" : ""},
        {"--evict", options.evict ? "given" : ""},
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
  return checkSlopeRewrites(getRewrite(options)) && checkExplain(options);
}

static bool reportOption(StringRef option, const llvm::Twine &message) {
  return failOption(("--" + option).str(), message);
}

/// Options of the search where nothing is searched.
static bool checkNoSearch(const CompileOptions &options) {
  const mapper::MapRequest &request = options.request;
  for (const auto &[option, isGiven] :
       {std::pair("--objective", request.objective != "latency"),
        {"--space", !request.space.empty()},
        {"--keep", !request.keep.empty()},
        {"--bypass", !request.bypass.empty()},
        {"--array", !request.array.empty()},
        {"--fix-tile", !request.fixTile.empty()},
        {"--loop-order", !request.loopOrder.empty()},
        {"--order", !request.order.empty()},
        {"--time-limit", !options.timeLimit.empty()},
        {"--threads", options.threads > 0 && !options.skiSlope},
        {"--pareto", !options.pareto.empty()}})
    if (isGiven)
      return failOption(option, "there is no search to direct; it goes with "
                                "--mapping=auto");
  return true;
}

static bool checkSearch(const CompileOptions &options) {
  if (options.evict)
    return failOption("--evict", "a search only finds schedules that fit; it "
                                 "goes with --mapping=NAME or a file");
  const mapper::MapRequest &request = options.request;
  mapper::SpaceLimits limits;
  double seconds;
  if (!mapper::checkObjective(request.objective, reportOption) ||
      !mapper::parseSpace(request.space, limits, reportOption) ||
      !mapper::checkConstraints(request, reportOption) ||
      !parseTimeLimit(options.timeLimit, seconds))
    return false;
  if (options.threads > 1024)
    return failOption("--threads", "takes a number from 1 to 1024, or 0 for "
                                   "one per core, found " +
                                       llvm::Twine(options.threads));
  StringRef pareto = options.pareto;
  if (!pareto.empty() && !StringRef(request.objective).starts_with("pareto"))
    return failOption("--pareto", "there is one point only with --objective=" +
                                      request.objective +
                                      "; a set comes with --objective=pareto:"
                                      "A,B");
  if (!pareto.empty() && pareto != "-" && !pareto.ends_with(".csv"))
    return failOption("--pareto", "takes a .csv file, found '" + pareto + "'");
  if (pareto == "-" && outputsOf(options).takeStandardOutput())
    return failOption("--pareto", "standard output already takes " +
                                      outputsOf(options).onStandardOutput());
  return true;
}

static bool checkQuantisation(const CompileOptions &options) {
  const QuantizeRequest &request = options.quantize;
  if (!request.text.empty())
    return options.skiSlope
               ? failOption("--quantize", "a ski slope is of the cascade as "
                                          "written; leave this out with "
                                          "--ski-slope")
               : checkQuantize(request);
  for (const auto &[option, isGiven] :
       {std::pair("--error", request.measure),
        {"--error-data", !request.measured.data.empty()},
        {"--error-extent", !request.measured.extents.empty()},
        {"--error-input", !request.measured.inputs.empty()}})
    if (isGiven)
      return failOption(option, "there are no number formats whose error could "
                                "be measured; it goes with --quantize");
  return true;
}

/// Everything about the options that can be said before a file is read.
static bool checkOptions(const CompileOptions &options) {
  if (options.workload.empty())
    return failOption("einsum-compile",
                      "needs a WORKLOAD, a .ein, .mlir or config.json file");
  if (!checkQuantisation(options))
    return false;
  if (options.skiSlope)
    return checkSkiSlope(options) && checkNoSearch(options);
  if (isSearched(options) ? !checkSearch(options) : !checkNoSearch(options))
    return false;
  if (!checkScheduleOutputs(outputsOf(options)))
    return false;
  if (options.htmlSkiSlope && options.html.empty())
    return failOption("--html-ski-slope",
                      "there is no report to add it to; give --html=FILE.html, "
                      "or --ski-slope for the slope alone");
  if (!checkRewriteList(getRewrite(options)))
    return false;
  if (!checkExplain(options))
    return false;
  if (options.analyzeOnly) {
    if (options.evict)
      return failOption("--evict", "there is no schedule with --analyze-only");
    StringRef first = outputsOf(options).firstGiven();
    return first.empty() ||
           failOption(first, "there is no schedule with --analyze-only");
  }
  if (options.arch.empty())
    return failOption(
        "--arch", "a mapping needs an architecture: give --arch=SPEC.json, or "
                  "--analyze-only to stop before");
  std::vector<std::string> names = getMappingNames();
  if (options.mapping.empty())
    return failOption("--mapping", "takes auto, a .mlir or .json file or a "
                                   "registered mapping: " +
                                       llvm::join(names, ", "));
  if (options.mapping == "auto")
    return true;
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
  bool bindAndRewrite();
  bool isScheduleFile() const;
  bool setCascade(CascadeOp chosen);
  void countPasses();
  bool addVariants(std::vector<Variant> &known);
  bool readArch();
  void warnAboutNames() const;
  void warnAboutConstraints(schedule::MappingOp mapping) const;
  ExitCode quantize();
  ExitCode map();
  ExitCode search();
  ExitCode mapPlainly(double mostSeconds);
  bool isCut = false; ///< a search ended early
  void describeSearch(AutoResult &found, const std::vector<Variant> &variants);
  llvm::raw_ostream &getTextOutput() const;
  ExitCode evaluate(schedule::MappingOp mapping,
                    std::function<bool()> shouldStop = {});
  ExitCode evict(schedule::MappingOp mapping);
  bool writeOutputs();
  bool writeSkiSlope();
  std::string drawSkiSlope();
  bool writeFormulas();

  const CompileOptions &options;
  Workload workload;
  CascadeOp cascade;
  std::string written; ///< the cascade before it was quantised or rewritten
  CascadeFacts facts;
  /// Values of the cascade's own parameters, and of those that rewrites add.
  Bindings known, added;
  ExitCode quantised = ExitCode::Ok;
  std::optional<arch::ArchSpec> arch;
  cost::Evaluation cost;
  cost::MachineBounds machineBounds;
  exporting::Result result;
  /// Set if extents are missing that the analysis can do without.
  std::optional<exporting::FormulaResult> formulas;
};

} // namespace

/// Where the derivation goes, if not into a file.
llvm::raw_ostream &Compilation::getTextOutput() const {
  bool isOutputTaken =
      outputsOf(options).takeStandardOutput() || options.pareto == "-";
  return isOutputTaken ? llvm::errs() : llvm::outs();
}

/// What an objective of the search is to the choice of formats.
static StringRef getFormatObjective(StringRef objective) {
  if (objective.starts_with("energy") || objective.starts_with("edp"))
    return "energy";
  return objective.starts_with("traffic") ? "bytes" : "latency";
}

ExitCode Compilation::quantize() {
  if (options.quantize.text.empty())
    return ExitCode::Ok;
  if (hasUnboundExtents(cascade)) {
    cascade.emitError("number formats need the extents of all ranks; give "
                      "parameters their values with --bind");
    return ExitCode::BadInput;
  }
  if (!options.arch.empty() && !readArch())
    return ExitCode::BadInput;
  QuantizeRequest request = options.quantize;
  request.explain = options.explain;
  exporting::QuantizeReport &report = result.quantisation.emplace();
  ExitCode code =
      quantizeWorkload(cascade, request, arch ? &*arch : nullptr,
                       getFormatObjective(options.request.objective), report);
  bool isMade = code == ExitCode::Ok || code == ExitCode::Infeasible;
  if (isMade)
    exporting::printQuantisation(report, getTextOutput());
  return code;
}

/// Binds what the cascade has, rewrites it, and binds what came with that. The
/// search rewrites by itself.
bool Compilation::bindAndRewrite() {
  if (failed(bindParameters(cascade, known)))
    return false;
  bool hasFile = isScheduleFile();
  if (hasFile && failed(workload.readScheduleFile(options.mapping, cascade)))
    return false;
  written = printProgram(cascade);
  if (quantised = quantize(); quantised != ExitCode::Ok)
    return false;
  if (isSearched(options))
    return true;
  if (getRewrite(options) == "none")
    return succeeded(bindParameters(cascade, added));
  FailureOr<exporting::RewriteReport> report =
      rewriteCascade(cascade, getRewrite(options),
                     options.explain ? &getTextOutput() : nullptr);
  if (failed(report))
    return false;
  result.rewrite = std::move(*report);
  return succeeded(bindParameters(cascade, added));
}

bool Compilation::isScheduleFile() const {
  return isMappingFile(options.mapping);
}

/// Computes what is told about the cascade that the result is of.
bool Compilation::setCascade(CascadeOp chosen) {
  cascade = chosen;
  FailureOr<CascadeFacts> computed = computeCascadeFacts(cascade);
  if (failed(computed))
    return false;
  facts = std::move(*computed);
  result.facts = &facts;
  result.binding = listBinding(cascade);
  return true;
}

/// Rank passes of a whole model take a while: of the cascade that is told about
/// only.
void Compilation::countPasses() {
  result.passes = computeRankPasses(cascade);
  result.footprints = computeLiveFootprints(cascade, result.passes);
}

bool Compilation::readWorkload(Bindings &bindings) {
  if (!parseBindings(options.bind, bindings) ||
      failed(workload.read(options.workload, options.model)))
    return false;
  FailureOr<CascadeOp> chosen = workload.chooseCascade(options.cascade);
  if (failed(chosen))
    return false;
  cascade = *chosen;
  return true;
}

bool Compilation::readCascade() {
  Bindings bindings;
  if (!readWorkload(bindings))
    return false;
  for (const auto &binding : bindings) {
    auto name = StringAttr::get(cascade.getContext(), binding.first);
    bool isKnown = llvm::is_contained(cascade.getParamNames(), name);
    (isKnown ? known : added).push_back(binding);
  }
  result.workload = options.workload;
  if (!bindAndRewrite())
    return false;
  if (isScheduleFile()) {
    // Who asks for formats besides gets these, or is told of others.
    bool asksFormats = !options.quantize.text.empty();
    FailureOr<CascadeOp> program = workload.adoptProgram(
        cascade, asksFormats ? printProgram(cascade) : written);
    if (failed(program)) {
      if (asksFormats)
        llvm::errs() << "note: formats that were chosen when the schedule was "
                        "made come with it; leave --quantize out\n";
      return false;
    }
    cascade = *program;
  }
  if (options.analyzeOnly && hasUnboundExtents(cascade)) {
    formulas.emplace();
    return true;
  }
  if (!setCascade(cascade))
    return false;
  if (!isSearched(options))
    countPasses();
  return true;
}

/// Counts of a cascade that is not bound.
bool Compilation::writeFormulas() {
  formulas->workload = options.workload;
  formulas->cascade = cascade.getSymName().str();
  formulas->counts = computeCountFormulas(cascade);
  formulas->passes = computeRankPasses(cascade);
  formulas->binding = listBinding(cascade);
  if (options.json != "-")
    exporting::printFormulas(*formulas, llvm::outs());
  return options.json.empty() ||
         writeOutput(options.json, [&](raw_ostream &os) {
           exporting::writeFormulasJson(*formulas, os);
         });
}

bool Compilation::readArch() {
  std::map<std::string, double> settings;
  if (!parseSettings(options.set, settings))
    return false;
  Diagnostics diagnostics;
  arch = arch::readArchSpec(options.arch, diagnostics, settings,
                            options.energyProfile);
  diagnostics.print(llvm::errs());
  if (arch)
    result.arch = &*arch;
  return arch && chooseAccounting(options.accounting, *arch);
}

/// Names in the spec's constraints that the cascade, as it was mapped, does not
/// have: constraints that hold of nothing.
void Compilation::warnAboutNames() const {
  Diagnostics diagnostics;
  arch::warnAboutNames(arch->constraints, cost::collectNames(facts),
                       diagnostics);
  diagnostics.print(llvm::errs());
}

/// A mapping that the search has not made may do what the machine rules out; it
/// is taken at its word, and what a search would not do is said.
void Compilation::warnAboutConstraints(schedule::MappingOp mapping) const {
  Diagnostics diagnostics;
  std::string name = isScheduleFile() ? "the schedule in " + options.mapping
                                      : "the mapping '" + options.mapping + "'";
  for (const mapper::ConstraintViolation &one :
       mapper::listConstraintViolations(mapping, facts, *arch)) {
    einsum::Diagnostic &warning = diagnostics.warning(
        one.stated, name + " does what '" + arch->name + "' rules out (" +
                        one.constraint + "): " + one.what +
                        "; --mapping=auto keeps to it");
    if (auto place = dyn_cast<FileLineColLoc>(one.where);
        place && isScheduleFile())
      warning.note(
          {place.getFilename().str(), place.getLine(), place.getColumn()},
          "here");
  }
  diagnostics.print(llvm::errs());
}

//===----------------------------------------------------------------------===//
// The search
//===----------------------------------------------------------------------===//

static std::string drawTree(schedule::MappingOp mapping,
                            const CascadeFacts &facts) {
  std::string tree;
  llvm::raw_string_ostream os(tree);
  exporting::printLoopTree(mapping, facts, os);
  return tree;
}

void Compilation::describeSearch(AutoResult &found,
                                 const std::vector<Variant> &variants) {
  exporting::Search &search = result.search.emplace();
  search.objective = found.objective;
  search.certificate = found.certificate;
  search.conflicts = found.conflicts;
  for (auto [variant, outcome] : llvm::zip(variants, found.outcomes))
    search.variants.push_back({variant.describe(), outcome.leftOut,
                               outcome.isBeaten, outcome.certificate});
  if (found.points.empty())
    return;
  search.variant = search.variants[found.points.front().variant].name;
  if (found.objective.metrics.size() < 2)
    return;
  for (AutoPoint &point : found.points) {
    const mapper::MappedPoint &mapped = point.point;
    FailureOr<CascadeFacts> of =
        computeCascadeFacts(variants[point.variant].cascade);
    search.pareto.push_back({search.variants[point.variant].name,
                             drawTree(mapped.mapping, *of),
                             mapped.cost.latencySeconds,
                             mapped.cost.energyJoules(), mapped.values});
  }
}

/// Where a search has ended with nothing: a mapping that any cascade has, each
/// Einsum by itself, if that is what the user allows, and its cost is known
/// soon. Why it does not fit either is not said: the search could
/// have found another.
ExitCode Compilation::mapPlainly(double mostSeconds) {
  if (options.request.hasConstraints() || !options.request.space.empty())
    return ExitCode::LimitReached;
  countPasses();
  std::vector<mlir::Diagnostic> said;
  auto hold = [&](mlir::Diagnostic &diag) {
    said.push_back(std::move(diag));
    return success();
  };
  auto held =
      std::make_unique<ScopedDiagnosticHandler>(cascade.getContext(), hold);
  MappingPass &plain = *findMappingPass("streamed");
  MappingContext context(cascade, facts, *arch, result.passes);
  FailureOr<schedule::MappingOp> mapping = plain.build(context);
  if (failed(mapping) ||
      !mapper::findConstraintViolation(*mapping, facts, *arch, {}).empty())
    return ExitCode::LimitReached;
  exporting::Mapped &mapped = result.mapped.emplace();
  mapped.arch = &*arch;
  mapped.status = mapper::describeStatus(mapper::Status::bestFound).str();
  mapped.space = "the search had found nothing when it ended; this is the "
                 "mapping 'streamed': " +
                 plain.getDescription().str();
  mapped.evaluated = 1;
  mapped.wallSeconds = result.search->certificate.wallSeconds;
  auto start = std::chrono::steady_clock::now();
  ExitCode code = evaluate(*mapping, [&] {
    std::chrono::duration<double> spent =
        std::chrono::steady_clock::now() - start;
    return mostSeconds > 0 && spent.count() > mostSeconds;
  });
  held.reset();
  if (code == ExitCode::InternalError)
    for (mlir::Diagnostic &diag : said)
      cascade.getContext()->getDiagEngine().emit(std::move(diag));
  if (code != ExitCode::Ok) {
    result.mapped.reset();
    return code == ExitCode::InternalError ? code : ExitCode::LimitReached;
  }
  // Its value is what is known; that the variants came to nothing is said.
  result.search.reset();
  isCut = true;
  return ExitCode::Ok;
}

/// Adds the variants that the search chooses from to the one as written, if
/// that is known.
bool Compilation::addVariants(std::vector<Variant> &known) {
  FailureOr<std::vector<Variant>> made =
      makeVariants(cascade, getRewrite(options), added, options.explain);
  if (failed(made))
    return false;
  std::vector<Variant> all =
      chooseTiles(std::move(*made), cascade, added, *arch);
  std::move(all.begin() + static_cast<ptrdiff_t>(known.size()), all.end(),
            std::back_inserter(known));
  if (options.explain)
    for (const Variant &variant : known)
      if (!variant.derivation.empty()) {
        getTextOutput() << variant.derivation;
        break;
      }
  return true;
}

/// Maps all variants of the cascade and goes on with the best.
ExitCode Compilation::search() {
  std::vector<Variant> variants;
  auto derive = [&](std::vector<Variant> &known) { return addVariants(known); };
  Interrupt interrupt;
  AutoOptions how;
  how.request = options.request;
  how.threads = options.threads;
  how.stop = interrupt.flag();
  how.isPatienceLimited = options.timeLimit.empty();
  parseTimeLimit(options.timeLimit, how.timeLimitSeconds);
  if (getRewrite(options) == "auto") {
    variants.push_back(copyWritten(cascade));
    how.deriveOthers = derive;
  } else if (!derive(variants)) {
    return ExitCode::BadInput;
  }
  AutoResult found;
  if (ExitCode code = mapVariants(variants, *arch, how, found);
      code != ExitCode::Ok)
    return code;
  describeSearch(found, variants);
  if (found.points.empty()) {
    if (found.certificate.status == mapper::Status::infeasible)
      mapper::printConflicts(found.conflicts, cascade, *arch);
    else if (ExitCode code = mapPlainly(kPlainShare * how.timeLimitSeconds);
             code != ExitCode::LimitReached)
      return code;
    else
      cascade.emitError("the search ended before it had found a mapping; give "
                        "it more time");
    if (StringRef json = options.json; !json.empty()) {
      countPasses();
      writeOutput(json,
                  [&](raw_ostream &os) { exporting::writeJson(result, os); });
    }
    return found.certificate.status == mapper::Status::infeasible
               ? ExitCode::Infeasible
               : ExitCode::LimitReached;
  }
  AutoPoint &best = found.points.front();
  Variant &variant = variants[best.variant];
  for (AutoPoint &other : llvm::drop_begin(found.points))
    other.point.mapping.erase();
  exporting::Mapped &mapped = result.mapped.emplace();
  mapped.arch = &*arch;
  mapped.status = mapper::describeStatus(found.certificate.status).str();
  mapped.space = found.certificate.space;
  mapped.evaluated = found.certificate.evaluated;
  mapped.wallSeconds = found.certificate.wallSeconds;
  result.rewrite = variant.rewrite;
  // Only the JSON result has them.
  if (variant.unbound && !options.json.empty())
    addPasses(
        *result.rewrite, cascade,
        (*variant.unbound)->lookupSymbol<CascadeOp>(cascade.getSymNameAttr()));
  workload.replaceModule(std::move(variant.module));
  if (!setCascade(variant.cascade))
    return ExitCode::BadInput;
  countPasses();
  return evaluate(best.point.mapping);
}

ExitCode Compilation::map() {
  if (isSearched(options))
    return search();
  exporting::Mapped &mapped = result.mapped.emplace();
  mapped.arch = &*arch;
  mapped.status = "given";
  auto start = std::chrono::steady_clock::now();
  MappingContext context(cascade, facts, *arch, result.passes);
  FailureOr<schedule::MappingOp> mapping;
  if (isScheduleFile()) {
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
  if (code == ExitCode::Ok)
    warnAboutConstraints(mapped.mapping);
  mapped.evaluated = context.getEvaluations() + 1;
  mapped.wallSeconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  return code;
}

ExitCode Compilation::evaluate(schedule::MappingOp mapping,
                               std::function<bool()> shouldStop) {
  auto evaluator = cost::Evaluator::create(mapping, facts, *arch);
  if (!evaluator)
    return ExitCode::BadInput;
  evaluator->stopWhen(std::move(shouldStop));
  if (!evaluator->evaluate(cost)) {
    if (options.evict && !evaluator->violations().empty() &&
        result.mapped->evictions.empty())
      return evict(mapping);
    evaluator->emitViolations();
    return evaluator->violations().empty() ? ExitCode::BadInput
                                           : ExitCode::Infeasible;
  }
  result.mapped->mapping = mapping;
  result.mapped->cost = &cost;
  if (result.quantisation && !result.quantisation->applied.empty())
    exporting::setFormats(
        mapping,
        {result.quantisation->applied, options.quantize.accumulatorBits,
         getFormatObjective(options.request.objective).str()});
  machineBounds =
      cost::MachineBoundAnalysis(facts, *arch,
                                 bounds::collectPassFacts(facts, result.passes))
          .compute(mapping, cost);
  if (std::string violation = cost::findViolation(machineBounds, cost, *arch);
      !violation.empty()) {
    mapping.emitError("internal error: ")
        << violation << "; either the cost model or the bound is wrong";
    return ExitCode::InternalError;
  }
  result.mapped->bounds = &machineBounds;
  result.mapped->operatorNames = evaluator->operatorNames();
  remarkOnCutBlocks(mapping, facts);
  return ExitCode::Ok;
}

/// Makes a schedule fit by fetching tiles again, and goes on with that.
ExitCode Compilation::evict(schedule::MappingOp mapping) {
  std::optional<mapper::Evictions> found =
      mapper::evictUntilItFits(mapping, facts, *arch);
  if (!found) {
    auto evaluator = cost::Evaluator::create(mapping, facts, *arch);
    if (evaluator && !evaluator->evaluate(cost))
      evaluator->emitViolations();
    mapping.emitError("evicting tiles does not make the schedule fit");
    return ExitCode::Infeasible;
  }
  result.mapped->evictions = found->moves;
  for (const std::string &move : found->moves)
    mapping.emitRemark("evicted: ") << move;
  mapping.erase();
  if (failed(verify(workload.getModule())))
    return ExitCode::InternalError;
  return evaluate(found->mapping);
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

/// Of the cascade that was scheduled.
std::string Compilation::drawSkiSlope() {
  mapper::SkiSlopeOptions slopeOptions;
  slopeOptions.threads = std::max(1u, std::thread::hardware_concurrency());
  slopeOptions.passes = bounds::collectPassFacts(facts);
  std::vector<exporting::NamedSlope> slopes;
  {
    Progress progress("ski slope of '" + cascade.getSymName().str() + "'");
    slopes.push_back(
        {mapper::computeSkiSlope(facts, "as scheduled", slopeOptions), &facts});
  }
  std::string svg;
  llvm::raw_string_ostream os(svg);
  exporting::writeSkiSlopeSvg(slopes, describeCascade(cascade), os);
  return svg;
}

bool Compilation::writeOutputs() {
  ScheduleOutputs outputs = outputsOf(options);
  if (options.htmlSkiSlope)
    outputs.skiSlope = drawSkiSlope();
  if (!outputs.takeStandardOutput() && options.pareto != "-")
    exporting::printSummary(result, llvm::outs());
  if (!options.json.empty() && !writeOutput(options.json, [&](raw_ostream &os) {
        exporting::writeJson(result, os);
      }))
    return false;
  if (!options.pareto.empty() &&
      !writeOutput(options.pareto, [&](raw_ostream &os) {
        exporting::writeParetoCsv(*result.search, *arch, os);
      }))
    return false;
  return !result.mapped ||
         writeScheduleOutputs(outputs, result, cascade, written);
}

bool Compilation::writeSkiSlope() {
  Bindings bindings;
  if (!readWorkload(bindings))
    return false;
  bool isOutputTaken =
      options.skiSlopeFile == "-" || options.skiSlopeSvg == "-";
  llvm::raw_ostream &text = isOutputTaken ? llvm::errs() : llvm::outs();
  auto variants = deriveVariants(cascade, getRewrite(options), bindings,
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
           &variant->facts, &variant->anewFacts});
      if (!variant->anew)
        continue;
      slopeOptions.passes = bounds::collectPassFacts(variant->anewFacts);
      mapper::takeBetter(slopes.back().slope,
                         mapper::computeSkiSlope(variant->anewFacts,
                                                 variant->name, slopeOptions));
    }
  }
  StringRef file = options.skiSlopeFile, svg = options.skiSlopeSvg;
  if (file.empty() && svg != "-")
    exporting::printSkiSlope(slopes, llvm::outs());
  auto writeSvg = [&](raw_ostream &os) {
    exporting::writeSkiSlopeSvg(
        slopes, describeCascade(*variants->front()->cascade), os);
  };
  if (!file.empty() && !writeOutput(file, [&](raw_ostream &os) {
        if (file.ends_with(".svg"))
          writeSvg(os);
        else
          exporting::writeSkiSlopeCsv(slopes, os);
      }))
    return false;
  return svg.empty() || writeOutput(svg, writeSvg);
}

ExitCode Compilation::run() {
  if (options.skiSlope)
    return writeSkiSlope() ? ExitCode::Ok : ExitCode::BadInput;
  if (!readCascade())
    return quantised == ExitCode::Ok ? ExitCode::BadInput : quantised;
  if (formulas)
    return writeFormulas() ? ExitCode::Ok : ExitCode::BadInput;
  if (!options.analyzeOnly) {
    if (!arch && !readArch())
      return ExitCode::BadInput;
    ExitCode code = map();
    warnAboutNames();
    if (code == ExitCode::Infeasible && options.quantize.text.empty())
      if (std::string way = suggestFormats(cascade, *arch); !way.empty())
        cascade.emitRemark() << way;
    if (code != ExitCode::Ok)
      return code;
  }
  if (!writeOutputs())
    return ExitCode::BadInput;
  isCut |= result.search &&
           result.search->certificate.status == mapper::Status::bestFound;
  return isCut ? ExitCode::LimitReached : ExitCode::Ok;
}

ExitCode einsum::compile(const CompileOptions &options) {
  registerEinsumTransformsPasses();
  if (!registerMappings(options.plugins) || !checkOptions(options))
    return ExitCode::BadInput;
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  context.printOpOnDiagnostic(false);
  return Compilation(options, context).run();
}

ExitCode einsum::listMappings(const CompileOptions &options) {
  if (!registerMappings(options.plugins))
    return ExitCode::BadInput;
  for (const std::unique_ptr<MappingPass> &pass : getMappingPasses())
    llvm::outs() << pass->getName() << "\n  " << pass->getDescription() << "\n";
  return ExitCode::Ok;
}
