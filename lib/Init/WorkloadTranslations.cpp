//===- WorkloadTranslations.cpp - Workloads of other tools ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/Import/Import.h"
#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Init/InitAll.h"

#include "mlir/Tools/mlir-translate/Translation.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace einsum;

using Importer = std::optional<std::string> (*)(StringRef, StringRef,
                                                Diagnostics &);

/// What comes out is parsed, so that it is a cascade or an error.
static LogicalResult translate(Importer import, llvm::SourceMgr &sources,
                               raw_ostream &os, MLIRContext *context) {
  const llvm::MemoryBuffer &buffer =
      *sources.getMemoryBuffer(sources.getMainFileID());
  StringRef name = buffer.getBufferIdentifier();
  Diagnostics diags;
  std::optional<std::string> text =
      import(buffer.getBuffer(), name == "<stdin>" ? "-" : name, diags);
  diags.print(llvm::errs());
  if (!text)
    return failure();
  DialectRegistry registry;
  registerAllDialects(registry);
  context->appendDialectRegistry(registry);
  context->loadAllAvailableDialects();
  llvm::SourceMgr source;
  source.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(
                                *text, name.str() + " (as a cascade)"),
                            llvm::SMLoc());
  SourceMgrDiagnosticHandler handler(source, context);
  OwningOpRef<ModuleOp> module = frontend::parseCascadeSource(source, context);
  return success(module &&
                 succeeded(frontend::printCascadeSource(*module, os)));
}

void einsum::registerWorkloadTranslations() {
  using Sources = const std::shared_ptr<llvm::SourceMgr> &;
  static TranslateRegistration fromTimeloop(
      "timeloop-problem-to-cascade",
      "read a Timeloop v4 problem, write a cascade",
      [](Sources sources, raw_ostream &os, MLIRContext *context) {
        return translate(arch::importTimeloopProblem, *sources, os, context);
      });
  static TranslateRegistration fromAccelForge(
      "accelforge-workload-to-cascade",
      "read an AccelForge workload, write a cascade",
      [](Sources sources, raw_ostream &os, MLIRContext *context) {
        return translate(arch::importAccelForgeWorkload, *sources, os, context);
      });
}
