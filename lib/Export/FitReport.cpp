//===- FitReport.cpp - How a workload meets a machine ---------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Export/FitReport.h"
#include "lib/Support/Format.h"
#include "lib/Support/TextTable.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>
#include <nlohmann/json.hpp>

using namespace einsum;
using namespace einsum::cost;
using namespace einsum::exporting;

namespace {

std::string nameOf(const LevelFit &level, const arch::ArchSpec &arch) {
  return level.level >= 0 ? arch.levels[level.level].name
                          : "link into " + arch.links[level.link].name;
}

std::string bindingOf(const EinsumFit &fit, const arch::ArchSpec &arch) {
  return fit.binding < 0 ? arch.arrays[fit.best].name
                         : nameOf(fit.levels[fit.binding], arch);
}

/// Why an Einsum does not run on an array; empty if it does.
std::string whyNot(const ArrayFit &fit) {
  if (!fit.missing.empty())
    return "lacks " + llvm::join(fit.missing, ", ");
  return fit.isForbidden ? "a constraint sends it elsewhere" : "";
}

std::string rate(double perSecond) {
  return std::isfinite(perSecond) ? formatSi(perSecond, "") : "free";
}

std::string percent(double share) { return formatNumber(100 * share) + " %"; }

/// Share of the least time in which the array works.
double busyShare(const EinsumFit &fit) {
  return fit.seconds == 0 ? 1 : fit.arrays[fit.best].seconds / fit.seconds;
}

class Report {
public:
  Report(const MachineFit &fit, const CascadeFacts &facts,
         const arch::ArchSpec &arch, llvm::raw_ostream &os)
      : fit(fit), facts(facts), arch(arch), os(os) {}

  void print() {
    os << facts.name << " on " << arch.name << ", before any mapping: each "
       << "Einsum alone, on its fastest array\n\n";
    printEinsums();
    printLevels();
    printLacks();
    printCapacities();
    printDoubtful();
  }

private:
  void printEinsums();
  void printLevels();
  void printLacks();
  void printCapacities();
  void printDoubtful();

  const MachineFit &fit;
  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  llvm::raw_ostream &os;
};

void Report::printEinsums() {
  TextTable table({"Einsum", "array", ">points/s", ">operators", ">ops/byte",
                   ">least time", "bound by", ">array busy"});
  for (const EinsumFit &one : fit.einsums) {
    const std::string &name = facts.einsums[one.einsum].name;
    if (one.best < 0) {
      table.add({name, "none", "", formatSi(double(one.operators), ""),
                 formatNumber(one.operatorsPerByte()), "", "", ""});
      continue;
    }
    table.add({name, arch.arrays[one.best].name,
               rate(one.arrays[one.best].pointsPerS),
               formatSi(double(one.operators), ""),
               formatNumber(one.operatorsPerByte()), formatSi(one.seconds, "s"),
               bindingOf(one, arch), percent(busyShare(one))});
  }
  table.print(os);
}

void Report::printLevels() {
  os << "\n";
  TextTable table({"Einsum", "at", ">bytes alone", ">least time",
                   ">reuse needed", ">there is", ""});
  for (const EinsumFit &one : fit.einsums)
    for (const LevelFit &level : one.levels) {
      if (level.seconds == 0)
        continue; // no bandwidth is known
      table.add({facts.einsums[one.einsum].name, nameOf(level, arch),
                 formatBytes(one.bytesIn + one.bytesOut),
                 formatSi(level.seconds, "s"), formatNumber(level.reuseNeeded),
                 formatNumber(level.reuseThereIs),
                 level.feeds() ? "feeds the array" : "cannot feed the array"});
    }
  table.print(os);
}

void Report::printLacks() {
  TextTable table({"Einsum", "cannot run on", "because"});
  bool any = false;
  for (const EinsumFit &one : fit.einsums)
    for (const ArrayFit &array : one.arrays)
      if (std::string why = whyNot(array); !why.empty()) {
        any = true;
        table.add({facts.einsums[one.einsum].name,
                   arch.arrays[array.array].name, why});
      }
  if (!any)
    return;
  os << "\n";
  table.print(os);
}

void Report::printCapacities() {
  os << "\n";
  TextTable table({"level", ">has", ">needs", "because", ""});
  auto capacity = [](const std::optional<uint64_t> &bytes) {
    return bytes ? formatBytes(*bytes) : "unlimited";
  };
  for (const CapacityNeed &need : fit.capacities)
    table.add({arch.levels[need.level].name, capacity(need.hasBytes),
               formatBytes(need.needsBytes), need.why,
               need.fits() ? "" : "does not fit"});
  table.add(
      {"all levels", capacity(fit.backingHas), formatBytes(fit.backingNeeds),
       "inputs and outputs that one Einsum touches are somewhere whole",
       !fit.backingHas || fit.backingNeeds <= *fit.backingHas ? ""
                                                              : "do not fit"});
  table.print(os);
  os << "\nAt least " << formatBytes(fit.compulsoryBytes)
     << " move at the outermost levels.\n";
}

void Report::printDoubtful() {
  std::vector<arch::DoubtfulNumber> numbers = arch::listDoubtful(arch);
  if (numbers.empty())
    return;
  os << "\n";
  TextTable table({"numbers", "are", "from"});
  for (const arch::DoubtfulNumber &number : numbers)
    table.add({number.what, arch::spell(number.provenance.certainty).str(),
               number.provenance.text});
  table.print(os);
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

using Json = nlohmann::ordered_json;

Json finite(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

template <typename T> Json orNull(const std::optional<T> &value) {
  return value ? Json(*value) : Json(nullptr);
}

Json toJson(const ArrayFit &fit, const arch::ArchSpec &arch) {
  return {{"array", arch.arrays[fit.array].name},
          {"runs", fit.runs()},
          {"missing", fit.missing},
          {"forbidden", fit.isForbidden},
          {"cycles_per_point", fit.cyclesPerPoint},
          {"cycles_per_point_chained", fit.cyclesChained},
          {"points_per_s", finite(fit.pointsPerS)},
          {"least_s", fit.seconds}};
}

Json toJson(const LevelFit &level, const arch::ArchSpec &arch) {
  return {{"at", nameOf(level, arch)},
          {"is_link", level.link >= 0},
          {"least_s", level.seconds},
          {"reuse_needed", level.reuseNeeded},
          {"reuse_there_is", level.reuseThereIs},
          {"feeds", level.feeds()}};
}

Json toJson(const EinsumFit &fit, const CascadeFacts &facts,
            const arch::ArchSpec &arch) {
  Json arrays = Json::array(), levels = Json::array();
  for (const ArrayFit &array : fit.arrays)
    arrays.push_back(toJson(array, arch));
  for (const LevelFit &level : fit.levels)
    levels.push_back(toJson(level, arch));
  bool runs = fit.best >= 0;
  return {{"name", facts.einsums[fit.einsum].name},
          {"datatype", facts.einsums[fit.einsum].datatype},
          {"points", facts.einsums[fit.einsum].points},
          {"operators", fit.operators},
          {"bytes_in", fit.bytesIn},
          {"bytes_out", fit.bytesOut},
          {"operators_per_byte", finite(fit.operatorsPerByte())},
          {"array", runs ? Json(arch.arrays[fit.best].name) : Json()},
          {"bound_by", runs ? Json(bindingOf(fit, arch)) : Json()},
          {"least_s", runs ? Json(fit.seconds) : Json()},
          {"array_busy", runs ? Json(busyShare(fit)) : Json()},
          {"arrays", arrays},
          {"levels", levels}};
}

} // namespace

void einsum::exporting::printFit(const MachineFit &fit,
                                 const CascadeFacts &facts,
                                 const arch::ArchSpec &arch,
                                 llvm::raw_ostream &os) {
  Report(fit, facts, arch, os).print();
}

void einsum::exporting::writeFitJson(const MachineFit &fit,
                                     const CascadeFacts &facts,
                                     const arch::ArchSpec &arch,
                                     llvm::raw_ostream &os) {
  Json einsums = Json::array(), levels = Json::array(),
       doubtful = Json::array();
  for (const EinsumFit &one : fit.einsums)
    einsums.push_back(toJson(one, facts, arch));
  for (const CapacityNeed &need : fit.capacities)
    levels.push_back({{"name", arch.levels[need.level].name},
                      {"has_bytes", orNull(need.hasBytes)},
                      {"needs_bytes", need.needsBytes},
                      {"because", need.why},
                      {"fits", need.fits()}});
  for (const arch::DoubtfulNumber &number : arch::listDoubtful(arch))
    doubtful.push_back(
        {{"numbers", number.what},
         {"count", number.count},
         {"certainty", arch::spell(number.provenance.certainty).str()},
         {"text", number.provenance.text}});
  Json json = {{"schema", "einsum-arch-fit/1"},
               {"workload", facts.name},
               {"arch", arch.name},
               {"feasible", fit.isFeasible()},
               {"compulsory_bytes", fit.compulsoryBytes},
               {"einsums", einsums},
               {"levels", levels},
               {"all_levels",
                {{"has_bytes", orNull(fit.backingHas)},
                 {"needs_bytes", fit.backingNeeds}}},
               {"doubtful", doubtful}};
  os << json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

void einsum::exporting::emitMisfits(const MachineFit &fit,
                                    const CascadeFacts &facts,
                                    const arch::ArchSpec &arch) {
  for (const EinsumFit &one : fit.einsums) {
    if (one.best >= 0)
      continue;
    const EinsumFact &einsum = facts.einsums[one.einsum];
    mlir::InFlightDiagnostic error =
        einsum.op->emitError() << "no array of '" << arch.name
                               << "' can run Einsum '" << einsum.name << "'";
    for (const ArrayFit &array : one.arrays)
      error.attachNote() << "array '" << arch.arrays[array.array].name << "' "
                         << (array.missing.empty() ? "is not allowed to: " : "")
                         << whyNot(array);
  }
  for (const CapacityNeed &need : fit.capacities)
    if (!need.fits())
      facts.op->emitError()
          << "level '" << arch.levels[need.level].name << "' of '" << arch.name
          << "' holds " << *need.hasBytes << " bytes, but " << need.why
          << ", which takes " << need.needsBytes;
  if (fit.backingHas && fit.backingNeeds > *fit.backingHas)
    facts.op->emitError() << "all levels of '" << arch.name
                          << "' together hold " << *fit.backingHas
                          << " bytes, but one Einsum's inputs and outputs of "
                             "the cascade take "
                          << fit.backingNeeds;
}
