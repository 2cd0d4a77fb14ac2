//===- Utilization.cpp - How busy each part is ----------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/Utilization.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::cost;

static void computeArrays(const LoopTree &tree, Scratch &scratch,
                          const Bandwidth &bandwidth, Evaluation &result) {
  size_t levels = tree.arch->levels.size();
  for (auto [i, id] : llvm::enumerate(tree.leaves)) {
    const Node &leaf = tree.nodes[id];
    double units = tree.arch->arrays[leaf.array].peCount();
    double cycles = static_cast<double>(scratch.runs[i]) * leaf.cyclesPerPoint;
    // Operators may be free; what takes no time has no share of it.
    double useful = result.cycles == 0
                        ? 0
                        : static_cast<double>(scratch.points[i]) *
                              leaf.cyclesPerPoint / units / result.cycles;
    EinsumCost &cost = result.einsums[leaf.einsum];
    cost.cycles = cycles;
    cost.utilization = useful;
    ArrayCost &array = result.arrays[leaf.array];
    array.busyCycles += cycles;
    array.utilization += useful;
    int binding = -1;
    double transfer =
        bandwidth.cycles(&result.einsumTraffic[leaf.einsum * levels], &binding,
                         /*withLinks=*/false);
    cost.boundCycles = std::max(cycles, transfer);
    cost.boundBy = transfer > cycles ? tree.arch->levels[binding].name
                                     : tree.arch->arrays[leaf.array].name;
  }
}

static void computeEngines(const LoopTree &tree, Scratch &scratch,
                           const Bandwidth &bandwidth,
                           llvm::function_ref<double(int)> visits,
                           Evaluation &result) {
  size_t ports = countPorts(*tree.arch);
  for (auto [id, node] : llvm::enumerate(tree.nodes)) {
    if (node.kind != NodeKind::transfer)
      continue;
    const arch::Engine &engine = tree.arch->engines[node.engine];
    EngineCost &cost = result.engines[node.engine];
    scratch.counter.add(cost.bytes, scratch.moved[id]);
    if (visits(id) == 0)
      continue; // what it moves takes no time of its own
    double cycles = bandwidth.cycles(&scratch.nodeTraffic[id * ports]);
    if (engine.bytesPerS)
      cycles = std::max(cycles, scratch.moved[id] / *engine.bytesPerS *
                                    tree.arch->clockHz);
    cost.busyCycles += cycles + visits(id) * engine.latencyCycles;
  }
}

void einsum::cost::computeUtilization(const LoopTree &tree, Scratch &scratch,
                                      const Bandwidth &bandwidth,
                                      llvm::function_ref<double(int)> visits,
                                      Evaluation &result) {
  computeArrays(tree, scratch, bandwidth, result);
  computeEngines(tree, scratch, bandwidth, visits, result);
  for (auto [i, level] : llvm::enumerate(result.levels))
    std::tie(level.busySeconds, level.limit) =
        bandwidth.seconds(i, level.traffic);
  for (auto [link, cost] : llvm::zip(tree.arch->links, result.links))
    cost.busySeconds = bandwidth.linkSeconds(link, cost.bytes);
}
