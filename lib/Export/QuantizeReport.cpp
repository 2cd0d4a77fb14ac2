//===- QuantizeReport.cpp - What quantising did and what it costs ---------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Export/QuantizeReport.h"

#include "lib/Support/Format.h"
#include "lib/Support/TextTable.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <nlohmann/json.hpp>

using namespace einsum;
using namespace einsum::exporting;
using Json = nlohmann::ordered_json;

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

/// JSON has no infinity.
static Json number(double value) {
  if (std::isfinite(value))
    return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

static Json describe(const std::vector<QuantizeReport::Error> &errors) {
  Json list = Json::array();
  for (const QuantizeReport::Error &error : errors)
    list.push_back({{"tensor", error.tensor},
                    {"format", error.format},
                    {"max", number(error.largest)},
                    {"rms", number(error.rms)},
                    {"relative", number(error.relative)},
                    {"sqnr_db", number(error.sqnrDb)}});
  return list;
}

static Json describe(const QuantizeReport::Execution &execution) {
  return {{"data", execution.data},
          {"seed", execution.seed},
          {"extents", execution.extents},
          {"tensors", describe(execution.tensors)},
          {"unquantized", describe(execution.unquantized)},
          {"outputs", describe(execution.outputs)}};
}

static Json describe(const QuantizeReport::Floor &floor) {
  return {{"bytes", floor.bytes},
          {"latency_s", floor.latencySeconds},
          {"energy_j", floor.energyJoules},
          {"bound_by", floor.boundBy}};
}

static Json describe(const QuantizeReport::Choice &choice) {
  Json points = Json::array();
  for (const QuantizeReport::Point &point : choice.pareto) {
    points.push_back({{"formats", point.formats},
                      {"predicted_error", number(point.predicted)},
                      {"objective", number(point.objective)},
                      {"chosen", point.isChosen}});
    if (point.measured)
      points.back()["measured_error"] = number(*point.measured);
  }
  return {{"status", choice.status},
          {"objective", choice.objective},
          {"max_error", number(choice.maxError)},
          {"examined", choice.examined},
          {"pareto", points}};
}

Json exporting::describeQuantisation(const QuantizeReport &report) {
  Json tensors = Json::array();
  for (const QuantizeReport::Tensor &tensor : report.tensors)
    tensors.push_back({{"name", tensor.name},
                       {"format", tensor.format},
                       {"form", tensor.form},
                       {"bits_per_element", tensor.bitsPerElement},
                       {"bytes_before", tensor.bytesBefore},
                       {"bytes_after", tensor.bytesAfter}});
  Json json = {{"requested", report.requested},
               {"tensors", tensors},
               {"notes", report.notes}};
  if (report.before)
    json["floor_before"] = describe(*report.before);
  if (report.after)
    json["floor_after"] = describe(*report.after);
  if (report.execution)
    json["error"] = describe(*report.execution);
  if (report.choice)
    json["choice"] = describe(*report.choice);
  return json;
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

static void printTensors(const QuantizeReport &report, llvm::raw_ostream &os) {
  TextTable table({"quantised", "format", "form", "bits", "before", "after"});
  for (const QuantizeReport::Tensor &tensor : report.tensors)
    table.add({tensor.name, tensor.format, tensor.form,
               formatNumber(tensor.bitsPerElement),
               formatBytes(tensor.bytesBefore),
               formatBytes(tensor.bytesAfter)});
  table.print(os);
  for (const std::string &note : report.notes)
    os << "note: " << note << "\n";
}

static void printFloors(const QuantizeReport &report, llvm::raw_ostream &os) {
  if (!report.after)
    return;
  TextTable table({"at least", "bytes", "latency", "energy", "bound by"});
  auto add = [&](const char *name, const QuantizeReport::Floor &floor) {
    table.add({name, formatBytes(floor.bytes),
               formatSi(floor.latencySeconds, "s"),
               formatSi(floor.energyJoules, "J"), floor.boundBy});
  };
  if (report.before)
    add("as written", *report.before);
  add("quantised", *report.after);
  os << "\n";
  table.print(os);
}

static std::string formatDb(double value) {
  if (std::isinf(value))
    return value > 0 ? "exact" : "no signal";
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f dB", value);
  return text;
}

static void printErrors(const QuantizeReport::Execution &execution,
                        llvm::raw_ostream &os) {
  os << "\nexecuted on " << execution.data << " data, seed " << execution.seed
     << ", with";
  for (const std::string &extent : execution.extents)
    os << " " << extent;
  os << "\n";
  TextTable table({"error of", "format", "max", "rms", "relative", "SQNR"});
  auto add = [&](const std::string &name, const std::string &format,
                 const QuantizeReport::Error &error) {
    table.add({name, format, formatNumber(error.largest),
               formatNumber(error.rms), formatNumber(error.relative),
               formatDb(error.sqnrDb)});
  };
  for (const QuantizeReport::Error &error : execution.tensors)
    add(error.tensor, error.format, error);
  for (const QuantizeReport::Error &error : execution.unquantized)
    add(error.tensor, "output, declared types", error);
  for (const QuantizeReport::Error &error : execution.outputs)
    add(error.tensor, "output, quantised", error);
  table.print(os);
}

static void printChoice(const QuantizeReport::Choice &choice,
                        llvm::raw_ostream &os) {
  os << "choice    " << choice.status << " among " << choice.examined
     << " partial choices, error at most " << formatNumber(choice.maxError)
     << "\n\n";
  TextTable table({"", "predicted", "measured", choice.objective, "formats"});
  auto show = [&](double value) {
    return choice.unit == "B" ? formatBytes(static_cast<uint64_t>(value))
                              : formatSi(value, choice.unit.c_str());
  };
  // What lies around the choice; a file has the rest.
  constexpr size_t around = 6;
  size_t chosen = choice.pareto.size();
  for (auto [i, point] : llvm::enumerate(choice.pareto))
    if (point.isChosen)
      chosen = i;
  size_t begin = chosen > around ? chosen - around : 0;
  size_t end = std::min(choice.pareto.size(), chosen + around);
  for (const QuantizeReport::Point &point :
       llvm::ArrayRef(choice.pareto).slice(begin, end - begin))
    table.add({point.isChosen ? "->" : "", formatNumber(point.predicted),
               point.measured ? formatNumber(*point.measured) : "-",
               show(point.objective), point.formats});
  table.print(os, 160);
  if (size_t hidden = choice.pareto.size() - (end - begin))
    os << "and " << begin << " more with less error, " << hidden - begin
       << " with more\n";
  os << "\n";
}

void exporting::printQuantisation(const QuantizeReport &report,
                                  llvm::raw_ostream &os) {
  if (report.choice)
    printChoice(*report.choice, os);
  printTensors(report, os);
  printFloors(report, os);
  if (report.execution)
    printErrors(*report.execution, os);
  os << "\n";
}
