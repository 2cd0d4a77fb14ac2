//===- Tree.cpp - A mapping as plain data, and as IR ----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/optimality/Tree.h"

#include "llvm/ADT/STLExtras.h"

#include <map>
#include <tuple>

using namespace mlir;
using namespace einsum;
using namespace einsum::optimality;

namespace {

class TreeBuilder {
public:
  TreeBuilder(const Tree &tree, const CascadeFacts &facts,
              const arch::ArchSpec &arch, OpBuilder &builder, Location loc)
      : tree(tree), facts(facts), arch(arch), builder(builder), loc(loc) {}

  void build(Operation *root) {
    descend(root);
    hold(0, tree.backing);
    addFrame(tree.frame);
  }

private:
  void descend(Operation *node) {
    builder.setInsertionPointToEnd(&node->getRegion(0).front());
  }

  void hold(int level, ArrayRef<int> tensors, StringRef halo = "") {
    SmallVector<StringRef> names;
    for (int tensor : tensors)
      names.push_back(facts.tensors[tensor].name);
    auto storage = builder.create<schedule::StorageOp>(
        loc, arch.levels[level].name, names);
    if (!halo.empty())
      storage.setHalo(halo);
    descend(storage);
  }

  /// Of a frame's holders at one place, those with a halo first, consumers
  /// before producers: what they ask for is asked of those further in.
  static SmallVector<Step> inOrder(ArrayRef<Step> steps) {
    SmallVector<Step> sorted(steps);
    for (auto *first = sorted.begin(); first != sorted.end();) {
      auto *last = first;
      while (last != sorted.end() && last->kind == Step::holder)
        ++last;
      llvm::sort(first, last, [](const Step &a, const Step &b) {
        bool one = *a.halo, other = *b.halo;
        if (one != other)
          return one;
        return one ? a.tensor > b.tensor
                   : std::tie(a.tensor, a.level) < std::tie(b.tensor, b.level);
      });
      first = last == sorted.end() ? last : last + 1;
    }
    return sorted;
  }

  static bool touches(const EinsumFact &einsum, int tensor) {
    auto isIt = [&](const AccessFact &access) {
      return access.tensor == tensor;
    };
    return llvm::any_of(einsum.reads, isIt) ||
           llvm::any_of(einsum.writes, isIt);
  }

  unsigned countUsers(const Frame &frame, int tensor) const {
    if (frame.children.empty())
      return touches(facts.einsums[frame.einsum], tensor);
    unsigned users = 0;
    for (const Frame &child : frame.children)
      users += countUsers(child, tensor);
    return users;
  }

  /// What several Einsums have at one level and place is one node.
  void holdTogether(SmallVectorImpl<Step> &steps, const Frame &frame) {
    std::map<int, SmallVector<int>> byLevel;
    SmallVector<Step> own;
    for (const Step &step : steps)
      if (*step.halo)
        hold(step.level, step.tensor, step.halo);
      else if (countUsers(frame, step.tensor) > 1)
        byLevel[step.level].push_back(step.tensor);
      else
        own.push_back(step);
    for (auto &[level, tensors] : byLevel)
      hold(level, tensors);
    for (const Step &step : own)
      hold(step.level, step.tensor);
    steps.clear();
  }

  void addSteps(ArrayRef<Step> given, const Frame &frame) {
    SmallVector<Step> holders;
    for (const Step &step : given) {
      if (step.kind == Step::holder) {
        holders.push_back(step);
        continue;
      }
      holdTogether(holders, frame);
      StringRef rank = facts.ranks[step.rank].name;
      if (step.kind == Step::temporal)
        descend(builder.create<schedule::TemporalOp>(loc, rank, step.tile));
      else
        descend(builder.create<schedule::SpatialOp>(
            loc, rank, step.tile,
            arch.arrays[tree.array[frame.einsum]].dims[step.dim].name));
    }
    holdTogether(holders, frame);
  }

  void addFrame(const Frame &frame) {
    addSteps(inOrder(frame.steps), frame);
    if (frame.children.empty()) {
      addSteps(tree.nest[frame.einsum], frame);
      builder.create<schedule::LeafOp>(
          loc, facts.einsums[frame.einsum].name,
          arch.arrays[tree.array[frame.einsum]].name);
      return;
    }
    Operation *split =
        frame.isPipeline
            ? builder.create<schedule::PipelineOp>(loc, frame.lags)
                  .getOperation()
            : builder.create<schedule::SequenceOp>(loc).getOperation();
    for (const Frame &child : frame.children) {
      descend(split);
      addFrame(child);
    }
  }

  const Tree &tree;
  const CascadeFacts &facts;
  const arch::ArchSpec &arch;
  OpBuilder &builder;
  Location loc;
};

} // namespace

void einsum::optimality::buildTree(const Tree &tree, const CascadeFacts &facts,
                                   const arch::ArchSpec &arch,
                                   OpBuilder &builder,
                                   schedule::MappingOp mapping) {
  TreeBuilder(tree, facts, arch, builder, mapping.getLoc()).build(mapping);
}
