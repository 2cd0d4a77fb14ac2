//===- SweepSpec.cpp - Which designs are compared -------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/SweepSpec.h"

#include "lib/Arch/ReadProvenance.h"
#include "lib/Support/Installation.h"
#include "lib/Support/ObjectReader.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cmath>

using namespace einsum;
using llvm::StringRef;

static constexpr size_t kMostDesigns = 1'000'000;

llvm::ArrayRef<const char *> einsum::getSweepMetrics() {
  static const char *const metrics[] = {"latency", "energy", "edp", "area",
                                        "traffic"};
  return metrics;
}

size_t Sweep::countDesigns() const {
  size_t count = 1;
  for (const SweepParameter &parameter : parameters)
    count *= parameter.values.size();
  return count;
}

std::vector<double> Sweep::valuesOf(size_t design) const {
  std::vector<double> values;
  for (const SweepParameter &parameter : llvm::reverse(parameters)) {
    values.push_back(parameter.values[design % parameter.values.size()]);
    design /= parameter.values.size();
  }
  std::reverse(values.begin(), values.end());
  return values;
}

namespace {

class SweepReader {
public:
  SweepReader(StringRef path, Diagnostics &diags)
      : folder(llvm::sys::path::parent_path(path)), diags(diags) {}

  Sweep read(const JsonValue &json);

private:
  std::optional<double> number(const JsonValue &json, const std::string &what) {
    return readQuantity(json, what, Dimension::Count, Range::NonNegative, none,
                        diags);
  }
  /// A file beside the sweep, if it is no path from the root.
  std::string locate(const std::string &file) const;
  std::vector<double> readValues(const JsonValue &json,
                                 const std::string &what);
  std::vector<double> readProgression(const JsonValue &json,
                                      const std::string &what);
  SweepWorkload readWorkload(const JsonValue &json, size_t number);
  std::vector<std::string> readPareto(const JsonValue &json);

  std::string folder;
  Diagnostics &diags;
  Parameters none;
};

} // namespace

std::string SweepReader::locate(const std::string &file) const {
  if (folder.empty() || llvm::sys::path::is_absolute(file))
    return file;
  llvm::SmallString<128> path(folder);
  llvm::sys::path::append(path, file);
  return path.str().str();
}

/// {"from": 1, "to": 8, "times": 2} or {"from": 1, "to": 8, "step": 1}
std::vector<double> SweepReader::readProgression(const JsonValue &json,
                                                 const std::string &what) {
  ObjectReader reader(json, what, none, diags);
  reader.require("from");
  reader.require("to");
  auto from = reader.quantity("from", Dimension::Count, Range::Positive);
  auto to = reader.quantity("to", Dimension::Count, Range::Positive);
  auto times = reader.quantity("times", Dimension::Count, Range::Positive);
  auto step = reader.quantity("step", Dimension::Count, Range::Positive);
  reader.finish();
  if (!from || !to)
    return {};
  if (times.has_value() == step.has_value()) {
    diags.error(json.loc, what + " takes one of 'times' and 'step'");
    return {};
  }
  if (times && *times <= 1) {
    diags.error(reader.places().of("times"), "'times' must be above 1");
    return {};
  }
  std::vector<double> values;
  for (double value = *from; value <= *to && values.size() <= kMostDesigns;
       value = times ? value * *times : *from + values.size() * *step)
    values.push_back(value);
  if (values.empty())
    diags.error(json.loc, what + " has no values: 'from' is above 'to'");
  return values;
}

std::vector<double> SweepReader::readValues(const JsonValue &json,
                                            const std::string &what) {
  if (json.kind == JsonValue::Kind::Object)
    return readProgression(json, what);
  if (json.kind != JsonValue::Kind::Array || json.elements.empty()) {
    diags.error(json.loc, what + " must be a list of numbers, or an object "
                                 "with 'from', 'to' and 'times' or 'step'");
    return {};
  }
  std::vector<double> values;
  for (const JsonValue &element : json.elements)
    if (auto value = number(element, what))
      values.push_back(*value);
  return values;
}

SweepWorkload SweepReader::readWorkload(const JsonValue &json, size_t number) {
  ObjectReader reader(json, "workload " + std::to_string(number), none, diags);
  SweepWorkload workload;
  reader.require("file");
  workload.file = locate(reader.string("file"));
  workload.name = reader.string("name");
  if (workload.name.empty())
    workload.name = llvm::sys::path::stem(workload.file).str();
  workload.cascade = reader.string("cascade");
  if (reader.places().has("mapping"))
    workload.mapping = reader.string("mapping");
  if (StringRef(workload.mapping).ends_with(".mlir"))
    workload.mapping = locate(workload.mapping);
  workload.rewrite = reader.string("rewrite");
  if (reader.places().has("weight"))
    workload.weight =
        reader.quantity("weight", Dimension::Count, Range::Positive)
            .value_or(1);
  if (const JsonValue *bind = reader.get("bind", JsonValue::Kind::Object))
    for (const JsonMember &member : bind->members)
      if (auto extent = readWhole(member.value, "'" + member.key + "'",
                                  Dimension::Count, none, diags))
        workload.bind.push_back(member.key + "=" + std::to_string(*extent));
  reader.finish();
  return workload;
}

std::vector<std::string> SweepReader::readPareto(const JsonValue &json) {
  std::vector<std::string> metrics;
  std::vector<std::string> known(getSweepMetrics().begin(),
                                 getSweepMetrics().end());
  for (const JsonValue &element : json.elements)
    if (element.kind != JsonValue::Kind::String ||
        !llvm::is_contained(known, element.string))
      diags.error(element.loc,
                  "'pareto' lists metrics: " + llvm::join(known, ", ") +
                      didYouMean(element.string, known));
    else
      metrics.push_back(element.string);
  if (json.elements.empty())
    diags.error(json.loc, "'pareto' lists metrics: " + llvm::join(known, ", "));
  return metrics;
}

Sweep SweepReader::read(const JsonValue &json) {
  ObjectReader reader(json, "the sweep", none, diags);
  Sweep sweep;
  arch::checkSchema(reader, "einsum-sweep/1", diags);
  for (const char *key : {"arch", "workloads"})
    reader.require(key);
  sweep.name = reader.string("name");
  std::string arch = reader.string("arch"), beside = locate(arch);
  sweep.arch = llvm::sys::fs::exists(beside) ? beside : findArchSpec(arch);
  if (const JsonValue *given =
          reader.get("parameters", JsonValue::Kind::Object))
    for (const JsonMember &member : given->members)
      sweep.parameters.push_back(
          {member.key,
           readValues(member.value, "parameter '" + member.key + "'")});
  if (const JsonValue *given =
          reader.get("workloads", JsonValue::Kind::Array)) {
    for (const JsonValue &element : given->elements)
      sweep.workloads.push_back(
          readWorkload(element, sweep.workloads.size() + 1));
    if (given->elements.empty())
      diags.error(given->loc, "a sweep needs a workload");
  }
  if (reader.places().has("objective"))
    sweep.objective = reader.string("objective");
  if (reader.any("time_limit"))
    sweep.timeLimit = std::to_string(
        reader.quantity("time_limit", Dimension::Count, Range::Positive)
            .value_or(10));
  if (const JsonValue *given = reader.get("pareto", JsonValue::Kind::Array))
    sweep.pareto = readPareto(*given);
  reader.finish();
  double designs = 1;
  for (const SweepParameter &parameter : sweep.parameters)
    designs *= static_cast<double>(parameter.values.size());
  if (designs > kMostDesigns)
    diags.error(reader.places().of("parameters"),
                "the sweep has more than " + llvm::Twine(kMostDesigns) +
                    " designs");
  return sweep;
}

std::optional<Sweep> einsum::readSweep(StringRef path, Diagnostics &diags) {
  std::optional<JsonValue> json = readSourceJson(path, diags);
  if (!json)
    return std::nullopt;
  Sweep sweep = SweepReader(path, diags).read(*json);
  if (diags.hasErrors())
    return std::nullopt;
  return sweep;
}
