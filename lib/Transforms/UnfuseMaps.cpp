//===- UnfuseMaps.cpp - Each operator an Einsum of its own ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/GathersAside.h"
#include "lib/Transforms/Inlining.h"
#include "lib/Transforms/Passes.h"
#include "lib/Transforms/Remarks.h"

namespace einsum {
#define GEN_PASS_DEF_UNFUSEMAPS
#include "lib/Transforms/Passes.h.inc"
} // namespace einsum

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

namespace {

/// Takes one Einsum apart; equal parts become one tensor.
class Unfusion {
public:
  Unfusion(CascadeEditor &editor, Operation *op)
      : editor(editor), op(op),
        statement(editor.read(cast<EinsumInterface>(op))) {}

  void run() {
    for (Expr &value : statement.values)
      value = keepRoot(value);
    if (made.empty())
      return;
    remarkApplied(
        statement.loc, "map unfusion", statement.tensors[0].getValue(),
        made.size() == 1
            ? Twine("1 operator becomes an Einsum of its own")
            : Twine(made.size()) + " operators become Einsums of their own");
    editor.replace(op, statement);
  }

private:
  static bool readsTensors(Expr expr) {
    return anyOf(expr, [](Expr node) { return node->isRead(); });
  }

  /// `expr` with its last operator in place and all others in tensors.
  Expr keepRoot(Expr expr) {
    if (expr->kind != ExprNode::Kind::op || !readsTensors(expr))
      return expr;
    SmallVector<Expr, 3> operands;
    for (Expr operand : expr->operands)
      operands.push_back(moveOut(operand));
    return editor.getExprs().op(expr->name(), operands, expr->type,
                                expr->attributes);
  }

  /// A read of a tensor that holds `expr`.
  Expr moveOut(Expr expr) {
    if (expr->kind != ExprNode::Kind::op || !readsTensors(expr))
      return expr;
    if (Expr known = made.lookup(expr))
      return known;
    Statement part(statement.loc);
    part.tensors.push_back(editor.freshTensor(
        (statement.tensors[0].getValue() + "_" + Twine(made.size() + 1))
            .str()));
    part.elementTypes.push_back(expr->type);
    RankSet ranks = collectRanks(editor, expr);
    for (StringAttr rank : statement.iterationRanks())
      if (ranks.contains(rank))
        part.outputRanks.push_back(rank);
    for (const FilterTerm &constraint : statement.filter) {
      RankSet used;
      collectRanks(editor, constraint.expr, used);
      if (llvm::all_of(used,
                       [&](StringAttr rank) { return ranks.contains(rank); }))
        part.filter.push_back(constraint);
    }
    part.values.push_back(keepRoot(expr));
    return made[expr] = editor.readPlain(editor.create(part, op).getResult(0));
  }

  CascadeEditor &editor;
  Operation *op;
  Statement statement;
  llvm::DenseMap<Expr, Expr> made;
};

struct UnfuseMapsPass : einsum::impl::UnfuseMapsBase<UnfuseMapsPass> {
  void runOnOperation() override {
    GathersAside aside(getOperation());
    CascadeEditor editor(getOperation());
    SmallVector<Operation *> einsums;
    for (Operation &op : *getOperation().getBodyBlock())
      if (isa<EinsumInterface>(op))
        einsums.push_back(&op);
    for (Operation *op : einsums)
      Unfusion(editor, op).run();
  }
};

} // namespace
