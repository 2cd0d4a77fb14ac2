//===- Traffic.cpp - Bytes that no schedule avoids ------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/Traffic.h"

#include "lib/Analysis/IoBounds/IoBounds.h"
#include "lib/Analysis/IoBounds/Values.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace einsum;
using bounds::countTouched;

EinsumTraffic einsum::computeTraffic(const CascadeFacts &facts,
                                     const EinsumFact &einsum) {
  EinsumTraffic traffic;
  std::map<int, uint64_t> reads;
  for (const AccessFact &read : einsum.reads)
    reads[read.tensor] = llvm::SaturatingAdd(reads[read.tensor],
                                             countTouched(facts, einsum, read));
  for (const AccessFact &write : einsum.writes) {
    reads.erase(write.tensor);
    const TensorFact &tensor = facts.tensors[write.tensor];
    traffic.bytesOut += tensor.bytes(countTouched(facts, einsum, write));
  }
  for (auto [id, elements] : reads) {
    const TensorFact &tensor = facts.tensors[id];
    traffic.bytesIn += tensor.bytes(std::min(elements, tensor.elements));
  }
  for (const auto &[name, perPoint] : einsum.operators) {
    uint64_t count = llvm::SaturatingMultiply(einsum.points, perPoint);
    traffic.operators[name] = count;
    traffic.operatorCount = llvm::SaturatingAdd(traffic.operatorCount, count);
  }
  return traffic;
}

ParameterCount einsum::countParameters(const CascadeFacts &facts) {
  ParameterCount count;
  for (const TensorFact &tensor : facts.tensors) {
    if (!tensor.isWeight)
      continue;
    ++count.tensors;
    count.elements = llvm::SaturatingAdd(count.elements, tensor.elements);
    count.bytes =
        llvm::SaturatingAdd(count.bytes, tensor.bytes(tensor.elements));
  }
  return count;
}

std::map<std::string, uint64_t>
einsum::countAllOperators(const CascadeFacts &facts) {
  std::map<std::string, uint64_t> total;
  for (const EinsumFact &einsum : facts.einsums)
    for (const auto &[name, count] : einsum.operators)
      total[name] = llvm::SaturatingAdd(
          total[name], llvm::SaturatingMultiply(count, einsum.points));
  return total;
}

uint64_t einsum::computeCompulsoryBytes(const CascadeFacts &facts) {
  uint64_t bytes = 0;
  for (uint64_t tensor :
       bounds::countCompulsory(facts, std::vector(facts.tensors.size(), true)))
    bytes = llvm::SaturatingAdd(bytes, tensor);
  return bytes;
}
