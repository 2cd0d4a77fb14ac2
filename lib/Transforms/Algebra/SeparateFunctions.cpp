//===- SeparateFunctions.cpp - Exponentials, logarithms, roots, maxima ----===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Algebra/Separation.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

using Kind = Form::Kind;

//===----------------------------------------------------------------------===//
// Exponentials and logarithms
//===----------------------------------------------------------------------===//

/// Looks through pointwise tensors of statistics and splits the sums they are,
/// so that LSE = GM + log(SD) shows its maximum.
Linear Separator::expandParts(Linear linear) {
  for (bool changed = true; changed;) {
    changed = false;
    SmallVector<Part, 2> parts;
    auto push = [&](Expr coefficient, Expr d) {
      addPart(parts, {coefficient, d});
    };
    for (const Part &part : linear.parts) {
      Expr d = part.d, replacement = nullptr;
      if (d->isRead()) {
        const Statement *producer = facts.definition(d->tensor);
        SmallVector<FilterTerm, 2> filter;
        if (producer && producer->isPointwise()) {
          Expr inner = editor.inlineRead(d, *producer, filter);
          if (filter.empty()) {
            replacement = slotFor(inner);
            push(part.coefficient, inner);
          }
        }
      } else if (d->isOp("arith.addf") || d->isOp("arith.subf")) {
        Expr minus = arithmetic("arith.mulf", exprs.number(-1, d->type),
                                part.coefficient);
        SmallVector<Expr, 2> sides;
        for (auto [i, side] : llvm::enumerate(d->operands)) {
          if (!dependsOnStatistic(side)) {
            sides.push_back(side);
            continue;
          }
          sides.push_back(slotFor(side));
          push(i == 1 && d->isOp("arith.subf") ? minus : part.coefficient,
               side);
        }
        replacement = exprs.op(d->name(), sides, d->type);
      }
      if (!replacement) {
        push(part.coefficient, d);
        continue;
      }
      changed = true;
      Expr slot = slotFor(d);
      linear.body = withSlots(linear.body, [&](Expr node) {
        return node == slot ? replacement : nullptr;
      });
    }
    linear.parts = std::move(parts);
  }
  return linear;
}

/// With the framed statistics replaced by what they bound, does anything that
/// differs along the rank remain?
bool Separator::isBoundedWith(const Linear &linear, ArrayRef<bool> framed) {
  SmallVector<SmallVector<Facts::Bound, 2>> choices;
  SmallVector<Expr> slotsToFill;
  for (auto [part, isFramed] : llvm::zip(linear.parts, framed)) {
    if (!isFramed)
      continue;
    Sign sign = facts.sign(part.coefficient);
    bool isUpper = sign == Sign::negative || sign == Sign::nonPositive;
    if (!isUpper && sign != Sign::positive && sign != Sign::nonNegative)
      return false;
    choices.push_back(facts.boundedBy(part.d, isUpper));
    slotsToFill.push_back(slotFor(part.d));
    llvm::erase_if(choices.back(), [&](const Facts::Bound &bound) {
      return llvm::any_of(bound.domain, [&](const FilterTerm &constraint) {
        return !llvm::is_contained(domain, constraint);
      });
    });
    if (choices.back().empty())
      return false;
  }
  // Try every combination; there are a handful.
  SmallVector<size_t> chosen(choices.size(), 0);
  for (;;) {
    Expr filled = withSlots(linear.body, [&](Expr slot) -> Expr {
      for (auto [i, candidate] : llvm::enumerate(slotsToFill))
        if (candidate == slot)
          return choices[i][chosen[i]].value;
      return exprs.number(0, slot->type);
    });
    Polynomial remaining = facts.polynomial(facts.canonical(filled));
    bool isFree = llvm::none_of(remaining.terms, [&](const auto &term) {
      return llvm::any_of(term.first,
                          [&](auto atom) { return isOnRank(atom.first); });
    });
    if (isFree)
      return true;
    size_t i = 0;
    for (; i < chosen.size(); ++i) {
      if (++chosen[i] < choices[i].size())
        break;
      chosen[i] = 0;
    }
    if (i == chosen.size())
      return false;
  }
}

/// The smallest set of statistics that must be frames for the exponent to stay
/// bounded; nullopt if none is enough.
std::optional<SmallVector<bool, 4>>
Separator::proveBounded(const Linear &linear) {
  size_t n = linear.parts.size();
  if (n > 4)
    return std::nullopt;
  for (size_t size = 1; size <= n; ++size)
    for (unsigned subset = 1; subset < (1u << n); ++subset) {
      if (static_cast<size_t>(llvm::popcount(subset)) != size)
        continue;
      SmallVector<bool, 4> framed;
      for (size_t i = 0; i < n; ++i)
        framed.push_back(subset >> i & 1);
      if (isBoundedWith(linear, framed))
        return framed;
    }
  return std::nullopt;
}

/// base^(coefficient * d), to be multiplied in at the end.
static Factor makeFactor(ExprContext &exprs, StringRef base, const Part &part,
                         llvm::function_ref<Expr(Expr, Expr)> multiply) {
  StringRef inverse = base == "math.exp" ? "math.log" : "math.log2";
  std::optional<double> c = getNumber(part.coefficient);
  if (part.d->isOp(inverse) && c && std::abs(*c) == 1)
    return {part.d->operands[0], *c < 0, /*isFromExponent=*/true};
  Expr exponent = multiply(part.coefficient, part.d);
  return {exprs.op(base, {exponent}, exponent->type), false,
          /*isFromExponent=*/true};
}

Form Separator::makeExponential(Expr e, Linear linear, StringRef base) {
  std::optional<SmallVector<bool, 4>> framed = proveBounded(linear);
  if (!framed) {
    Linear expanded = expandParts(linear);
    if ((framed = proveBounded(expanded)))
      linear = expanded;
  }
  if (!framed && !acceptUnbounded && !obstacle)
    obstacle.isMatterOfPolicy = true;
  if (!framed && !acceptUnbounded)
    return fail(
        e,
        "the argument of '" + base.substr(5) +
            "' is not known to stay bounded while the statistic is incomplete");
  if (framed)
    conditions.push_back(
        "the argument of '" + base.substr(5).str() +
        "' is at most 0 plus what does not depend on the rank: " +
        "the statistic is an extremum of the same values");
  else
    conditions.push_back("assumed, not proved: the argument of '" +
                         base.substr(5).str() +
                         "' stays bounded at every prefix");
  Term term;
  term.base = base;
  term.logarithm = linear;
  auto multiplied = [&](Expr a, Expr b) {
    return arithmetic("arith.mulf", a, b);
  };
  llvm::DenseMap<Expr, bool> isFrame;
  for (auto [i, part] : llvm::enumerate(linear.parts)) {
    bool frames = !framed || (*framed)[i];
    isFrame[slotFor(part.d)] = frames;
    if (frames)
      term.exponents.push_back({base, part.coefficient, part.d});
    else
      term.factors.push_back(makeFactor(exprs, base, part, multiplied));
  }
  Expr body = withSlots(linear.body, [&](Expr slot) -> Expr {
    return isFrame.lookup(slot) ? nullptr : exprs.number(0, slot->type);
  });
  term.rest = exprs.op(base, {body}, body->type);
  return fromTerms({term}, false);
}

Form Separator::exponential(Expr e, const Form &a) {
  std::optional<Linear> linear = asLinear(a);
  if (linear)
    return makeExponential(e, *linear, e->name());
  // exp(select(c, x, y)) is select(c, exp(x), exp(y)).
  Expr inner = e->operands[0];
  if (inner->isOp("arith.select") && !dependsOnStatistic(inner->operands[0])) {
    Expr yes = exprs.op(e->name(), {inner->operands[1]}, e->type);
    Expr no = exprs.op(e->name(), {inner->operands[2]}, e->type);
    return separateNode(exprs.select(inner->operands[0], yes, no));
  }
  return fail(e, "the exponent holds a product of data and a statistic");
}

Form Separator::logarithm(Expr e, const Form &a) {
  if (a.kind != Kind::terms || a.terms.size() != 1 ||
      !a.terms[0].shifts.empty())
    return fail(e, "the logarithm of a sum that mixes data and a statistic");
  const Term &term = a.terms[0];
  StringRef base = e->isOp("math.log") ? "math.exp" : "math.exp2";
  Form form;
  form.kind = Kind::linear;
  if (term.logarithm && term.base == base)
    form.linear = *term.logarithm;
  else if (!term.exponents.empty())
    return fail(e, "the logarithm of an exponential times data");
  else
    form.linear.body = term.rest ? exprs.op(e->name(), {term.rest}, e->type)
                                 : exprs.number(0, e->type);
  for (const Factor &factor : term.factors) {
    if (term.logarithm && factor.isFromExponent)
      continue;
    if (factor.isChoice() || facts.sign(factor.d) != Sign::positive)
      return fail(e, "the logarithm of a statistic whose sign is not known");
    Expr d = exprs.op(e->name(), {factor.d}, factor.d->type);
    Expr coefficient = exprs.number(factor.isDivisor ? -1 : 1, d->type);
    form.linear.body = exprs.op(factor.isDivisor ? "arith.subf" : "arith.addf",
                                {form.linear.body, slotFor(d)}, e->type);
    addPart(form.linear.parts, {coefficient, d});
  }
  return form;
}

//===----------------------------------------------------------------------===//
// Functions that commute with products
//===----------------------------------------------------------------------===//

Form Separator::power(Expr e, const Form &a, const Form &b) {
  std::optional<double> exponent = getNumber(e->operands[1]);
  std::optional<double> baseNumber = getNumber(e->operands[0]);
  if (baseNumber && *baseNumber > 0) // c^L = exp(L * log c)
    if (std::optional<Linear> linear = asLinear(b)) {
      Expr factor = exprs.number(std::log(*baseNumber), e->type);
      return makeExponential(
          e,
          scale(*linear,
                [&](Expr x) { return arithmetic("arith.mulf", x, factor); }),
          "math.exp");
    }
  if (!exponent || *exponent != std::floor(*exponent) || *exponent < 1 ||
      *exponent > kMaxPower)
    return fail(e, "a power with an exponent that is no small whole number");
  Form result = a;
  for (int i = 1; i < static_cast<int>(*exponent); ++i) {
    result = product(e, result, a);
    if (result.kind == Kind::failed)
      return result;
  }
  return result;
}

Form Separator::root(Expr e, const Form &a) {
  if (a.kind != Kind::terms || a.terms.size() != 1 ||
      !a.terms[0].shifts.empty() || !a.terms[0].exponents.empty())
    return fail(e, "the root of a sum that mixes data and a statistic");
  Term term = a.terms[0];
  if (term.rest)
    term.rest = exprs.op(e->name(), {term.rest}, e->type);
  bool isInverse = e->isOp("math.rsqrt");
  for (Factor &factor : term.factors) {
    if (factor.isChoice() || !facts.isNonNegative(factor.d))
      return fail(e, "the root of a statistic whose sign is not known");
    factor.d = exprs.op("math.sqrt", {factor.d}, factor.d->type);
    factor.isDivisor = factor.isDivisor != isInverse;
  }
  term.logarithm.reset();
  return fromTerms({term}, a.isExpanded);
}

Form Separator::absolute(Expr e, const Form &a) {
  if (a.kind != Kind::terms || a.terms.size() != 1 ||
      !a.terms[0].shifts.empty())
    return fail(
        e,
        "no law carries the absolute value of a difference from a statistic");
  Term term = a.terms[0];
  if (term.rest) // exponentials are positive
    term.rest = exprs.op(e->name(), {term.rest}, e->type);
  for (Factor &factor : term.factors)
    if (!factor.isChoice() && !facts.isNonNegative(factor.d))
      factor.d = exprs.op(e->name(), {factor.d}, factor.d->type);
  term.logarithm.reset();
  return fromTerms({term}, a.isExpanded);
}

Form Separator::extremum(Expr e, const Form &a, const Form &b) {
  std::optional<Linear> left = asLinear(a), right = asLinear(b);
  if (left && right) {
    if (!haveSameParts(left->parts, right->parts))
      return fail(e, "no law carries the larger of data and a statistic");
    Form form;
    form.kind = Kind::linear;
    form.linear = *left;
    form.linear.body = exprs.op(e->name(), {left->body, right->body}, e->type);
    return form;
  }
  SmallVector<Term, 2> x = asTerms(a), y = asTerms(b);
  auto isZero = [](const Term &t) {
    return t.rest && isNumber(t.rest, 0) && t.factors.empty() &&
           t.shifts.empty();
  };
  if (x.size() != 1 || y.size() != 1)
    return fail(e, "no law carries the larger of two sums");
  Term result = isZero(x[0]) ? y[0] : x[0];
  if (!isZero(x[0]) && !isZero(y[0]) && !areAlike(x[0], y[0]))
    return fail(e, "no law carries the larger of data and a statistic");
  if (!result.shifts.empty() || !result.rest)
    return fail(
        e, "no law carries the larger of a difference from a statistic and 0");
  for (const Factor &factor : result.factors)
    if (factor.isChoice() || !facts.isNonNegative(factor.d))
      return fail(
          e, "a factor whose sign is not known under a maximum or minimum");
  result.rest = exprs.op(e->name(),
                         {x[0].rest ? x[0].rest : result.rest,
                          y[0].rest ? y[0].rest : result.rest},
                         e->type);
  result.logarithm.reset();
  return fromTerms({result}, a.isExpanded || b.isExpanded);
}
