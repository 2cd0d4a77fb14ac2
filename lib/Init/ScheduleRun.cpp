//===- ScheduleRun.cpp - A schedule executed for a person -----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/ScheduleRun.h"

#include "lib/Init/OptionValues.h"
#include "lib/Plugin/MappingPass.h"
#include "lib/Simulator/Replay.h"
#include "lib/Support/Format.h"
#include "lib/Support/TextTable.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace einsum;

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

bool einsum::checkScheduleOptions(const ScheduleOptions &options) {
  if (!options.isGiven()) {
    for (auto [option, text] :
         {std::pair<const char *, StringRef>("--arch", options.arch),
          {"--accounting", options.accounting},
          {"--trace", options.trace},
          {"--commands", options.commands},
          {"--replay", options.replay},
          {"--plugin", options.plugins.empty() ? "" : options.plugins[0]},
          {"--set", options.set.empty() ? "" : options.set[0]}})
      if (!text.empty())
        return failOption(
            option,
            "there is no schedule to execute; give --schedule=FILE.mlir "
            "or --mapping=NAME");
    return true;
  }
  StringRef commands = options.commands;
  if (!commands.empty() && commands != "-" && !commands.ends_with(".json") &&
      !commands.ends_with(".txt"))
    return failOption("--commands", "takes a .json file, or a .txt file to "
                                    "look at, found '" +
                                        commands + "'");
  if (!options.replay.empty() && (!commands.empty() || !options.trace.empty()))
    return failOption("--replay", "commands are executed, not the schedule; "
                                  "leave --commands and --trace out");
  if (!registerMappings(options.plugins))
    return false;
  if (!options.schedule.empty() && !options.mapping.empty())
    return failOption("--mapping", "--schedule already gives the schedule");
  if (options.arch.empty())
    return failOption("--arch",
                      "a schedule is executed on an architecture: give "
                      "--arch=SPEC.json");
  if (options.mapping.empty() || findMappingPass(options.mapping))
    return true;
  return failUnknownMapping(options.mapping);
}

//===----------------------------------------------------------------------===//
// Execution
//===----------------------------------------------------------------------===//

bool ScheduleRun::readReplay(CascadeOp cascade) {
  if (options.replay.empty())
    return true;
  Diagnostics diagnostics;
  std::optional<lowering::CommandStream> read;
  if (std::optional<JsonValue> json =
          readSourceJson(options.replay, diagnostics))
    read = lowering::readCommands(*json, diagnostics);
  diagnostics.print(llvm::errs());
  if (!read)
    return false;
  commands = std::move(*read);
  return commands.cascade == cascade.getSymName() ||
         failOption("--replay", "the commands are of cascade '" +
                                    commands.cascade + "', not of '" +
                                    cascade.getSymName() + "'");
}

bool ScheduleRun::readArch() {
  std::map<std::string, double> settings;
  if (!parseSettings(options.set, settings))
    return false;
  Diagnostics diagnostics;
  arch = arch::readArchSpec(options.arch, diagnostics, settings);
  diagnostics.print(llvm::errs());
  return arch && chooseAccounting(options.accounting, *arch);
}

ExitCode ScheduleRun::prepare(Workload &workload, CascadeOp cascade) {
  this->cascade = cascade;
  if (!readReplay(cascade))
    return ExitCode::BadInput;
  FailureOr<CascadeFacts> computed = computeCascadeFacts(cascade);
  if (failed(computed))
    return ExitCode::BadInput;
  facts = std::move(*computed);
  MappingContext context(cascade, facts, *arch);
  FailureOr<schedule::MappingOp> found =
      options.mapping.empty()
          ? workload.readMapping(options.schedule, cascade)
          : findMappingPass(options.mapping)->build(context);
  if (failed(found))
    return context.explainedInfeasible() ? ExitCode::Infeasible
                                         : ExitCode::BadInput;
  mapping = *found;
  auto evaluator = cost::Evaluator::create(mapping, facts, *arch);
  if (!evaluator)
    return ExitCode::BadInput;
  if (!evaluator->evaluate(modelled)) {
    evaluator->emitViolations();
    return evaluator->violations().empty() ? ExitCode::BadInput
                                           : ExitCode::Infeasible;
  }
  operatorNames = evaluator->operatorNames();
  return ExitCode::Ok;
}

FailureOr<interp::TensorMap>
ScheduleRun::execute(const interp::TensorMap &inputs,
                     const interp::Arithmetic &arithmetic, uint64_t limit) {
  sim::SimulationOptions how;
  how.arithmetic = arithmetic;
  how.timeline = !options.trace.empty() && !simulated;
  how.limit = static_cast<int64_t>(std::min<uint64_t>(limit, INT64_MAX));
  bool replays = !options.replay.empty();
  if (!options.commands.empty() && !simulated)
    how.commands = &commands;
  FailureOr<sim::Simulation> result =
      replays ? sim::replay(commands, cascade, *arch, inputs, how)
              : sim::simulate(mapping, *arch, inputs, how);
  if (failed(result))
    return failure();
  interp::TensorMap outputs = result->outputs;
  if (!simulated)
    simulated = std::move(*result);
  return outputs;
}

bool ScheduleRun::writeFiles() const {
  StringRef trace = options.trace, file = options.commands;
  if (!trace.empty() && !writeOutput(trace, [&](raw_ostream &os) {
        if (trace.ends_with(".jsonl") || trace == "-")
          sim::writeJsonLines(simulated->timeline, os);
        else
          sim::writeChromeTrace(simulated->timeline, os);
      }))
    return false;
  return file.empty() || writeOutput(file, [&](raw_ostream &os) {
           if (file.ends_with(".json"))
             lowering::writeCommandsJson(commands, os);
           else
             lowering::printCommands(commands, os);
         });
}

//===----------------------------------------------------------------------===//
// Report
//===----------------------------------------------------------------------===//

std::string ScheduleRun::compare(uint64_t ours, uint64_t theirs) {
  if (ours == theirs)
    return std::to_string(ours);
  ++differences;
  return std::to_string(ours) + " (model: " + std::to_string(theirs) + ")";
}

void ScheduleRun::printTraffic(llvm::raw_ostream &os) {
  size_t levels = arch->levels.size();
  // Commands say what moves, not whether it fills a tile or drains one.
  auto countMoves = [&](const sim::Traffic &moves) -> std::string {
    if (!options.replay.empty())
      return "-";
    return std::to_string(moves.readElements + moves.writeElements);
  };
  TextTable table({"level", "tensor", ">read B", ">written B", ">read accesses",
                   ">write accesses", ">filled", ">drained"});
  for (size_t level = 0; level < levels; ++level)
    for (size_t t = 0; t < simulated->tensorNames.size(); ++t) {
      const sim::TensorMoves &moves = simulated->tensors[t * levels + level];
      const sim::Traffic &ours = moves.total;
      const cost::Traffic &theirs =
          modelled.tensorTraffic[facts.findTensor(simulated->tensorNames[t]) *
                                     levels +
                                 level];
      if (ours == sim::Traffic() && theirs.bytes() == 0)
        continue;
      table.add({arch->levels[level].name, simulated->tensorNames[t],
                 compare(ours.readBytes, theirs.readBytes),
                 compare(ours.writeBytes, theirs.writeBytes),
                 compare(ours.readAccesses, theirs.readAccesses),
                 compare(ours.writeAccesses, theirs.writeAccesses),
                 countMoves(moves.fills), countMoves(moves.drains)});
    }
  table.print(os);
}

void ScheduleRun::printArrays(llvm::raw_ostream &os) {
  for (size_t a = 0; a < arch->arrays.size(); ++a) {
    std::string text;
    for (size_t i = 0; i < operatorNames.size(); ++i) {
      auto found = simulated->arrays[a].operators.find(operatorNames[i]);
      uint64_t ours =
          found == simulated->arrays[a].operators.end() ? 0 : found->second;
      uint64_t theirs = modelled.arrays[a].operators[i];
      if (ours != 0 || theirs != 0)
        text += (text.empty() ? "" : ", ") + compare(ours, theirs) + " " +
                operatorNames[i];
    }
    if (!text.empty())
      os << "array " << arch->arrays[a].name << ": " << text << "\n";
  }
}

void ScheduleRun::printEngines(llvm::raw_ostream &os) {
  for (size_t e = 0; e < arch->engines.size(); ++e)
    if (uint64_t bytes = simulated->engines[e].bytes;
        bytes != 0 || modelled.engines[e].bytes != 0)
      os << "engine " << arch->engines[e].name << ": "
         << compare(bytes, modelled.engines[e].bytes) << " B moved\n";
}

void ScheduleRun::printTotals(llvm::raw_ostream &os) {
  for (size_t level = 0; level < arch->levels.size(); ++level)
    if (uint64_t peak = simulated->levels[level].peakBytes;
        peak != 0 || modelled.levels[level].peakBytes != 0)
      os << "level " << arch->levels[level].name << ": peak "
         << compare(peak, modelled.levels[level].peakBytes) << " B\n";
  double off = std::abs(simulated->cycles - modelled.cycles);
  os << "cycles: " << llvm::format("%.6g", simulated->cycles);
  if (off > 1e-6 * simulated->cycles) {
    os << " (model: " << llvm::format("%.6g", modelled.cycles) << ", "
       << formatPercent(off / simulated->cycles) << " off)";
    ++differences;
  }
  os << "\n";
}

void ScheduleRun::print(llvm::raw_ostream &os) {
  differences = 0;
  bool replays = !options.replay.empty();
  os << "\nschedule '" << mapping.getSymName() << "' on '" << arch->name
     << "', " << (replays ? "replayed from commands" : "executed");
  if (arch->accounting.profile != arch::Accounting().profile)
    os << ", accounting '" << arch->accounting.profile << "'";
  os << ":\n";
  printTraffic(os);
  printArrays(os);
  printEngines(os);
  if (!replays) // commands have no times and no space
    printTotals(os);
  if (agrees())
    os << "the cost model counts the same\n";
  else
    os << "the cost model differs in " << differences
       << (differences == 1 ? " count\n" : " counts\n");
}
