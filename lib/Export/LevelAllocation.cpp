//===- LevelAllocation.cpp - Where each tile of a schedule stands ---------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Export/LevelAllocation.h"

#include "llvm/ADT/STLExtras.h"

using namespace einsum;
using namespace einsum::exporting;
using cost::Reservation;
using cost::ScheduleProfile;

namespace {

/// The blocks of one level, and the moments at which most is live.
class LevelBlocks {
public:
  LevelBlocks(const ScheduleProfile &profile, int level)
      : profile(profile), at(profile.nodes.size()) {
    for (auto [i, one] : llvm::enumerate(profile.reservations)) {
      if (one.level != level)
        continue;
      for (uint64_t copy = 0; copy < one.copies; ++copy) {
        for (int node : one.occupied)
          at[node].push_back(owners.size());
        owners.push_back(i);
      }
    }
  }

  lowering::AllocationProblem makeProblem() const {
    lowering::AllocationProblem problem;
    for (size_t owner : owners) {
      const Reservation &one = profile.reservations[owner];
      problem.blocks.push_back({one.bytes * one.units,
                                one.copies > 1 ? static_cast<int>(owner) : -1});
    }
    problem.overlap = [this](size_t a, size_t b) {
      return owners[a] == owners[b] ||
             profile.overlap(profile.reservations[owners[a]],
                             profile.reservations[owners[b]]);
    };
    for (int leaf : profile.leaves)
      problem.moments.push_back(whileRuns(leaf));
    return problem;
  }

  std::vector<size_t> owners; ///< of the blocks

private:
  uint64_t sizeOf(const std::vector<size_t> &blocks) const {
    uint64_t bytes = 0;
    for (size_t block : blocks) {
      const Reservation &one = profile.reservations[owners[block]];
      bytes += one.bytes * one.units;
    }
    return bytes;
  }

  std::vector<int> childrenOf(int node) const {
    std::vector<int> children;
    for (int id = node + 1; id < profile.nodes[node].end;
         id = profile.nodes[id].end)
      children.push_back(id);
    return children;
  }

  bool isPipeline(int node) const {
    return llvm::isa<schedule::PipelineOp>(profile.nodes[node].op);
  }

  /// The most that is live at once at and below a node.
  std::vector<size_t> most(int node) const {
    std::vector<size_t> below;
    for (int child : childrenOf(node)) {
      std::vector<size_t> one = most(child);
      if (isPipeline(node))
        below.insert(below.end(), one.begin(), one.end());
      else if (below.empty() || sizeOf(one) > sizeOf(below))
        below = std::move(one);
    }
    below.insert(below.end(), at[node].begin(), at[node].end());
    return below;
  }

  std::vector<size_t> whileRuns(int leaf) const {
    std::vector<size_t> live = at[leaf];
    for (int id = leaf; profile.nodes[id].parent >= 0;
         id = profile.nodes[id].parent) {
      int parent = profile.nodes[id].parent;
      live.insert(live.end(), at[parent].begin(), at[parent].end());
      if (!isPipeline(parent))
        continue;
      for (int sibling : childrenOf(parent))
        if (sibling != id) {
          std::vector<size_t> other = most(sibling);
          live.insert(live.end(), other.begin(), other.end());
        }
    }
    return live;
  }

  const ScheduleProfile &profile;
  std::vector<std::vector<size_t>> at; ///< blocks per node occupied
};

} // namespace

std::vector<LevelAllocation>
einsum::exporting::allocateLevels(const ScheduleProfile &profile,
                                  const arch::ArchSpec &arch) {
  std::vector<LevelAllocation> all;
  for (auto [id, level] : llvm::enumerate(arch.levels)) {
    LevelBlocks blocks(profile, static_cast<int>(id));
    if (blocks.owners.empty())
      continue;
    lowering::AllocationProblem problem = blocks.makeProblem();
    LevelAllocation one;
    one.level = static_cast<int>(id);
    if (level.capacityBytes)
      one.capacity = *level.capacityBytes * arch.instances(level);
    problem.capacity = one.capacity;
    problem.banks = level.banks * arch.instances(level);
    for (uint64_t alignment :
         {level.accessBytes, uint64_t{arch.wordBits} / 8, uint64_t{1}}) {
      if (alignment == 0 || alignment > level.accessBytes)
        continue;
      one.alignment = problem.alignment = alignment;
      one.found = lowering::allocate(problem);
      if (one.found.fits)
        break;
    }
    one.reservations = blocks.owners;
    all.push_back(std::move(one));
  }
  return all;
}
