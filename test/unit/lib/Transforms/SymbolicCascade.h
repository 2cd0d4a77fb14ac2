//===- SymbolicCascade.h - Cascades over unknown reals ----------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A cascade with small bound extents, evaluated on unknown reals: what comes
// out are formulas, and two cascades are equal when Z3 finds no input on which
// their formulas differ. One such proof says more than any number of sampled
// runs: it holds for every real input of that shape.
//
//   SD = exp(x0 - max{x0,x1}) + exp(x1 - max{x0,x1})
//
// A value is a quotient num/den of polynomials in unknowns. Only these facts
// about operators are built in, each an axiom on ground terms:
//
//   exp     exp(sum c*t) = product E(t)^c, E(t) > 0 an unknown per term t
//   max     max{S} >= s for s in S, and equal to one of them; nested maxima
//   join
//           their sets; E is monotone on the elements and their maximum
//   sqrt    s >= 0 and s*s = x
//   abs     the larger of x and -x
//   others  unknown functions: equal arguments give equal values
//
// Infinities are values of their own (exp(-inf) = 0, max drops -inf, -inf -
// -inf has no value), so what a recurrence starts from is checked as well. A
// division assumes a nonzero denominator in the cascade taken as the truth and
// has to prove it in the other. A query that runs out of time proves nothing.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_UNIT_LIB_TRANSFORMS_SYMBOLICCASCADE_H
#define TEST_UNIT_LIB_TRANSFORMS_SYMBOLICCASCADE_H

#include "dialects/Einsum/Einsum.h"

#include <string>

namespace einsum::test {

enum class Verdict { proved, refuted, unknown };

struct Proof {
  Verdict verdict = Verdict::unknown;
  /// The element that differs and a model, or what could not be decided.
  std::string reason;
};

/// Are all outputs of `derived` equal to those of `truth`, for all real inputs?
/// All extents have to be bound. Inputs are paired by name, outputs by
/// position.
Proof proveEqual(CascadeOp truth, CascadeOp derived,
                 unsigned timeoutMs = 20000);

} // namespace einsum::test

#endif // TEST_UNIT_LIB_TRANSFORMS_SYMBOLICCASCADE_H
