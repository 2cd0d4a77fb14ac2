//===- Rearrange.cpp - Channels of like size next to each other -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Quant/Rearrange.h"

#include "lib/Transforms/Remarks.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;
using namespace einsum::quant;

static constexpr StringLiteral kLaw = "channel rearrangement";

static ArrayRef<StringAttr> ranksOf(Value tensor) {
  return cast<NamedTensorType>(tensor.getType()).getRanks();
}

static bool hasRank(Value tensor, StringAttr rank) {
  return llvm::is_contained(ranksOf(tensor), rank);
}

namespace {
/// What stands against permuting a rank, and along which ranks the permutation
/// may differ.
class OrderCheck {
public:
  OrderCheck(CascadeEditor &editor, StringAttr rank,
             ArrayRef<Assignment> assignments)
      : editor(editor), rank(rank), assignments(assignments) {}

  std::string findObstacle();
  SmallVector<StringAttr> common; ///< of all tensors with the rank

private:
  std::string checkDeclarations();
  std::string checkStatement(const Statement &statement);
  std::string checkRead(Expr read, StringRef reader);
  void restrict(Value tensor);

  CascadeEditor &editor;
  StringAttr rank;
  ArrayRef<Assignment> assignments;
  bool hasCommon = false;
};
} // namespace

void OrderCheck::restrict(Value tensor) {
  if (!hasRank(tensor, rank))
    return;
  if (!hasCommon)
    llvm::copy_if(ranksOf(tensor), std::back_inserter(common),
                  [&](StringAttr other) { return other != rank; });
  hasCommon = true;
  llvm::erase_if(common,
                 [&](StringAttr other) { return !hasRank(tensor, other); });
}

std::string OrderCheck::checkDeclarations() {
  for (Operation &op : *editor.getCascade().getBodyBlock()) {
    if (auto split = dyn_cast<SplitOp>(op))
      if (split.getRankAttr().getAttr() == rank ||
          llvm::is_contained(split.getParts(), rank))
        return rank.str() + " is split, or part of a split";
    if (auto output = dyn_cast<OutputOp>(op))
      for (Value tensor : output.getTensors())
        if (hasRank(tensor, rank))
          return "'" + getTensorName(tensor).str() + "' is an output and has " +
                 rank.str();
    auto input = dyn_cast<InputOp>(op);
    if (!input || !hasRank(input.getResult(), rank) || input.getWeight())
      continue;
    bool isOurs = llvm::any_of(assignments, [&](const Assignment &assignment) {
      return assignment.tensor == input.getResult();
    });
    if (!isOurs)
      return "'" + input.getTensor().str() + "' has " + rank.str() +
             " and is an input that nobody permutes beforehand";
  }
  return {};
}

std::string OrderCheck::checkRead(Expr read, StringRef reader) {
  std::string place = "'" + reader.str() + "' reads '" +
                      getTensorName(read->tensor).str() + "' ";
  for (auto [index, own] : llvm::zip(read->indices, ranksOf(read->tensor))) {
    RankSet ranks;
    collectRanks(editor, index, ranks);
    bool isPlain = index == editor.rank(own);
    if ((own == rank || ranks.contains(rank)) && !(isPlain && own == rank))
      return place + "at an index that is not " + rank.str() + " itself";
    // A permutation that differs along another rank needs that rank itself.
    if (hasRank(read->tensor, rank) && !isPlain)
      llvm::erase(common, own);
  }
  return {};
}

std::string OrderCheck::checkStatement(const Statement &statement) {
  StringRef name = statement.tensors[0].getValue();
  for (const FilterTerm &term : statement.filter) {
    RankSet ranks;
    collectRanks(editor, term.expr, ranks);
    if (ranks.contains(rank))
      return "a condition of '" + name.str() + "' speaks of " + rank.str();
  }
  for (ReductionAttr reduction : statement.reductions)
    if (reduction.getRank() == rank &&
        reduction.getMonoid().getValue().starts_with("arg"))
      return "'" + name.str() + "' finds a place along " + rank.str();
  for (Expr value : statement.values) {
    if (anyOf(value, [&](Expr node) {
          return node->kind == ExprNode::Kind::index && node->data == rank;
        }))
      return "'" + name.str() + "' computes with the coordinate " + rank.str();
    for (Expr read : collectReads(value))
      if (std::string obstacle = checkRead(read, name); !obstacle.empty())
        return obstacle;
  }
  return {};
}

std::string OrderCheck::findObstacle() {
  if (std::string obstacle = checkDeclarations(); !obstacle.empty())
    return obstacle;
  for (Operation &op : *editor.getCascade().getBodyBlock())
    if (isa<InputOp, EinsumInterface>(op))
      for (Value result : op.getResults())
        restrict(result);
  for (Operation &op : *editor.getCascade().getBodyBlock())
    if (auto einsum = dyn_cast<EinsumInterface>(op))
      if (std::string obstacle = checkStatement(editor.read(einsum));
          !obstacle.empty())
        return obstacle;
  return {};
}

static LogicalResult refuse(const Assignment &assignment, const Twine &why) {
  StringRef name = getTensorName(assignment.tensor);
  if (!assignment.isNamed) {
    remarkNotApplied(assignment.tensor.getLoc(), kLaw, name, why);
    return success();
  }
  return emitError(assignment.tensor.getLoc())
         << "'" << name << "' cannot be rearranged: " << why;
}

static LogicalResult rearrangeOne(CascadeEditor &editor,
                                  const Assignment &assignment,
                                  ArrayRef<Assignment> assignments) {
  const formats::Storage &storage = assignment.storage;
  if (storage.sharing != formats::Sharing::block || storage.ranks.size() != 1)
    return refuse(assignment, "there are no blocks along one rank in " +
                                  storage.toText() +
                                  " whose channels could be grouped");
  MLIRContext *context = editor.getContext();
  auto rank = StringAttr::get(context, storage.ranks[0]);
  OrderCheck check(editor, rank, assignments);
  if (std::string obstacle = check.findObstacle(); !obstacle.empty())
    return refuse(assignment, obstacle);
  RankOp op = editor.getCascade().findRank(rank);
  StringRef name = getTensorName(assignment.tensor);
  if (auto other = op->getAttrOfType<StringAttr>(kRearrangedBy))
    return refuse(assignment, rank.getValue() +
                                  " is rearranged already, by magnitudes of '" +
                                  other.getValue() + "'");
  op->setAttr(kRearrangedBy, StringAttr::get(context, name));
  SmallVector<Attribute> per(check.common.begin(), check.common.end());
  op->setAttr(kRearrangedPer, ArrayAttr::get(context, per));
  std::string which;
  for (StringAttr other : check.common)
    which += (which.empty() ? ", each " : " and ") + other.str() +
             " in its own order";
  remarkApplied(assignment.tensor.getLoc(), kLaw, name,
                "channels along " + rank.getValue() +
                    " are sorted by magnitude in the weights" + which);
  return success();
}

LogicalResult quant::rearrange(CascadeEditor &editor,
                               ArrayRef<Assignment> assignments) {
  for (const Assignment &assignment : assignments)
    if (assignment.isRearranged &&
        failed(rearrangeOne(editor, assignment, assignments)))
      return failure();
  return success();
}
