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
#include "lib/Support/InputFile.h"

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

LogicalResult einsum::checkNesting(const llvm::MemoryBuffer &buffer) {
  StringRef text = buffer.getBuffer();
  if (text.starts_with("ML\xEFR")) // bytecode has no brackets
    return success();
  auto deep = findDeepNesting(text, buffer.getBufferIdentifier());
  if (!deep)
    return success();
  Diagnostics diags;
  diags.addSource(deep->file, text);
  diags.error(*deep, "nested deeper than " + llvm::Twine(kDeepestNesting) +
                         " brackets");
  diags.print(llvm::errs());
  return failure();
}

Workload::Workload(MLIRContext &context)
    : context(context), handler(sources, &context) {}

OwningOpRef<ModuleOp> Workload::parse(StringRef path, bool verify,
                                      const ModelFlags *flags) {
  std::string reason;
  std::unique_ptr<llvm::MemoryBuffer> file = readInputFile(path, reason);
  if (!file) {
    (void)failFile(path, reason);
    return {};
  }
  if (flags && frontend::isModelConfig(*file))
    return readModelConfig(*file, *flags, &context);
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
      llvm::MemoryBuffer::getMemBuffer(file->getMemBufferRef()), llvm::SMLoc());
  sources.AddNewSourceBuffer(std::move(file), llvm::SMLoc());
  if (frontend::isCascadeSource(
          *current.getMemoryBuffer(current.getMainFileID())))
    return frontend::parseCascadeSource(current, &context);
  if (failed(checkNesting(*current.getMemoryBuffer(current.getMainFileID()))))
    return {};
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

//===----------------------------------------------------------------------===//
// Mappings
//===----------------------------------------------------------------------===//

/// Beside the workload's cascade a mapping can be verified.
FailureOr<schedule::MappingOp>
Workload::placeMapping(schedule::MappingOp mapping, CascadeOp cascade) {
  if (mapping.getCascade() != cascade.getSymName())
    return mapping.emitError()
           << "maps cascade '" << mapping.getCascade()
           << "', but the workload is '" << cascade.getSymName() << "'";
  if (mapping->getParentOp())
    mapping->remove();
  cascade->getBlock()->getOperations().insertAfter(cascade->getIterator(),
                                                   mapping);
  if (failed(verify(*module)))
    return failure();
  return mapping;
}

FailureOr<schedule::MappingOp> Workload::readMapping(StringRef path,
                                                     CascadeOp cascade) {
  if (path.ends_with(".json")) {
    if (!scheduleFile && failed(readScheduleFile(path, cascade)))
      return failure();
    return placeMapping(scheduleFile->mapping.release(), cascade);
  }
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
  return placeMapping(found, cascade);
}

std::string einsum::printProgram(CascadeOp cascade) {
  std::string text;
  llvm::raw_string_ostream os(text);
  cascade->print(os);
  os << "\n";
  return text;
}

LogicalResult Workload::readScheduleFile(StringRef path, CascadeOp cascade) {
  Diagnostics diags;
  if (std::optional<JsonValue> json = readSourceJson(path, diags))
    scheduleFile = exporting::readSchedule(*json, &context, diags);
  if (scheduleFile) {
    Bindings missing;
    for (const exporting::LocatedBinding &binding : scheduleFile->binding) {
      auto name = StringAttr::get(&context, binding.name);
      auto found = llvm::find(cascade.getParamNames(), name);
      if (found == cascade.getParamNames().end())
        continue;
      int64_t value =
          cascade.getParamValues()[found - cascade.getParamNames().begin()];
      if (value == CascadeOp::kUnbound)
        missing.push_back({binding.name, binding.value});
      else if (value != binding.value)
        diags.error(binding.loc, "the schedule is for " + binding.name + "=" +
                                     llvm::Twine(binding.value) +
                                     ", but the workload has " + binding.name +
                                     "=" + llvm::Twine(value) +
                                     "; add --bind " + binding.name + "=" +
                                     llvm::Twine(binding.value));
    }
    if (!diags.hasErrors() && failed(bindParameters(cascade, missing)))
      return failure();
  }
  diags.print(llvm::errs());
  return success(scheduleFile && !diags.hasErrors());
}

/// What tells two texts apart, in words.
static std::string describeDifference(StringRef ours, StringRef theirs) {
  for (unsigned line = 1; !ours.empty() || !theirs.empty(); ++line) {
    auto [our, ourRest] = ours.split('\n');
    auto [their, theirRest] = theirs.split('\n');
    if (our != their)
      return "line " + std::to_string(line) + " is '" + their.trim().str() +
             "' here and '" + our.trim().str() + "' in the workload";
    ours = ourRest;
    theirs = theirRest;
  }
  return "";
}

FailureOr<CascadeOp> Workload::adoptProgram(CascadeOp cascade,
                                            StringRef written) {
  const exporting::ScheduleFile &file = *scheduleFile;
  std::string ours = printProgram(cascade);
  if (file.program.empty() || file.program == ours)
    return cascade;
  if (file.origin.empty() || file.origin != written) {
    Diagnostics diags;
    diags.error(file.programLoc,
                "the schedule is of another program: " +
                    (file.origin.empty()
                         ? describeDifference(ours, file.program)
                         : describeDifference(written, file.origin)));
    diags.print(llvm::errs());
    return failure();
  }
  llvm::SourceMgr source;
  source.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBufferCopy(file.program,
                                           file.programLoc.file + " (program)"),
      llvm::SMLoc());
  if (failed(checkNesting(*source.getMemoryBuffer(source.getMainFileID()))))
    return failure();
  OwningOpRef<ModuleOp> derived =
      parseSourceFile<ModuleOp>(source, ParserConfig(&context));
  if (!derived)
    return failure();
  module = std::move(derived);
  return chooseCascade("");
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
