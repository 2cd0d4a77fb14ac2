//===- ReadWorkload.cpp - Cascades and mappings from files ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/ReadWorkload.h"

#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Init/OptionValues.h"
#include "lib/Support/Diagnostics.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einsum;

/// For what is wrong with a file as a whole.
static LogicalResult failFile(StringRef path, const llvm::Twine &message) {
  llvm::errs() << (path == "-" ? "<stdin>" : path) << ": error: " << message
               << "\n";
  return failure();
}

Workload::Workload(MLIRContext &context)
    : context(context), handler(sources, &context) {}

OwningOpRef<ModuleOp> Workload::parse(StringRef path, bool verify,
                                      const ModelFlags *flags) {
  auto file = llvm::MemoryBuffer::getFileOrSTDIN(path);
  if (std::error_code error = file.getError()) {
    (void)failFile(path, "cannot read the file: " + error.message());
    return {};
  }
  if (flags && frontend::isModelConfig(**file))
    return readModelConfig(**file, *flags, &context);
  if (flags && !flags->firstGiven().empty()) {
    (void)failOption(flags->firstGiven(),
                     "describes what a config.json computes, and '" + path +
                         "' is a cascade");
    return {};
  }
  // Parsers read the main buffer of a source manager; `sources` has all of
  // them.
  llvm::SourceMgr current;
  current.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBuffer((*file)->getMemBufferRef()),
      llvm::SMLoc());
  sources.AddNewSourceBuffer(std::move(*file), llvm::SMLoc());
  if (frontend::isCascadeSource(
          *current.getMemoryBuffer(current.getMainFileID())))
    return frontend::parseCascadeSource(current, &context);
  return parseSourceFile<ModuleOp>(current, ParserConfig(&context, verify));
}

LogicalResult Workload::read(StringRef path, const ModelFlags &flags) {
  this->path = path.str();
  module = parse(path, /*verify=*/true, &flags);
  return success(static_cast<bool>(module));
}

FailureOr<CascadeOp> Workload::chooseCascade(StringRef name) {
  std::vector<std::string> names;
  CascadeOp chosen;
  for (CascadeOp cascade : module->getOps<CascadeOp>()) {
    names.push_back(cascade.getSymName().str());
    if (name.empty() || name == names.back())
      chosen = cascade;
  }
  if (names.empty())
    return failFile(path, "the file holds no cascade");
  if (!chosen)
    return failFile(path, "the file holds no cascade '" + name + "'; it has " +
                              llvm::join(names, ", "));
  if (name.empty() && names.size() > 1)
    return failFile(
        path, "the file holds several cascades: " + llvm::join(names, ", ") +
                  "; choose one with --cascade=NAME");
  for (Operation &op : llvm::make_early_inc_range(*module->getBody()))
    if (&op != chosen && isa<CascadeOp, schedule::MappingOp>(op))
      op.erase();
  return chosen;
}

FailureOr<schedule::MappingOp> Workload::readMapping(StringRef path,
                                                     CascadeOp cascade) {
  // Names are verified once the mapping stands beside the workload's cascade.
  OwningOpRef<ModuleOp> file = parse(path, /*verify=*/false);
  if (!file)
    return failure();
  schedule::MappingOp found;
  for (auto mapping : file->getOps<schedule::MappingOp>()) {
    if (failed(mapping->getName().verifyInvariants(mapping)))
      return failure();
    if (found)
      return mapping.emitError()
             << "the file holds more than one schedule.mapping";
    found = mapping;
  }
  if (!found)
    return failFile(path, "the file holds no schedule.mapping");
  if (found.getCascade() != cascade.getSymName())
    return found.emitError()
           << "maps cascade '" << found.getCascade()
           << "', but the workload is '" << cascade.getSymName() << "'";
  found->moveAfter(cascade);
  if (failed(verify(*module)))
    return failure();
  return found;
}

LogicalResult einsum::bindParameters(CascadeOp cascade,
                                     const Bindings &bindings) {
  std::vector<std::string> names;
  for (auto name : cascade.getParamNames().getAsRange<StringAttr>())
    names.push_back(name.str());
  for (const auto &[name, value] : bindings) {
    if (!llvm::is_contained(names, name)) {
      llvm::errs() << "--bind: error: cascade '" << cascade.getSymName()
                   << "' has no parameter '" << name << "'; it has "
                   << (names.empty() ? "none" : llvm::join(names, ", "))
                   << didYouMean(name, names) << "\n";
      return failure();
    }
    cascade.setParam(name, value);
  }
  return verify(cascade);
}
