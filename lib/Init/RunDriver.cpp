//===- RunDriver.cpp - Executes and compares cascades ---------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/RunDriver.h"

#include "lib/Init/InitAll.h"
#include "lib/Init/OptionValues.h"
#include "lib/Init/QuantisedWorkload.h"
#include "lib/Init/RunReport.h"
#include "lib/Interpreter/Interpreter.h"
#include "lib/Interpreter/NpyFile.h"
#include "lib/Interpreter/SampleCoordinates.h"
#include "lib/Interpreter/SampleData.h"
#include "lib/Support/Progress.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>
#include <set>

using namespace mlir;
using namespace einsum;
using namespace einsum::interp;

/// Points that a run without --extent takes, all trials together.
static constexpr uint64_t kBudget = 1 << 22, kSmallestBudget = 1 << 16;

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

namespace {

/// The options, understood.
struct Settings {
  std::map<std::string, int64_t> extents;
  Arithmetic arithmetic = Arithmetic::reference();
  /// Of all inputs, by trial; and of single inputs in every trial.
  std::vector<std::pair<std::string, Sampling>> data;
  std::map<std::string, Sampling> dataOf;
  std::map<std::string, std::string> inputFiles, outputFiles;
};

} // namespace

static bool parseExtents(const RunOptions &options, Settings &settings) {
  for (StringRef text : options.extents) {
    std::string name;
    int64_t value;
    if (!parseExtent("--extent", text, name, value))
      return false;
    if (!settings.extents.insert({name, value}).second)
      return failOption("--extent", "gives '" + name + "' twice");
  }
  return true;
}

static bool parseFormat(const RunOptions &options, Settings &settings) {
  if (options.format == "declared") {
    settings.arithmetic = Arithmetic::declared();
    return true;
  }
  if (options.format == "stored") {
    settings.arithmetic = Arithmetic::stored();
    return true;
  }
  if (const NumberFormat *format = findFloatFormat(options.format)) {
    settings.arithmetic = Arithmetic::allIn(*format);
    return true;
  }
  std::vector<std::string> names{"declared", "stored"};
  for (const NumberFormat &format : getFloatFormats())
    names.push_back(format.name);
  return failOption("--format", "there is no format '" + options.format +
                                    "'; there are " + llvm::join(names, ", ") +
                                    didYouMean(options.format, names));
}

static bool parseData(const RunOptions &options, Settings &settings) {
  for (StringRef text : options.data) {
    auto [input, distribution] =
        text.contains('=') ? text.split('=') : std::pair(StringRef(), text);
    std::optional<Sampling> sampling = parseSampling(distribution);
    if (!sampling) {
      std::vector<std::string> names;
      for (const DistributionInfo &info : getDistributions())
        names.push_back(info.name.str());
      return failOption("--data", "there is no distribution '" + distribution +
                                      "'; there are " +
                                      llvm::join(names, ", ") +
                                      didYouMean(distribution, names) +
                                      " (and NAME:SCALE for multiples)");
    }
    if (!text.contains('='))
      settings.data.push_back({text.str(), *sampling});
    else if (!settings.dataOf.insert({input.str(), *sampling}).second)
      return failOption("--data", "gives '" + input + "' twice");
  }
  if (settings.data.empty())
    settings.data.push_back(
        {getDistributions().front().name.str(), Sampling()});
  return true;
}

static bool parseFiles(StringRef option, const std::vector<std::string> &texts,
                       std::map<std::string, std::string> &files) {
  for (StringRef text : texts) {
    auto [name, path] = text.split('=');
    if (name.empty() || path.empty())
      return failOption(option, "takes TENSOR=FILE.npy, found '" + text + "'");
    if (!files.insert({name.str(), path.str()}).second)
      return failOption(option, "gives '" + name + "' twice");
  }
  return true;
}

static bool parseOptions(const RunOptions &options, Settings &settings) {
  if (options.program.empty())
    return failOption("einsum-run", "needs a cascade, a .ein or .mlir file");
  if (options.program == "-" && options.against == "-")
    return failOption("--against",
                      "standard input already gives the first cascade");
  if (options.against.empty() && !options.againstCascade.empty())
    return failOption("--against-cascade",
                      "there is no second cascade without --against");
  if (!checkScheduleOptions(options.schedule))
    return false;
  if (options.schedule.isGiven() && options.format == "stored")
    return failOption("--format", "'stored' rounds tensors once they are "
                                  "complete, which steps of a schedule do not "
                                  "wait for; take declared or one format");
  if (options.schedule.isGiven() && !options.against.empty())
    return failOption("--against",
                      "the schedule is compared with its own cascade");
  if (options.program == "-" && options.schedule.schedule == "-")
    return failOption("--schedule", "standard input already gives the cascade");
  if (options.against.empty() && !options.schedule.isGiven() &&
      options.tolerance)
    return failOption("--tolerance", "there is nothing to compare with without "
                                     "--against or a schedule");
  if (options.tolerance && !(*options.tolerance >= 0))
    return failOption("--tolerance", "is 0 or more");
  return parseExtents(options, settings) && parseFormat(options, settings) &&
         parseData(options, settings) &&
         parseFiles("--input", options.inputs, settings.inputFiles) &&
         parseFiles("--output-npy", options.outputs, settings.outputFiles);
}

//===----------------------------------------------------------------------===//
// Cascades
//===----------------------------------------------------------------------===//

namespace {

/// A file and the cascade chosen from it. Each has a context of its own, so
/// that diagnostics find their file.
struct Program {
  MLIRContext context;
  Workload workload;
  std::string path;
  CascadeOp cascade;

  explicit Program(const DialectRegistry &registry)
      : context(registry, MLIRContext::Threading::DISABLED), workload(context) {
    context.loadAllAvailableDialects();
    context.printOpOnDiagnostic(false);
  }

  /// `fallback` is chosen from several cascades if none is named.
  bool read(const std::string &path, StringRef name, StringRef fallback) {
    this->path = path;
    if (failed(workload.read(path)))
      return false;
    auto cascades = workload.getModule().getOps<CascadeOp>();
    bool isSeveral = std::distance(cascades.begin(), cascades.end()) > 1;
    bool hasFallback = llvm::any_of(
        cascades, [&](CascadeOp c) { return c.getSymName() == fallback; });
    FailureOr<CascadeOp> chosen = workload.chooseCascade(
        name.empty() && isSeveral && hasFallback ? fallback : name);
    if (succeeded(chosen))
      cascade = *chosen;
    return succeeded(chosen);
  }

  std::map<std::string, InputOp> getInputs() {
    std::map<std::string, InputOp> inputs;
    for (InputOp input : cascade.getBodyBlock()->getOps<InputOp>())
      inputs[input.getTensor().str()] = input;
    return inputs;
  }

  struct Output {
    Value value;
    Operation *op;
  };
  /// By name; a result without name is called by its number.
  std::vector<std::pair<std::string, Output>> getOutputs() {
    std::vector<std::pair<std::string, Output>> outputs;
    for (OutputOp op : cascade.getBodyBlock()->getOps<OutputOp>())
      for (Value value : op.getTensors()) {
        std::string name = getName(value);
        if (name.empty())
          name = "#" + std::to_string(outputs.size());
        auto isKnown = [&](auto &entry) { return entry.first == name; };
        if (llvm::none_of(outputs, isKnown))
          outputs.push_back({name, {value, op}});
      }
    return outputs;
  }

  static std::string getName(Value value) {
    if (auto input = value.getDefiningOp<InputOp>())
      return input.getTensor().str();
    auto einsum = cast<EinsumInterface>(value.getDefiningOp());
    return einsum.getTensorNames()[cast<OpResult>(value).getResultNumber()]
        .str();
  }

  std::vector<int64_t> getExtents(Value value) {
    std::vector<int64_t> extents;
    for (StringAttr rank : cast<NamedTensorType>(value.getType()).getRanks())
      extents.push_back(cascade.findRank(rank).getBoundExtent().value_or(0));
    return extents;
  }
};

} // namespace

//===----------------------------------------------------------------------===//
// The same inputs and outputs
//===----------------------------------------------------------------------===//

static std::string printShape(Program &program, Value value) {
  std::string text = "[";
  auto ranks = cast<NamedTensorType>(value.getType()).getRanks();
  for (auto [i, extent] : llvm::enumerate(program.getExtents(value)))
    text += (i ? ", " : "") + ranks[i].str() + "=" + std::to_string(extent);
  return text + "]";
}

/// Ranks may have other names, but not the same names in another order.
static bool isTransposed(Value a, Value b) {
  auto aRanks = cast<NamedTensorType>(a.getType()).getRanks(),
       bRanks = cast<NamedTensorType>(b.getType()).getRanks();
  auto strings = [](ArrayRef<StringAttr> ranks) {
    return llvm::map_to_vector(ranks,
                               [](StringAttr rank) { return rank.str(); });
  };
  SmallVector<std::string> aNames = strings(aRanks), bNames = strings(bRanks);
  if (aNames == bNames)
    return false;
  llvm::sort(aNames);
  llvm::sort(bNames);
  return aNames == bNames;
}

static bool checkShape(const char *what, StringRef name, Program &a,
                       Value aValue, Program &b, Value bValue,
                       Operation *place) {
  if (a.getExtents(aValue) == b.getExtents(bValue) &&
      !isTransposed(aValue, bValue))
    return true;
  place->emitError() << what << " '" << name << "' is " << printShape(b, bValue)
                     << " here, but " << printShape(a, aValue) << " in "
                     << a.path;
  return false;
}

static bool checkMissing(const char *what, StringRef name, Program &has,
                         Program &lacks) {
  lacks.cascade.emitError()
      << "cascade '" << lacks.cascade.getSymName() << "' has no " << what
      << " '" << name << "', which '" << has.cascade.getSymName() << "' in "
      << has.path << " has";
  return false;
}

static bool checkInputs(Program &a, Program &b) {
  bool ok = true;
  auto aInputs = a.getInputs(), bInputs = b.getInputs();
  for (auto &[name, input] : aInputs) {
    auto other = bInputs.find(name);
    ok &= other == bInputs.end()
              ? checkMissing("input", name, a, b)
              : checkShape("input", name, a, input.getResult(), b,
                           other->second.getResult(), other->second);
  }
  for (auto &[name, input] : bInputs)
    if (!aInputs.count(name))
      ok = checkMissing("input", name, b, a);
  return ok;
}

static bool checkOutputs(Program &a, Program &b) {
  bool ok = true;
  auto aOutputs = a.getOutputs(), bOutputs = b.getOutputs();
  auto find = [](auto &outputs, const std::string &name) {
    return llvm::find_if(outputs,
                         [&](auto &entry) { return entry.first == name; });
  };
  for (auto &[name, output] : aOutputs) {
    auto other = find(bOutputs, name);
    ok &= other == bOutputs.end()
              ? checkMissing("output", name, a, b)
              : checkShape("output", name, a, output.value, b,
                           other->second.value, other->second.op);
  }
  for (auto &[name, output] : bOutputs)
    if (find(aOutputs, name) == aOutputs.end())
      ok = checkMissing("output", name, b, a);
  return ok;
}

//===----------------------------------------------------------------------===//
// Runs
//===----------------------------------------------------------------------===//

namespace {

class Runner {
public:
  Runner(const RunOptions &options, const DialectRegistry &registry)
      : options(options), registry(registry), first(registry) {
    if (!options.against.empty())
      second.emplace(registry);
    if (options.schedule.isGiven())
      scheduled.emplace(options.schedule);
  }

  ExitCode run();

private:
  bool readPrograms();
  bool readDerived();
  bool readInputFiles();
  bool checkNames();
  void addExtentsOfFiles();
  bool chooseExtents();
  bool quantiseAsScheduled();
  bool checkPrograms();
  ExitCode checkLimit(Program &program);
  FailureOr<TensorMap> sampleInputs(const Sampling &sampling, uint64_t seed);
  bool runTrial(unsigned trial);
  bool showsErrors();
  bool addErrors(const TensorMap &inputs, const Interpretation &values,
                 TrialResult &trial);
  bool writeOutputs(const Interpretation &values);
  double getTolerance(const Tensor &a, const Tensor &b) const;

  const RunOptions &options;
  const DialectRegistry &registry;
  Settings settings;
  Program first;
  std::optional<Program> second;
  std::optional<ScheduleRun> scheduled;
  std::optional<Program> derived; ///< that the schedule's file holds
  /// If that one was quantised, `first` is, too, and this has it as written.
  std::optional<QuantisedWorkload> quantised;
  TensorMap files; ///< inputs that were read
  RunResult result;
};

} // namespace

bool Runner::readPrograms() {
  if (!first.read(options.program, options.cascade, /*fallback=*/""))
    return false;
  result.program = options.program;
  result.cascade = first.cascade.getSymName().str();
  result.format = settings.arithmetic.getName().str();
  if (first.getOutputs().empty()) {
    first.cascade.emitError()
        << "cascade '" << result.cascade << "' has no output";
    return false;
  }
  if (scheduled)
    result.against = options.schedule.schedule + options.schedule.mapping;
  if (!second)
    return true;
  if (!second->read(options.against, options.againstCascade, result.cascade))
    return false;
  result.against = options.against;
  result.againstCascade = second->cascade.getSymName().str();
  return true;
}

/// A schedule is of the cascade that its file holds, which a rewrite may have
/// derived from the one that is given: then outputs are compared across both.
/// Its extents are those of the schedule.
bool Runner::readDerived() {
  if (!scheduled || options.schedule.schedule.empty())
    return true;
  derived.emplace(registry);
  derived->path = options.schedule.schedule;
  FailureOr<CascadeOp> program = derived->workload.readProgramOf(derived->path);
  if (failed(program))
    return false;
  if (!*program || program->getSymName() != first.cascade.getSymName()) {
    first.workload.shareSchedule(derived->workload);
    derived.reset();
    return true;
  }
  derived->cascade = *program;
  result.againstCascade = derived->cascade.getSymName().str();
  for (const auto &[name, value] : listBinding(derived->cascade)) {
    auto [given, isNew] = settings.extents.insert({name, value});
    if (!isNew && given->second != value)
      return failOption("--extent", "the schedule is for " + name + "=" +
                                        llvm::Twine(value) + ", found " + name +
                                        "=" + llvm::Twine(given->second));
  }
  return true;
}

/// Names in options are names of the cascade.
bool Runner::checkNames() {
  std::vector<std::string> inputs, outputs;
  for (auto &[name, input] : first.getInputs())
    inputs.push_back(name);
  for (auto &[name, output] : first.getOutputs())
    outputs.push_back(name);
  auto check = [](StringRef option, const char *what, const std::string &name,
                  ArrayRef<std::string> known) {
    return llvm::is_contained(known, name) ||
           failOption(option,
                      llvm::Twine("there is no ") + what + " '" + name +
                          "'; there " + (known.size() == 1 ? "is " : "are ") +
                          (known.empty() ? "none" : llvm::join(known, ", ")) +
                          didYouMean(name, known));
  };
  for (auto &[name, sampling] : settings.dataOf)
    if (!check("--data", "input", name, inputs))
      return false;
  for (auto &[name, path] : settings.inputFiles)
    if (!check("--input", "input", name, inputs))
      return false;
  for (auto &[name, path] : settings.outputFiles)
    if (!check("--output-npy", "output", name, outputs))
      return false;
  return true;
}

bool Runner::readInputFiles() {
  Diagnostics diagnostics;
  for (auto &[name, path] : settings.inputFiles)
    if (std::optional<Tensor> tensor = readNpy(path, diagnostics)) {
      tensor->name = name;
      files[name] = std::move(*tensor);
    }
  diagnostics.print(llvm::errs());
  return !diagnostics.hasErrors();
}

/// A file decides the parameter that is the extent of one of its ranks.
void Runner::addExtentsOfFiles() {
  for (auto &[name, input] : first.getInputs()) {
    auto file = files.find(name);
    auto type = cast<NamedTensorType>(input.getResult().getType());
    if (file == files.end() ||
        file->second.extents.size() != type.getRanks().size())
      continue;
    for (auto [rank, extent] :
         llvm::zip_equal(type.getRanks(), file->second.extents)) {
      RankOp op = first.cascade.findRank(rank);
      if (auto symbol = dyn_cast<AffineSymbolExpr>(op.getExtent().getResult(0)))
        settings.extents.insert(
            {cast<StringAttr>(op.getParams()[symbol.getPosition()]).str(),
             extent});
    }
  }
}

bool Runner::chooseExtents() {
  SmallVector<CascadeOp> cascades{first.cascade};
  for (std::optional<Program> *other : {&second, &derived})
    if (*other)
      cascades.push_back((*other)->cascade);
  unsigned trials = options.trials ? options.trials : settings.data.size();
  FailureOr<std::vector<ChosenExtent>> chosen = einsum::chooseExtents(
      cascades, settings.extents,
      std::max<uint64_t>(kBudget / trials, kSmallestBudget));
  if (failed(chosen))
    return false;
  result.extents = std::move(*chosen);
  return true;
}

/// What the schedule's cascade is compared with: the workload, quantised in the
/// same way.
bool Runner::quantiseAsScheduled() {
  if (!derived)
    return true;
  auto formats = derived->workload.getFormats();
  if (failed(formats))
    return false;
  bool isQuantised =
      printProgram(first.cascade) == printProgram(derived->cascade);
  if (!*formats || isQuantised)
    return true;
  auto made =
      QuantisedWorkload::create(first.cascade, **formats, scheduled->getArch());
  if (failed(made))
    return false;
  quantised = std::move(*made);
  result.quantisedBy = quantised->getFormats();
  return true;
}

/// Whether what is compared has the same inputs and outputs.
bool Runner::checkPrograms() {
  if (second && (!checkInputs(first, *second) || !checkOutputs(first, *second)))
    return false;
  if (!derived)
    return true;
  bool hasInputs = quantised ? quantised->checkInputs(derived->cascade)
                             : checkInputs(first, *derived);
  return hasInputs && checkOutputs(first, *derived);
}

ExitCode Runner::checkLimit(Program &program) {
  FailureOr<uint64_t> points = countPoints(program.cascade);
  if (failed(points))
    return ExitCode::BadInput;
  if (*points <= options.maxPoints)
    return ExitCode::Ok;
  program.cascade.emitError()
      << "cascade '" << program.cascade.getSymName() << "' has " << *points
      << " points, more than the " << options.maxPoints
      << " that are allowed; choose smaller extents with --extent, or allow "
         "more with "
         "--max-points";
  return ExitCode::LimitReached;
}

FailureOr<TensorMap> Runner::sampleInputs(const Sampling &sampling,
                                          uint64_t seed) {
  TensorMap inputs = files;
  for (auto &[name, input] : first.getInputs()) {
    if (inputs.count(name))
      continue;
    auto type = cast<NamedTensorType>(input.getResult().getType());
    // Floats are drawn in f64; interpreting rounds them.
    const NumberFormat *format =
        getNumberFormat(getScalarType(type.getElementType()));
    if (!format || format->isFloat)
      format = findFloatFormat("f64");
    FailureOr<Tensor> tensor =
        makeTensor(first.cascade, input.getResult(), name, *format);
    if (failed(tensor))
      continue; // interpreting reports it again
    auto own = settings.dataOf.find(name);
    fillWithSamples(
        *tensor, own == settings.dataOf.end() ? sampling : own->second, seed);
    inputs[name] = std::move(*tensor);
  }
  // What a cascade gathers by holds coordinates, whatever the distribution.
  auto isKept = [&](StringRef name) { return files.count(name.str()) != 0; };
  if ((second &&
       failed(fillWithCoordinates(second->cascade, inputs, seed, isKept))) ||
      failed(fillWithCoordinates(first.cascade, inputs, seed, isKept)))
    return failure();
  return inputs;
}

/// Half of the digits of the coarser format.
double Runner::getTolerance(const Tensor &a, const Tensor &b) const {
  if (options.tolerance)
    return *options.tolerance;
  if (!a.format->isFloat && !b.format->isFloat)
    return 0;
  int precision = std::min(a.format->precision, b.format->precision);
  return std::sqrt(std::ldexp(1.0, 1 - precision));
}

bool Runner::writeOutputs(const Interpretation &values) {
  for (auto &[name, output] : first.getOutputs()) {
    auto file = settings.outputFiles.find(name);
    if (file == settings.outputFiles.end())
      continue;
    const Tensor &tensor = values.get(output.value);
    if (!writeOutput(file->second,
                     [&](raw_ostream &os) { os << printNpy(tensor); }))
      return false;
  }
  return true;
}

/// Unasked where tensors are stored in formats and these count.
bool Runner::showsErrors() {
  if (options.errors || !settings.arithmetic.isDeclared())
    return options.errors;
  bool isStored = false;
  for (Operation &op : *first.cascade.getBodyBlock())
    for (Type type : op.getResultTypes())
      if (auto tensor = dyn_cast<NamedTensorType>(type))
        isStored |= isa<QuantizedType>(tensor.getElementType());
  return isStored;
}

/// Every tensor with a name against what it is in f64, in the cascade as
/// written; only outputs, if no more is asked for.
bool Runner::addErrors(const TensorMap &inputs, const Interpretation &values,
                       TrialResult &trial) {
  FailureOr<Interpretation> exact =
      interpret(quantised ? quantised->asWritten() : first.cascade, inputs,
                InterpretOptions{Arithmetic::reference(), options.maxPoints});
  if (failed(exact))
    return false;
  std::set<std::string> shown;
  if (!showsErrors())
    for (auto &[name, output] : first.getOutputs())
      shown.insert(name);
  for (Operation &op : *first.cascade.getBodyBlock())
    for (Value value : op.getResults()) {
      auto type = dyn_cast<NamedTensorType>(value.getType());
      const Tensor *reference =
          type ? exact->find(Program::getName(value)) : nullptr;
      if (!reference || reference->name.empty() ||
          (!shown.empty() && !shown.count(reference->name)))
        continue;
      const Tensor &tensor = values.get(value);
      bool isDeclared = settings.arithmetic.isDeclared();
      TensorError entry{tensor.name,
                        tensor.format->name,
                        {tensor.format->bits, 1},
                        measureError(*reference, tensor)};
      auto found = findStorage(type, tensor.extents);
      auto *stored = std::get_if<TensorStorage>(&found);
      if (isDeclared && stored && stored->storage) {
        entry.storage = stored->storage->toText();
        entry.bits =
            formats::getBitsPerElement(*stored->storage, stored->region);
      }
      trial.errors.push_back(std::move(entry));
    }
  return true;
}

bool Runner::runTrial(unsigned number) {
  const auto &[data, sampling] = settings.data[number % settings.data.size()];
  TrialResult trial;
  trial.seed = options.seed + number;
  trial.data = data;
  FailureOr<TensorMap> sampled = sampleInputs(sampling, trial.seed);
  if (failed(sampled))
    return false;
  const TensorMap &inputs = *sampled;
  InterpretOptions interpretOptions{settings.arithmetic, options.maxPoints};
  FailureOr<Interpretation> values = interpret(first.cascade, inputs,
                                               interpretOptions),
                            others = failure();
  if (failed(values))
    return false;
  if (second &&
      failed(others = interpret(second->cascade, inputs, interpretOptions)))
    return false;
  TensorMap executed;
  if (scheduled) {
    FailureOr<TensorMap> outputs = scheduled->execute(
        quantised ? quantised->makeInputs(derived->cascade, inputs, *values)
                  : inputs,
        settings.arithmetic, options.maxPoints);
    if (failed(outputs))
      return false;
    executed = std::move(*outputs);
  }
  std::map<std::string, Program::Output> counterparts;
  if (second)
    for (auto &[name, output] : second->getOutputs())
      counterparts[name] = output;
  for (auto &[name, output] : first.getOutputs()) {
    const Tensor &tensor = values->get(output.value);
    OutputResult entry{name, tensor.ranks, tensor.extents, summarize(tensor), 0,
                       {}};
    if (second) {
      const Tensor &other = others->get(counterparts[name].value);
      entry.tolerance = getTolerance(tensor, other);
      entry.comparison = compareTensors(tensor, other);
    }
    if (auto other = executed.find(name); other != executed.end()) {
      entry.tolerance = getTolerance(tensor, other->second);
      entry.comparison = compareTensors(tensor, other->second);
    }
    trial.outputs.push_back(std::move(entry));
  }
  if ((quantised || showsErrors()) && !addErrors(inputs, *values, trial))
    return false;
  result.trials.push_back(std::move(trial));
  return number > 0 || writeOutputs(*values);
}

static bool writeJson(const RunResult &result, StringRef path) {
  return writeOutput(path, [&](raw_ostream &os) { writeRunJson(result, os); });
}

ExitCode Runner::run() {
  if (!parseOptions(options, settings) || !readPrograms() || !checkNames() ||
      !readInputFiles())
    return ExitCode::BadInput;
  addExtentsOfFiles();
  if ((scheduled && !scheduled->readArch()) || !readDerived() ||
      !chooseExtents() || !quantiseAsScheduled())
    return ExitCode::BadInput;
  for (Program *program : {&first, second ? &*second : nullptr})
    if (program)
      if (ExitCode code = checkLimit(*program); code != ExitCode::Ok)
        return code;
  if (!checkPrograms())
    return ExitCode::BadInput;
  Program &mapped = derived ? *derived : first;
  if (scheduled)
    if (ExitCode code = scheduled->prepare(mapped.workload, mapped.cascade);
        code != ExitCode::Ok)
      return code;
  unsigned trials = options.trials ? options.trials : settings.data.size();
  {
    Progress progress("executing '" + result.cascade + "'");
    for (unsigned trial = 0; trial < trials; ++trial)
      if (!runTrial(trial))
        return ExitCode::BadInput;
  }
  if (options.json != "-")
    printRun(result, llvm::outs());
  if (!options.json.empty() && !writeJson(result, options.json))
    return ExitCode::BadInput;
  if (scheduled) {
    std::string report;
    llvm::raw_string_ostream os(report);
    scheduled->print(os);
    if (options.json != "-" && options.schedule.trace != "-")
      llvm::outs() << report;
    if (!scheduled->writeFiles())
      return ExitCode::BadInput;
  }
  bool same = result.agrees() && (!scheduled || scheduled->agrees());
  return same ? ExitCode::Ok : ExitCode::Infeasible;
}

ExitCode einsum::run(const RunOptions &options) {
  DialectRegistry registry;
  registerAllDialects(registry);
  return Runner(options, registry).run();
}

std::string einsum::describeRuns() {
  std::string text = "Executes a cascade of Einsums on sampled data and "
                     "compares it with another.\n"
                     "Exits with 0, 1 (bad input), 2 (outputs differ), 3 (too "
                     "many points) or\n"
                     "4 (internal error).\n\nDistributions:\n";
  for (const DistributionInfo &info : getDistributions())
    text += ("  " + info.name + ": " + info.description + "\n").str();
  return text;
}
