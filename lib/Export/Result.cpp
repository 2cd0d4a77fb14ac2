//===- Result.cpp - What a compilation found out --------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Export/Result.h"

using namespace einsum;
using namespace einsum::exporting;

uint64_t einsum::exporting::getBackingBytes(const Mapped &mapped) {
  uint64_t bytes = 0;
  for (auto [level, cost] : llvm::zip(mapped.arch->levels, mapped.cost->levels))
    if (level.parent < 0)
      bytes += cost.traffic.bytes();
  return bytes;
}

std::vector<int> einsum::exporting::getArrays(const CascadeFacts &facts,
                                              const Mapped &mapped) {
  std::vector<int> arrays(facts.einsums.size(), -1);
  schedule::MappingOp mapping = mapped.mapping;
  mapping.walk([&](schedule::LeafOp leaf) {
    arrays[facts.findEinsum(leaf.getEinsum())] =
        mapped.arch->findArray(leaf.getArray());
  });
  return arrays;
}

double einsum::exporting::getShare(double part, double whole) {
  return whole == 0 ? 0 : part / whole;
}
