//===- Tensor.cpp - Values over named ranks -------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Interpreter/Tensor.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum::interp;

std::vector<double> Tensor::toDoubles() const {
  std::vector<double> numbers;
  numbers.reserve(size());
  for (uint64_t i = 0; i < size(); ++i)
    numbers.push_back(toDouble(i));
  return numbers;
}

uint64_t Tensor::flatten(llvm::ArrayRef<int64_t> coordinates) const {
  uint64_t position = 0;
  for (auto [coordinate, extent] : llvm::zip_equal(coordinates, extents))
    position = position * extent + coordinate;
  return position;
}

llvm::SmallVector<int64_t> Tensor::unflatten(uint64_t i) const {
  llvm::SmallVector<int64_t> coordinates(extents.size());
  for (size_t k = extents.size(); k-- > 0; i /= extents[k])
    coordinates[k] = static_cast<int64_t>(i % extents[k]);
  return coordinates;
}

std::string einsum::interp::printPoint(llvm::ArrayRef<std::string> ranks,
                                       llvm::ArrayRef<int64_t> coordinates) {
  std::string text = "[";
  for (auto [i, rank] : llvm::enumerate(ranks))
    text += (i ? ", " : "") + rank + " = " + std::to_string(coordinates[i]);
  return text + "]";
}
