//===- ScheduleTranslations.cpp - Schedules to other notations ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The input is a schedule with its cascade, as einsum-compile writes it: a
// module with one schedule.mapping, or JSON with the program. JSON and text say
// what a tree costs if --arch gives the machine; without, they draw the tree.
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/CostModel.h"
#include "lib/Export/Foreign/Foreign.h"
#include "lib/Export/ReadSchedule.h"
#include "lib/Export/ScheduleReport.h"
#include "lib/Init/InitAll.h"
#include "lib/Init/OptionValues.h"
#include "lib/Init/ReadWorkload.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Tools/mlir-translate/Translation.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace einsum;

namespace {

struct Flags {
  std::string arch;
  std::vector<std::string> set;
};

/// A schedule with all that a report points to.
struct Loaded {
  OwningOpRef<ModuleOp> module;
  CascadeOp cascade;
  CascadeFacts facts;
  RankPasses passes;
  std::optional<arch::ArchSpec> arch;
  cost::Evaluation cost;
  std::optional<cost::ScheduleProfile> profile;
  exporting::ScheduleReport report;
};

} // namespace

static Flags &getFlags() {
  static Flags flags;
  return flags;
}

static LogicalResult failInput(const llvm::MemoryBuffer &buffer,
                               const llvm::Twine &message) {
  llvm::errs() << buffer.getBufferIdentifier() << ": error: " << message
               << "\n";
  return failure();
}

/// JSON becomes the module that its program and its tree are.
static LogicalResult readJson(const llvm::MemoryBuffer &buffer,
                              MLIRContext *context, Loaded &loaded) {
  Diagnostics diags;
  std::optional<exporting::ScheduleFile> file;
  if (auto json = parseSourceJson(buffer.getBuffer(),
                                  buffer.getBufferIdentifier(), diags))
    file = exporting::readSchedule(*json, context, diags);
  if (file && file->program.empty())
    diags.error(file->nameLoc, "the file has no 'program', the cascade that "
                               "the schedule is of");
  diags.print(llvm::errs());
  if (!file || diags.hasErrors())
    return failure();
  llvm::SourceMgr source;
  source.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBufferCopy(
          file->program, buffer.getBufferIdentifier() + " (program)"),
      llvm::SMLoc());
  if (failed(checkNesting(*source.getMemoryBuffer(source.getMainFileID()))))
    return failure();
  loaded.module = parseSourceFile<ModuleOp>(source, ParserConfig(context));
  if (!loaded.module)
    return failure();
  schedule::MappingOp mapping = file->mapping.release();
  loaded.module->getBody()->push_back(mapping);
  std::string from =
      file->origin.empty() ? file->derivedFrom : fingerprint(file->origin);
  if (!from.empty())
    mapping->setAttr(kDerivedFrom, StringAttr::get(context, from));
  return verify(*loaded.module);
}

static LogicalResult load(llvm::SourceMgr &sources, MLIRContext *context,
                          Loaded &loaded) {
  const llvm::MemoryBuffer &buffer =
      *sources.getMemoryBuffer(sources.getMainFileID());
  if (buffer.getBuffer().ltrim().starts_with("{")) {
    if (failed(readJson(buffer, context, loaded)))
      return failure();
  } else {
    loaded.module = parseSourceFile<ModuleOp>(sources, ParserConfig(context));
    if (!loaded.module)
      return failure();
  }
  schedule::MappingOp mapping;
  for (auto one : loaded.module->getOps<schedule::MappingOp>()) {
    if (mapping)
      return one.emitError("the file holds more than one schedule.mapping");
    mapping = one;
  }
  if (!mapping)
    return failInput(buffer, "the file holds no schedule.mapping");
  loaded.cascade = schedule::lookupCascade(mapping);
  FailureOr<CascadeFacts> facts = computeCascadeFacts(loaded.cascade);
  if (failed(facts))
    return failure();
  loaded.facts = std::move(*facts);
  loaded.passes = computeRankPasses(loaded.cascade);
  exporting::ScheduleReport &report = loaded.report;
  report.mapping = mapping;
  report.facts = &loaded.facts;
  report.passes = &loaded.passes;
  for (auto [name, value] :
       llvm::zip(loaded.cascade.getParamNames().getAsRange<StringAttr>(),
                 loaded.cascade.getParamValues()))
    report.binding.push_back({name.str(), value});
  report.program = printProgram(loaded.cascade);
  if (auto from = mapping->getAttrOfType<StringAttr>(kDerivedFrom))
    report.derivedFrom = from.getValue().str();
  return success();
}

/// Costs, where a machine is given.
static LogicalResult addCosts(Loaded &loaded) {
  std::map<std::string, double> settings;
  if (getFlags().arch.empty())
    return success();
  if (!parseSettings(getFlags().set, settings))
    return failure();
  Diagnostics diagnostics;
  loaded.arch = arch::readArchSpec(getFlags().arch, diagnostics, settings);
  diagnostics.print(llvm::errs());
  if (!loaded.arch)
    return failure();
  exporting::ScheduleReport &report = loaded.report;
  auto evaluator =
      cost::Evaluator::create(report.mapping, loaded.facts, *loaded.arch);
  if (!evaluator)
    return failure();
  if (!evaluator->evaluate(loaded.cost)) {
    evaluator->emitViolations();
    return failure();
  }
  loaded.profile =
      cost::profileSchedule(report.mapping, loaded.facts, *loaded.arch);
  report.arch = &*loaded.arch;
  report.cost = &loaded.cost;
  report.profile = loaded.profile ? &*loaded.profile : nullptr;
  report.operatorNames = evaluator->operatorNames();
  return success();
}

static LogicalResult translate(llvm::SourceMgr &sources, MLIRContext *context,
                               bool needsArch,
                               llvm::function_ref<void(const Loaded &)> write) {
  DialectRegistry registry;
  registerAllDialects(registry);
  context->appendDialectRegistry(registry);
  context->loadAllAvailableDialects();
  Loaded loaded;
  if (needsArch && getFlags().arch.empty())
    return success(failOption("--arch", "the machine is part of what is "
                                        "written: give --arch=SPEC.json"));
  if (failed(load(sources, context, loaded)) || failed(addCosts(loaded)))
    return failure();
  write(loaded);
  return success();
}

/// What a format cannot say is a note for who looks, and a comment in the file.
static void writeForeign(const exporting::ForeignText &foreign,
                         raw_ostream &os) {
  for (const std::string &sentence : foreign.lost)
    llvm::errs() << "note: not expressed: " << sentence << "\n";
  os << foreign.yaml;
}

void einsum::registerScheduleTranslations() {
  static llvm::cl::OptionCategory category("Options of --schedule-to-...");
  static llvm::cl::opt<std::string, true> arch(
      "arch", llvm::cl::desc("Of a schedule: the machine it is for"),
      llvm::cl::value_desc("SPEC.json"), llvm::cl::location(getFlags().arch),
      llvm::cl::cat(category));
  static llvm::cl::list<std::string, std::vector<std::string>> set(
      "set", llvm::cl::desc("Of a schedule: replace parameters of the machine"),
      llvm::cl::value_desc("N=128"), llvm::cl::location(getFlags().set),
      llvm::cl::CommaSeparated, llvm::cl::cat(category));
  using Sources = const std::shared_ptr<llvm::SourceMgr> &;
  static TranslateRegistration toJson(
      "schedule-to-json", "write a schedule with all that is known of it",
      [](Sources sources, raw_ostream &os, MLIRContext *context) {
        return translate(*sources, context, false, [&](const Loaded &loaded) {
          exporting::writeScheduleJson(loaded.report, os);
        });
      });
  static TranslateRegistration toText(
      "schedule-to-text", "draw the loop tree of a schedule",
      [](Sources sources, raw_ostream &os, MLIRContext *context) {
        return translate(*sources, context, false, [&](const Loaded &loaded) {
          exporting::printSchedule(loaded.report, os);
        });
      });
  static TranslateRegistration toMlir(
      "schedule-to-mlir", "write a schedule, of JSON too, with its cascade",
      [](Sources sources, raw_ostream &os, MLIRContext *context) {
        return translate(*sources, context, false, [&](const Loaded &loaded) {
          ModuleOp module = loaded.module.get();
          module.print(os);
        });
      });
  static TranslateRegistration toTimeloop(
      "schedule-to-timeloop",
      "write problem, mapping and architecture of each Einsum for Timeloop v4",
      [](Sources sources, raw_ostream &os, MLIRContext *context) {
        return translate(*sources, context, true, [&](const Loaded &loaded) {
          writeForeign(exporting::exportTimeloop(loaded.report), os);
        });
      });
  static TranslateRegistration toAccelForge(
      "schedule-to-accelforge",
      "write workload, architecture and mapping for AccelForge",
      [](Sources sources, raw_ostream &os, MLIRContext *context) {
        return translate(*sources, context, true, [&](const Loaded &loaded) {
          writeForeign(exporting::exportAccelForge(loaded.report), os);
        });
      });
}
