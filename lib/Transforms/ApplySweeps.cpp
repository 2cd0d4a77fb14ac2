//===- ApplySweeps.cpp - A plan of sweeps, put into the cascade -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The emitter (SweepEmitter.h) goes through the sweeps in order and notes new
// statements over placeholders. Here they are made: new tensors on the way, and
// at the end the cascade with old tensors replaced.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/SweepEmitter.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;
using namespace einsum::sweeps;

//===----------------------------------------------------------------------===//
// New tensors
//===----------------------------------------------------------------------===//

NewTensor Emitter::add(Statement statement) {
  NewTensor made;
  made.ranks.assign(statement.outputRanks.begin(), statement.outputRanks.end());
  made.value = editor.declare(statement.tensors[0].getValue(),
                              statement.outputRanks, statement.elementTypes[0]);
  news.push_back(std::move(statement));
  placeholders.push_back(made.value);
  return made;
}

/// Ranks that occur in `values`, in the order of `order` and then of the
/// numbering.
SmallVector<StringAttr, 4> Emitter::ranksOf(ArrayRef<Expr> values,
                                            ArrayRef<StringAttr> order) {
  llvm::SetVector<StringAttr> used;
  for (Expr value : values)
    walk(value, [&](Expr node) {
      if (node->kind == ExprNode::Kind::index)
        used.insert(cast<StringAttr>(node->data));
      for (AffineExpr index : node->indices)
        index.walk([&](AffineExpr part) {
          if (auto dim = dyn_cast<AffineDimExpr>(part))
            used.insert(editor.rankAt(dim.getPosition()));
        });
    });
  SmallVector<StringAttr, 4> result;
  for (StringAttr rank : order)
    if (used.contains(rank))
      result.push_back(rank);
  for (StringAttr rank : used)
    if (!llvm::is_contained(result, rank))
      result.push_back(rank);
  return result;
}

NewTensor Emitter::addPointwise(StringRef name, ArrayRef<StringAttr> order,
                                Expr value, Location loc,
                                std::optional<double> init) {
  Statement statement(loc);
  statement.tensors.push_back(editor.freshTensor(name));
  statement.elementTypes.push_back(value->type);
  statement.outputRanks.assign(ranksOf(value, order));
  statement.values.push_back(value);
  if (init)
    statement.init.push_back(FloatAttr::get(value->type, *init));
  return add(std::move(statement));
}

Expr Emitter::readAt(const NewTensor &tensor, AffineExpr outerIndex) {
  Indices indices;
  for (StringAttr rank : tensor.ranks)
    indices.push_back(rank == outer ? outerIndex : editor.rank(rank));
  return exprs.read(tensor.value, indices);
}

Expr Emitter::arithmetic(StringRef op, Expr a, Expr b) {
  exprs.widen(a, b);
  return exprs.op(op, {a, b}, a->type);
}

Expr sweeps::convert(ExprContext &exprs, Expr value, Type type) {
  unsigned from = value->type.getIntOrFloatBitWidth(),
           to = type.getIntOrFloatBitWidth();
  if (value->type == type)
    return value;
  if (from == to) { // f16 <-> bf16
    Type wide = Float32Type::get(type.getContext());
    return exprs.op("arith.truncf", {exprs.op("arith.extf", {value}, wide)},
                    type);
  }
  return exprs.op(from < to ? "arith.extf" : "arith.truncf", {value}, type);
}

//===----------------------------------------------------------------------===//
// Into the cascade
//===----------------------------------------------------------------------===//

Expr Emitter::resolve(Expr expr) {
  return exprs.rewrite(expr, [&](Expr node) -> Expr {
    if (!node->isRead())
      return nullptr;
    auto it = replacements.find(node->tensor);
    if (it == replacements.end())
      return nullptr;
    RankMap map;
    for (auto [rank, index] : llvm::zip(it->second.ranks, node->indices))
      map[rank] = index;
    return editor.substitute(it->second.value, map);
  });
}

void Emitter::commit() {
  Operation *position = plan.members.front().op;
  SmallVector<std::pair<Value, Value>> definitions;
  // Leaves in tiles, where they were.
  for (Operation *op : tiledOps) {
    Statement statement = *facts.definition(op->getResult(0));
    statement.outputRanks.assign(tiled[op->getResult(0)].ranks);
    for (Expr &value : statement.values)
      value = resolve(tile(value));
    statement.filter = tile(statement.filter);
    ComputeOp made = editor.create(statement, op);
    definitions.emplace_back(tiled[op->getResult(0)].value, made.getResult(0));
  }
  // Other readers of what is replaced.
  SmallVector<Operation *> readers;
  for (Operation &op : *editor.getCascade().getBodyBlock()) {
    bool isMember =
        plan.positions.contains(&op) && replacements.contains(op.getResult(0));
    bool reads = llvm::any_of(
        op.getOperands(), [&](Value v) { return replacements.contains(v); });
    if (isa<EinsumInterface>(op) && reads && !isMember)
      readers.push_back(&op);
  }
  llvm::DenseMap<Value, Value> renewed;
  for (Operation *op : readers) {
    Statement statement = editor.read(cast<EinsumInterface>(op));
    for (Expr &value : statement.values)
      value = resolve(value);
    SmallVector<Value> old(op->getResults());
    ComputeOp made = editor.create(statement, op);
    for (auto [before, after] : llvm::zip(old, made.getResults()))
      renewed[before] = after;
    op->replaceAllUsesWith(made->getResults());
  }
  for (OutputOp output : editor.getCascade().getBodyBlock()->getOps<OutputOp>())
    for (OpOperand &operand : output->getOpOperands()) {
      auto it = replacements.find(operand.get());
      if (it != replacements.end())
        operand.set(it->second.value->tensor);
    }
  size_t placeholder = 0;
  for (Statement &statement : news) {
    for (Expr &value : statement.values) {
      value = resolve(value);
      value = exprs.rewrite(value, [&](Expr node) -> Expr {
        Value fresh = node->isRead() ? renewed.lookup(node->tensor) : Value();
        return fresh ? exprs.read(fresh, node->indices) : nullptr;
      });
    }
    ComputeOp made = editor.create(statement, position);
    for (Value result : made.getResults())
      definitions.emplace_back(placeholders[placeholder++], result);
  }
  for (const StepNews &range : stepNews)
    for (size_t i = range.first; i < range.end; ++i)
      derivation.steps[range.step].after.push_back(toText(editor, news[i]));
  for (auto [declared, made] : definitions)
    editor.define(declared, made);
  for (Operation *op : readers)
    op->erase();
  for (Value value : temporaries)
    value.getDefiningOp()->erase();
  facts.clear();
  editor.eraseDead();
  sortByDependence(editor.getCascade());
}

void Emitter::run() {
  bool anyRunning = false;
  for (auto [index, member] : llvm::enumerate(plan.members)) {
    bySweep.resize(std::max<size_t>(bySweep.size(), member.sweep + 1));
    bySweep[member.sweep].push_back(index);
    anyRunning |= member.needsRunning();
  }
  if (anyRunning) {
    makeParts();
    findTiledTensors();
  } else {
    outer = plan.names.front();
  }
  for (unsigned sweep = 0; sweep < bySweep.size(); ++sweep)
    emitSweep(sweep);
  commit();
}

void einsum::applySweeps(CascadeEditor &editor, Facts &facts, SweepPlan &plan,
                         const SweepOptions &options, Derivation &derivation) {
  if (plan.changesAnything())
    Emitter(editor, facts, plan, options, derivation).run();
}
