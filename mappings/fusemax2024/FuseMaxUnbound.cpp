//===- FuseMaxUnbound.cpp - One-pass attention, Einsum after Einsum -------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// "+Architecture" of Nayak et al., MICRO 2024: memories and arrays of FuseMax,
// but no pipelining of dependent Einsums. For each tile,
//
//   2D array:  QK LM  | drain |    | SLN SLD | SLNV
//   1D array:  RD AV  |       | RM | PRM SPD | SPNV RNV
//
// where RD and AV still finish the previous tile, and the column maxima of QK
// drain through the rows before RM can start.
//
//===----------------------------------------------------------------------===//

#include "mappings/Mappings.h"
#include "mappings/fusemax2024/OnePass.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::mappings;

namespace {

class FuseMaxUnbound : public MappingPass {
public:
  StringRef getName() const override { return "fusemax-unbound"; }
  StringRef getDescription() const override {
    return "one-pass attention on the FuseMax arrays, dependent Einsums in "
           "turn "
           "(\"+architecture\" of FuseMax, MICRO 2024)";
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
                            buildTile(tree, *rows);
                          });
  }

private:
  void buildTile(LoopTreeBuilder &tree, int64_t rows) {
    tree.storage("rf2d", {"QK", "SLN"});
    tree.storage("rf1d", {"LM", "PRM"});
    // Read one tile later.
    tree.storage("rf1d", {"SLD", "SPD"}).setBuffers(2);
    holdSideFile(tree, rows);
    OnePassLeaves leaves(tree);
    auto overlap = [&](const std::vector<int64_t> &lags,
                       const std::vector<LoopTreeBuilder::Child> &stages) {
      return [=, &tree] { tree.pipeline(lags, stages); };
    };
    tree.sequence(
        {overlap({0, 0, 1, 1}, {leaves.on2d("QK", "e"), leaves.on2d("LM"),
                                leaves.on1d("RD"), leaves.on1d("AV", "f")}),
         leaves.on1d("RM"),
         overlap({0, 0, 0, 0}, {leaves.on2d("SLN"), leaves.on2d("SLD"),
                                leaves.on1d("PRM"), leaves.on1d("SPD")}),
         overlap({0, 0}, {leaves.on2d("SLNV", "f"), leaves.numerator()})});
  }
};

} // namespace

std::unique_ptr<MappingPass> einsum::createFuseMaxUnbound() {
  return std::make_unique<FuseMaxUnbound>();
}
