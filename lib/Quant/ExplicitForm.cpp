//===- ExplicitForm.cpp - Codes and scales as Einsums ---------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Quant/ExplicitForm.h"

#include "lib/Quant/RescaleReader.h"
#include "lib/Transforms/Remarks.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;
using namespace einsum::quant;

static constexpr StringLiteral kLaw = "explicit quantisation";

namespace {

class ExplicitForm {
public:
  ExplicitForm(CascadeEditor &editor, ArrayRef<Assignment> assignments,
               const ExplicitOptions &options)
      : editor(editor), assignments(assignments), options(options) {}

  LogicalResult run();
  std::vector<size_t> listChosen() const {
    std::vector<size_t> positions;
    for (const Assignment *assignment : chosen)
      positions.push_back(assignment - assignments.data());
    return positions;
  }

private:
  LogicalResult choose();
  LogicalResult declareBlocks();
  Operation *findFirstReader(const Assignment &assignment,
                             std::string *why = nullptr);
  LogicalResult rewriteReader(Operation *op);
  void hoistSums();
  void hoist(const CodedTensor &one);

  CascadeEditor &editor;
  ArrayRef<Assignment> assignments;
  const ExplicitOptions &options;
  std::vector<const Assignment *> chosen;
  BlockRanks blocks{editor};
  std::vector<CodedTensor> coded; ///< of `chosen`
  SharedTensors shared;
};

} // namespace

/// The first Einsum, in the order of the text, that can read codes. Null, with
/// the reason of the first that multiplies the tensor, if there is none.
Operation *ExplicitForm::findFirstReader(const Assignment &assignment,
                                         std::string *why) {
  for (Operation &op : *editor.getCascade().getBodyBlock()) {
    if (!isa<EinsumInterface>(op) ||
        !llvm::is_contained(assignment.tensor.getUsers(), &op))
      continue;
    std::optional<ProductSum> product = readProductSum(editor, &op);
    if (!product || !product->hasFactor(assignment.tensor))
      continue;
    std::string obstacle = findReaderObstacle(
        editor, *product, assignment.tensor, assignment.storage);
    if (obstacle.empty())
      return &op;
    if (why && why->empty())
      *why = "'" + product->statement.tensors[0].str() +
             "' cannot read codes of it: " + obstacle;
  }
  return nullptr;
}

/// Drops what cannot be made explicit; an error if it was asked for by name.
LogicalResult ExplicitForm::choose() {
  for (const Assignment &assignment : assignments) {
    std::string obstacle = findExplicitObstacle(assignment.storage);
    if (obstacle.empty() && !findFirstReader(assignment, &obstacle) &&
        obstacle.empty())
      obstacle = "no Einsum multiplies and sums it";
    if (obstacle.empty()) {
      chosen.push_back(&assignment);
      continue;
    }
    StringRef name = getTensorName(assignment.tensor);
    if (assignment.isNamed)
      return emitError(assignment.tensor.getLoc())
             << "'" << name << "' cannot be made explicit: " << obstacle
             << "; store it";
    remarkNotApplied(assignment.tensor.getLoc(), kLaw, name, obstacle);
  }
  return success();
}

LogicalResult ExplicitForm::declareBlocks() {
  llvm::MapVector<StringAttr, std::vector<int64_t>> sizes;
  for (const Assignment *assignment : chosen) {
    const formats::Storage &storage = assignment->storage;
    if (storage.sharing != formats::Sharing::block)
      continue;
    for (auto [rank, size] : llvm::zip(storage.ranks, storage.sizes))
      sizes[StringAttr::get(editor.getContext(), rank)].push_back(size);
  }
  for (auto &[rank, list] : sizes)
    if (!blocks.declare(rank, list))
      return editor.getCascade().emitError()
             << "blocks of several sizes run along " << rank.getValue()
             << ", and not each divides the next larger one: "
             << llvm::join(
                    llvm::map_range(
                        list, [](int64_t n) { return std::to_string(n); }),
                    ", ");
  return success();
}

LogicalResult ExplicitForm::rewriteReader(Operation *op) {
  std::optional<ProductSum> product = readProductSum(editor, op);
  if (!product)
    return success();
  SmallVector<const CodedTensor *> operands;
  for (auto [one, assignment] : llvm::zip(coded, chosen)) {
    if (!product->hasFactor(one.wide))
      continue;
    std::string obstacle =
        findReaderObstacle(editor, *product, one.wide, assignment->storage);
    if (obstacle.empty())
      operands.push_back(&one);
    else
      remarkNotApplied(product->statement.loc, kLaw,
                       product->statement.tensors[0].getValue(),
                       "it reads '" + getTensorName(one.wide) +
                           "' as it is: " + obstacle);
  }
  if (operands.empty())
    return success();
  Value before = op->getResult(0);
  FailureOr<Operation *> made = rescaleReader(
      editor, blocks, std::move(*product), operands, options, shared);
  if (failed(made))
    return failure();
  // Tensors that were chosen and are computed here have a new producer.
  for (CodedTensor &one : coded)
    if (one.wide == before)
      one.wide = (*made)->getResult(0);
  return success();
}

/// An Einsum that runs beforehand becomes an input in front of `where`.
static void becomeInput(Operation *op, InputOp where, bool isWeight) {
  OpBuilder builder(where);
  Value result = op->getResult(0);
  if (!result.use_empty()) {
    auto input = builder.create<InputOp>(op->getLoc(), result.getType(),
                                         getTensorName(result), isWeight);
    result.replaceAllUsesWith(input.getResult());
  }
  op->erase();
}

/// Sums of codes of tensors that are made beforehand: weights if all are.
void ExplicitForm::hoistSums() {
  for (Operation *op : shared.offlineSums) {
    SmallVector<InputOp> sources;
    for (const CodedTensor &one : coded)
      if (llvm::is_contained(op->getOperands(), one.codes))
        sources.push_back(one.wide.getDefiningOp<InputOp>());
    if (!sources.empty())
      becomeInput(op, sources[0], llvm::all_of(sources, [](InputOp input) {
                    return input.getWeight();
                  }));
  }
}

/// What is made beforehand arrives as inputs.
void ExplicitForm::hoist(const CodedTensor &one) {
  auto wide = one.wide.getDefiningOp<InputOp>();
  for (Operation *op : llvm::reverse(one.made))
    becomeInput(op, wide, wide.getWeight());
  if (wide.getResult().use_empty())
    wide.erase();
}

LogicalResult ExplicitForm::run() {
  if (failed(choose()) || failed(declareBlocks()))
    return failure();
  for (const Assignment *assignment : chosen) {
    FailureOr<CodedTensor> one =
        addQuantiseEinsums(editor, blocks, *assignment, options.native,
                           findFirstReader(*assignment));
    if (failed(one))
      return failure();
    coded.push_back(std::move(*one));
    remarkApplied(assignment->tensor.getLoc(), kLaw,
                  getTensorName(assignment->tensor),
                  "codes and scales of " + assignment->storage.toText());
  }
  SmallVector<Operation *> readers;
  for (Operation &op : *editor.getCascade().getBodyBlock())
    if (isa<EinsumInterface>(op))
      readers.push_back(&op);
  for (Operation *op : readers)
    if (failed(rewriteReader(op)))
      return failure();
  hoistSums();
  for (const CodedTensor &one : coded)
    if (one.isOffline)
      hoist(one);
  return success();
}

FailureOr<std::vector<size_t>>
quant::makeExplicit(CascadeEditor &editor, ArrayRef<Assignment> assignments,
                    const ExplicitOptions &options) {
  ExplicitForm form(editor, assignments, options);
  if (failed(form.run()))
    return failure();
  return form.listChosen();
}
