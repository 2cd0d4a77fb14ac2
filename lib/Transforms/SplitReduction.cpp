//===- SplitReduction.cpp - Reduce chunks apart, then combine -------------===//
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
#define GEN_PASS_DEF_SPLITREDUCTION
#include "lib/Transforms/Passes.h.inc"
} // namespace einsum

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

/// The Einsum with `rank` as two parts, the outer one kept: one partial result
/// per chunk.
static Statement makePartial(CascadeEditor &editor, const Statement &whole,
                             StringAttr rank, CascadeEditor::Parts parts) {
  Statement partial = whole;
  AffineExpr chunk = editor.extent(parts.inner);
  editor.substitute(partial, {{rank, editor.rank(parts.outer) * chunk +
                                         editor.rank(parts.inner)}});
  for (StringAttr &name : partial.tensors)
    if (!name.getValue().empty())
      name = editor.freshTensor((name.getValue() + "_part").str());
  partial.outputRanks.insert(partial.outputRanks.begin(), parts.outer);
  for (ReductionAttr &reduction : partial.reductions)
    if (reduction.getRank() == rank)
      reduction = ReductionAttr::get(editor.getContext(), parts.inner,
                                     reduction.getMonoid());
  return partial;
}

static bool isReduced(const Statement &statement, const RankSet &ranks) {
  return llvm::any_of(ranks,
                      [&](StringAttr rank) { return statement.reduces(rank); });
}

/// A read over kept ranks alone that can make a whole result absent. Partial
/// results would be absent then, and their combination the identity.
static Expr findAbsentRead(CascadeEditor &editor, const Statement &whole) {
  for (Expr read : collectReads(whole)) {
    if (isReduced(whole, collectRanks(editor, read)))
      continue;
    if (mayBeAbsent(editor, read->tensor))
      return read;
    auto type = cast<NamedTensorType>(read->tensor.getType());
    for (auto [index, rank] : llvm::zip(read->indices, type.getRanks()))
      if (!isPlainlyInside(editor, index, rank))
        return read;
  }
  return nullptr;
}

static void splitReduction(CascadeEditor &editor, Operation *op,
                           StringAttr rank, CascadeEditor::Parts parts) {
  Statement whole = editor.read(cast<EinsumInterface>(op));
  StringRef name = whole.tensors[0].getValue();
  StringAttr monoid = whole.reductions.front().getMonoid();
  for (ReductionAttr reduction : whole.reductions) {
    if (reduction.getMonoid() != monoid) {
      remarkNotApplied(whole.loc, "split reduction", name,
                       "it combines " + rank.getValue() +
                           " inside of another operator, '" +
                           monoid.getValue() + "'");
      return;
    }
    if (reduction.getRank() == rank)
      break;
  }
  if (!whole.init.empty()) {
    remarkNotApplied(whole.loc, "split reduction", name, "it is a recurrence");
    return;
  }
  if (Expr read = findAbsentRead(editor, whole)) {
    remarkNotApplied(whole.loc, "split reduction", name,
                     "it is absent where '" + getTensorName(read->tensor) +
                         "' is");
    return;
  }
  Statement partial = makePartial(editor, whole, rank, parts);
  ComputeOp made = editor.create(partial, op);

  Statement combined = whole;
  llvm::erase_if(combined.filter, [&](const FilterTerm &constraint) {
    RankSet ranks;
    collectRanks(editor, constraint.expr, ranks);
    return isReduced(whole, ranks);
  });
  combined.reductions = {
      ReductionAttr::get(editor.getContext(), parts.outer, monoid)};
  combined.values.clear();
  for (Value result : made.getResults())
    combined.values.push_back(editor.readPlain(result));
  remarkApplied(whole.loc, "split reduction", name,
                "partial results per " + parts.outer.getValue() +
                    ", combined by '" + monoid.getValue() + "'");
  moveDatatype(editor.replace(op, combined), made);
}

namespace {
struct SplitReductionPass
    : einsum::impl::SplitReductionBase<SplitReductionPass> {
  using SplitReductionBase::SplitReductionBase;

  void runOnOperation() override {
    GathersAside aside(getOperation());
    CascadeOp cascade = getOperation();
    if (rank.empty()) {
      cascade.emitError() << "name the rank whose reductions to split, as in "
                             "rank=m";
      return signalPassFailure();
    }
    if (!cascade.findRank(rank)) {
      cascade.emitError() << "'" << rank << "' is not a rank of cascade '"
                          << cascade.getSymName() << "': name one by rank=";
      return signalPassFailure();
    }
    if (chunk < 1) {
      cascade.emitError() << "a chunk holds at least 1 element, found "
                          << chunk.getValue();
      return signalPassFailure();
    }
    auto name = StringAttr::get(&getContext(), rank);
    CascadeEditor editor(cascade);
    SmallVector<Operation *> einsums;
    for (Operation &op : *cascade.getBodyBlock())
      if (auto einsum = dyn_cast<EinsumInterface>(op);
          einsum && editor.read(einsum).reduces(name))
        einsums.push_back(&op);
    if (einsums.empty()) {
      remarkNotApplied(cascade.getLoc(), "split reduction",
                       cascade.getSymName(), "no Einsum reduces " + rank);
      return;
    }
    CascadeEditor::Parts parts =
        editor.split(name, getAffineConstantExpr(chunk, &getContext()));
    for (Operation *op : einsums)
      splitReduction(editor, op, name, parts);
    editor.eraseDead();
  }
};
} // namespace
