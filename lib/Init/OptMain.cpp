//===- OptMain.cpp - mlir-opt that also reads the text notation -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Init/HelpPage.h"
#include "lib/Init/InitAll.h"
#include "lib/Init/OptionValues.h"
#include "lib/Init/ReadWorkload.h"
#include "lib/Init/ToolMain.h"
#include "lib/Plugin/MappingPlugin.h"
#include "lib/Support/InputFile.h"
#include "lib/Support/Version.h"

#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;

/// Registered passes, as command-line options.
static std::vector<einsum::HelpEntry> listPasses() {
  std::vector<einsum::HelpEntry> passes;
  for (const auto &option : llvm::cl::getRegisteredOptions())
    if (const PassInfo *pass = PassInfo::lookup(option.getKey()))
      passes.push_back(
          {"--" + option.getKey().str(), pass->getPassDescription().str()});
  llvm::sort(passes);
  return passes;
}

/// Options that matter here, of the many that mlir-opt has, and our passes.
static einsum::HelpPage makePage(DialectRegistry &registry) {
  std::string dialects;
  for (StringRef name : registry.getDialectNames())
    dialects += (dialects.empty() ? "" : ", ") + name.str();
  return {"einsum-opt",
          EINSUM_CASCADE_VERSION,
          "Runs compiler passes over cascades and schedules.\n"
          "Reads MLIR or the text notation of cascades, writes MLIR.\n"
          "Dialects: " +
              dialects + "\n",
          "[FILE ('-': standard input)]",
          {{"PASSES", listPasses()},
           {"OPTIONS",
            einsum::listOptions(nullptr, {"load-pass-plugin", "pass-pipeline",
                                          "show-dialects", "split-input-file",
                                          "verify-diagnostics", "verify-each",
                                          "log", "emit-bytecode"})}}};
}

namespace {
/// MLIR's option of this name warns of a plugin that it cannot load and goes on
/// without: in ours that is an error.
struct PluginOption : llvm::cl::list<std::string> {
  PluginOption()
      : list(einsum::claimOption("load-pass-plugin"),
             llvm::cl::value_desc("FILE.so"),
             llvm::cl::desc("Shared library with passes or mappings")) {
    setCallback([](const std::string &path) {
      if (!einsum::loadMappingPlugin(path))
        std::exit(static_cast<int>(einsum::ExitCode::BadInput));
    });
  }
};
} // namespace

LogicalResult einsum::runOptMain(int argc, char **argv, StringRef toolName,
                                 DialectRegistry &registry) {
  llvm::InitLLVM init(argc, argv);
  setVersion("einsum-opt");
  LogOption log;
  MlirOptMainConfig::registerCLOptions(registry);
  PluginOption plugins;
  if (printHelpIfAsked(argc, argv, [&] { return makePage(registry); }))
    return success();
  auto [inputName, outputName] =
      registerAndParseCLIOptions(argc, argv, toolName, registry);
  if (!log.apply())
    return failure();
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  if (config.shouldShowDialects()) // needs no input
    return MlirOptMain(argc, argv, inputName, outputName, registry);

  std::string reason;
  std::unique_ptr<llvm::MemoryBuffer> input = readInputFile(inputName, reason);
  if (!input)
    return failure(!failOption(inputName, reason));
  if (frontend::isCascadeSource(*input))
    input = frontend::convertCascadeToMlir(std::move(input),
                                           config.inputSplitMarker());
  else if (failed(checkNesting(*input)))
    return failure();
  if (!input)
    return failure();
  if (outputName == "-")
    return MlirOptMain(llvm::outs(), std::move(input), registry, config);
  std::string text;
  llvm::raw_string_ostream os(text);
  return success(
      succeeded(MlirOptMain(os, std::move(input), registry, config)) &&
      writeOutput(outputName, [&](raw_ostream &file) { file << os.str(); }));
}
