//===- AutoMapping.cpp - The mapper on all variants of a cascade ----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/AutoMapping.h"

#include "lib/Init/OptionValues.h"
#include "lib/Mapper/ConflictText.h"
#include "lib/Mapper/ConstraintCheck.h"
#include "lib/Support/Log.h"
#include "lib/Support/Progress.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <chrono>
#include <cmath>
#include <ctime>

using namespace mlir;
using namespace einsum;
using namespace einsum::mapper;

static bool report(StringRef option, const llvm::Twine &message) {
  return failOption(("--" + option).str(), message);
}

//===----------------------------------------------------------------------===//
// One variant
//===----------------------------------------------------------------------===//

namespace {

class VariantSearch {
public:
  VariantSearch(std::vector<Variant> &variants, const arch::ArchSpec &arch,
                const AutoOptions &options, AutoResult &result)
      : variants(variants), arch(arch), options(options), result(result) {}

  ExitCode run();

private:
  using Order = std::vector<std::pair<double, size_t>>; ///< (bound, variant)
  /// Of the time that is left after the first, for a try of all others.
  static constexpr double kTrialShare = 0.4;
  /// How patient the search of a further variant is.
  static constexpr double kLaterPatience = 0.25;
  /// Of all time, after which no more variants are sketched.
  static constexpr double kSketchShare = 0.4;

  bool prepare();
  bool deriveOthers();
  /// Also after Ctrl-C.
  bool isTimeUp() const {
    return (options.stop && *options.stop) ||
           (options.timeLimitSeconds > 0 &&
            seconds() >= options.timeLimitSeconds);
  }
  bool sketchFirst();
  bool findNames();
  Order sortByBound();
  bool isHopeless(size_t id, double bound);
  bool isTooLate(size_t id, double bound);
  ExitCode search(size_t id, double timeLimit,
                  SearchPart part = SearchPart::whole);
  FailureOr<MapResult> map(size_t id, const CascadeFacts &facts,
                           const arch::ArchSpec &constrained,
                           const MapOptions &own, std::string &reason);
  void bringSimplestTo(size_t at,
                       std::vector<std::pair<double, size_t>> &order);
  double timeUntil(double end) const;
  double shareOfTime(double share) const;
  ExitCode tryAll(Order &order);
  ExitCode goOn(const Order &order);
  ExitCode sketchOthers(const Order &order);
  ExitCode deepen(const Order &order);
  ExitCode searchAll();
  double bestOf(size_t id) const;
  double trialShare(size_t i, size_t count) const;
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                         start)
        .count();
  }
  /// Of all cores: how much was searched, however busy the machine is.
  double workSeconds() const {
    return static_cast<double>(std::clock() - startWork) / CLOCKS_PER_SEC;
  }
  void judge();
  void keepBest();

  std::vector<Variant> &variants;
  const arch::ArchSpec &arch;
  const AutoOptions &options;
  AutoResult &result;
  MapOptions how;
  bool isWrittenOnly = false; ///< no time was left to derive others
  std::chrono::steady_clock::time_point start =
      std::chrono::steady_clock::now();
  std::clock_t startWork = std::clock();
  Patience patience{[this] { return workSeconds(); }};
  bool isFirstSearch = true; ///< no variant was searched beyond its sketch
};

} // namespace

/// What is wrong with the request for every variant.
bool VariantSearch::prepare() {
  how.threads = options.threads;
  how.stop = options.stop;
  if (!parseSpace(options.request.space, how.limits, report) ||
      !parseObjective(options.request.objective, arch, how.objective, report))
    return false;
  result.outcomes.resize(variants.size());
  if (options.deriveOthers && !(sketchFirst() && deriveOthers()))
    return false;
  return findNames();
}

bool VariantSearch::deriveOthers() {
  if (isTimeUp() && !result.points.empty()) {
    isWrittenOnly = true;
    return true;
  }
  logInfo("deriving other forms of the cascade");
  if (!options.deriveOthers(variants))
    return false;
  result.outcomes.resize(variants.size());
  logInfo(llvm::Twine(variants.size()) + " forms of the cascade");
  return true;
}

/// A first mapping before others are derived; nothing if the first variant
/// lacks what a constraint names.
bool VariantSearch::sketchFirst() {
  FailureOr<CascadeFacts> facts = computeCascadeFacts(variants[0].cascade);
  if (failed(facts))
    return false;
  if (how.objective.metrics.size() > 1 ||
      !findMissingName(options.request, *facts).empty())
    return true;
  return search(0, shareOfTime(1), SearchPart::sketch) == ExitCode::Ok;
}

/// Leaves out variants that lack something named; one has to have it all.
bool VariantSearch::findNames() {
  bool isFound = false;
  for (auto [variant, outcome] : llvm::zip(variants, result.outcomes)) {
    FailureOr<CascadeFacts> facts = computeCascadeFacts(variant.cascade);
    if (failed(facts))
      return false;
    std::string missing = findMissingName(options.request, *facts);
    if (!missing.empty())
      outcome.leftOut = "it has no " + missing;
    isFound |= missing.empty();
  }
  if (isFound)
    return true;
  // The first one says what there is instead.
  FailureOr<CascadeFacts> facts = computeCascadeFacts(variants[0].cascade);
  arch::ArchSpec constrained = arch;
  SpaceLimits limits;
  return addConstraints(options.request, *facts, constrained, report) &&
         applyOrder(options.request, variants[0].cascade, limits, report);
}

/// The time that is left until then; 0 stands for no limit.
double VariantSearch::timeUntil(double end) const {
  return options.timeLimitSeconds <= 0 ? 0 : std::max(end - seconds(), 1e-6);
}

/// A share of the time that is left; 0 stands for no limit.
double VariantSearch::shareOfTime(double share) const {
  return share * timeUntil(options.timeLimitSeconds);
}

/// The most promising first: what a variant costs at least is soon known.
VariantSearch::Order VariantSearch::sortByBound() {
  Order order;
  for (size_t id = 0; id < variants.size(); ++id)
    if (result.outcomes[id].leftOut.empty())
      order.emplace_back(0, id);
  if (order.size() < 2)
    return order;
  for (auto &[bound, id] : order) {
    ScopedDiagnosticHandler quiet(variants[id].cascade.getContext(),
                                  [](mlir::Diagnostic &) { return success(); });
    FailureOr<CascadeFacts> facts = computeCascadeFacts(variants[id].cascade);
    arch::ArchSpec constrained = arch;
    auto silent = [](StringRef, const llvm::Twine &) { return false; };
    if (succeeded(facts) &&
        addConstraints(options.request, *facts, constrained, silent))
      bound = boundCascade(variants[id].cascade, *facts, constrained, how);
  }
  llvm::sort(order);
  return order;
}

/// Whether what is known is no worse than anything in the variant.
bool VariantSearch::isHopeless(size_t id, double bound) {
  double best = INFINITY;
  for (const AutoPoint &known : result.points)
    best = std::min(best, known.point.values.front());
  if (how.objective.metrics.size() != 1 || bound < best)
    return false;
  VariantOutcome &outcome = result.outcomes[id];
  outcome.isBeaten = true;
  outcome.certificate.status = Status::optimal;
  outcome.certificate.best = best;
  outcome.certificate.lowerBound = best;
  outcome.certificate.boundName = "nothing is better than what is known";
  outcome.certificate.pruned["bound"] = 1;
  logInfo(variants[id].describe() + ": not searched, costs at least " +
          formatValue(how.objective.metrics.front(), bound));
  return true;
}

/// Whether it is proven that the variant has no mapping.
static bool isRuledOut(const VariantOutcome &outcome) {
  return outcome.certificate.status == Status::infeasible;
}

/// Whether time was up before a variant's turn came; a first one is always
/// tried.
bool VariantSearch::isTooLate(size_t id, double bound) {
  bool isAnySearched = !result.points.empty() ||
                       llvm::any_of(result.outcomes, [](const auto &outcome) {
                         return outcome.certificate.evaluated > 0 &&
                                (!outcome.isSketched || isRuledOut(outcome));
                       });
  if (!isAnySearched || !isTimeUp())
    return false;
  VariantOutcome &outcome = result.outcomes[id];
  if (outcome.isSketched && !result.points.empty())
    return true; // that is what there is of it
  outcome.isTooLate = true;
  outcome.leftOut = "the time was up";
  outcome.certificate.status = Status::bestFound;
  outcome.certificate.lowerBound = bound;
  outcome.certificate.boundName = "what a variant costs that was not searched";
  return true;
}

/// Maps a variant; of several, errors are kept as the reason why one is left
/// out.
FailureOr<MapResult> VariantSearch::map(size_t id, const CascadeFacts &facts,
                                        const arch::ArchSpec &constrained,
                                        const MapOptions &own,
                                        std::string &reason) {
  bool isSketch = own.part == SearchPart::sketch;
  bool isAlone = variants.size() == 1 && !isSketch;
  std::string name = "mapping '" + facts.name + "'";
  if (isSketch)
    name += ", " + variants[id].describe();
  else if (!isAlone)
    name += ", " + variants[id].describe() + " (" + std::to_string(id + 1) +
            " of " + std::to_string(variants.size()) + ")";
  Progress progress(name);
  logInfo(name);
  ScopedDiagnosticHandler listener(
      variants[id].cascade.getContext(), [&](mlir::Diagnostic &diagnostic) {
        bool isError = diagnostic.getSeverity() == DiagnosticSeverity::Error;
        if (isError && reason.empty())
          reason = diagnostic.str();
        return success(!isAlone);
      });
  return mapCascade(variants[id].cascade, facts, constrained, own);
}

ExitCode VariantSearch::search(size_t id, double timeLimit, SearchPart part) {
  Variant &variant = variants[id];
  VariantOutcome &outcome = result.outcomes[id];
  MapOptions own = how;
  arch::ArchSpec constrained = arch;
  if (!applyOrder(options.request, variant.cascade, own.limits, report))
    return ExitCode::BadInput;
  FailureOr<CascadeFacts> facts = computeCascadeFacts(variant.cascade);
  if (failed(facts) ||
      !addConstraints(options.request, *facts, constrained, report))
    return ExitCode::BadInput;
  own.timeLimitSeconds = timeLimit;
  if (options.isPatienceLimited && part != SearchPart::sketch &&
      own.objective.metrics.size() == 1) {
    patience.begin(std::exchange(isFirstSearch, false) ? 1 : kLaterPatience);
    own.patience = &patience;
  }
  own.triesOnePipeline = !outcome.isCut; // it has had its time before
  own.part = part;
  own.isDoubtful = llvm::any_of(result.outcomes, isRuledOut);
  if (outcome.isSketched && !outcome.isCut)
    own.part = SearchPart::rest;
  if (own.objective.metrics.size() == 1)
    for (const AutoPoint &known : result.points)
      own.cutoff = std::min(own.cutoff, known.point.values.front());
  std::string reason;
  double before = seconds();
  FailureOr<MapResult> mapped = map(id, *facts, constrained, own, reason);
  bool isSketch = part == SearchPart::sketch;
  if (failed(mapped) && isSketch)
    return ExitCode::Ok; // what there is to say is said later
  if (failed(mapped)) {
    // What is not covered may be left out, what is wrong may not.
    bool isDefect = StringRef(reason).starts_with("internal error");
    if (isDefect && variants.size() > 1)
      mlir::emitError(variant.cascade.getLoc(), reason)
          << "; in the variant '" << variant.describe() << "'";
    outcome.leftOut = reason.empty() ? "the mapper does not cover it" : reason;
    return isDefect ? ExitCode::InternalError : ExitCode::Ok;
  }
  outcome.isSketched = isSketch && mapped->certificate.evaluated > 0;
  outcome.isCut = !isSketch && timeLimit > 0 && seconds() - before >= timeLimit;
  outcome.certificate = mapped->certificate;
  logInfo("ended: " + llvm::Twine(describeStatus(outcome.certificate.status)) +
          ", bound " +
          formatValue(how.objective.metrics.front(),
                      outcome.certificate.lowerBound));
  if (std::isnan(result.certificate.firstSeconds))
    result.certificate.firstSeconds = before + mapped->certificate.firstSeconds;
  outcome.isBeaten =
      mapped->points.empty() && mapped->certificate.status == Status::optimal;
  if (mapped->certificate.status == Status::unsupported)
    outcome.leftOut = "it is unsupported by the mapper";
  for (MappedPoint &point : mapped->points) {
    std::string violation =
        findConstraintViolation(point.mapping, *facts, constrained, own.limits);
    if (!violation.empty()) {
      mlir::emitError(variant.cascade.getLoc(),
                      "internal error: the mapper found what is ruled out: ")
          << violation;
      return ExitCode::InternalError;
    }
    result.points.push_back({id, std::move(point)});
  }
  if (isRuledOut(outcome) && result.conflicts.empty()) {
    Progress progress("looking for the reason why nothing fits");
    result.conflicts = explainFully(variant.cascade, *facts, constrained, own);
  }
  return ExitCode::Ok;
}

//===----------------------------------------------------------------------===//
// All variants
//===----------------------------------------------------------------------===//

static bool isSearched(const VariantOutcome &outcome) {
  return outcome.leftOut.empty();
}

/// What the outcomes say together.
void VariantSearch::judge() {
  Certificate &all = result.certificate;
  const Certificate *weakest = nullptr;
  bool isAnyCut = false, isAnyFound = !result.points.empty();
  bool isOneValue = isAnyFound && how.objective.metrics.size() == 1;
  for (const VariantOutcome &outcome : result.outcomes) {
    const Certificate &one = outcome.certificate;
    if (!isSearched(outcome) && !outcome.isTooLate)
      continue;
    all.evaluated += one.evaluated;
    all.spaceLog10 =
        std::max(all.spaceLog10, one.spaceLog10) +
        std::log10(1 +
                   std::pow(10, -std::abs(all.spaceLog10 - one.spaceLog10)));
    for (const auto &[rule, count] : one.pruned)
      all.pruned[rule] += count;
    if (!one.space.empty())
      all.space = one.space;
    if (!one.metric.empty())
      all.metric = one.metric;
    // Where nothing can cost less than what is known, no search need end.
    bool isMet =
        isOneValue && one.lowerBound >= result.points[0].point.values.front();
    isAnyCut |= one.status == Status::bestFound && !isMet;
    if (one.status != Status::infeasible &&
        (!weakest || one.lowerBound < weakest->lowerBound))
      weakest = &one;
  }
  all.status = isAnyCut     ? Status::bestFound
               : isAnyFound ? Status::optimal
                            : Status::infeasible;
  if (weakest) {
    all.lowerBound = weakest->lowerBound;
    all.boundName = weakest->boundName;
    all.searched = weakest->searched;
  }
  if (isAnyFound)
    all.best = result.outcomes[result.points[0].variant].certificate.best;
  if (isWrittenOnly)
    all.space += "; of the cascade as written, as no time was left to derive "
                 "other forms of it";
  all.wallSeconds = seconds();
}

static bool dominates(const std::vector<double> &a,
                      const std::vector<double> &b) {
  return a != b && llvm::all_of(llvm::zip(a, b), [](const auto &pair) {
           return std::get<0>(pair) <= std::get<1>(pair);
         });
}

/// Points that no other one beats, by their values; of equal ones that of the
/// earlier variant. Of a single metric one remains.
void VariantSearch::keepBest() {
  std::vector<AutoPoint> kept;
  std::vector<AutoPoint> inOrder;
  for (size_t id = 0; id < variants.size(); ++id)
    llvm::copy_if(result.points, std::back_inserter(inOrder),
                  [&](const AutoPoint &point) { return point.variant == id; });
  result.points = std::move(inOrder);
  for (AutoPoint &point : result.points) {
    const std::vector<double> &values = point.point.values;
    bool isBeaten = llvm::any_of(result.points, [&](const AutoPoint &other) {
      return dominates(other.point.values, values);
    });
    bool isKnown = llvm::any_of(kept, [&](const AutoPoint &other) {
      return other.point.values == values;
    });
    if (!isBeaten && !isKnown)
      kept.push_back(point);
  }
  // A variant that was searched twice would hold two mappings of one name.
  for (AutoPoint &point : result.points)
    if (llvm::none_of(kept, [&](const AutoPoint &other) {
          return other.point.mapping == point.point.mapping;
        }))
      point.point.mapping.erase();
  llvm::sort(kept, [](const AutoPoint &a, const AutoPoint &b) {
    return a.point.values < b.point.values;
  });
  result.points = std::move(kept);
}

/// Where the more promising ones came to nothing, the one of fewest Einsums is
/// the most likely to have a mapping soon.
void VariantSearch::bringSimplestTo(size_t at, Order &order) {
  auto count = [&](const std::pair<double, size_t> &one) {
    auto einsums =
        variants[one.second].cascade.getBodyBlock()->getOps<EinsumInterface>();
    return std::distance(einsums.begin(), einsums.end());
  };
  auto simplest = std::min_element(
      order.begin() + at, order.end(),
      [&](const auto &a, const auto &b) { return count(a) < count(b); });
  std::rotate(order.begin() + at, simplest, simplest + 1);
}

/// Of the time left for a first try of the i-th of so many variants. Where all
/// of a Pareto set is wanted there is no second one.
double VariantSearch::trialShare(size_t i, size_t count) const {
  if (count == 1 || how.objective.metrics.size() > 1)
    return 1.0 / std::min<size_t>(2, count - i);
  if (i == 0)
    return 1.0 / 3;
  // Equal parts of `kTrialShare` of what the first one leaves.
  return kTrialShare / (static_cast<double>(count - 1) -
                        kTrialShare * static_cast<double>(i - 1));
}

/// Bounds promise little where they are weak. So the most promising variant has
/// a third of the time; if that was not enough for it, all others are tried for
/// a while.
ExitCode VariantSearch::tryAll(Order &order) {
  for (size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && result.points.empty())
      bringSimplestTo(i, order);
    auto [bound, id] = order[i];
    bool isDone =
        result.outcomes[id].isSketched && isRuledOut(result.outcomes[id]);
    if (isDone || isHopeless(id, bound) || isTooLate(id, bound))
      continue;
    if (ExitCode code = search(id, shareOfTime(trialShare(i, order.size())));
        code != ExitCode::Ok)
      return code;
  }
  return ExitCode::Ok;
}

/// The best value that a variant is known to have.
double VariantSearch::bestOf(size_t id) const {
  double value = INFINITY;
  for (const AutoPoint &known : result.points)
    if (known.variant == id)
      value = std::min(value, known.point.values.front());
  return value;
}

/// The rest of the time is for those that were cut short, the best first; half
/// of what is left for each.
ExitCode VariantSearch::goOn(const Order &order) {
  Order cut; // (best value, place in `order`)
  for (auto [place, one] : llvm::enumerate(order)) {
    size_t id = one.second;
    if (!result.outcomes[id].isCut)
      continue;
    cut.emplace_back(bestOf(id), place);
  }
  llvm::sort(cut);
  for (size_t i = 0; i < cut.size(); ++i) {
    if (isTimeUp())
      break;
    double share = i + 1 == cut.size() ? 1 : 0.5;
    if (ExitCode code = search(order[cut[i].second].second, shareOfTime(share));
        code != ExitCode::Ok)
      return code;
  }
  return ExitCode::Ok;
}

/// Where nests are many: a first mapping of each, as far as time allows.
ExitCode VariantSearch::sketchOthers(const Order &order) {
  for (auto [bound, id] : order) {
    if (result.outcomes[id].isSketched || isHopeless(id, bound))
      continue;
    // One that takes long leaves the others, and the rest, their time.
    double until = kSketchShare * options.timeLimitSeconds;
    if (isTimeUp() || (options.timeLimitSeconds > 0 && seconds() > until))
      break;
    if (ExitCode code = search(id, timeUntil(until), SearchPart::sketch);
        code != ExitCode::Ok)
      return code;
  }
  return ExitCode::Ok;
}

/// The rest of the searches, the best sketch first; half of what is left of the
/// time for each.
ExitCode VariantSearch::deepen(const Order &order) {
  Order left; // (best value, place in `order`)
  for (auto [place, one] : llvm::enumerate(order)) {
    const VariantOutcome &outcome = result.outcomes[one.second];
    if (!outcome.isBeaten && !(outcome.isSketched && isRuledOut(outcome)))
      left.emplace_back(bestOf(one.second), place);
  }
  llvm::sort(left);
  for (size_t i = 0; i < left.size(); ++i) {
    auto [bound, id] = order[left[i].second];
    if (isHopeless(id, bound) || isTooLate(id, bound))
      continue;
    double share = i + 1 == left.size() ? 1 : 0.5;
    if (ExitCode code = search(id, shareOfTime(share)); code != ExitCode::Ok)
      return code;
  }
  return ExitCode::Ok;
}

ExitCode VariantSearch::searchAll() {
  Order order = sortByBound();
  bool isLarge = order.size() > 1 && llvm::any_of(order, [&](const auto &one) {
                   return result.outcomes[one.second].isSketched;
                 });
  if (isLarge) {
    ExitCode code = sketchOthers(order);
    return code == ExitCode::Ok ? deepen(order) : code;
  }
  if (ExitCode code = tryAll(order); code != ExitCode::Ok)
    return code;
  bool isSingle = how.objective.metrics.size() == 1;
  return order.size() > 1 && isSingle ? goOn(order) : ExitCode::Ok;
}

ExitCode VariantSearch::run() {
  if (!prepare())
    return ExitCode::BadInput;
  result.objective = how.objective;
  if (ExitCode code = searchAll(); code != ExitCode::Ok)
    return code;
  if (llvm::none_of(result.outcomes, isSearched)) {
    // A variant alone has spoken for itself.
    if (variants.size() > 1)
      mlir::emitError(variants[0].cascade.getLoc(), result.outcomes[0].leftOut);
    return ExitCode::BadInput;
  }
  keepBest();
  judge();
  return ExitCode::Ok;
}

ExitCode einsum::mapVariants(std::vector<Variant> &variants,
                             const arch::ArchSpec &arch,
                             const AutoOptions &options, AutoResult &result) {
  return VariantSearch(variants, arch, options, result).run();
}
