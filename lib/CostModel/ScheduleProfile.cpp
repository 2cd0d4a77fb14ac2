//===- ScheduleProfile.cpp - What happens where in a schedule -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/CostModel/ScheduleProfile.h"

#include "lib/CostModel/Model.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::cost;

/// The innermost node around both.
static int findCommon(const ScheduleProfile &profile, int a, int b) {
  while (!profile.contains(a, b))
    a = profile.nodes[a].parent;
  return a;
}

bool ScheduleProfile::overlap(const Reservation &a,
                              const Reservation &b) const {
  for (int one : a.occupied)
    for (int other : b.occupied) {
      int common = findCommon(*this, one, other);
      if (common == one || common == other ||
          llvm::isa<schedule::PipelineOp>(nodes[common].op))
        return true;
    }
  return false;
}

static void describeNodes(const LoopTree &tree, ScheduleProfile &profile) {
  llvm::SmallVector<int64_t> tiles;
  for (auto [id, node] : llvm::enumerate(tree.nodes)) {
    NodeProfile &one = profile.nodes[id];
    one.op = node.op;
    one.parent = node.parent;
    one.end = node.end;
    one.steps = node.steps;
    tree.tilesAt(id, tiles);
    one.tiles.assign(tiles.begin(), tiles.end());
  }
}

/// From the first leaf below an occupied node to the last.
static void findLifetimes(ScheduleProfile &profile) {
  for (Reservation &one : profile.reservations)
    for (int leaf : profile.leaves)
      if (llvm::any_of(one.occupied,
                       [&](int at) { return profile.contains(at, leaf); })) {
        if (one.firstLeaf < 0)
          one.firstLeaf = leaf;
        one.lastLeaf = leaf;
      }
}

std::optional<ScheduleProfile>
einsum::cost::profileSchedule(schedule::MappingOp mapping,
                              const CascadeFacts &facts,
                              const arch::ArchSpec &arch) {
  FailureOr<LoopTree> built = buildLoopTree(mapping, facts, arch);
  if (failed(built))
    return std::nullopt;
  LoopTree tree = std::move(*built);
  if (tree.updateSteps() >= 0)
    return std::nullopt;
  Queries queries;
  queries.build(tree);
  ScheduleProfile profile;
  profile.nodes.resize(tree.nodes.size());
  profile.leaves = tree.leaves;
  Scratch scratch;
  scratch.profile = &profile;
  scratch.ownTraffic.assign(tree.nodes.size() * countPorts(arch), {});
  scratch.moved.assign(tree.nodes.size(), 0);
  Evaluation result;
  result.levels.resize(arch.levels.size());
  result.arrays.resize(arch.arrays.size());
  result.engines.resize(arch.engines.size());
  result.links.resize(arch.links.size());
  result.einsums.resize(facts.einsums.size());
  result.tensorTraffic.resize(facts.tensors.size() * arch.levels.size());
  result.einsumTraffic.resize(facts.einsums.size() * arch.levels.size());
  std::vector<CapacityViolation> violations;
  llvm::SmallVector<int> violatedAt;
  describeNodes(tree, profile);
  computeReservations(tree, queries, scratch);
  computeOccupancy(tree, queries, scratch, result, violations, violatedAt);
  countAccesses(tree, queries, scratch, result);
  computeLatency(tree, queries, scratch, result);
  if (scratch.counter.overflowed || scratch.unanswered >= 0)
    return std::nullopt;
  for (auto [id, node] : llvm::enumerate(profile.nodes))
    for (size_t level = 0; level < arch.levels.size(); ++level)
      node.moved.push_back(scratch.ownTraffic[id * countPorts(arch) + level]);
  findLifetimes(profile);
  return profile;
}
