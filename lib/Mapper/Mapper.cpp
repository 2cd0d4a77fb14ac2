//===- Mapper.cpp - The best fused mapping in a stated space --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/Mapper.h"

#include "lib/Mapper/CascadeNests.h"
#include "lib/Mapper/CertainBound.h"
#include "lib/Mapper/Efforts.h"
#include "lib/Mapper/ForcedFusion.h"
#include "lib/Mapper/Infeasibility.h"
#include "lib/Mapper/MapRequest.h"
#include "lib/Mapper/Pipelines/LoadBound.h"
#include "lib/Mapper/Pipelines/PipelinedRun.h"
#include "lib/Mapper/Realise.h"
#include "lib/Mapper/TouchedElements.h"
#include "lib/Support/Log.h"

#include "llvm/ADT/STLExtras.h"

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

/// Of more Einsums no reason is looked for why there is no mapping.
constexpr size_t kMostExplained = 256;
/// From so many Einsums on, a pipeline whose latency is at most so many times
/// the bound ends the search; one that is this close is not improved.
constexpr size_t kManyEinsums = 8;
constexpr double kCloseEnough = 1.02, kAsGood = 1.0005;

class MappingSearch {
public:
  MappingSearch(CascadeOp cascade, const CascadeFacts &facts,
                const arch::ArchSpec &arch, const MapOptions &options)
      : cascade(cascade), facts(facts), arch(arch), options(options),
        start(std::chrono::steady_clock::now()),
        nests(facts, arch, options, axes),
        realiser(cascade, facts, arch, options.objective),
        overlaps(options.limits.pipelines && facts.einsums.size() > 1 &&
                 !arch.accounting.sequential) {}

  FailureOr<MapResult> run();
  double bound();

private:
  bool prepare(const Effort &effort, bool walks);
  FailureOr<JoinResult> refine(std::vector<MappedPoint> &first);
  JoinResult search(const Effort &effort, double cutoff);
  JoinResult join(const Effort &effort, double cutoff);
  std::string describeSearched() const;
  std::vector<bool> mayFollow() const;
  double valueOf(Metric metric, double picojoules, double cycles,
                 double traffic) const;
  double scoreOf(double picojoules, double cycles, double traffic) const;
  std::function<bool(double, double, double)>
  hopelessBeyond(double cutoff) const;
  void chooseAxes();
  bool stopped() const;
  bool isImpatient() const {
    return options.patience && hasMapping && !nests.finest.isWhole() &&
           options.patience->isOver();
  }
  /// Whether there is a reason why there is no mapping; it takes a while, and
  /// of thousands of Einsums longer than any search was meant to.
  bool isRuledOut() const {
    if (!ruledOut)
      ruledOut = facts.einsums.size() <= kMostExplained &&
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
  FailureOr<Realised> realise(const JoinResult &joined, Dropped dropped);
  std::optional<MappedPoint> tryPipeline(size_t &frames);
  bool acceptPipeline(MappedPoint &point, size_t frames, MapResult &result);
  bool isLatencyOnly() const {
    return options.objective.metrics == std::vector<Metric>{Metric::latency};
  }
  std::string describeSpace() const;
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
  CascadeNests nests;
  mutable std::optional<bool> ruledOut;
  JoinCounts joinedBefore; ///< of efforts before the last
  CertainBound certain;    ///< of all arrays, as nests may leave some out
  bool hasMapping = false; ///< here, or one as good is known
  double firstSeconds = std::numeric_limits<double>::quiet_NaN();
  std::string searched, interrupted; ///< efforts, as `Certificate` says
  /// What a first mapping may take beyond the time limit.
  static constexpr double kGraceSeconds = 1;
  PlanRealiser realiser;
  /// Einsums may run at once. On one array, too, one computes while tiles of
  /// another move.
  bool overlaps;
  /// Of the time there is, for a pipeline of all Einsums.
  static constexpr double kPipelineShare = 0.4;
  /// Of plans of a join, beyond which the least promising are dropped.
  static constexpr size_t kMostPlanBytes = 250000000;
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
  if ((options.stop && options.stop->load()) || isImpatient())
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
    for (int t = 0; t < static_cast<int>(facts.tensors.size()); ++t)
      overflow |= __builtin_add_overflow(
          all, allBytes(facts, t) * arch.instances(level), &all);
    mayBind.push_back(
        level.capacityBytes &&
        (overflow || all > *level.capacityBytes * arch.instances(level)));
  }
  axes = Axes::of(options.objective, arch, mayBind);
  axes.isHeldTogether = options.limits.pipelines && !arch.accounting.sequential;
}

double MappingSearch::value(Metric metric, const JoinEntry &entry,
                            const JoinLayout &layout) const {
  const std::vector<double> &costs = entry.costs;
  if (metric == Metric::capacity)
    return costs[layout.largest(0) + std::max(axes.measured, 0)];
  return valueOf(metric, costs[layout.energy()], costs[layout.time(0)],
                 costs[layout.traffic()]);
}

FailureOr<Realised> MappingSearch::realise(const JoinResult &joined,
                                           Dropped dropped) {
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
  return realiser.realise(std::move(plans), dropped,
                          [this] { return stopped(); });
}

/// What becomes of halos, where there may be some.
static std::string describeHalos(const SpaceLimits &limits,
                                 const FollowerNests &followers) {
  if (!followers.areThere())
    return "";
  if (!limits.recompute || !limits.retain)
    return limits.retain ? ", halos retained" : ", halos recomputed";
  return ", halos recomputed or retained";
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
  if (limits.fusion && nests.followers)
    text += describeHalos(limits, *nests.followers);
  text += limits.pipelines ? ", sequences and pipelines" : ", no pipelines";
  return text + (limits.reorder ? ", any order" : ", Einsums in order");
}

/// Einsums whose points may be made on demand, several times.
std::vector<bool> MappingSearch::mayFollow() const {
  std::vector<bool> may(facts.einsums.size(), false);
  for (size_t e = 0; e < may.size(); ++e)
    may[e] = nests.followers->areThere() &&
             !nests.followers->ranksAround(static_cast<int>(e)).empty();
  return may;
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
  SearchCounts counts;
  for (const auto &search : nests.searches)
    counts += search->getCounts();
  logDebug(llvm::Twine(nests.searches.size()) + " kinds of nests, " +
           llvm::Twine(counts.states) + " states, " +
           llvm::Twine(counts.entries) +
           " entries; join: " + llvm::Twine(joined.counts.entries) +
           " entries, " + llvm::Twine(joined.plans.size()) + " plans" +
           (joined.complete ? "" : ", ended early"));
}

void MappingSearch::certify(const JoinResult &joined, const Realised &realised,
                            MapResult &result) const {
  Certificate &certificate = result.certificate;
  certificate.metric = nameOf(options.objective.metrics.front()).str();
  SearchCounts counts = nests.countAll();
  JoinCounts joins = joinedBefore;
  joins += joined.counts;
  certificate.evaluated = counts.entries + joins.entries;
  certificate.pruned["dominated"] = counts.dominated + joins.dominated;
  certificate.pruned["capacity"] = counts.overCapacity + joins.overCapacity;
  certificate.pruned["rank pass not ended"] = joins.illegal;
  certificate.pruned["constraints"] = counts.ruledOut + joins.ruledOut;
  certificate.pruned["halos"] = joins.unlikeHalos;
  certificate.pruned["bound"] = counts.overBound + joins.overBound;
  certificate.wallSeconds = seconds();
  certificate.firstSeconds = firstSeconds;
  certificate.space = describeSpace();
  certificate.spaceLog10 = nests.sizeOfSpace();
  bool isBeaten = result.points.empty() && std::isfinite(options.cutoff);
  if (result.points.empty() && !isBeaten) {
    // Fewer tiles than there are prove nothing.
    bool isSearched = joined.complete && nests.finest.isWhole();
    // A reason is looked for as long as there is time.
    bool isProven = isSearched || ((ruledOut || !stopped()) && isRuledOut());
    certificate.status = isProven ? Status::infeasible : Status::bestFound;
    if (!isProven)
      certificate.searched = describeSearched();
    certificate.boundName = "search ended early";
    return;
  }
  certificate.best =
      isBeaten ? options.cutoff : result.points.front().values.front();
  // Plans cost at least what they promised; what was pruned, more than the
  // best; what was left out, what is known of it.
  double least = std::min({realised.least, joined.leastLeft, certificate.best});
  certificate.lowerBound = nests.finest.isWhole() ? least : 0;
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
  isProven &= joined.complete && nests.finest.isWhole();
  if (!isProven)
    raiseBound(certificate);
  isProven |= isSingle && certificate.best <= certificate.lowerBound;
  if (isProven)
    certificate.lowerBound = certificate.best;
  certificate.status = isProven ? Status::optimal : Status::bestFound;
  if (!isProven)
    certificate.searched = describeSearched();
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
  if (llvm::any_of(nests.constraints, [](const EinsumConstraints &one) {
        return one.ordersLoops();
      }))
    return std::nullopt;
  if (!options.triesOnePipeline || options.part == SearchPart::sketch ||
      !isLatencyOnly() || !options.limits.pipelines || !options.rules.incumbent)
    return std::nullopt;
  PipelinedRun run(
      facts, arch, axes, nests.constraints, options.limits, [this] {
        return stopped() ||
               (options.timeLimitSeconds > 0 &&
                seconds() > kPipelineShare * options.timeLimitSeconds);
      });
  std::shared_ptr<const PlanStep> plan =
      run.find(PipelineGoal::latency, boundLoad(nests.choices) * kAsGood);
  frames = run.getFrames();
  return plan ? realiser.build(*plan, [this] { return stopped(); })
              : std::nullopt;
}

/// Nothing can be better than this pipeline, or, where there are too many
/// Einsums to find out, not by much.
bool MappingSearch::acceptPipeline(MappedPoint &point, size_t frames,
                                   MapResult &result) {
  double latency = point.values.front(),
         bound =
             std::max(boundLoad(nests.choices) / arch.clockHz, certain.value);
  bool isLarge = facts.einsums.size() >= kManyEinsums;
  double enough = isLarge ? kCloseEnough : nests.areMany ? kAsGood : 1;
  if (latency > bound * enough)
    return false;
  Certificate &certificate = result.certificate;
  certificate.space = describeSpace();
  certificate.spaceLog10 = nests.sizeOfSpace();
  certificate.metric = nameOf(Metric::latency).str();
  certificate.evaluated = frames;
  certificate.best = latency;
  certificate.lowerBound = std::min(bound, latency);
  certificate.boundName = certain.name;
  certificate.status = latency <= bound ? Status::optimal : Status::bestFound;
  certificate.wallSeconds = certificate.firstSeconds = seconds();
  result.points.push_back(std::move(point));
  return true;
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
  interrupted = describeEffort(effort, nests.finest);
  logInfo(interrupted);
  JoinResult joined = join(effort, cutoff);
  logCounts(joined);
  if (effort.beam ? !stopped() : joined.complete)
    searched = std::exchange(interrupted, "");
  return joined;
}

/// Without a proof: what of the space was looked into.
std::string MappingSearch::describeSearched() const {
  std::string text = searched;
  if (!interrupted.empty())
    text += (text.empty() ? "" : "; ") + interrupted +
            (searched.empty() ? ", not to its end" : ": not to its end");
  return text + (isImpatient() ? "; nothing better had come for long" : "");
}

JoinResult MappingSearch::join(const Effort &effort, double cutoff) {
  std::function<bool(double, double, double)> hopeless = hopelessBeyond(cutoff);
  double energy = 0, cycles = 0, traffic = 0;
  for (const EinsumChoices &choice : nests.choices) {
    energy += choice.leastEnergy;
    cycles += overlaps ? 0 : choice.leastCycles;
    traffic += choice.leastTraffic;
  }
  // Searches side by side each have their share of memory, so that what they
  // find does not depend on the others.
  bool isShared = effort.beam == 0;
  auto shouldStop = [this, isShared] {
    return stopped() || (isShared && nests.areFull());
  };
  std::set<NestSearch *> restarted;
  std::vector<NestBounds> perEinsum;
  for (const EinsumChoices &choice : nests.choices) {
    perEinsum.emplace_back();
    for (NestSearch *search : choice.searches) {
      NestBounds bounds;
      bounds.beam = effort.beam;
      bounds.score = [this](double picojoules, double cycles, double traffic) {
        return scoreOf(picojoules, cycles, traffic);
      };
      bounds.shouldStop = shouldStop;
      bounds.dominance = options.rules.dominance;
      if (effort.beam)
        bounds.mostBytes = CascadeNests::kMostBytes /
                           std::max<size_t>(2, nests.searches.size() / 2);
      double otherEnergy = energy - choice.leastEnergy,
             otherCycles = overlaps ? 0 : cycles - choice.leastCycles,
             otherTraffic = traffic - choice.leastTraffic;
      if (hopeless)
        bounds.isHopeless = [=](double e, double c, double t) {
          return hopeless(e + otherEnergy, c + otherCycles, t + otherTraffic);
        };
      perEinsum.back() = bounds;
      if (restarted.insert(search).second)
        search->restart(std::move(bounds));
    }
  }
  nests.restartFollowers(std::move(perEinsum));
  if (effort.beam)
    nests.completeAll(/*belowCarried=*/effort.sketch);
  JoinLimits limits;
  limits.space = options.limits;
  unsigned loops = effort.loops;
  if (effort.sketch) {
    limits.plainLoops = loops;
    limits.carriedRanks = nests.finest.carriedRanks;
    loops += static_cast<unsigned>(limits.carriedRanks.size());
    // Few states are kept: none that fuses below such a loop and finds no room.
    limits.space.fusion &= limits.carriedRanks.empty() || !effort.instant;
  }
  limits.space.sharedLoops = std::min(limits.space.sharedLoops, loops);
  limits.space.pipelines &= effort.pipelines;
  limits.space.reorder &= effort.reorder;
  limits.beam = effort.beam;
  limits.mostStates = effort.states;
  limits.mostBytes = kMostPlanBytes;
  limits.score = [this](double picojoules, double cycles, double traffic) {
    return scoreOf(picojoules, cycles, traffic);
  };
  limits.windows = nests.followers->areThere() && !effort.sketch &&
                   effort.coarse == nests.finest.coarse;
  limits.dominance = options.rules.dominance;
  limits.overlaps = overlaps;
  limits.isHopeless = hopeless;
  limits.shouldStop = shouldStop;
  return joinCascade(facts, arch, axes, nests.choices, nests.constraints,
                     *nests.followers, limits);
}

/// False if time was up before.
bool MappingSearch::prepare(const Effort &effort, bool walks) {
  nests.describeFor(effort);
  if (nests.searches.empty()) {
    nests.makeSearches();
    nests.boundNests();
  }
  if (!walks)
    return true;
  nests.explore([this] { return stopped(); });
  return !stopped();
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
    if (options.patience && std::isfinite(cutoff))
      options.patience->note(cutoff);
  };
  auto endEarly = [] {
    JoinResult none;
    none.complete = false;
    none.leastLeft = 0; // nothing is known of what was not looked into
    return none;
  };
  measure();
  if (options.isDoubtful && first.empty() && isRuledOut())
    return endEarly();
  bool isFirst = true;
  Effort last;
  last.coarse = nests.finest.coarse;
  // What cannot be proven best is not searched as if it could.
  constexpr unsigned kMostUnproven = 3;
  last.loops = nests.finest.isWhole()
                   ? options.limits.sharedLoops
                   : std::min(options.limits.sharedLoops, kMostUnproven);
  bool isSketch = options.part == SearchPart::sketch;
  for (const Effort &effort : listEfforts(nests.finest, nests.areMany, isSingle,
                                          options.limits.sharedLoops)) {
    if (isSketch && !effort.instant)
      return endEarly();
    if (options.part == SearchPart::rest && effort.instant)
      continue;
    // What does not fit without shared loops needs some.
    bool isVain = effort.sketch && !effort.instant && effort.loops == 0 &&
                  first.empty() && std::isinf(cutoff);
    if (isVain)
      continue;
    if (!prepare(effort, /*walks=*/effort.coarse == 0))
      return endEarly();
    JoinResult quick = search(effort, cutoff);
    joinedBefore += quick.counts;
    FailureOr<Realised> realised = realise(quick, Dropped::forOthers);
    if (failed(realised))
      return failure();
    std::move(realised->points.begin(), realised->points.end(),
              std::back_inserter(first));
    measure();
    // Where quick searches find nothing, there may be nothing.
    bool isEmpty = first.empty() && std::isinf(cutoff) &&
                   std::exchange(isFirst, false) && isRuledOut();
    if (isEmpty || isSketch)
      return endEarly();
    // Nothing is faster; of few Einsums something may take less energy.
    bool isDone = facts.einsums.size() >= kManyEinsums || !effort.sketch;
    if (stopped() ||
        (isSingle && nests.areMany && cutoff <= certain.value && isDone))
      return endEarly();
  }
  if (isSketch)
    return endEarly();
  // Of what is left out, time alone is bounded as well without a walk.
  if (!prepare(last, last.coarse == 0 || !isLatencyOnly()))
    return endEarly();
  JoinResult joined = search(last, cutoff);
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
  if (!nests.describe()) {
    if (!nests.unsupported.empty()) {
      cascade.emitError("unsupported by the mapper: ") << nests.unsupported;
      return failure();
    }
    result.certificate.status = Status::infeasible;
    return result;
  }
  if (facts.einsums.size() <= kMostExplained &&
      !ForcedFusion(facts, arch).fits()) {
    result.certificate.status = Status::infeasible;
    return result;
  }
  certain = boundCertainly(facts, arch, nests.choices,
                           options.objective.metrics.front(),
                           options.objective.level, overlaps, mayFollow());
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
  Dropped dropped = !joined->complete         ? Dropped::forOthers
                    : options.rules.dominance ? Dropped::forBetter
                                              : Dropped::never;
  FailureOr<Realised> realised = realise(*joined, dropped);
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
  if (options.objective.metrics.size() != 1 || !nests.describe())
    return 0;
  return boundCertainly(facts, arch, nests.choices,
                        options.objective.metrics.front(),
                        options.objective.level, overlaps, mayFollow())
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
