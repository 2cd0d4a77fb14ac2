//===- SweepValues.cpp - What accumulators come to ------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An accumulator holds a sum relative to a frame. Here is what it is worth: in
// the frame of the next tile, for the recurrence, and with all that was
// deferred, for the reduction it stands for. Shifts need the binomial sum over
// lower powers,
//
//   sum (x - g')^n = sum over j of binomial(n, j) (g - g')^(n - j) sum (x -
//   g)^j
//
// with n over each shift of a term.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/SweepEmitter.h"

#include <cmath>

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;
using namespace einsum::sweeps;

double Emitter::identity(const SweepMember &member) {
  StringRef monoid = member.statement.reductions.front().getMonoid();
  return monoid == "max" ? -kInfinity : monoid == "min" ? kInfinity : 0;
}

Expr Emitter::combine(const SweepMember &member, Expr a, Expr b) {
  StringRef monoid = member.statement.reductions.front().getMonoid();
  StringRef op = monoid == "max"   ? "arith.maximumf"
                 : monoid == "min" ? "arith.minimumf"
                                   : "arith.addf";
  return arithmetic(op, a, b);
}

static double binomial(unsigned n, unsigned k) {
  double result = 1;
  for (unsigned i = 0; i < k; ++i)
    result = result * (n - i) / (i + 1);
  return std::round(result);
}

/// Sum over lower powers j of prod binomial(k, j) move^(k - j) * read(j).
Expr sweeps::binomialSum(
    const Powers &powers, const std::vector<Powers> &all, ArrayRef<Expr> moves,
    llvm::function_ref<Expr(size_t)> read,
    llvm::function_ref<Expr(StringRef, Expr, Expr)> arithmetic,
    ExprContext &exprs) {
  Expr sum = nullptr;
  for (size_t which = all.size(); which-- > 0;) {
    double coefficient = 1;
    bool isBelow = true;
    for (auto [k, j] : llvm::zip(powers, all[which])) {
      isBelow &= j <= k;
      coefficient *= j <= k ? binomial(k, j) : 0;
    }
    if (!isBelow)
      continue;
    Expr value = read(which);
    bool vanishes = false;
    for (size_t i = 0; i < powers.size(); ++i)
      for (unsigned j = all[which][i]; j < powers[i]; ++j) {
        vanishes |= !moves[i];
        if (moves[i])
          value = arithmetic("arith.mulf", moves[i], value);
      }
    if (vanishes)
      continue;
    if (coefficient != 1)
      value = arithmetic("arith.mulf", exprs.number(coefficient, value->type),
                         value);
    sum = sum ? arithmetic("arith.addf", sum, value) : value;
  }
  return sum;
}

Expr Emitter::transported(const SweepMember &member, const Term &term,
                          const Accumulators &made, unsigned which) {
  AffineExpr before = editor.rank(outer) - 1;
  SmallVector<Expr> moved;
  for (const Shift &shift : term.shifts)
    moved.push_back(getMove(shift, member));
  auto arith = [&](StringRef op, Expr a, Expr b) {
    return arithmetic(op, a, b);
  };
  auto read = [&](size_t i) {
    return readAccumulator(member, made, i, before);
  };
  Expr value =
      binomialSum(made.powers[which], made.powers, moved, read, arith, exprs);
  if (term.exponents.empty())
    return value;
  Expr factor = readAt(getCorrection(term, member), editor.rank(outer));
  Expr result = arithmetic("arith.mulf", factor, value);
  double empty = identity(member);
  if (empty == 0)
    return result;
  Expr nothing = exprs.number(empty, value->type);
  return exprs.select(exprs.equal(value, nothing), nothing, result);
}

/// May the reduction have no points, or points that are minus infinity?
bool Emitter::mayBeEmpty(const SweepMember &member) {
  if (options.guard == Guard::never)
    return false;
  SmallVector<FilterTerm, 4> domain(member.statement.filter.begin(),
                                    member.statement.filter.end());
  Expr f = facts.canonical(member.statement.values[0], &domain);
  return options.guard == Guard::always || restrictsRank(domain) ||
         facts.mayBeMinusInfinity(f);
}

Expr Emitter::withFactors(const SweepMember &member, const Term &term,
                          Expr value, AffineExpr at, bool isRunning) {
  Expr plain = value;
  bool mayBeInfinite = false;
  for (const Factor &factor : term.factors) {
    Expr d = isRunning ? runningValue(factor.d, at) : factor.d;
    mayBeInfinite |=
        factor.isDivisor || anyOf(facts.canonical(factor.d), [](Expr node) {
          return node->isOp("arith.divf") || node->isOp("math.rsqrt") ||
                 node->isOp("math.log") || node->isOp("math.powf");
        });
    if (factor.isChoice()) {
      value = applyChoice(exprs, factor, value, d);
      continue;
    }
    value =
        arithmetic(factor.isDivisor ? "arith.divf" : "arith.mulf", value, d);
  }
  // Over no points the sum is 0, whatever it would have been divided by.
  if (!mayBeInfinite || identity(member) != 0 || !mayBeEmpty(member))
    return value;
  Expr zero = exprs.number(0, plain->type);
  return exprs.select(exprs.equal(plain, zero), zero, value);
}

Expr Emitter::valueOf(unsigned index, AffineExpr at, bool isRunning) {
  const SweepMember &member = plan.members[index];
  Expr sum = nullptr;
  auto arith = [&](StringRef op, Expr a, Expr b) {
    return arithmetic(op, a, b);
  };
  for (auto [t, made] : llvm::enumerate(states[index].terms)) {
    auto read = [&, &made = made](size_t i) {
      return readAccumulator(member, made, i, at);
    };
    if (!member.isDependent)
      return read(0);
    const Term &term = member.terms[t];
    SmallVector<Expr> moved;
    for (const Shift &shift : term.shifts)
      moved.push_back(isRunning ? nullptr : finalMove(shift, member));
    Expr value =
        binomialSum(made.powers.back(), made.powers, moved, read, arith, exprs);
    for (const Part &part : member.addends) {
      std::optional<double> c = getNumber(part.coefficient);
      Expr amount = c && std::abs(*c) == 1
                        ? part.d
                        : arithmetic("arith.mulf", part.coefficient, part.d);
      value = arithmetic(c && *c == -1 ? "arith.subf" : "arith.addf", value,
                         amount);
    }
    if (!member.base.empty())
      value = exprs.op(member.base, {value}, value->type);
    value = withFactors(member, term, value, at, isRunning);
    sum = sum ? arithmetic("arith.addf", sum, value) : value;
  }
  return sum;
}

/// The value of a member under its old name, or in place of it.
void Emitter::finish(unsigned index) {
  const SweepMember &member = plan.members[index];
  const Statement &original = member.statement;
  Value old = member.op->getResult(0);
  Type scalar = getScalarType(original.elementTypes[0]);
  Expr value =
      convert(exprs, valueOf(index, editor.extent(outer) - 1, false), scalar);
  bool isOutput = llvm::any_of(
      old.getUsers(), [](Operation *user) { return isa<OutputOp>(user); });
  SmallVector<StringAttr, 4> ranks(original.outputRanks);
  if (value->isRead() && !isOutput) {
    replacements[old] = {value, ranks};
    return;
  }
  Statement statement(original.loc);
  statement.tensors.push_back(original.tensors[0].getValue().empty()
                                  ? editor.freshTensor("V")
                                  : original.tensors[0]);
  statement.elementTypes.push_back(original.elementTypes[0]);
  statement.outputRanks.assign(ranks.begin(), ranks.end());
  statement.values.push_back(value);
  replacements[old] = {editor.readPlain(add(std::move(statement)).value),
                       ranks};
}
