//===- LocalReductions.cpp - Tiles reduce apart, then combine -------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The same laws as for running values, used once per tile instead of from tile
// to tile. Each tile reduces its own elements, with its own statistics for
// frames; what it finds is carried to the true statistics when the tiles are
// combined:
//
//   LGM[m1]  = max(m0) QK[m]              local maximum
//   LSD[m1]  = exp(QK[m] - LGM[m1])       local sum, relative to it
//   GM       = max(m1) LGM[m1]
//   WGM[m1]  = exp(LGM[m1] - GM)          the weight of a tile
//   SD       = LSD[m1] * WGM[m1]
//
// No tile waits for another, so tiles may run on different cores: FlashDecoding
// (Dao et al. 2023), and the two-pass cascade of FuseMax where the elements are
// read again at the end. Which law carries what is found by planSweeps.
//
// A tile of masked keys has minus infinity for its maximum, and so may the
// whole row; both are replaced by 0 where they would be subtracted from
// themselves.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/GathersAside.h"
#include "lib/Transforms/Passes.h"
#include "lib/Transforms/Remarks.h"
#include "lib/Transforms/Sweeps.h"

#include "llvm/ADT/SetVector.h"

#include <limits>

namespace einsum {
#define GEN_PASS_DEF_LOCALREDUCTIONS
#include "lib/Transforms/Passes.h.inc"
} // namespace einsum

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

namespace {

class LocalForm {
public:
  LocalForm(CascadeEditor &editor, Facts &facts, SweepPlan &plan)
      : editor(editor), exprs(editor.getExprs()), facts(facts), plan(plan) {}

  /// Why some member has no local form; empty if all have one.
  std::string findObstacle() const;
  void run(StringAttr outerRank, ArrayRef<StringAttr> innerRanks);

private:
  Expr tile(Expr expr);
  SmallVector<FilterTerm, 2> tile(ArrayRef<FilterTerm> filter);
  Statement localStatement(const SweepMember &member, StringRef prefix);
  Expr add(const Statement &statement, Operation *before);

  void reduceApart(SweepMember &member);
  void reduceDependent(SweepMember &member);
  void emitKept(const SweepMember &member);
  Expr fillSlots(Expr expr);
  Expr localFrame(Expr d);
  Expr finite(Expr value, Expr d);
  Expr weightOf(const SweepMember &member, const Term &term);
  Expr combined(const SweepMember &member, Expr local, Expr weight);
  void finish(SweepMember &member, Expr value);
  Expr arithmetic(StringRef op, Expr a, Expr b) {
    return exprs.op(op, {a, b}, a->type);
  }

  CascadeEditor &editor;
  ExprContext &exprs;
  Facts &facts;
  SweepPlan &plan;
  StringAttr outer;
  SmallVector<StringAttr, 2> inner;
  RankMap rankMap;
  llvm::DenseMap<Value, Value> locals; ///< of members, one element per tile
  llvm::DenseMap<Value, Value> kept;   ///< tensors at the local frame, in tiles
  llvm::DenseSet<Expr> framed;
  SmallVector<std::pair<SmallVector<Exponent, 1>, Expr>> weights;
  SmallVector<std::pair<Operation *, Statement>> finals;
};

} // namespace

std::string LocalForm::findObstacle() const {
  for (const SweepMember &member : plan.members)
    for (const Term &term : member.terms) {
      std::string name =
          "'" + member.statement.tensors[0].getValue().str() + "'";
      if (member.statement.values.size() > 1)
        return name + " combines tuples relative to a statistic";
      if (!term.shifts.empty())
        return name + " is a moment about a statistic, whose tiles have "
                      "centres of their own";
      if (!term.exponents.empty() && term.exponents.size() != 1)
        return name + " depends on several frames at once";
    }
  return {};
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

Expr LocalForm::tile(Expr expr) {
  AffineExpr whole = editor.rank(plan.names.front());
  Expr moved = exprs.rewrite(expr, [&](Expr node) -> Expr {
    Value tensor = node->isRead() ? kept.lookup(node->tensor) : Value();
    if (!tensor)
      return nullptr;
    Indices indices;
    for (AffineExpr index : node->indices) {
      if (index != whole) {
        indices.push_back(index);
        continue;
      }
      indices.push_back(editor.rank(outer));
      for (StringAttr part : inner)
        indices.push_back(editor.rank(part));
    }
    return exprs.read(tensor, indices);
  });
  return editor.substitute(moved, rankMap);
}

SmallVector<FilterTerm, 2> LocalForm::tile(ArrayRef<FilterTerm> filter) {
  SmallVector<FilterTerm, 2> result;
  for (const FilterTerm &constraint : filter)
    result.push_back(editor.substitute(constraint, rankMap));
  return result;
}

/// One element per tile, reduced over the inner parts and the other ranks.
Statement LocalForm::localStatement(const SweepMember &member,
                                    StringRef prefix) {
  const Statement &original = member.statement;
  Statement local(original.loc);
  for (StringAttr name : original.tensors)
    local.tensors.push_back(
        editor.freshTensor((prefix + name.getValue()).str()));
  local.elementTypes = original.elementTypes;
  local.outputRanks.push_back(outer);
  llvm::append_range(local.outputRanks, original.outputRanks);
  local.filter = tile(original.filter);
  for (const FilterTerm &constraint : tile(member.filter))
    if (!llvm::is_contained(local.filter, constraint))
      local.filter.push_back(constraint);
  for (ReductionAttr reduction : original.reductions) {
    if (!llvm::is_contained(plan.names, reduction.getRank())) {
      local.reductions.push_back(reduction);
      continue;
    }
    if (reduction.getRank() == plan.names.front() ||
        llvm::is_contained(inner, reduction.getRank()))
      for (StringAttr part : inner)
        if (!local.reduces(part))
          local.reductions.push_back(ReductionAttr::get(
              editor.getContext(), part, reduction.getMonoid()));
  }
  return local;
}

Expr LocalForm::add(const Statement &statement, Operation *before) {
  return editor.readPlain(editor.create(statement, before).getResult(0));
}

//===----------------------------------------------------------------------===//
// Members
//===----------------------------------------------------------------------===//

/// A reduction that uses no statistic: partial results per tile.
void LocalForm::reduceApart(SweepMember &member) {
  Statement local = localStatement(member, "L");
  for (Expr value : member.statement.values)
    local.values.push_back(tile(value));
  ComputeOp made = editor.create(local, member.op);
  Statement whole = member.statement;
  whole.filter.clear();
  whole.reductions = {
      ReductionAttr::get(editor.getContext(), outer,
                         member.statement.reductions.front().getMonoid())};
  whole.values.clear();
  for (auto [result, old] :
       llvm::zip(made.getResults(), member.op->getResults())) {
    locals[old] = result;
    whole.values.push_back(editor.readPlain(result));
  }
  finals.emplace_back(member.op, std::move(whole));
}

/// d with the tile's own statistics in the place of the true ones.
Expr LocalForm::localFrame(Expr d) {
  return exprs.rewrite(facts.canonical(d), [&](Expr node) -> Expr {
    Value local = node->isRead() ? locals.lookup(node->tensor) : Value();
    if (!local)
      return nullptr;
    Indices indices{editor.rank(outer)};
    llvm::append_range(indices, node->indices);
    return exprs.read(local, indices);
  });
}

/// `value` with 0 in the place of the identity of the extremum d, if it may be
/// it.
Expr LocalForm::finite(Expr value, Expr d) {
  SweepMember *member = d->isRead() ? plan.find(d->tensor) : nullptr;
  if (!member || !value->isRead())
    return value;
  StringRef monoid =
      member->statement.reductions.front().getMonoid().getValue();
  SmallVector<FilterTerm, 4> domain(member->statement.filter.begin(),
                                    member->statement.filter.end());
  facts.canonical(member->statement.values[0], &domain);
  bool mayBeEmpty =
      !domain.empty() || facts.mayBeMinusInfinity(member->statement.values[0]);
  if (!mayBeEmpty || (monoid != "max" && monoid != "min"))
    return value;
  double infinity = std::numeric_limits<double>::infinity();
  Expr lowest =
      exprs.number(monoid == "max" ? -infinity : infinity, value->type);
  return exprs.select(exprs.equal(value, lowest), exprs.number(0, value->type),
                      value);
}

Expr LocalForm::fillSlots(Expr expr) {
  return exprs.rewrite(expr, [&](Expr node) -> Expr {
    if (node->kind != ExprNode::Kind::slot)
      return nullptr;
    Expr d = plan.slots.statistics[node->slot];
    return framed.contains(d) ? finite(localFrame(d), d)
                              : exprs.number(0, node->type);
  });
}

/// base^(c (d - local d)): what carries a tile's result to the true statistic.
Expr LocalForm::weightOf(const SweepMember &member, const Term &term) {
  for (auto &[exponents, weight] : weights)
    if (exponents == term.exponents)
      return weight;
  Expr product = nullptr;
  for (const Exponent &exponent : term.exponents) {
    Expr local = localFrame(exponent.d), whole = finite(exponent.d, exponent.d);
    std::optional<double> c = getNumber(exponent.coefficient);
    Expr move =
        c && *c == -1 ? exprs.sub(local, whole) : exprs.sub(whole, local);
    if (!c || std::abs(*c) != 1)
      move = arithmetic("arith.mulf", exponent.coefficient, move);
    Expr factor = exprs.op(exponent.base, {move}, move->type);
    product = product ? arithmetic("arith.mulf", product, factor) : factor;
  }
  // One element per tile and per element of the statistic.
  Statement statement(member.statement.loc);
  StringRef name = term.exponents.front().d->isRead()
                       ? getTensorName(term.exponents.front().d->tensor)
                       : member.statement.tensors[0].getValue();
  statement.tensors.push_back(editor.freshTensor(("W" + name).str()));
  statement.elementTypes.push_back(product->type);
  llvm::SetVector<StringAttr> ranks;
  ranks.insert(outer);
  walk(product, [&](Expr node) {
    for (AffineExpr index : node->indices)
      index.walk([&](AffineExpr part) {
        if (auto dim = dyn_cast<AffineDimExpr>(part))
          ranks.insert(editor.rankAt(dim.getPosition()));
      });
  });
  statement.outputRanks.assign(ranks.begin(), ranks.end());
  statement.values.push_back(product);
  Expr weight = add(std::move(statement), member.op);
  weights.push_back({term.exponents, weight});
  return weight;
}

/// Tensors that are terms themselves, at the local frame.
void LocalForm::emitKept(const SweepMember &member) {
  for (const Separator::Kept &tensor : member.kept) {
    if (kept.contains(tensor.read->tensor))
      continue;
    const Statement &original = *facts.definition(tensor.read->tensor);
    Statement statement(original.loc);
    statement.tensors.push_back(
        editor.freshTensor("L" + original.tensors[0].getValue().str()));
    statement.elementTypes = original.elementTypes;
    for (StringAttr rank : original.outputRanks) {
      if (!rankMap.contains(rank)) {
        statement.outputRanks.push_back(rank);
        continue;
      }
      statement.outputRanks.push_back(outer);
      llvm::append_range(statement.outputRanks, inner);
    }
    statement.values.push_back(tile(fillSlots(tensor.term.rest)));
    statement.filter = tile(tensor.filter);
    kept[tensor.read->tensor] =
        editor.create(statement, member.op).getResult(0);
  }
}

/// The tiles' results, weighed and combined, as one tensor.
Expr LocalForm::combined(const SweepMember &member, Expr local, Expr weight) {
  Statement statement(member.statement.loc);
  statement.tensors.push_back(
      editor.freshTensor("U" + member.statement.tensors[0].getValue().str()));
  statement.elementTypes.push_back(member.statement.elementTypes[0]);
  statement.outputRanks = member.statement.outputRanks;
  statement.reductions.push_back(
      ReductionAttr::get(editor.getContext(), outer,
                         member.statement.reductions.front().getMonoid()));
  statement.values.push_back(weight ? arithmetic("arith.mulf", local, weight)
                                    : local);
  return add(std::move(statement), member.op);
}

void LocalForm::reduceDependent(SweepMember &member) {
  for (const Term &term : member.terms)
    for (const Exponent &exponent : term.exponents)
      framed.insert(exponent.d);
  emitKept(member);
  Expr sum = nullptr;
  for (const Term &term : member.terms) {
    Statement local = localStatement(member, "L");
    Type scalar = getScalarType(member.statement.elementTypes[0]);
    local.values.push_back(term.rest ? tile(fillSlots(term.rest))
                                     : exprs.number(1, scalar));
    Expr part = add(std::move(local), member.op);
    bool isFirst = member.terms.size() == 1 && member.addends.empty() &&
                   member.base.empty() && term.factors.empty();
    if (isFirst)
      locals[member.op->getResult(0)] = part->tensor;
    Expr weight = term.exponents.empty() ? nullptr : weightOf(member, term);
    Expr value = combined(member, part, weight);
    for (const Part &addend : member.addends)
      value =
          arithmetic("arith.addf", value,
                     arithmetic("arith.mulf", addend.coefficient, addend.d));
    if (!member.base.empty())
      value = exprs.op(member.base, {value}, value->type);
    for (const Factor &factor : term.factors)
      value = factor.isChoice()
                  ? applyChoice(exprs, factor, value, factor.d)
                  : arithmetic(factor.isDivisor ? "arith.divf" : "arith.mulf",
                               value, factor.d);
    sum = sum ? arithmetic("arith.addf", sum, value) : value;
  }
  finish(member, sum);
}

/// The final value under the old name; a plain copy is written in place.
void LocalForm::finish(SweepMember &member, Expr value) {
  Statement whole(member.statement.loc);
  if (value->isRead()) {
    auto einsum = cast<EinsumInterface>(value->tensor.getDefiningOp());
    whole = editor.read(einsum);
    einsum->erase();
  } else {
    whole.outputRanks = member.statement.outputRanks;
    whole.values.push_back(value);
  }
  whole.tensors = member.statement.tensors;
  whole.elementTypes = member.statement.elementTypes;
  finals.emplace_back(member.op, std::move(whole));
}

void LocalForm::run(StringAttr outerRank, ArrayRef<StringAttr> innerRanks) {
  outer = outerRank;
  inner.assign(innerRanks.begin(), innerRanks.end());
  AffineExpr flat = editor.rank(outer);
  for (StringAttr part : inner)
    flat = flat * editor.extent(part) + editor.rank(part);
  rankMap[plan.names.front()] = flat;
  for (SweepMember &member : plan.members) {
    if (member.isDependent)
      reduceDependent(member);
    else
      reduceApart(member);
  }
  // All of this read the members as they were; now they change places.
  SmallVector<std::pair<Operation *, Operation *>> made;
  for (auto &[op, statement] : finals)
    made.emplace_back(op, editor.create(statement, op));
  for (auto [op, final] : made)
    op->replaceAllUsesWith(final->getResults());
  for (auto [op, final] : made)
    op->erase();
}

namespace {
struct LocalReductionsPass
    : einsum::impl::LocalReductionsBase<LocalReductionsPass> {
  using LocalReductionsBase::LocalReductionsBase;

  void runOnOperation() override {
    GathersAside aside(getOperation());
    CascadeOp cascade = getOperation();
    if (!rank.empty() && !cascade.findRank(rank)) {
      cascade.emitError() << "'" << rank << "' is not a rank of cascade '"
                          << cascade.getSymName() << "'";
      return signalPassFailure();
    }
    if (tile < 1) {
      cascade.emitError() << "a tile holds at least 1 element, found "
                          << tile.getValue();
      return signalPassFailure();
    }
    CascadeEditor editor(cascade);
    for (const std::string &name : findChainedRanks(cascade))
      if (rank.empty() || rank == name)
        rewrite(editor, name);
    editor.eraseDead();
    sortByDependence(cascade);
  }

  void rewrite(CascadeEditor &editor, const std::string &name) {
    Facts facts(editor);
    Derivation derivation;
    SweepPlan plan = planSweeps(editor, facts, name, {}, derivation);
    for (const Refusal &refusal : derivation.refusals)
      remarkNotApplied(refusal.loc, "local reduction", refusal.tensor,
                       refusal.obstacle);
    if (!plan.changesAnything())
      return;
    Location loc = plan.members.front().statement.loc;
    LocalForm form(editor, facts, plan);
    if (std::string obstacle = form.findObstacle(); !obstacle.empty()) {
      remarkNotApplied(loc, "local reduction", name, obstacle);
      return;
    }
    if (plan.names.size() > 1) {
      remarkNotApplied(loc, "local reduction", name, "it is split already");
      return;
    }
    StringAttr whole = plan.names.front();
    StringAttr size = editor.addParam(whole.getValue().upper() + "0", tile);
    CascadeEditor::Parts parts = editor.split(whole, editor.param(size));
    for (const SweepMember &member : plan.members)
      remarkApplied(member.statement.loc, "local reduction",
                    member.statement.tensors[0].getValue(),
                    member.isDependent ? "per tile, relative to the tile's own "
                                         "statistics; carried to the "
                                         "true ones when tiles are combined"
                                       : "per tile, then over the tiles");
    form.run(parts.outer, parts.inner);
  }
};
} // namespace
