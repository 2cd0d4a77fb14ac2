//===- Inlining.cpp - When a tensor may be its map expression -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Inlining.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

static void collectEinsums(const EvaluationStep &step,
                           std::vector<Operation *> &einsums) {
  if (step.einsum)
    einsums.push_back(step.einsum);
  for (const EvaluationStep &inner : step.body)
    collectEinsums(inner, einsums);
}

std::vector<Operation *> einsum::listProducersFirst(CascadeOp cascade) {
  std::vector<Operation *> einsums;
  FailureOr<std::vector<EvaluationStep>> steps = orderEvaluation(cascade);
  if (succeeded(steps))
    for (const EvaluationStep &step : *steps)
      collectEinsums(step, einsums);
  return einsums;
}

void einsum::collectRanks(CascadeEditor &editor, AffineExpr expr,
                          RankSet &ranks) {
  expr.walk([&](AffineExpr part) {
    if (auto dim = dyn_cast<AffineDimExpr>(part))
      ranks.insert(editor.rankAt(dim.getPosition()));
  });
}

RankSet einsum::collectRanks(CascadeEditor &editor, Expr expr) {
  RankSet ranks;
  walk(expr, [&](Expr node) {
    if (node->kind == ExprNode::Kind::index)
      ranks.insert(cast<StringAttr>(node->data));
    for (AffineExpr index : node->indices)
      collectRanks(editor, index, ranks);
  });
  return ranks;
}

llvm::SetVector<Expr> einsum::collectReads(Expr expr) {
  llvm::SetVector<Expr> reads;
  walk(expr, [&](Expr node) {
    if (node->isRead())
      reads.insert(node);
  });
  return reads;
}

llvm::SetVector<Expr> einsum::collectReads(const Statement &statement) {
  llvm::SetVector<Expr> reads;
  for (Expr value : statement.values)
    for (Expr read : collectReads(value))
      reads.insert(read);
  return reads;
}

/// The coordinate of a split rank: `m1 * extent(m0) + m0`.
static AffineExpr flatten(CascadeEditor &editor, SplitOp split) {
  AffineExpr flat = getAffineConstantExpr(0, editor.getContext());
  for (auto part : split.getParts().getAsRange<StringAttr>())
    flat = flat * editor.extent(part) + editor.rank(part);
  return flat;
}

bool einsum::isPlainlyInside(CascadeEditor &editor, AffineExpr index,
                             StringAttr rank) {
  if (auto dim = dyn_cast<AffineDimExpr>(index))
    return editor.extent(editor.rankAt(dim.getPosition())) ==
           editor.extent(rank);
  for (SplitOp split : editor.getCascade().getBodyBlock()->getOps<SplitOp>())
    if (editor.extent(split.getRankAttr().getAttr()) == editor.extent(rank) &&
        flatten(editor, split) == index)
      return true;
  return false;
}

static ArrayRef<StringAttr> ranksOf(Value tensor) {
  return cast<NamedTensorType>(tensor.getType()).getRanks();
}

//===----------------------------------------------------------------------===//
// Absent elements
//===----------------------------------------------------------------------===//

static bool isReduced(const Statement &statement, const RankSet &ranks) {
  return llvm::any_of(ranks,
                      [&](StringAttr rank) { return statement.reduces(rank); });
}

static bool mayBeAbsent(CascadeEditor &editor, Value tensor,
                        llvm::SmallPtrSetImpl<Operation *> &visited) {
  auto einsum = dyn_cast_or_null<EinsumInterface>(tensor.getDefiningOp());
  if (!einsum || !visited.insert(einsum).second)
    return false;
  Statement statement = editor.read(einsum);
  for (const FilterTerm &constraint : statement.filter) {
    RankSet ranks;
    collectRanks(editor, constraint.expr, ranks);
    if (!isReduced(statement, ranks))
      return true;
  }
  for (Expr read : collectReads(statement)) {
    if (isReduced(statement, collectRanks(editor, read)))
      continue;
    for (auto [index, rank] : llvm::zip(read->indices, ranksOf(read->tensor)))
      if (!isPlainlyInside(editor, index, rank) && statement.init.empty())
        return true;
    if (mayBeAbsent(editor, read->tensor, visited))
      return true;
  }
  return false;
}

bool einsum::mayBeAbsent(CascadeEditor &editor, Value tensor) {
  llvm::SmallPtrSet<Operation *, 8> visited;
  return ::mayBeAbsent(editor, tensor, visited);
}

//===----------------------------------------------------------------------===//
// Inlining
//===----------------------------------------------------------------------===//

/// What keeps the indices of a read within its tensor, where that is not plain.
static SmallVector<FilterTerm> rangeConditions(CascadeEditor &editor,
                                               Expr read) {
  SmallVector<FilterTerm> conditions;
  for (auto [index, rank] : llvm::zip(read->indices, ranksOf(read->tensor))) {
    if (isPlainlyInside(editor, index, rank))
      continue;
    AffineExpr above = index, below = editor.extent(rank) - 1 - index;
    for (AffineExpr side : {above, below}) {
      auto constant = dyn_cast<AffineConstantExpr>(side);
      if (!constant || constant.getValue() < 0)
        conditions.push_back({side, false});
    }
  }
  return conditions;
}

static RankMap mapRanks(const Statement &producer, Expr read) {
  RankMap map;
  for (auto [rank, index] : llvm::zip(producer.outputRanks, read->indices))
    map[rank] = index;
  return map;
}

std::string einsum::findInlineObstacle(CascadeEditor &editor,
                                       const Statement &consumer, Expr read) {
  std::string name = "'" + getTensorName(read->tensor).str() + "'";
  auto einsum = dyn_cast_or_null<EinsumInterface>(read->tensor.getDefiningOp());
  if (!einsum)
    return name + " is an input";
  Statement producer = editor.read(einsum);
  if (!producer.reductions.empty())
    return name + " is a reduction over " +
           producer.reductions.front().getRank().getValue().str();
  if (!producer.init.empty())
    return name + " is a recurrence";
  unsigned number = cast<OpResult>(read->tensor).getResultNumber();
  if (isa<QuantizedType>(producer.elementTypes[number]))
    return name + " is stored in a quantised format, which rounds";

  if (!isReduced(consumer, collectRanks(editor, read)))
    return {};
  RankMap map = mapRanks(producer, read);
  auto speaksOfKeptRanks = [&](AffineExpr expr) {
    RankSet ranks;
    collectRanks(editor, expr, ranks);
    return !isReduced(consumer, ranks);
  };
  SmallVector<FilterTerm> conditions = rangeConditions(editor, read);
  for (const FilterTerm &constraint : producer.filter)
    conditions.push_back(editor.substitute(constraint, map));
  for (Expr inner : collectReads(producer)) {
    Expr moved = editor.substitute(inner, map);
    llvm::append_range(conditions, rangeConditions(editor, moved));
    if (!isReduced(consumer, collectRanks(editor, moved)) &&
        mayBeAbsent(editor, inner->tensor))
      return name + " is absent where '" + getTensorName(inner->tensor).str() +
             "' is, which would make whole results absent";
  }
  for (const FilterTerm &condition : conditions)
    if (speaksOfKeptRanks(condition.expr))
      return name + " leaves out points by a condition on kept ranks alone, "
                    "which would make "
                    "whole results absent";
  return {};
}

void einsum::inlineInto(CascadeEditor &editor, Statement &consumer, Expr read) {
  Statement producer =
      editor.read(cast<EinsumInterface>(read->tensor.getDefiningOp()));
  for (const FilterTerm &condition : rangeConditions(editor, read))
    if (!llvm::is_contained(consumer.filter, condition))
      consumer.filter.push_back(condition);
  Expr inPlace = editor.inlineRead(read, producer, consumer.filter);
  for (Expr &value : consumer.values)
    value = editor.getExprs().rewrite(value, [&](Expr node) -> Expr {
      return node == read ? inPlace : nullptr;
    });
}
