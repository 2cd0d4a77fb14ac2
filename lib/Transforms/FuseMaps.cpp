//===- FuseMaps.cpp - Pointwise Einsums into their readers ----------------===//
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
#define GEN_PASS_DEF_FUSEMAPS
#include "lib/Transforms/Passes.h.inc"
} // namespace einsum

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

/// Why elements would be computed more than once; empty if they are not.
static std::string findDuplication(CascadeEditor &editor,
                                   const Statement &consumer, Expr read) {
  std::string name = "'" + getTensorName(read->tensor).str() + "'";
  llvm::SmallPtrSet<Operation *, 4> users;
  for (Operation *user : read->tensor.getUsers())
    users.insert(user);
  if (llvm::any_of(users, [](Operation *user) { return isa<OutputOp>(user); }))
    return name + " is an output";
  if (users.size() > 1)
    return name + " has " + std::to_string(users.size()) + " readers";
  RankSet ranks = collectRanks(editor, read);
  for (StringAttr rank : consumer.iterationRanks())
    if (!ranks.contains(rank))
      return name + " would be computed again for every " +
             rank.getValue().str();
  return {};
}

static bool readsOtherEinsum(Expr read, Operation *consumer) {
  Operation *producer = read->tensor.getDefiningOp();
  return isa<EinsumInterface>(producer) && producer != consumer;
}

/// Whether the read is of an Einsum that does nothing but read.
static bool readsCopy(CascadeEditor &editor, Expr read) {
  Statement producer =
      editor.read(cast<EinsumInterface>(read->tensor.getDefiningOp()));
  return producer.isPointwise() && producer.values.size() == 1 &&
         producer.values[0]->kind == ExprNode::Kind::read;
}

/// One read at a time: what is written in place brings reads of its own.
static bool fuseOne(CascadeEditor &editor, Statement &consumer, Operation *op,
                    bool duplicate, bool copies,
                    llvm::DenseSet<Expr> &refused) {
  for (Expr read : collectReads(consumer)) {
    if (refused.contains(read) || !readsOtherEinsum(read, op) ||
        (copies && !readsCopy(editor, read)))
      continue;
    std::string obstacle = findInlineObstacle(editor, consumer, read);
    bool isLegal = obstacle.empty();
    if (isLegal && !duplicate && !copies)
      obstacle = findDuplication(editor, consumer, read);
    if (obstacle.empty()) {
      remarkApplied(consumer.loc, "map fusion", consumer.tensors[0].getValue(),
                    "computes '" + getTensorName(read->tensor) + "' in place")
              .attachNote(read->tensor.getLoc())
          << "what is computed in place";
      inlineInto(editor, consumer, read);
      return true;
    }
    refused.insert(read);
    // A reduction is no candidate, and saying so for each would drown the rest.
    auto producer = cast<EinsumInterface>(read->tensor.getDefiningOp());
    if (producer.getReductionList().empty())
      remarkNotApplied(consumer.loc, "map fusion",
                       consumer.tensors[0].getValue(), obstacle);
  }
  return false;
}

namespace {
struct FuseMapsPass : einsum::impl::FuseMapsBase<FuseMapsPass> {
  using FuseMapsBase::FuseMapsBase;

  void runOnOperation() override {
    GathersAside aside(getOperation());
    CascadeEditor editor(getOperation());
    SmallVector<Operation *> einsums;
    for (Operation &op : *getOperation().getBodyBlock())
      if (isa<EinsumInterface>(op))
        einsums.push_back(&op);
    for (Operation *op : einsums) {
      Statement consumer = editor.read(cast<EinsumInterface>(op));
      llvm::DenseSet<Expr> refused;
      bool changed = false;
      while (fuseOne(editor, consumer, op, duplicate, copies, refused))
        changed = true;
      if (changed)
        editor.replace(op, consumer);
    }
    editor.eraseDead();
  }
};
} // namespace
