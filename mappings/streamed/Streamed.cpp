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
// order. A starting point to compare with, not a good mapping.
//
//===----------------------------------------------------------------------===//

#include "mappings/Mappings.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace einsum;

namespace {

/// How one Einsum is run.
struct Nest {
  std::string einsum, array;
  /// Ranks, outermost first, with what is dealt of each at a time.
  std::vector<std::pair<std::string, int64_t>> loops;
  std::vector<std::pair<std::string, std::string>> dealt; ///< rank, dimension
};

class Streamed : public MappingPass {
public:
  StringRef getName() const override { return "streamed"; }
  StringRef getDescription() const override {
    return "any cascade, one Einsum after another, everything streamed from "
           "the backing level";
  }

  FailureOr<schedule::MappingOp> build(MappingContext &context) override {
    std::vector<Nest> nests;
    for (const EinsumFact &einsum : context.getFacts().einsums) {
      const arch::Array *array = chooseArray(context.getArch(), einsum);
      if (!array)
        return context.refuse() << "no array of '" << context.getArch().name
                                << "' has the operators of Einsum '"
                                << einsum.name << "' at " << einsum.datatype;
      nests.push_back(makeNest(context.getFacts(), einsum, *array));
    }
    LoopTreeBuilder tree = context.start(getName());
    std::vector<StringRef> tensors;
    for (const TensorFact &tensor : context.getFacts().tensors)
      if (!tensor.name.empty())
        tensors.push_back(tensor.name);
    tree.storage(context.getArch().levels.front().name, tensors);
    std::vector<LoopTreeBuilder::Child> children;
    for (const Nest &nest : nests)
      children.push_back([&tree, &nest] { buildNest(tree, nest); });
    if (children.size() == 1)
      children.front()();
    else
      tree.sequence(children);
    return context.finish();
  }

private:
  static bool canRun(const arch::ArchSpec &arch, const arch::Array &array,
                     const EinsumFact &einsum) {
    auto has = [&](StringRef op) {
      return array.findOp(op, einsum.datatype) != nullptr;
    };
    if (arch.accounting.onePerPoint)
      return has("compute");
    return llvm::all_of(einsum.operators, [&](const auto &op) {
      return has(op.first) || (op.first == "mac" && has("mul") && has("add"));
    });
  }

  /// The one with the most units; the first of several.
  static const arch::Array *chooseArray(const arch::ArchSpec &arch,
                                        const EinsumFact &einsum) {
    const arch::Array *best = nullptr;
    for (const arch::Array &array : arch.arrays)
      if (canRun(arch, array, einsum) &&
          (!best || array.peCount() > best->peCount()))
        best = &array;
    return best;
  }

  static Nest makeNest(const CascadeFacts &facts, const EinsumFact &einsum,
                       const arch::Array &array) {
    Nest nest{einsum.name, array.name, {}, {}};
    auto isIterative = [&](int rank) {
      return einsum.direction.count(rank) > 0;
    };
    // Iterative ranks first, then those of the result, then reduced ones.
    std::vector<int> order;
    for (int kind = 0; kind < 3; ++kind)
      for (int rank : einsum.ranks)
        if (kind == (isIterative(rank) ? 0 : einsum.reduces(rank) ? 2 : 1))
          order.push_back(rank);
    std::map<int, int64_t> tiles;
    for (const arch::ArrayDim &dim : array.dims) {
      int largest = -1;
      for (int rank : order)
        if (!isIterative(rank) && !tiles.count(rank) &&
            facts.ranks[rank].extent > 1 &&
            (largest < 0 ||
             facts.ranks[rank].extent > facts.ranks[largest].extent))
          largest = rank;
      if (largest < 0 || dim.size < 2)
        continue;
      tiles[largest] = static_cast<int64_t>(
          std::min<uint64_t>(dim.size, facts.ranks[largest].extent));
      nest.dealt.emplace_back(facts.ranks[largest].name, dim.name);
    }
    for (int rank : order)
      nest.loops.emplace_back(facts.ranks[rank].name,
                              tiles.count(rank) ? tiles[rank] : 1);
    return nest;
  }

  static void buildNest(LoopTreeBuilder &tree, const Nest &nest) {
    for (const auto &[rank, tile] : nest.loops)
      tree.temporal(rank, tile);
    for (const auto &[rank, dim] : nest.dealt)
      tree.spatial(rank, 1, dim);
    tree.compute(nest.einsum, nest.array);
  }
};

} // namespace

std::unique_ptr<MappingPass> einsum::createStreamed() {
  return std::make_unique<Streamed>();
}
