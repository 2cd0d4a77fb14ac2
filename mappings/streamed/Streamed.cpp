//===- Streamed.cpp - One Einsum after another, nothing held --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The schedule that every machine can run that has the operators: all tensors
// live at the backing level, each Einsum runs by itself on the largest array
// that can, operands stream past its units. The largest ranks are dealt to the
// array's dimensions; sums stay in the units, iterative ranks are walked in
// order, by the members of a recurrence together. A starting point to compare
// with, not a good mapping.
//
//===----------------------------------------------------------------------===//

#include "mappings/Mappings.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;

namespace {

class Streamed : public MappingPass {
public:
  StringRef getName() const override { return "streamed"; }
  StringRef getDescription() const override {
    return "any cascade, one Einsum after another, everything streamed from "
           "the backing level";
  }

  FailureOr<schedule::MappingOp> build(MappingContext &context) override {
    const CascadeFacts &facts = context.getFacts();
    for (const EinsumFact &einsum : facts.einsums)
      if (failed(context.widestArray(einsum)))
        return failure();
    LoopTreeBuilder tree = context.start(getName());
    std::vector<StringRef> tensors;
    for (const TensorFact &tensor : facts.tensors)
      if (!tensor.name.empty())
        tensors.push_back(tensor.name);
    tree.storage(context.getArch().levels.front().name, tensors);
    std::vector<RunGroup> groups = context.runGroups();
    std::vector<LoopTreeBuilder::Child> children;
    for (const RunGroup &group : groups)
      children.push_back([&] { addGroup(tree, group, context); });
    runInTurn(tree, children);
    return context.finish();
  }

private:
  static void runInTurn(LoopTreeBuilder &tree,
                        ArrayRef<LoopTreeBuilder::Child> children) {
    if (children.size() == 1)
      children.front()();
    else
      tree.sequence(children);
  }

  static void addGroup(LoopTreeBuilder &tree, const RunGroup &group,
                       MappingContext &context) {
    const CascadeFacts &facts = context.getFacts();
    std::vector<int64_t> extents;
    for (const RankFact &rank : facts.ranks)
      extents.push_back(rank.extent);
    if (group.einsums.size() > 1)
      for (int rank : group.ranks) {
        tree.temporal(facts.ranks[rank].name, 1);
        extents[rank] = 1;
      }
    std::vector<LoopTreeBuilder::Child> children;
    for (const EinsumFact *einsum : group.einsums)
      children.push_back([&, einsum] {
        context.addNest(tree, *einsum, **context.widestArray(*einsum), extents);
      });
    runInTurn(tree, children);
  }
};

} // namespace

std::unique_ptr<MappingPass> einsum::createStreamed() {
  return std::make_unique<Streamed>();
}
