//===- Separation.cpp - What of a map expression can be carried over ------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Algebra/Separation.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

using Kind = Form::Kind;

//===----------------------------------------------------------------------===//
// Roles
//===----------------------------------------------------------------------===//

enum : unsigned { kOnRank = 1, kStatistic = 2 };

static unsigned roleOf(Expr e, const Separator::Classify &classify,
                       llvm::DenseMap<Expr, unsigned> &known) {
  auto it = known.find(e);
  if (it != known.end())
    return it->second;
  unsigned role = 0;
  if (e->kind == ExprNode::Kind::op) {
    for (Expr operand : e->operands)
      role |= roleOf(operand, classify, known);
  } else if (e->kind != ExprNode::Kind::slot) {
    LeafRole leaf = classify(e);
    role = (leaf.isOnRank ? kOnRank : 0) | (leaf.isStatistic ? kStatistic : 0);
  }
  return known[e] = role;
}

bool Separator::isOnRank(Expr e) {
  return roleOf(e, classify, roles) & kOnRank;
}
bool Separator::dependsOnStatistic(Expr e) {
  return roleOf(e, classify, roles) & kStatistic;
}

//===----------------------------------------------------------------------===//
// Small constructors
//===----------------------------------------------------------------------===//

Form Separator::fail(Expr at, const llvm::Twine &reason) {
  if (!obstacle)
    obstacle = {reason.str(), at, obstacle.isMatterOfPolicy};
  return {};
}

Form Separator::pure(Kind kind, Expr e) {
  Form form;
  form.kind = kind;
  form.pure = e;
  return form;
}

Expr Separator::slotFor(Expr d) {
  auto [it, isNew] = slots.numbers.try_emplace(d, slots.statistics.size());
  if (isNew)
    slots.statistics.push_back(d);
  return exprs.slot(it->second, d->type);
}

/// `a op b` in the wider of their types.
Expr Separator::arithmetic(StringRef op, Expr a, Expr b) {
  exprs.widen(a, b);
  std::optional<double> x = getNumber(a), y = getNumber(b);
  if (x && y && op == "arith.addf")
    return exprs.number(*x + *y, a->type);
  if (x && y && op == "arith.mulf")
    return exprs.number(*x * *y, a->type);
  return exprs.op(op, {a, b}, a->type);
}

std::optional<Linear> Separator::asLinear(const Form &form) {
  switch (form.kind) {
  case Kind::neutral:
  case Kind::x:
    return Linear{form.pure, {}};
  case Kind::d:
    return Linear{slotFor(form.pure),
                  {{exprs.number(1, form.pure->type), form.pure}}};
  case Kind::linear:
    return form.linear;
  default:
    return std::nullopt;
  }
}

SmallVector<Term, 2> Separator::asTerms(const Form &form) {
  Term term;
  switch (form.kind) {
  case Kind::neutral:
  case Kind::x:
    term.rest = form.pure;
    return {term};
  case Kind::d:
    term.factors.push_back({form.pure});
    return {term};
  case Kind::linear:
    term.shifts.push_back({form.linear, 1});
    return {term};
  default:
    return form.terms;
  }
}

bool Separator::haveSameParts(ArrayRef<Part> a, ArrayRef<Part> b) {
  return a.size() == b.size() && llvm::all_of(a, [&](const Part &part) {
           return llvm::is_contained(b, part);
         });
}

template <typename T> static bool areSameSet(ArrayRef<T> a, ArrayRef<T> b) {
  return a.size() == b.size() && llvm::all_of(a, [&](const T &item) {
           return llvm::is_contained(b, item);
         });
}

/// The same law carries both: one accumulator serves their sum.
bool Separator::areAlike(const Term &a, const Term &b) {
  return a.shifts.empty() && b.shifts.empty() &&
         areSameSet<Factor>(a.factors, b.factors) &&
         areSameSet<Exponent>(a.exponents, b.exponents);
}

Form Separator::fromTerms(SmallVector<Term, 2> terms, bool isExpanded) {
  Form form;
  form.kind = Kind::terms;
  form.terms = std::move(terms);
  form.isExpanded = isExpanded;
  return form;
}

Linear Separator::scale(Linear linear, llvm::function_ref<Expr(Expr)> apply) {
  linear.body = apply(linear.body);
  for (Part &part : linear.parts)
    part.coefficient = apply(part.coefficient);
  return linear;
}

Expr Separator::withSlots(Expr body, llvm::function_ref<Expr(Expr)> fill) {
  return exprs.rewrite(body, [&](Expr node) -> Expr {
    return node->kind == ExprNode::Kind::slot ? fill(node) : nullptr;
  });
}

Expr Separator::product(const Term &term, ArrayRef<unsigned> powers,
                        Type type) {
  Expr result = term.rest;
  for (auto [shift, power] : llvm::zip(term.shifts, powers))
    for (unsigned i = 0; i < power; ++i)
      result = result ? arithmetic("arith.mulf", result, shift.linear.body)
                      : shift.linear.body;
  return result ? result : exprs.number(1, type);
}

//===----------------------------------------------------------------------===//
// Recursion
//===----------------------------------------------------------------------===//

static void addFilter(SmallVectorImpl<FilterTerm> &filter,
                      ArrayRef<FilterTerm> added) {
  for (const FilterTerm &constraint : added)
    if (!llvm::is_contained(filter, constraint))
      filter.push_back(constraint);
}

Form Separator::separate(Expr f, ArrayRef<FilterTerm> points) {
  domain.assign(points.begin(), points.end());
  Form form = separateNode(f);
  return form;
}

Form Separator::separateNode(Expr e) {
  auto it = forms.find(e);
  if (it != forms.end())
    return it->second;
  unsigned role = roleOf(e, classify, roles);
  Form form;
  if (role != (kOnRank | kStatistic))
    form = pure(role == kOnRank      ? Kind::x
                : role == kStatistic ? Kind::d
                                     : Kind::neutral,
                e);
  else
    form = e->kind == ExprNode::Kind::op ? separateOp(e) : separateLeaf(e);
  for (Expr operand : e->operands)
    addFilter(form.filter, forms.lookup(operand).filter);
  return forms[e] = form;
}

Form Separator::separateLeaf(Expr e) {
  LeafRole role = classify(e);
  if (!role.isTransparent)
    return fail(e, role.obstacle);
  return lookThrough(e);
}

Form Separator::lookThrough(Expr e) {
  const Statement *producer = facts.definition(e->tensor);
  seenThrough.push_back(e->tensor);
  SmallVector<FilterTerm, 2> filter;
  Expr inner = editor.inlineRead(e, *producer, filter);
  addFilter(domain, filter);
  Form form = separateNode(inner);
  addFilter(form.filter, filter);
  // A single product stays a tensor, unless it is nothing but another tensor.
  bool isPlain = e == editor.readPlain(e->tensor);
  if (!isPlain || form.kind != Kind::terms || form.terms.size() != 1)
    return form;
  Term &term = form.terms.front();
  if (!term.shifts.empty() || !term.rest || term.rest->isRead())
    return form;
  kept.push_back({e, term, form.filter});
  term.rest = e;
  form.filter.clear();
  return form;
}

Form Separator::separateOp(Expr e) {
  SmallVector<Form, 3> operands;
  for (Expr operand : e->operands) {
    operands.push_back(separateNode(operand));
    if (operands.back().kind == Kind::failed)
      return {};
  }
  StringRef name = e->name();
  if (name == "arith.addf" || name == "arith.subf")
    return sum(e, operands[0], operands[1]);
  if (name == "arith.negf") {
    Expr minusOne = exprs.number(-1, e->type);
    if (std::optional<Linear> linear = asLinear(operands[0])) {
      Form form;
      form.kind = Kind::linear;
      form.linear = *linear;
      form.linear.body = exprs.neg(linear->body);
      for (Part &part : form.linear.parts)
        part.coefficient = arithmetic("arith.mulf", minusOne, part.coefficient);
      return form;
    }
    Form form = operands[0];
    for (Term &term : form.terms) {
      term.rest = exprs.neg(term.rest ? term.rest : exprs.number(1, e->type));
      term.logarithm.reset();
    }
    return form;
  }
  if (name == "arith.mulf")
    return product(e, operands[0], operands[1]);
  if (name == "arith.divf")
    return quotient(e, operands[0], operands[1]);
  if (name == "math.exp" || name == "math.exp2")
    return exponential(e, operands[0]);
  if (name == "math.log" || name == "math.log2")
    return logarithm(e, operands[0]);
  if (name == "math.powf")
    return power(e, operands[0], operands[1]);
  if (name == "math.sqrt" || name == "math.rsqrt")
    return root(e, operands[0]);
  if (name == "math.absf")
    return absolute(e, operands[0]);
  if (name == "arith.maximumf" || name == "arith.minimumf")
    return extremum(e, operands[0], operands[1]);
  if (name == "arith.extf")
    return converted(e, operands[0]);
  if (name == "arith.select") {
    if (!dependsOnStatistic(e->operands[0]))
      return choice(e, operands[1], operands[2]);
    if (!isOnRank(e->operands[0]))
      return choiceByStatistic(e, operands[1], operands[2]);
    return fail(e, "a choice made by comparing with a statistic "
                   "(data-dependent filter)");
  }
  if (name == "arith.cmpf" || name == "arith.cmpi")
    return fail(e, "data is compared with a statistic (data-dependent filter)");
  bool rounds = llvm::is_contained({"arith.truncf", "arith.fptosi",
                                    "math.roundeven", "math.round",
                                    "math.floor", "math.ceil", "math.trunc"},
                                   name);
  if (rounds)
    return fail(e,
                "there is a rounding between the statistic and the reduction");
  return fail(e, "no law carries '" + name.substr(name.find('.') + 1) +
                     "' from one value of a statistic to another");
}

//===----------------------------------------------------------------------===//
// Sums and products
//===----------------------------------------------------------------------===//

void Separator::addPart(SmallVectorImpl<Part> &parts, Part part) {
  for (Part &known : parts)
    if (known.d == part.d) {
      known.coefficient =
          arithmetic("arith.addf", known.coefficient, part.coefficient);
      return;
    }
  parts.push_back(part);
}

Form Separator::sum(Expr e, const Form &a, const Form &b) {
  bool isDifference = e->isOp("arith.subf");
  Expr minusOne = exprs.number(-1, e->type);
  std::optional<Linear> left = asLinear(a), right = asLinear(b);
  if (left && right) {
    Form form;
    form.kind = Kind::linear;
    form.linear = *left;
    form.linear.body = exprs.op(e->name(), {left->body, right->body}, e->type);
    for (Part part : right->parts) {
      if (isDifference)
        part.coefficient = arithmetic("arith.mulf", minusOne, part.coefficient);
      addPart(form.linear.parts, part);
    }
    return form;
  }
  SmallVector<Term, 2> terms = asTerms(a), added = asTerms(b);
  for (Term &term : added) {
    auto alike =
        llvm::find_if(terms, [&](const Term &t) { return areAlike(t, term); });
    Expr one = exprs.number(1, e->type);
    Expr rest = term.rest ? term.rest : one;
    if (alike != terms.end()) {
      alike->rest =
          exprs.op(e->name(), {alike->rest ? alike->rest : one, rest}, e->type);
      alike->logarithm.reset();
      continue;
    }
    if (isDifference) {
      term.rest = exprs.neg(rest);
      term.logarithm.reset();
    }
    terms.push_back(term);
  }
  if (terms.size() > kMaxTerms)
    return fail(e, "more than 16 accumulators would be needed");
  return fromTerms(std::move(terms), a.isExpanded || b.isExpanded);
}

Term Separator::multiply(const Term &a, const Term &b) {
  Term result = a;
  if (b.rest)
    result.rest = a.rest ? arithmetic("arith.mulf", a.rest, b.rest) : b.rest;
  for (const Shift &shift : b.shifts) {
    auto same = llvm::find_if(result.shifts, [&](const Shift &s) {
      return s.linear.body == shift.linear.body;
    });
    if (same != result.shifts.end())
      same->power += shift.power;
    else
      result.shifts.push_back(shift);
  }
  llvm::append_range(result.factors, b.factors);
  for (const Exponent &exponent : b.exponents) {
    auto same = llvm::find_if(result.exponents, [&](const Exponent &x) {
      return x.base == exponent.base && x.d == exponent.d;
    });
    if (same == result.exponents.end())
      result.exponents.push_back(exponent);
    else
      same->coefficient =
          arithmetic("arith.addf", same->coefficient, exponent.coefficient);
  }
  // exp(L) times a function of statistics still has a logarithm.
  result.logarithm.reset();
  auto isPureExponential = [](const Term &t) {
    return t.logarithm && t.shifts.empty();
  };
  auto isFactorOnly = [](const Term &t) { return !t.rest && t.shifts.empty(); };
  const Term *exponential = isPureExponential(a) && isFactorOnly(b)   ? &a
                            : isPureExponential(b) && isFactorOnly(a) ? &b
                                                                      : nullptr;
  if (exponential) {
    result.logarithm = exponential->logarithm;
    result.base = exponential->base;
  }
  return result;
}

Form Separator::product(Expr e, const Form &a, const Form &b) {
  if (a.kind == Kind::neutral && b.kind == Kind::linear) {
    Form form = b;
    form.linear = scale(
        b.linear, [&](Expr x) { return arithmetic("arith.mulf", a.pure, x); });
    return form;
  }
  if (b.kind == Kind::neutral && a.kind == Kind::linear) {
    Form form = a;
    form.linear = scale(
        a.linear, [&](Expr x) { return arithmetic("arith.mulf", x, b.pure); });
    return form;
  }
  SmallVector<Term, 2> left = asTerms(a), right = asTerms(b), terms;
  bool isExpanded =
      a.isExpanded || b.isExpanded || (left.size() > 1 && right.size() > 1);
  if (left.size() * right.size() > kMaxTerms)
    return fail(e, "more than 16 accumulators would be needed");
  for (const Term &x : left)
    for (const Term &y : right) {
      Term term = multiply(x, y);
      for (const Shift &shift : term.shifts)
        if (shift.power > kMaxPower)
          return fail(e, "a power above 8 of a difference from a statistic");
      terms.push_back(std::move(term));
    }
  return fromTerms(std::move(terms), isExpanded);
}

Form Separator::quotient(Expr e, const Form &a, const Form &b) {
  if (b.kind == Kind::neutral && a.kind == Kind::linear) {
    Form form = a;
    form.linear = scale(
        a.linear, [&](Expr x) { return arithmetic("arith.divf", x, b.pure); });
    return form;
  }
  SmallVector<Term, 2> terms = asTerms(a);
  if (b.kind == Kind::neutral || b.kind == Kind::x || b.kind == Kind::d) {
    for (Term &term : terms) {
      if (b.kind == Kind::d) {
        term.factors.push_back({b.pure, /*isDivisor=*/true});
        continue;
      }
      Expr rest = term.rest ? term.rest : exprs.number(1, e->type);
      term.rest = arithmetic("arith.divf", rest, b.pure);
      term.logarithm.reset();
    }
    return fromTerms(std::move(terms), a.isExpanded);
  }
  if (b.kind != Kind::terms || b.terms.size() != 1 ||
      !b.terms[0].shifts.empty())
    return fail(e, "the divisor is a sum that mixes data and a statistic");
  Term divisor = b.terms[0];
  if (llvm::any_of(divisor.factors, std::mem_fn(&Factor::isChoice)))
    return fail(e, "the divisor is 0 where a statistic chooses so");
  if (!divisor.exponents.empty()) {
    // 1 / exp(L) is exp(-L), whose argument needs a bound of its own.
    if (!divisor.logarithm)
      return fail(e, "the divisor holds an exponential of a statistic");
    Linear negated = *divisor.logarithm;
    negated.body = exprs.neg(negated.body);
    Expr minusOne = exprs.number(-1, e->type);
    for (Part &part : negated.parts)
      part.coefficient = arithmetic("arith.mulf", minusOne, part.coefficient);
    Form inverse = makeExponential(e, negated, divisor.base);
    if (inverse.kind == Kind::failed)
      return inverse;
    for (const Factor &factor : divisor.factors)
      if (!factor.isFromExponent)
        inverse.terms[0].factors.push_back({factor.d, !factor.isDivisor});
    return product(e, a, inverse);
  }
  for (Term &term : terms) {
    if (divisor.rest) {
      Expr rest = term.rest ? term.rest : exprs.number(1, e->type);
      term.rest = arithmetic("arith.divf", rest, divisor.rest);
    }
    for (const Factor &factor : divisor.factors)
      term.factors.push_back({factor.d, !factor.isDivisor});
    term.logarithm.reset();
  }
  return fromTerms(std::move(terms), a.isExpanded);
}
