//===- FuseMaxCascade.cpp - One-pass attention on the FLAT array ----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// "+Cascade" of Nayak et al., MICRO 2024: the 1-pass cascade on a machine made
// for FLAT, whose 2D array only multiplies and accumulates and exchanges data
// with the 1D array through the buffer. Four stages work on consecutive tiles
// of keys, each for all queries of the super-tile:
//
//   QK (2D) | LM RM PRM SLN SLD (1D) | SLNV (2D) | SPD RD SPNV RNV, AV (1D)
//
//===----------------------------------------------------------------------===//

#include "mappings/Mappings.h"
#include "mappings/fusemax2024/OnePass.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::mappings;

namespace {

class FuseMaxCascade : public MappingPass {
public:
  StringRef getName() const override { return "fusemax-cascade"; }
  StringRef getDescription() const override {
    return "one-pass attention on arrays made for FLAT (\"+cascade\" of "
           "FuseMax, "
           "MICRO 2024)";
  }

  FailureOr<schedule::MappingOp> build(MappingContext &context) override {
    FailureOr<OnePassShape> shape = OnePassShape::read(context);
    if (failed(shape))
      return failure();
    return mapLargestTile(context, getName(), shape->queries, shape->queryTile,
                          [&](LoopTreeBuilder &tree, int64_t superTile) {
                            buildTree(tree, *shape, superTile);
                          });
  }

private:
  using Child = LoopTreeBuilder::Child;

  void buildTree(LoopTreeBuilder &tree, const OnePassShape &shape,
                 int64_t superTile) {
    tree.storage("DRAM", {"Q", "K", "V", "AV"});
    tree.temporal("b", 1);
    tree.temporal("h", 1);
    tree.temporal("p", superTile);
    tree.storage("buffer", {"Q", "RM", "RD", "RNV"});
    tree.temporal("m1", 1);
    tree.storage("buffer", {"K", "V"});
    // Live in consecutive stages, hence in as many copies as slots.
    tree.storage("buffer", {"QK", "PRM", "SLN", "SLD", "SLNV"});
    auto forAllQueries = [&](const Child &child) {
      return [&tree, &shape, child] {
        tree.temporal("p", shape.queryTile);
        child();
      };
    };
    OnePassLeaves leaves(tree);
    tree.pipeline({0, 1, 2, 3, 3}, {forAllQueries(leaves.on2d("QK", "e")),
                                    forAllQueries(softmax(tree, leaves)),
                                    forAllQueries(leaves.on2d("SLNV", "f")),
                                    forAllQueries(accumulation(tree, leaves)),
                                    forAllQueries(leaves.on1d("AV", "f"))});
  }

  Child softmax(LoopTreeBuilder &tree, OnePassLeaves &leaves) {
    auto exponentials = [&] {
      tree.temporal("m0", 1);
      tree.storage("rf1d", {"SLN"});
      tree.sequence({leaves.on1d("SLN"), leaves.on1d("SLD")});
    };
    return [&, exponentials] {
      tree.storage("rf1d", {"LM"});
      tree.sequence({leaves.on1d("LM", "m0"), leaves.on1d("RM"),
                     leaves.on1d("PRM"), exponentials});
    };
  }

  Child accumulation(LoopTreeBuilder &tree, OnePassLeaves &leaves) {
    return [&] {
      tree.storage("rf1d", {"SPD"});
      tree.sequence(
          {leaves.on1d("SPD"), leaves.on1d("RD"), leaves.numerator()});
    };
  }
};

} // namespace

std::unique_ptr<MappingPass> einsum::createFuseMaxCascade() {
  return std::make_unique<FuseMaxCascade>();
}
