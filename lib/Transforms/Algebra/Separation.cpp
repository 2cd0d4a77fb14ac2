//===- Separation.cpp - What of a map expression can be carried over ------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Algebra/Separation.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

/// More terms than this are not worth as many accumulators.
static constexpr size_t kMaxTerms = 16;
/// (x - d)^n takes n + 1 accumulators.
static constexpr unsigned kMaxPower = 8;

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

static void addPart(SmallVectorImpl<Part> &parts, Part part,
                    llvm::function_ref<Expr(Expr, Expr)> add) {
  for (Part &known : parts)
    if (known.d == part.d) {
      known.coefficient = add(known.coefficient, part.coefficient);
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
      addPart(form.linear.parts, part,
              [&](Expr x, Expr y) { return arithmetic("arith.addf", x, y); });
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

static bool isChoice(const Factor &factor) {
  return factor.choice != Factor::Choice::none;
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
  if (llvm::any_of(divisor.factors, isChoice))
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
      addPart(parts, {coefficient, d},
              [&](Expr x, Expr y) { return arithmetic("arith.addf", x, y); });
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
    if (isChoice(factor) || facts.sign(factor.d) != Sign::positive)
      return fail(e, "the logarithm of a statistic whose sign is not known");
    Expr d = exprs.op(e->name(), {factor.d}, factor.d->type);
    Expr coefficient = exprs.number(factor.isDivisor ? -1 : 1, d->type);
    form.linear.body = exprs.op(factor.isDivisor ? "arith.subf" : "arith.addf",
                                {form.linear.body, slotFor(d)}, e->type);
    addPart(form.linear.parts, {coefficient, d},
            [&](Expr x, Expr y) { return arithmetic("arith.addf", x, y); });
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
    if (isChoice(factor) || !facts.isNonNegative(factor.d))
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
    if (!isChoice(factor) && !facts.isNonNegative(factor.d))
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
    if (isChoice(factor) || !facts.isNonNegative(factor.d))
      return fail(
          e, "a factor whose sign is not known under a maximum or minimum");
  result.rest = exprs.op(e->name(),
                         {x[0].rest ? x[0].rest : result.rest,
                          y[0].rest ? y[0].rest : result.rest},
                         e->type);
  result.logarithm.reset();
  return fromTerms({result}, a.isExpanded || b.isExpanded);
}

//===----------------------------------------------------------------------===//
// Choices and conversions
//===----------------------------------------------------------------------===//

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
      if (!isChoice(factor))
        factor.d = widen(factor.d);
    term.logarithm.reset();
  }
  return form;
}
