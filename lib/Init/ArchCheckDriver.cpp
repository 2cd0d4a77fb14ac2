//===- ArchCheckDriver.cpp - A machine, and a workload on it --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/ArchCheckDriver.h"

#include "lib/Arch/ArchSpec.h"
#include "lib/Export/FitReport.h"
#include "lib/Init/InitAll.h"
#include "lib/Init/OptionValues.h"
#include "lib/Init/QuantizeWorkload.h"
#include "lib/Init/ReadWorkload.h"

using namespace mlir;
using namespace einsum;

using Writer = llvm::function_ref<void(llvm::raw_ostream &)>;

/// The text to standard output, unless the JSON goes there.
static bool print(const ArchCheckOptions &options, Writer text, Writer json) {
  if (options.json != "-")
    text(llvm::outs());
  return options.json.empty() || writeOutput(options.json, json);
}

static std::optional<arch::ArchSpec> readSpec(const ArchCheckOptions &options,
                                              Diagnostics &diags) {
  std::map<std::string, double> settings;
  if (!parseSettings(options.set, settings))
    return std::nullopt;
  auto spec =
      arch::readArchSpec(options.spec, diags, settings, options.energyProfile);
  if (!spec || chooseAccounting(options.accounting, *spec))
    return spec;
  return std::nullopt;
}

static ExitCode checkWorkload(const ArchCheckOptions &options,
                              const arch::ArchSpec &spec, Diagnostics &diags) {
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  context.printOpOnDiagnostic(false);
  Workload workload(context);
  Bindings bindings;
  if (!parseBindings(options.bind, bindings) ||
      failed(workload.read(options.workload)))
    return ExitCode::BadInput;
  FailureOr<CascadeOp> cascade = workload.chooseCascade(options.cascade);
  if (failed(cascade) || failed(bindParameters(*cascade, bindings)))
    return ExitCode::BadInput;
  FailureOr<CascadeFacts> facts = computeCascadeFacts(*cascade);
  if (failed(facts))
    return ExitCode::BadInput;
  arch::warnAboutNames(spec.constraints, cost::collectNames(*facts), diags);
  diags.print(llvm::errs());
  cost::MachineFit fit = cost::computeMachineFit(*facts, spec);
  bool written = print(
      options,
      [&](llvm::raw_ostream &os) {
        exporting::printFit(fit, *facts, spec, os);
      },
      [&](llvm::raw_ostream &os) {
        exporting::writeFitJson(fit, *facts, spec, os);
      });
  llvm::outs().flush();
  exporting::emitMisfits(fit, *facts, spec);
  if (!written)
    return ExitCode::BadInput;
  if (!fit.isFeasible())
    if (std::string way = suggestFormats(*cascade, spec); !way.empty())
      cascade->emitRemark() << way;
  return fit.isFeasible() ? ExitCode::Ok : ExitCode::Infeasible;
}

ExitCode einsum::checkArch(const ArchCheckOptions &options) {
  if (options.spec.empty()) {
    failOption("einsum-arch-check", "needs a SPEC.json");
    return ExitCode::BadInput;
  }
  if (options.workload.empty() &&
      (!options.bind.empty() || !options.cascade.empty())) {
    failOption(options.bind.empty() ? "--cascade" : "--bind",
               "is about a workload; give --workload");
    return ExitCode::BadInput;
  }
  if (options.spec == "-" && options.workload == "-") {
    failOption("--workload", "standard input already gives the spec");
    return ExitCode::BadInput;
  }
  Diagnostics diags;
  std::optional<arch::ArchSpec> spec = readSpec(options, diags);
  if (spec && !options.workload.empty())
    return checkWorkload(options, *spec, diags);
  diags.print(llvm::errs());
  if (!spec)
    return ExitCode::BadInput;
  bool written = print(
      options, [&](llvm::raw_ostream &os) { arch::printArchTable(*spec, os); },
      [&](llvm::raw_ostream &os) { arch::printArchJson(*spec, os); });
  return written ? ExitCode::Ok : ExitCode::BadInput;
}
