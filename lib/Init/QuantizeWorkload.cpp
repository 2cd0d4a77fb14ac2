//===- QuantizeWorkload.cpp - Number formats asked for, or chosen ---------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/QuantizeWorkload.h"

#include "lib/Analysis/CascadeFacts.h"
#include "lib/Init/ChooseFormats.h"
#include "lib/Init/MachineFloor.h"
#include "lib/Init/OptionValues.h"
#include "lib/Quant/Rearrange.h"

#include <cmath>

using namespace mlir;
using namespace einsum;
using exporting::QuantizeReport;

bool einsum::checkQuantize(const QuantizeRequest &request) {
  std::string error;
  if (!parseAutoSpec(request.text, error)) {
    auto spec = quant::parseSpec(request.text);
    if (auto *message = std::get_if<std::string>(&spec))
      error = *message;
  }
  if (!error.empty())
    return failOption("--quantize", error);
  if (request.accumulatorBits < 8 || request.accumulatorBits > 64)
    return failOption("--accumulator", "takes 8 to 64 bits, found " +
                                           Twine(request.accumulatorBits));
  return true;
}

quant::NativeProducts einsum::listNative(const arch::ArchSpec &arch) {
  quant::NativeProducts native;
  for (const arch::Array &array : arch.arrays)
    for (const auto &[datatype, ops] : array.opsByDatatype) {
      if (ops.count("abs") && ops.count("max"))
        native.measuring.insert(datatype);
      if (!ops.count("mac") && !(ops.count("mul") && ops.count("add")))
        continue;
      native.datatypes.insert(datatype);
      if (ops.count("convert"))
        native.decoding.insert(datatype);
    }
  // Arrays of any datatype multiply everything.
  native.isAny = llvm::any_of(arch.arrays, [](const arch::Array &array) {
    return array.datatypes.empty() && array.findOp("mac");
  });
  return native;
}

/// What the cascade would take at least, so quantised.
static double estimateQuantised(CascadeOp cascade,
                                quant::QuantizeOptions options,
                                const arch::ArchSpec &arch) {
  ScopedDiagnosticHandler quiet(cascade.getContext(),
                                [](mlir::Diagnostic &) { return success(); });
  OwningOpRef<ModuleOp> copy =
      cast<ModuleOp>(cascade->getParentOfType<ModuleOp>()->clone());
  auto quantised = copy->lookupSymbol<CascadeOp>(cascade.getSymNameAttr());
  options.notes = nullptr;
  if (failed(quant::quantize(quantised, options)))
    return INFINITY;
  FailureOr<CascadeFacts> facts = computeCascadeFacts(quantised);
  return failed(facts) ? INFINITY : estimateSeconds(*facts, arch);
}

LogicalResult einsum::quantizeFor(CascadeOp cascade,
                                  quant::QuantizeOptions options,
                                  const arch::ArchSpec *arch,
                                  StringRef objective) {
  quant::NativeProducts &native = options.explicitForm.native;
  native = quant::NativeProducts();
  native.isAny = !arch;
  options.keepStored |= !arch;
  if (arch)
    native = listNative(*arch);
  if (objective == "latency" && !native.decoding.empty()) {
    quant::QuantizeOptions before = options;
    before.explicitForm.native.decoding.clear();
    if (estimateQuantised(cascade, before, *arch) <
        estimateQuantised(cascade, options, *arch))
      native.decoding.clear();
  }
  return quant::quantize(cascade, options);
}

/// `weights=int8 explicit,...`, or the inputs that are multiplied and summed.
static std::string askFor(CascadeOp cascade, StringRef format) {
  CascadeEditor editor(cascade);
  std::vector<std::string> names;
  bool hasWeights = false, hasActivations = false;
  for (const quant::TensorRole &role : quant::findRoles(editor)) {
    if (role.summed.empty())
      continue;
    hasWeights |= role.isWeight;
    hasActivations |= !role.isWeight && role.isMultipliedWithWeight;
    if (role.isInput)
      names.push_back(getTensorName(role.tensor).str());
  }
  if (hasWeights && hasActivations)
    names = {"weights", "activations"};
  std::string text;
  for (const std::string &name : names)
    text += (text.empty() ? "" : ",") + name + "=" + format.str() + " explicit";
  return text;
}

std::string einsum::suggestFormats(CascadeOp cascade,
                                   const arch::ArchSpec &arch) {
  FailureOr<CascadeFacts> facts = computeCascadeFacts(cascade);
  if (failed(facts) || computeLoad(*facts, arch).lacking.empty())
    return {};
  quant::NativeProducts native = listNative(arch);
  ScopedDiagnosticHandler quiet(cascade.getContext(),
                                [](mlir::Diagnostic &) { return success(); });
  for (StringRef bits : {"8", "16", "4"}) {
    if (!native.datatypes.contains(("i" + bits).str()))
      continue;
    std::string text = askFor(cascade, ("int" + bits).str());
    auto spec = quant::parseSpec(text);
    if (text.empty() || !std::get_if<quant::QuantizeSpec>(&spec))
      return {};
    OwningOpRef<ModuleOp> copy =
        cast<ModuleOp>(cascade->getParentOfType<ModuleOp>()->clone());
    auto tried = copy->lookupSymbol<CascadeOp>(cascade.getSymNameAttr());
    quant::QuantizeOptions options{std::get<quant::QuantizeSpec>(spec), {}};
    if (failed(quantizeFor(tried, options, &arch, "energy")))
      continue;
    FailureOr<CascadeFacts> made = computeCascadeFacts(tried);
    if (succeeded(made) && computeLoad(*made, arch).lacking.empty())
      return "'" + arch.name + "' multiplies i" + bits.str() +
             ", and computes what is left of the cascade in f32: "
             "--quantize=\"" +
             text + "\" has an array for every Einsum";
  }
  return {};
}

/// What each selected tensor becomes, of the cascade as written.
static LogicalResult listTensors(CascadeOp cascade,
                                 const quant::QuantizeSpec &spec,
                                 QuantizeReport &report) {
  // Remarks come with the rewrite itself.
  ScopedDiagnosticHandler quiet(
      cascade.getContext(), [](mlir::Diagnostic &diagnostic) {
        return success(diagnostic.getSeverity() == DiagnosticSeverity::Remark);
      });
  CascadeEditor editor(cascade);
  auto assignments = quant::selectTensors(editor, spec);
  if (failed(assignments))
    return failure();
  for (const quant::Assignment &assignment : *assignments) {
    quant::TensorShape shape = quant::getShape(cascade, assignment.tensor);
    auto region =
        formats::layOut(assignment.storage, shape.ranks, shape.extents);
    const auto &laidOut = std::get<formats::Region>(region);
    auto type = cast<NamedTensorType>(assignment.tensor.getType());
    QuantizeReport::Tensor tensor;
    tensor.name = getTensorName(assignment.tensor).str();
    tensor.format = assignment.storage.toText();
    tensor.form =
        assignment.form == quant::Form::stored ? "stored" : "explicit";
    tensor.bitsPerElement =
        formats::getBitsPerElement(assignment.storage, laidOut).toDouble();
    uint64_t elements = laidOut.countElements();
    tensor.bytesBefore =
        llvm::SaturatingMultiply(elements, type.getElementBits()) / 8;
    tensor.bytesAfter =
        llvm::divideCeil(formats::countBits(assignment.storage, laidOut), 8);
    report.tensors.push_back(std::move(tensor));
  }
  return success();
}

/// The floor of a cascade; an error, where the quantised one needs what no
/// array has.
static FailureOr<std::optional<QuantizeReport::Floor>>
findFloor(CascadeOp cascade, const arch::ArchSpec *arch, bool isQuantised) {
  FailureOr<CascadeFacts> facts = computeCascadeFacts(cascade);
  if (!arch)
    return std::optional<QuantizeReport::Floor>();
  if (failed(facts))
    return failure();
  MachineLoad load = computeLoad(*facts, *arch);
  if (!load.lacking.empty()) {
    if (isQuantised)
      return cascade.emitError()
             << "after quantising, " << load.lacking
             << "; codes and scales of explicit formats are computed in f32, "
                "stored ones are decoded to the type of the cascade";
    return std::optional<QuantizeReport::Floor>();
  }
  return std::optional(makeFloor(load, *arch));
}

/// What was asked to be rearranged and was refused is not.
static void markRearranged(CascadeOp cascade, QuantizeReport &report) {
  for (QuantizeReport::Tensor &tensor : report.tensors)
    for (RankOp rank : cascade.getBodyBlock()->getOps<RankOp>())
      if (auto by = rank->getAttrOfType<StringAttr>(kRearrangedBy);
          by && by.getValue() == tensor.name)
        tensor.form += rank->hasAttr(kScaledUp) ? ", balanced" : ", rearranged";
}

static ExitCode apply(CascadeOp cascade, const QuantizeRequest &request,
                      const quant::QuantizeSpec &spec,
                      const arch::ArchSpec *arch, StringRef objective,
                      QuantizeReport &report) {
  if (failed(listTensors(cascade, spec, report)))
    return ExitCode::BadInput;
  auto before = findFloor(cascade, arch, /*isQuantised=*/false);
  if (failed(before))
    return ExitCode::BadInput;
  report.before = *before;
  if (request.measure) {
    auto bench = ErrorBench::create(cascade, {spec}, request.measured);
    if (failed(bench))
      return ExitCode::BadInput;
    auto execution = bench->measure(spec);
    if (failed(execution))
      return ExitCode::BadInput;
    report.execution = std::move(*execution);
  }
  quant::QuantizeOptions options{spec, {}};
  options.explicitForm.accumulatorBits = request.accumulatorBits;
  options.notes = &report.notes;
  ScopedDiagnosticHandler remarks(
      cascade.getContext(), [&](mlir::Diagnostic &diagnostic) {
        return success(diagnostic.getSeverity() == DiagnosticSeverity::Remark &&
                       !request.explain);
      });
  if (failed(quantizeFor(cascade, options, arch, objective)))
    return ExitCode::BadInput;
  markRearranged(cascade, report);
  auto after = findFloor(cascade, arch, /*isQuantised=*/true);
  if (failed(after))
    return ExitCode::BadInput;
  report.after = *after;
  return ExitCode::Ok;
}

ExitCode einsum::quantizeWorkload(CascadeOp cascade,
                                  const QuantizeRequest &request,
                                  const arch::ArchSpec *arch,
                                  StringRef objective, QuantizeReport &report) {
  report.requested = request.text;
  std::string error;
  quant::QuantizeSpec spec;
  if (std::optional<AutoSpec> choice = parseAutoSpec(request.text, error)) {
    ExitCode code =
        chooseFormats(cascade, *choice, request, arch, objective, report, spec);
    if (code != ExitCode::Ok)
      return code;
  } else {
    auto parsed = quant::parseSpec(request.text);
    spec = std::get<quant::QuantizeSpec>(std::move(parsed)); // checked
  }
  report.applied = quant::printSpec(spec);
  return apply(cascade, request, spec, arch, objective, report);
}
