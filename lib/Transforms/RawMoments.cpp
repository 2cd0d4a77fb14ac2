//===- RawMoments.cpp - E[x^2] - E[x]^2 -----------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A sum over a rank whose map is a polynomial in statistics of the same rank is
// multiplied out. Each monomial is a part on the rank times a part that is not:
//
//   Q[n] = (X[n,h] - MU[n])^2       Q_1[n] = X[n,h] * X[n,h]
//                              ->   Q_2[n] = X[n,h]
//                                   Q[n]   = Q_1[n] - 2 * MU[n] * Q_2[n] + H *
//                                   MU[n]^2
//
// No statistic is needed before the sums, so one pass is enough; and where the
// parts nearly cancel, no digit of the result is right.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/GathersAside.h"
#include "lib/Transforms/Inlining.h"
#include "lib/Transforms/Passes.h"
#include "lib/Transforms/Remarks.h"

#include <map>

namespace einsum {
#define GEN_PASS_DEF_RAWMOMENTS
#include "lib/Transforms/Passes.h.inc"
} // namespace einsum

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

/// More terms than this are no shortcut.
static constexpr size_t kMaxTerms = 64;

namespace {

/// Factors with their powers, ordered by when they were first written.
struct ById {
  bool operator()(Expr a, Expr b) const { return a->id < b->id; }
};
using Monomial = std::map<Expr, int, ById>;
struct MonomialLess {
  bool operator()(const Monomial &a, const Monomial &b) const {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [](const auto &x, const auto &y) {
                                          return x.first->id != y.first->id
                                                     ? x.first->id < y.first->id
                                                     : x.second < y.second;
                                        });
  }
};
using Sum = std::map<Monomial, double, MonomialLess>;

class Expansion {
public:
  Expansion(CascadeEditor &editor, Operation *op)
      : editor(editor), exprs(editor.getExprs()), op(op),
        statement(editor.read(cast<EinsumInterface>(op))) {}

  void run();

private:
  bool isOnRank(Expr expr) {
    return llvm::any_of(collectRanks(editor, expr), [&](StringAttr rank) {
      return statement.reduces(rank);
    });
  }
  bool dependsOnReduction(Value tensor,
                          llvm::SmallPtrSetImpl<Operation *> &visited);
  bool isStatistic(Expr expr);
  void lookThrough();

  std::optional<Sum> multiplyOut(Expr expr);
  static std::optional<Sum> multiply(const Sum &a, const Sum &b);
  Expr build(const Monomial &monomial);
  Expr sumOf(Expr onRank);
  Expr countPoints(Type type);

  CascadeEditor &editor;
  ExprContext &exprs;
  Operation *op;
  Statement statement;
  llvm::DenseMap<Expr, Expr> sums;
};

} // namespace

/// Is some Einsum upstream a reduction over a rank that this one reduces?
bool Expansion::dependsOnReduction(
    Value tensor, llvm::SmallPtrSetImpl<Operation *> &visited) {
  auto einsum = dyn_cast_or_null<EinsumInterface>(tensor.getDefiningOp());
  if (!einsum || !visited.insert(einsum).second)
    return false;
  for (const Reduction &reduction : einsum.getReductionList())
    if (statement.reduces(reduction.rank))
      return true;
  return llvm::any_of(einsum.getInputAccesses(), [&](const Access &access) {
    return dependsOnReduction(access.tensor, visited);
  });
}

bool Expansion::isStatistic(Expr expr) {
  return llvm::any_of(collectReads(expr), [&](Expr read) {
    llvm::SmallPtrSet<Operation *, 8> visited;
    return dependsOnReduction(read->tensor, visited);
  });
}

/// Writes in place what is pointwise and depends on such a reduction.
void Expansion::lookThrough() {
  for (bool changed = true; changed;) {
    changed = false;
    for (Expr read : collectReads(statement)) {
      if (read->tensor.getDefiningOp() == op || !isOnRank(read) ||
          !isStatistic(read) ||
          !findInlineObstacle(editor, statement, read).empty())
        continue;
      inlineInto(editor, statement, read);
      changed = true;
      break;
    }
  }
}

//===----------------------------------------------------------------------===//
// Polynomials
//===----------------------------------------------------------------------===//

std::optional<Sum> Expansion::multiply(const Sum &a, const Sum &b) {
  Sum result;
  for (const auto &[x, c] : a)
    for (const auto &[y, d] : b) {
      Monomial product = x;
      for (auto [factor, power] : y)
        if ((product[factor] += power) == 0)
          product.erase(factor);
      result[product] += c * d;
    }
  if (result.size() > kMaxTerms)
    return std::nullopt;
  return result;
}

/// `expr` as a sum of monomials; what is no sum, product or quotient by
/// something off the rank is a factor as it is.
std::optional<Sum> Expansion::multiplyOut(Expr expr) {
  if (std::optional<double> number = getNumber(expr);
      number && isa<FloatType>(expr->type))
    return Sum{{{}, *number}};
  auto operand = [&](unsigned i) { return multiplyOut(expr->operands[i]); };
  bool isSum = expr->isOp("arith.addf") || expr->isOp("arith.subf");
  if (isSum || expr->isOp("arith.mulf")) {
    std::optional<Sum> a = operand(0), b = operand(1);
    if (!a || !b)
      return std::nullopt;
    if (!isSum)
      return multiply(*a, *b);
    for (const auto &[monomial, coefficient] : *b)
      (*a)[monomial] += expr->isOp("arith.addf") ? coefficient : -coefficient;
    return a;
  }
  if (expr->isOp("arith.negf")) {
    std::optional<Sum> a = operand(0);
    return a ? multiply(*a, {{{}, -1}}) : a;
  }
  if (expr->isOp("arith.divf") && !isOnRank(expr->operands[1])) {
    std::optional<Sum> a = operand(0);
    return a ? multiply(*a, {{{{expr->operands[1], -1}}, 1}}) : a;
  }
  return Sum{{{{expr, 1}}, 1}};
}

Expr Expansion::build(const Monomial &monomial) {
  Expr product = nullptr;
  Type type = statement.values[0]->type;
  for (auto [factor, power] : monomial)
    for (int i = 0; i < power; ++i)
      product = product ? exprs.mul(product, factor) : factor;
  for (auto [factor, power] : monomial)
    for (int i = 0; i > power; --i)
      product = exprs.div(product ? product : exprs.number(1, type), factor);
  return product;
}

//===----------------------------------------------------------------------===//
// Sums of the parts on the rank
//===----------------------------------------------------------------------===//

/// How many points are summed, where every result has the same number.
Expr Expansion::countPoints(Type type) {
  AffineExpr count = getAffineConstantExpr(1, editor.getContext());
  for (ReductionAttr reduction : statement.reductions)
    count = count * editor.extent(reduction.getRank());
  return editor.scalar(count, type);
}

/// A tensor for the sum of `onRank`; without it, the number of points.
Expr Expansion::sumOf(Expr onRank) {
  Type type = statement.values[0]->type;
  bool isSplit =
      llvm::any_of(statement.reductions, [&](ReductionAttr reduction) {
        return static_cast<bool>(
            editor.getCascade().findSplitOf(reduction.getRank()));
      });
  if (!onRank && statement.filter.empty() && !isSplit)
    return countPoints(type);
  Expr value = onRank ? onRank : exprs.number(1, type);
  if (Expr known = sums.lookup(value))
    return known;
  Statement sum = statement;
  sum.tensors = {editor.freshTensor(
      (statement.tensors[0].getValue() + "_" + Twine(sums.size() + 1)).str())};
  sum.values = {value};
  sum.elementTypes = {value->type};
  RankSet ranks = collectRanks(editor, value);
  if (statement.filter.empty())
    llvm::erase_if(sum.outputRanks,
                   [&](StringAttr rank) { return !ranks.contains(rank); });
  return sums[value] = editor.readPlain(editor.create(sum, op).getResult(0));
}

void Expansion::run() {
  StringRef name = statement.tensors[0].getValue();
  if (statement.values.size() != 1 || statement.reductions.empty() ||
      !statement.init.empty() ||
      llvm::any_of(statement.reductions, [](ReductionAttr reduction) {
        return reduction.getMonoid().getValue() != "add";
      }))
    return;
  if (!isStatistic(statement.values[0]) ||
      !isa<FloatType>(statement.values[0]->type))
    return;
  lookThrough();
  std::optional<Sum> sum = multiplyOut(statement.values[0]);
  if (!sum) {
    remarkNotApplied(statement.loc, "raw moments", name,
                     "multiplied out it has more than " + Twine(kMaxTerms) +
                         " terms");
    return;
  }
  struct Term {
    double coefficient;
    Monomial onRank, offRank;
  };
  std::vector<Term> terms;
  for (const auto &[monomial, coefficient] : *sum) {
    if (coefficient == 0)
      continue;
    Term term{coefficient, {}, {}};
    for (auto [factor, power] : monomial) {
      if (isOnRank(factor) && isStatistic(factor)) {
        remarkNotApplied(statement.loc, "raw moments", name,
                         "it is no polynomial of the statistics that it uses");
        return;
      }
      (isOnRank(factor) ? term.onRank : term.offRank)[factor] = power;
    }
    terms.push_back(std::move(term));
  }
  Expr total = nullptr;
  Type type = statement.values[0]->type;
  for (const Term &term : terms) {
    Expr value = sumOf(build(term.onRank));
    if (Expr factor = build(term.offRank))
      value = exprs.mul(value, factor);
    double size = std::abs(term.coefficient);
    if (size != 1)
      value = exprs.mul(exprs.number(size, type), value);
    if (!total)
      total = term.coefficient < 0 ? exprs.neg(value) : value;
    else
      total = term.coefficient < 0 ? exprs.sub(total, value)
                                   : exprs.add(total, value);
  }
  remarkApplied(statement.loc, "raw moments", name,
                Twine(terms.size()) + " terms, whose sums need no statistic");
  emitWarning(statement.loc)
      << "'" << name
      << "' is now a difference of sums that may be far larger: where they "
      << "nearly cancel, all digits are lost";
  Statement result(statement.loc);
  result.tensors = statement.tensors;
  result.elementTypes = statement.elementTypes;
  result.outputRanks = statement.outputRanks;
  result.values = {total ? total : exprs.number(0, type)};
  editor.replace(op, result);
}

namespace {
struct RawMomentsPass : einsum::impl::RawMomentsBase<RawMomentsPass> {
  void runOnOperation() override {
    GathersAside aside(getOperation());
    CascadeEditor editor(getOperation());
    for (Operation *op : listProducersFirst(getOperation()))
      Expansion(editor, op).run();
    editor.eraseDead();
  }
};
} // namespace
