//===- CommonEinsums.cpp - Compute equal tensors once ---------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Einsums are visited producers first, so that readers of equal tensors are
// equal in turn.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/EqualEinsums.h"
#include "lib/Transforms/GathersAside.h"
#include "lib/Transforms/Inlining.h"
#include "lib/Transforms/Passes.h"
#include "lib/Transforms/Remarks.h"

#include "llvm/ADT/SetVector.h"

namespace einsum {
#define GEN_PASS_DEF_COMMONEINSUMS
#include "lib/Transforms/Passes.h.inc"
} // namespace einsum

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

static bool isOutput(Operation *op) {
  return llvm::any_of(op->getUsers(),
                      [](Operation *user) { return isa<OutputOp>(user); });
}

/// Readers of `gone` read `kept` instead, with the ranks of its results in
/// their order.
static void redirect(CascadeEditor &editor, Operation *gone,
                     const Statement &goneIs, Operation *kept,
                     const Statement &keptIs, const RankBijection &ranks) {
  llvm::SetVector<Operation *> readers;
  for (Operation *user : gone->getUsers())
    if (user != gone)
      readers.insert(user);
  for (Operation *reader : readers) {
    Statement statement = editor.read(cast<EinsumInterface>(reader));
    for (Expr &value : statement.values)
      value = editor.getExprs().rewrite(value, [&](Expr node) -> Expr {
        if (!node->isRead() || node->tensor.getDefiningOp() != gone)
          return nullptr;
        Indices indices;
        for (StringAttr rank : keptIs.outputRanks) {
          auto *position = llvm::find(goneIs.outputRanks, ranks.lookup(rank));
          indices.push_back(
              node->indices[position - goneIs.outputRanks.begin()]);
        }
        unsigned number = cast<OpResult>(node->tensor).getResultNumber();
        return editor.getExprs().read(kept->getResult(number), indices);
      });
    editor.replace(reader, statement);
  }
}

/// A reader one step back finds the iterative rank by its name.
static bool keepsNames(const RankBijection &ranks) {
  return llvm::all_of(
      ranks, [](const auto &pair) { return pair.first == pair.second; });
}

namespace {
struct CommonEinsumsPass : einsum::impl::CommonEinsumsBase<CommonEinsumsPass> {
  void runOnOperation() override {
    GathersAside aside(getOperation());
    // Replacing a reader makes a new op: names stand for ops from here on.
    SmallVector<StringAttr> names;
    for (Operation *op : listProducersFirst(getOperation()))
      names.push_back(nameOf(op));

    CascadeEditor editor(getOperation());
    std::multimap<size_t, StringAttr> seen;
    for (StringAttr name : names) {
      Operation *op = find(name);
      Statement statement = editor.read(cast<EinsumInterface>(op));
      size_t hash = hashEinsum(statement, op);
      bool isMerged = false;
      for (auto [it, end] = seen.equal_range(hash); it != end && !isMerged;
           ++it)
        if (StringAttr kept = merge(editor, it->second, op, statement)) {
          it->second = kept;
          isMerged = true;
        }
      if (!isMerged)
        seen.emplace(hash, name);
    }
  }

  /// One of several results may be without a name.
  static StringAttr nameOf(Operation *op) {
    SmallVector<StringAttr> names = cast<EinsumInterface>(op).getTensorNames();
    return *llvm::find_if(
        names, [](StringAttr name) { return !name.getValue().empty(); });
  }

  Operation *find(StringAttr tensor) {
    for (Operation &op : *getOperation().getBodyBlock())
      if (auto einsum = dyn_cast<EinsumInterface>(op))
        if (llvm::is_contained(einsum.getTensorNames(), tensor))
          return &op;
    return nullptr;
  }

  /// If `op` equals the tensor `name`, erases one of them and gives the name of
  /// the other: an output, or the one that stands first.
  StringAttr merge(CascadeEditor &editor, StringAttr name, Operation *op,
                   const Statement &statement) {
    Operation *other = find(name);
    Statement otherIs = editor.read(cast<EinsumInterface>(other));
    bool keepsOther =
        isOutput(other) || (!isOutput(op) && other->isBeforeInBlock(op));
    Operation *kept = keepsOther ? other : op, *gone = keepsOther ? op : other;
    const Statement &keptIs = keepsOther ? otherIs : statement;
    const Statement &goneIs = keepsOther ? statement : otherIs;
    std::optional<RankBijection> ranks =
        matchEinsums(editor, keptIs, kept, goneIs, gone);
    if (!ranks)
      return {};
    StringAttr keptName = nameOf(kept), goneName = nameOf(gone);
    if (isOutput(gone)) {
      remarkNotApplied(goneIs.loc, "common Einsum", goneName,
                       "it equals '" + keptName.getValue() +
                           "', but both are outputs");
      return {};
    }
    if (!goneIs.init.empty() && !keepsNames(*ranks)) {
      remarkNotApplied(
          goneIs.loc, "common Einsum", goneName,
          "it equals '" + keptName.getValue() +
              "', but is a recurrence along a rank of another name");
      return {};
    }
    remarkApplied(goneIs.loc, "common Einsum", goneName,
                  "it equals '" + keptName.getValue() + "'")
            .attachNote(kept->getLoc())
        << "computed here";
    redirect(editor, gone, goneIs, kept, keptIs, *ranks);
    gone->dropAllReferences();
    gone->dropAllUses();
    gone->erase();
    return keptName;
  }
};
} // namespace
