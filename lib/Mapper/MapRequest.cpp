//===- MapRequest.cpp - What is asked of the mapper, as text --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Mapper/MapRequest.h"

#include "lib/Mapper/Join/Recurrences.h"
#include "lib/Support/Diagnostics.h"
#include "lib/Support/Format.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::mapper;

template <typename T> static std::vector<std::string> namesOf(const T &items) {
  std::vector<std::string> names;
  for (const auto &item : items)
    names.push_back(item.name);
  return names;
}

/// "'X'; there are A, B; did you mean 'A'?"
static std::string listAlternatives(StringRef name,
                                    const std::vector<std::string> &names) {
  return "'" + name.str() + "'; there are " +
         (names.empty() ? "none" : llvm::join(names, ", ")) +
         didYouMean(name, names);
}

//===----------------------------------------------------------------------===//
// Objectives
//===----------------------------------------------------------------------===//

namespace {
struct MetricWord {
  const char *word, *unit;
  Metric metric;
  bool hasLevel;
};

/// A metric and the level it names, if it does.
struct Goal {
  Metric metric;
  StringRef level;
};
} // namespace

constexpr MetricWord metricWords[] = {
    {"latency", "s", Metric::latency, false},
    {"energy", "J", Metric::energy, false},
    {"edp", "J s", Metric::edp, false},
    {"traffic", "B", Metric::traffic, true},
    {"capacity", "B", Metric::capacity, true},
};

static const MetricWord &findWord(Metric metric) {
  return *llvm::find_if(metricWords, [&](const MetricWord &word) {
    return word.metric == metric;
  });
}

static bool parseGoal(StringRef text, llvm::SmallVectorImpl<Goal> &goals,
                      ReportOption report) {
  bool hasColon = text.contains(':');
  auto [name, level] = text.split(':');
  const MetricWord *word =
      llvm::find_if(metricWords, [&, name = name](const MetricWord &word) {
        return word.word == name;
      });
  if (word == std::end(metricWords)) {
    std::vector<std::string> words = {"latency", "energy", "edp", "traffic",
                                      "capacity"};
    return report("objective",
                  "takes latency, energy, edp, traffic[:LEVEL], "
                  "capacity[:LEVEL] or pareto:A,B[,C] of these, found '" +
                      text + "'" + didYouMean(name, words));
  }
  if (hasColon && !word->hasLevel)
    return report("objective", "'" + name +
                                   "' is of the whole machine and "
                                   "takes no level, found '" +
                                   text + "'");
  if (hasColon && level.empty())
    return report("objective",
                  "there is no level after the colon of '" + text + "'");
  if (llvm::any_of(goals,
                   [&](const Goal &g) { return g.metric == word->metric; }))
    return report("objective", "names '" + name + "' twice");
  goals.push_back({word->metric, level});
  return true;
}

static bool parseGoals(StringRef text, llvm::SmallVectorImpl<Goal> &goals,
                       ReportOption report) {
  if (!text.consume_front("pareto"))
    return parseGoal(text, goals, report);
  llvm::SmallVector<StringRef> parts;
  if (text.empty())
    parts = {"latency", "energy"};
  else if (text.consume_front(":"))
    text.split(parts, ',', -1, /*KeepEmpty=*/false);
  if (parts.size() < 2 || parts.size() > 3)
    return report("objective", "a Pareto set is of two or three metrics, as in "
                               "pareto:latency,energy; found " +
                                   llvm::Twine(parts.size()));
  return llvm::all_of(
      parts, [&](StringRef part) { return parseGoal(part, goals, report); });
}

bool einsum::mapper::checkObjective(StringRef text, ReportOption report) {
  llvm::SmallVector<Goal> goals;
  return parseGoals(text, goals, report);
}

static int findBacking(const arch::ArchSpec &arch) {
  return static_cast<int>(
      llvm::find_if(arch.levels,
                    [](const arch::Level &level) { return level.parent < 0; }) -
      arch.levels.begin());
}

/// Where a metric is measured if nothing is said.
static int getDefaultLevel(Metric metric, const arch::ArchSpec &arch) {
  int backing = findBacking(arch);
  if (metric == Metric::traffic)
    return backing;
  for (auto [id, level] : llvm::enumerate(arch.levels))
    if (level.parent == backing)
      return static_cast<int>(id);
  return backing;
}

int einsum::mapper::getMetricLevel(Metric metric, const Objective &objective,
                                   const arch::ArchSpec &arch) {
  if (!findWord(metric).hasLevel)
    return -1;
  return objective.level >= 0 ? objective.level : getDefaultLevel(metric, arch);
}

/// One level for all metrics: -1 where each has its default.
static bool chooseLevel(llvm::ArrayRef<Goal> goals, const arch::ArchSpec &arch,
                        int &chosen, ReportOption report) {
  llvm::SmallVector<int, 2> levels;
  bool allDefault = true;
  for (const Goal &goal : goals) {
    if (!findWord(goal.metric).hasLevel)
      continue;
    int level = getDefaultLevel(goal.metric, arch);
    if (!goal.level.empty()) {
      int named = arch.findLevel(goal.level);
      if (named < 0)
        return report("objective",
                      "architecture '" + arch.name + "' has no level " +
                          listAlternatives(goal.level, namesOf(arch.levels)));
      allDefault &= named == level;
      level = named;
    }
    levels.push_back(level);
  }
  chosen = allDefault ? -1 : levels.front();
  if (allDefault || llvm::all_equal(levels))
    return true;
  return report("objective",
                "traffic and capacity of one Pareto set are of "
                "one level, or of '" +
                    arch.levels[findBacking(arch)].name + "' and '" +
                    arch.levels[getDefaultLevel(Metric::capacity, arch)].name +
                    "'; other pairs are unsupported");
}

bool einsum::mapper::parseObjective(StringRef text, const arch::ArchSpec &arch,
                                    Objective &objective, ReportOption report) {
  llvm::SmallVector<Goal> goals;
  if (!parseGoals(text, goals, report) ||
      !chooseLevel(goals, arch, objective.level, report))
    return false;
  objective.metrics.clear();
  for (const Goal &goal : goals)
    objective.metrics.push_back(goal.metric);
  return true;
}

std::string einsum::mapper::getMetricName(Metric metric,
                                          const Objective &objective,
                                          const arch::ArchSpec &arch) {
  int level = getMetricLevel(metric, objective, arch);
  return findWord(metric).word +
         (level < 0 ? "" : ":" + arch.levels[level].name);
}

std::string einsum::mapper::describeObjective(const Objective &objective,
                                              const arch::ArchSpec &arch) {
  std::vector<std::string> parts;
  for (Metric metric : objective.metrics)
    parts.push_back(getMetricName(metric, objective, arch));
  return (parts.size() > 1 ? "pareto:" : "") + llvm::join(parts, ",");
}

std::string einsum::mapper::formatValue(Metric metric, double value) {
  StringRef unit = findWord(metric).unit;
  if (unit == "B")
    return formatBytes(static_cast<uint64_t>(value));
  if (unit == "s" || unit == "J")
    return formatSi(value, unit.str().c_str());
  return formatNumber(value) + " " + unit.str();
}

//===----------------------------------------------------------------------===//
// The space
//===----------------------------------------------------------------------===//

static bool parseSpaceWord(StringRef word, SpaceLimits &limits,
                           ReportOption report) {
  for (auto [name, field] : {std::pair("no-fusion", &SpaceLimits::fusion),
                             {"no-pipelines", &SpaceLimits::pipelines},
                             {"no-reorder", &SpaceLimits::reorder},
                             {"no-shared-holders", &SpaceLimits::sharedHolders},
                             {"no-recompute", &SpaceLimits::recompute},
                             {"no-retain", &SpaceLimits::retain},
                             {"perfect-tiles", &SpaceLimits::imperfect}})
    if (word == name) {
      limits.*field = false;
      return true;
    }
  auto [name, number] = word.split('=');
  for (auto [known, field] :
       {std::pair("shared-loops", &SpaceLimits::sharedLoops),
        {"shared-loops-per-rank", &SpaceLimits::sharedLoopsPerRank}})
    if (name == known) {
      if (number.getAsInteger(10, limits.*field) || limits.*field > 64)
        return report("space", "'" + name +
                                   "' takes a whole number from 0 to 64, "
                                   "found '" +
                                   word + "'");
      return true;
    }
  std::vector<std::string> names = {
      "shared-loops=N",    "shared-loops-per-rank=N",
      "perfect-tiles",     "no-fusion",
      "no-pipelines",      "no-reorder",
      "no-shared-holders", "no-recompute",
      "no-retain"};
  return report("space",
                "there is no restriction " + listAlternatives(word, names));
}

bool einsum::mapper::parseSpace(llvm::ArrayRef<std::string> words,
                                SpaceLimits &limits, ReportOption report) {
  llvm::StringSet<> seen;
  for (StringRef word : words) {
    if (!seen.insert(word.split('=').first).second)
      return report("space", "gives '" + word.split('=').first + "' twice");
    if (!parseSpaceWord(word, limits, report))
      return false;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Constraints: their form
//===----------------------------------------------------------------------===//

namespace {
/// `name@level` or `name@level=value`, or `name=value` without a level.
struct Clause {
  StringRef name, level, value;
};

/// An option whose values are clauses.
struct ClauseOption {
  const char *option, *form;
  std::vector<std::string> MapRequest::*values;
  bool hasLevel, hasValue;
};
} // namespace

constexpr ClauseOption clauseOptions[] = {
    {"keep", "TENSOR@LEVEL", &MapRequest::keep, true, false},
    {"bypass", "TENSOR@LEVEL", &MapRequest::bypass, true, false},
    {"array", "EINSUM=ARRAY", &MapRequest::array, false, true},
    {"fix-tile", "RANK@LEVEL=N", &MapRequest::fixTile, true, true},
    {"loop-order", "RANK:RANK...@LEVEL", &MapRequest::loopOrder, true, false},
};

static std::optional<Clause> parseClause(StringRef text,
                                         const ClauseOption &option) {
  Clause clause;
  if (option.hasValue) {
    if (!text.contains('='))
      return std::nullopt;
    std::tie(text, clause.value) = text.rsplit('=');
  }
  std::tie(clause.name, clause.level) = text.split('@');
  if (clause.name.empty() || clause.level.empty() == option.hasLevel ||
      clause.value.empty() == option.hasValue || clause.level.contains('@'))
    return std::nullopt;
  return clause;
}

/// The ranks of an order, at least two and each once.
static std::optional<std::vector<std::string>> readRanks(StringRef text) {
  std::vector<std::string> ranks;
  for (StringRef rank : llvm::split(text, ':')) {
    if (rank.empty() || llvm::is_contained(ranks, rank))
      return std::nullopt;
    ranks.push_back(rank.str());
  }
  return ranks.size() < 2 ? std::nullopt : std::make_optional(ranks);
}

static bool readTile(StringRef text, uint64_t &tile) {
  return !text.getAsInteger(10, tile) && tile > 0 && tile <= INT64_MAX;
}

bool einsum::mapper::checkConstraints(const MapRequest &request,
                                      ReportOption report) {
  for (const ClauseOption &option : clauseOptions) {
    llvm::StringSet<> seen;
    for (StringRef text : request.*option.values) {
      std::optional<Clause> clause = parseClause(text, option);
      uint64_t tile;
      if (!clause ||
          (&MapRequest::fixTile == option.values &&
           !readTile(clause->value, tile)) ||
          (&MapRequest::loopOrder == option.values && !readRanks(clause->name)))
        return report(option.option, "takes " + llvm::Twine(option.form) +
                                         ", found '" + text + "'");
      StringRef subject = option.hasValue ? text.rsplit('=').first : text;
      if (!seen.insert(subject).second)
        return report(option.option, "gives '" + subject + "' twice");
    }
  }
  llvm::StringSet<> seen;
  for (StringRef einsum : request.order)
    if (!seen.insert(einsum).second)
      return report("order", "names '" + einsum + "' twice");
  return true;
}

//===----------------------------------------------------------------------===//
// Constraints: their meaning
//===----------------------------------------------------------------------===//

std::string einsum::mapper::findMissingName(const MapRequest &request,
                                            const CascadeFacts &facts) {
  for (const ClauseOption &option : clauseOptions)
    for (StringRef text : request.*option.values) {
      std::string name = parseClause(text, option)->name.str();
      if (&MapRequest::array == option.values) {
        if (facts.findEinsum(name) < 0)
          return "Einsum '" + name + "'";
      } else if (&MapRequest::fixTile == option.values) {
        if (facts.findRank(name) < 0)
          return "rank '" + name + "'";
      } else if (&MapRequest::loopOrder == option.values) {
        auto ranks = readRanks(name);
        for (const std::string &rank : *ranks)
          if (facts.findRank(rank) < 0)
            return "rank '" + rank + "'";
      } else if (facts.findTensor(name) < 0) {
        return "tensor '" + name + "'";
      }
    }
  for (const std::string &einsum : request.order)
    if (facts.findEinsum(einsum) < 0)
      return "Einsum '" + einsum + "'";
  return "";
}

namespace {
/// Turns clauses into constraints.
class ConstraintWriter {
public:
  ConstraintWriter(const CascadeFacts &facts, arch::ArchSpec &arch,
                   ReportOption report)
      : facts(facts), arch(arch), report(report) {}

  bool add(const ClauseOption &option, StringRef text);

private:
  bool addTensor(arch::LevelConstraint constraint, StringRef tensor,
                 bool negated);
  bool addTile(arch::LevelConstraint constraint, const Clause &clause);
  bool addOrder(arch::LevelConstraint constraint, const Clause &clause);
  bool addArray(const Clause &clause);
  bool fail(const llvm::Twine &message) const {
    return report(option->option, message);
  }
  bool failName(const char *what, StringRef name,
                const std::vector<std::string> &names) const {
    return fail("cascade '" + facts.name + "' has no " + what + " " +
                listAlternatives(name, names));
  }

  const CascadeFacts &facts;
  arch::ArchSpec &arch;
  ReportOption report;
  const ClauseOption *option = nullptr;
  SourceLocation loc;
};
} // namespace

bool ConstraintWriter::addTensor(arch::LevelConstraint constraint,
                                 StringRef tensor, bool negated) {
  if (facts.findTensor(tensor) < 0)
    return failName("tensor", tensor, namesOf(facts.tensors));
  arch::TensorTerm term;
  term.kind = arch::TensorTerm::Kind::Tensor;
  term.negated = negated;
  term.name = {tensor.str(), loc};
  (negated ? constraint.mayKeep : constraint.mustKeep).emplace({term});
  arch.constraints.levels.push_back(std::move(constraint));
  return true;
}

bool ConstraintWriter::addTile(arch::LevelConstraint constraint,
                               const Clause &clause) {
  int rank = facts.findRank(clause.name);
  if (rank < 0)
    return failName("rank", clause.name, namesOf(facts.ranks));
  uint64_t tile = 0;
  readTile(clause.value, tile);
  if (tile > static_cast<uint64_t>(facts.ranks[rank].extent))
    return fail("rank '" + clause.name + "' has extent " +
                llvm::Twine(facts.ranks[rank].extent) +
                ", its tiles cannot be " + clause.value + " long");
  arch::TileBound bound;
  bound.rank = {clause.name.str(), loc};
  bound.extent = {tile, tile};
  constraint.tile.push_back(std::move(bound));
  arch.constraints.levels.push_back(std::move(constraint));
  return true;
}

bool ConstraintWriter::addOrder(arch::LevelConstraint constraint,
                                const Clause &clause) {
  auto ranks = readRanks(clause.name);
  for (const std::string &rank : *ranks) {
    if (facts.findRank(rank) < 0)
      return failName("rank", rank, namesOf(facts.ranks));
    constraint.order.push_back({rank, loc});
  }
  arch.constraints.levels.push_back(std::move(constraint));
  return true;
}

bool ConstraintWriter::addArray(const Clause &clause) {
  if (facts.findEinsum(clause.name) < 0)
    return failName("Einsum", clause.name, namesOf(facts.einsums));
  int array = arch.findArray(clause.value);
  if (array < 0)
    return fail("architecture '" + arch.name + "' has no array " +
                listAlternatives(clause.value, namesOf(arch.arrays)));
  arch::ArrayChoice choice;
  choice.on.einsums.push_back({clause.name.str(), loc});
  choice.arrays = {array};
  choice.loc = loc;
  arch.constraints.arrays.push_back(std::move(choice));
  return true;
}

bool ConstraintWriter::add(const ClauseOption &clauseOption, StringRef text) {
  option = &clauseOption;
  Clause clause = *parseClause(text, clauseOption);
  loc = {"--" + std::string(option->option) + "=" + text.str(), 0, 0};
  if (!clauseOption.hasLevel)
    return addArray(clause);
  arch::LevelConstraint constraint;
  constraint.level = arch.findLevel(clause.level);
  constraint.loc = loc;
  if (constraint.level < 0)
    return fail("architecture '" + arch.name + "' has no level " +
                listAlternatives(clause.level, namesOf(arch.levels)));
  if (clauseOption.hasValue)
    return addTile(std::move(constraint), clause);
  if (clauseOption.values == &MapRequest::loopOrder)
    return addOrder(std::move(constraint), clause);
  return addTensor(std::move(constraint), clause.name,
                   /*negated=*/clauseOption.values == &MapRequest::bypass);
}

bool einsum::mapper::addConstraints(const MapRequest &request,
                                    const CascadeFacts &facts,
                                    arch::ArchSpec &arch, ReportOption report) {
  ConstraintWriter writer(facts, arch, report);
  for (const ClauseOption &option : clauseOptions)
    for (StringRef text : request.*option.values)
      if (!writer.add(option, text))
        return false;
  return true;
}

//===----------------------------------------------------------------------===//
// The order of Einsums
//===----------------------------------------------------------------------===//

bool einsum::mapper::applyOrder(const MapRequest &request, CascadeOp cascade,
                                SpaceLimits &limits, ReportOption report) {
  if (request.order.empty())
    return true;
  std::map<std::string, Operation *> einsums;
  std::vector<std::string> names;
  for (EinsumInterface op : cascade.getBodyBlock()->getOps<EinsumInterface>()) {
    names.push_back(schedule::getEinsumName(op).str());
    einsums[names.back()] = op;
  }
  for (const std::string &name : request.order)
    if (!einsums.count(name))
      return report("order", "cascade '" + cascade.getSymName() +
                                 "' has no Einsum " +
                                 listAlternatives(name, names));
  if (request.order.size() != names.size())
    return report("order", "names " + llvm::Twine(request.order.size()) +
                               " of the " + llvm::Twine(names.size()) +
                               " Einsums; all have their place in an order: " +
                               llvm::join(names, ", "));
  // A graph region: definitions may follow uses, so every order is a cascade.
  Operation *next = nullptr;
  for (const std::string &name : llvm::reverse(request.order)) {
    Operation *op = einsums.at(name);
    if (next)
      op->moveBefore(next);
    next = op;
  }
  FailureOr<CascadeFacts> facts = computeCascadeFacts(cascade);
  if (failed(facts))
    return false;
  // Facts keep the order of the text unless a producer comes too late.
  for (auto [name, einsum] : llvm::zip(request.order, facts->einsums))
    if (name != einsum.name)
      return report("order", "has '" + name + "' before '" + einsum.name +
                                 "', on which it depends");
  std::vector<int> together = Recurrences(*facts).listTogether();
  for (auto [e, einsum] : llvm::enumerate(facts->einsums))
    if (together[e] != static_cast<int>(e))
      return report("order",
                    "has '" + einsum.name +
                        "' between Einsums that need one another; these stay "
                        "together, so that '" +
                        facts->einsums[together[e]].name + "' comes next");
  limits.reorder = false;
  return true;
}
