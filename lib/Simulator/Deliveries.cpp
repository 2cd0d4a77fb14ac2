//===- Deliveries.cpp - How words of a transfer spread --------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/Deliveries.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::sim;

std::vector<int> Deliveries::into(int id) const {
  return arch::linksInto(arch, program.nodes[id].level);
}

Delivery Deliveries::find(int home, int place, llvm::ArrayRef<int> into,
                          bool isWrite,
                          llvm::function_ref<Along(int)> along) const {
  auto leaf = llvm::find_if(program.leaves,
                            [&](int l) { return program.isBelow(l, place); });
  int array = program.nodes[*leaf].array;
  std::vector<arch::Fan> fans;
  for (int i = program.nodes[place].parent; i > home;
       i = program.nodes[i].parent) {
    const Node &loop = program.nodes[i];
    if (loop.kind != NodeKind::spatial)
      continue;
    Along how = along(loop.rank);
    if (how == Along::nothing)
      continue;
    arch::Fan fan{-1, loop.dim, static_cast<uint64_t>(loop.mostSteps()),
                  how == Along::shared, static_cast<uint64_t>(loop.stride)};
    for (const arch::ArrayDim &dim : arch.arrays[array].dims)
      if (dim.name == loop.dim)
        fan.level = dim.level;
    fans.push_back(std::move(fan));
  }
  std::vector<int> links = arch::linksBetween(this->into(home), into);
  return {arch::repeatsOf(arch, array, fans, isWrite),
          arch::crossingsOf(arch, array, links, fans, isWrite)};
}

Delivery Deliveries::ofFill(int id, const Held &held) const {
  return find(held.parent, id, into(id), false, [&](int rank) {
    return held.madeBelow || program.addresses(id, held.tensor, rank)
               ? Along::dealt
               : Along::shared;
  });
}

Delivery Deliveries::ofDrain(int id, const Held &held) const {
  int producer = points.tensors[held.tensor].producer;
  return find(held.parent, id, into(id), true, [&](int rank) {
    return producer >= 0 && points.einsums[producer].reduces(rank)
               ? Along::shared
               : Along::dealt;
  });
}

Delivery Deliveries::ofPort(int id, const Port &port) const {
  const Node &leaf = program.nodes[id];
  const EinsumInfo &einsum = points.einsums[leaf.einsum];
  bool isWrite = port.read < 0;
  return find(port.home, id, arch::linksIntoArray(arch, leaf.array), isWrite,
              [&](int rank) {
                if (!einsum.iterates(rank))
                  return Along::nothing;
                bool shared = isWrite ? einsum.reduces(rank)
                                      : !program.uses(port, leaf.einsum, rank);
                return shared ? Along::shared : Along::dealt;
              });
}

Delivery Deliveries::ofPartial(int id, const Port &port) const {
  return find(port.home, id,
              arch::linksIntoArray(arch, program.nodes[id].array), false,
              [](int) { return Along::dealt; });
}
