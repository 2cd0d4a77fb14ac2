//===- RunReport.cpp - What came out of executing cascades ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/RunReport.h"

#include "lib/Support/TextTable.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

#include <nlohmann/json.hpp>

using namespace einsum;
using namespace einsum::interp;

bool RunResult::agrees() const {
  return llvm::all_of(trials, [](const TrialResult &trial) {
    return llvm::all_of(trial.outputs,
                        [](const OutputResult &o) { return o.agrees(); });
  });
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

static std::string print(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.6g", value);
  return text;
}

/// Enough digits to tell the two values apart.
static std::string printExactly(double value) {
  if (std::isnan(value))
    return "nan"; // its sign means nothing
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.17g", value);
  return text;
}

static std::string plural(uint64_t count, const char *one, const char *many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

/// "AV[b=2, p=8]"
static std::string describe(const OutputResult &output) {
  std::string text = output.name + "[";
  for (auto [i, rank] : llvm::enumerate(output.ranks))
    text += (i ? ", " : "") + rank + "=" + std::to_string(output.extents[i]);
  return text + "]";
}

static std::string pointOf(const OutputResult &output, uint64_t position) {
  Tensor shape;
  shape.extents = output.extents;
  return printPoint(output.ranks, shape.unflatten(position));
}

static void printExtents(const RunResult &result, llvm::raw_ostream &os) {
  std::string reduced;
  for (const ChosenExtent &extent : result.extents) {
    os << " " << extent.parameter << "=" << extent.value;
    if (extent.isReduced)
      reduced +=
          " " + extent.parameter + "=" +
          (extent.declared ? std::to_string(*extent.declared) : "unbound");
  }
  os << "\n";
  if (!reduced.empty())
    os << "extents reduced from" << reduced << "; --extent sets them\n";
}

static std::string listOddities(const TensorSummary &summary) {
  std::vector<std::string> parts;
  if (summary.absent)
    parts.push_back(std::to_string(summary.absent) + " absent");
  if (summary.nan)
    parts.push_back(std::to_string(summary.nan) + " NaN");
  if (summary.infinite)
    parts.push_back(std::to_string(summary.infinite) + " infinite");
  return llvm::join(parts, ", ");
}

static void printSummaries(const RunResult &result, llvm::raw_ostream &os) {
  TextTable table({"seed", "data", "output", ">elements", ">min", ">max",
                   ">mean", ">rms", "not finite"});
  for (const TrialResult &trial : result.trials)
    for (const OutputResult &output : trial.outputs) {
      const TensorSummary &s = output.summary;
      bool hasFinite = s.absent + s.nan + s.infinite < s.elements;
      auto shown = [&](double value) { return hasFinite ? print(value) : "-"; };
      table.add({std::to_string(trial.seed), trial.data, describe(output),
                 std::to_string(s.elements), shown(s.minimum), shown(s.maximum),
                 shown(s.mean), shown(s.rms), listOddities(s)});
    }
  table.print(os);
}

static void printDeviation(const char *what, const Deviation &deviation,
                           const OutputResult &output, llvm::raw_ostream &os) {
  os << "  max " << what << " error " << print(deviation.error);
  if (deviation.error > 0)
    os << " at " << pointOf(output, deviation.position) << ": "
       << printExactly(deviation.left) << " against "
       << printExactly(deviation.right);
  os << "\n";
}

static void printMismatches(const OutputResult &output, llvm::raw_ostream &os) {
  const Comparison &c = *output.comparison;
  if (!c.firstMismatch)
    return;
  std::vector<std::string> parts;
  if (c.nanMismatches)
    parts.push_back(plural(c.nanMismatches, "element is", "elements are") +
                    " NaN");
  if (c.infMismatches)
    parts.push_back(plural(c.infMismatches, "element is", "elements are") +
                    " infinite");
  if (c.presenceMismatches)
    parts.push_back(plural(c.presenceMismatches, "element is", "elements are") +
                    " absent");
  os << "  in only one of the two: " << llvm::join(parts, ", ") << "; first at "
     << pointOf(output, c.firstMismatch->position) << ": "
     << printExactly(c.firstMismatch->left) << " against "
     << printExactly(c.firstMismatch->right) << "\n";
}

/// The trial in which this output fares worst.
static const TrialResult *findWorst(const RunResult &result, size_t output) {
  auto badness = [&](const TrialResult &trial) {
    const Comparison &c = *trial.outputs[output].comparison;
    return std::pair(c.nanMismatches + c.infMismatches + c.presenceMismatches,
                     c.scaled);
  };
  const TrialResult *worst = &result.trials.front();
  for (const TrialResult &trial : result.trials)
    if (badness(trial) > badness(*worst))
      worst = &trial;
  return worst;
}

static void printComparison(const RunResult &result, llvm::raw_ostream &os) {
  size_t agreeing = 0;
  for (size_t i = 0; i < result.trials.front().outputs.size(); ++i) {
    const TrialResult &trial = *findWorst(result, i);
    const OutputResult &output = trial.outputs[i];
    os << describe(output);
    if (result.trials.size() > 1)
      os << ", worst with seed " << trial.seed << ", data " << trial.data;
    os << "\n";
    printDeviation("abs", output.comparison->absolute, output, os);
    printDeviation("rel", output.comparison->relative, output, os);
    printMismatches(output, os);
    os << "  scaled error " << print(output.comparison->scaled)
       << ", tolerance " << print(output.tolerance) << ": "
       << (output.agrees() ? "agrees" : "differs") << "\n";
  }
  for (const TrialResult &trial : result.trials)
    agreeing += llvm::all_of(trial.outputs, [](auto &o) { return o.agrees(); });
  os << (result.agrees() ? "outputs agree" : "outputs differ") << ": "
     << agreeing << " of " << plural(result.trials.size(), "trial", "trials")
     << " within the tolerance\n";
}

/// 4.25, 4.15625: exact fractions of powers of two are short.
static std::string print(const formats::BitsPerElement &bits) {
  return print(bits.toDouble());
}

static void printErrors(const RunResult &result, llvm::raw_ostream &os) {
  if (result.trials.front().errors.empty())
    return;
  os << "against f64";
  if (!result.quantisedBy.empty())
    os << ", as written"
       << (result.format == "declared" ? ""
                                       : " (what is stored in formats counts "
                                         "with --format=declared)");
  os << ":\n";
  TextTable table({"seed", "data", "tensor", "stored as", ">bits/element",
                   ">max error", ">RMS error", ">SQNR dB", "not finite"});
  for (const TrialResult &trial : result.trials)
    for (const TensorError &tensor : trial.errors) {
      const ErrorSummary &error = tensor.error;
      std::string odd =
          error.mismatches ? std::to_string(error.mismatches) + " differ" : "";
      table.add(
          {std::to_string(trial.seed), trial.data, tensor.name, tensor.storage,
           print(tensor.bits), print(error.largest), print(error.rms),
           std::isinf(error.sqnrDb) ? "exact" : print(error.sqnrDb), odd});
    }
  table.print(os);
}

void einsum::printRun(const RunResult &result, llvm::raw_ostream &os) {
  os << result.program << ": " << result.cascade;
  if (result.isComparison())
    os << " against " << result.against << ": " << result.againstCascade;
  os << "\nformat " << result.format << ", extents";
  printExtents(result, os);
  if (!result.quantisedBy.empty())
    os << "quantised as the schedule is: " << result.quantisedBy << "\n";
  if (result.isComparison())
    printComparison(result, os);
  else
    printSummaries(result, os);
  printErrors(result, os);
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

using Json = nlohmann::ordered_json;

static Json toJson(double value) {
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value > 0 ? "inf" : "-inf";
  return value;
}

static Json toJson(const Deviation &deviation, const OutputResult &output) {
  Tensor shape;
  shape.extents = output.extents;
  auto point = shape.unflatten(deviation.position);
  return {{"error", toJson(deviation.error)},
          {"at", std::vector<int64_t>(point.begin(), point.end())},
          {"left", toJson(deviation.left)},
          {"right", toJson(deviation.right)}};
}

static Json toJson(const OutputResult &output) {
  const TensorSummary &s = output.summary;
  Json json = {{"name", output.name},       {"ranks", output.ranks},
               {"extents", output.extents}, {"elements", s.elements},
               {"absent", s.absent},        {"nan", s.nan},
               {"infinite", s.infinite},    {"min", s.minimum},
               {"max", s.maximum},          {"mean", toJson(s.mean)},
               {"rms", toJson(s.rms)}};
  if (!output.comparison)
    return json;
  const Comparison &c = *output.comparison;
  json["comparison"] = {{"max_abs", toJson(c.absolute, output)},
                        {"max_rel", toJson(c.relative, output)},
                        {"scaled_error", toJson(c.scaled)},
                        {"tolerance", output.tolerance},
                        {"nan_mismatches", c.nanMismatches},
                        {"inf_mismatches", c.infMismatches},
                        {"presence_mismatches", c.presenceMismatches},
                        {"agrees", output.agrees()}};
  return json;
}

static Json toJson(const TensorError &tensor) {
  return {
      {"name", tensor.name},
      {"storage", tensor.storage},
      {"bits_per_element", {tensor.bits.numerator, tensor.bits.denominator}},
      {"max_abs_error", toJson(tensor.error.largest)},
      {"rms_error", toJson(tensor.error.rms)},
      {"sqnr_db", toJson(tensor.error.sqnrDb)},
      {"compared", tensor.error.compared},
      {"mismatches", tensor.error.mismatches}};
}

void einsum::writeRunJson(const RunResult &result, llvm::raw_ostream &os) {
  Json json = {{"schema", "einsum-run/1"},
               {"program", result.program},
               {"cascade", result.cascade}};
  if (result.isComparison()) {
    json["against"] = result.against;
    json["against_cascade"] = result.againstCascade;
  }
  json["format"] = result.format;
  if (!result.quantisedBy.empty())
    json["quantised_by"] = result.quantisedBy;
  json["binding"] = Json::object();
  json["reduced"] = Json::array();
  for (const ChosenExtent &extent : result.extents) {
    json["binding"][extent.parameter] = extent.value;
    if (extent.isReduced)
      json["reduced"].push_back(extent.parameter);
  }
  json["trials"] = Json::array();
  for (const TrialResult &trial : result.trials) {
    Json outputs = Json::array();
    for (const OutputResult &output : trial.outputs)
      outputs.push_back(toJson(output));
    json["trials"].push_back(
        {{"seed", trial.seed}, {"data", trial.data}, {"outputs", outputs}});
    for (const TensorError &tensor : trial.errors)
      json["trials"].back()["errors"].push_back(toJson(tensor));
  }
  if (result.isComparison())
    json["agrees"] = result.agrees();
  os << json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}
