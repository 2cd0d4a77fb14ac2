//===- SeparateChoices.cpp - select and conversions, taken apart ----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Algebra/Separation.h"

#include <cmath>

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

using Kind = Form::Kind;

static bool isInfinite(Expr e) {
  std::optional<double> number = getNumber(e);
  return number && std::isinf(*number);
}

Form Separator::choice(Expr e, const Form &a, const Form &b) {
  Expr condition = e->operands[0];
  std::optional<Linear> left = asLinear(a), right = asLinear(b);
  if (left && right) {
    bool leftAbsorbs = isInfinite(left->body),
         rightAbsorbs = isInfinite(right->body);
    if (leftAbsorbs || rightAbsorbs ||
        haveSameParts(left->parts, right->parts)) {
      Form form;
      form.kind = Kind::linear;
      form.linear = leftAbsorbs ? *right : *left;
      form.linear.body = exprs.select(condition, left->body, right->body);
      return form;
    }
  }
  Expr zero = exprs.number(0, e->type);
  SmallVector<Term, 2> x = asTerms(a), y = asTerms(b), terms;
  auto restOf = [&](const Term &t) {
    return t.rest ? t.rest : exprs.number(1, e->type);
  };
  if (x.size() == 1 && y.size() == 1 && areAlike(x[0], y[0])) {
    terms.push_back(x[0]);
    terms[0].rest = exprs.select(condition, restOf(x[0]), restOf(y[0]));
    terms[0].logarithm.reset();
    return fromTerms(std::move(terms), a.isExpanded || b.isExpanded);
  }
  auto isZero = [](const Term &t) { return t.rest && isNumber(t.rest, 0); };
  auto pushAll = [&](ArrayRef<Term> side, bool isYes) {
    for (Term term : side) {
      if (isZero(term))
        continue;
      if (term.rest && isInfinite(term.rest))
        return false;
      term.rest = isYes ? exprs.select(condition, restOf(term), zero)
                        : exprs.select(condition, zero, restOf(term));
      term.logarithm.reset();
      terms.push_back(std::move(term));
    }
    return true;
  };
  if (!pushAll(x, true) || !pushAll(y, false))
    return fail(e, "a choice between a statistic and infinity");
  if (terms.size() > kMaxTerms)
    return fail(e, "more than 16 accumulators would be needed");
  return fromTerms(std::move(terms), a.isExpanded || b.isExpanded);
}

/// select(c, x, y) with c the same for the whole reduction is x times a factor
/// that is 0 or 1 plus y times the other; it is applied as a choice, so that
/// what is not chosen may be anything, as x / 0 is.
Form Separator::choiceByStatistic(Expr e, const Form &a, const Form &b) {
  SmallVector<Term, 2> terms;
  auto push = [&](const Form &side, Factor::Choice choice) {
    for (Term term : asTerms(side)) {
      if (term.rest && isNumber(term.rest, 0))
        continue;
      if (term.rest && isInfinite(term.rest))
        return false;
      term.factors.push_back({e->operands[0], /*isDivisor=*/false,
                              /*isFromExponent=*/false, choice});
      term.logarithm.reset();
      terms.push_back(std::move(term));
    }
    return true;
  };
  if (!push(a, Factor::Choice::zeroElsewhere) ||
      !push(b, Factor::Choice::zeroWhere))
    return fail(e, "a choice between a statistic and infinity");
  if (terms.empty())
    return fail(e, "a choice between zeros");
  if (terms.size() > kMaxTerms)
    return fail(e, "more than 16 accumulators would be needed");
  return fromTerms(std::move(terms), a.isExpanded || b.isExpanded);
}

Expr algebra::applyChoice(ExprContext &exprs, const Factor &factor, Expr value,
                          Expr condition) {
  Expr zero = exprs.number(0, value->type);
  return factor.choice == Factor::Choice::zeroWhere
             ? exprs.select(condition, zero, value)
             : exprs.select(condition, value, zero);
}

Form Separator::converted(Expr e, const Form &a) {
  auto widen = [&](Expr x) { return exprs.op(e->name(), {x}, e->type); };
  Form form = a;
  if (a.kind == Kind::linear) {
    form.linear.body = widen(a.linear.body);
    return form;
  }
  for (Term &term : form.terms) {
    if (term.rest)
      term.rest = widen(term.rest);
    for (Shift &shift : term.shifts)
      shift.linear.body = widen(shift.linear.body);
    for (Factor &factor : term.factors)
      if (!factor.isChoice())
        factor.d = widen(factor.d);
    term.logarithm.reset();
  }
  return form;
}
