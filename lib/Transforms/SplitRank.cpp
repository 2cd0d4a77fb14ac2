//===- SplitRank.cpp - Tiles with local reductions ------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A reduction over m is a reduction over tiles of reductions within tiles:
//
//   GM[p] = max(m) QK[m,p]       LGM[m1,p] = max(m0) QK[m1,m0,p]
//                                GM[p]     = max(m1) LGM[m1,p]
//
// The law is associativity (and commutativity, for sums of floats up to
// rounding); a ragged last tile has fewer points, an empty one gives the
// identity. Tensors that are read along m alone, by what is tiled, are tiled
// with it. Outputs keep their ranks, and so does what a recurrence along m or
// an index such as m + 1 reads.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/EinsumBuilder.h"
#include "lib/Transforms/GathersAside.h"
#include "lib/Transforms/Passes.h"
#include "lib/Transforms/ReducePasses.h"
#include "lib/Transforms/Remarks.h"

#include "llvm/ADT/DenseSet.h"

namespace einsum {
#define GEN_PASS_DEF_SPLITRANK
#include "lib/Transforms/Passes.h.inc"
} // namespace einsum

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

static constexpr StringLiteral kLaw = "rank split";

namespace {

class Splitting {
public:
  Splitting(CascadeEditor &editor, StringAttr rank, AffineExpr tileExtent)
      : editor(editor), exprs(editor.getExprs()), rank(rank) {
    parts = editor.split(rank, tileExtent);
    map[rank] =
        editor.rank(parts.outer) * tileExtent + editor.rank(parts.inner);
  }

  void run();

private:
  bool reduces(const Statement &statement) const {
    return statement.reduces(rank);
  }
  bool canSplit(const Statement &statement, bool report) const;
  bool sharesAlongRank(const Statement &statement) const;
  bool readsAlongRank(const Statement &statement, Value tensor) const;
  void findTiled();
  Expr tile(Expr expr);
  SmallVector<FilterTerm, 2> tile(ArrayRef<FilterTerm> filter);
  void splitReduction(Operation *op);
  void tileTensor(Operation *op);

  CascadeEditor &editor;
  ExprContext &exprs;
  StringAttr rank;
  CascadeEditor::Parts parts;
  RankMap map;
  llvm::DenseMap<Operation *, std::unique_ptr<Statement>> statements;
  SmallVector<Operation *> order;
  llvm::DenseSet<Operation *> inTiles;
  llvm::DenseMap<Value, Value> tiled;                   ///< to placeholders
  llvm::DenseMap<Operation *, Operation *> combinedOps; ///< of old reductions
};

} // namespace

bool Splitting::canSplit(const Statement &statement, bool report) const {
  auto refuse = [&](const Twine &why) {
    if (report)
      remarkNotApplied(statement.loc, kLaw, statement.tensors[0], why);
    return false;
  };
  if (!statement.init.empty())
    return refuse("it is a recurrence");
  if (statement.isStored())
    return refuse("it is stored in a number format, which rounds the whole and "
                  "no part of it");
  StringAttr monoid = statement.reductions.front().getMonoid();
  for (ReductionAttr reduction : statement.reductions)
    if (reduction.getMonoid() != monoid)
      return refuse("it reduces several ranks by different operators, whose "
                    "order counts");
  return true;
}

/// True if the storage of what it makes speaks of the rank.
bool Splitting::sharesAlongRank(const Statement &statement) const {
  auto stored = dyn_cast<QuantizedType>(statement.elementTypes[0]);
  return stored && llvm::is_contained(stored.getRanks(), rank);
}

/// True if every index of `tensor` along the rank is the rank itself.
bool Splitting::readsAlongRank(const Statement &statement, Value tensor) const {
  Expr plain = editor.readPlain(tensor);
  bool isPlain = true;
  for (Expr value : statement.values)
    walk(value, [&](Expr node) {
      if (!node->isRead() || node->tensor != tensor)
        return;
      for (auto [index, own] : llvm::zip(node->indices, plain->indices))
        isPlain &= own != editor.rank(rank) || index == own;
    });
  return isPlain;
}

void Splitting::findTiled() {
  for (Operation *op : order)
    if (const Statement &statement = *statements[op];
        reduces(statement) && canSplit(statement, /*report=*/true))
      inTiles.insert(op);
  // Users stand below what they read.
  for (Operation *op : llvm::reverse(order)) {
    const Statement &statement = *statements[op];
    if (!llvm::is_contained(statement.outputRanks, rank) ||
        op->getNumResults() != 1 || !statement.init.empty() ||
        op->use_empty() || sharesAlongRank(statement))
      continue;
    bool mayTile = llvm::all_of(op->getUsers(), [&](Operation *user) {
      return inTiles.contains(user) &&
             readsAlongRank(*statements[user], op->getResult(0));
    });
    if (mayTile)
      inTiles.insert(op);
  }
}

Expr Splitting::tile(Expr expr) {
  Expr moved = exprs.rewrite(expr, [&](Expr node) -> Expr {
    Value tensor = node->isRead() ? tiled.lookup(node->tensor) : Value();
    if (!tensor)
      return nullptr;
    Indices indices;
    for (AffineExpr index : node->indices) {
      if (index != editor.rank(rank)) {
        indices.push_back(index);
        continue;
      }
      indices.push_back(editor.rank(parts.outer));
      indices.push_back(editor.rank(parts.inner));
    }
    return exprs.read(tensor, indices);
  });
  return editor.substitute(moved, map);
}

SmallVector<FilterTerm, 2> Splitting::tile(ArrayRef<FilterTerm> filter) {
  SmallVector<FilterTerm, 2> result;
  for (const FilterTerm &constraint : filter)
    result.push_back(editor.substitute(constraint, map));
  return result;
}

void Splitting::splitReduction(Operation *op) {
  Statement local = *statements[op], whole = local;
  StringAttr monoid = local.reductions.front().getMonoid();
  local.outputRanks.insert(local.outputRanks.begin(), parts.outer);
  for (StringAttr &name : local.tensors)
    name = editor.freshTensor(("L" + name.getValue()).str());
  for (ReductionAttr &reduction : local.reductions)
    if (reduction.getRank() == rank)
      reduction = ReductionAttr::get(editor.getContext(), parts.inner, monoid);
  for (Expr &value : local.values)
    value = tile(value);
  local.filter = tile(local.filter);
  ComputeOp made = editor.create(local, op);

  whole.filter.clear();
  whole.reductions.assign(
      1, ReductionAttr::get(editor.getContext(), parts.outer, monoid));
  whole.values.clear();
  for (Value result : made.getResults())
    whole.values.push_back(editor.readPlain(result));
  remarkApplied(whole.loc, kLaw, whole.tensors[0],
                "'" + monoid.getValue() +
                    "' within tiles, then over tiles of '" + rank.getValue() +
                    "'");
  ComputeOp combined = editor.create(whole, op);
  for (NamedAttribute attribute : op->getDiscardableAttrs())
    combined->setDiscardableAttr(attribute.getName(), attribute.getValue());
  moveDatatype(combined, made);
  combinedOps[op] = combined;
}

void Splitting::tileTensor(Operation *op) {
  Statement statement = *statements[op];
  for (Expr &value : statement.values)
    value = tile(value);
  statement.filter = tile(statement.filter);
  ArrayRef<StringAttr> ranks =
      cast<NamedTensorType>(tiled[op->getResult(0)].getType()).getRanks();
  statement.outputRanks.assign(ranks.begin(), ranks.end());
  ComputeOp made = editor.create(statement, op);
  editor.define(tiled[op->getResult(0)], made.getResult(0));
  tiled[op->getResult(0)] = made.getResult(0);
}

void Splitting::run() {
  for (Operation &op : *editor.getCascade().getBodyBlock())
    if (auto einsum = dyn_cast<EinsumInterface>(op)) {
      order.push_back(&op);
      statements[&op] = std::make_unique<Statement>(editor.read(einsum));
    }
  findTiled();
  for (Operation *op : order) {
    const Statement &statement = *statements[op];
    if (!inTiles.contains(op) || reduces(statement))
      continue;
    SmallVector<StringAttr, 4> ranks;
    for (StringAttr name : statement.outputRanks) {
      ranks.push_back(name == rank ? parts.outer : name);
      if (name == rank)
        ranks.push_back(parts.inner);
    }
    tiled[op->getResult(0)] = editor.declare(statement.tensors[0].getValue(),
                                             ranks, statement.elementTypes[0]);
  }
  // Statements name tensors as they were: results change hands at the end.
  SmallVector<std::pair<Operation *, bool>> work;
  for (Operation *op : order)
    if (inTiles.contains(op))
      work.emplace_back(op, reduces(*statements[op]));
  for (auto [op, isReduction] : work)
    isReduction ? splitReduction(op) : tileTensor(op);
  for (auto [op, combined] : combinedOps)
    op->replaceAllUsesWith(combined->getResults());
  for (auto [op, isReduction] : work) // reads among them are dead
    op->dropAllReferences();
  for (auto [op, isReduction] : work)
    op->erase();
}

namespace {
struct SplitRankPass : einsum::impl::SplitRankBase<SplitRankPass> {
  using SplitRankBase::SplitRankBase;
  void runOnOperation() override {
    GathersAside aside(getOperation());
    CascadeOp cascade = getOperation();
    RewriteOptions options;
    options.rank = rank;
    options.tile = tile;
    std::optional<Tile> chosen;
    if (failed(checkOptions(cascade, options)) ||
        !(chosen = readTile(cascade, rank, tile)))
      return signalPassFailure();
    for (SplitOp split : cascade.getBodyBlock()->getOps<SplitOp>())
      if (split.getRank() == rank ||
          llvm::is_contained(split.getParts(),
                             StringAttr::get(&getContext(), rank))) {
        cascade.emitError() << "rank '" << rank << "' is split already";
        return signalPassFailure();
      }
    CascadeEditor editor(cascade);
    AffineExpr extent =
        editor.param(editor.addParam(chosen->name, chosen->size));
    Splitting(editor, StringAttr::get(&getContext(), rank), extent).run();
  }
};
} // namespace
