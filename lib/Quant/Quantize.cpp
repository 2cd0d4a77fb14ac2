//===- Quantize.cpp - A cascade in narrower numbers -----------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Quant/Quantize.h"

#include "dialects/Einsum/Gathers.h"
#include "lib/Analysis/RankPasses.h"
#include "lib/Quant/CodeTypes.h"
#include "lib/Quant/DecodeReaders.h"
#include "lib/Quant/Passes.h"
#include "lib/Quant/Rearrange.h"
#include "lib/Quant/StepwiseTensors.h"
#include "lib/Transforms/Remarks.h"

#include "mlir/IR/Verifier.h"

namespace einsum {
#define GEN_PASS_DEF_QUANTIZE
#include "lib/Quant/Passes.h.inc"
} // namespace einsum

using namespace mlir;
using namespace einsum;
using namespace einsum::quant;

static constexpr StringLiteral kLaw = "quantisation";

//===----------------------------------------------------------------------===//
// Rank passes
//===----------------------------------------------------------------------===//

namespace {
/// Where a scale is shared along whole ranks.
struct SharedRanks {
  Location loc;
  std::string tensor;
  std::vector<std::string> ranks;
};
} // namespace

static SharedRanks findSharedRanks(CascadeOp cascade,
                                   const Assignment &assignment) {
  SharedRanks shared{
      assignment.tensor.getLoc(), getTensorName(assignment.tensor).str(), {}};
  const formats::Storage &storage = assignment.storage;
  if (storage.sharing == formats::Sharing::tensor ||
      storage.sharing == formats::Sharing::channel)
    for (const std::string &rank : getShape(cascade, assignment.tensor).ranks)
      if (!llvm::is_contained(storage.ranks, rank))
        shared.ranks.push_back(rank);
  return shared;
}

static void reportRankPasses(const RankPasses &before, const RankPasses &after,
                             ArrayRef<SharedRanks> places,
                             std::vector<std::string> *notes) {
  for (const RankHeadline &rank : before.ranks) {
    uint64_t now = after.get(rank.rank);
    if (now <= rank.passes)
      continue;
    for (const SharedRanks &place : places)
      if (llvm::is_contained(place.ranks, rank.rank)) {
        std::string text =
            "the scale of '" + place.tensor +
            "' is complete only after all of " + rank.rank +
            ", which costs rank passes: " + std::to_string(rank.passes) +
            " over " + rank.rank + " before, " + std::to_string(now) +
            " after; blocks along " + rank.rank + " would not";
        emitRemark(place.loc) << text;
        if (notes)
          notes->push_back(text);
      }
  }
}

//===----------------------------------------------------------------------===//
// The whole
//===----------------------------------------------------------------------===//

static LogicalResult dropStepwise(CascadeOp cascade,
                                  std::vector<Assignment> &assignments) {
  StepwiseTensors stepwise(cascade);
  for (auto it = assignments.begin(); it != assignments.end();) {
    std::string obstacle = stepwise.findObstacle(*it);
    if (obstacle.empty()) {
      ++it;
      continue;
    }
    StringRef name = getTensorName(it->tensor);
    if (it->isNamed)
      return emitError(it->tensor.getLoc())
             << "'" << name << "' cannot be stored as " << it->storage.toText()
             << ": " << obstacle;
    remarkNotApplied(it->tensor.getLoc(), kLaw, name, obstacle);
    it = assignments.erase(it);
  }
  return success();
}

/// What is reduced is stored once it is complete, by an Einsum of its own; its
/// accumulator stays wide.
static void storeComplete(CascadeEditor &editor, const Assignment &assignment,
                          Type element) {
  Value tensor = assignment.tensor;
  Statement statement(tensor.getLoc());
  StringRef name = getTensorName(tensor);
  statement.tensors = {editor.freshTensor((name + "Q").str())};
  statement.elementTypes = {element};
  ArrayRef<StringAttr> ranks =
      cast<NamedTensorType>(tensor.getType()).getRanks();
  statement.outputRanks.assign(ranks.begin(), ranks.end());
  statement.values = {editor.readPlain(tensor)};
  Operation *after = tensor.getDefiningOp()->getNextNode();
  ComputeOp stored = editor.create(statement, after);
  tensor.replaceUsesWithIf(stored.getResult(0), [&](OpOperand &use) {
    return use.getOwner() != stored && isa<EinsumInterface>(use.getOwner());
  });
  remarkApplied(tensor.getLoc(), kLaw, name,
                "'" + statement.tensors[0].getValue() + "' stores it as " +
                    assignment.storage.toText() +
                    ", its accumulator is kept wide");
}

static void store(CascadeEditor &editor, const Assignment &assignment) {
  auto type = cast<NamedTensorType>(assignment.tensor.getType());
  Value tensor = assignment.tensor;
  Type element = getStoredType(assignment.storage, type.getElementType());
  auto producer = dyn_cast<EinsumInterface>(tensor.getDefiningOp());
  if (producer && !producer.getReductionList().empty())
    return storeComplete(editor, assignment, element);
  tensor.setType(
      NamedTensorType::get(type.getContext(), type.getRanks(), element));
  remarkApplied(tensor.getLoc(), kLaw, getTensorName(tensor),
                "stored as " + assignment.storage.toText());
}

LogicalResult quant::quantize(CascadeOp cascade,
                              const QuantizeOptions &options) {
  CascadeEditor editor(cascade);
  FailureOr<std::vector<Assignment>> selected =
      selectTensors(editor, options.spec);
  if (failed(selected))
    return failure();
  // A type is exchanged whatever reads it; what writes Einsums anew reads them.
  bool rewrites = llvm::any_of(*selected, [](const Assignment &assignment) {
    return assignment.form != Form::stored || assignment.isRearranged;
  });
  if (rewrites && failed(refuseGathers(cascade, "explicit quantisation takes")))
    return failure();
  if (failed(dropStepwise(cascade, *selected)) ||
      failed(rearrange(editor, *selected)))
    return failure();
  std::vector<Assignment> explicitOnes;
  std::vector<SharedRanks> shared;
  for (Assignment &assignment : *selected) {
    if (options.computeAll)
      assignment.isOffline = false;
    if (assignment.form == Form::stored) {
      store(editor, assignment);
      continue;
    }
    shared.push_back(findSharedRanks(cascade, assignment));
    explicitOnes.push_back(assignment);
  }
  RankPasses before;
  if (!explicitOnes.empty())
    before = computeRankPasses(cascade);
  auto made = makeExplicit(editor, explicitOnes, options.explicitForm);
  if (failed(made))
    return failure();
  std::vector<SharedRanks> waitedFor;
  for (size_t position : *made)
    if (!explicitOnes[position].isOffline)
      waitedFor.push_back(std::move(shared[position]));
  if (!options.keepStored)
    decodeReaders(editor, options.explicitForm.native);
  if (failed(verify(cascade)))
    return failure();
  if (!waitedFor.empty())
    reportRankPasses(before, computeRankPasses(cascade), waitedFor,
                     options.notes);
  return success();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct QuantizePass : einsum::impl::QuantizeBase<QuantizePass> {
  using QuantizeBase::QuantizeBase;

  void runOnOperation() override {
    CascadeOp cascade = getOperation();
    auto parsed = quant::parseSpec(spec);
    if (auto *error = std::get_if<std::string>(&parsed)) {
      cascade.emitError() << "spec: " << *error;
      return signalPassFailure();
    }
    if (accumulator < 8 || accumulator > 64) {
      cascade.emitError() << "an accumulator has 8 to 64 bits, found "
                          << accumulator.getValue();
      return signalPassFailure();
    }
    quant::QuantizeOptions options{std::get<QuantizeSpec>(parsed), {}};
    options.explicitForm.accumulatorBits = accumulator;
    for (const std::string &datatype : native)
      options.explicitForm.native.datatypes.insert(datatype);
    for (const std::string &datatype : decoding)
      options.explicitForm.native.decoding.insert(datatype);
    options.computeAll = computeAll;
    options.keepStored = keepStored;
    if (failed(quant::quantize(cascade, options)))
      signalPassFailure();
  }
};
} // namespace
