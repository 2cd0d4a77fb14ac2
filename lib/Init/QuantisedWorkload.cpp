//===- QuantisedWorkload.cpp - What a quantised schedule computes ---------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Init/QuantisedWorkload.h"

#include "lib/Init/QuantizeWorkload.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::interp;

FailureOr<QuantisedWorkload>
QuantisedWorkload::create(CascadeOp cascade,
                          const exporting::ScheduleFormats &formats,
                          const arch::ArchSpec &arch) {
  auto spec = quant::parseSpec(formats.formats);
  if (auto *error = std::get_if<std::string>(&spec))
    return cascade.emitError()
           << "the schedule was quantised by '" << formats.formats
           << "', which cannot be understood: " << *error;
  QuantisedWorkload made;
  made.formats = formats.formats;
  made.quantised = cascade;
  made.module = cast<ModuleOp>(cascade->getParentOfType<ModuleOp>()->clone());
  made.written = made.module->lookupSymbol<CascadeOp>(cascade.getSymName());
  quant::QuantizeOptions options{std::get<quant::QuantizeSpec>(spec), {}};
  options.explicitForm.accumulatorBits = formats.accumulatorBits;
  options.computeAll = true;
  // What was done was said when the schedule was made.
  ScopedDiagnosticHandler quiet(
      cascade.getContext(), [](mlir::Diagnostic &diagnostic) {
        return success(diagnostic.getSeverity() == DiagnosticSeverity::Remark);
      });
  if (failed(quantizeFor(cascade, options, &arch, formats.objective)))
    return failure();
  return std::move(made);
}

/// Null if there is none of this name.
static Value findTensor(CascadeOp cascade, StringRef name) {
  for (Operation &op : *cascade.getBodyBlock())
    for (Value value : op.getResults())
      if (isa<NamedTensorType>(value.getType()) && getTensorName(value) == name)
        return value;
  return {};
}

static SmallVector<int64_t> getExtents(CascadeOp cascade, Value tensor) {
  return llvm::map_to_vector(
      cast<NamedTensorType>(tensor.getType()).getRanks(), [&](StringAttr rank) {
        return cascade.findRank(rank).getBoundExtent().value_or(0);
      });
}

bool QuantisedWorkload::checkInputs(CascadeOp scheduled) const {
  CascadeOp ours = quantised;
  bool ok = true;
  for (InputOp input : scheduled.getBodyBlock()->getOps<InputOp>()) {
    Value tensor = findTensor(ours, input.getTensor());
    if (tensor &&
        getExtents(ours, tensor) == getExtents(scheduled, input.getResult()))
      continue;
    input.emitError() << "input '" << input.getTensor()
                      << "' of the schedule's cascade is no tensor of these "
                         "extents in the workload, quantised by '"
                      << formats << "'";
    ok = false;
  }
  return ok;
}

TensorMap QuantisedWorkload::makeInputs(CascadeOp scheduled,
                                        const TensorMap &inputs,
                                        const Interpretation &values) const {
  TensorMap made;
  for (InputOp input : scheduled.getBodyBlock()->getOps<InputOp>()) {
    std::string name = input.getTensor().str();
    auto given = inputs.find(name);
    made[name] = given == inputs.end() ? *values.find(name) : given->second;
  }
  return made;
}
