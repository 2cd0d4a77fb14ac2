//===- ReadWorkload.cpp - Cascades and mappings from files ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/ReadWorkload.h"

#include "lib/Frontend/Cascade/Cascade.h"
#include "lib/Frontend/Linalg/Linalg.h"
#include "lib/Init/OptionValues.h"
#include "lib/Support/Diagnostics.h"
#include "lib/Support/InputFile.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace einsum;

/// For what is wrong with a file as a whole.
static LogicalResult failFile(StringRef path, const llvm::Twine &message) {
  llvm::errs() << (path == "-" ? "<stdin>" : path) << ": error: " << message
               << "\n";
  return failure();
}

/// Null, with an error, if there is none.
static std::unique_ptr<llvm::MemoryBuffer> readFile(StringRef path) {
  std::string reason;
  std::unique_ptr<llvm::MemoryBuffer> file = readInputFile(path, reason);
  if (!file)
    (void)failFile(path, reason);
  return file;
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
  std::unique_ptr<llvm::MemoryBuffer> file = readFile(path);
  if (!file)
    return {};
  return parse(std::move(file), path, verify, flags);
}

OwningOpRef<ModuleOp> Workload::parse(std::unique_ptr<llvm::MemoryBuffer> file,
                                      StringRef path, bool verify,
                                      const ModelFlags *flags) {
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
  if (module && frontend::holdsFunctions(*module))
    return frontend::convertFunctions(*module);
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

LogicalResult Workload::openJsonSchedule(StringRef path) {
  Diagnostics diags;
  if (std::optional<JsonValue> text =
          parseSourceJson(scheduleText->getBuffer(), path, diags))
    json = exporting::readSchedule(*text, &context, diags);
  diags.print(llvm::errs());
  if (json)
    mapping = std::move(json->mapping);
  return success(json && !diags.hasErrors());
}

LogicalResult Workload::openMlirSchedule(StringRef path) {
  // Names are verified once the mapping stands beside its cascade.
  program = parse(
      llvm::MemoryBuffer::getMemBuffer(scheduleText->getMemBufferRef()), path,
      /*verify=*/false);
  if (!program)
    return failure();
  schedule::MappingOp found;
  for (auto op : program->getOps<schedule::MappingOp>()) {
    if (failed(op->getName().verifyInvariants(op)))
      return failure();
    if (found)
      return op.emitError() << "the file holds more than one schedule.mapping";
    found = op;
  }
  if (!found)
    return failFile(path, "the file holds no schedule.mapping");
  found->remove();
  mapping = found;
  return success();
}

LogicalResult Workload::openSchedule(StringRef path) {
  if (!scheduleText)
    scheduleText = readFile(path);
  if (!scheduleText)
    return failure();
  return path.ends_with(".json") ? openJsonSchedule(path)
                                 : openMlirSchedule(path);
}

std::string einsum::printProgram(CascadeOp cascade) {
  std::string text;
  llvm::raw_string_ostream os(text);
  cascade->print(os);
  os << "\n";
  return text;
}

std::string einsum::fingerprint(StringRef program) {
  return llvm::utohexstr(llvm::xxh3_64bits(program), /*LowerCase=*/true, 16);
}

Bindings einsum::listBinding(CascadeOp cascade) {
  Bindings binding;
  for (auto [name, value] :
       llvm::zip(cascade.getParamNames().getAsRange<StringAttr>(),
                 cascade.getParamValues()))
    if (value != CascadeOp::kUnbound)
      binding.push_back({name.str(), value});
  return binding;
}

static bool hasParameter(CascadeOp cascade, StringRef name) {
  return llvm::is_contained(
      cascade.getParamNames(),
      cast<Attribute>(StringAttr::get(cascade.getContext(), name)));
}

LogicalResult Workload::readScheduleFile(StringRef path, CascadeOp cascade) {
  if (failed(openSchedule(path)))
    return failure();
  Bindings missing;
  Diagnostics diags;
  auto offer = [&](StringRef name, int64_t value, const SourceLocation *loc) {
    if (!hasParameter(cascade, name))
      return;
    std::optional<int64_t> ours = cascade.getParam(name);
    if (!ours)
      missing.push_back({name.str(), value});
    else if (*ours != value && loc)
      diags.error(*loc, "the schedule is for " + name + "=" +
                            llvm::Twine(value) + ", but the workload has " +
                            name + "=" + llvm::Twine(*ours) + "; add --bind " +
                            name + "=" + llvm::Twine(value));
  };
  if (json)
    for (const exporting::LocatedBinding &binding : json->binding)
      offer(binding.name, binding.value, &binding.loc);
  else if (auto theirs =
               program->lookupSymbol<CascadeOp>(mapping->getCascade()))
    for (const auto &[name, value] : listBinding(theirs))
      offer(name, value, nullptr);
  diags.print(llvm::errs());
  return success(!diags.hasErrors() &&
                 succeeded(bindParameters(cascade, missing)));
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

/// The cascade that came with the mapping, if any, as the module of its own.
FailureOr<CascadeOp> Workload::takeProgram() {
  std::string name = mapping->getCascade().str();
  if (json) {
    if (json->program.empty())
      return CascadeOp();
    llvm::SourceMgr source;
    source.AddNewSourceBuffer(
        llvm::MemoryBuffer::getMemBufferCopy(
            json->program, json->programLoc.file + " (program)"),
        llvm::SMLoc());
    if (failed(checkNesting(*source.getMemoryBuffer(source.getMainFileID()))))
      return failure();
    program = parseSourceFile<ModuleOp>(source, ParserConfig(&context));
    if (!program)
      return failure();
    name = "";
  } else if (!program->lookupSymbol<CascadeOp>(name)) {
    return CascadeOp();
  } else if (failed(verify(*program))) {
    return failure();
  }
  module = std::move(program);
  return chooseCascade(name);
}

FailureOr<CascadeOp> Workload::adoptProgram(CascadeOp cascade,
                                            StringRef written) {
  if (!json) {
    auto origin = (*mapping)->getAttrOfType<StringAttr>(kDerivedFrom);
    if (!origin || origin.getValue() != fingerprint(written))
      return cascade;
  } else {
    std::string ours = printProgram(cascade);
    if (json->program.empty() || json->program == ours)
      return cascade;
    bool isOrigin = json->origin.empty()
                        ? !json->derivedFrom.empty() &&
                              json->derivedFrom == fingerprint(written)
                        : json->origin == written;
    if (!isOrigin) {
      Diagnostics diags;
      diags.error(json->programLoc,
                  "the schedule is of another program: " +
                      (json->origin.empty()
                           ? describeDifference(ours, json->program)
                           : describeDifference(written, json->origin)));
      diags.print(llvm::errs());
      return failure();
    }
  }
  FailureOr<CascadeOp> derived = takeProgram();
  return succeeded(derived) && !*derived ? cascade : derived;
}

FailureOr<CascadeOp> Workload::readProgramOf(StringRef path) {
  if (failed(openSchedule(path)))
    return failure();
  return takeProgram();
}

FailureOr<schedule::MappingOp> Workload::readMapping(StringRef path,
                                                     CascadeOp cascade) {
  if (!mapping && failed(openSchedule(path)))
    return failure();
  schedule::MappingOp placed = *mapping;
  if (placed.getCascade() != cascade.getSymName())
    return placed.emitError()
           << "maps cascade '" << placed.getCascade()
           << "', but the workload is '" << cascade.getSymName() << "'";
  // Beside its cascade a mapping can be verified.
  cascade->getBlock()->getOperations().insertAfter(cascade->getIterator(),
                                                   mapping.release());
  if (succeeded(verify(*module)))
    return placed;
  if (program && program->lookupSymbol<CascadeOp>(placed.getCascade()))
    llvm::errs() << path << ": note: this file holds a cascade '"
                 << placed.getCascade()
                 << "' of its own; to take that one, give the file as the "
                    "workload too\n";
  return failure();
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
