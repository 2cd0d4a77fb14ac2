//===- SampleCoordinates.cpp - Values that are coordinates ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Interpreter/SampleCoordinates.h"

#include "dialects/Einsum/Gathers.h"
#include "lib/Interpreter/EinsumKernel.h"
#include "lib/Interpreter/SampleData.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::interp;

namespace {

/// The values that each element of one input may have.
class Choices {
public:
  Choices(InputOp input, const TensorMap &inputs)
      : input(input), inputs(inputs),
        ranges(inputs.find(input.getTensor().str())->second.size(),
               {-EinsumKernel::kMostGathered, EinsumKernel::kMostGathered}) {}

  /// Narrows them by what the Einsum reads; true if it gathers by the input.
  bool narrow(const EinsumKernel &kernel);
  llvm::ArrayRef<Interval> get() const { return ranges; }

private:
  InputOp input;
  const TensorMap &inputs;
  std::vector<Interval> ranges;

  void narrow(const EinsumKernel &kernel, unsigned gather,
              const IndexFunction &index, int64_t extent);
  void narrowAt(const EinsumKernel &kernel, unsigned gather,
                const IndexFunction &index, int64_t extent,
                std::vector<int64_t> &point);
  /// Position of the element that an access reads; nullopt outside.
  static std::optional<uint64_t> positionOf(const KernelAccess &access,
                                            const int64_t *point);
  int64_t valueOf(const KernelAccess &access, const int64_t *point) const;
};

} // namespace

std::optional<uint64_t> Choices::positionOf(const KernelAccess &access,
                                            const int64_t *point) {
  for (auto [index, extent] : llvm::zip_equal(access.indices, access.extents)) {
    int64_t at = index.evaluate(point);
    if (at < 0 || at >= extent)
      return std::nullopt;
  }
  return access.flatten(point);
}

/// Of another index in the same coordinate; what is computed counts as 0.
int64_t Choices::valueOf(const KernelAccess &access,
                         const int64_t *point) const {
  auto other = access.tensor.getDefiningOp<InputOp>();
  auto position = positionOf(access, point);
  auto tensor = other ? inputs.find(other.getTensor().str()) : inputs.end();
  if (!position || tensor == inputs.end())
    return 0;
  return static_cast<int64_t>(tensor->second.toDouble(*position));
}

void Choices::narrowAt(const EinsumKernel &kernel, unsigned gather,
                       const IndexFunction &index, int64_t extent,
                       std::vector<int64_t> &point) {
  const KernelAccess &own = kernel.accesses[kernel.gathered[gather]];
  auto position = positionOf(own, point.data());
  if (!position)
    return;
  size_t ranks = kernel.ranks.size();
  for (auto [i, operand] : llvm::enumerate(kernel.gathered))
    point[ranks + i] = valueOf(kernel.accesses[operand], point.data());
  point[ranks + gather] = 0;
  int64_t rest = index.evaluate(point.data());
  point[ranks + gather] = 1;
  int64_t factor = index.evaluate(point.data()) - rest;
  // 0 <= rest + factor * value <= extent - 1
  int64_t low = -rest, high = extent - 1 - rest;
  if (factor == 0)
    return;
  if (factor < 0) {
    std::swap(low, high);
    low = -low, high = -high, factor = -factor;
  }
  Interval &range = ranges[*position];
  range.low = std::max(range.low, llvm::divideCeilSigned(low, factor));
  range.high = std::min(range.high, llvm::divideFloorSigned(high, factor));
}

void Choices::narrow(const EinsumKernel &kernel, unsigned gather,
                     const IndexFunction &index, int64_t extent) {
  // Only the ranks that the coordinate and its indices depend on are walked.
  uint64_t used = index.getDimSet();
  for (auto [i, operand] : llvm::enumerate(kernel.gathered))
    if (used >> (kernel.ranks.size() + i) & 1)
      for (const IndexFunction &at : kernel.accesses[operand].indices)
        used |= at.getDimSet();
  std::vector<int64_t> point(kernel.countCoordinates(), 0);
  auto visit = [&](auto &&next, size_t dim) -> void {
    while (dim < kernel.ranks.size() && !(used >> dim & 1))
      ++dim;
    if (dim == kernel.ranks.size())
      return narrowAt(kernel, gather, index, extent, point);
    for (int64_t i = 0; i < kernel.extents[dim]; ++i) {
      point[dim] = i;
      next(next, dim + 1);
    }
  };
  visit(visit, 0);
}

bool Choices::narrow(const EinsumKernel &kernel) {
  bool found = false;
  for (auto [gather, operand] : llvm::enumerate(kernel.gathered)) {
    if (kernel.accesses[operand].tensor != input.getResult())
      continue;
    found = true;
    for (const KernelAccess &access : kernel.accesses)
      for (auto [index, extent] :
           llvm::zip_equal(access.indices, access.extents))
        if (index.getDimSet() >> (kernel.ranks.size() + gather) & 1)
          narrow(kernel, gather, index, extent);
  }
  return found;
}

static LogicalResult draw(InputOp input, Tensor &tensor,
                          ArrayRef<Interval> ranges, uint64_t seed) {
  Interval whole{-EinsumKernel::kMostGathered, EinsumKernel::kMostGathered};
  if (!tensor.format->isFloat) {
    whole.low = std::max(whole.low, tensor.format->smallestValue().integer);
    whole.high = std::min(whole.high, tensor.format->largestValue().integer);
  }
  for (auto [i, range] : llvm::enumerate(ranges)) {
    bool isFree = range.low == -EinsumKernel::kMostGathered &&
                  range.high == EinsumKernel::kMostGathered;
    int64_t low = std::max(range.low, whole.low),
            high = std::min(range.high, whole.high);
    if (low > high)
      return input.emitError()
             << "no value of '" << input.getTensor() << "' at position " << i
             << " keeps all coordinates that it is used in inside of their "
                "ranks; give it values, or keep the coordinates inside";
    if (isFree) // no point reads it
      low = high = 0;
    int64_t value = sampleBetween(input.getTensor(), seed, i, low, high);
    tensor.values[i] = tensor.format->isFloat
                           ? Scalar::ofReal(static_cast<double>(value))
                           : Scalar::ofInteger(value);
  }
  return success();
}

LogicalResult einsum::interp::fillWithCoordinates(
    CascadeOp cascade, TensorMap &inputs, uint64_t seed,
    llvm::function_ref<bool(StringRef)> isKept) {
  if (!findGather(cascade))
    return success();
  FailureOr<BoundCascade> bound = BoundCascade::create(cascade);
  if (failed(bound))
    return failure();
  std::vector<EinsumKernel> kernels;
  for (auto einsum : cascade.getBodyBlock()->getOps<EinsumInterface>()) {
    if (einsum.getGatheredOperands().empty())
      continue;
    FailureOr<EinsumKernel> kernel =
        EinsumKernel::create(einsum, *bound, Arithmetic::reference());
    if (failed(kernel))
      return failure();
    kernels.push_back(std::move(*kernel));
  }
  for (InputOp input : cascade.getBodyBlock()->getOps<InputOp>()) {
    auto tensor = inputs.find(input.getTensor().str());
    if (tensor == inputs.end() || (isKept && isKept(input.getTensor())))
      continue;
    Choices choices(input, inputs);
    bool isIndex = false;
    for (const EinsumKernel &kernel : kernels)
      isIndex |= choices.narrow(kernel);
    if (isIndex && failed(draw(input, tensor->second, choices.get(), seed)))
      return failure();
  }
  return success();
}
