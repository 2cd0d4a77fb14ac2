//===- Evaluate.h - Refute by numbers ---------------------------*- C++ -*-===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Whether F(x, d) can be carried from one d to another is decided by algebra; when
// the algebra finds no way, numbers can often show that there is none. A map T
// with F(x, d') = T(F(x, d)) for all x exists exactly if equal values under d stay
// equal under d'. Two x that break this are a *collision*, and a certificate:
//
//   round(x / d): x = 2.5 and x = 3 both give 2 under d = 1.2, but 1 and 2 under 2
//
// If T exists it must also respect the reduction: T(a + b) = T(a) + T(b), or keep
// the order under max and min. A triple that breaks this is a certificate too.
// The certificate speaks of one accumulated value: (x - d)^2 has collisions too, and
// is carried with three. Finding none proves nothing, and is reported as such.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_TRANSFORMS_ALGEBRA_EVALUATE_H
#define LIB_TRANSFORMS_ALGEBRA_EVALUATE_H

#include "lib/Transforms/Algebra/Expr.h"

#include <string>

namespace einsum::algebra {

using Assignment = llvm::DenseMap<Expr, double>;

/// The value of `expr` over the reals (in doubles), given its leaves; nullopt if
/// it has an operation that is not known here.
std::optional<double> evaluate(Expr expr, const Assignment &leaves);

/// Leaves of `F` and the part that each plays.
struct Variables {
  llvm::SmallVector<Expr, 4> x, d, neutral;
};

/// Looks for a certificate that no correction of F from one d to another exists
/// that respects `monoid`; empty if none is found. Deterministic.
std::string findCertificate(Expr f, const Variables &variables, llvm::StringRef monoid,
                            llvm::function_ref<std::string(Expr)> nameOf);

} // namespace einsum::algebra

#endif // LIB_TRANSFORMS_ALGEBRA_EVALUATE_H
