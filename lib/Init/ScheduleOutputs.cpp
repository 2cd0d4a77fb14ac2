//===- ScheduleOutputs.cpp - Files about a schedule -----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/ScheduleOutputs.h"

#include "lib/Export/Html/HtmlReport.h"
#include "lib/Init/OptionValues.h"
#include "lib/Init/ReadWorkload.h"

#include <nlohmann/json.hpp>

using namespace mlir;
using namespace einsum;

std::vector<std::pair<StringRef, StringRef>> ScheduleOutputs::list() const {
  return {{"--json", json},
          {"--schedule", schedule},
          {"--csv", csv},
          {"--html", html},
          {"--trace", trace}};
}

StringRef ScheduleOutputs::firstGiven() const {
  auto options = list();
  for (auto [option, file] : llvm::drop_begin(options))
    if (!file.empty())
      return option;
  return "";
}

StringRef ScheduleOutputs::onStandardOutput() const {
  auto options = list();
  for (auto [option, file] : options)
    if (file == "-")
      return option;
  return "";
}

bool einsum::checkScheduleOutputs(const ScheduleOutputs &outputs) {
  StringRef schedule = outputs.schedule;
  if (!schedule.empty() && schedule != "-" && !schedule.ends_with(".mlir") &&
      !schedule.ends_with(".txt") && !schedule.ends_with(".json"))
    return failOption(
        "--schedule",
        "takes a .mlir file for the schedule as IR, a .json file for the tree "
        "with all facts or a .txt file for the drawn tree, found '" +
            schedule + "'");
  for (auto [option, file, suffix] :
       {std::tuple<StringRef, StringRef, StringRef>("--csv", outputs.csv,
                                                    ".csv"),
        {"--html", outputs.html, ".html"},
        {"--trace", outputs.trace, ".json"}})
    if (!file.empty() && file != "-" && !file.ends_with(suffix))
      return failOption(option,
                        "takes a " + suffix + " file, found '" + file + "'");
  auto files = outputs.list();
  for (size_t i = 0; i < files.size(); ++i)
    for (size_t k = 0; k < i; ++k)
      if (!files[i].second.empty() && files[i].second == files[k].second)
        return failOption(
            files[i].first,
            files[i].second == "-"
                ? "standard output already takes " + files[k].first.str()
                : "'" + files[i].second.str() + "' is already written by " +
                      files[k].first.str());
  return true;
}

static void writeHtmlReport(const exporting::Result &result,
                            const exporting::ScheduleReport &report,
                            StringRef skiSlope, llvm::raw_ostream &os) {
  nlohmann::ordered_json ofResult = exporting::makeResultJson(result);
  nlohmann::ordered_json ofSchedule = exporting::makeScheduleJson(report);
  exporting::HtmlReport html{&ofResult, &ofSchedule, "", skiSlope.str()};
  llvm::raw_string_ostream tree(html.tree);
  exporting::printSchedule(report, tree);
  exporting::writeHtml(html, os);
}

bool einsum::writeScheduleOutputs(const ScheduleOutputs &outputs,
                                  const exporting::Result &result,
                                  CascadeOp cascade, StringRef written) {
  if (outputs.firstGiven().empty())
    return true;
  const exporting::Mapped &mapped = *result.mapped;
  std::optional<cost::ScheduleProfile> profile =
      cost::profileSchedule(mapped.mapping, *result.facts, *mapped.arch);
  exporting::ScheduleReport report;
  report.mapping = mapped.mapping;
  report.facts = result.facts;
  report.passes = &result.passes;
  report.binding = result.binding;
  report.program = printProgram(cascade);
  if (written != report.program) {
    report.origin = written.str();
    report.derivedFrom = fingerprint(written);
  }
  report.arch = mapped.arch;
  report.cost = mapped.cost;
  report.profile = profile ? &*profile : nullptr;
  report.operatorNames = mapped.operatorNames;
  auto write = [&](StringRef path,
                   llvm::function_ref<void(llvm::raw_ostream &)> writer) {
    return path.empty() || writeOutput(path, writer);
  };
  if (!profile) {
    report.mapping.emitError("internal error: the schedule was evaluated, but "
                             "it has no profile");
    return false;
  }
  auto writeTree = [&](raw_ostream &os) {
    if (StringRef(outputs.schedule).ends_with(".mlir")) {
      if (!report.origin.empty())
        report.mapping->setAttr(
            kDerivedFrom,
            StringAttr::get(cascade.getContext(), report.derivedFrom));
      cascade->getParentOfType<ModuleOp>().print(os);
    } else if (StringRef(outputs.schedule).ends_with(".json"))
      exporting::writeScheduleJson(report, os);
    else
      exporting::printSchedule(report, os);
  };
  auto writeCsv = [&](raw_ostream &os) {
    exporting::writeTrafficCsv(report, os);
  };
  auto writeTrace = [&](raw_ostream &os) { exporting::writeTrace(report, os); };
  auto writeHtml = [&](raw_ostream &os) {
    writeHtmlReport(result, report, outputs.skiSlope, os);
  };
  return write(outputs.schedule, writeTree) && write(outputs.csv, writeCsv) &&
         write(outputs.trace, writeTrace) && write(outputs.html, writeHtml);
}
