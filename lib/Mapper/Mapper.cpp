//===- Mapper.cpp - The best fused mapping in a stated space --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Mapper.h"

#include "lib/CostModel/CostModel.h"
#include "lib/Mapper/Infeasibility.h"
#include "lib/Mapper/Join/CascadeJoin.h"
#include "lib/Mapper/Pipelines/LoadBound.h"
#include "lib/Mapper/Pipelines/PipelinedRun.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"

#include <chrono>
#include <cmath>
#include <set>

using namespace mlir;
using namespace einsum;
using namespace einsum::mapper;

StringRef mapper::describeStatus(Status status) {
  switch (status) {
  case Status::optimal:
    return "optimal";
  case Status::bestFound:
    return "best found";
  case Status::infeasible:
    return "infeasible";
  case Status::unsupported:
    return "unsupported";
  }
  return "";
}

namespace {

/// From so many Einsums on, a pipeline whose latency is at most so many times
/// the bound ends the search; one that is this close is not improved.
constexpr size_t kManyEinsums = 8;
constexpr double kCloseEnough = 1.02, kAsGood = 1.0005;
constexpr const char *kLoadBound = "the busiest array, over all bindings";

class MappingSearch {
public:
  MappingSearch(CascadeOp cascade, const CascadeFacts &facts,
                const arch::ArchSpec &arch, const MapOptions &options)
      : cascade(cascade), facts(facts), arch(arch), options(options),
        start(std::chrono::steady_clock::now()) {}

  FailureOr<MapResult> run();

private:
  bool describe();
  void makeSearches();
  LogicalResult improve(MapResult &first, double &cutoff);
  LogicalResult refine(JoinResult &joined, MapResult &first, MapResult &result);
  bool describeNests(const NestLimits &limits);
  bool explore();
  std::vector<Holdings> listStarts(const EinsumOnArray &nest,
                                   NestSearch &search) const;
  JoinResult search(size_t beam, double cutoff);
  double scoreOf(double picojoules, double cycles, double traffic) const;
  std::function<bool(double, double, double)>
  hopelessBeyond(double cutoff) const;
  void chooseAxes();
  bool stopped() const;
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                         start)
        .count();
  }
  double value(Metric metric, const JoinEntry &entry,
               const JoinLayout &layout) const;
  double value(Metric metric, const cost::Evaluation &cost) const;
  LogicalResult realise(const JoinResult &joined, MapResult &result);
  std::optional<MappedPoint> build(const PlanStep &plan, bool isSure = true);
  void dispute(MappedPoint &point, double expected, double actual);
  std::optional<MappedPoint> tryPipeline(size_t &frames);
  bool acceptPipeline(MappedPoint &point, size_t frames, MapResult &result);
  bool isLatencyOnly() const {
    return options.objective.metrics == std::vector<Metric>{Metric::latency};
  }
  std::string describeSpace() const;
  void certify(const JoinResult &joined, MapResult &result) const;

  CascadeOp cascade;
  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  const MapOptions &options;
  std::chrono::steady_clock::time_point start;
  Axes axes;
  std::vector<EinsumConstraints> constraints;
  std::vector<EinsumChoices> choices;
  std::vector<std::unique_ptr<NestSearch>> searches;
  std::map<std::string, NestSearch *> bySignature;
  std::string unsupported;
  bool noArray = false;
  NestLimits nestLimits; ///< the finest that can be
  /// Whether the plan built last does not fit the backing level, and the least
  /// value of those that do not.
  bool overBacking = false;
  double leastOver = INFINITY;
  bool isDisputed = false; ///< search and cost model differed
  bool hasMapping = false; ///< here, or one as good is known
  /// What a first mapping may take beyond the time limit.
  static constexpr double kGraceSeconds = 10;
  bool overlaps = false; ///< arrays may run at once
  /// Entries per state of the quick search.
  static constexpr size_t kBeam = 4;
  static constexpr unsigned kQuickLoops = 1;
  /// Tile vectors times ways to deal ranks, beyond which tiles are left out.
  static constexpr double kMostStates = 2e5;
  /// States and plans of a join, beyond which the least promising are dropped:
  /// when all others are measured by the outcome, and when it is the outcome.
  static constexpr size_t kQuickStates = 300, kMostPlans = 1000000;
};

} // namespace

static std::string formatScientific(double value) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << llvm::format("%.9g", value);
  return text;
}

static StringRef nameOf(Metric metric) {
  switch (metric) {
  case Metric::latency:
    return "latency, s";
  case Metric::energy:
    return "energy, J";
  case Metric::edp:
    return "energy-delay product, J s";
  case Metric::traffic:
    return "traffic, B";
  case Metric::capacity:
    return "bytes held, B";
  }
  return "";
}

bool MappingSearch::stopped() const {
  if (options.stop && options.stop->load())
    return true;
  double limit = options.timeLimitSeconds;
  if (limit <= 0)
    return false;
  return seconds() > (hasMapping ? limit : limit + kGraceSeconds);
}

/// Levels that could hold everything need no watching.
void MappingSearch::chooseAxes() {
  llvm::SmallVector<bool> mayBind;
  for (const arch::Level &level : arch.levels) {
    uint64_t all = 0;
    bool overflow = false;
    for (const TensorFact &tensor : facts.tensors)
      overflow |= __builtin_add_overflow(
          all, tensor.bytes(tensor.elements) * arch.instances(level), &all);
    mayBind.push_back(
        level.capacityBytes &&
        (overflow || all > *level.capacityBytes * arch.instances(level)));
  }
  mayBind[0] = false;
  axes = Axes::of(options.objective, arch, mayBind);
  overlaps = options.limits.pipelines && arch.arrays.size() > 1 &&
             !arch.accounting.sequential;
  axes.isHeldTogether = options.limits.pipelines && !arch.accounting.sequential;
}

/// Ranks that every tensor of every Einsum has.
static std::vector<int> listCommonRanks(const CascadeFacts &facts) {
  std::vector<int> common;
  for (int rank = 0; rank < static_cast<int>(facts.ranks.size()); ++rank) {
    auto uses = [&](const AccessFact &access) { return access.uses(rank); };
    if (llvm::all_of(facts.einsums, [&](const EinsumFact &einsum) {
          return llvm::all_of(einsum.reads, uses) &&
                 llvm::all_of(einsum.writes, uses);
        }))
      common.push_back(rank);
  }
  return common;
}

bool MappingSearch::describe() {
  constraints.reserve(facts.einsums.size());
  for (int e = 0; e < static_cast<int>(facts.einsums.size()); ++e) {
    constraints.emplace_back(facts, arch, e);
    if (!constraints.back().unsupported.empty())
      unsupported = constraints.back().unsupported;
  }
  nestLimits.imperfect = options.limits.imperfect;
  nestLimits.commonRanks = listCommonRanks(facts);
  // Every nest if that can be, else fewer tiles.
  while (!describeNests(nestLimits) && unsupported.empty() && !noArray &&
         nestLimits.coarse < NestLimits::kCoarsest)
    ++nestLimits.coarse;
  return unsupported.empty() && !noArray;
}

/// Nests that look the same are searched once.
void MappingSearch::makeSearches() {
  searches.clear();
  bySignature.clear();
  for (EinsumChoices &choice : choices)
    for (const auto &nest : choice.nests) {
      NestSearch *&search = bySignature[nest->signature()];
      if (!search) {
        searches.push_back(std::make_unique<NestSearch>(*nest, arch, axes));
        search = searches.back().get();
      }
      choice.searches.push_back(search);
    }
}

/// False if some Einsum has too many nests, or none.
bool MappingSearch::describeNests(const NestLimits &limits) {
  choices.assign(facts.einsums.size(), {});
  noArray = false;
  bool isSmall = true;
  for (int e = 0; e < static_cast<int>(facts.einsums.size()); ++e) {
    for (int a = 0; a < static_cast<int>(arch.arrays.size()); ++a) {
      std::optional<EinsumOnArray> nest = describeEinsum(
          facts, arch, e, a, constraints[e], limits, unsupported);
      if (!nest)
        continue;
      isSmall &= nest->countStates() <= kMostStates;
      choices[e].nests.push_back(
          std::make_shared<EinsumOnArray>(std::move(*nest)));
    }
    noArray |= choices[e].nests.empty();
  }
  return isSmall && !noArray;
}

double MappingSearch::value(Metric metric, const JoinEntry &entry,
                            const JoinLayout &layout) const {
  const std::vector<double> &costs = entry.costs;
  double latency = costs[layout.time(0)] / arch.clockHz;
  double energy = costs[layout.energy()] * 1e-12 + arch.leakageW() * latency;
  switch (metric) {
  case Metric::latency:
    return latency;
  case Metric::energy:
    return energy;
  case Metric::edp:
    return latency * energy;
  case Metric::traffic:
    return costs[layout.traffic()];
  case Metric::capacity:
    return costs[layout.largest(0)];
  }
  return 0;
}

double MappingSearch::value(Metric metric, const cost::Evaluation &cost) const {
  int level = options.objective.level;
  switch (metric) {
  case Metric::latency:
    return cost.latencySeconds;
  case Metric::energy:
    return cost.energyJoules();
  case Metric::edp:
    return cost.latencySeconds * cost.energyJoules();
  case Metric::traffic:
    return static_cast<double>(cost.levels[std::max(0, level)].traffic.bytes());
  case Metric::capacity:
    return static_cast<double>(
        cost.levels[level >= 0 ? level
                               : std::min<int>(1, cost.levels.size() - 1)]
            .peakBytes);
  }
  return 0;
}

std::optional<MappedPoint> MappingSearch::build(const PlanStep &plan,
                                                bool isSure) {
  MappedPoint point;
  point.mapping = buildSchedule(cascade, facts, arch, plan, "mapped");
  if (failed(verify(point.mapping))) {
    point.mapping.emitError("internal error: the mapper built a schedule that "
                            "is not legal");
    return std::nullopt;
  }
  auto evaluator = cost::Evaluator::create(point.mapping, facts, arch);
  if (!evaluator)
    return std::nullopt;
  if (!evaluator->evaluate(point.cost)) {
    // What lives at the backing level is not weighed by the search.
    if (llvm::all_of(evaluator->violations(),
                     [&](const cost::CapacityViolation &violation) {
                       return violation.level == arch.levels[0].name;
                     }) &&
        !evaluator->violations().empty()) {
      point.mapping.erase();
      overBacking = true;
      return std::nullopt;
    }
    if (!isSure) {
      point.mapping.erase();
      return std::nullopt;
    }
    evaluator->emitViolations();
    point.mapping.emitError("internal error: the mapper built a schedule that "
                            "does not fit");
    return std::nullopt;
  }
  for (Metric metric : options.objective.metrics)
    point.values.push_back(value(metric, point.cost));
  return point;
}

/// The cost model judges: its value stands, and nothing is claimed about
/// others.
void MappingSearch::dispute(MappedPoint &point, double expected,
                            double actual) {
  if (!isDisputed)
    point.mapping.emitWarning("the search expected ")
        << formatScientific(expected) << ", the cost model says "
        << formatScientific(actual) << "; no claim of optimality is made";
  isDisputed = true;
  if (getenv("DBG"))
    point.mapping->dump();
}

LogicalResult MappingSearch::realise(const JoinResult &joined,
                                     MapResult &result) {
  const std::vector<Metric> &metrics = options.objective.metrics;
  std::vector<std::pair<std::vector<double>, const JoinEntry *>> ranked;
  for (const JoinEntry &entry : joined.plans) {
    std::vector<double> values;
    for (Metric metric : metrics)
      values.push_back(value(metric, entry, joined.layout));
    // Of equally good ones, the one of least energy, then of least time.
    std::vector<double> order = values;
    order.push_back(entry.costs[joined.layout.energy()]);
    order.push_back(entry.costs[joined.layout.time(0)]);
    ranked.push_back({order, &entry});
  }
  std::sort(ranked.begin(), ranked.end()); // equal ones by their place
  std::vector<std::vector<double>> kept;
  for (const auto &one : ranked) {
    const std::vector<double> &values = one.first;
    bool beaten = llvm::any_of(kept, [&](const std::vector<double> &other) {
      return isNoWorse(other, values, metrics.size());
    });
    if (beaten)
      continue;
    overBacking = false;
    std::optional<MappedPoint> point = build(*one.second->plan);
    if (!point && overBacking) {
      leastOver = std::min(leastOver, values.front());
      continue;
    }
    if (!point)
      return failure();
    for (size_t i = 0; i < metrics.size(); ++i)
      if (std::abs(point->values[i] - values[i]) >
          1e-9 * std::abs(values[i]) + 1e-30)
        dispute(*point, values[i], point->values[i]);
    kept.push_back(point->values);
    result.points.push_back(std::move(*point));
  }
  // One is the best of its expected value; where that was disputed, of its own.
  if (isDisputed && metrics.size() == 1 && result.points.size() > 1) {
    auto best = llvm::min_element(
        result.points, [](const MappedPoint &a, const MappedPoint &b) {
          return a.values.front() < b.values.front();
        });
    std::swap(result.points.front(), *best);
    while (result.points.size() > 1) {
      result.points.back().mapping.erase();
      result.points.pop_back();
    }
  }
  return success();
}

/// README.md in one line.
std::string MappingSearch::describeSpace() const {
  const SpaceLimits &limits = options.limits;
  std::string text = limits.imperfect ? "any tiles" : "perfect tiles";
  if (!limits.fusion)
    text += ", no fusion";
  else
    text += ", fusion below up to " + std::to_string(limits.sharedLoops) +
            " shared loops (" + std::to_string(limits.sharedLoopsPerRank) +
            " over one rank)";
  text += limits.pipelines ? ", sequences and pipelines" : ", no pipelines";
  return text + (limits.reorder ? ", any order" : ", Einsums in order");
}

void MappingSearch::certify(const JoinResult &joined, MapResult &result) const {
  Certificate &certificate = result.certificate;
  certificate.metric = nameOf(options.objective.metrics.front()).str();
  SearchCounts nests;
  for (const auto &search : searches)
    nests += search->getCounts();
  certificate.evaluated = nests.entries + joined.counts.entries;
  certificate.pruned["dominated"] = nests.dominated + joined.counts.dominated;
  certificate.pruned["capacity"] =
      nests.overCapacity + joined.counts.overCapacity;
  certificate.pruned["rank pass not ended"] = joined.counts.illegal;
  certificate.pruned["constraints"] = nests.ruledOut;
  certificate.pruned["bound"] = nests.overBound + joined.counts.overBound;
  certificate.wallSeconds = seconds();
  certificate.space = describeSpace();
  if (result.points.empty()) {
    bool isBeaten = std::isfinite(options.cutoff);
    certificate.status = !joined.complete ? Status::bestFound
                         : isBeaten       ? Status::optimal
                                          : Status::infeasible;
    certificate.best = isBeaten ? options.cutoff : 0;
    certificate.lowerBound = joined.complete ? certificate.best : 0;
    certificate.boundName = "nothing is better than what is known";
    return;
  }
  certificate.best = result.points.front().values.front();
  certificate.lowerBound = joined.complete ? certificate.best : 0;
  certificate.boundName = joined.complete ? "search complete" : "";
  if (!joined.complete && isLatencyOnly()) {
    certificate.lowerBound = boundLoad(choices) / arch.clockHz;
    certificate.boundName = kLoadBound;
  }
  certificate.status = joined.complete ? Status::optimal : Status::bestFound;
  if (joined.complete && leastOver < certificate.best) {
    certificate.status = Status::bestFound;
    certificate.lowerBound = leastOver;
    certificate.boundName =
        "capacity of '" + arch.levels[0].name + "' left aside";
  }
}

/// One pipeline of all Einsums, if there is one.
std::optional<MappedPoint> MappingSearch::tryPipeline(size_t &frames) {
  if (!isLatencyOnly() || !options.limits.pipelines)
    return std::nullopt;
  PipelinedRun run(facts, arch, axes, constraints, options.limits,
                   [&] { return stopped(); });
  std::shared_ptr<const PlanStep> plan =
      run.find(PipelineGoal::latency, boundLoad(choices) * kAsGood);
  frames = run.getFrames();
  return plan ? build(*plan, /*isSure=*/false) : std::nullopt;
}

/// Nothing can be better than this pipeline, or, where there are too many
/// Einsums to find out, not by much.
bool MappingSearch::acceptPipeline(MappedPoint &point, size_t frames,
                                   MapResult &result) {
  double bound = boundLoad(choices) / arch.clockHz,
         latency = point.values.front();
  bool isLarge = facts.einsums.size() >= kManyEinsums;
  if (latency > bound * (isLarge ? kCloseEnough : 1))
    return false;
  Certificate &certificate = result.certificate;
  certificate.space = describeSpace();
  certificate.metric = nameOf(Metric::latency).str();
  certificate.evaluated = frames;
  certificate.best = latency;
  certificate.lowerBound = std::min(bound, latency);
  certificate.boundName = kLoadBound;
  certificate.status = latency <= bound ? Status::optimal : Status::bestFound;
  certificate.wallSeconds = seconds();
  result.points.push_back(std::move(point));
  return true;
}

/// The least that each Einsum costs by itself, wherever its tensors live. False
/// if time was up before.
bool MappingSearch::explore() {
  std::map<const NestSearch *, bool> explored;
  for (EinsumChoices &choice : choices) {
    choice.leastEnergy = choice.leastCycles = choice.leastTraffic = INFINITY;
    for (size_t i = 0; i < choice.searches.size(); ++i) {
      NestSearch &search = *choice.searches[i];
      if (!explored[&search] &&
          !search.explore(listStarts(*choice.nests[i], search),
                          [this] { return stopped(); }))
        return false;
      explored[&search] = true;
      choice.leastEnergy = std::min(choice.leastEnergy, search.leastEnergy());
      choice.leastCycles = std::min(choice.leastCycles, search.leastCycles());
      choice.leastTraffic =
          std::min(choice.leastTraffic, search.leastTraffic());
    }
  }
  return true;
}

/// All combinations of places that the operands may live at.
std::vector<Holdings> MappingSearch::listStarts(const EinsumOnArray &nest,
                                                NestSearch &search) const {
  std::vector<Holdings> starts(1);
  for (auto [o, operand] : llvm::enumerate(nest.operands)) {
    std::vector<uint8_t> codes = {0};
    for (int level = 1; level < static_cast<int>(arch.levels.size()); ++level) {
      if (operand.mustLiveAtBacking || !options.limits.fusion ||
          arch.levels[level].perArray >= 0 || !arch.levels[level].dims.empty())
        continue;
      auto found = llvm::find(nest.path, level);
      codes.push_back(found == nest.path.end()
                          ? search.codeOffPath(level)
                          : Holding::kOutside + (found - nest.path.begin()));
    }
    std::vector<Holdings> more;
    for (const Holdings &start : starts)
      for (uint8_t code : codes) {
        more.push_back(start);
        more.back()[o] = code;
      }
    starts = std::move(more);
  }
  return starts;
}

/// What a single metric cannot beat: energies add up, and so do times unless
/// arrays overlap.
std::function<bool(double, double, double)>
MappingSearch::hopelessBeyond(double cutoff) const {
  if (options.objective.metrics.size() != 1 || std::isinf(cutoff))
    return {};
  Metric metric = options.objective.metrics.front();
  double limit = cutoff * (1 + 1e-12);
  return [=](double picojoules, double cycles, double traffic) {
    double latency = cycles / arch.clockHz;
    double energy = picojoules * 1e-12 + arch.leakageW() * latency;
    switch (metric) {
    case Metric::latency:
      return latency > limit;
    case Metric::energy:
      return energy > limit;
    case Metric::edp:
      return energy * latency > limit;
    case Metric::traffic:
      return traffic > limit;
    case Metric::capacity:
      return false;
    }
    return false;
  };
}

/// What is minimised first, of a partial plan's least costs.
double MappingSearch::scoreOf(double picojoules, double cycles,
                              double traffic) const {
  double latency = cycles / arch.clockHz;
  double energy = picojoules * 1e-12 + arch.leakageW() * latency;
  switch (options.objective.metrics.front()) {
  case Metric::latency:
    return latency;
  case Metric::energy:
    return energy;
  case Metric::edp:
    return energy * latency;
  case Metric::traffic:
    return traffic;
  case Metric::capacity:
    return 0;
  }
  return 0;
}

JoinResult MappingSearch::search(size_t beam, double cutoff) {
  std::function<bool(double, double, double)> hopeless = hopelessBeyond(cutoff);
  double energy = 0, cycles = 0, traffic = 0;
  for (const EinsumChoices &choice : choices) {
    energy += choice.leastEnergy;
    cycles += overlaps ? 0 : choice.leastCycles;
    traffic += choice.leastTraffic;
  }
  auto shouldStop = [this] { return stopped(); };
  std::set<NestSearch *> restarted;
  for (const EinsumChoices &choice : choices)
    for (NestSearch *search : choice.searches) {
      if (!restarted.insert(search).second)
        continue;
      NestBounds bounds;
      bounds.beam = beam;
      bounds.score = [this](double picojoules, double cycles, double traffic) {
        return scoreOf(picojoules, cycles, traffic);
      };
      bounds.shouldStop = shouldStop;
      double otherEnergy = energy - choice.leastEnergy,
             otherCycles = overlaps ? 0 : cycles - choice.leastCycles,
             otherTraffic = traffic - choice.leastTraffic;
      if (hopeless)
        bounds.isHopeless = [=](double e, double c, double t) {
          return hopeless(e + otherEnergy, c + otherCycles, t + otherTraffic);
        };
      search->restart(std::move(bounds));
    }
  JoinLimits limits;
  limits.space = options.limits;
  if (beam)
    limits.space.sharedLoops = std::min(limits.space.sharedLoops, kQuickLoops);
  limits.beam = beam;
  limits.mostStates = beam ? kQuickStates : 0;
  limits.mostPlans = kMostPlans;
  limits.score = [this](double picojoules, double cycles, double traffic) {
    return scoreOf(picojoules, cycles, traffic);
  };
  limits.overlaps = overlaps;
  limits.isHopeless = hopeless;
  limits.shouldStop = shouldStop;
  return joinCascade(facts, arch, axes, choices, constraints, limits);
}

/// A quick search, which keeps few nests: something to measure all others by.
LogicalResult MappingSearch::improve(MapResult &first, double &cutoff) {
  JoinResult quick = search(kBeam, cutoff);
  MapResult found;
  if (!quick.plans.empty() && failed(realise(quick, found)))
    return failure();
  if (found.points.empty() || found.points.front().values.front() >= cutoff) {
    for (MappedPoint &point : found.points)
      point.mapping.erase();
    return success();
  }
  for (MappedPoint &point : first.points)
    point.mapping.erase();
  cutoff = found.points.front().values.front();
  hasMapping = true;
  first.points = std::move(found.points);
  return success();
}

/// From coarse to fine: where there are too many nests, a first mapping comes
/// from the coarsest tiles, so that there is one whenever the time is up.
LogicalResult MappingSearch::refine(JoinResult &joined, MapResult &first,
                                    MapResult &result) {
  bool isSingle = options.objective.metrics.size() == 1;
  double cutoff = options.cutoff;
  hasMapping = std::isfinite(cutoff) || !first.points.empty();
  if (!first.points.empty())
    cutoff = std::min(cutoff, first.points.front().values.front());
  std::vector<int> ladder = {nestLimits.coarse};
  if (isSingle && nestLimits.coarse > 0)
    for (int coarse = nestLimits.coarse + 1; coarse <= NestLimits::kCoarsest;
         ++coarse)
      ladder.insert(ladder.begin(), coarse);
  joined.complete = false;
  for (int coarse : ladder) {
    NestLimits limits = nestLimits;
    limits.coarse = coarse;
    describeNests(limits);
    makeSearches();
    if (!explore())
      return success();
    if (isSingle && failed(improve(first, cutoff)))
      return failure();
  }
  joined = search(0, cutoff);
  joined.complete &= nestLimits.coarse == 0;
  if (!joined.plans.empty() && failed(realise(joined, result)))
    return failure();
  joined.complete &= !isDisputed;
  return success();
}

FailureOr<MapResult> MappingSearch::run() {
  chooseAxes();
  MapResult result;
  if (axes.count > kMaxAxes) {
    cascade.emitError("unsupported by the mapper: '")
        << arch.name << "' has " << axes.count
        << " bandwidths, ports and capacities that may bind; at most "
        << kMaxAxes << " are covered";
    return failure();
  }
  if (arch.accounting.buffered) {
    cascade.emitError("unsupported by the mapper: transfers that are not "
                      "overlapped (accounting: overlap 'buffered')");
    return failure();
  }
  if (!describe()) {
    if (!unsupported.empty()) {
      cascade.emitError("unsupported by the mapper: ") << unsupported;
      return failure();
    }
    result.certificate.status = Status::infeasible;
    return result;
  }
  size_t frames = 0;
  std::optional<MappedPoint> pipeline = tryPipeline(frames);
  if (pipeline && acceptPipeline(*pipeline, frames, result))
    return result;
  MapResult first;
  if (pipeline && pipeline->values.front() < options.cutoff)
    first.points.assign(1, *pipeline);
  else if (pipeline)
    pipeline->mapping.erase();
  JoinResult joined;
  if (failed(refine(joined, first, result)))
    return failure();
  if (std::isfinite(leastOver) && result.points.empty() &&
      first.points.empty()) {
    if (explainInfeasible(facts, arch, options.limits).empty()) {
      cascade.emitError("unsupported by the mapper: level '")
          << arch.levels[0].name
          << "' does not hold all tensors at once, and no mapping was found "
             "that makes do with less; give it more capacity";
      return failure();
    }
    result.certificate.status = Status::infeasible;
    return result;
  }
  // Where the search ended early, or nothing is better, the first one it is.
  if (result.points.empty())
    result.points = std::move(first.points);
  else
    for (MappedPoint &point : first.points)
      point.mapping.erase();
  certify(joined, result);
  return result;
}

FailureOr<MapResult> mapper::mapCascade(CascadeOp cascade,
                                        const CascadeFacts &facts,
                                        const arch::ArchSpec &arch,
                                        const MapOptions &options) {
  return MappingSearch(cascade, facts, arch, options).run();
}
