//===- TransportLaws.cpp - The laws of pass reduction, as data ------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Algebra/TransportLaws.h"

using namespace einsum::algebra;

static constexpr TransportLaw kLaws[] = {
    {LawId::deferFactor, "deferred factor", "add", "(* x d)", "x", "(* s d)",
     "true", "sum of (x * d) = (sum of x) * d"},
    {LawId::deferDivisor, "deferred divisor", "add", "(/ x d)", "x", "(/ s d)",
     "(not (= d 0))", "sum of (x / d) = (sum of x) / d"},
    {LawId::deferChoice, "deferred choice", "add", "(ite (<= d c) 0 x)", "x",
     "(ite (<= d c) 0 s)", "true",
     "sum of select(c, 0, x) = select(c, 0, sum of x)"},
    {LawId::deferScaleOfMax, "deferred scale of a maximum", "max", "(* x d)",
     "x", "(* s d)", "(>= d 0)", "max of (x * d) = (max of x) * d for d >= 0"},
    {LawId::deferScaleOfMin, "deferred scale of a minimum", "min", "(* x d)",
     "x", "(* s d)", "(>= d 0)", "min of (x * d) = (min of x) * d for d >= 0"},
    {LawId::deferDivisorOfMax, "deferred divisor of a maximum", "max",
     "(/ x d)", "x", "(/ s d)", "(> d 0)",
     "max of (x / d) = (max of x) / d for d > 0"},
    {LawId::deferDivisorOfMin, "deferred divisor of a minimum", "min",
     "(/ x d)", "x", "(/ s d)", "(> d 0)",
     "min of (x / d) = (min of x) / d for d > 0"},
    {LawId::deferShiftOfMax, "deferred shift of a maximum", "max", "(+ x d)",
     "x", "(+ s d)", "true", "max of (x + d) = (max of x) + d"},
    {LawId::deferShiftOfMin, "deferred shift of a minimum", "min", "(+ x d)",
     "x", "(+ s d)", "true", "min of (x + d) = (min of x) + d"},
    {LawId::deferExponentialOfMax, "deferred exponential of a maximum", "max",
     "(exp (+ x d))", "x", "(exp (+ s d))", "true",
     "max of exp(x + d) = exp((max of x) + d)"},
    {LawId::deferExponentialOfMin, "deferred exponential of a minimum", "min",
     "(exp (+ x d))", "x", "(exp (+ s d))", "true",
     "min of exp(x + d) = exp((min of x) + d)"},
    {LawId::correctExponential, "correction of an exponential", "add",
     "(* w (exp (+ x (* c d))))", "", "(* s (exp (* c (- e d))))", "true",
     "exp(x - d') = exp(d - d') * exp(x - d)"},
    {LawId::correctExponentialUnderMax,
     "correction of an exponential under a maximum", "max",
     "(* w (exp (+ x (* c d))))", "", "(* s (exp (* c (- e d))))", "true",
     "exp(x - d') = exp(d - d') * exp(x - d)"},
    {LawId::correctExponentialUnderMin,
     "correction of an exponential under a minimum", "min",
     "(* w (exp (+ x (* c d))))", "", "(* s (exp (* c (- e d))))", "true",
     "exp(x - d') = exp(d - d') * exp(x - d)"},
    {LawId::correctShift, "correction of a shift", "add", "(* w (- x d))", "",
     "(+ s (* (- d e) s0))", "true", "x - d' = (x - d) + (d - d')"},
    {LawId::correctSquaredShift, "correction of a power of a shift", "add",
     "(* w (- x d) (- x d))", "",
     "(+ s (* 2 (- d e) s1) (* (- d e) (- d e) s0))", "true",
     "(x - d')^n = sum over k of binomial(n, k) * (d - d')^(n - k) * (x - "
     "d)^k"},
    {LawId::correctExponentialShift, "correction of an exponential and a shift",
     "add", "(* w (exp (- x d)) (- x d))", "",
     "(* (exp (- d e)) (+ s (* (- d e) s0)))", "true",
     "exp(x - d') * (x - d') = exp(d - d') * exp(x - d) * ((x - d) + (d - "
     "d'))"},
};

llvm::ArrayRef<TransportLaw> einsum::algebra::getTransportLaws() {
  return kLaws;
}

const TransportLaw &einsum::algebra::getLaw(LawId id) {
  return kLaws[static_cast<size_t>(id)];
}
