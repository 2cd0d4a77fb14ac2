//===- TextSummary.cpp - One screen for a person --------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Export/Formulas.h"
#include "lib/Export/Result.h"
#include "lib/Mapper/ConflictText.h"
#include "lib/Support/Format.h"
#include "lib/Support/TextTable.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace einsum;
using namespace einsum::exporting;

static constexpr size_t kColumns = 100, kLines = 40;

/// {mac: 2000000, exp: 1} -> "mac 2 M, exp 1"
static std::string
describeOperators(const std::map<std::string, uint64_t> &operators) {
  std::vector<std::string> parts;
  for (const auto &[name, count] : operators)
    parts.push_back(name + " " + formatSi(static_cast<double>(count), ""));
  return llvm::join(parts, ", ");
}

static std::string describeBinding(const Result &result) {
  std::vector<std::string> parts;
  for (const auto &[name, value] : result.binding)
    parts.push_back(name + "=" + std::to_string(value));
  return llvm::join(parts, " ");
}

static std::string listRanks(const CascadeFacts &facts,
                             llvm::ArrayRef<int> ranks) {
  std::vector<std::string> names;
  for (int rank : ranks)
    names.push_back(facts.ranks[rank].name);
  return llvm::join(names, ",");
}

/// A label, and what there is to say from column 10 on.
static void printFact(llvm::raw_ostream &os, llvm::StringRef label,
                      const llvm::Twine &text) {
  std::string line =
      (label + std::string(10 - std::min<size_t>(label.size(), 9), ' ') + text)
          .str();
  if (line.size() > kColumns)
    line = line.substr(0, kColumns - 3) + "...";
  os << line << "\n";
}

//===----------------------------------------------------------------------===//
// The cascade alone
//===----------------------------------------------------------------------===//

static void printRanks(const CascadeFacts &facts, llvm::raw_ostream &os) {
  TextTable table({"rank", ">extent", "part of"});
  for (const RankFact &rank : facts.ranks)
    if (!rank.isOpaque)
      table.add({rank.name, std::to_string(rank.extent),
                 rank.whole < 0 ? "" : facts.ranks[rank.whole].name});
  table.print(os, kColumns);
}

static void printTensors(const CascadeFacts &facts, llvm::raw_ostream &os) {
  TextTable table({"tensor", "", "type", "ranks", ">size"});
  for (const TensorFact &tensor : facts.tensors)
    table.add({tensor.name,
               tensor.isWeight   ? "weight"
               : tensor.isInput  ? "input"
               : tensor.isOutput ? "output"
                                 : "",
               tensor.datatype, listRanks(facts, tensor.ranks),
               formatBytes(tensor.bytes(tensor.elements))});
  table.print(os, kColumns);
}

static void printEinsums(const CascadeFacts &facts, llvm::raw_ostream &os) {
  TextTable table(
      {"Einsum", "ranks", "reduced", ">in", ">out", ">ops/byte", "operators"});
  for (const EinsumFact &einsum : facts.einsums) {
    EinsumTraffic traffic = computeTraffic(facts, einsum);
    table.add({einsum.name, listRanks(facts, einsum.ranks),
               listRanks(facts, einsum.reduced), formatBytes(traffic.bytesIn),
               formatBytes(traffic.bytesOut), formatNumber(traffic.intensity()),
               describeOperators(traffic.operators)});
  }
  table.print(os, kColumns);
  if (facts.einsums.size() > 1)
    os << "all together: " << describeOperators(countAllOperators(facts))
       << "\n";
}

/// ">= 3" for a theorem, "~ 3" for anything less.
static std::string describeCount(const FiberPasses &fiber) {
  return (fiber.certainty == Certainty::Theorem ? ">= " : "~ ") +
         std::to_string(fiber.passes);
}

/// Whole ranks, then parts of split ranks, then tensors of one element per tile
/// where they are traversed more than once.
void einsum::exporting::printPassTable(const RankPasses &passes,
                                       llvm::raw_ostream &os) {
  TextTable table({"rank", ">passes", "", "by", "forced by"});
  auto add = [&](const FiberPasses &fiber) {
    std::string kind =
        fiber.whole.empty()
            ? ""
            : (fiber.isSummary ? "summary of " : "part of ") + fiber.whole;
    table.add({fiber.rank, describeCount(fiber), kind, fiber.tensor,
               describeWitness(fiber)});
  };
  for (const RankHeadline &headline : passes.ranks)
    add(passes.fibers[headline.fiber]);
  for (const FiberPasses &fiber : passes.fibers)
    if (fiber.isSummary && fiber.passes > 1)
      add(fiber);
  table.print(os, kColumns);
}

/// "3-pass over m", "1-pass over every rank; 2 over m0, part of m"
static std::string describeClass(const RankPasses &passes) {
  const RankHeadline *headline = passes.getHeadline();
  if (!headline)
    return "no tensor is read along a rank";
  std::string text = std::to_string(headline->passes) + "-pass over " +
                     (headline->passes == 1 ? "every rank" : headline->rank);
  for (const RankHeadline &part : passes.ranks)
    if (const FiberPasses &fiber = passes.fibers[part.fiber];
        part.passes > 1 && !fiber.whole.empty() && !fiber.isSummary)
      text += "; " + std::to_string(part.passes) + " over " + part.rank +
              ", part of " + fiber.whole;
  std::string opaque;
  for (const RankHeadline &one : passes.ranks)
    if (passes.fibers[one.fiber].isOpaque)
      opaque += (opaque.empty() ? "; unknown over " : ", ") + one.rank;
  return text + opaque;
}

static void printFootprint(const LiveFootprint &footprint,
                           llvm::raw_ostream &os) {
  std::string each = footprint.each.empty()
                         ? ""
                         : ", for each " + llvm::join(footprint.each, ",");
  auto isSame = [](const PassBoundary &a, const PassBoundary &b) {
    return a.keep == b.keep && a.formula == b.formula;
  };
  llvm::ArrayRef<PassBoundary> rest = footprint.boundaries;
  while (!rest.empty()) {
    const PassBoundary &first = rest.front();
    auto alike =
        rest.take_while([&](const auto &b) { return isSame(b, first); });
    os << "after pass " << first.after;
    if (alike.size() > 1)
      os << " to " << alike.back().after;
    os << " over " << footprint.rank << " keep " << llvm::join(first.keep, ", ")
       << ": " << first.formula << " = " << formatBytes(first.bytes) << each
       << "\n";
    rest = rest.drop_front(alike.size());
  }
  os << "at a level of " << footprint.capacity << " bytes, "
     << (footprint.isInput ? "traffic" : "traffic or repeated work") << " of "
     << footprint.tensor << " >= " << footprint.trafficFormula << "\n";
}

static void printAnalysis(const Result &result, llvm::raw_ostream &os) {
  const CascadeFacts &facts = *result.facts;
  printFact(os, "cascade", facts.name);
  printFact(os, "binding", describeBinding(result));
  printFact(os, "passes", describeClass(result.passes));
  if (ParameterCount count = countParameters(facts); count.tensors > 0)
    printFact(os, "weights",
              std::to_string(count.elements) + " parameters in " +
                  std::to_string(count.tensors) +
                  (count.tensors == 1 ? " tensor, " : " tensors, ") +
                  formatBytes(count.bytes));
  os << "\n";
  printRanks(facts, os);
  os << "\n";
  printTensors(facts, os);
  os << "\n";
  printEinsums(facts, os);
  os << "\n";
  printPassTable(result.passes, os);
  for (const LiveFootprint &footprint : result.footprints)
    printFootprint(footprint, os);
  os << "\ncompulsory traffic " << formatBytes(computeCompulsoryBytes(facts))
     << " (each input once, each output once)\n";
}

//===----------------------------------------------------------------------===//
// A schedule on an architecture
//===----------------------------------------------------------------------===//

static std::string describeEnergy(const cost::EnergyBreakdown &energy) {
  std::vector<std::string> parts;
  for (auto [name, part] : {std::pair("operators", energy.operators),
                            {"memories", energy.memories},
                            {"registers", energy.registers},
                            {"links", energy.links},
                            {"leakage", energy.leakage}})
    if (part > 0 || std::string_view(name) != "links") // most have none
      parts.push_back(std::string(name) + " " +
                      formatPercent(getShare(part, energy.total())));
  return llvm::join(parts, ", ");
}

/// Levels whose accesses the energy leaves out.
static std::string listUnknownEnergies(const arch::ArchSpec &arch) {
  std::vector<std::string> names;
  for (const arch::Level &level : arch.levels)
    if (!level.energyKnown)
      names.push_back(level.name);
  return llvm::join(names, ", ");
}

/// Placeholders among the numbers used.
static std::string listPlaceholders(const CascadeFacts &facts,
                                    const Mapped &mapped) {
  std::vector<std::string> names;
  for (const UsedNumbers &used : listUsedNumbers(facts, mapped))
    if (used.provenance.isPlaceholder())
      names.push_back(used.of);
  return llvm::join(names, ", ");
}

/// Where the cycles go, if not all are work.
static std::string describeTime(const cost::TimeBreakdown &time) {
  std::vector<std::string> parts;
  for (auto [name, part] : {std::pair("work", time.work),
                            {"start-up", time.startUp},
                            {"sums draining", time.sums},
                            {"pipelines filling", time.pipelineFill},
                            {"first tiles", time.firstTiles},
                            {"waiting for transfers", time.transfers}})
    if (part > 0)
      parts.push_back(std::string(name) + " " +
                      formatPercent(getShare(part, time.total())));
  return parts.size() > 1 ? llvm::join(parts, ", ") : "";
}

/// "1.25 x the bound 4 MiB (compulsory)"
static std::string describeGap(double value, double bound,
                               const std::string &text,
                               const std::string &name) {
  std::optional<double> gap = cost::getGap(value, bound);
  return gap ? formatNumber(*gap) + " x the bound " + text + " (" + name + ")"
             : "no bound";
}

static std::string describeBacking(const Mapped &mapped) {
  const cost::LevelBound &level = mapped.bounds->levels.front();
  return formatBytes(level.movedBytes) + " moved, " +
         describeGap(static_cast<double>(level.movedBytes),
                     static_cast<double>(level.bound.bytes),
                     formatBytes(level.bound.bytes), level.bound.name);
}

//===----------------------------------------------------------------------===//
// A search
//===----------------------------------------------------------------------===//

/// "capacity 812, dominated 10411"
static std::string
describePruned(const std::map<std::string, uint64_t> &pruned) {
  std::vector<std::string> parts;
  for (const auto &[rule, count] : pruned)
    if (count > 0)
      parts.push_back(rule + " " + formatSi(static_cast<double>(count), ""));
  return parts.empty() ? "" : "pruned: " + llvm::join(parts, ", ");
}

static void printVariants(const Search &search, mapper::Metric metric,
                          llvm::raw_ostream &os) {
  if (search.variants.size() < 2)
    return;
  printFact(os, "variant", search.variant);
  for (const SearchedVariant &variant : search.variants) {
    const mapper::Certificate &one = variant.certificate;
    if (variant.name == search.variant)
      continue;
    std::string outcome = !variant.leftOut.empty()
                              ? "left out, " + variant.leftOut
                          : variant.isBeaten ? "nothing better"
                          : one.status == mapper::Status::infeasible
                              ? mapper::describeStatus(one.status).str()
                              : mapper::formatValue(metric, one.best);
    printFact(os, "", "not " + variant.name + ": " + outcome);
  }
}

/// Of a search that may go on, when there was something.
static std::string describeFirst(const mapper::Certificate &certificate) {
  if (certificate.status != mapper::Status::bestFound ||
      std::isnan(certificate.firstSeconds))
    return "";
  return ", a first one after " + formatSi(certificate.firstSeconds, "s");
}

/// Objective, proof and effort.
static void printSearch(const Search &search, const arch::ArchSpec &arch,
                        llvm::raw_ostream &os) {
  const mapper::Certificate &certificate = search.certificate;
  mapper::Metric metric = search.objective.metrics.front();
  printFact(os, "least",
            mapper::describeOutcome(certificate, search.objective, arch,
                                    search.pareto.size()));
  std::string size =
      certificate.spaceLog10 > 0
          ? " for more than 10^" +
                std::to_string(static_cast<int64_t>(certificate.spaceLog10)) +
                " mappings"
          : "";
  printFact(os, "searched",
            formatSi(static_cast<double>(certificate.evaluated), "") +
                " considered" + size + " in " +
                formatSi(certificate.wallSeconds, "s") +
                describeFirst(certificate));
  if (!certificate.searched.empty())
    printFact(os, "", certificate.searched);
  if (std::string pruned = describePruned(certificate.pruned); !pruned.empty())
    printFact(os, "", pruned);
  printVariants(search, metric, os);
}

static void printPareto(const Search &search, const arch::ArchSpec &arch,
                        size_t room, llvm::raw_ostream &os) {
  std::vector<std::string> heading = {""};
  for (mapper::Metric metric : search.objective.metrics)
    heading.push_back(">" +
                      mapper::getMetricName(metric, search.objective, arch));
  if (search.variants.size() > 1)
    heading.push_back("variant");
  TextTable table(heading);
  // The ends of the set, and points spread evenly between them.
  size_t count = search.pareto.size(), shown = std::min(count, room);
  for (size_t i = 0; i < shown; ++i) {
    size_t id = shown < 2 ? 0 : i * (count - 1) / (shown - 1);
    const ParetoPoint &point = search.pareto[id];
    std::vector<std::string> row = {std::to_string(id + 1)};
    for (auto [metric, value] :
         llvm::zip(search.objective.metrics, point.values))
      row.push_back(mapper::formatValue(metric, value));
    if (search.variants.size() > 1)
      row.push_back(point.variant);
    table.add(std::move(row));
  }
  table.print(os, kColumns);
  if (shown < count)
    os << count - shown << " more points: see --json or --pareto\n";
}

static void printHead(const Result &result, llvm::raw_ostream &os) {
  const Mapped &mapped = *result.mapped;
  const cost::Evaluation &cost = *mapped.cost;
  const arch::ArchSpec &arch = *mapped.arch;
  schedule::MappingOp mapping = mapped.mapping;

  printFact(os, "cascade", result.facts->name + ", " + describeBinding(result));
  printFact(os, "passes", describeClass(result.passes));
  printFact(os, "arch",
            arch.name + ", energy profile " +
                (arch.energyProfile.empty() ? "none" : arch.energyProfile));
  printFact(os, "mapping", mapping.getSymName() + " (" + mapped.status + ")");
  if (!mapped.space.empty())
    printFact(os, "", mapped.space);
  if (result.search)
    printSearch(*result.search, arch, os);
  os << "\n";
  printFact(os, "latency",
            formatSi(cost.latencySeconds, "s") + ", " +
                formatSi(cost.cycles, "") + " cycles at " +
                formatSi(arch.clockHz, "Hz") +
                (cost.boundBy.empty() ? "" : ", bound by " + cost.boundBy));
  if (std::string parts = describeTime(cost.time); !parts.empty())
    printFact(os, "", parts);
  const cost::ScalarBound &time = mapped.bounds->latency,
                          &joules = mapped.bounds->energy;
  printFact(os, "",
            describeGap(cost.latencySeconds, time.value,
                        formatSi(time.value, "s"), time.name));
  printFact(
      os, "energy",
      formatSi(cost.energyJoules(), "J") + ", without PE registers " +
          formatSi((cost.energy.total() - cost.energy.registers) * 1e-12, "J"));
  printFact(os, "", describeEnergy(cost.energy));
  printFact(os, "",
            describeGap(cost.energyJoules(), joules.value,
                        formatSi(joules.value, "J"), joules.name));
  if (std::string unknown = listUnknownEnergies(arch); !unknown.empty())
    printFact(os, "", "unknown, and not counted: accesses to " + unknown);
  if (std::string guesses = listPlaceholders(*result.facts, mapped);
      !guesses.empty())
    printFact(os, "guessed", guesses);
  printFact(os, "area", formatNumber(arch.areaUm2() * 1e-6) + " mm^2");
  for (const arch::Level &level : arch.levels)
    if (level.parent < 0)
      printFact(os, level.name, describeBacking(mapped));
}

static void printArrays(const Mapped &mapped, llvm::raw_ostream &os) {
  TextTable table(
      {"array", ">busy cycles", ">utilization", ">operator energy"});
  for (auto [array, cost] : llvm::zip(mapped.arch->arrays, mapped.cost->arrays))
    table.add({array.name, formatNumber(cost.busyCycles),
               formatPercent(cost.utilization),
               formatSi(cost.energyPj * 1e-12, "J")});
  table.print(os, kColumns);
}

/// Share of the latency; "-" where the bandwidth is not a constraint.
static std::string describeBusy(const arch::Level &level, double busySeconds,
                                double latencySeconds) {
  bool limited =
      level.readBytesPerS || level.writeBytesPerS || level.sharedBytesPerS;
  return limited ? formatPercent(getShare(busySeconds, latencySeconds)) : "-";
}

/// What is moved here and at the levels around, over its bound.
static std::string describeLevelGap(const cost::LevelBound &level) {
  std::optional<double> gap =
      cost::getGap(static_cast<double>(level.movedBytes),
                   static_cast<double>(level.bound.bytes));
  return gap ? formatNumber(*gap) : "-";
}

static void printLevels(const Mapped &mapped, llvm::raw_ostream &os) {
  TextTable table({"level", ">read", ">written", ">gap", ">peak", ">capacity",
                   ">energy", ">busy"});
  for (auto [level, cost, bound] : llvm::zip(
           mapped.arch->levels, mapped.cost->levels, mapped.bounds->levels))
    table.add(
        {level.name, formatBytes(cost.traffic.readBytes),
         formatBytes(cost.traffic.writeBytes), describeLevelGap(bound),
         formatBytes(cost.peakBytes),
         level.capacityBytes
             ? formatBytes(*level.capacityBytes * mapped.arch->instances(level))
             : "unlimited",
         level.energyKnown ? formatSi(cost.energyPj * 1e-12, "J") : "unknown",
         describeBusy(level, cost.busySeconds, mapped.cost->latencySeconds)});
  table.print(os, kColumns);
}

/// The `room` Einsums that take most cycles, in the order of the cascade.
static llvm::SmallVector<size_t> chooseEinsums(const cost::Evaluation &cost,
                                               size_t room) {
  auto order = llvm::to_vector(llvm::seq<size_t>(cost.einsums.size()));
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::pair(-cost.einsums[a].cycles, a) <
           std::pair(-cost.einsums[b].cycles, b);
  });
  order.resize(std::min(order.size(), room));
  llvm::sort(order);
  return order;
}

static void printEinsumCosts(const CascadeFacts &facts, const Mapped &mapped,
                             size_t room, llvm::raw_ostream &os) {
  std::vector<int> arrays = getArrays(facts, mapped);
  TextTable table({"Einsum", "array", ">cycles", ">of latency", ">utilization",
                   "operators"});
  // A line on one more would take as much room as that one.
  if (facts.einsums.size() == room + 1)
    ++room;
  llvm::SmallVector<size_t> chosen = chooseEinsums(*mapped.cost, room);
  for (size_t id : chosen) {
    const cost::EinsumCost &cost = mapped.cost->einsums[id];
    table.add({facts.einsums[id].name, mapped.arch->arrays[arrays[id]].name,
               formatNumber(cost.cycles),
               formatPercent(getShare(cost.cycles, mapped.cost->cycles)),
               formatPercent(cost.utilization),
               describeOperators(
                   computeTraffic(facts, facts.einsums[id]).operators)});
  }
  table.print(os, kColumns);
  if (size_t rest = facts.einsums.size() - chosen.size())
    os << rest << " more that take fewer cycles: see --json\n";
}

void einsum::exporting::printSummary(const Result &result,
                                     llvm::raw_ostream &os) {
  if (!result.mapped)
    return printAnalysis(result, os);
  const Mapped &mapped = *result.mapped;
  printHead(result, os);
  os << "\n";
  size_t searchLines = 0;
  if (result.search) {
    size_t variants = result.search->variants.size();
    searchLines = 3 + (variants > 1 ? variants : 0);
    if (result.search->objective.metrics.size() > 1) {
      printPareto(*result.search, *mapped.arch, 12, os);
      os << "\n";
      searchLines += std::min<size_t>(result.search->pareto.size(), 13) + 2;
    }
  }
  printArrays(mapped, os);
  os << "\n";
  printLevels(mapped, os);
  os << "\n";
  // Fifteen lines of head, three empty ones, three headings, the line on the
  // rest.
  size_t taken = 22 + searchLines + mapped.arch->arrays.size() +
                 mapped.arch->levels.size();
  printEinsumCosts(*result.facts, mapped, taken < kLines ? kLines - taken : 1,
                   os);
}
