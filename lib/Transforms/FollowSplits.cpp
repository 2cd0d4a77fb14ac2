//===- FollowSplits.cpp - Tensors along the parts of a split --------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A tensor along m that is read along the parts of m alone is made along them:
//
//   QK[m,p]   = Q[p,e] * K[m,e]            QK[m1,m0,p] = Q[p,e] * K[m1*M0+m0,e]
//   LGM[m1,p] = max(m0) QK[m1*M0+m0,p]     LGM[m1,p]   = max(m0) QK[m1,m0,p]
//
// The parts name each coordinate once, so that nothing is computed but under
// other names; then a loop over m1 is one of the producer's own.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/EinsumBuilder.h"
#include "lib/Transforms/GathersAside.h"
#include "lib/Transforms/Passes.h"
#include "lib/Transforms/Remarks.h"

#include "llvm/ADT/SetVector.h"

namespace einsum {
#define GEN_PASS_DEF_FOLLOWSPLITS
#include "lib/Transforms/Passes.h.inc"
} // namespace einsum

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

static constexpr StringLiteral kLaw = "split names";

namespace {

/// One split: `m` is `m1 * M0 + m0`.
class Following {
public:
  Following(CascadeEditor &editor, SplitOp split)
      : editor(editor), exprs(editor.getExprs()),
        rank(split.getRankAttr().getAttr()) {
    whole = getAffineConstantExpr(0, editor.getContext());
    for (StringAttr part : split.getParts().getAsRange<StringAttr>()) {
      parts.push_back(part);
      whole = whole * editor.extent(part) + editor.rank(part);
    }
    map[rank] = whole;
  }

  void run() {
    for (Operation &op : *editor.getCascade().getBodyBlock())
      if (isa<EinsumInterface>(op))
        left.push_back(&op);
    // From the last to the first: who reads may follow itself.
    while (!left.empty()) {
      Operation *op = left.pop_back_val();
      if (mayFollow(op))
        follow(op);
    }
  }

private:
  bool mayFollow(Operation *op);
  bool readsAlongParts(Operation *reader, Value tensor);
  void follow(Operation *op);
  Expr readAlongParts(Expr value, Value tensor, Value made);

  CascadeEditor &editor;
  ExprContext &exprs;
  SmallVector<Operation *> left; ///< to be looked at
  StringAttr rank;
  SmallVector<StringAttr, 2> parts;
  AffineExpr whole;
  RankMap map;
};

} // namespace

/// True if every index of `tensor` along the rank is that of the parts.
bool Following::readsAlongParts(Operation *reader, Value tensor) {
  auto einsum = dyn_cast<EinsumInterface>(reader);
  if (!einsum) // an output
    return false;
  Expr plain = editor.readPlain(tensor);
  bool isAlong = true;
  for (Expr value : editor.read(einsum).values)
    walk(value, [&](Expr node) {
      if (!node->isRead() || node->tensor != tensor)
        return;
      for (auto [index, own] : llvm::zip(node->indices, plain->indices))
        isAlong &= own != editor.rank(rank) || index == whole;
    });
  return isAlong;
}

bool Following::mayFollow(Operation *op) {
  Statement statement = editor.read(cast<EinsumInterface>(op));
  auto uses = [&](StringAttr name) {
    return llvm::is_contained(statement.iterationRanks(), name);
  };
  return op->getNumResults() == 1 && statement.init.empty() &&
         !statement.isStored() && !op->use_empty() &&
         llvm::is_contained(statement.outputRanks, rank) &&
         llvm::none_of(parts, uses) &&
         llvm::all_of(op->getUsers(), [&](Operation *user) {
           return readsAlongParts(user, op->getResult(0));
         });
}

Expr Following::readAlongParts(Expr value, Value tensor, Value made) {
  Expr plain = editor.readPlain(tensor);
  return exprs.rewrite(value, [&](Expr node) -> Expr {
    if (!node->isRead() || node->tensor != tensor)
      return nullptr;
    Indices indices;
    for (auto [index, own] : llvm::zip(node->indices, plain->indices))
      if (own != editor.rank(rank))
        indices.push_back(index);
      else
        for (StringAttr part : parts)
          indices.push_back(editor.rank(part));
    return exprs.read(made, indices);
  });
}

void Following::follow(Operation *op) {
  Value tensor = op->getResult(0);
  Statement statement = editor.read(cast<EinsumInterface>(op));
  editor.substitute(statement, map);
  auto place = llvm::find(statement.outputRanks, rank);
  place = statement.outputRanks.erase(place);
  statement.outputRanks.insert(place, parts.begin(), parts.end());
  ComputeOp made = editor.create(statement, op);
  for (NamedAttribute attribute : op->getDiscardableAttrs())
    made->setDiscardableAttr(attribute.getName(), attribute.getValue());
  llvm::SetVector<Operation *> readers(op->user_begin(), op->user_end());
  for (Operation *reader : readers) {
    Statement changed = editor.read(cast<EinsumInterface>(reader));
    for (Expr &value : changed.values)
      value = readAlongParts(value, tensor, made.getResult(0));
    Operation *replaced = editor.replace(reader, changed);
    std::replace(left.begin(), left.end(), reader, replaced);
  }
  remarkApplied(statement.loc, kLaw, statement.tensors[0],
                "along the parts of '" + rank.getValue() +
                    "', as all of its readers read it");
  op->erase();
}

namespace {
struct FollowSplitsPass : einsum::impl::FollowSplitsBase<FollowSplitsPass> {
  using FollowSplitsBase::FollowSplitsBase;
  void runOnOperation() override {
    GathersAside aside(getOperation());
    CascadeEditor editor(getOperation());
    SmallVector<SplitOp> splits(
        getOperation().getBodyBlock()->getOps<SplitOp>());
    for (SplitOp split : splits)
      Following(editor, split).run();
  }
};
} // namespace
