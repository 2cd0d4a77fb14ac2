//===- Unfused.cpp - Attention, one Einsum group after another ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The unfused baseline of Nayak et al., MICRO 2024: scores, softmax and values
// are three separate nests whose intermediate tensors live in DRAM. Within the
// first and the last, a super-tile of queries is held and keys, or values,
// stream by.
//
//===----------------------------------------------------------------------===//

#include "mappings/Mappings.h"
#include "mappings/ThreePass.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::mappings;

namespace {

class Unfused : public MappingPass {
public:
  StringRef getName() const override { return "unfused"; }
  StringRef getDescription() const override {
    return "three-pass attention with scores in DRAM (baseline of FuseMax, "
           "MICRO 2024)";
  }

  FailureOr<schedule::MappingOp> build(MappingContext &context) override {
    FailureOr<ThreePassShape> shape = ThreePassShape::read(context);
    if (failed(shape))
      return failure();
    return mapLargestTile(context, getName(), shape->queries, shape->queryTile,
                          [&](LoopTreeBuilder &tree, int64_t superTile) {
                            buildTree(tree, *shape, superTile);
                          });
  }

private:
  void buildTree(LoopTreeBuilder &tree, const ThreePassShape &shape,
                 int64_t superTile) {
    ThreePassNests nests(tree, shape);
    auto forAllQueries = [&](void (ThreePassNests::*nest)()) {
      return [&tree, &nests, superTile, nest] {
        tree.temporal("b", 1);
        tree.temporal("h", 1);
        tree.temporal("p", superTile);
        (nests.*nest)();
      };
    };
    tree.storage("DRAM", {"Q", "K", "V", "QK", "A", "AV"});
    tree.sequence({forAllQueries(&ThreePassNests::streamKeys),
                   forAllQueries(&ThreePassNests::softmaxByRow),
                   forAllQueries(&ThreePassNests::streamValues)});
  }
};

} // namespace

std::unique_ptr<MappingPass> einsum::createUnfused() {
  return std::make_unique<Unfused>();
}
