//===- FusedRows.cpp - Rows stay on chip from the first Einsum to the last ===//
//
// Ranks that every Einsum of a cascade keeps are walked once, around all of
// them; their operands live below, in the largest memory that all of their
// arrays share. Softmax over m of X[p,m]:
//
//   storage DRAM: X, A           every row comes in once and leaves once
//   temporal p                   as many rows at a time as are fastest
//   storage buffer: all          what is in between never leaves the chip
//   sequence                     G, N, D, A, each on the widest array
//
//===----------------------------------------------------------------------===//

#include "lib/Plugin/MappingPass.h"

using namespace einsum;
using llvm::StringRef;

namespace {

/// Whether Einsums can be fused along a rank: all have it, none reduces it,
/// walks it step by step, or reads a neighbour along it.
bool isKept(const CascadeFacts &facts, int rank) {
  for (const EinsumFact &einsum : facts.einsums) {
    if (!einsum.iterates(rank) || einsum.reduces(rank) ||
        einsum.direction.count(rank))
      return false;
    for (const AccessFact &read : einsum.reads)
      for (const Coordinate &at : read.coordinates)
        if (at.uses(rank) && (at.terms.size() > 1 || at.constant != 0))
          return false;
  }
  return true;
}

/// The schedule that holds `tile` rows at a time.
mlir::FailureOr<schedule::MappingOp>
buildTree(MappingContext &context, llvm::ArrayRef<int> rows, int64_t tile,
          llvm::ArrayRef<const arch::Array *> arrays, StringRef level) {
  const CascadeFacts &facts = context.getFacts();
  std::vector<StringRef> outside, tensors;
  for (const TensorFact &tensor : facts.tensors) {
    if (!tensor.name.empty())
      tensors.push_back(tensor.name);
    if (tensor.isInput || tensor.isOutput)
      outside.push_back(tensor.name);
  }
  std::vector<int64_t> extents;
  for (const RankFact &rank : facts.ranks)
    extents.push_back(rank.extent);
  LoopTreeBuilder tree = context.start("fused-rows");
  tree.storage(context.getArch().levels.front().name, outside);
  for (int rank : rows) {
    extents[rank] = rank == rows.back() ? tile : 1;
    tree.temporal(facts.ranks[rank].name, extents[rank]);
  }
  tree.storage(level, tensors);
  std::vector<LoopTreeBuilder::Child> nests;
  for (size_t i = 0; i < arrays.size(); ++i)
    nests.push_back([&, i] {
      context.addNest(tree, facts.einsums[i], *arrays[i], extents);
    });
  tree.sequence(nests);
  return context.finish();
}

struct FusedRows : MappingPass {
  StringRef getName() const override { return "fused-rows"; }
  StringRef getDescription() const override {
    return "any cascade, fused along the ranks that all of its Einsums keep";
  }

  mlir::FailureOr<schedule::MappingOp> build(MappingContext &context) override {
    const CascadeFacts &facts = context.getFacts();
    std::vector<const arch::Array *> arrays;
    for (const EinsumFact &einsum : facts.einsums) {
      arrays.push_back(context.widestArray(einsum).value_or(nullptr));
      if (!arrays.back())
        return mlir::failure();
    }
    mlir::FailureOr<std::string> level = context.sharedLevel(arrays);
    if (failed(level))
      return mlir::failure();
    std::vector<int> rows;
    for (int rank = 0, end = facts.ranks.size(); rank < end; ++rank)
      if (isKept(facts, rank))
        rows.push_back(rank);
    if (rows.empty())
      return context.refuse() << "there is no rank that all Einsums keep";

    int64_t extent = facts.ranks[rows.back()].extent, best = 0;
    double least = HUGE_VAL; // seconds; what does not fit has no cost
    for (int64_t tile = 1; tile / 2 < extent; tile *= 2) {
      auto mapping =
          buildTree(context, rows, std::min(tile, extent), arrays, *level);
      if (failed(mapping))
        return mlir::failure();
      auto cost = context.evaluate(*mapping);
      context.discard(*mapping);
      if (cost && cost->latencySeconds < least) {
        best = std::min(tile, extent);
        least = cost->latencySeconds;
      }
    }
    if (best > 0)
      return buildTree(context, rows, best, arrays, *level);
    // The cost model says by how much a row is too large, rank passes say why.
    auto mapping = buildTree(context, rows, 1, arrays, *level);
    context.evaluate(*mapping, /*explain=*/true);
    for (const LiveFootprint &kept : context.getFootprints())
      return context.refuse() << "rank '" << kept.rank << "' is traversed "
                              << kept.passes << " times, so a row is kept";
    return mlir::failure();
  }
};

} // namespace

EINSUM_MAPPING_PLUGIN("fused-rows", FusedRows)
