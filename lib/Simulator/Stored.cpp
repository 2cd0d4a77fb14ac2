//===- Stored.cpp - Tensors in number formats, as they are made -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/Stored.h"

#include "lib/Support/Formats/Encode.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::sim;

StoredTensors::StoredTensors(const Points &points) : points(points) {
  if (!points.storesFormats)
    return;
  for (auto [id, info] : llvm::enumerate(points.tensors)) {
    auto type = cast<NamedTensorType>(info.value.getType());
    if (info.producer < 0 || !isa<QuantizedType>(type.getElementType()))
      continue;
    Tensor &tensor = tensors[static_cast<int>(id)];
    tensor.stored = std::get<TensorStorage>(findStorage(type, info.extents));
    tensor.unit = tensor.stored.storage->hasTensorScale()
                      ? tensor.stored.region.extents
                      : tensor.stored.region.shape;
    tensor.format =
        interp::getNumberFormat(getScalarType(type.getElementType()));
    tensor.made.resize(info.elements);
    tensor.values.resize(info.elements);
    tensor.isMade.resize(info.elements);
    tensor.isEncoded.resize(info.elements);
  }
}

void StoredTensors::record(int id, int64_t element, double value) {
  Tensor &tensor = tensors.find(id)->second;
  tensor.made[element] = value;
  tensor.isMade[element] = 1;
}

/// The elements that are encoded with one, in row-major order.
std::vector<int64_t> StoredTensors::findMates(int id, int64_t element) const {
  const Tensor &tensor = tensors.find(id)->second;
  const std::vector<int64_t> &extents = tensor.stored.region.extents;
  std::vector<int64_t> first(extents.size());
  for (size_t i = extents.size(); i-- > 0; element /= extents[i])
    first[i] = element % extents[i] / tensor.unit[i] * tensor.unit[i];
  std::vector<int64_t> mates = {0};
  for (size_t i = 0; i < extents.size(); ++i) {
    std::vector<int64_t> further;
    for (int64_t mate : mates)
      for (int64_t at = 0; at < tensor.unit[i]; ++at)
        further.push_back(mate * extents[i] + first[i] + at);
    mates = std::move(further);
  }
  return mates;
}

std::variant<double, int64_t> StoredTensors::read(int id, int64_t element) {
  Tensor &tensor = tensors.find(id)->second;
  if (tensor.isEncoded[element])
    return tensor.values[element];
  std::vector<int64_t> mates = findMates(id, element);
  std::vector<double> values;
  std::vector<uint8_t> present;
  for (int64_t mate : mates) {
    bool exists = points.tensors[id].present[mate] != 0;
    if (exists && !tensor.isMade[mate])
      return mate;
    values.push_back(tensor.made[mate]);
    present.push_back(exists);
  }
  formats::Region region = tensor.stored.region;
  region.extents = tensor.unit;
  formats::roundTrip(*tensor.stored.storage, region, values, present);
  for (auto [mate, value] : llvm::zip(mates, values)) {
    tensor.values[mate] = tensor.format->round(value);
    tensor.isEncoded[mate] = 1;
  }
  return tensor.values[element];
}
