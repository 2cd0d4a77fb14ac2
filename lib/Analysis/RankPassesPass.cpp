//===- RankPassesPass.cpp - Rank passes as remarks and attributes ---------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/Passes.h"
#include "lib/Analysis/RankPasses.h"

#include "lib/Support/TextTable.h"

#include "llvm/ADT/MapVector.h"

namespace einsum {
#define GEN_PASS_DEF_RANKPASSESPASS
#include "lib/Analysis/Passes.h.inc"
} // namespace einsum

using namespace mlir;
using namespace einsum;

static std::string plural(uint64_t count) {
  return std::to_string(count) + (count == 1 ? " pass" : " passes");
}

/// The rank in a remark: what kind of part it is, if it is one.
static std::string describeRank(const FiberPasses &fiber) {
  return fiber.rank +
         (fiber.whole.empty() ? "" : " (part of " + fiber.whole + ")");
}

static void emitRemark(CascadeOp cascade, const FiberPasses &fiber) {
  Operation *place =
      fiber.definition ? fiber.definition : cascade.getOperation();
  InFlightDiagnostic remark = mlir::emitRemark(place->getLoc());
  remark << plural(fiber.passes) << " over " << describeRank(fiber) << " by '"
         << fiber.tensor << "'";
  if (!fiber.via.empty())
    remark << " through '" << fiber.via << "'";
  if (fiber.passes > 1)
    remark << ": " << joinWitness(fiber);
  if (fiber.perStep > 0)
    remark << "; " << fiber.perStep << " more per step of " << fiber.growsWith;
  if (fiber.passes > 1)
    for (Operation *einsum : fiber.witness)
      remark.attachNote(einsum->getLoc())
          << "through '" << getEinsumName(einsum) << "'";
  if (fiber.oppositeScans)
    remark.attachNote(fiber.witness.back()->getLoc())
        << "the last pass is forced by scans in opposite directions";
}

static void attach(CascadeOp cascade, const RankPasses &passes) {
  Builder builder(cascade.getContext());
  auto number = [&](uint64_t n) { return builder.getI64IntegerAttr(n); };
  SmallVector<NamedAttribute> ranks;
  for (const RankHeadline &headline : passes.ranks)
    ranks.push_back(
        builder.getNamedAttr(headline.rank, number(headline.passes)));
  cascade->setAttr("einsum.rank_passes", builder.getDictionaryAttr(ranks));
  llvm::MapVector<Operation *, SmallVector<NamedAttribute>> tensors;
  for (const FiberPasses &fiber : passes.fibers)
    if (llvm::none_of(tensors[fiber.definition], [&](const NamedAttribute &a) {
          return a.getName() == fiber.rank;
        }))
      tensors[fiber.definition].push_back(
          builder.getNamedAttr(fiber.rank, number(fiber.passes)));
  for (auto &[op, counts] : tensors)
    op->setAttr("einsum.tensor_passes", builder.getDictionaryAttr(counts));
}

namespace {
struct RankPassesPass : einsum::impl::RankPassesPassBase<RankPassesPass> {
  using RankPassesPassBase::RankPassesPassBase;

  void runOnOperation() override {
    RankPasses passes = computeRankPasses(getOperation());
    attach(getOperation(), passes);
    for (const RankHeadline &headline : passes.ranks)
      emitRemark(getOperation(), passes.fibers[headline.fiber]);
    if (table)
      printRankPasses(passes, llvm::errs());
    markAllAnalysesPreserved();
  }
};
} // namespace
