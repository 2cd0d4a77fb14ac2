//===- StoreTensor.cpp - What a tensor holds once it is stored ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Interpreter/StoreTensor.h"

#include "lib/Support/Formats/Encode.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::interp;

FailureOr<TensorStore> TensorStore::create(Value value, const Tensor &tensor) {
  auto found =
      findStorage(cast<NamedTensorType>(value.getType()), tensor.extents);
  if (auto *message = std::get_if<std::string>(&found))
    return emitError(value.getLoc())
           << "tensor '" << tensor.name << "': " << *message;
  TensorStore store;
  store.stored = std::move(std::get<TensorStorage>(found));
  return store;
}

LogicalResult TensorStore::checkLoops(Value value, const Tensor &tensor,
                                      ArrayRef<StringAttr> loops) const {
  if (isPlain())
    return success();
  for (auto [i, rank] : llvm::enumerate(tensor.ranks)) {
    bool isLoop = llvm::any_of(
        loops, [&, &rank = rank](StringAttr loop) { return loop == rank; });
    bool isShared =
        stored.region.shape[i] > 1 || stored.storage->hasTensorScale();
    if (isLoop && isShared && stored.region.extents[i] > 1)
      return emitError(value.getLoc())
             << "tensor '" << tensor.name << "' is made step by step along '"
             << rank << "', and '" << stored.storage->toText()
             << "' shares a scale between steps, which is not known before the "
                "last one; share along other ranks";
  }
  return success();
}

/// Positions of the elements at fixed coordinates, and the region that they are
/// laid out in.
static std::vector<uint64_t> select(const Tensor &tensor,
                                    ArrayRef<LoopStep> around,
                                    formats::Region &region) {
  std::vector<uint64_t> positions = {0};
  for (auto [i, rank] : llvm::enumerate(tensor.ranks)) {
    int64_t first = 0, end = tensor.extents[i];
    for (const LoopStep &step : around)
      if (step.rank == rank) {
        first = step.coordinate;
        end = first + 1;
        region.extents[i] = region.shape[i] = 1;
      }
    std::vector<uint64_t> further;
    for (uint64_t position : positions)
      for (int64_t at = first; at < end; ++at)
        further.push_back(position * tensor.extents[i] + at);
    positions = std::move(further);
  }
  return positions;
}

void TensorStore::apply(Tensor &tensor, ArrayRef<LoopStep> around) const {
  if (isPlain())
    return;
  formats::Region region = stored.region;
  std::vector<uint64_t> positions = select(tensor, around, region);
  std::vector<double> values;
  std::vector<uint8_t> present;
  for (uint64_t position : positions) {
    values.push_back(tensor.values[position].real);
    if (!tensor.present.empty())
      present.push_back(tensor.present[position]);
  }
  formats::roundTrip(*stored.storage, region, values, present);
  for (auto [position, value] : llvm::zip(positions, values))
    if (tensor.isPresent(position))
      tensor.values[position] = tensor.format->fromDouble(value);
}
