//===- Compare.cpp - The mapper against the judge -------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/optimality/Compare.h"

#include "test/agreement/BoundCheck.h"

#include "lib/Mapper/Mapper.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::optimality;

/// The first level below the backing one; -1 if there is none.
static int firstChild(const arch::ArchSpec &arch) {
  for (size_t l = 0; l < arch.levels.size(); ++l)
    if (arch.levels[l].parent == 0)
      return static_cast<int>(l);
  return -1;
}

std::vector<Goal> einsum::optimality::goalsFor(const arch::ArchSpec &arch) {
  Measure latency{Measure::latency}, energy{Measure::energy}, edp{Measure::edp},
      traffic{Measure::traffic, 0};
  std::vector<Goal> goals = {{latency},
                             {energy},
                             {edp},
                             {latency, energy},
                             {latency, traffic},
                             {energy, traffic},
                             {latency, energy, traffic}};
  for (size_t l = 0; l < arch.levels.size(); ++l)
    goals.push_back({{Measure::traffic, static_cast<int>(l)}});
  if (int child = firstChild(arch); child >= 0) {
    Measure capacity{Measure::capacity, child};
    for (const Goal &others : {Goal{},
                               {latency},
                               {energy},
                               {edp},
                               {traffic},
                               {latency, energy},
                               {latency, traffic},
                               {energy, traffic}}) {
      goals.push_back(others);
      goals.back().push_back(capacity);
    }
  }
  // What the outermost level holds, where it has a size.
  if (arch.levels[0].capacityBytes) {
    Measure capacity{Measure::capacity, 0};
    for (const Goal &others :
         {Goal{}, {latency}, {energy}, {energy, traffic}}) {
      goals.push_back(others);
      goals.back().push_back(capacity);
    }
  }
  return goals;
}

/// A tensor is gathered from and read elsewhere, too: what is united of both is
/// bounded only.
static bool gathersAmongOthers(const EinsumFact &einsum) {
  return llvm::any_of(einsum.reads, [&](const AccessFact &access) {
    return access.gathers() &&
           llvm::count_if(einsum.reads, [&](const AccessFact &other) {
             return other.tensor == access.tensor;
           }) > 1;
  });
}

/// Filters, windows, shifts: tiles differ in size.
static bool isCut(const CascadeFacts &facts) {
  return llvm::any_of(facts.einsums, [](const EinsumFact &einsum) {
    auto isWindow = [](const AccessFact &access) {
      return llvm::any_of(access.coordinates, [](const Coordinate &c) {
        return c.terms.size() > 1 || c.constant != 0;
      });
    };
    return !einsum.domain.empty() || gathersAmongOthers(einsum) ||
           llvm::any_of(einsum.reads, isWindow);
  });
}

/// Steps of shared loops may differ in more than one way: what their visits
/// take is then bounded by what they take together.
static bool isUneven(const CascadeFacts &facts, const Limits &limits) {
  return limits.imperfect && limits.fusion && limits.sharedLoopsPerRank > 1 &&
         llvm::any_of(facts.ranks,
                      [](const RankFact &rank) { return rank.extent > 2; });
}

/// Latencies of transfers are left to the cost model, mostly.
static bool hasWaits(const arch::ArchSpec &arch) {
  auto waits = [](const auto &one) { return one.latencyCycles > 0; };
  return llvm::any_of(arch.levels, waits) || llvm::any_of(arch.links, waits);
}

namespace {

class Comparison {
public:
  Comparison(LoadedProblem &problem, const Limits &limits,
             const mapper::PruningRules &rules)
      : problem(problem), os(text),
        mayPromise(isCut(problem.facts) ||
                   (limits.pipelines && !problem.arch.accounting.sequential) ||
                   isUneven(problem.facts, limits) || !rules.dominance ||
                   hasWaits(problem.arch) || problem.arch.accounting.buffered) {
    options.rules = rules;
    options.limits.sharedLoops = limits.sharedLoops;
    options.limits.sharedLoopsPerRank = limits.sharedLoopsPerRank;
    options.limits.imperfect = limits.imperfect;
    options.limits.pipelines = limits.pipelines;
    options.limits.reorder = limits.reorder;
    options.limits.fusion = limits.fusion;
    options.limits.sharedHolders = limits.sharedHolders;
    options.limits.recompute = limits.recompute;
    options.limits.retain = limits.retain;
    options.threads = 1;
  }

  void compare(const Goal &goal, const std::vector<Found> &best) {
    setObjective(goal);
    std::string name;
    for (const Measure &measure : goal)
      name += (name.empty() ? "" : ", ") + measure.describe(problem.arch);
    std::string said;
    ScopedDiagnosticHandler listen(&problem.context, [&](mlir::Diagnostic &d) {
      said += d.str() + "\n";
      for (mlir::Diagnostic &note : d.getNotes())
        said += note.str() + "\n";
    });
    checkCertain(name, goal, best);
    auto result = mapper::mapCascade(problem.cascade, problem.facts,
                                     problem.arch, options);
    if (failed(result)) {
      // What it does not cover it may say; anything else is an error.
      if (llvm::StringRef(said).contains("unsupported"))
        uncovered = true;
      else
        os << name << ": the mapper fails: " << said;
      return;
    }
    checkStatus(name, goal, *result, best);
    std::vector<std::vector<double>> points;
    for (mapper::MappedPoint &point : result->points)
      points.push_back(checkPoint(name, goal, point));
    bool isProven = result->certificate.status == mapper::Status::optimal;
    if (isProven)
      for (const Found &found : best)
        if (!isReached(points, found.values))
          report(name + ": the mapper misses", found);
    for (size_t p = 0; p < points.size(); ++p)
      checkMembership(name, points[p], result->points[p], best);
    for (mapper::MappedPoint &point : result->points)
      point.mapping.erase();
  }

  std::string text;
  bool uncovered = false;
  unsigned promises = 0, proven = 0, reachedBest = 0;
  double worst = 1;

private:
  /// What is said of all mappings before any is looked at.
  void checkCertain(const std::string &name, const Goal &goal,
                    const std::vector<Found> &best) {
    if (goal.size() > 1 || best.empty())
      return;
    double certain = mapper::boundCascade(problem.cascade, problem.facts,
                                          problem.arch, options),
           least = best.front().values.front();
    if (!isAtMost(certain, least))
      os << name << ": nothing is said to be below " << certain
         << ", the best of the space is " << least << "\n";
  }

  /// The status, and what the certificate says of everything else.
  void checkStatus(const std::string &name, const Goal &goal,
                   const mapper::MapResult &result,
                   const std::vector<Found> &best) {
    const mapper::Certificate &certificate = result.certificate;
    auto expected =
        best.empty() ? mapper::Status::infeasible : mapper::Status::optimal;
    // Where promises are not kept to the letter, it may be best found.
    bool isHonest = mayPromise && !best.empty() &&
                    certificate.status == mapper::Status::bestFound;
    if (certificate.status != expected && !isHonest)
      os << name << ": the status is '"
         << mapper::describeStatus(certificate.status) << "' instead of '"
         << mapper::describeStatus(expected) << "'\n";
    if (best.empty() || result.points.empty())
      return;
    double least = best.front().values.front(),
           reached = result.points.front().values.front();
    if (!isAtMost(certificate.lowerBound, least))
      os << name << ": the lower bound is " << certificate.lowerBound
         << ", the best of the space " << least << "\n";
    if (goal.size() > 1)
      return;
    ++promises;
    proven += certificate.status == mapper::Status::optimal;
    reachedBest += isClose(least, reached);
    worst = std::max(worst, reached / least);
  }

  void setObjective(const Goal &goal) {
    options.objective.metrics.clear();
    options.objective.level = -1;
    for (const Measure &measure : goal) {
      options.objective.metrics.push_back(
          static_cast<mapper::Metric>(measure.kind));
      // Else each has its default.
      bool isOther = measure.kind == Measure::capacity && measure.level == 0;
      if ((goal.size() == 1 && measure.kind >= Measure::traffic) || isOther)
        options.objective.level = measure.level;
    }
  }

  /// Its own word, checked; what it measures by the goal.
  std::vector<double> checkPoint(const std::string &name, const Goal &goal,
                                 mapper::MappedPoint &point) {
    if (failed(mlir::verify(point.mapping)) ||
        failed(schedule::verifyAgainstCascade(point.mapping, problem.cascade)))
      os << name << ": the mapper's mapping is illegal\n" << show(point);
    auto evaluator =
        cost::Evaluator::create(point.mapping, problem.facts, problem.arch);
    cost::Evaluation cost;
    if (!evaluator || !evaluator->evaluate(cost)) {
      os << name << ": the mapper's mapping does not fit\n" << show(point);
      return std::vector<double>(goal.size(), 0);
    }
    agreement::BoundCheck bounds(problem.facts, problem.arch);
    for (const std::string &below : {bounds.asItIs(point.mapping, cost),
                                     bounds.tight(point.mapping, cost)})
      if (!below.empty())
        os << name << ": the mapper's mapping is below a bound: " << below
           << "\n"
           << show(point);
    std::vector<double> values;
    for (const Measure &measure : goal) {
      values.push_back(measure.of(cost));
      if (double claimed = measure.of(point.cost);
          !isClose(claimed, values.back()))
        os << name << ": the mapper claims " << claimed << ", it is "
           << values.back() << "\n"
           << show(point);
    }
    return values;
  }

  static bool isClose(double a, double b) {
    return std::abs(a - b) <= 1e-9 * std::max(std::abs(a), std::abs(b));
  }
  static bool isAtMost(double a, double b) { return a < b || isClose(a, b); }

  /// Some point is as good in every measure.
  static bool isReached(const std::vector<std::vector<double>> &points,
                        const std::vector<double> &values) {
    for (const std::vector<double> &point : points) {
      bool covers = true;
      for (size_t i = 0; i < values.size(); ++i)
        covers &= isAtMost(point[i], values[i]);
      if (covers)
        return true;
    }
    return false;
  }

  /// What is better than everything in the space is not in it.
  void checkMembership(const std::string &name,
                       const std::vector<double> &values,
                       mapper::MappedPoint &point,
                       const std::vector<Found> &best) {
    std::vector<std::vector<double>> all;
    for (const Found &found : best)
      all.push_back(found.values);
    if (isReached(all, values))
      return;
    os << name << ": the mapper's";
    for (double value : values)
      os << " " << value;
    os << " is not in the space\n" << show(point);
  }

  static std::string show(mapper::MappedPoint &point) {
    std::string text;
    llvm::raw_string_ostream os(text);
    point.mapping.print(os);
    return text + "\n";
  }

  void report(const std::string &what, const Found &found) {
    os << what;
    for (double value : found.values)
      os << " " << value;
    os << "\n"
       << printTree(found.tree, problem.cascade, problem.facts, problem.arch);
  }

  LoadedProblem &problem;
  mapper::MapOptions options;
  llvm::raw_string_ostream os;
  /// Costs of plans are bounds only, or plans are too many to build all.
  bool mayPromise;
};

} // namespace

bool einsum::optimality::leaveOut(mapper::PruningRules &rules,
                                  llvm::StringRef name) {
  bool *rule = llvm::StringSwitch<bool *>(name)
                   .Case("dominance", &rules.dominance)
                   .Case("bound", &rules.bound)
                   .Case("incumbent", &rules.incumbent)
                   .Case("canonical", &rules.canonical)
                   .Case("deals", &rules.deals)
                   .Case("ranks", &rules.ranks)
                   .Default(nullptr);
  if (rule)
    *rule = false;
  return rule != nullptr;
}

std::string einsum::optimality::compareWithMapper(
    LoadedProblem &problem, const Limits &limits,
    const std::vector<Goal> &goals, const Findings &findings,
    const mapper::PruningRules &rules, Quality &quality) {
  Comparison comparison(problem, limits, rules);
  for (size_t g = 0; g < goals.size(); ++g)
    comparison.compare(goals[g], findings.best[g]);
  quality.covered = !comparison.uncovered;
  quality.cut = isCut(problem.facts);
  quality.goals = comparison.promises;
  quality.proven = comparison.proven;
  quality.reached = comparison.reachedBest;
  quality.worst = comparison.worst;
  return comparison.text;
}
