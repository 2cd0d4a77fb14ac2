//===- Interpreter.cpp - A cascade evaluated from its definition ----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Interpreter/Interpreter.h"

#include "lib/Interpreter/EvaluateEinsum.h"
#include "lib/Interpreter/StoreTensor.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::interp;

const Tensor *Interpretation::find(StringRef name) const {
  for (const Tensor &tensor : tensors)
    if (name == tensor.name && !name.empty())
      return &tensor;
  return nullptr;
}

FailureOr<uint64_t> einsum::interp::countPoints(CascadeOp cascade) {
  FailureOr<BoundCascade> bound = BoundCascade::create(cascade);
  if (failed(bound))
    return failure();
  uint64_t total = 0;
  for (Operation &op : *cascade.getBodyBlock()) {
    auto einsum = dyn_cast<EinsumInterface>(op);
    if (!einsum)
      continue;
    uint64_t points = 1;
    bool overflows = false;
    for (StringAttr rank : einsum.getIterationRanks())
      overflows |=
          __builtin_mul_overflow(points, bound->extents.lookup(rank), &points);
    if (overflows || __builtin_add_overflow(total, points, &total))
      return op.emitError()
             << "the iteration spaces have more than 2^64 - 1 points";
  }
  return total;
}

static FailureOr<Tensor> makeTensor(const BoundCascade &bound, Value value,
                                    StringRef name,
                                    const NumberFormat &format) {
  auto type = cast<NamedTensorType>(value.getType());
  FailureOr<std::vector<int64_t>> extents =
      bound.getExtents(type, value.getLoc());
  if (failed(extents))
    return failure();
  Tensor tensor;
  tensor.name = name.str();
  for (StringAttr rank : type.getRanks())
    tensor.ranks.push_back(rank.str());
  uint64_t size = 1;
  for (int64_t extent : *extents)
    size *= extent;
  tensor.extents = std::move(*extents);
  tensor.format = &format;
  tensor.values.assign(size, Scalar::ofInteger(0)); // all bits 0: also 0.0
  return tensor;
}

FailureOr<Tensor> einsum::interp::makeTensor(CascadeOp cascade, Value value,
                                             StringRef name,
                                             const NumberFormat &format) {
  FailureOr<BoundCascade> bound = BoundCascade::create(cascade);
  if (failed(bound))
    return failure();
  return ::makeTensor(*bound, value, name, format);
}

namespace {

class Interpreter {
public:
  Interpreter(CascadeOp cascade, const TensorMap &inputs,
              const InterpretOptions &options)
      : cascade(cascade), inputs(inputs), options(options) {}

  FailureOr<Interpretation> run();

private:
  LogicalResult checkSize();
  LogicalResult prepareKernels();
  LogicalResult addTensor(Value value, StringRef name);
  LogicalResult addInput(InputOp input);
  LogicalResult evaluate();
  LogicalResult storeResults(Operation *einsum, ArrayRef<LoopStep> around);

  CascadeOp cascade;
  const TensorMap &inputs;
  const InterpretOptions &options;
  BoundCascade bound;
  Kernels kernels;
  llvm::DenseMap<Value, TensorStore> stores;
  Interpretation result;
};

} // namespace

/// Before any memory is taken.
LogicalResult Interpreter::checkSize() {
  FailureOr<uint64_t> points = countPoints(cascade);
  if (failed(points))
    return failure();
  uint64_t elements = 0;
  auto add = [&](Value value) -> LogicalResult {
    FailureOr<std::vector<int64_t>> extents = bound.getExtents(
        cast<NamedTensorType>(value.getType()), value.getLoc());
    if (failed(extents))
      return failure();
    uint64_t size = 1;
    for (int64_t extent : *extents)
      size *= extent;
    elements = llvm::SaturatingAdd(elements, size);
    return success();
  };
  for (Operation &op : *cascade.getBodyBlock())
    if (isa<InputOp, EinsumInterface>(op))
      for (Value value : op.getResults())
        if (failed(add(value)))
          return failure();
  if (uint64_t size = std::max(*points, elements); size > options.maxPoints)
    return cascade.emitError()
           << "cascade '" << cascade.getSymName() << "' has " << *points
           << " points and " << elements << " elements, more than the "
           << options.maxPoints << " that are allowed; choose smaller extents";
  return success();
}

LogicalResult Interpreter::prepareKernels() {
  for (Operation &op : *cascade.getBodyBlock()) {
    auto einsum = dyn_cast<EinsumInterface>(op);
    if (!einsum)
      continue;
    FailureOr<EinsumKernel> kernel =
        EinsumKernel::create(einsum, bound, options.arithmetic);
    if (failed(kernel))
      return failure();
    kernels[&op] = std::make_unique<EinsumKernel>(std::move(*kernel));
  }
  return success();
}

LogicalResult Interpreter::addTensor(Value value, StringRef name) {
  Type element = cast<NamedTensorType>(value.getType()).getElementType();
  const NumberFormat *format =
      options.arithmetic.formatOf(getScalarType(element));
  if (!format)
    return emitError(value.getLoc())
           << "tensor '" << name << "' holds " << element
           << ", but the interpreter computes with scalars of at most 64 bits";
  FailureOr<Tensor> tensor = ::makeTensor(bound, value, name, *format);
  if (failed(tensor))
    return failure();
  if (options.arithmetic.storesFormats()) {
    FailureOr<TensorStore> store = TensorStore::create(value, *tensor);
    if (failed(store))
      return failure();
    if (!store->isPlain())
      stores.insert({value, std::move(*store)});
  }
  result.positions[value] = result.tensors.size();
  result.tensors.push_back(std::move(*tensor));
  return success();
}

/// Rounds to their formats what an Einsum has made of its results.
LogicalResult Interpreter::storeResults(Operation *einsum,
                                        ArrayRef<LoopStep> around) {
  for (Value value : einsum->getResults()) {
    auto store = stores.find(value);
    if (store == stores.end())
      continue;
    Tensor &tensor = result.tensors[result.positions.lookup(value)];
    SmallVector<StringAttr> loops;
    for (const LoopStep &step : around)
      loops.push_back(step.rank);
    if (failed(store->second.checkLoops(value, tensor, loops)))
      return failure();
    store->second.apply(tensor, around);
  }
  return success();
}

LogicalResult Interpreter::addInput(InputOp input) {
  if (failed(addTensor(input.getResult(), input.getTensor())))
    return failure();
  Tensor &tensor = result.tensors.back();
  auto given = inputs.find(tensor.name);
  if (given == inputs.end())
    return input.emitError() << "input '" << tensor.name << "' has no values";
  const Tensor &data = given->second;
  if (data.extents != tensor.extents) {
    auto list = [](ArrayRef<int64_t> extents) {
      return "[" +
             llvm::join(
                 llvm::map_range(extents,
                                 [](int64_t e) { return std::to_string(e); }),
                 ", ") +
             "]";
    };
    return input.emitError()
           << "the values given for input '" << tensor.name << "' have extents "
           << list(data.extents) << ", but the cascade's are "
           << list(tensor.extents);
  }
  for (uint64_t i = 0; i < tensor.size(); ++i)
    tensor.values[i] = data.format->isFloat || tensor.format->isFloat
                           ? tensor.format->fromDouble(data.toDouble(i))
                           : tensor.format->fit(data.values[i]);
  Type scalar = getScalarType(
      cast<NamedTensorType>(input.getResult().getType()).getElementType());
  if (const NumberFormat *format = options.arithmetic.tensorFormatOf(scalar))
    for (Scalar &value : tensor.values)
      value = format->fit(value);
  if (auto store = stores.find(input.getResult()); store != stores.end())
    store->second.apply(tensor);
  return success();
}

LogicalResult Interpreter::evaluate() {
  Presence presence = Presence::compute(bound, kernels);
  for (Operation &op : *cascade.getBodyBlock())
    if (auto kernel = kernels.find(&op);
        kernel != kernels.end() &&
        failed(presence.checkGathers(*kernel->second)))
      return failure();
  llvm::DenseMap<Operation *, std::unique_ptr<EinsumEvaluator>> evaluators;
  for (auto &[op, kernel] : kernels) {
    SmallVector<const Tensor *> operands;
    for (const KernelAccess &access : kernel->accesses)
      operands.push_back(&result.get(access.tensor));
    SmallVector<Tensor *> results;
    for (Value value : op->getResults()) {
      results.push_back(&result.tensors[result.positions.lookup(value)]);
      results.back()->present = presence.getMask(*kernel);
    }
    evaluators[op] =
        std::make_unique<EinsumEvaluator>(*kernel, presence, operands, results);
  }
  return bound.walk([&](Operation *einsum, ArrayRef<LoopStep> around) {
    if (failed(evaluators[einsum]->run(around)))
      return failure();
    return storeResults(einsum, around);
  });
}

FailureOr<Interpretation> Interpreter::run() {
  FailureOr<BoundCascade> created = BoundCascade::create(cascade);
  if (failed(created))
    return failure();
  bound = std::move(*created);
  if (failed(checkSize()) || failed(prepareKernels()))
    return failure();
  for (InputOp input : cascade.getBodyBlock()->getOps<InputOp>())
    if (failed(addInput(input)))
      return failure();
  for (Operation &op : *cascade.getBodyBlock())
    if (auto einsum = dyn_cast<EinsumInterface>(op))
      for (auto [name, value] :
           llvm::zip_equal(einsum.getTensorNames(), op.getResults()))
        if (failed(addTensor(value, name)))
          return failure();
  if (failed(evaluate()))
    return failure();
  return std::move(result);
}

FailureOr<Interpretation>
einsum::interp::interpret(CascadeOp cascade, const TensorMap &inputs,
                          const InterpretOptions &options) {
  return Interpreter(cascade, inputs, options).run();
}
