//===- FuseMax.cpp - One-pass attention with both arrays busy -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Nayak et al., MICRO 2024, with binding: the Einsums of three consecutive
// tiles are in flight, so that neither array ever waits for the other. In one
// slot,
//
//   2D array:  QK LM of tile i   SLN SLD SLNV of tile i-2
//   1D array:  RM PRM of tile i-1   SPD RD SPNV RNV (AV) of tile i-3
//
// RM, RD and RNV depend on their own previous step along m1; both ends of each
// recurrence have the same lag, and run in the order written.
//
//===----------------------------------------------------------------------===//

#include "mappings/Mappings.h"
#include "mappings/fusemax2024/OnePass.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::mappings;

namespace {

class FuseMax : public MappingPass {
public:
  StringRef getName() const override { return "fusemax"; }
  StringRef getDescription() const override {
    return "one-pass attention, both arrays software-pipelined (FuseMax, MICRO "
           "2024)";
  }

  FailureOr<schedule::MappingOp> build(MappingContext &context) override {
    FailureOr<OnePassShape> shape = OnePassShape::read(context);
    if (failed(shape))
      return failure();
    FailureOr<int64_t> rows = sideFileRows(context, *shape);
    if (failed(rows))
      return failure();
    return mapLargestTile(context, getName(), shape->queries, shape->queryTile,
                          [&](LoopTreeBuilder &tree, int64_t superTile) {
                            holdSuperTile(tree, *shape, superTile);
                            buildPipeline(tree, *rows);
                          });
  }

private:
  void buildPipeline(LoopTreeBuilder &tree, int64_t rows) {
    tree.storage("rf2d", {"QK", "SLN"});
    tree.storage("rf1d", {"LM", "PRM", "SLD", "SPD"});
    holdSideFile(tree, rows);
    OnePassLeaves leaves(tree);
    tree.pipeline({0, 0, 1, 1, 2, 2, 2, 3, 3, 3, 3},
                  {leaves.on2d("QK", "e"), leaves.on2d("LM"), leaves.on1d("RM"),
                   leaves.on1d("PRM"), leaves.on2d("SLN"), leaves.on2d("SLD"),
                   leaves.on2d("SLNV", "f"), leaves.on1d("SPD"),
                   leaves.on1d("RD"), leaves.numerator(),
                   leaves.on1d("AV", "f")});
  }
};

} // namespace

std::unique_ptr<MappingPass> einsum::createFuseMax() {
  return std::make_unique<FuseMax>();
}
