//===- AffineForm.cpp - Affine expressions and predicates on ranks --------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Analysis/AffineForm.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace einsum;

static bool sameForm(const AffineForm &a, const AffineForm &b) {
  auto sameTerm = [](const AffineForm::Term &x, const AffineForm::Term &y) {
    return x.variable == y.variable && x.coefficient == y.coefficient;
  };
  auto sameFloor = [](const AffineForm::Floor &x, const AffineForm::Floor &y) {
    return x.factor == y.factor && x.divisor == y.divisor &&
           sameForm(x.inner, y.inner);
  };
  return a.constant == b.constant && llvm::equal(a.terms, b.terms, sameTerm) &&
         llvm::equal(a.floors, b.floors, sameFloor);
}

AffineForm AffineForm::variable(int variable, int64_t coefficient) {
  AffineForm form;
  form.add(variable, coefficient);
  return form;
}

AffineForm AffineForm::number(int64_t value) {
  AffineForm form;
  form.constant = value;
  return form;
}

void AffineForm::add(int variable, int64_t coefficient) {
  auto term = llvm::find_if(
      terms, [&](const Term &t) { return t.variable == variable; });
  if (term == terms.end()) {
    if (coefficient != 0)
      terms.push_back({variable, coefficient});
    return;
  }
  term->coefficient += coefficient;
  if (term->coefficient == 0)
    terms.erase(term);
}

void AffineForm::add(const AffineForm &other, int64_t factor) {
  if (factor == 0)
    return;
  for (const Term &term : other.terms)
    add(term.variable, term.coefficient * factor);
  for (const Floor &floor : other.floors)
    floors.push_back({floor.factor * factor, floor.inner, floor.divisor});
  constant += other.constant * factor;
}

int64_t AffineForm::coefficientOf(int variable) const {
  for (const Term &term : terms)
    if (term.variable == variable)
      return term.coefficient;
  return 0;
}

bool AffineForm::uses(int variable) const {
  return coefficientOf(variable) != 0 ||
         llvm::any_of(floors, [&](const Floor &floor) {
           return floor.inner.uses(variable);
         });
}

int64_t AffineForm::evaluate(llvm::ArrayRef<int64_t> point) const {
  int64_t value = constant;
  for (const Term &term : terms)
    value += term.coefficient * point[term.variable];
  for (const Floor &floor : floors)
    value += floor.factor * llvm::divideFloorSigned(floor.inner.evaluate(point),
                                                    floor.divisor);
  return value;
}

std::pair<int64_t, int64_t>
AffineForm::bounds(llvm::ArrayRef<Interval> box) const {
  int64_t least = constant, greatest = constant;
  auto add = [&](int64_t factor, int64_t low, int64_t high) {
    least += factor * (factor > 0 ? low : high);
    greatest += factor * (factor > 0 ? high : low);
  };
  for (const Term &term : terms)
    add(term.coefficient, box[term.variable].lo, box[term.variable].hi - 1);
  for (const Floor &floor : floors) {
    auto [low, high] = floor.inner.bounds(box);
    add(floor.factor, llvm::divideFloorSigned(low, floor.divisor),
        llvm::divideFloorSigned(high, floor.divisor));
  }
  return {least, greatest};
}

AffineForm AffineForm::substitute(
    llvm::function_ref<AffineForm(int variable)> form) const {
  AffineForm result = number(constant);
  for (const Term &term : terms)
    result.add(form(term.variable), term.coefficient);
  for (const Floor &floor : floors)
    result.floors.push_back(
        {floor.factor, floor.inner.substitute(form), floor.divisor});
  return result;
}

bool Constraint::holds(llvm::ArrayRef<int64_t> point) const {
  int64_t value = form.evaluate(point);
  return isEquality ? value == 0 : value >= 0;
}

std::optional<bool> Constraint::decide(llvm::ArrayRef<Interval> box) const {
  auto [least, greatest] = form.bounds(box);
  if (greatest < 0 || (isEquality && least > 0))
    return false;
  if (isEquality ? least == 0 && greatest == 0 : least >= 0)
    return true;
  return std::nullopt;
}

void Constraint::normalise() {
  if (!form.isLinear() || form.terms.empty())
    return;
  int64_t divisor = 0;
  for (const AffineForm::Term &term : form.terms)
    divisor = std::gcd(divisor, term.coefficient);
  if (divisor == 1 || (isEquality && form.constant % divisor != 0))
    return;
  for (AffineForm::Term &term : form.terms)
    term.coefficient /= divisor;
  form.constant = llvm::divideFloorSigned(form.constant, divisor);
}

bool Constraint::operator==(const Constraint &other) const {
  return isEquality == other.isEquality && sameForm(form, other.form);
}
