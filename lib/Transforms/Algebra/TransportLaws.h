//===- TransportLaws.h - The laws of pass reduction, as data ----*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A reduction (+) F(x, d) can be computed at another value of d if there is a
// map T with two properties, for all admissible values:
//
//   carries          F(x, e) = T(F(x, d))                        d -> e
//   is homomorphic   T(a (+) b) = T(a) (+) T(b)
//
// A deferral has d at a value where it plays no part (`atNeutral`, F without d)
// and applies T once, at the end; a correction applies T at every step, from
// the last running value d to the next one, e.
//
// Everything is written in prefix notation over reals, so that a prover can
// read it: x and w are data (w any factor of the term), d and e values of the
// statistic, c a constant, s what was accumulated, s0 and s1 what was
// accumulated with power 0 and 1 of the same shift. `exp` is any function with
// exp(a + b) = exp(a) exp(b), positive and increasing. What is proved in the
// tests is this table.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TRANSFORMS_ALGEBRA_TRANSPORTLAWS_H
#define LIB_TRANSFORMS_ALGEBRA_TRANSPORTLAWS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace einsum::algebra {

enum class LawId {
  deferFactor,
  deferDivisor,
  deferChoice,
  deferScaleOfMax,
  deferScaleOfMin,
  deferDivisorOfMax,
  deferDivisorOfMin,
  deferShiftOfMax,
  deferShiftOfMin,
  deferExponentialOfMax,
  deferExponentialOfMin,
  correctExponential,
  correctExponentialUnderMax,
  correctExponentialUnderMin,
  correctShift,
  correctSquaredShift,
  correctExponentialShift,
};

struct TransportLaw {
  LawId id;
  llvm::StringLiteral name;
  llvm::StringLiteral monoid;    ///< "add", "max" or "min"
  llvm::StringLiteral f;         ///< F(x, d)
  llvm::StringLiteral atNeutral; ///< F without d; empty for corrections
  llvm::StringLiteral transport; ///< T
  llvm::StringLiteral condition; ///< on d (and e), for both properties
  llvm::StringLiteral text;      ///< the identity, for people
};

/// All laws. Higher powers of a shift follow the binomial scheme of the first
/// two.
llvm::ArrayRef<TransportLaw> getTransportLaws();
const TransportLaw &getLaw(LawId id);

} // namespace einsum::algebra

#endif // LIB_TRANSFORMS_ALGEBRA_TRANSPORTLAWS_H
