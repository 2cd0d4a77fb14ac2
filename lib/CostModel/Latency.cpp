//===- Latency.cpp - How long a schedule takes ----------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Cycles are computed bottom-up for one visit of a node. Two things do not
// simply multiply with a loop:
//
// - A guarded leaf runs in one step of a loop only. The loop's first, last and
//   middle steps are timed apart.
// - A pipeline needs extra slots to fill and drain, once for all the loops right
//   around it. They travel upwards beside the time until a node after which
//   something else runs.
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/Model.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::cost;

namespace {

enum StepState : uint8_t { middle = 0, first = 1, last = 2, both = 3 };

/// Cycles of one visit, and cycles to fill and drain pipelines once.
struct Span {
  double cycles = 0, fill = 0;
};

class Timer {
public:
  Timer(const LoopTree &tree, Scratch &scratch)
      : tree(tree), arch(*tree.arch), scratch(scratch), levels(arch.levels.size()) {
    scratch.stepState.assign(tree.nodes.size(), both);
  }

  /// `iterations`: how often the loops right around the node repeat it.
  Span time(int id, double iterations) {
    const Node &node = tree.nodes[id];
    switch (node.kind) {
    case NodeKind::leaf:
      return {isActive(node) ? static_cast<double>(node.cyclesPerPoint) : 0, 0};
    case NodeKind::temporal:
      return timeLoop(id, node, iterations);
    case NodeKind::spatial:
    case NodeKind::storage:
      return time(node.children.front(), iterations);
    case NodeKind::sequence:
      return timeSequence(node, iterations);
    case NodeKind::pipeline:
      return timePipeline(node, iterations);
    }
    return {};
  }

  /// Cycles that level bandwidths need for one visit of a node.
  double transferCycles(int id, int *binding = nullptr) const {
    double most = 0;
    for (size_t level = 0; level < levels; ++level) {
      double seconds = transferSeconds(level, scratch.nodeTraffic[id * levels + level]);
      double cycles = seconds * arch.clockHz / scratch.visits[id];
      if (cycles <= most)
        continue;
      most = cycles;
      if (binding)
        *binding = level;
    }
    return most;
  }

  double transferSeconds(size_t id, const Traffic &traffic) const {
    const arch::Level &level = arch.levels[id];
    double instances = arch.instances(level), seconds = 0;
    auto bound = [&](uint64_t bytes, const std::optional<double> &bandwidth) {
      if (bandwidth)
        seconds = std::max(seconds, bytes / (*bandwidth * instances));
    };
    bound(traffic.readBytes, level.readBytesPerS);
    bound(traffic.writeBytes, level.writeBytesPerS);
    bound(traffic.bytes(), level.sharedBytesPerS);
    return seconds;
  }

private:
  bool isActive(const Node &leaf) const {
    return llvm::all_of(leaf.guards, [&](const auto &guard) {
      uint8_t wanted = guard.second == schedule::Guard::first ? first : last;
      return (scratch.stepState[guard.first] & wanted) != 0;
    });
  }

  Span timeLoop(int id, const Node &loop, double iterations) {
    double inner = iterations * loop.steps;
    int child = loop.children.front();
    uint8_t &state = scratch.stepState[id];
    if (loop.steps == 1 || (!loop.guardsFirst && !loop.guardsLast)) {
      state = both;
      Span step = time(child, inner);
      return {step.cycles * loop.steps, step.fill};
    }
    double special = 0, count = 0;
    auto timeStep = [&](StepState which) {
      state = which;
      special += time(child, inner).cycles;
      ++count;
    };
    if (loop.guardsFirst)
      timeStep(first);
    if (loop.guardsLast)
      timeStep(last);
    state = middle;
    Span step = time(child, inner);
    state = both;
    return {special + (loop.steps - count) * step.cycles, step.fill};
  }

  /// True if a pipeline below overlaps its slots with the next visit of `id`:
  /// no loop of its own lies in between.
  bool continuesAcrossVisits(int id) const {
    NodeKind kind = tree.nodes[id].kind;
    return kind == NodeKind::pipeline ||
           (kind == NodeKind::storage &&
            continuesAcrossVisits(tree.nodes[id].children.front()));
  }

  Span timeSequence(const Node &node, double iterations) {
    Span total;
    for (auto [i, child] : llvm::enumerate(node.children)) {
      bool continues = continuesAcrossVisits(child);
      Span span = time(child, continues ? iterations : 1);
      double cycles = span.cycles + (continues ? 0 : span.fill);
      total.cycles += std::max(cycles, transferCycles(child));
      total.fill += continues ? span.fill : 0;
      if (i < node.drains.size())
        for (int loop : node.drains[i])
          total.cycles += tree.nodes[loop].steps;
    }
    return total;
  }

  /// Busiest array among the stages for which `isRunning(lag)` holds.
  template <typename Predicate>
  double slot(const Node &node, llvm::ArrayRef<double> stages, Predicate isRunning) {
    double busiest = 0;
    for (size_t i = 0; i < node.children.size(); ++i) {
      int array = tree.nodes[node.children[i]].array;
      double busy = 0;
      for (size_t j = 0; j < node.children.size(); ++j) {
        const Node &stage = tree.nodes[node.children[j]];
        if (stage.array == array && isRunning(stage.lag))
          busy += stages[j];
      }
      busiest = std::max(busiest, busy);
    }
    return busiest;
  }

  Span timePipeline(const Node &node, double iterations) {
    llvm::SmallVector<double, 16> stages;
    int64_t longest = 0;
    for (int child : node.children) {
      Span span = time(child, 1);
      stages.push_back(span.cycles + span.fill);
      longest = std::max(longest, tree.nodes[child].lag);
    }
    double full = slot(node, stages, [](int64_t) { return true; });
    if (longest == 0)
      return {full, 0};
    // Slot s runs the stages whose lag l has l <= s < l + iterations.
    double total = 0;
    double slots = std::min<double>(longest, iterations) + longest;
    for (int64_t s = 0; s < slots; ++s)
      total += slot(node, stages, [&](int64_t lag) {
        return lag <= s && s < lag + std::min<double>(longest, iterations);
      });
    double steady = std::max(0.0, iterations - longest);
    return {full, total + steady * full - iterations * full};
  }

  const LoopTree &tree;
  const arch::ArchSpec &arch;
  Scratch &scratch;
  size_t levels;
};

} // namespace

/// Adds the traffic of every node to its ancestors and counts visits.
static void sumOverSubtrees(const LoopTree &tree, Scratch &scratch) {
  size_t levels = tree.arch->levels.size();
  scratch.visits.assign(tree.nodes.size(), 1);
  for (size_t id = 1; id < tree.nodes.size(); ++id) {
    const Node &parent = tree.nodes[tree.nodes[id].parent];
    scratch.visits[id] =
        scratch.counter.mul(scratch.visits[tree.nodes[id].parent],
                            parent.isLoop() ? parent.steps : 1);
  }
  for (size_t id = tree.nodes.size() - 1; id > 0; --id)
    for (size_t level = 0; level < levels; ++level)
      scratch.nodeTraffic[tree.nodes[id].parent * levels + level] +=
          scratch.nodeTraffic[id * levels + level];
}

static void computeUtilization(const LoopTree &tree, Scratch &scratch,
                               Evaluation &result) {
  if (result.cycles == 0)
    return; // operators may be free; what takes no time has no share of it
  for (int id : tree.leaves) {
    const Node &leaf = tree.nodes[id];
    const EinsumFact &einsum = tree.facts->einsums[leaf.einsum];
    double units = tree.arch->arrays[leaf.array].peCount();
    double cycles = static_cast<double>(leafRuns(tree, leaf, scratch.counter)) *
                    leaf.cyclesPerPoint;
    double useful =
        static_cast<double>(einsum.points) * leaf.cyclesPerPoint / units / result.cycles;
    EinsumCost &cost = result.einsums[leaf.einsum];
    cost.cycles = cycles;
    cost.utilization = useful;
    ArrayCost &array = result.arrays[leaf.array];
    array.busyCycles += cycles;
    array.utilization += useful;
  }
}

void einsum::cost::computeLatency(const LoopTree &tree, Scratch &scratch,
                                  Evaluation &result) {
  sumOverSubtrees(tree, scratch);
  Timer timer(tree, scratch);
  Span span = timer.time(0, 1);
  int binding = -1;
  double transfer = timer.transferCycles(0, &binding);
  result.cycles = std::max(span.cycles + span.fill, transfer);
  result.latencySeconds = result.cycles / tree.arch->clockHz;
  computeUtilization(tree, scratch, result);
  for (auto [i, level] : llvm::enumerate(result.levels))
    level.busySeconds = timer.transferSeconds(i, level.traffic);
  if (binding >= 0 && transfer >= span.cycles + span.fill) {
    result.boundBy = tree.arch->levels[binding].name;
    return;
  }
  auto busiest = std::max_element(
      result.arrays.begin(), result.arrays.end(),
      [](const ArrayCost &a, const ArrayCost &b) { return a.busyCycles < b.busyCycles; });
  if (busiest != result.arrays.end())
    result.boundBy = tree.arch->arrays[busiest - result.arrays.begin()].name;
}
