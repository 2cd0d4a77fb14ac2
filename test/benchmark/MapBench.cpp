//===- MapBench.cpp - How long a search takes, and what it finds ----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   einsum-bench-map --objective=edp --shared-loops=1 pair.ein tpu.json
//
// One JSON line per run: the median of some repetitions, the best value, and
// what each rule pruned. `--without=RULE` leaves a rule out; `--quantize=SPEC`
// maps the cascade in number formats.
//
//===----------------------------------------------------------------------===//

#include "lib/Init/InitAll.h"
#include "lib/Init/QuantizeWorkload.h"
#include "lib/Init/ReadWorkload.h"
#include "lib/Mapper/Mapper.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"

#include <sys/resource.h>

using namespace einsum;
using namespace einsum::mapper;

static llvm::cl::opt<std::string> workloadPath(llvm::cl::Positional,
                                               llvm::cl::Required);
static llvm::cl::opt<std::string> archPath(llvm::cl::Positional,
                                           llvm::cl::Required);
static llvm::cl::list<std::string> bind("bind", llvm::cl::CommaSeparated);
static llvm::cl::list<std::string> set("set", llvm::cl::CommaSeparated);
static llvm::cl::list<std::string> objective("objective",
                                             llvm::cl::CommaSeparated);
static llvm::cl::opt<unsigned> sharedLoops("shared-loops", llvm::cl::init(4));
static llvm::cl::opt<unsigned> perRank("per-rank", llvm::cl::init(2));
static llvm::cl::opt<bool> perfect("perfect");
static llvm::cl::opt<bool> noFusion("no-fusion");
static llvm::cl::opt<bool> noPipelines("no-pipelines");
static llvm::cl::opt<bool> reorder("reorder", llvm::cl::init(true));
static llvm::cl::opt<unsigned> repetitions("repetitions", llvm::cl::init(1));
static llvm::cl::opt<unsigned> threads("map-threads", llvm::cl::init(0));
static llvm::cl::list<std::string> without("without", llvm::cl::CommaSeparated);
static llvm::cl::opt<bool> showTree("show-tree");
static llvm::cl::opt<std::string> quantizeSpec("quantize");
static llvm::cl::opt<double> timeLimit("time-limit", llvm::cl::init(0));

static int fail(llvm::StringRef what) {
  llvm::errs() << "error: " << what << "\n";
  return 1;
}

static std::optional<Metric> parseMetric(llvm::StringRef name) {
  return llvm::StringSwitch<std::optional<Metric>>(name)
      .Case("latency", Metric::latency)
      .Case("energy", Metric::energy)
      .Case("edp", Metric::edp)
      .Case("traffic", Metric::traffic)
      .Case("capacity", Metric::capacity)
      .Default(std::nullopt);
}

static void printRun(const MapResult &result, double seconds) {
  const Certificate &c = result.certificate;
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  llvm::outs() << "{\"seconds\": " << llvm::format("%.4f", seconds)
               << ", \"status\": \"" << describeStatus(c.status)
               << "\", \"points\": " << result.points.size();
  if (!result.points.empty()) {
    const cost::Evaluation &cost = result.points.front().cost;
    llvm::outs() << ", \"latency_s\": "
                 << llvm::format("%.7g", cost.latencySeconds)
                 << ", \"energy_j\": "
                 << llvm::format("%.7g", cost.energyJoules())
                 << ", \"value\": " << llvm::format("%.7g", c.best);
  }
  llvm::outs() << ", \"gap\": " << llvm::format("%.6g", c.gap())
               << ", \"evaluated\": " << c.evaluated
               << ", \"space_log10\": " << llvm::format("%.4g", c.spaceLog10)
               << ", \"pruned\": {";
  const char *separator = "";
  for (const auto &[rule, count] : c.pruned) {
    llvm::outs() << separator << "\"" << rule << "\": " << count;
    separator = ", ";
  }
  llvm::outs() << "}, \"peak_mib\": " << usage.ru_maxrss / 1024 << "}\n";
}

/// What each Einsum takes of the energy.
static void printShares(const CascadeFacts &facts, const arch::ArchSpec &arch,
                        const cost::Evaluation &cost) {
  size_t levels = arch.levels.size();
  for (auto [e, einsum] : llvm::enumerate(facts.einsums)) {
    double energy = cost.einsums[e].operatorEnergyPj;
    for (size_t l = 0; l < levels; ++l) {
      const cost::Traffic &traffic = cost.einsumTraffic[e * levels + l];
      energy += traffic.readAccesses * arch.levels[l].readPj +
                traffic.writeAccesses * arch.levels[l].writePj;
    }
    llvm::outs() << "  " << einsum.name << ": "
                 << llvm::format("%.6g", energy * 1e-12) << " J, "
                 << llvm::format("%.6g", cost.einsums[e].boundCycles)
                 << " cycles, " << cost.einsums[e].boundBy << "\n";
  }
}

int main(int argc, char **argv) {
  llvm::cl::ParseCommandLineOptions(argc, argv);
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();
  Workload workload(context);
  if (failed(workload.read(workloadPath)))
    return 1;
  mlir::FailureOr<CascadeOp> cascade = workload.chooseCascade("");
  if (failed(cascade))
    return 1;
  Bindings bindings;
  for (llvm::StringRef text : bind) {
    auto [name, value] = text.split('=');
    int64_t number;
    if (value.getAsInteger(10, number))
      return fail("--bind takes NAME=N");
    bindings.push_back({name.str(), number});
  }
  if (failed(bindParameters(*cascade, bindings)))
    return 1;
  std::map<std::string, double> settings;
  for (llvm::StringRef text : set) {
    auto [name, value] = text.split('=');
    double number;
    if (value.getAsDouble(number))
      return fail("--set takes NAME=N");
    settings[name.str()] = number;
  }
  Diagnostics diagnostics;
  std::optional<arch::ArchSpec> arch =
      arch::readArchSpec(archPath, diagnostics, settings);
  diagnostics.print(llvm::errs());
  if (!arch)
    return 1;
  if (!quantizeSpec.empty()) {
    auto spec = quant::parseSpec(quantizeSpec);
    if (auto *error = std::get_if<std::string>(&spec))
      return fail("--quantize " + *error);
    quant::QuantizeOptions quantisation{std::get<quant::QuantizeSpec>(spec),
                                        {}};
    std::string first = objective.empty() ? "latency" : objective[0];
    if (failed(quantizeFor(*cascade, quantisation, &*arch, first)))
      return 1;
  }
  mlir::FailureOr<CascadeFacts> facts = computeCascadeFacts(*cascade);
  if (failed(facts))
    return 1;
  MapOptions options;
  options.objective.metrics.clear();
  for (llvm::StringRef name : objective) {
    std::optional<Metric> metric = parseMetric(name);
    if (!metric)
      return fail("no objective '" + name.str() + "'");
    options.objective.metrics.push_back(*metric);
  }
  if (options.objective.metrics.empty())
    options.objective.metrics = {Metric::latency};
  options.limits.sharedLoops = sharedLoops;
  options.limits.sharedLoopsPerRank = perRank;
  options.limits.imperfect = !perfect;
  options.limits.fusion = !noFusion;
  options.limits.pipelines = !noPipelines;
  options.limits.reorder = reorder;
  options.threads = threads;
  options.timeLimitSeconds = timeLimit;
  for (llvm::StringRef name : without) {
    bool *rule = llvm::StringSwitch<bool *>(name)
                     .Case("dominance", &options.rules.dominance)
                     .Case("bound", &options.rules.bound)
                     .Case("incumbent", &options.rules.incumbent)
                     .Case("canonical", &options.rules.canonical)
                     .Case("deals", &options.rules.deals)
                     .Case("ranks", &options.rules.ranks)
                     .Default(nullptr);
    if (!rule)
      return fail("no pruning rule '" + name.str() + "'");
    *rule = false;
  }
  std::vector<double> seconds;
  std::optional<MapResult> last;
  for (unsigned i = 0; i < repetitions; ++i) {
    if (last)
      for (MappedPoint &point : last->points)
        point.mapping.erase();
    mlir::FailureOr<MapResult> result =
        mapCascade(*cascade, *facts, *arch, options);
    if (failed(result))
      return 4;
    seconds.push_back(result->certificate.wallSeconds);
    last = std::move(*result);
  }
  llvm::sort(seconds);
  printRun(*last, seconds[seconds.size() / 2]);
  if (showTree && !last->points.empty())
    printShares(*facts, *arch, last->points.front().cost);
  if (showTree && !last->points.empty())
    last->points.front().mapping->print(llvm::outs());
  return 0;
}
