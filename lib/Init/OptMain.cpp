//===- OptMain.cpp - mlir-opt that also reads the text notation -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Init/InitAll.h"

#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;

LogicalResult einsum::runOptMain(int argc, char **argv, StringRef toolName,
                                 DialectRegistry &registry) {
  llvm::InitLLVM init(argc, argv);
  auto [inputName, outputName] =
      registerAndParseCLIOptions(argc, argv, toolName, registry);
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  if (config.shouldShowDialects()) // needs no input
    return MlirOptMain(argc, argv, inputName, outputName, registry);

  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> input = openInputFile(inputName, &error);
  std::unique_ptr<llvm::ToolOutputFile> output =
      input ? openOutputFile(outputName, &error) : nullptr;
  if (!output) {
    llvm::errs() << "error: " << error << "\n";
    return failure();
  }
  if (frontend::isCascadeSource(*input))
    input = frontend::convertCascadeToMlir(std::move(input),
                                           config.inputSplitMarker());
  if (!input ||
      failed(MlirOptMain(output->os(), std::move(input), registry, config)))
    return failure();
  output->keep();
  return success();
}
