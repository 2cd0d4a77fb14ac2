//===- Mapper.cpp - The best fused mapping in a stated space --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Mapper.h"

#include "lib/Mapper/CertainBound.h"
#include "lib/Mapper/Infeasibility.h"
#include "lib/Mapper/Join/CascadeJoin.h"
#include "lib/Mapper/MapRequest.h"
#include "lib/Mapper/Pipelines/LoadBound.h"
#include "lib/Mapper/Pipelines/PipelinedRun.h"
#include "lib/Mapper/Realise.h"
#include "lib/Support/Log.h"

#include "llvm/ADT/STLExtras.h"

#include <chrono>
#include <cmath>
#include <set>
#include <thread>

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

/// A search of a part of the space: how much is looked at.
struct Effort {
  int coarse = 0;      ///< NestLimits
  bool sketch = false; ///< NestLimits
  unsigned loops = 1;  ///< that neighbours share
  bool pipelines = true, reorder = true;
  size_t beam = 0; ///< entries per state; 0: all
  /// States of a join, beyond which the least promising are dropped; 0: none
  /// are.
  size_t states = 0;
};

class MappingSearch {
public:
  MappingSearch(CascadeOp cascade, const CascadeFacts &facts,
                const arch::ArchSpec &arch, const MapOptions &options)
      : cascade(cascade), facts(facts), arch(arch), options(options),
        start(std::chrono::steady_clock::now()),
        realiser(cascade, facts, arch, options.objective) {}

  FailureOr<MapResult> run();
  double bound();

private:
  bool describe();
  void makeSearches();
  bool describeNests(const NestLimits &limits);
  void describeFor(const Effort &effort);
  void inParallel(size_t count, llvm::function_ref<void(size_t)> fn) const;
  bool explore();
  void noteFetches(EinsumChoices &choice) const;
  void boundNests();
  std::vector<Effort> listEfforts() const;
  bool prepare(const Effort &effort, bool walks);
  FailureOr<JoinResult> refine(std::vector<MappedPoint> &first);
  std::vector<Holdings> listStarts(const EinsumOnArray &nest,
                                   NestSearch &search) const;
  JoinResult search(const Effort &effort, double cutoff);
  double valueOf(Metric metric, double picojoules, double cycles,
                 double traffic) const;
  double scoreOf(double picojoules, double cycles, double traffic) const;
  std::function<bool(double, double, double)>
  hopelessBeyond(double cutoff) const;
  void chooseAxes();
  bool stopped() const;
  /// Whether there is a reason why there is no mapping; it takes a while, and
  /// of thousands of Einsums longer than any search was meant to.
  bool isRuledOut() const {
    constexpr size_t kMostEinsums = 256;
    if (!ruledOut)
      ruledOut = facts.einsums.size() <= kMostEinsums &&
                 !explainInfeasible(facts, arch, options.limits).empty();
    return *ruledOut;
  }
  void noteFirst(bool isFound) {
    if (isFound && std::isnan(firstSeconds))
      firstSeconds = seconds();
  }
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                         start)
        .count();
  }
  double value(Metric metric, const JoinEntry &entry,
               const JoinLayout &layout) const;
  FailureOr<Realised> realise(const JoinResult &joined);
  std::optional<MappedPoint> tryPipeline(size_t &frames);
  bool acceptPipeline(MappedPoint &point, size_t frames, MapResult &result);
  bool isLatencyOnly() const {
    return options.objective.metrics == std::vector<Metric>{Metric::latency};
  }
  std::string describeSpace() const;
  double sizeOfSpace() const;
  void certify(const JoinResult &joined, const Realised &realised,
               MapResult &result) const;
  void raiseBound(Certificate &certificate) const;
  void logCounts(const JoinResult &joined) const;
  LogicalResult refuse(const Realised &realised);

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
  mutable std::optional<bool> ruledOut;
  SearchCounts counted;    ///< of searches that others took the place of
  JoinCounts joinedBefore; ///< of efforts before the last
  double leastSpace = 0;   ///< log10 of nests, before they were walked
  CertainBound certain;    ///< of all arrays, as `choices` may leave some out
  NestLimits nestLimits;   ///< the finest that can be
  NestLimits described;    ///< those of `choices` and `searches`
  bool hasMapping = false; ///< here, or one as good is known
  double firstSeconds = std::numeric_limits<double>::quiet_NaN();
  /// What a first mapping may take beyond the time limit.
  static constexpr double kGraceSeconds = 0.3;
  /// Per Einsum and array, as searches run side by side.
  std::vector<std::shared_ptr<CutTiles>> cuts;
  PlanRealiser realiser;
  bool overlaps = false; ///< Einsums may run at once
  /// Of the time there is, for a pipeline of all Einsums.
  static constexpr double kPipelineShare = 0.4;
  /// Tile vectors times ways to deal ranks, beyond which tiles are left out.
  static constexpr double kMostStates = 2e5;
  /// Beyond so many, sketches come first.
  static constexpr double kManyStates = 2e4;
  /// The most states of any nest, as described last, times the ways to hold its
  /// operands.
  double placed = 0;
  /// Then the first mapping that no other can beat ends the search; else that
  /// of least energy among equally fast ones does.
  bool hasManyNests = false;
  /// Where the last search has all tiles, one of nearly all is not worth it.
  static constexpr int kFinestQuick = 2;
  /// States of a nest, beyond which they are not walked before the search.
  static constexpr size_t kMostExplored = 6000000;
  /// Of memory for nests that were found; then the search ends.
  static constexpr size_t kMostBytes = 800000000;
  /// Plans of a join, beyond which the least promising are dropped.
  static constexpr size_t kMostPlans = 1000000;
};

} // namespace

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
  nestLimits.allDeals = !options.rules.deals;
  nestLimits.commonRanks = listCommonRanks(facts);
  // Every nest if that can be, else fewer ways to deal, then fewer tiles.
  while (!describeNests(nestLimits) && unsupported.empty() && !noArray &&
         nestLimits.coarse < NestLimits::kCoarsest)
    nestLimits.coarse += std::exchange(nestLimits.fewPairs, true);
  leastSpace = sizeOfSpace();
  described = nestLimits;
  hasManyNests = !nestLimits.isWhole() || placed > kManyStates;
  // On one array, too, one Einsum computes while tiles of another move.
  overlaps = options.limits.pipelines && facts.einsums.size() > 1 &&
             !arch.accounting.sequential;
  return unsupported.empty() && !noArray;
}

/// Einsums that look the same share one.
void MappingSearch::makeSearches() {
  bySignature.clear();
  for (EinsumChoices &choice : choices)
    for (const auto &nest : choice.nests) {
      std::string name = nest->signature();
      if (!options.rules.canonical)
        name += "@" + std::to_string(searches.size());
      NestSearch *&search = bySignature[name];
      if (!search) {
        searches.push_back(std::make_unique<NestSearch>(*nest, arch, axes));
        search = searches.back().get();
      }
      choice.searches.push_back(search);
    }
}

/// Of a sketch: no array that takes several times as long as another one and
/// no less energy.
static void
leaveSlowArrays(std::vector<std::shared_ptr<EinsumOnArray>> &nests) {
  constexpr double slow = 4;
  std::vector<std::shared_ptr<EinsumOnArray>> kept;
  for (const auto &nest : nests) {
    double cycles = leastCycles(*nest);
    if (llvm::none_of(nests, [&](const auto &other) {
          return slow * leastCycles(*other) < cycles &&
                 other->energyPerPoint <= nest->energyPerPoint;
        }))
      kept.push_back(nest);
  }
  nests = std::move(kept);
}

/// How many more ways there are to hold operands than a product of two tensors
/// has below four levels.
static double countPlacements(const EinsumOnArray &nest) {
  double ways = static_cast<double>(nest.path.size()) + 1;
  return std::max(1.0, std::pow(ways, nest.operands.size()) / 125);
}

/// False if some Einsum has too many nests, or none.
bool MappingSearch::describeNests(const NestLimits &limits) {
  choices.assign(facts.einsums.size(), {});
  noArray = false;
  double states = 0; // the most of any nest
  placed = 0;
  cuts.resize(facts.einsums.size() * arch.arrays.size());

  for (int e = 0; e < static_cast<int>(facts.einsums.size()); ++e) {
    for (int a = 0; a < static_cast<int>(arch.arrays.size()); ++a) {
      std::optional<EinsumOnArray> nest =
          describeEinsum(facts, arch, e, a, constraints[e], limits, unsupported,
                         cuts[e * arch.arrays.size() + a]);
      if (!nest)
        continue;
      states = std::max(states, nest->countStates());
      placed = std::max(placed, nest->countStates() * countPlacements(*nest));
      choices[e].nests.push_back(
          std::make_shared<EinsumOnArray>(std::move(*nest)));
    }
    noArray |= choices[e].nests.empty();
    if (limits.sketch)
      leaveSlowArrays(choices[e].nests);
  }
  return states <= kMostStates && !noArray;
}

double MappingSearch::value(Metric metric, const JoinEntry &entry,
                            const JoinLayout &layout) const {
  const std::vector<double> &costs = entry.costs;
  if (metric == Metric::capacity)
    return costs[layout.largest(0)];
  return valueOf(metric, costs[layout.energy()], costs[layout.time(0)],
                 costs[layout.traffic()]);
}

FailureOr<Realised> MappingSearch::realise(const JoinResult &joined) {
  std::vector<PromisedPlan> plans;
  for (const JoinEntry &entry : joined.plans) {
    PromisedPlan promised;
    for (Metric metric : options.objective.metrics)
      promised.values.push_back(value(metric, entry, joined.layout));
    promised.energy = entry.costs[joined.layout.energy()];
    promised.cycles = entry.costs[joined.layout.time(0)];
    promised.plan = entry.plan.get();
    plans.push_back(std::move(promised));
  }
  return realiser.realise(std::move(plans), [this] { return stopped(); });
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
  if (limits.fusion && !limits.sharedHolders)
    text += ", no shared holders";
  text += limits.pipelines ? ", sequences and pipelines" : ", no pipelines";
  return text + (limits.reorder ? ", any order" : ", Einsums in order");
}

/// Whatever was tried, some costs are certain.
void MappingSearch::raiseBound(Certificate &certificate) const {
  if (certain.value <= certificate.lowerBound)
    return;
  certificate.lowerBound = std::min(certain.value, certificate.best);
  certificate.boundName = certain.name;
}

void MappingSearch::logCounts(const JoinResult &joined) const {
  if (!isLogged(LogLevel::debug))
    return;
  SearchCounts nests;
  for (const auto &search : searches)
    nests += search->getCounts();
  logDebug(llvm::Twine(searches.size()) + " kinds of nests, " +
           llvm::Twine(nests.states) + " states, " +
           llvm::Twine(nests.entries) +
           " entries; join: " + llvm::Twine(joined.counts.entries) +
           " entries, " + llvm::Twine(joined.plans.size()) + " plans" +
           (joined.complete ? "" : ", ended early"));
}

void MappingSearch::certify(const JoinResult &joined, const Realised &realised,
                            MapResult &result) const {
  Certificate &certificate = result.certificate;
  certificate.metric = nameOf(options.objective.metrics.front()).str();
  SearchCounts nests = counted;
  for (const auto &search : searches)
    nests += search->getCounts();
  JoinCounts joins = joinedBefore;
  joins += joined.counts;
  certificate.evaluated = nests.entries + joins.entries;
  certificate.pruned["dominated"] = nests.dominated + joins.dominated;
  certificate.pruned["capacity"] = nests.overCapacity + joins.overCapacity;
  certificate.pruned["rank pass not ended"] = joins.illegal;
  certificate.pruned["constraints"] = nests.ruledOut + joins.ruledOut;
  certificate.pruned["bound"] = nests.overBound + joins.overBound;
  certificate.wallSeconds = seconds();
  certificate.firstSeconds = firstSeconds;
  certificate.space = describeSpace();
  certificate.spaceLog10 = sizeOfSpace();
  bool isBeaten = result.points.empty() && std::isfinite(options.cutoff);
  if (result.points.empty() && !isBeaten) {
    // Fewer tiles than there are prove nothing.
    bool isProven = (joined.complete && nestLimits.coarse == 0) || isRuledOut();
    certificate.status = isProven ? Status::infeasible : Status::bestFound;
    certificate.boundName = "search ended early";
    return;
  }
  certificate.best =
      isBeaten ? options.cutoff : result.points.front().values.front();
  // Plans cost at least what they promised; what was pruned, more than the
  // best; what was left out, what is known of it.
  double least = std::min({realised.least, joined.leastLeft, certificate.best});
  certificate.lowerBound = nestLimits.isWhole() ? least : 0;
  certificate.boundName = joined.leastLeft < certificate.best
                              ? "what the search left out"
                          : isBeaten && least == certificate.best
                              ? "nothing is better than what is known"
                          : least < certificate.best ? "what plans promise"
                                                     : "search complete";
  if (realised.leastOver < certificate.best && realised.leastOver <= least)
    certificate.boundName =
        "capacity of '" + arch.levels[0].name + "' left aside";
  bool isSingle = options.objective.metrics.size() == 1;
  bool isProven =
      isSingle ? certificate.best <= least * (1 + 1e-9) : realised.isExact;
  isProven &= joined.complete && nestLimits.isWhole();
  if (!isProven)
    raiseBound(certificate);
  isProven |= isSingle && certificate.best <= certificate.lowerBound;
  if (isProven)
    certificate.lowerBound = certificate.best;
  certificate.status = isProven ? Status::optimal : Status::bestFound;
}

/// Plans, but no schedule of them fits.
LogicalResult MappingSearch::refuse(const Realised &realised) {
  if (!std::isinf(realised.leastOver))
    cascade.emitError("unsupported by the mapper: level '")
        << arch.levels[0].name
        << "' does not hold all tensors at once, and no mapping was found "
           "that makes do with less; give it more capacity";
  else
    cascade.emitError("unsupported by the mapper: of the plans found, none "
                      "makes a mapping (the first one: ")
        << realised.refused << ")";
  return failure();
}

/// One pipeline of all Einsums, if there is one.
std::optional<MappedPoint> MappingSearch::tryPipeline(size_t &frames) {
  // Its loops stand as they come.
  if (llvm::any_of(constraints, [](const EinsumConstraints &one) {
        return one.ordersLoops();
      }))
    return std::nullopt;
  if (!options.triesOnePipeline || !isLatencyOnly() ||
      !options.limits.pipelines || !options.rules.incumbent)
    return std::nullopt;
  PipelinedRun run(facts, arch, axes, constraints, options.limits, [this] {
    return stopped() || (options.timeLimitSeconds > 0 &&
                         seconds() > kPipelineShare * options.timeLimitSeconds);
  });
  std::shared_ptr<const PlanStep> plan =
      run.find(PipelineGoal::latency, boundLoad(choices) * kAsGood);
  frames = run.getFrames();
  return plan ? realiser.build(*plan) : std::nullopt;
}

/// Nothing can be better than this pipeline, or, where there are too many
/// Einsums to find out, not by much.
bool MappingSearch::acceptPipeline(MappedPoint &point, size_t frames,
                                   MapResult &result) {
  double bound = boundLoad(choices) / arch.clockHz,
         latency = point.values.front();
  bool isLarge = facts.einsums.size() >= kManyEinsums;
  double enough = isLarge ? kCloseEnough : hasManyNests ? kAsGood : 1;
  if (latency > bound * enough)
    return false;
  Certificate &certificate = result.certificate;
  certificate.space = describeSpace();
  certificate.spaceLog10 = sizeOfSpace();
  certificate.metric = nameOf(Metric::latency).str();
  certificate.evaluated = frames;
  certificate.best = latency;
  certificate.lowerBound = std::min(bound, latency);
  certificate.boundName = kLoadBound;
  certificate.status = latency <= bound ? Status::optimal : Status::bestFound;
  certificate.wallSeconds = certificate.firstSeconds = seconds();
  result.points.push_back(std::move(point));
  return true;
}

/// Calls `fn(i)` for each of `count` things that have nothing in common.
void MappingSearch::inParallel(size_t count,
                               llvm::function_ref<void(size_t)> fn) const {
  std::atomic<size_t> next{0};
  auto run = [&] {
    for (size_t i = next++; i < count; i = next++)
      fn(i);
  };
  size_t most =
      options.threads ? options.threads : std::thread::hardware_concurrency();
  std::vector<std::thread> threads;
  for (size_t i = 1; i < std::min(most, count); ++i)
    threads.emplace_back(run);
  run();
  for (std::thread &thread : threads)
    thread.join();
}

/// What inputs of several readers cost an Einsum that fetches them itself. Of
/// several of them each has its part of what is certain of any one.
void MappingSearch::noteFetches(EinsumChoices &choice) const {
  choice.fetches.clear();
  const EinsumOnArray &nest = *choice.nests.front();
  for (const Operand &operand : nest.operands) {
    const TensorFact &tensor = facts.tensors[operand.tensor];
    if (!tensor.isInput || !operand.mayHaveSharedHolder)
      continue;
    int at = nest.indexOf(operand);
    double energy = INFINITY, traffic = INFINITY;
    for (NestSearch *search : choice.searches) {
      auto [alone, moved] = search->leastAlone(at);
      energy = std::min(energy, alone);
      traffic = std::min(traffic, moved);
    }
    choice.fetches.push_back({operand.tensor, energy - choice.leastEnergy,
                              traffic - choice.leastTraffic});
  }
  auto count = static_cast<double>(choice.fetches.size());
  for (EinsumChoices::Fetch &fetch : choice.fetches) {
    fetch.energy = std::isfinite(fetch.energy) ? fetch.energy / count : 0;
    fetch.traffic = std::isfinite(fetch.traffic) ? fetch.traffic / count : 0;
  }
}

/// The least that each Einsum costs by itself, wherever its tensors live. False
/// if time was up before.
bool MappingSearch::explore() {
  std::vector<std::pair<NestSearch *, std::vector<Holdings>>> work;
  std::set<NestSearch *> listed;
  for (EinsumChoices &choice : choices)
    for (auto [search, nest] : llvm::zip(choice.searches, choice.nests))
      if (listed.insert(search).second)
        work.emplace_back(search, listStarts(*nest, *search));
  inParallel(work.size(), [&](size_t i) {
    work[i].first->explore(
        work[i].second, [this] { return stopped(); }, kMostExplored);
  });
  for (EinsumChoices &choice : choices) {
    double energy = INFINITY, cycles = INFINITY, traffic = INFINITY;
    for (NestSearch *search : choice.searches) {
      energy = std::min(energy, search->leastEnergy());
      cycles = std::min(cycles, search->leastCycles());
      traffic = std::min(traffic, search->leastTraffic());
    }
    double energyBefore = choice.leastEnergy, cyclesBefore = choice.leastCycles,
           trafficBefore = choice.leastTraffic;
    choice.leastEnergy = energy;
    choice.leastCycles = cycles;
    choice.leastTraffic = traffic;
    noteFetches(choice);
    choice.leastEnergy = std::max(energyBefore, energy);
    choice.leastCycles = std::max(cyclesBefore, cycles);
    choice.leastTraffic = std::max(trafficBefore, traffic);
  }
  return !stopped();
}

/// Decimal logarithm of the mappings without fusion whose loops are single
/// steps; where nests were not walked, of tile vectors and ways to deal.
double MappingSearch::sizeOfSpace() const {
  double log10 = 0;
  for (const EinsumChoices &choice : choices) {
    double trees = 0;
    for (size_t i = 0; i < choice.nests.size(); ++i)
      trees += std::max(
          i < choice.searches.size() ? choice.searches[i]->countTrees() : 0,
          choice.nests[i]->countStates());
    log10 += std::log10(std::max(1.0, trees));
  }
  return std::max(log10, leastSpace);
}

/// All combinations of places that the operands may live at.
std::vector<Holdings> MappingSearch::listStarts(const EinsumOnArray &nest,
                                                NestSearch &search) const {
  std::vector<Holdings> starts(1);
  for (auto [o, operand] : llvm::enumerate(nest.operands)) {
    std::vector<uint8_t> codes = {0};
    for (int level = 1; level < static_cast<int>(arch.levels.size()); ++level) {
      if (!options.limits.fusion || arch.levels[level].perArray >= 0 ||
          !arch.levels[level].dims.empty())
        continue;
      bool isShared =
          operand.mayHaveSharedHolder && options.limits.sharedHolders;
      auto found = llvm::find(nest.path, level);
      auto index = static_cast<uint8_t>(found - nest.path.begin());
      if (found == nest.path.end()) {
        if (isShared || !operand.mustLiveAtBacking)
          codes.push_back(search.codeOffPath(level));
        continue;
      }
      if (!operand.mustLiveAtBacking)
        codes.push_back(Holding::kOutside + index);
      if (isShared)
        codes.push_back(index);
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
  if (options.objective.metrics.size() != 1 || std::isinf(cutoff) ||
      !options.rules.bound)
    return {};
  double limit = cutoff * (1 + 1e-12);
  return [=](double picojoules, double cycles, double traffic) {
    return scoreOf(picojoules, cycles, traffic) > limit;
  };
}

/// Of costs that add up; capacity is none.
double MappingSearch::valueOf(Metric metric, double picojoules, double cycles,
                              double traffic) const {
  double latency = cycles / arch.clockHz;
  double energy = picojoules * 1e-12 + arch.leakageW() * latency;
  switch (metric) {
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

/// What is minimised first, of a partial plan's least costs.
double MappingSearch::scoreOf(double picojoules, double cycles,
                              double traffic) const {
  return valueOf(options.objective.metrics.front(), picojoules, cycles,
                 traffic);
}

JoinResult MappingSearch::search(const Effort &effort, double cutoff) {
  std::function<bool(double, double, double)> hopeless = hopelessBeyond(cutoff);
  double energy = 0, cycles = 0, traffic = 0;
  for (const EinsumChoices &choice : choices) {
    energy += choice.leastEnergy;
    cycles += overlaps ? 0 : choice.leastCycles;
    traffic += choice.leastTraffic;
  }
  // Searches side by side each have their share of memory, so that what they
  // find does not depend on the others.
  auto isFull = [this] {
    size_t bytes = 0;
    for (const auto &search : searches)
      bytes += search->memory();
    return bytes > kMostBytes;
  };
  bool isShared = effort.beam == 0;
  auto shouldStop = [this, isFull, isShared] {
    return stopped() || (isShared && isFull());
  };
  std::set<NestSearch *> restarted;
  for (const EinsumChoices &choice : choices)
    for (NestSearch *search : choice.searches) {
      if (!restarted.insert(search).second)
        continue;
      NestBounds bounds;
      bounds.beam = effort.beam;
      bounds.score = [this](double picojoules, double cycles, double traffic) {
        return scoreOf(picojoules, cycles, traffic);
      };
      bounds.shouldStop = shouldStop;
      bounds.dominance = options.rules.dominance;
      if (effort.beam)
        bounds.mostBytes =
            kMostBytes / std::max<size_t>(2, searches.size() / 2);
      double otherEnergy = energy - choice.leastEnergy,
             otherCycles = overlaps ? 0 : cycles - choice.leastCycles,
             otherTraffic = traffic - choice.leastTraffic;
      if (hopeless)
        bounds.isHopeless = [=](double e, double c, double t) {
          return hopeless(e + otherEnergy, c + otherCycles, t + otherTraffic);
        };
      search->restart(std::move(bounds));
    }
  // Most of what a join asks for lies below the whole Einsum.
  if (effort.beam)
    inParallel(searches.size(), [&](size_t i) {
      (void)searches[i]->complete(/*tile=*/0, Holdings{}, LatchTiles{});
    });
  JoinLimits limits;
  limits.space = options.limits;
  limits.space.sharedLoops = std::min(limits.space.sharedLoops, effort.loops);
  limits.space.pipelines &= effort.pipelines;
  limits.space.reorder &= effort.reorder;
  limits.beam = effort.beam;
  limits.mostStates = effort.states;
  limits.mostPlans = kMostPlans;
  limits.score = [this](double picojoules, double cycles, double traffic) {
    return scoreOf(picojoules, cycles, traffic);
  };
  limits.dominance = options.rules.dominance;
  limits.overlaps = overlaps;
  limits.isHopeless = hopeless;
  limits.shouldStop = shouldStop;
  return joinCascade(facts, arch, axes, choices, constraints, limits);
}

/// The least that each Einsum costs by itself, without a look at its nests.
void MappingSearch::boundNests() {
  for (EinsumChoices &choice : choices) {
    choice.leastEnergy = choice.leastCycles = INFINITY;
    choice.leastTraffic = 0;
    choice.fetches.clear();
    for (const auto &nest : choice.nests) {
      choice.leastEnergy =
          std::min(choice.leastEnergy,
                   static_cast<double>(nest->points) * nest->energyPerPoint);
      choice.leastCycles = std::min(choice.leastCycles, leastCycles(*nest));
    }
  }
}

/// Searches that give a first mapping and measures for the last one, from quick
/// to thorough: of a single metric, each is measured by those before. Sketches
/// share few loops, and no pipelines, so that there is something after a
/// second.
std::vector<Effort> MappingSearch::listEfforts() const {
  bool isSingle =
      options.objective.metrics.size() == 1 && options.rules.incumbent;
  std::vector<Effort> efforts;
  Effort quick;
  quick.beam = 4;
  quick.states = 300;
  if (hasManyNests) {
    Effort sketch;
    sketch.sketch = true;
    sketch.coarse = NestLimits::kCoarsest;
    sketch.pipelines = sketch.reorder = false;
    sketch.beam = 2;
    for (auto [loops, states] :
         {std::pair(0, 16), std::pair(1, 64), std::pair(2, 300)}) {
      sketch.loops = loops;
      sketch.states = states;
      efforts.push_back(sketch);
    }
    int finest = nestLimits.coarse ? nestLimits.coarse : kFinestQuick;
    for (int coarse = NestLimits::kCoarsest;
         !nestLimits.isWhole() && isSingle && coarse >= finest; --coarse) {
      quick.coarse = coarse;
      efforts.push_back(quick);
    }
  }
  if (nestLimits.isWhole() && isSingle) {
    quick.coarse = 0;
    efforts.push_back(quick);
  }
  return efforts;
}

static std::string describeEffort(const Effort &effort) {
  std::string text = effort.sketch       ? "sketches of nests"
                     : effort.coarse > 0 ? "nests of few tiles, step " +
                                               std::to_string(effort.coarse)
                                         : "all nests";
  text += ", up to " + std::to_string(effort.loops) + " shared loops";
  return effort.beam
             ? text + ", " + std::to_string(effort.beam) + " kept per state"
             : text;
}

void MappingSearch::describeFor(const Effort &effort) {
  NestLimits limits = nestLimits;
  limits.coarse = effort.coarse;
  limits.sketch = effort.sketch;
  if (limits.coarse == described.coarse && limits.sketch == described.sketch)
    return;
  for (const auto &search : searches)
    counted += search->getCounts();
  searches.clear();
  describeNests(limits);
  described = limits;
}

/// False if time was up before.
bool MappingSearch::prepare(const Effort &effort, bool walks) {
  describeFor(effort);
  if (searches.empty()) {
    makeSearches();
    boundNests();
  }
  return !walks || explore();
}

FailureOr<JoinResult> MappingSearch::refine(std::vector<MappedPoint> &first) {
  bool isSingle =
      options.objective.metrics.size() == 1 && options.rules.incumbent;
  double cutoff = options.cutoff;
  auto measure = [&] {
    keepBest(first);
    noteFirst(!first.empty());
    if (!first.empty() && isSingle)
      cutoff = std::min(cutoff, first.front().values.front());
    if (!first.empty())
      logInfo("best so far: " + formatValue(options.objective.metrics.front(),
                                            first.front().values.front()));
    hasMapping = std::isfinite(cutoff) || !first.empty();
  };
  auto endEarly = [] {
    JoinResult none;
    none.complete = false;
    none.leastLeft = 0; // nothing is known of what was not looked into
    return none;
  };
  measure();
  bool isFirst = true;
  Effort last;
  last.coarse = nestLimits.coarse;
  last.loops = options.limits.sharedLoops;
  for (const Effort &effort : listEfforts()) {
    if (!prepare(effort, /*walks=*/effort.coarse == 0))
      return endEarly();
    logInfo(describeEffort(effort));
    JoinResult quick = search(effort, cutoff);
    logCounts(quick);
    joinedBefore += quick.counts;
    FailureOr<Realised> realised = realise(quick);
    if (failed(realised))
      return failure();
    std::move(realised->points.begin(), realised->points.end(),
              std::back_inserter(first));
    measure();
    // Where quick searches find nothing, there may be nothing.
    if (first.empty() && std::isinf(cutoff) && std::exchange(isFirst, false) &&
        isRuledOut())
      return endEarly();
    if (stopped() || (isSingle && hasManyNests && cutoff <= certain.value))
      return endEarly();
  }
  // Of what is left out, time alone is bounded as well without a walk.
  if (!prepare(last, last.coarse == 0 || !isLatencyOnly()))
    return endEarly();
  logInfo(describeEffort(last));
  JoinResult joined = search(last, cutoff);
  logCounts(joined);
  return joined;
}

FailureOr<MapResult> MappingSearch::run() {
  chooseAxes();
  MapResult result;
  if (axes.count > kMaxAxes) {
    cascade.emitError("unsupported by the mapper: '")
        << arch.name << "' has " << axes.levels.size()
        << " levels whose capacities may bind, too many to search";
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
  certain =
      boundCertainly(facts, arch, choices, options.objective.metrics.front(),
                     options.objective.level, overlaps);
  size_t frames = 0;
  std::optional<MappedPoint> pipeline = tryPipeline(frames);
  if (pipeline && acceptPipeline(*pipeline, frames, result))
    return result;
  std::vector<MappedPoint> first;
  if (pipeline)
    first.push_back(std::move(*pipeline));
  FailureOr<JoinResult> joined = refine(first);
  if (failed(joined))
    return failure();
  FailureOr<Realised> realised = realise(*joined);
  if (failed(realised))
    return failure();
  result.points = std::move(realised->points);
  // Where the search ended early, or nothing is better, the first one it is.
  std::move(first.begin(), first.end(), std::back_inserter(result.points));
  keepBest(result.points);
  noteFirst(!result.points.empty());
  if (result.points.empty() && std::isinf(options.cutoff) &&
      realised->evaluated > 0) {
    if (std::isinf(realised->leastOver) || !isRuledOut())
      return refuse(*realised);
    result.certificate.status = Status::infeasible;
    return result;
  }
  certify(*joined, *realised, result);
  return result;
}

double MappingSearch::bound() {
  if (options.objective.metrics.size() != 1 || !describe())
    return 0;
  return boundCertainly(facts, arch, choices, options.objective.metrics.front(),
                        options.objective.level, overlaps)
      .value;
}

double mapper::boundCascade(CascadeOp cascade, const CascadeFacts &facts,
                            const arch::ArchSpec &arch,
                            const MapOptions &options) {
  return MappingSearch(cascade, facts, arch, options).bound();
}

FailureOr<MapResult> mapper::mapCascade(CascadeOp cascade,
                                        const CascadeFacts &facts,
                                        const arch::ArchSpec &arch,
                                        const MapOptions &options) {
  if (facts.einsums.empty())
    return cascade.emitError("the cascade has no Einsum, so there is nothing "
                             "to map");
  return MappingSearch(cascade, facts, arch, options).run();
}
