//===- Facts.cpp - What is known of values without running them -----------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Algebra/Facts.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace mlir;
using namespace einsum;
using namespace einsum::algebra;

/// Polynomials longer than this are not worth comparing.
static constexpr size_t kMaxTerms = 64;

const Statement *Facts::definition(Value tensor) {
  auto einsum = dyn_cast_or_null<EinsumInterface>(tensor.getDefiningOp());
  if (!einsum)
    return nullptr;
  std::unique_ptr<Statement> &known = statements[einsum];
  if (!known)
    known = std::make_unique<Statement>(editor.read(einsum));
  return known.get();
}

void Facts::clear() {
  statements.clear();
  canonicals.clear();
  signs.clear();
}

//===----------------------------------------------------------------------===//
// Canonical form
//===----------------------------------------------------------------------===//

static void addAll(SmallVectorImpl<FilterTerm> &to, ArrayRef<FilterTerm> from) {
  for (const FilterTerm &constraint : from)
    if (!llvm::is_contained(to, constraint))
      to.push_back(constraint);
}

Expr Facts::canonical(Expr expr, SmallVectorImpl<FilterTerm> *domain) {
  auto it = canonicals.find(expr);
  if (it == canonicals.end()) {
    Canonical made{expr, {}};
    ExprContext &exprs = editor.getExprs();
    if (expr->kind == ExprNode::Kind::op) {
      llvm::SmallVector<Expr, 3> operands;
      for (Expr operand : expr->operands)
        operands.push_back(canonical(operand, &made.domain));
      made.expr =
          exprs.op(expr->name(), operands, expr->type, expr->attributes);
    } else if (expr->isRead()) {
      const Statement *producer = definition(expr->tensor);
      if (producer && producer->isPointwise()) {
        Expr inner = editor.inlineRead(expr, *producer, made.domain);
        made.expr = canonical(inner, &made.domain);
      } else if (producer) {
        // An element that a condition over kept ranks excludes is absent.
        RankMap map;
        for (auto [rank, index] :
             llvm::zip(producer->outputRanks, expr->indices))
          map[rank] = index;
        for (const FilterTerm &constraint : producer->filter) {
          bool isOverKept = true;
          for (ReductionAttr reduction : producer->reductions)
            isOverKept &= !constraint.expr.isFunctionOfDim(
                cast<AffineDimExpr>(editor.rank(reduction.getRank()))
                    .getPosition());
          if (isOverKept)
            addAll(made.domain, editor.substitute(constraint, map));
        }
      }
    }
    it = canonicals.try_emplace(expr, std::move(made)).first;
  }
  if (domain)
    addAll(*domain, it->second.domain);
  return it->second.expr;
}

//===----------------------------------------------------------------------===//
// Polynomials
//===----------------------------------------------------------------------===//

bool Polynomial::Less::operator()(const Monomial &a, const Monomial &b) const {
  auto key = [](const std::pair<Expr, int> &p) {
    return std::pair(p.first->id, p.second);
  };
  return std::lexicographical_compare(
      a.begin(), a.end(), b.begin(), b.end(),
      [&](const auto &x, const auto &y) { return key(x) < key(y); });
}

void Polynomial::add(const Polynomial &other, double factor) {
  for (const auto &[monomial, coefficient] : other.terms) {
    double &sum = terms[monomial];
    double scale = std::abs(sum) + std::abs(coefficient * factor);
    sum += coefficient * factor;
    if (std::abs(sum) <= 1e-12 * scale)
      terms.erase(monomial);
  }
}

static Polynomial::Monomial multiply(const Polynomial::Monomial &a,
                                     const Polynomial::Monomial &b, int sign) {
  std::map<unsigned, std::pair<Expr, int>> powers;
  for (auto [atom, power] : a)
    powers[atom->id] = {atom, power};
  for (auto [atom, power] : b) {
    auto &entry = powers[atom->id];
    entry = {atom, entry.second + sign * power};
  }
  Polynomial::Monomial product;
  for (const auto &entry : powers)
    if (entry.second.second != 0)
      product.push_back(entry.second);
  return product;
}

static bool multiply(const Polynomial &a, const Polynomial &b,
                     Polynomial &product) {
  if (a.terms.size() * b.terms.size() > kMaxTerms)
    return false;
  for (const auto &[left, x] : a.terms)
    for (const auto &[right, y] : b.terms) {
      Polynomial one;
      one.terms[multiply(left, right, 1)] = x * y;
      product.add(one, 1);
    }
  return true;
}

bool Facts::toPolynomial(Expr expr, Polynomial &result) {
  if (std::optional<double> number = getNumber(expr)) {
    if (!std::isfinite(*number))
      return false;
    if (*number != 0)
      result.terms[{}] = *number;
    return true;
  }
  if (expr->kind != ExprNode::Kind::op)
    return false;
  StringRef name = expr->name();
  if (name == "arith.negf" || name == "arith.extf") {
    result.add(polynomial(expr->operands[0]), name == "arith.negf" ? -1 : 1);
    return true;
  }
  if (name == "arith.addf" || name == "arith.subf") {
    result.add(polynomial(expr->operands[0]), 1);
    result.add(polynomial(expr->operands[1]), name == "arith.subf" ? -1 : 1);
    return result.terms.size() <= kMaxTerms;
  }
  if (name == "arith.mulf")
    return multiply(polynomial(expr->operands[0]),
                    polynomial(expr->operands[1]), result);
  if (name != "arith.divf")
    return false;
  Polynomial divisor = polynomial(expr->operands[1]);
  if (divisor.terms.size() != 1)
    return false;
  const auto &[monomial, coefficient] = *divisor.terms.begin();
  for (const auto &[left, x] : polynomial(expr->operands[0]).terms)
    result.terms[multiply(left, monomial, -1)] = x / coefficient;
  return true;
}

Polynomial Facts::polynomial(Expr expr) {
  Polynomial result;
  if (toPolynomial(expr, result))
    return result;
  Polynomial atom;
  atom.terms[{{expr, 1}}] = 1;
  return atom;
}

//===----------------------------------------------------------------------===//
// Signs
//===----------------------------------------------------------------------===//

static Sign negate(Sign sign) {
  switch (sign) {
  case Sign::unknown:
    return Sign::unknown;
  case Sign::nonNegative:
    return Sign::nonPositive;
  case Sign::positive:
    return Sign::negative;
  case Sign::nonPositive:
    return Sign::nonNegative;
  case Sign::negative:
    return Sign::positive;
  }
  return Sign::unknown;
}

static bool isAtLeastZero(Sign s) {
  return s == Sign::positive || s == Sign::nonNegative;
}
static bool isAtMostZero(Sign s) {
  return s == Sign::negative || s == Sign::nonPositive;
}
static bool isStrict(Sign s) {
  return s == Sign::positive || s == Sign::negative;
}

static Sign multiplySigns(Sign a, Sign b) {
  if (a == Sign::unknown || b == Sign::unknown)
    return Sign::unknown;
  bool isPositive = isAtLeastZero(a) == isAtLeastZero(b),
       strict = isStrict(a) && isStrict(b);
  if (isPositive)
    return strict ? Sign::positive : Sign::nonNegative;
  return strict ? Sign::negative : Sign::nonPositive;
}

static Sign addSigns(Sign a, Sign b) {
  if (isAtLeastZero(a) && isAtLeastZero(b))
    return isStrict(a) || isStrict(b) ? Sign::positive : Sign::nonNegative;
  if (isAtMostZero(a) && isAtMostZero(b))
    return isStrict(a) || isStrict(b) ? Sign::negative : Sign::nonPositive;
  return Sign::unknown;
}

/// The sign that a value with one of two signs has in any case.
static Sign eitherSign(Sign a, Sign b) {
  if (a == b)
    return a;
  if (isAtLeastZero(a) && isAtLeastZero(b))
    return Sign::nonNegative;
  if (isAtMostZero(a) && isAtMostZero(b))
    return Sign::nonPositive;
  return Sign::unknown;
}

Sign Facts::signOfRead(Expr read) {
  const Statement *producer = definition(read->tensor);
  if (!producer || !producer->init.empty() || producer->values.size() != 1 ||
      producer->isStored())
    return Sign::unknown;
  Sign term = sign(producer->values[0]);
  for (ReductionAttr reduction : producer->reductions) {
    StringRef monoid = reduction.getMonoid();
    // Over no points a sum is 0 and a product 1; an extremum is infinite.
    bool keepsSign =
        monoid == "add" || (monoid == "mul" && isAtLeastZero(term)) ||
        ((monoid == "max" || monoid == "min") && producer->filter.empty());
    if (!keepsSign)
      return Sign::unknown;
    if (monoid == "add" && !producer->filter.empty())
      term = eitherSign(term, isAtMostZero(term) ? Sign::nonPositive
                                                 : Sign::nonNegative);
  }
  return term;
}

Sign Facts::computeSign(Expr expr) {
  if (std::optional<double> number = getNumber(expr))
    return *number > 0    ? Sign::positive
           : *number < 0  ? Sign::negative
           : *number == 0 ? Sign::nonNegative
                          : Sign::unknown;
  switch (expr->kind) {
  case ExprNode::Kind::param:
    return Sign::positive; // a parameter is at least 1
  case ExprNode::Kind::index:
    return Sign::nonNegative;
  case ExprNode::Kind::read:
    return signOfRead(expr);
  case ExprNode::Kind::op:
    break;
  default:
    return Sign::unknown;
  }
  StringRef name = expr->name();
  auto of = [&](unsigned i) { return sign(expr->operands[i]); };
  if (name == "math.exp" || name == "math.exp2" || name == "math.rsqrt" ||
      name == "einsum.sigmoid")
    return Sign::positive;
  if (name == "math.absf")
    return isStrict(of(0)) ? Sign::positive : Sign::nonNegative;
  if (name == "math.sqrt")
    return of(0) == Sign::positive ? Sign::positive : Sign::nonNegative;
  if (name == "math.powf")
    return isAtLeastZero(of(0)) ? of(0) : Sign::unknown;
  if (name == "arith.mulf" || name == "arith.divf") {
    if (name == "arith.mulf" && expr->operands[0] == expr->operands[1])
      return isStrict(of(0)) ? Sign::positive : Sign::nonNegative;
    return multiplySigns(of(0), of(1));
  }
  if (name == "arith.addf")
    return addSigns(of(0), of(1));
  if (name == "arith.subf")
    return addSigns(of(0), negate(of(1)));
  if (name == "arith.negf")
    return negate(of(0));
  if (name == "arith.extf" || name == "math.tanh" || name == "math.erf")
    return of(0);
  if (name == "arith.select")
    return eitherSign(of(1), of(2));
  if (name == "arith.maximumf" || name == "arith.minimumf") {
    Sign a = of(0), b = of(1);
    bool isMax = name == "arith.maximumf";
    Sign strong = isMax ? Sign::positive : Sign::negative;
    Sign weak = isMax ? Sign::nonNegative : Sign::nonPositive;
    if (a == strong || b == strong)
      return strong;
    return a == weak || b == weak ? weak : eitherSign(a, b);
  }
  return Sign::unknown;
}

Sign Facts::sign(Expr expr) {
  auto it = signs.find(expr);
  if (it != signs.end())
    return it->second;
  signs[expr] = Sign::unknown; // what a recurrence learns of itself
  Sign result = computeSign(expr);
  return signs[expr] = result;
}

bool Facts::isNonNegative(Expr expr) { return isAtLeastZero(sign(expr)); }

bool Facts::mayBeMinusInfinity(Expr expr) {
  return anyOf(canonical(expr), [](Expr node) {
    std::optional<double> number = getNumber(node);
    return number && std::isinf(*number);
  });
}

//===----------------------------------------------------------------------===//
// Bounds
//===----------------------------------------------------------------------===//

void Facts::collectBounds(Expr d, bool isUpper,
                          SmallVectorImpl<Bound> &bounds) {
  if (d->isOp(isUpper ? "arith.maximumf" : "arith.minimumf")) {
    collectBounds(d->operands[0], isUpper, bounds);
    collectBounds(d->operands[1], isUpper, bounds);
    return;
  }
  if (d->isOp("arith.extf"))
    return collectBounds(d->operands[0], isUpper, bounds);
  const Statement *producer = d->isRead() ? definition(d->tensor) : nullptr;
  if (!producer || !producer->init.empty() || producer->values.size() != 1 ||
      producer->isStored())
    return;
  Bound bound{nullptr, {}};
  Expr value = editor.inlineRead(d, *producer, bound.domain);
  if (producer->reductions.empty())
    return collectBounds(canonical(value), isUpper, bounds);
  for (ReductionAttr reduction : producer->reductions)
    if (reduction.getMonoid() != (isUpper ? "max" : "min"))
      return;
  // A maximum of maxima is one too.
  collectBounds(value, isUpper, bounds);
  bound.value = canonical(value, &bound.domain);
  bounds.push_back(std::move(bound));
}

SmallVector<Facts::Bound, 2> Facts::boundedBy(Expr d, bool isUpper) {
  SmallVector<Bound, 2> bounds;
  collectBounds(d, isUpper, bounds);
  return bounds;
}
