//===- ArchTranslations.cpp - Architectures of other tools ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Arch/ArchSpec.h"
#include "lib/Arch/Import/Import.h"
#include "lib/Init/InitAll.h"

#include "mlir/Tools/mlir-translate/Translation.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace einsum;

using Importer = std::optional<std::string> (*)(StringRef, StringRef,
                                                Diagnostics &);

/// What comes out is read again, so that it is a spec or an error.
static LogicalResult translate(Importer import, llvm::SourceMgr &sources,
                               raw_ostream &os) {
  const llvm::MemoryBuffer &buffer =
      *sources.getMemoryBuffer(sources.getMainFileID());
  StringRef name = buffer.getBufferIdentifier();
  if (name == "<stdin>")
    name = "-";
  Diagnostics diags, ofSpec;
  std::optional<std::string> spec = import(buffer.getBuffer(), name, diags);
  diags.print(llvm::errs());
  if (!spec)
    return failure();
  if (!arch::parseArchSpec(*spec, "imported.json", ofSpec)) {
    ofSpec.print(llvm::errs());
    return failure();
  }
  os << *spec;
  return success();
}

void einsum::registerArchTranslations() {
  static TranslateRegistration fromTimeloop(
      "timeloop-arch-to-spec",
      "read a Timeloop v4 architecture, write an architecture spec",
      [](const std::shared_ptr<llvm::SourceMgr> &sources, raw_ostream &os,
         MLIRContext *) {
        return translate(arch::importTimeloop, *sources, os);
      });
  static TranslateRegistration fromAccelForge(
      "accelforge-arch-to-spec",
      "read an AccelForge architecture, write an architecture spec",
      [](const std::shared_ptr<llvm::SourceMgr> &sources, raw_ostream &os,
         MLIRContext *) {
        return translate(arch::importAccelForge, *sources, os);
      });
}
