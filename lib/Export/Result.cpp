//===- Result.cpp - What a compilation found out --------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Export/Result.h"
#include "lib/Analysis/NameIndex.h"

#include "llvm/ADT/STLExtras.h"

#include <set>

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
  NameIndex einsums(facts.einsums);
  mapping.walk([&](schedule::LeafOp leaf) {
    arrays[einsums.find(leaf.getEinsum())] =
        mapped.arch->findArray(leaf.getArray());
  });
  return arrays;
}

double einsum::exporting::getShare(double part, double whole) {
  return whole == 0 ? 0 : part / whole;
}

std::vector<UsedNumbers>
einsum::exporting::listUsedNumbers(const CascadeFacts &facts,
                                   const Mapped &mapped) {
  const arch::ArchSpec &arch = *mapped.arch;
  std::vector<UsedNumbers> used;
  auto add = [&](const llvm::Twine &of, const arch::Provenance &provenance) {
    if (!provenance.text.empty() || provenance.isPlaceholder())
      used.push_back({of.str(), provenance});
  };
  auto addAll = [&](const std::string &of, const arch::Sources &sources) {
    add(of, sources.common);
    for (const auto &[key, source] : sources.byKey)
      add(key + " of " + of, source);
  };
  for (auto [level, cost] : llvm::zip(arch.levels, mapped.cost->levels)) {
    if (cost.traffic.bytes() == 0 && cost.peakBytes == 0)
      continue;
    addAll("level '" + level.name + "'", level.sources);
    add("memory '" + (level.memory.empty() ? level.estimate : level.memory) +
            "' of level '" + level.name + "'",
        level.memoryProvenance);
    if (cost.multicastPj > 0)
      add("multicast of level '" + level.name + "'",
          level.multicast.provenance);
  }
  std::vector<int> arrays = getArrays(facts, mapped);
  for (auto [id, array] : llvm::enumerate(arch.arrays)) {
    const cost::ArrayCost &cost = mapped.cost->arrays[id];
    if (!llvm::is_contained(arrays, static_cast<int>(id)))
      continue;
    addAll("array '" + array.name + "'", array.sources);
    if (cost.reductionPj > 0)
      add("reduction of array '" + array.name + "'",
          array.reduction.provenance);
    // The same operator may be used at several datatypes, and a mac be made of
    // two others.
    std::set<std::pair<std::string, std::string>> seen;
    for (auto [einsum, runsOn] : llvm::zip(facts.einsums, arrays))
      for (const auto &[name, count] : einsum.operators) {
        if (runsOn != static_cast<int>(id))
          continue;
        std::vector<std::string> names = {name};
        if (name == "mac" && !array.findOp(name, einsum.datatype))
          names = {"mul", "add"};
        if (arch.accounting.onePerPoint)
          names = {"compute"};
        for (const std::string &one : names)
          if (const arch::OpCost *op = array.findOp(one, einsum.datatype))
            if (op->provenance.text != array.sources.common.text &&
                seen.insert({one, op->provenance.text}).second)
              add("'" + one + "' of array '" + array.name + "'",
                  op->provenance);
      }
  }
  for (auto [engine, cost] : llvm::zip(arch.engines, mapped.cost->engines))
    if (cost.bytes > 0)
      add("DMA engine '" + engine.name + "'", engine.provenance);
  return used;
}
