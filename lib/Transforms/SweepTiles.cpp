//===- SweepTiles.cpp - The rank in parts, and what only tiles read -------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A rank that is swept in tiles becomes two: m1, along which running values go,
// and m0, over which local reductions go. Tensors that only tiles read are made
// in tiles; what is still read along the whole rank stays as it is. A rank that
// is split already keeps its parts.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/SweepEmitter.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;
using namespace einsum::sweeps;

void Emitter::makeParts() {
  StringAttr whole = plan.names.front();
  if (plan.names.size() > 1) { // split already
    outer = plan.names[1];
    inner.assign(plan.names.begin() + 2, plan.names.end());
  } else if (options.tileName.empty() && !hasAbsentPoints()) {
    outer = whole;
    return;
  } else {
    // A tile of one element skips the points that a filter excludes.
    AffineExpr tileExtent = getAffineConstantExpr(1, editor.getContext());
    if (!options.tileName.empty())
      tileExtent =
          editor.param(editor.addParam(options.tileName, options.tileSize));
    CascadeEditor::Parts parts = editor.split(whole, tileExtent);
    outer = parts.outer;
    inner.push_back(parts.inner);
  }
  AffineExpr flat = editor.rank(outer);
  for (StringAttr part : inner)
    flat = flat * editor.extent(part) + editor.rank(part);
  rankMap[whole] = flat;
}

/// Does some reduction leave out points?
bool Emitter::hasAbsentPoints() {
  return llvm::any_of(plan.members, [&](const SweepMember &member) {
    SmallVector<FilterTerm, 4> domain(member.statement.filter.begin(),
                                      member.statement.filter.end());
    facts.canonical(member.statement.values[0], &domain);
    return !domain.empty();
  });
}

SmallVector<StringAttr, 4>
Emitter::tileRanks(ArrayRef<StringAttr> ranks) const {
  SmallVector<StringAttr, 4> result;
  for (StringAttr rank : ranks) {
    if (!rankMap.contains(rank)) {
      result.push_back(rank);
      continue;
    }
    result.push_back(outer);
    llvm::append_range(result, inner);
  }
  return result;
}

SmallVector<ReductionAttr, 2>
Emitter::tileReductions(ArrayRef<ReductionAttr> reductions,
                        bool keepOuter) const {
  SmallVector<ReductionAttr, 2> result;
  for (ReductionAttr reduction : reductions)
    for (StringAttr rank : tileRanks(reduction.getRank()))
      if (keepOuter || rank != outer)
        result.push_back(ReductionAttr::get(editor.getContext(), rank,
                                            reduction.getMonoid()));
  return result;
}

Expr Emitter::tile(Expr expr) {
  Expr moved = exprs.rewrite(expr, [&](Expr node) -> Expr {
    if (!node->isRead())
      return nullptr;
    NewTensor tensor = keptTensors.lookup(node->tensor);
    if (!tensor)
      tensor = tiled.lookup(node->tensor);
    if (!tensor)
      return nullptr;
    Indices indices;
    StringAttr whole = plan.names.front();
    for (AffineExpr index : node->indices) {
      if (!rankMap.contains(whole) || index != editor.rank(whole)) {
        indices.push_back(index);
        continue;
      }
      indices.push_back(editor.rank(outer));
      for (StringAttr part : inner)
        indices.push_back(editor.rank(part));
    }
    return exprs.read(tensor.value, indices);
  });
  return editor.substitute(moved, rankMap);
}

SmallVector<FilterTerm, 2> Emitter::tile(ArrayRef<FilterTerm> filter) {
  SmallVector<FilterTerm, 2> result;
  for (const FilterTerm &constraint : filter)
    result.push_back(editor.substitute(constraint, rankMap));
  return result;
}

/// The output ranks with the outer part where the rank stands in the first
/// tensor that is read along it.
SmallVector<StringAttr, 4> Emitter::insertOuter(const SweepMember &member) {
  const Statement &statement = member.statement;
  SmallVector<StringAttr, 4> result(statement.outputRanks);
  size_t position = 0;
  bool found = false;
  walk(statement.values[0], [&](Expr node) {
    if (found || !node->isRead())
      return;
    size_t before = 0;
    for (AffineExpr index : node->indices) {
      for (StringAttr name : plan.names)
        if (!found &&
            index.isFunctionOfDim(
                cast<AffineDimExpr>(editor.rank(name)).getPosition())) {
          found = true;
          position = before;
        }
      auto dim = dyn_cast<AffineDimExpr>(index);
      if (!found && dim &&
          llvm::is_contained(statement.outputRanks,
                             editor.rankAt(dim.getPosition())))
        ++before;
    }
  });
  result.insert(result.begin() + position, outer);
  return result;
}

bool Emitter::isReadPlain(Operation *user, Value tensor) {
  const Statement &statement = *facts.definition(user->getResult(0));
  Expr plain = editor.readPlain(tensor);
  bool isPlain = true;
  for (Expr value : statement.values)
    walk(value, [&](Expr node) {
      if (node->isRead() && node->tensor == tensor) {
        StringAttr whole = plan.names.front();
        for (auto [index, own] : llvm::zip(node->indices, plain->indices))
          if (own == editor.rank(whole) && index != own)
            isPlain = false;
      }
    });
  return isPlain;
}

/// Leaves that only tiles read are computed in tiles: QK[m,p] becomes
/// QK[m1,m0,p]. What is still read along the whole rank stays.
void Emitter::findTiledTensors() {
  // What remains when the members are cut off from what they read.
  llvm::DenseSet<Operation *> members;
  for (SweepMember &member : plan.members)
    if (plan.isChanged(member.sweep))
      members.insert(member.op);
  llvm::SetVector<Operation *> needed;
  auto need = [&](Value tensor) {
    if (Operation *producer = tensor.getDefiningOp())
      needed.insert(producer);
  };
  for (OutputOp output : editor.getCascade().getBodyBlock()->getOps<OutputOp>())
    needed.insert(output);
  for (SweepMember &member : plan.members)
    if (!members.contains(member.op))
      needed.insert(member.op);
  for (SweepMember &member : plan.members)
    for (const Term &term : member.terms)
      for (const Factor &factor : term.factors)
        walk(factor.d, [&](Expr node) {
          if (node->isRead())
            need(node->tensor);
        });
  for (size_t i = 0; i < needed.size(); ++i)
    if (!members.contains(needed[i]))
      for (Value operand : needed[i]->getOperands())
        need(operand);
  if (!rankMap.contains(plan.names.front()))
    return;

  SmallVector<Operation *> candidates;
  for (Operation &op : *editor.getCascade().getBodyBlock())
    if (isa<EinsumInterface>(op) && !members.contains(&op))
      candidates.push_back(&op);
  // Users first: a leaf may be tiled if all its users are.
  llvm::DenseSet<Operation *> inTiles;
  for (Operation *op : members)
    inTiles.insert(op);
  for (bool changed = true; changed;) {
    changed = false;
    for (Operation *op : llvm::reverse(candidates)) {
      if (inTiles.contains(op) || op->getNumResults() != 1)
        continue;
      const Statement &statement = *facts.definition(op->getResult(0));
      bool hasRank =
          llvm::is_contained(statement.outputRanks, plan.names.front());
      bool mayTile = hasRank && statement.init.empty() &&
                     llvm::all_of(op->getUsers(), [&](Operation *user) {
                       // Dead users do not count.
                       bool isDead = isa<EinsumInterface>(user) &&
                                     !needed.contains(user) &&
                                     !members.contains(user) &&
                                     plan.stages.lookup(user->getResult(0)) >
                                         plan.stages.lookup(op->getResult(0));
                       return (isDead || inTiles.contains(user)) &&
                              isReadPlain(user, op->getResult(0));
                     });
      if (!mayTile)
        continue;
      inTiles.insert(op);
      changed = true;
    }
  }
  llvm::DenseSet<Value> aligned;
  for (const SweepMember &member : plan.members)
    aligned.insert(member.seenThrough.begin(), member.seenThrough.end());
  for (Operation *op : candidates) {
    if (!inTiles.contains(op) || op->use_empty())
      continue;
    // Aligned tensors are made anew at the frame, or not at all.
    const Statement &statement = *facts.definition(op->getResult(0));
    bool isLeaf = llvm::any_of(op->getUsers(), [&](Operation *user) {
      return members.contains(user) || inTiles.contains(user);
    });
    if (!isLeaf || aligned.contains(op->getResult(0)))
      continue;
    Value placeholder = editor.declare(statement.tensors[0].getValue(),
                                       tileRanks(statement.outputRanks),
                                       statement.elementTypes[0]);
    tiled[op->getResult(0)] = {placeholder, tileRanks(statement.outputRanks)};
    tiledOps.push_back(op);
  }
}
