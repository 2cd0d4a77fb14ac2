//===- Simulator.cpp - A schedule executed, move by move ------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/Simulator.h"

#include "lib/Interpreter/StoreTensor.h"
#include "lib/Simulator/Clock.h"
#include "lib/Simulator/Machine.h"
#include "lib/Simulator/Recorder.h"
#include "lib/Simulator/Replay.h"
#include "lib/Simulator/Space.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::sim;

/// Inputs in the formats of the arithmetic; outputs with nothing in them.
LogicalResult einsum::sim::prepareTensors(const Points &points,
                                          const interp::TensorMap &given,
                                          const interp::Arithmetic &arithmetic,
                                          interp::TensorMap &inputs,
                                          interp::TensorMap &outputs) {
  for (const TensorInfo &tensor : points.tensors) {
    bool isInput = tensor.producer < 0;
    if (!isInput && !tensor.isOutput)
      continue;
    const interp::NumberFormat *format =
        arithmetic.formatOf(getScalarType(tensor.elementType));
    if (!format)
      return emitError(tensor.loc)
             << "tensor '" << tensor.name << "' holds " << tensor.elementType
             << ", which cannot be executed";
    interp::Tensor values;
    values.name = tensor.name;
    values.format = format;
    for (int rank : tensor.ranks)
      values.ranks.push_back(points.ranks[rank].name);
    values.extents.assign(tensor.extents.begin(), tensor.extents.end());
    values.values.assign(tensor.elements, interp::Scalar::ofInteger(0));
    if (!isInput) {
      values.present.assign(tensor.elements, 0);
      outputs[tensor.name] = std::move(values);
      continue;
    }
    auto data = given.find(tensor.name);
    if (data == given.end() || data->second.extents != values.extents)
      return emitError(tensor.loc)
             << "input '" << tensor.name << "' has no values of its "
             << "extents";
    for (int64_t i = 0; i < tensor.elements; ++i)
      values.values[i] = data->second.format->isFloat || format->isFloat
                             ? format->fromDouble(data->second.toDouble(i))
                             : format->fit(data->second.values[i]);
    if (points.storesFormats) {
      FailureOr<interp::TensorStore> store =
          interp::TensorStore::create(tensor.value, values);
      if (failed(store))
        return failure();
      store->apply(values);
    }
    inputs[tensor.name] = std::move(values);
  }
  return success();
}

/// Every element of an output has arrived where its tensor lives.
static LogicalResult checkOutputs(Points &points, const Program &program,
                                  std::vector<CellBuilder> &builders,
                                  StoredTensors &stored, Simulation &result) {
  for (auto [id, tensor] : llvm::enumerate(points.tensors)) {
    if (!tensor.isOutput || tensor.producer < 0)
      continue;
    interp::Tensor &output = result.outputs.find(tensor.name)->second;
    for (int64_t element = 0; element < tensor.elements; ++element) {
      if (output.present[element] || !tensor.present[element])
        continue;
      if (tensor.points[element] > 0)
        return program.nodes[program.leafOf[tensor.producer]].op->emitError()
               << "output '" << tensor.describe(element)
               << "' never arrives complete where '" << tensor.name
               << "' lives; it is made here";
      output.values[element] = builders[tensor.producer].getValue(
          builders[tensor.producer].makeIdentity(), element, tensor.result);
      output.present[element] = 1;
    }
    for (int64_t element = 0; stored.isStored(id) && element < tensor.elements;
         ++element)
      if (output.present[element])
        if (auto value = stored.read(id, element);
            std::holds_alternative<double>(value))
          output.values[element] =
              interp::Scalar::ofReal(std::get<double>(value));
    if (llvm::all_of(output.present,
                     [](uint8_t present) { return present != 0; }))
      output.present.clear();
  }
  return success();
}

FailureOr<Simulation> einsum::sim::simulate(schedule::MappingOp mapping,
                                            const arch::ArchSpec &arch,
                                            const interp::TensorMap &inputs,
                                            const SimulationOptions &options) {
  CascadeOp cascade = schedule::lookupCascade(mapping);
  FailureOr<Points> points =
      Points::create(cascade, options.arithmetic, options.limit);
  if (failed(points))
    return failure();
  if (arch.accounting.onePerPoint)
    for (EinsumInfo &einsum : points->einsums)
      einsum.operators = {{"compute", 1}};
  FailureOr<Program> program = Program::create(mapping, *points, arch);
  if (failed(program))
    return failure();
  for (int leaf : program->leaves)
    if (failed(cyclesPerRun(program->nodes[leaf], *points, arch)))
      return failure();
  FailureOr<Plan> plan = makePlan(*points, *program, options.limit);
  if (failed(plan))
    return failure();
  Simulation result;
  interp::TensorMap operands;
  if (failed(prepareTensors(*points, inputs, options.arithmetic, operands,
                            result.outputs)))
    return failure();
  Ledger ledger(*points, *program, arch, result);
  Machine machine(*points, *program, *plan, arch, ledger, operands, result);
  std::optional<Recorder> recorder;
  if (options.commands) {
    lowering::CommandStream &stream = *options.commands;
    stream = {};
    stream.cascade = cascade.getSymName().str();
    stream.arch = arch.name;
    stream.schedule = mapping.getSymName().str();
    for (const arch::Level &level : arch.levels)
      stream.levels.push_back(level.name);
    for (const arch::Array &array : arch.arrays)
      stream.arrays.push_back(array.name);
    for (const arch::Engine &engine : arch.engines)
      stream.engines.push_back(engine.name);
    machine.record(&recorder.emplace(*points, *program, stream));
  }
  if (!machine.execute() ||
      failed(checkOutputs(*points, *program, machine.getBuilders(),
                          machine.getStored(), result)))
    return failure();
  if (recorder)
    recorder->finish();
  if (ledger.hasOverflowed())
    return mapping.emitError("a count exceeds 64 bits");
  for (auto [level, peak] :
       llvm::zip(result.levels, measurePeaks(*program, *plan, arch)))
    level.peakBytes = peak;
  measureTime(*points, *program, *plan, ledger, arch, options.timeline, result);
  return std::move(result);
}
