//===- SweepMembers.cpp - The statements of each reduction ----------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A reduction that needs a running value becomes, per term and per combination
// of powers of its shifts, a local reduction L, what is carried over T, and a
// running tensor R. One that nothing has to be carried for stays a reduction
// over the whole rank, before what is deferred: U.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/SweepEmitter.h"

#include <numeric>

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;
using namespace einsum::sweeps;

/// Tensors that are terms themselves, at the frame.
void Emitter::emitKept(const SweepMember &member) {
  for (const Separator::Kept &kept : member.kept) {
    Value tensor = kept.read->tensor;
    if (keptTensors.contains(tensor))
      continue;
    bool isUsed = llvm::any_of(member.terms, [&](const Term &term) {
      auto reads = [&](Expr e) {
        return e && anyOf(e, [&](Expr node) { return node == kept.read; });
      };
      return reads(term.rest);
    });
    bool isUsedByKept =
        llvm::any_of(member.kept, [&](const Separator::Kept &other) {
          return &other != &kept && anyOf(other.term.rest, [&](Expr node) {
            return node == kept.read;
          });
        });
    if (!isUsed && !isUsedByKept)
      continue;
    const Statement &original = *facts.definition(tensor);
    Statement statement(original.loc);
    statement.tensors.push_back(
        editor.freshTensor("L" + original.tensors[0].str()));
    statement.elementTypes = original.elementTypes;
    statement.outputRanks.assign(tileRanks(original.outputRanks));
    Expr value = tile(fillSlots(kept.term.rest, member));
    statement.values.push_back(
        convert(exprs, value, getScalarType(original.elementTypes[0])));
    statement.filter = tile(kept.filter);
    keptTensors[tensor] = add(std::move(statement));
  }
}

/// All ways to give each shift a power from 0 to its own; the highest last.
static std::vector<Powers> allPowers(const Term &term) {
  std::vector<Powers> all{Powers(term.shifts.size(), 0)};
  for (size_t i = 0; i < term.shifts.size(); ++i) {
    std::vector<Powers> extended;
    for (unsigned power = 0; power <= term.shifts[i].power; ++power)
      for (Powers powers : all) {
        powers[i] = power;
        extended.push_back(powers);
      }
    all = std::move(extended);
  }
  auto total = [](const Powers &powers) {
    return std::accumulate(powers.begin(), powers.end(), 0u);
  };
  llvm::sort(all, [&](const Powers &a, const Powers &b) {
    return total(a) != total(b) ? total(a) < total(b) : a < b;
  });
  return all;
}

void Emitter::emitAccumulator(unsigned index, const Term &term,
                              Accumulators &made, unsigned which,
                              StringRef name) {
  SweepMember &member = plan.members[index];
  const Statement &original = member.statement;
  Type type = original.elementTypes[0], scalar = getScalarType(type);
  const Powers &powers = made.powers[which];
  Expr body = nullptr;
  if (term.rest)
    body = fillSlots(term.rest, member);
  for (auto [shift, power] : llvm::zip(term.shifts, powers))
    for (unsigned i = 0; i < power; ++i) {
      Expr factor = fillSlots(shift.linear.body, member);
      body = body ? arithmetic("arith.mulf", body, factor) : factor;
    }
  body = tile(body ? body : exprs.number(1, scalar));

  Statement local(original.loc);
  local.filter = tile(original.filter);
  for (const FilterTerm &constraint : tile(member.filter))
    if (!llvm::is_contained(local.filter, constraint))
      local.filter.push_back(constraint);
  if (!term.shifts
           .empty()) { // x may not be read: its absent elements are left out
    SmallVector<FilterTerm, 4> domain;
    facts.canonical(original.values[0], &domain);
    for (const FilterTerm &constraint : tile(domain))
      if (!llvm::is_contained(local.filter, constraint))
        local.filter.push_back(constraint);
  }
  local.reductions = tileReductions(original.reductions, /*keepOuter=*/false);
  if (body->kind == ExprNode::Kind::constant && isNumber(body, 1) &&
      local.filter.empty() && canCount(member))
    return;

  // One of several accumulators may need fewer ranks than the result.
  SmallVector<StringAttr, 4> ranks = states[index].ranks;
  if (made.powers.size() > 1 || member.terms.size() > 1) {
    SmallVector<Expr> used{body};
    for (const Exponent &exponent : term.exponents)
      used.push_back(getFrame(exponent.d, member).now);
    for (auto [i, shift] : llvm::enumerate(term.shifts))
      if (powers[i] > 0)
        if (Expr move = getMove(shift, member))
          used.push_back(move);
    for (const FilterTerm &constraint : local.filter)
      for (StringAttr rank : states[index].ranks)
        if (constraint.expr.isFunctionOfDim(
                cast<AffineDimExpr>(editor.rank(rank)).getPosition()))
          used.push_back(exprs.index(rank, scalar));
    SmallVector<StringAttr, 4> needed = ranksOf(used, ranks);
    llvm::erase_if(ranks, [&](StringAttr rank) {
      return rank != outer && !llvm::is_contained(needed, rank);
    });
  }

  Expr share = convert(exprs, body, scalar);
  if (!local.reductions.empty()) {
    local.tensors.push_back(editor.freshTensor("L" + name.str()));
    local.elementTypes.push_back(type);
    local.outputRanks.assign(ranks.begin(), ranks.end());
    local.values.push_back(share);
    share = readAt(add(local), editor.rank(outer));
  }

  // The running tensor reads itself: its placeholder comes first.
  Statement running(original.loc);
  running.tensors.push_back(editor.freshTensor("R" + name.str()));
  running.elementTypes.push_back(type);
  running.outputRanks.assign(ranks.begin(), ranks.end());
  running.init.push_back(FloatAttr::get(scalar, identity(member)));
  NewTensor tensor;
  tensor.ranks = ranks;
  tensor.value = editor.declare(running.tensors[0].getValue(), ranks, type);
  made.tensors[which] = tensor;

  Expr old = readAt(tensor, editor.rank(outer) - 1);
  if (!term.exponents.empty() ||
      llvm::any_of(powers, [](unsigned p) { return p > 0; })) {
    Expr carried = transported(member, term, made, which);
    if (carried != old) {
      Statement transport(original.loc);
      transport.tensors.push_back(editor.freshTensor("T" + name.str()));
      transport.elementTypes.push_back(type);
      transport.outputRanks.assign(ranks.begin(), ranks.end());
      transport.values.push_back(convert(exprs, carried, scalar));
      old = readAt(add(std::move(transport)), editor.rank(outer));
    }
  }
  running.values.push_back(convert(exprs, combine(member, old, share), scalar));
  news.push_back(std::move(running));
  placeholders.push_back(tensor.value);
}

/// May the points of a reduction be counted without looking at them?
bool Emitter::canCount(const SweepMember &member) {
  return llvm::all_of(
      member.statement.reductions, [&](ReductionAttr reduction) {
        StringRef rank = reduction.getRank();
        return llvm::is_contained(plan.names, reduction.getRank()) ||
               !editor.getCascade().findSplitOf(rank);
      });
}

void Emitter::emitTerm(unsigned index, const Term &term, unsigned termIndex) {
  SweepMember &member = plan.members[index];
  Accumulators made;
  made.powers = allPowers(term);
  made.tensors.resize(made.powers.size());
  made.isRunning = true;
  states[index].terms.push_back(made);
  std::string base = member.statement.tensors[0].str();
  if (member.terms.size() > 1)
    base += "_" + std::to_string(termIndex);
  for (unsigned which = 0; which < made.powers.size(); ++which) {
    std::string name = base;
    if (which + 1 < made.powers.size())
      for (unsigned power : made.powers[which])
        name += std::to_string(power);
    emitAccumulator(index, term, states[index].terms.back(), which, name);
  }
}

void Emitter::emitRunning(unsigned index) {
  SweepMember &member = plan.members[index];
  states[index].ranks = insertOuter(member);
  for (const Term &term : member.terms)
    if (!term.exponents.empty())
      getCorrection(term, member);
  emitKept(member);
  if (!member.isDependent) {
    Term term;
    term.rest = member.statement.values[0];
    emitTerm(index, term, 0);
    return;
  }
  for (auto [i, term] : llvm::enumerate(member.terms))
    emitTerm(index, term, i);
}

/// A reduction that nothing has to be carried for.
void Emitter::emitWhole(unsigned index) {
  SweepMember &member = plan.members[index];
  const Statement &original = member.statement;
  if (!member.isDependent) {
    if (!rankMap.contains(plan.names.front()))
      return; // stays as it is
    Statement statement = original;
    statement.reductions =
        tileReductions(original.reductions, /*keepOuter=*/true);
    for (Expr &value : statement.values)
      value = tile(value);
    statement.filter = tile(original.filter);
    SmallVector<Value> made;
    for (auto [name, type] :
         llvm::zip(statement.tensors, statement.elementTypes)) {
      made.push_back(
          editor.declare(name.getValue(), statement.outputRanks, type));
      placeholders.push_back(made.back());
    }
    news.push_back(statement);
    for (auto [old, fresh] : llvm::zip(member.op->getResults(), made))
      replacements[old] = {editor.readPlain(fresh),
                           SmallVector<StringAttr, 4>(statement.outputRanks)};
    return;
  }
  states[index].ranks.assign(original.outputRanks.begin(),
                             original.outputRanks.end());
  emitKept(member);
  for (auto [i, term] : llvm::enumerate(member.terms)) {
    Statement statement = original;
    std::string name = "U" + original.tensors[0].str();
    if (member.terms.size() > 1)
      name += "_" + std::to_string(i);
    statement.tensors[0] = editor.freshTensor(name);
    Type scalar = getScalarType(original.elementTypes[0]);
    statement.values[0] = term.rest ? term.rest : exprs.number(1, scalar);
    for (Expr &value : statement.values)
      value = tile(value);
    statement.values[0] = convert(exprs, statement.values[0], scalar);
    statement.filter = tile(original.filter);
    for (const FilterTerm &constraint : tile(member.filter))
      if (!llvm::is_contained(statement.filter, constraint))
        statement.filter.push_back(constraint);
    statement.reductions =
        tileReductions(original.reductions, /*keepOuter=*/true);
    SmallVector<StringAttr, 4> ranks(statement.outputRanks);
    Accumulators made;
    made.powers = {Powers()};
    for (auto [n, type] :
         llvm::zip(statement.tensors, statement.elementTypes)) {
      Value placeholder =
          editor.declare(n.getValue(), statement.outputRanks, type);
      placeholders.push_back(placeholder);
      made.tensors.push_back({placeholder, ranks});
    }
    // The index of an extremum is the same one.
    for (size_t result = 1; result < made.tensors.size(); ++result)
      replacements[member.op->getResult(result)] = {
          editor.readPlain(made.tensors[result].value), ranks};
    news.push_back(std::move(statement));
    states[index].terms.push_back(std::move(made));
  }
}

void Emitter::emitSweep(unsigned sweep) {
  if (!plan.isChanged(sweep))
    return;
  currentSweep = sweep;
  frameUses.clear();
  frames.clear();
  moves.clear();
  corrections.clear();
  collectFrameUses(sweep);
  for (unsigned index : bySweep[sweep]) {
    const SweepMember &member = plan.members[index];
    size_t firstNew = news.size();
    if (member.needsRunning())
      emitRunning(index);
    else
      emitWhole(index);
    if (member.isDependent || member.isFrame)
      finish(index);
    if (member.isDependent) {
      recordStep(index, firstNew);
    } else if (member.isFrame) {
      stepNews.push_back({derivation.steps.size(), firstNew, news.size()});
      derivation.steps.push_back({"running value",
                                  member.statement.tensors[0].str(),
                                  plan.rank,
                                  "a reduction is that of its parts",
                                  "the operator is associative",
                                  {toText(editor, member.statement)},
                                  {},
                                  member.statement.loc,
                                  {}});
    }
  }
}
