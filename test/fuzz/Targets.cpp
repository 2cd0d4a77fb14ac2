//===- Targets.cpp - What is fuzzed ---------------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/fuzz/Targets.h"

#include "dialects/Einsum/Einsum.h"
#include "dialects/Schedule/Schedule.h"
#include "lib/Arch/ArchSpec.h"
#include "lib/Arch/Import/Import.h"
#include "lib/Export/ReadSchedule.h"
#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Frontend/HuggingFace/HuggingFace.h"
#include "lib/Support/InputFile.h"
#include "lib/Support/Installation.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::fuzz;

namespace {

/// A context that keeps diagnostics to itself, with the last one to look at.
struct QuietContext {
  MLIRContext context{MLIRContext::Threading::DISABLED};
  std::string lastError;
  ScopedDiagnosticHandler handler{&context,
                                  [this](mlir::Diagnostic &diagnostic) {
                                    lastError = diagnostic.str();
                                    return success();
                                  }};

  QuietContext() {
    context.loadDialect<EinsumDialect, schedule::ScheduleDialect,
                        arith::ArithDialect, math::MathDialect>();
  }

  OwningOpRef<ModuleOp> parseCascade(StringRef text) {
    llvm::SourceMgr sources;
    sources.AddNewSourceBuffer(
        llvm::MemoryBuffer::getMemBufferCopy(text, "input.ein"), llvm::SMLoc());
    return frontend::parseCascadeSource(sources, &context);
  }
};

} // namespace

/// The text of what was read; nothing, if the notation cannot say it.
static std::optional<std::string> print(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (failed(frontend::printCascadeSource(module, os)))
    return std::nullopt;
  return text;
}

static std::string runCascade(StringRef input) {
  QuietContext quiet;
  OwningOpRef<ModuleOp> module = quiet.parseCascade(input);
  if (!module)
    return quiet.lastError.empty() ? "refused without an error" : "";
  std::optional<std::string> first = print(*module);
  if (!first)
    return "what was read cannot be printed: " + quiet.lastError;
  OwningOpRef<ModuleOp> again = quiet.parseCascade(*first);
  if (!again)
    return "what was printed cannot be read: " + quiet.lastError + "\n" +
           *first;
  return print(*again) == first ? "" : "printed differently:\n" + *first;
}

static std::string runArch(StringRef input) {
  // Beside the specs, so that energy profiles are found.
  static const std::string file = getSharedFolder() + "/arch-specs/input.json";
  Diagnostics diags;
  auto spec = arch::parseArchSpec(input, file, diags);
  return spec || diags.hasErrors() ? "" : "refused without an error";
}

static std::string runModel(StringRef input) {
  for (frontend::Phase phase :
       {frontend::Phase::Prefill, frontend::Phase::Decode,
        frontend::Phase::Train}) {
    frontend::ModelOptions options;
    options.phase = phase;
    Diagnostics diags;
    std::optional<std::string> text =
        frontend::convertConfigToCascade(input, "input.json", options, diags);
    if (!text && !diags.hasErrors())
      return "refused without an error";
    if (!text)
      return "";
    QuietContext quiet;
    // A model may be too large to count, which is said where it is used.
    if (!quiet.parseCascade(*text) &&
        !StringRef(quiet.lastError).contains("2^6"))
      return "the cascade of a config is refused: " + quiet.lastError + "\n" +
             *text;
  }
  return "";
}

/// A schedule beside the cascade that it may be of, verified.
static std::string runSchedule(StringRef input) {
  QuietContext quiet;
  OwningOpRef<ModuleOp> module =
      quiet.parseCascade("cascade gemm(M=8, N=8, K=8) : f32\n"
                         "  input A[m,k], B[k,n]\n"
                         "  S[m,n] = A[m,k] * B[k,n]\n"
                         "  Z[m,n] = exp(S[m,n])\n"
                         "  output Z\n");
  Diagnostics diags;
  std::optional<JsonValue> json = parseSourceJson(input, "input.json", diags);
  std::optional<exporting::ScheduleFile> file;
  if (json)
    file = exporting::readSchedule(*json, &quiet.context, diags);
  if (!file)
    return diags.hasErrors() ? "" : "refused without an error";
  module->push_back(file->mapping.release());
  bool isLegal = succeeded(verify(*module));
  return isLegal || !quiet.lastError.empty() ? "" : "refused without an error";
}

using Importer = std::optional<std::string> (*)(StringRef, StringRef,
                                                Diagnostics &);

static std::string runImporter(Importer import, StringRef input) {
  Diagnostics diags, ofSpec;
  std::optional<std::string> spec = import(input, "input.yaml", diags);
  if (!spec)
    return diags.hasErrors() ? "" : "refused without an error";
  arch::parseArchSpec(*spec, "imported.json", ofSpec);
  return "";
}

static std::string runWorkloadImporter(Importer import, StringRef input) {
  Diagnostics diags;
  std::optional<std::string> text = import(input, "input.yaml", diags);
  if (!text)
    return diags.hasErrors() ? "" : "refused without an error";
  QuietContext quiet;
  (void)quiet.parseCascade(*text);
  return "";
}

static std::string runMlir(StringRef input) {
  if (findDeepNesting(input, "input.mlir"))
    return "";
  QuietContext quiet;
  // MLIR's lexer wants a zero behind the text, which a copy has.
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBufferCopy(input, "input.mlir"), llvm::SMLoc());
  OwningOpRef<ModuleOp> module =
      parseSourceFile<ModuleOp>(sources, ParserConfig(&quiet.context));
  return module || !quiet.lastError.empty() ? "" : "refused without an error";
}

llvm::ArrayRef<Target> einsum::fuzz::getTargets() {
  static const Target targets[] = {
      {"accelforge",
       [](StringRef input) {
         return runImporter(arch::importAccelForge, input);
       }},
      {"accelforge-workload",
       [](StringRef input) {
         return runWorkloadImporter(arch::importAccelForgeWorkload, input);
       }},
      {"arch", runArch},
      {"cascade", runCascade},
      {"mlir", runMlir},
      {"model", runModel},
      {"schedule", runSchedule},
      {"timeloop",
       [](StringRef input) {
         return runImporter(arch::importTimeloop, input);
       }},
      {"timeloop-problem", [](StringRef input) {
         return runWorkloadImporter(arch::importTimeloopProblem, input);
       }}};
  return targets;
}

const Target *einsum::fuzz::findTarget(StringRef name) {
  llvm::ArrayRef<Target> targets = getTargets();
  const auto *found = llvm::find_if(
      targets, [&](const Target &target) { return target.name == name; });
  return found == targets.end() ? nullptr : found;
}
